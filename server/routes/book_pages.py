"""The book's own pages, at the addresses its citations name, while SITE_URL says of no other place where they are."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urldefrag

from quart import Blueprint, Response
from quart.blueprints import BlueprintSetupState
from quart_schema import hide
from werkzeug.exceptions import NotFound
from werkzeug.routing import PathConverter

from server.http.policy import limited
from server.services import Services
from shared.books import book_path
from shared.errors import NotBuiltError
from shared.index.port import Snapshot
from shared.models import Chunk

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
}
RENDER_TIMEOUT_S = 5.0
"""How long a reader waits for a page; it is rendered to its end all the same, for the next one who asks."""
_VARIABLE = re.compile(r"(<[^<>]+>)")
KEPT_CHARS = 8_000_000
"""Of rendered pages, in all."""


def blueprint(services: Services) -> Blueprint:
    """One route under all others; none when the book is published."""
    routes = Blueprint("book", __name__)
    if not services.settings.site_url:
        from server.pages.book_page import render_page  # a Markdown parser that the published book does without

        routes.record(_leave_other_routes)
        pages = BookPages(services, render_page)

        @routes.get("/<page:address>")
        @limited("lookup")
        @hide
        async def page(address: str) -> Response:  # pyright: ignore[reportUnusedFunction]
            """The page of the book at `address`; 404 when there is none."""
            return Response(await pages.read(address), headers=HEADERS, content_type="text/html; charset=utf-8")

    return routes


def _leave_other_routes(state: BlueprintSetupState) -> None:
    """`<page:...>` matches no other route's address: `GET /ingest` stays a method that is not allowed, not a missing page.

    It is the expression that must not match: werkzeug puts the methods of a rule whose converter refuses a value into `Allow`.
    """
    rules = {rule.rule.lstrip("/") for rule in state.app.url_map.iter_rules()}
    taken = "|".join("".join(_in_a_rule(part) for part in _VARIABLE.split(rule)) for rule in sorted(rules))

    class PageAddress(PathConverter):
        regex = f"(?!(?:{taken})/?$)[^/].*?"

    state.app.url_map.converters["page"] = PageAddress


def _in_a_rule(part: str) -> str:
    return "[^/]+" if _VARIABLE.fullmatch(part) else re.escape(part)


@dataclass(slots=True)
class BookPages:
    """Pages of the live build by their address, each rendered once, off the event loop and one at a time."""

    services: Services
    render: Callable[[Sequence[Chunk]], str]
    _build_id: str = ""
    _paths: dict[str, str] = field(default_factory=dict[str, str])
    """{address without anchor: file}, of that build."""
    _rendered: OrderedDict[tuple[str, str], str] = field(default_factory=OrderedDict[tuple[str, str], str])
    """{(build, file): its page}, the one read last at the end."""
    _awaited: dict[tuple[str, str], asyncio.Task[str]] = field(default_factory=dict[tuple[str, str], asyncio.Task[str]])
    """Pages about to be rendered."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, address: str) -> str:
        """The page at `address`, as HTML; raises 404 when the book has none there, `TimeoutError` when it takes too long."""
        try:
            async with self.services.index.snapshot() as snapshot:
                path = (await self._find_paths(snapshot))[f"{book_path(self.services.book)}/{address}"]
                key = (snapshot.build.id, path)
                if key in self._rendered:
                    self._rendered.move_to_end(key)
                    return self._rendered[key]
                chunks = await snapshot.page(path)
        except (KeyError, NotBuiltError) as exc:
            raise NotFound from exc
        if key in self._rendered:  # finished while the chunks were read
            return self._rendered[key]
        if key not in self._awaited:
            self._awaited[key] = asyncio.create_task(self._render(key, chunks))
        async with asyncio.timeout(RENDER_TIMEOUT_S):
            return await asyncio.shield(self._awaited[key])

    async def _render(self, key: tuple[str, str], chunks: Sequence[Chunk]) -> str:
        try:
            async with self._turn:
                page = self._rendered[key] = await asyncio.to_thread(self.render, chunks)
        finally:
            del self._awaited[key]
        while len(self._rendered) > 1 and sum(map(len, self._rendered.values())) > KEPT_CHARS:
            self._rendered.popitem(last=False)
        return page

    async def _find_paths(self, snapshot: Snapshot) -> dict[str, str]:
        if self._build_id != snapshot.build.id:
            firsts = [(await snapshot.page(path, first=0, last=0))[0] for path in await snapshot.documents()]
            self._paths = {unquote(urldefrag(first.url).url): first.path for first in firsts}
            self._build_id = snapshot.build.id
        return self._paths
