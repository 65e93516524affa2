"""`python -m tests.benchmarks.streams`: the native stream, without a model's delay, against FastAPI's, interleaved.

Each server is a process of its own on the loopback; 4 readers at once, one event a token. A round asks each server once: what
counts is the ratio within a round, so that what else the machine does hits both alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable
from multiprocessing.connection import Connection
from statistics import median
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from tests.support.fakes import ScriptedAnswerer

READERS = 4


def serve_ours(connection: Connection, answerer: ScriptedAnswerer) -> None:
    """The server as `python -m server` runs it, with its port sent to `connection`; until SIGTERM."""
    from server.__main__ import run
    from tests.support.fakes import make_services

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    connection.send(listener.getsockname()[1])
    services = make_services(answerer=answerer)
    asyncio.run(run(services.settings, services, listener))


def _serve_ours(connection: Connection, tokens: int) -> None:
    from server.answering.events import AnswerIds
    from tests.support.fakes import ScriptedAnswerer, whole_answer

    serve_ours(connection, ScriptedAnswerer(*whole_answer(AnswerIds("s", "m", "r"), *_texts(tokens))))


def _serve_fastapi(connection: Connection, tokens: int) -> None:
    import uvicorn
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()

    @app.post("/chat")
    async def chat(body: dict[str, str]) -> StreamingResponse:  # pyright: ignore[reportUnusedFunction]
        async def events() -> AsyncGenerator[str]:
            for n, text in enumerate(_texts(tokens), 1):
                yield f"id: {n}\ndata: {json.dumps({'type': 'chunk', 'content': text, 'done': False})}\n\n"
            yield f"id: {tokens + 1}\ndata: {json.dumps({'type': 'done', 'content': '', 'done': True})}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    listener = socket.create_server(("127.0.0.1", 0))
    connection.send(listener.getsockname()[1])
    asyncio.run(uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve([listener]))


SERVERS: dict[str, Callable[[Connection, int], None]] = {"lectern": _serve_ours, "fastapi": _serve_fastapi}


def _texts(tokens: int) -> list[str]:
    return [f"token{n % 100} " for n in range(tokens)]


async def _read(port: int) -> tuple[int, float]:
    """Events of one stream, and seconds to the first of them."""
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"question": "What moves?"}'
    head = (
        b"POST /chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    )
    writer.write(head % len(body) + body)
    await reader.readuntil(b"data: ")
    first_s = time.perf_counter() - began
    events = 1
    while piece := await reader.read(1 << 20):
        events += piece.count(b"\ndata: ")
    writer.close()
    return events, first_s


async def _round(port: int) -> tuple[float, float]:
    """Events a second over all readers, and the median of the milliseconds to a first event."""
    began = time.perf_counter()
    read = await asyncio.gather(*(_read(port) for _ in range(READERS)))
    rate = sum(events for events, _ in read) / (time.perf_counter() - began)
    return rate, 1000 * median(first_s for _, first_s in read)


def main() -> None:
    """Say the rates, and ours to FastAPI's."""
    parser = argparse.ArgumentParser(description="Speed of the stream, as a ratio to FastAPI's.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tokens", type=int, default=2000)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    pipes = {name: context.Pipe() for name in SERVERS}
    processes = [
        context.Process(target=serve, args=(pipes[name][1], options.tokens), daemon=True) for name, serve in SERVERS.items()
    ]
    for process in processes:
        process.start()
    try:
        ports = {name: pipe[0].recv() for name, pipe in pipes.items()}
        for port in ports.values():
            asyncio.run(_round(port))  # warm
        rounds = [{name: asyncio.run(_round(port)) for name, port in ports.items()} for _ in range(options.rounds)]
    finally:
        for process in processes:
            process.terminate()
    for name in SERVERS:
        rates, firsts = zip(*(one[name] for one in rounds), strict=True)
        sys.stdout.write(f"{name:10}{median(rates):9.0f} events/s   first event after {median(firsts):.1f} ms\n")
    ratios = [one["lectern"][0] / one["fastapi"][0] for one in rounds]
    sys.stdout.write(f"ours to FastAPI's: {median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})\n")


if __name__ == "__main__":
    main()
