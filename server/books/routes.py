"""What books there are."""

from __future__ import annotations

from quart import Blueprint, Response
from quart_schema import hide

from server.http.bodies import json_response
from server.http.openapi import documents
from server.http.policy import limited
from server.schemas.books import BookEntry, BookList
from server.services import Services
from shared.books import book_path
from shared.errors import RequestError

METHODS = ["GET", "POST", "PUT", "DELETE"]


def blueprint(services: Services) -> Blueprint:
    """The list, and what answers under the name of a book that there is not."""
    routes = Blueprint("books", __name__)

    @routes.get("/books")
    @limited("lookup")
    @documents("search", answer=BookList)
    async def listed() -> Response:  # pyright: ignore[reportUnusedFunction]
        """The books of this service; what is asked without a name is asked of the first."""
        books = services.books or {"": services}
        return json_response(BookList(books=[_entry(name, each) for name, each in books.items()]))

    async def unknown(name: str, rest: str) -> Response:
        """No book has this name, or it would have answered itself."""
        del rest
        message = f"There is no book {name[:80]!r}: there are {', '.join(services.books)}."
        raise RequestError("book_not_found", message, status=404)

    if services.books:
        routes.route("/books/<name>/<path:rest>", methods=METHODS)(limited("lookup")(hide(unknown)))
    return routes


def _entry(name: str, book: Services) -> BookEntry:
    settings = book.settings
    site = settings.site.address if settings.site_url else None
    return BookEntry(name=name, title=settings.book_title, site_url=site, path=book_path(name) + "/")
