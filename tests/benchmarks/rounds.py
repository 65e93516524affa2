"""Interleaved timing: every round each splitter reads the pages once, so that what else the machine does hits all alike.

The garbage collector is off meanwhile, as in `timeit` and as in the processes that read a book: it would walk over the modules
of all the splitters, and over what the others made, on the account of the one that happens to run.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple

from tests.benchmarks.splitters import SPLITTERS, Splitter

OURS = "lectern"
Run = Callable[[], list[str]]


class Timing(NamedTuple):
    """One splitter over all rounds."""

    seconds: float
    """The least of all rounds."""
    ratios: tuple[float, ...]
    """Its time to ours, round by round."""
    texts: list[str]
    """The chunks."""

    def __str__(self) -> str:
        return f"{self.seconds:7.3f} s  {median(self.ratios):5.2f}x  ({min(self.ratios):.2f} to {max(self.ratios):.2f})"


def one_process(names: Sequence[str], pages: Sequence[str], rounds: int) -> dict[str, Timing]:
    """Processor time of each splitter in this process."""

    def prepare(name: str) -> Run:
        splitter = SPLITTERS[name]()
        return lambda: splitter(pages)

    return _timed(names, rounds, prepare, time.process_time)


def all_cores(names: Sequence[str], pages: Sequence[str], rounds: int) -> dict[str, Timing]:
    """Wall time of each splitter with a process on every core, started before; pages go to them as they get free."""
    with _pools(names) as pools:

        def prepare(name: str) -> Run:
            batches = [[page] for page in sorted(pages, key=len, reverse=True)]
            return lambda: [text for texts in pools[name].map(_split, batches) for text in texts]

        return _timed(names, rounds, prepare, time.perf_counter)


def _timed(names: Sequence[str], rounds: int, prepare: Callable[[str], Run], clock: Callable[[], float]) -> dict[str, Timing]:
    seconds: dict[str, list[float]] = {name: [] for name in names}
    texts: dict[str, list[str]] = {}
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            run = prepare(name)
            gc.collect()
            gc.disable()
            start = clock()
            texts[name] = run()
            seconds[name].append(clock() - start)
            gc.enable()
    ours = seconds[OURS]
    return {
        name: Timing(min(taken), tuple(one / other for one, other in zip(taken, ours, strict=True)), texts[name])
        for name, taken in seconds.items()
    }


@contextmanager
def _pools(names: Sequence[str]) -> Iterator[dict[str, ProcessPoolExecutor]]:
    size = os.cpu_count() or 1
    pools = {name: ProcessPoolExecutor(size, initializer=_build, initargs=(name,)) for name in names}
    try:
        for pool in pools.values():
            list(pool.map(_split, [["# Warm\n\nText.\n"]] * 4 * size))
        yield pools
    finally:
        for pool in pools.values():
            pool.shutdown()


_splitters: list[Splitter] = []
"""That of this worker process."""


def _build(name: str) -> None:
    _splitters.append(SPLITTERS[name]())
    gc.disable()


def _split(pages: Sequence[str]) -> list[str]:
    return _splitters[0](pages)
