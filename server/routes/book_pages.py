"""The book's own pages, at the addresses its citations name, while SITE_URL says of no other place where they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urldefrag

from quart import Blueprint, Response
from quart.blueprints import BlueprintSetupState
from quart_schema import hide
from werkzeug.exceptions import NotFound
from werkzeug.routing import PathConverter, ValidationError

from server.http.policy import limited
from server.services import Services
from shared.errors import NotBuiltError
from shared.index.port import Snapshot
from shared.models import Chunk

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
}


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
    """`<page:...>` matches no other route's address: `GET /chat` stays a method that is not allowed, not a missing page."""
    taken = {rule.rule for rule in state.app.url_map.iter_rules()}

    class PageAddress(PathConverter):
        def to_python(self, value: str) -> str:
            if f"/{value}" in taken:
                raise ValidationError
            return value

    state.app.url_map.converters["page"] = PageAddress


@dataclass(slots=True)
class BookPages:
    """Pages of the live build by their address."""

    services: Services
    render: Callable[[Sequence[Chunk]], str]
    _build_id: str = ""
    _paths: dict[str, str] = field(default_factory=dict[str, str])
    """{address without anchor: file}, of that build."""

    async def read(self, address: str) -> str:
        """The page at `address`, as HTML; raises 404 when the book has none there."""
        try:
            async with self.services.index.snapshot() as snapshot:
                paths = await self._find_paths(snapshot)
                return self.render(await snapshot.page(paths["/" + address]))
        except (KeyError, NotBuiltError) as exc:
            raise NotFound from exc

    async def _find_paths(self, snapshot: Snapshot) -> dict[str, str]:
        if self._build_id != snapshot.build.id:
            firsts = [(await snapshot.page(path, first=0, last=0))[0] for path in await snapshot.documents()]
            self._paths = {unquote(urldefrag(first.url).url): first.path for first in firsts}
            self._build_id = snapshot.build.id
        return self._paths
