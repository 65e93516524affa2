"""`POST /mcp`: the Model Context Protocol over streamable HTTP, each exchange by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from quart import Blueprint, Response, request

from server.agents.text_routes import UNTITLED
from server.http.bodies import read_body
from server.http.openapi import documents
from server.http.policy import limited
from server.http.requests import read_json
from server.services import Services

if TYPE_CHECKING:
    from server.agents.mcp_server import BookServer

_JSON = {"application/json": "A JSON-RPC response; 202 without one for a notification."}


def blueprint(services: Services) -> Blueprint:
    """The one address of the protocol; `GET` and `DELETE` are of sessions, which there are none of."""
    routes = Blueprint("mcp", __name__)
    servers: list[BookServer] = []

    @routes.post("/mcp")
    @limited("lookup")
    @documents("agents", text=_JSON)
    async def exchange() -> Response:  # pyright: ignore[reportUnusedFunction]
        """One message of the Model Context Protocol: tools to search, list, read and ask, and a resource for each page."""
        if not servers:
            servers.append(await asyncio.to_thread(_open, services))
        raw = await read_body(request)
        read_json(raw)  # refuses what no route of ours takes
        status, headers, body = await servers[0].answer(request.scope, raw)
        return Response(body, status, headers)

    return routes


def _open(services: Services) -> BookServer:
    """The server; loads the SDK."""
    from server.agents.book_tools import BookTools
    from server.agents.mcp_server import BookServer

    return BookServer(BookTools(services), title=services.settings.book_title or UNTITLED)
