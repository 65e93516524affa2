"""What Hypercorn refuses before there is a request for the application: bytes that are no decent HTTP/1.1. A problem, too."""

from __future__ import annotations

import time
from itertools import chain
from uuid import uuid4

import h11
import hypercorn.protocol
from h2.errors import ErrorCodes
from h2.events import Event, StreamReset
from hypercorn.events import Closed
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol
from quart import json

from server.http.problem_responses import CONTENT_TYPE, problem_body
from server.problems import problem_of_status

MOST_RESETS, RESETS_WITHIN_S = 100, 10.0
"""Streams of one HTTP/2 connection that may be reset in that time: behind a proxy, all readers may share one."""
_FRAMING = {b"content-length", b"transfer-encoding"}


class ProblemH11(H11Protocol):
    """Hypercorn's HTTP/1.1, which answers what it refuses with a problem, and refuses what has two lengths.

    A proxy that believes the one and a server that believes the other take the end of a request for another one (RFC 9112,
    11.2). Hypercorn 0.18 has no hook for either: its method for errors is replaced.
    """

    async def _create_stream(self, request: h11.Request) -> None:
        if {name for name, _ in request.headers} >= _FRAMING:
            await self._send_error_response(400)
            await self.send(Closed())
        else:
            await super()._create_stream(request)

    async def _send_error_response(self, status_code: int) -> None:
        request_id = uuid4().hex
        body = json.dumps(problem_body(problem_of_status(status_code), request_id)).encode()
        ours = {"content-type": CONTENT_TYPE, "content-length": str(len(body)), "connection": "close"}
        ours |= {"cache-control": "no-store", "x-request-id": request_id, "x-content-type-options": "nosniff"}
        headers = [(name.encode(), value.encode()) for name, value in ours.items()]
        await self._send_h11_event(
            h11.Response(status_code=status_code, headers=[*chain(headers, self.config.response_headers("h11"))])
        )
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


class CalmH2(H2Protocol):
    """Hypercorn's HTTP/2, which ends a connection that takes back requests as fast as it makes them (CVE-2023-44487).

    Each costs us a millisecond and its sender nothing, and the limit of streams at once is never reached.
    """

    _resets = 0
    _since = 0.0

    async def _handle_events(self, events: list[Event]) -> None:
        now = time.monotonic()
        if now - self._since > RESETS_WITHIN_S:
            self._since, self._resets = now, 0
        self._resets += sum(isinstance(event, StreamReset) for event in events)
        if self._resets <= MOST_RESETS:
            await super()._handle_events(events)
            return
        self.connection.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
        await self._flush()
        await self.send(Closed())


def answer_bare_requests() -> None:
    """From now on, in this process."""
    hypercorn.protocol.H11Protocol = ProblemH11  # pyright: ignore[reportPrivateImportUsage]  where Hypercorn looks it up
    hypercorn.protocol.H2Protocol = CalmH2  # pyright: ignore[reportPrivateImportUsage]
