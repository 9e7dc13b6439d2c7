// The npm package `ws`, on Node.

import WebSocket from "ws";

import { converse, seeTheEnd } from "./conversation.mjs";

export async function run(server, mistakes) {
  const checked = await converse(WebSocket, server.url, mistakes);
  return [...checked, ...(await seeTheEnd(WebSocket, server.url, server.terminate))];
}
