// Starts the server that is tested, on a free port, and ends it.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const program = process.env.WIRELOOM_SERVER ?? "target/debug/wireloom-server";

/** Starts a server, on any port that is free unless told otherwise; ready when it says where it listens. */
export async function startServer(args = [], port = 0) {
  const child = spawn(program, ["--port", String(port), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const log = [];
  const exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  const url = await new Promise((resolve, reject) => {
    child.once("error", reject);
    void exited.then((code) => reject(new Error(`the server ended with ${code}:\n${log.join("\n")}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      log.push(line);
      const said = /^WebSocket available at (ws:\S+)$/.exec(line);
      if (said) resolve(said[1]);
    });
  });
  const terminate = () => child.kill("SIGTERM");
  return {
    url,
    pid: child.pid,
    log,
    exited,
    terminate,
    /** Ends it as a crash would. */
    async kill() {
      child.kill("SIGKILL");
      return exited;
    },
    /** Ends it, if it still runs. */
    async stop() {
      if (child.exitCode === null && child.signalCode === null) terminate();
      return exited;
    },
  };
}
