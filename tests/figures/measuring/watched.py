"""`python -m tests.figures.measuring.watched`: the server, unchanged, with a watch on its event loop.

Whoever connects to WATCH_PORT is told, as JSON, how long the loop was held since it was asked last (`Held`).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.events import Handle
from typing import Any

import server.__main__ as program

LAG_EVERY_S = 0.01
LONG_S = 0.05


class _Watch:
    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.longest_s = 0.0
        self.longest = ""
        self.over = 0
        self.lags: list[float] = []

    def see(self, took_s: float, handle: Handle) -> None:
        self.over += took_s > LONG_S
        if took_s > self.longest_s:
            self.longest_s = took_s
            task = getattr(handle._callback, "__self__", None)
            coroutine = task.get_coro() if isinstance(task, asyncio.Task) else handle._callback
            self.longest = getattr(coroutine, "__qualname__", repr(coroutine))

    async def sample(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.lags.append(loop.time() - due)

    async def tell(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lags = sorted(self.lags) or [0.0]
        told = {
            "longest_cpu_ms": 1000 * self.longest_s,
            "longest": self.longest,
            "over_50": self.over,
            "lag_p50_ms": 1000 * lags[len(lags) // 2],
            "lag_p99_ms": 1000 * lags[min(len(lags) - 1, int(0.99 * len(lags)))],
            "lags": len(lags),
        }
        self.forget()
        writer.write(json.dumps(told).encode())
        writer.close()


def _watch_callbacks(watch: _Watch) -> None:
    run_callback = Handle._run

    def run(handle: Handle) -> None:
        began = time.thread_time()
        run_callback(handle)
        watch.see(time.thread_time() - began, handle)

    Handle._run = run


def main() -> int:
    """As `python -m server`."""
    watch, run_server = _Watch(), program.run

    async def run_watched(*given: Any) -> None:
        watching = await asyncio.start_server(watch.tell, "127.0.0.1", int(os.environ["WATCH_PORT"]))
        sampling = asyncio.create_task(watch.sample())
        _watch_callbacks(watch)
        try:
            await run_server(*given)
        finally:
            sampling.cancel()
            watching.close()

    program.run = run_watched
    return program.main([])


if __name__ == "__main__":
    sys.exit(main())
