"""The book as text: `/llms.txt`, `/llms-full.txt`, and each page as Markdown."""

from __future__ import annotations

from quart import Blueprint, Response, request

from server.agents.book_texts import BookTexts, find_page
from server.http.openapi import documents
from server.http.policy import limited
from server.services import Services

UNTITLED = "The book"
"""Of a book without BOOK_TITLE."""


def blueprint(services: Services) -> Blueprint:
    """The routes; a text is not sent again to who has it (`ETag`)."""
    routes = Blueprint("texts", __name__)
    texts = BookTexts(services.index, services.settings.book_title or UNTITLED)

    @routes.get("/llms.txt")
    @limited("lookup")
    @documents("agents", text={"text/plain": "After llmstxt.org: a line of Markdown for each page."})
    async def listed() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Every page with its address, and where its Markdown is."""
        return await _respond(await texts.listed(), "text/plain")

    @routes.get("/llms-full.txt")
    @limited("lookup")
    @documents("agents", text={"text/plain": "One page after the other; of a large book, as many as fit."})
    async def full() -> Response:  # pyright: ignore[reportUnusedFunction]
        """The text of the whole book."""
        return await _respond(await texts.full(), "text/plain")

    @routes.get("/pages/<path:page>.md")
    @limited("lookup")
    @documents("agents", text={"text/markdown": "Its title, its address, and its source as it was indexed."})
    async def markdown(page: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """A page as Markdown; `page` is its path in the book without the extension."""
        found = await find_page(services.index, page, f"pages/{page}")  # the latter's own address, where no generator makes one
        return await _respond(found.markdown, "text/markdown")

    return routes


async def _respond(text: str, kind: str) -> Response:
    response = Response(text, headers={"Cache-Control": "no-cache"}, content_type=f"{kind}; charset=utf-8")
    await response.add_etag()
    return await response.make_conditional(request)
