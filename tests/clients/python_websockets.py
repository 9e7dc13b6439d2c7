"""The package `websockets` of PyPI, with asyncio.

Usage: python_websockets.py URL [PID]; with the process id of the server it is told to end, too.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import websockets

PATIENCE = 10
MISTAKES = json.loads((Path(__file__).parent / "mistakes.json").read_text(encoding="utf-8"))


class Client:
    """One connection that speaks in messages."""

    def __init__(self, socket):
        self.socket = socket

    async def send(self, kind, payload, correlation_id=None):
        message = {"type": kind, "payload": payload, "timestamp": int(time.time() * 1000)}
        if correlation_id is not None:
            message["correlationId"] = correlation_id
        await self.socket.send(json.dumps(message))

    async def next(self, kind=None):
        message = json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))
        assert isinstance(message["timestamp"], int), message
        assert kind is None or message["type"] == kind, (kind, message)
        return message

    async def until(self, kind):
        before = []
        while True:
            message = await self.next()
            if message["type"] == kind:
                return message, before
            before.append(message)


async def greet(socket):
    client = Client(socket)
    greeting = await client.next("connection:established")
    return client, greeting["payload"]["clientId"]


async def make_mistakes(client):
    for mistake in MISTAKES:
        what = mistake["what"]
        await client.socket.send(mistake["frame"].replace("FILL", "x" * mistake.get("fill", 0)))
        answer = await client.next("error")
        payload = answer["payload"]
        assert payload["code"] == mistake["code"], (what, answer)
        assert answer.get("correlationId") == mistake.get("correlationId"), (what, answer)
        assert mistake.get("message", "") in payload["message"], (what, answer)
        if expected := mistake.get("detail"):
            details = [(detail["path"], detail["keyword"]) for detail in payload["details"]]
            assert (expected["path"], expected["keyword"]) in details, (what, answer)
        await client.send("ping", {}, "alive")
        assert (await client.next("pong"))["correlationId"] == "alive", what


async def use_an_agent(client, client_id):
    await client.send("agent:start", {"projectId": "p1", "projectPath": "."}, "s-1")
    started = await client.next("agent:started")
    assert started["correlationId"] == "s-1" and started["payload"] == {"sessionId": client_id}, started

    question = "Explain the build script, \N{HORSE}."
    await client.send("agent:message", {"content": question}, "a-1")
    complete, before = await client.until("stream:complete")
    assert complete["correlationId"] == "a-1", complete
    chunks = [message["payload"]["content"] for message in before if message["type"] == "stream:chunk"]
    assert len(chunks) > 1 and question in "".join(chunks), chunks

    await client.send("agent:message", {"content": "a long one " * 5000}, "a-2")
    await client.until("stream:chunk")
    await client.send("agent:cancel", {}, "c-1")
    ends = {}
    while len(ends) < 2:
        message = await client.next()
        if message["type"] not in ("stream:chunk", "status:update"):
            ends[message["type"]] = message.get("correlationId")
    assert ends == {"agent:cancelled": "c-1", "stream:error": "a-2"}, ends


async def closes_with(url, code, action):
    async with websockets.connect(url, subprotocols=["agent.v1"], max_size=None) as socket:
        await greet(socket)
        await action(socket)
        await asyncio.wait_for(socket.wait_closed(), PATIENCE)
        assert socket.close_code == code, (socket.close_code, socket.close_reason)


async def see_the_end(url, pid):
    async with websockets.connect(url, subprotocols=["agent.v1"]) as socket:
        client, _ = await greet(socket)
        began = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        closing = await client.next("connection:closing")
        assert closing["payload"]["reason"] == "shutdown", closing
        await asyncio.wait_for(socket.wait_closed(), PATIENCE)
        assert socket.close_code == 1001, socket.close_code
        assert time.monotonic() - began < 2


async def main(url, pid=None):
    async with websockets.connect(url, subprotocols=["agent.v1"]) as socket:
        assert socket.subprotocol == "agent.v1", socket.subprotocol
        client, client_id = await greet(socket)
        await make_mistakes(client)
        await use_an_agent(client, client_id)
        await asyncio.wait_for(await socket.ping(), PATIENCE)
    await closes_with(url, 1003, lambda socket: socket.send(b'{"type":"ping"}'))
    await closes_with(url, 1009, lambda socket: socket.send("x" * 300 * 1024))
    if pid is not None:
        await see_the_end(url, int(pid))
    print(f"{len(MISTAKES)} mistakes, a stream, a cancel, 1003, 1009" + (", 1001" if pid else ""))


asyncio.run(main(*sys.argv[1:]))
