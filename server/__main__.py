"""`python -m server`: the web process; `token`: a token for a part of what the author may do; `report`: insights.

What keeps either from it is one sentence on standard error and exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any, get_args

from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]  its WSGI half is untyped
from hypercorn.config import Config

from server.app import create_app
from server.http.access_tokens import SCOPES, mint
from server.http.bare_requests import answer_bare_requests
from server.http.draining import CLOSE_S
from server.insights.renderings import Format
from server.insights.report import read_report
from server.services import Services, open_services
from shared import log, tracing
from shared.checks import check_writable
from shared.errors import ConfigurationError, LecternError
from shared.settings import Settings

BACKLOG = 256
KEEP_ALIVE_S = 75
"""Longer than proxies keep an idle connection (60 s, mostly): the side that sends must be the one that closes."""
MOST_DAYS = 3650
"""A token cannot be taken back but by a new JWT_SECRET."""
SETTLED_S = 30.0
"""After the start: what the first questions load is there by then."""
TCP_USER_TIMEOUT_MS = 150_000
"""A peer that takes nothing for this long is gone: the kernel ends the connection, which nobody else would."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop, or print a token; the exit code. `arguments`: of the command line."""
    parser = argparse.ArgumentParser(prog="python -m server", description="Serve the book, or print a token or a report.")
    commands = parser.add_subparsers(dest="command")
    token = commands.add_parser("token", help="print a token that opens a part of what the author may do (needs JWT_SECRET)")
    token.add_argument("--scope", action="append", choices=SCOPES, required=True, help="what it opens; may be given again")
    token.add_argument("--days", type=_days, default=30.0, help="how long it is good, 30 unless said")
    report = commands.add_parser("report", help="print what the book is missing, from the questions kept (KEEP_QUESTIONS)")
    report.add_argument("--days", type=_days, default=30.0, help="how far back, 30 unless said")
    report.add_argument("--format", choices=get_args(Format), default="markdown", help="markdown unless said")
    options = parser.parse_args(arguments)
    try:
        settings = Settings.read()
        if options.command == "token":
            sys.stdout.write(mint(settings, options.scope, days=options.days) + "\n")
            return 0
        if options.command == "report":
            sys.stdout.write(asyncio.run(read_report(settings, days=options.days, form=options.format)))
            return 0
        log.configure(settings)
        allow_many_connections()
        check_writable(settings.data_dir)
        listener = listen(settings)
        services = open_services(settings)
        end_traces = tracing.begin(settings, "lectern")
        try:
            asyncio.run(run(settings, services, listener))
        finally:
            end_traces()
    except LecternError as exc:
        sys.stderr.write(f"lectern: {exc}\n")
        return 1
    return 0


def _days(text: str) -> float:
    days = float(text)
    if not 0 < days <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"from 0 to {MOST_DAYS} days")
    return days


def allow_many_connections() -> None:
    """Open files up to the hard limit: at the soft one (1,024, often) idle connections alone would keep readers out."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def listen(settings: Settings) -> socket.socket:
    """The listening socket; raises `ConfigurationError` when the port is busy or the address is not ours."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as exc:
        listener.close()
        raise ConfigurationError(f"Cannot listen on HOST {settings.host} PORT {settings.port}: {exc.strerror}.") from exc
    return listener


async def run(settings: Settings, services: Services, listener: socket.socket) -> None:
    """Serve on `listener` until SIGTERM or SIGINT, let the answers end, then close the clients."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():  # the second time somebody is in a hurry
            services.drain.closing.set()
        stop.set()

    async def told_to_stop() -> None:
        await stop.wait()
        await services.drain.run(lambda: services.limits.open_streams)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_on_loop_error)
    loop.call_later(SETTLED_S, leave_alone_what_stays)
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, on_signal)
    app = create_app(settings, services)
    leave_alone_what_stays()
    try:
        await serve(app, hypercorn_config(listener), shutdown_trigger=told_to_stop)
    finally:
        await services.aclose()


def leave_alone_what_stays() -> None:
    """Take what is loaded by now out of the garbage collector's full passes: each held every answer for 0.1 s."""
    gc.collect()
    gc.freeze()


def _on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Python 3.11's stream server takes a connection that was cancelled at shutdown for an error; 3.12 no longer does."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


def hypercorn_config(listener: socket.socket) -> Config:
    """One worker on a socket that is listening already; Hypercorn takes the socket over."""
    answer_bare_requests()
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.backlog = BACKLOG
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.graceful_timeout = CLOSE_S
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    return config


if __name__ == "__main__":
    sys.exit(main())
