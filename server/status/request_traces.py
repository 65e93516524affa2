"""Each request as a span, from its first byte to the last of its answer: around the application, where a stream ends too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from shared import tracing

UNTRACED = ("/health", "/metrics")
"""Asked every few seconds by those who watch."""

Send = Callable[[Any], Awaitable[None]]


class TracedRequests:
    """An ASGI application in whose requests the caller's trace goes on (`traceparent`), or a new one begins."""

    def __init__(self, app: Callable[[Any, Any, Send], Awaitable[None]]) -> None:
        """`app`: what answers them; it renames the span when the route is known."""
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        """As ASGI asks."""
        if scope["type"] != "http" or scope["path"].startswith(UNTRACED):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method = scope["method"]
        with tracing.span(method, {"http.request.method": method}, kind="server", continued=headers) as span:

            async def note(message: Any) -> None:
                if message["type"] == "http.response.start":
                    span.set("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, note)
