"""`python -m flows.launch`: check, start, guide, and stop everything again. What `make up` and the container run.

Exit code 1 and one sentence when something is wrong and nothing was started, or nothing can be used; 0 after Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from contextlib import suppress
from types import FrameType

from flows.configuration import read_settings
from flows.launch.guide import lead, say
from flows.launch.preflight import check, claim_data_dir
from flows.launch.services import Deployment, lay_out, start_supervisor, stop_supervisor
from flows.launch.vocabulary import bring_vocabulary
from shared.errors import LecternError, ServiceError

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Raised wherever the process is when it is told to stop: no error, and nothing may catch it on the way."""


def main() -> int:
    """Run until told to stop; the exit code."""
    try:
        settings = read_settings()
        check(settings)
        lock = claim_data_dir(settings.data_dir)
    except LecternError as exc:
        sys.stderr.write(f"lectern: {exc}\n")
        return 1
    with lock:
        bring_vocabulary(settings.data_dir)
        deployment = lay_out(settings)
        for number in STOP_SIGNALS:
            signal.signal(number, _stop)
        say(f"Starting Lectern on {settings.book_source}")
        return _supervise(start_supervisor(settings, deployment), deployment)


def _supervise(supervisor: subprocess.Popen[bytes], deployment: Deployment) -> int:
    try:
        return _guide_and_wait(supervisor, deployment)
    except Stopped:
        return 0
    except LecternError as exc:
        sys.stderr.write(f"lectern: {exc}\n")
        return 1
    finally:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        stop_supervisor(supervisor)
        say("Stopped.")


def _guide_and_wait(supervisor: subprocess.Popen[bytes], deployment: Deployment) -> int:
    try:
        asyncio.run(_guide(supervisor, deployment))
    except ServiceError as exc:
        say(f"{exc} Chat goes on with what it has.")
    supervisor.wait()
    say(f"The supervisor has ended (exit code {supervisor.returncode}); see {deployment.logs / 'supervisord.log'}.")
    return 1


async def _guide(supervisor: subprocess.Popen[bytes], deployment: Deployment) -> None:
    """Guide until done, or until there is nothing left to guide through."""
    guiding = asyncio.create_task(lead(deployment))
    while not guiding.done() and supervisor.poll() is None:
        await asyncio.wait([guiding], timeout=0.5)
    if not guiding.done():
        guiding.cancel()
    with suppress(asyncio.CancelledError):
        await guiding


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
