"""Publishes over a live build, killed with SIGKILL at one step after another; says on stdout what each kill left behind.

    python -m tests.support.killed_publishing FOLDER EVERY [revise]

`revise`: the new build is made of what is different from the live one. A step is the first call of a function, Python's or the
engine's, made while publishing; every EVERY-th is tried. Each attempt is a forked child, and so is each look at what it left:
the engine's threads never live in the process that forks.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from shared.index.bm25 import Bm25
from shared.index.embedded.index import EmbeddedIndex
from tests.support.sample_builds import make_build, make_chunks, make_vectors

OLD = make_chunks({f"{page}.md": [f"Robot of the old build on page {page}."] for page in range(10)})
NEW = make_chunks({f"{page}.md": [f"Robot of the new build on page {page}."] for page in range(12)})
BUILDS = {make_build(OLD).id: OLD, make_build(NEW, hour=1).id: NEW, make_build(NEW, hour=2).id: NEW}


def main() -> None:
    folder, every, revises = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["revise"]
    for step in _steps(folder, revises)[::every]:
        root = folder / "killed"
        _fork(lambda root=root: asyncio.run(_publish(root, 0)))
        killed = _fork(lambda step=step, root=root: _publish_until(root, step, revises)) == -signal.SIGKILL
        report = folder / "report.json"
        _fork(lambda root=root, report=report: report.write_text(json.dumps(asyncio.run(_look(root)))))
        print(json.dumps({"step": step, "killed": killed, **json.loads(report.read_text())}), flush=True)  # noqa: T201
        report.unlink()
        shutil.rmtree(root)


async def _publish(root: Path, hour: int, *, revises: bool = False) -> None:
    chunks = OLD if hour == 0 else NEW
    build, vectors = make_build(chunks, hour=hour), make_vectors(chunks)
    index = EmbeddedIndex(root, Bm25())
    if revises:
        await index.revise(build, chunks, vectors, base=make_build(OLD), pages={chunk.path for chunk in chunks})
    else:
        await index.publish(build, chunks, vectors)
    await index.aclose()


def _steps(folder: Path, revises: bool) -> list[str]:
    """Names of the steps of one publish, in order."""
    names: dict[str, None] = {}
    listing = folder / "steps.json"

    def publish() -> None:
        asyncio.run(_publish(folder / "whole", 0))
        _profile(names.setdefault)
        asyncio.run(_publish(folder / "whole", 1, revises=revises))
        listing.write_text(json.dumps(list(names)))

    _fork(publish)
    return json.loads(listing.read_text())


def _publish_until(root: Path, step: str, revises: bool) -> None:
    def die(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    _profile(die)
    asyncio.run(_publish(root, 1, revises=revises))


def _profile(see: Callable[[str], Any]) -> None:
    """Tell `see` of every call made in `shared/index`, in the thread that publishes."""

    def look(frame: FrameType, event: str, arg: Any) -> None:
        if "shared/index" not in frame.f_code.co_filename or event not in ("call", "c_call", "c_return"):
            return
        called = frame.f_code.co_qualname if event == "call" else getattr(arg, "__qualname__", str(arg))
        see(f"{event} {called} in {frame.f_code.co_name}")

    threading.setprofile(look)


async def _look(root: Path) -> dict[str, Any]:
    """What a server finds, and what the next ingest makes of it."""
    index = EmbeddedIndex(root, Bm25())
    async with index.snapshot() as snapshot:
        build = snapshot.build
        hits = await snapshot.search(Bm25().query("robot"), limit=50)
        dense = await snapshot.search([1.0, 1.0, 1.0, 1.0], limit=50)
    whole = {hit.chunk.id for hit in hits} == {hit.chunk.id for hit in dense} == {chunk.id for chunk in BUILDS[build.id]}
    records = await index.records() == {chunk.id: chunk for chunk in BUILDS[build.id]}
    await _publish(root, 2)
    async with index.snapshot() as snapshot:
        after = snapshot.build.id
    await index.aclose()
    builds = len(list((root / "builds").iterdir()))
    return {"live": build.id, "whole": whole and records, "after": after, "builds": builds}


def _fork(work: Callable[[], object]) -> int:
    """Do `work` in a child; its exit code, negative for the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
