"""The book as a server of the Model Context Protocol: tools, and a resource for each page.

The SDK is loaded with this module, in a second: only who is asked at `/mcp` needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from server.agents.book_tools import BookTools, ListArguments, ReadArguments, Tool
from server.problems import log_failure, problem_of
from server.version import VERSION
from shared.errors import RequestError

PAGE_SCHEME = "book:///"
"""Of the resources: `book:///part/page.md`."""
_MARKDOWN = "text/markdown"
_INSTRUCTIONS = (
    "What the book says: search_book finds places, read_page gives a page as Markdown, ask_book writes an answer that cites. "
    "Show readers the addresses that come with what you use."
)

Context = ServerRequestContext[Any]
AsgiMessage = dict[str, Any]


class BookServer:
    """Answers exchanges of the protocol, each by itself: no session is kept, so any process can answer any of them."""

    def __init__(self, tools: BookTools, *, title: str) -> None:
        """`title`: of the book."""
        self._tools = tools
        self._server = Server(
            "lectern",
            version=VERSION,
            title=title,
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_read_resource=self._read_resource,
        )

    async def answer(self, scope: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of what answers a POST request, of its ASGI `scope`."""
        arrived: list[AsgiMessage] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[AsgiMessage] = []

        async def receive() -> AsgiMessage:
            if not arrived:
                await asyncio.Event().wait()  # a caller who leaves cancels us
            return arrived.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        manager = StreamableHTTPSessionManager(self._server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)
        start, *parts = sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, b"".join(part.get("body", b"") for part in parts)

    async def _list_tools(self, _context: Context, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_describe(name, tool) for name, tool in self._tools.all.items()])

    async def _call_tool(self, _context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if (tool := self._tools.all.get(params.name)) is None:
            raise MCPError(types.INVALID_PARAMS, "There is no such tool.")
        try:
            result = await tool.call(tool.arguments.model_validate(params.arguments or {}))
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            return _refuse(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")
        except Exception as exc:  # noqa: BLE001  the edge: an agent is told what any caller is
            log_failure(exc)
            return _refuse(problem_of(exc).detail)
        text = result if isinstance(result, str) else result.model_dump_json()
        return types.CallToolResult(
            content=[types.TextContent(text=text)],
            structured_content=None if isinstance(result, str) else result.model_dump(mode="json"),
        )

    async def _list_resources(
        self, _context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        after = unquote(params.cursor) if params and params.cursor else ""
        with _told_as_errors():
            listed = await self._tools.list(ListArguments(after=after))
        resources = [
            types.Resource(
                name=page.path, title=page.title, uri=PAGE_SCHEME + quote(page.path), description=page.url, mime_type=_MARKDOWN
            )
            for page in listed.pages
        ]
        return types.ListResourcesResult(resources=resources, next_cursor=listed.next and quote(listed.next))

    async def _read_resource(self, _context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        path = unquote(params.uri.removeprefix(PAGE_SCHEME))
        with _told_as_errors():
            text = await self._tools.read(ReadArguments(path=path))
        contents = types.TextResourceContents(uri=params.uri, mime_type=_MARKDOWN, text=text)
        return types.ReadResourceResult(contents=[contents])


def _describe(name: str, tool: Tool) -> types.Tool:
    return types.Tool(
        name=name,
        description=tool.purpose,
        input_schema=tool.arguments.model_json_schema(),
        output_schema=tool.result.model_json_schema() if tool.result else None,
        annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )


def _refuse(message: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=message)], is_error=True)


@contextmanager
def _told_as_errors() -> Generator[None]:
    """Failures as the protocol's errors, saying what any caller is told."""
    try:
        yield
    except Exception as exc:
        log_failure(exc)
        code = types.INVALID_PARAMS if isinstance(exc, RequestError | ValidationError) else types.INTERNAL_ERROR
        raise MCPError(code, problem_of(exc).detail) from exc
