"""`python -m flows migrate`, `backup` and `restore`: what each does, and what it says."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

from flows.moving.archive import read_archive, write_archive
from flows.moving.carried import check_may_replace, opened, put, take, tell_other_settings
from flows.progress import OnProgress, Tracker
from flows.terminal import show_progress
from shared.errors import ConfigurationError
from shared.settings import Settings

SERVER, EMBEDDED = "server", "embedded"
PLACES = (SERVER, EMBEDDED)


def add_moving(
    add: Callable[[str, Callable[[argparse.Namespace, Settings], int], str], argparse.ArgumentParser],
) -> None:
    """Give the command line these commands; `add` takes a command's name, what runs it, and what it does."""
    moved = add("migrate", run_migrate, "copy the live build to the Qdrant server at QDRANT_URL, or from it into DATA_DIR")
    moved.add_argument("--to", choices=PLACES, required=True, help="where it is to be live")
    backup = add("backup", run_backup, "write the live build, vectors included, to a file")
    restored = add("restore", run_restore, "make the build in a file of `backup` live")
    for each in (backup, restored):
        each.add_argument("file", type=Path, metavar="FILE", help="e.g. book.lectern.gz")
    for each in (moved, backup, restored):
        each.add_argument("--replace", action="store_true", help="even if that replaces another build, or a file")


def run_migrate(options: argparse.Namespace, settings: Settings) -> int:
    """Bring the live build to the server, or from it into the data folder."""
    with show_progress() as on_progress:
        print("\n".join(asyncio.run(migrate_index(settings, to=options.to, replace=options.replace, on_progress=on_progress))))
    return 0


def run_backup(options: argparse.Namespace, settings: Settings) -> int:
    """Write the live build to a file."""
    if options.file.exists() and not options.replace:
        raise ConfigurationError(f"{options.file} is there already. If it is to be replaced, add --replace.")
    with show_progress() as on_progress:
        lines = asyncio.run(back_up(settings, options.file, on_progress=on_progress))
    print("\n".join(lines))
    return 0


def run_restore(options: argparse.Namespace, settings: Settings) -> int:
    """Make the build in a file live."""
    with show_progress() as on_progress:
        print("\n".join(asyncio.run(restore(settings, options.file, replace=options.replace, on_progress=on_progress))))
    return 0


async def migrate_index(settings: Settings, *, to: str, replace: bool, on_progress: OnProgress) -> list[str]:
    """Copy the live build of one engine to the other; what was done. Raises `ConfigurationError` and `ServiceError`."""
    if not settings.qdrant_url:
        raise ConfigurationError("QDRANT_URL names no server: set it, whether the index is to go there or to come from there.")
    places = {SERVER: settings, EMBEDDED: settings.model_copy(update={"qdrant_url": None})}
    source = next(place for place in PLACES if place != to)
    tracker = Tracker(on_progress)
    async with opened(places[source]) as old, opened(places[to]) as new:
        with tracker.step("read", unit="texts") as advance:
            carried = await take(old, place_of(places[source]), advance)
        where = place_of(places[to])
        if not await check_may_replace(carried, new, where, replace=replace):
            return [f"The same {carried.build.chunks} chunks are live in {where} already; nothing was done."]
        with tracker.step("apply", total=carried.build.chunks, unit="chunks"):
            build = await put(carried, new)
    done = f"{build.chunks} chunks of {build.documents} pages are live in {where} as {build.id}; nothing was embedded."
    after = "Set QDRANT_URL where Lectern answers, too." if to == SERVER else "Take QDRANT_URL away for Lectern to use it."
    return [done, *tell_other_settings(build, settings), after]


async def back_up(settings: Settings, file: Path, *, on_progress: OnProgress) -> list[str]:
    """Write the live build to `file`; what was done. Raises as `migrate_index` does."""
    tracker = Tracker(on_progress)
    async with opened(settings) as index:
        with tracker.step("read", unit="texts") as advance:
            carried = await take(index, place_of(settings), advance)
    with tracker.step("apply", total=carried.build.chunks, unit="chunks") as advance:
        size = write_archive(file, carried, advance)
    return [f"{carried.build.chunks} chunks of build {carried.build.id} are in {file}, {size / 1e6:.1f} MB"]


async def restore(settings: Settings, file: Path, *, replace: bool, on_progress: OnProgress) -> list[str]:
    """Make the build in `file` live; what was done. Raises as `migrate_index` does."""
    tracker = Tracker(on_progress)
    with tracker.step("read", unit="chunks") as advance:
        carried = read_archive(file, advance)
    where = place_of(settings)
    async with opened(settings) as index:
        if not await check_may_replace(carried, index, where, replace=replace):
            return [f"The same {carried.build.chunks} chunks are live in {where} already; nothing was done."]
        with tracker.step("apply", total=carried.build.chunks, unit="chunks"):
            build = await put(carried, index)
    done = f"{build.chunks} chunks of {build.documents} pages are live in {where} as {build.id}; nothing was embedded."
    return [done, *tell_other_settings(build, settings)]


def place_of(settings: Settings) -> str:
    """What people call the store that settings mean."""
    return settings.qdrant_url or str(settings.data_dir)
