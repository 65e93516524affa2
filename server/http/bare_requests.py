"""What Hypercorn refuses before there is a request for the application: bytes that are no decent HTTP/1.1. A problem, too."""

from __future__ import annotations

from itertools import chain
from uuid import uuid4

import h11
import hypercorn.protocol
from hypercorn.events import Closed
from hypercorn.protocol.h11 import H11Protocol
from quart import json

from server.http.problem_responses import CONTENT_TYPE, problem_body
from server.problems import problem_of_status

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


def answer_bare_requests() -> None:
    """From now on, in this process."""
    hypercorn.protocol.H11Protocol = ProblemH11  # pyright: ignore[reportPrivateImportUsage]  where Hypercorn looks it up
