// What a client of the server does, written for the WebSocket interface of browsers. Runs in a browser as it is, and in
// Node with the interface of the same shape that `ws` has. It uses nothing else of either.

const PATIENCE = 10_000;

/** Ends a test that would wait for ever. */
function within(milliseconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`timeout: ${what}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function check(condition, what, seen) {
  if (!condition) throw new Error(`${what}; seen: ${JSON.stringify(seen)}`);
}

/** One connection: messages in the order in which they came. */
export class Connection {
  constructor(WebSocket, url, protocols = ["agent.v1"]) {
    this.socket = new WebSocket(url, protocols);
    this.inbox = [];
    this.waiting = [];
    this.closed = new Promise((resolve) => {
      this.socket.addEventListener("close", ({ code, reason, wasClean }) => resolve({ code, reason, wasClean }));
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.addEventListener("open", resolve);
      this.socket.addEventListener("error", () => reject(new Error(`cannot connect to ${url}`)));
    });
    this.opened.catch(() => {});
    this.socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      check(Number.isSafeInteger(message.timestamp), "every message has a timestamp", message);
      const waiting = this.waiting.shift();
      if (waiting) waiting(message);
      else this.inbox.push(message);
    });
  }

  /** Connects, and takes the greeting. */
  static async open(WebSocket, url, protocols) {
    const connection = new Connection(WebSocket, url, protocols);
    await within(PATIENCE, "connecting", connection.opened);
    connection.greeting = await connection.next("connection:established");
    return connection;
  }

  send(type, payload, correlationId) {
    this.sendText(JSON.stringify({ type, payload, timestamp: Date.now(), correlationId }));
  }

  sendText(text) {
    this.socket.send(text);
  }

  /** The next message; of this type. */
  async next(type) {
    const message = this.inbox.length
      ? this.inbox.shift()
      : await within(PATIENCE, `waiting for ${type}`, new Promise((resolve) => this.waiting.push(resolve)));
    if (type) check(message.type === type, `expected ${type}`, message);
    return message;
  }

  /** The next message of this type, and what came before it. */
  async until(type) {
    const before = [];
    for (;;) {
      const message = await this.next();
      if (message.type === type) return [message, before];
      before.push(message);
    }
  }

  /** Shows that the connection still serves, and that nothing came in between. */
  async goesOn() {
    const id = `alive-${Math.random()}`;
    this.send("ping", {}, id);
    const pong = await this.next("pong");
    check(pong.correlationId === id, "the pong has the correlation id of the ping", pong);
  }
}

/** Everything but the end of the server. Returns what was checked. */
export async function converse(WebSocket, url, mistakes) {
  const checked = [];
  const connection = await Connection.open(WebSocket, url);
  const { clientId, protocol } = connection.greeting.payload;
  check(connection.socket.protocol === "agent.v1", "the subprotocol is agreed upon", connection.socket.protocol);
  check(clientId.startsWith("client_"), "the greeting names the client", connection.greeting);
  check(protocol.name === "agent", "the greeting names the protocol", connection.greeting);
  checked.push("greeting");

  for (const mistake of mistakes) {
    connection.sendText(mistake.frame.replace("FILL", "x".repeat(mistake.fill ?? 0)));
    const answer = await connection.next("error");
    const { code, message, details = [] } = answer.payload;
    check(code === mistake.code, `${mistake.what} is ${mistake.code}`, answer);
    check(answer.correlationId === mistake.correlationId, `${mistake.what}: correlation id`, answer);
    check(message.includes(mistake.message ?? ""), `${mistake.what}: message says ${mistake.message}`, answer);
    if (mistake.detail) {
      const { path, keyword } = mistake.detail;
      const found = details.some((detail) => detail.path === path && detail.keyword === keyword);
      check(found, `${mistake.what}: detail ${keyword} at "${path}"`, answer);
    }
    await connection.goesOn();
    checked.push(mistake.what);
  }

  connection.send("agent:start", { projectId: "p1", projectPath: "." }, "s-1");
  const started = await connection.next("agent:started");
  check(started.correlationId === "s-1", "the reply has the correlation id of the request", started);
  check(started.payload.sessionId === clientId, "a session has the id of its client", started);
  checked.push("start");

  const question = "Žluťoučký kůň 🐎 says: \"explain\" this \\ build script, please.\nAnd a second line.";
  connection.send("agent:message", { content: question }, "a-1");
  const [complete, stream] = await connection.until("stream:complete");
  check(complete.correlationId === "a-1", "the end has the correlation id of the request", complete);
  const chunks = stream.filter(({ type }) => type === "stream:chunk");
  const answer = chunks.map(({ payload }) => payload.content).join("");
  check(chunks.length > 1, "the answer comes in parts", stream);
  check(answer.includes(question), "the parts joined are the answer", answer);
  check(chunks.every((chunk) => chunk.correlationId === "a-1"), "so has every part", chunks);
  const statuses = stream.filter(({ type }) => type === "status:update").map(({ payload }) => payload.status);
  check(statuses.includes("thinking") && statuses.includes("streaming"), "the status is told", statuses);
  checked.push("stream");
  // What the agent does next may be told behind the end.
  while (connection.inbox.length) await connection.next("status:update");

  connection.send("agent:message", { content: "a long one ".repeat(5000) }, "a-2");
  await connection.until("stream:chunk");
  connection.send("agent:cancel", {}, "c-1");
  const ends = {};
  while (!ends["agent:cancelled"] || !ends["stream:error"]) {
    const message = await connection.next();
    if (message.type === "stream:chunk" || message.type === "status:update") continue;
    check(message.type === "agent:cancelled" || message.type === "stream:error", "what ends the answer", message);
    ends[message.type] = message;
  }
  check(ends["agent:cancelled"].correlationId === "c-1", "the cancel is answered", ends);
  check(ends["stream:error"].correlationId === "a-2", "the answer ends", ends);
  checked.push("cancel");

  connection.send("agent:start", { projectId: "p1", projectPath: "." }, "s-2");
  await connection.until("agent:started");
  connection.send("agent:message", { content: "another long one ".repeat(5000) }, "a-3");
  await connection.until("stream:chunk");
  connection.send("request:cancel", {}, "a-3");
  const [cancelled] = await connection.until("error");
  check(cancelled.payload.code === "cancelled", "a request can be cancelled", cancelled);
  check(cancelled.correlationId === "a-3", "the cancelled request is the one that is answered", cancelled);
  checked.push("request:cancel");
  connection.socket.close(1000);
  check((await connection.closed).code === 1000, "the goodbye is answered", await connection.closed);

  const closes = async (what, code, connection) => {
    const closed = await within(PATIENCE, what, connection.closed);
    check(closed.code === code, `${what} closes with ${code}`, closed);
    checked.push(what);
  };
  const binary = await Connection.open(WebSocket, url);
  binary.socket.send(new TextEncoder().encode('{"type":"ping"}'));
  await closes("a binary frame", 1003, binary);
  const large = await Connection.open(WebSocket, url);
  large.sendText(JSON.stringify({ type: "ping", payload: { x: "x".repeat(300 * 1024) } }));
  await closes("a message that is too big", 1009, large);
  await closes("an unknown subprotocol", 4406, new Connection(WebSocket, url, ["agent.v99"]));
  return checked;
}

/** Sees the server end in good order. `terminate` sends it a SIGTERM. */
export async function seeTheEnd(WebSocket, url, terminate) {
  const connection = await Connection.open(WebSocket, url);
  const began = Date.now();
  await terminate();
  const closing = await connection.next("connection:closing");
  check(closing.payload.reason === "shutdown", "the server says why it goes", closing);
  const closed = await within(PATIENCE, "the end", connection.closed);
  check(closed.code === 1001, "the connection is closed with 1001", closed);
  const took = Date.now() - began;
  check(took < 2000, "an idle connection is closed within two seconds", took);
  return ["connection:closing", "1001"];
}
