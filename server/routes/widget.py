"""The widget, the built-in pages around it, and what it asks about the book. Nothing of it is loaded from elsewhere."""

from __future__ import annotations

import asyncio
from html import escape
from pathlib import Path, PurePosixPath

from quart import Blueprint, Response, request
from quart_schema import hide

from server.answering.openings import Openings
from server.http.bodies import json_response
from server.http.openapi import documents
from server.http.policy import limited, unlimited
from server.schemas.book_api import AboutBook
from server.services import Services
from server.status.health import first_reading
from server.status.probes import WAIT_S, live_build

FOLDER = Path(__file__).parent.parent / "pages"
WIDGET = "/widget.js"
EMBEDDED = "/embed"
FILES = {
    "/": "index.html",
    EMBEDDED: "embed.html",
    "/docs": "docs.html",
    "/style.css": "style.css",
    "/docs.js": "docs.js",
    WIDGET: "widget.js",
}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache", "Referrer-Policy": "no-referrer"}
OPENINGS_S = 2.0
MAX_URL_CHARS = 2000
TITLE = "Ask the book"
"""Of a book without BOOK_TITLE."""
BOOK_LINK = "The book"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_TITLE_MARK, _SITE_MARK = b"{{title}}", b"{{site}}"


def blueprint(services: Services) -> Blueprint:
    """The pages and the widget, read from disk once, and `/book`."""
    routes = Blueprint("widget", __name__)
    settings = services.settings
    title = escape(settings.book_title or TITLE).encode()
    site = f'<a href="{escape(settings.site.address)}">{BOOK_LINK}</a> '.encode() if settings.site_url else b""
    contents = {rule: (FOLDER / name).read_bytes() for rule, name in FILES.items()}
    framing = " ".join(("'self'", *settings.allowed_origins))

    @unlimited
    @hide
    async def show() -> Response:
        """The file, unless the reader has it."""
        rule = str(request.url_rule)
        kind = _TYPES[PurePosixPath(FILES[rule]).suffix]
        content = (
            contents[rule].replace(_TITLE_MARK, title).replace(_SITE_MARK, site) if kind == "text/html" else contents[rule]
        )
        response = Response(content, headers=HEADERS, content_type=f"{kind}; charset=utf-8")
        if rule == EMBEDDED:
            response.headers["Content-Security-Policy"] += f"; frame-ancestors {framing}"
        if rule == WIDGET:  # any page may run it, also one that checks its hash
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        await response.add_etag()
        return await response.make_conditional(request)

    for rule in FILES:
        routes.get(rule)(show)

    openings = Openings(services.index)

    @routes.get("/book")
    @limited("lookup")
    @documents("search", answer=AboutBook)
    async def about() -> Response:  # pyright: ignore[reportUnusedFunction]
        """What a front end shows before anything is asked."""
        return json_response(await _about(services, openings), Cache_Control="no-store")

    return routes


async def _about(services: Services, openings: Openings) -> AboutBook:
    settings, build = services.settings, await live_build(services.health.build)
    state: str | None = None
    if build is None:
        reading = await first_reading(services.health, settings, wait_s=WAIT_S)
        state = "reading" if reading.is_expected else "no_book"
    questions = await _questions(openings, request.args.get("page_url", "")) if build else ()
    return AboutBook(
        title=settings.book_title,
        site_url=settings.site.address if settings.site_url else None,
        issues_url=settings.issues_url or None,
        pages=build.documents if build else 0,
        state=state,
        quotes=services.health.chat_model is None,
        questions=list(questions),
    )


async def _questions(openings: Openings, page_url: str) -> tuple[str, ...]:
    """What there is in time: a front end is of use without, and what comes later is there for the next reader."""
    looking = asyncio.create_task(openings.questions(page_url[:MAX_URL_CHARS]))
    looking.add_done_callback(lambda task: task.cancelled() or task.exception())
    await asyncio.wait({looking}, timeout=OPENINGS_S)
    return looking.result() if looking.done() and not looking.exception() else ()
