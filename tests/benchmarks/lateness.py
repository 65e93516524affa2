"""`python -m tests.benchmarks.lateness`: how late tokens reach 200 readers, what they cost, and the memory of a stream.

A token is due every 5 ms after its stream began and says when; how late it is, is what the clock says when it was read. Both
servers are processes of their own on the loopback, asked in turns; a round's ratio is what counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from tests.benchmarks.streams import serve_ours

EVERY_S = 0.005
BODY = b'{"question": "What moves?", "stream": true}'
ASKING = (
    b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
    % (len(BODY), BODY)
)
_DUE = re.compile(rb'"content":"(\d+\.\d+) "')


async def _due_texts(tokens: int) -> AsyncGenerator[str]:
    """Each token as the moment it is due, on the machine's one monotonic clock, not before that moment."""
    began = time.monotonic()
    for n in range(1, tokens + 1):
        due = began + n * EVERY_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield f"{due:.6f} "


def _serve_ours(connection: Connection, tokens: int) -> None:
    from server.answering.events import ChatEvent, TextDelta
    from server.answering.progress import AnswerProgress
    from server.finding.passages import Passages
    from server.questions import ChatRequest
    from tests.support.fakes import ScriptedAnswerer, whole_answer

    class Paced(ScriptedAnswerer):
        async def generate(self, request: ChatRequest, passages: Passages, answer: AnswerProgress) -> AsyncGenerator[ChatEvent]:
            start, sources, *_, done = whole_answer(answer.ids)
            yield start
            yield sources
            async for text in _due_texts(tokens):
                yield TextDelta(text)
            yield done

    serve_ours(connection, Paced())


def _serve_fastapi(connection: Connection, tokens: int) -> None:
    import uvicorn
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()

    @app.post("/chat")
    async def chat(body: dict[str, object]) -> StreamingResponse:  # pyright: ignore[reportUnusedFunction]
        async def events() -> AsyncGenerator[str]:
            n = 0
            async for text in _due_texts(tokens):
                n += 1
                chunk = json.dumps({"type": "chunk", "content": text}, separators=(",", ":"))
                yield f"id: {n}\ndata: {chunk}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    connection.send(listener.getsockname()[1])
    asyncio.run(uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve([listener]))


SERVERS: dict[str, Callable[[Connection, int], None]] = {"lectern": _serve_ours, "fastapi": _serve_fastapi}


async def _read(port: int) -> list[float]:
    """Seconds by which each token of one stream was late."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(ASKING)
    late, rest = list[float](), b""
    while piece := await reader.read(1 << 16):
        now = time.monotonic()
        *whole, rest = (rest + piece).split(b"\n\n")
        late += [now - float(due[1]) for frame in whole if (due := _DUE.search(frame))]
    writer.close()
    return late


class _Round(NamedTuple):
    late_ms: float
    """The 99th percentile."""
    event_us: float
    """Processor time of the server for each event, the answer's beginning and the benchmark's own timers in it."""
    stream_kb: float
    """What the server grew by for each open stream."""


async def _round(port: int, pid: int, readers: int) -> _Round:
    resident_kb, used_s = _resident_kb(pid), _used_s(pid)
    streams = [asyncio.create_task(_read(port)) for _ in range(readers)]
    await asyncio.sleep(EVERY_S * 20)
    grown_kb = _resident_kb(pid) - resident_kb
    late = [moment for stream in await asyncio.gather(*streams) for moment in stream]
    return _Round(1000 * quantiles(late, n=100)[98], 1e6 * (_used_s(pid) - used_s) / len(late), grown_kb / readers)


def _resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0])


def _used_s(pid: int) -> float:
    """Processor time so far, for the program and for the kernel (proc(5), `utime` and `stime`)."""
    utime, stime = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    return (int(utime) + int(stime)) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Say the lateness and the cost of both, ours to FastAPI's; of the memory of a stream only the first round tells."""
    parser = argparse.ArgumentParser(description="Lateness of the stream, as a ratio to FastAPI's.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=200)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    pipes = {name: context.Pipe() for name in SERVERS}
    processes = {
        name: context.Process(target=serve, args=(pipes[name][1], options.tokens), daemon=True)
        for name, serve in SERVERS.items()
    }
    for process in processes.values():
        process.start()
    try:
        ports = {name: pipe[0].recv() for name, pipe in pipes.items()}
        asked = {name: (port, processes[name].pid or 0, options.readers) for name, port in ports.items()}
        for port, pid, _ in asked.values():
            asyncio.run(_round(port, pid, 2))  # warm
        rounds = [{name: asyncio.run(_round(*one)) for name, one in asked.items()} for _ in range(options.rounds)]
    finally:
        for process in processes.values():
            process.terminate()
    for name in SERVERS:
        late_ms, event_us, _ = (median(values) for values in zip(*(one[name] for one in rounds), strict=True))
        kb = rounds[0][name].stream_kb
        sys.stdout.write(
            f"{name:10} p99 of lateness {late_ms:8.1f} ms   {event_us:.0f} us an event   {kb:.0f} KB an open stream\n"
        )
    ratios = [one["lectern"].late_ms / one["fastapi"].late_ms for one in rounds]
    sys.stdout.write(f"ours to FastAPI's: {median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})\n")


if __name__ == "__main__":
    main()
