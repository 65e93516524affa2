"""`python -m flows.launch`: check, start, follow, and stop everything again. What `make up` and the container run.

Exit code 1 and one sentence when something is wrong and nothing was started, or nothing can be used; 0 after Ctrl-C or SIGTERM
(130 before anything was started). In production a service that refuses its key or is away is told of and keeps nothing from
starting: nobody sits there to correct it, and the web process serves what it can.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from threading import Thread
from typing import Any

from flows.configuration import read_books
from flows.launch.locks import lock_data_dir, lock_prefect_port
from flows.launch.preflight import check, check_one_book, check_services, find_service_problems
from flows.launch.startup import follow_startup, say
from flows.launch.supervisor import Launch, prepare_launch, start_supervisor, stop_supervisor
from flows.source.files import public_name
from flows.vocabulary import bring_vocabulary
from shared.errors import ConfigurationError, LecternError
from shared.settings import Settings

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_EVERY_S = 0.5


def main() -> int:
    """Run until told to stop; the exit code."""
    try:
        settings, *others = read_books().values()
        check(settings)
        for other in others:
            check_one_book(other)
        if settings.environment == "development":
            check_services(settings)
        with lock_data_dir(settings.data_dir), lock_prefect_port(web_port=settings.port) as prefect_port:
            return asyncio.run(_run(settings, prefect_port, [public_name(each.book_source) for each in (settings, *others)]))
    except LecternError as exc:
        sys.stderr.write(f"lectern: {exc}\n")
        return 1
    except KeyboardInterrupt:  # before anything was started
        return 130


async def _run(settings: Settings, prefect_port: int, books: Sequence[str]) -> int:
    """Everything between the first program's start and the last one's end; `books`: what they are called."""
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    bring_vocabulary(settings.data_dir)
    launch = prepare_launch(settings, prefect_port)
    say(f"Starting Lectern on {', '.join(books)}")
    supervisor = start_supervisor(settings, launch)
    if settings.environment == "production":
        Thread(target=_say_service_problems, args=(settings,), daemon=True).start()
    try:
        return await watch(supervisor, launch, stop)
    finally:
        stop_supervisor(supervisor)
        say("Stopped.")


def _say_service_problems(settings: Settings) -> None:
    """Say what is wrong with the services, while everything starts."""
    for problem in find_service_problems(settings):
        say(f"lectern: {problem} Lectern goes on without it; /health tells when it is back.")


async def watch(supervisor: subprocess.Popen[bytes], launch: Launch, stop: asyncio.Event) -> int:
    """Follow the start, then wait until told to stop, or until there is nothing left to watch; the exit code.

    Raises `ConfigurationError` when the web process cannot run.
    """
    async with (
        _task(follow_startup(launch)) as following,
        _task(_end_of(supervisor)) as ended,
        _task(stop.wait()) as stopped,
    ):
        await asyncio.wait((following, ended, stopped), return_when=asyncio.FIRST_COMPLETED)
        if following.done() and (error := following.exception()) is not None:
            if isinstance(error, ConfigurationError):
                raise error
            say(f"The start cannot be followed any further ({error!r}); what was started goes on.")
        await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            return 0
    say(f"The supervisor has ended (exit code {supervisor.returncode}); see {launch.logs / 'supervisord.log'}.")
    return 1


async def _end_of(process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:  # noqa: ASYNC110  a child of subprocess sends no event
        await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def _task(work: Coroutine[Any, Any, object]) -> AsyncGenerator[asyncio.Task[object]]:
    """`work`, going on while the context lasts."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


if __name__ == "__main__":
    sys.exit(main())
