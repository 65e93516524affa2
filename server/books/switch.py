"""Which of several books a request is for: the one it names, else the one of the page it was sent from, else the first.

Each book is an application of its own. A request names its book in the path (`/books/ros2/chat`, also behind `/api`, `/v1` and
`/api/v1`), or as `book` in the query or in the body; `page_url`, under any name that front ends have for it, tells whose page
it comes from.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast
from urllib.parse import parse_qs, quote

from server.http import names
from shared.books import book_path

Receive = Callable[[], Awaitable[Any]]
SendMessage = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

BOOK = "book"
"""The field that names a book."""
MOST_BYTES = 64 * 1024
"""Of a body that is looked into: a question is no longer."""
BODY_S = 10.0
"""How long a body is waited for; the application is the one to complain then."""
_IN_PATH = re.compile(rf"(?P<prefix>(?:{'|'.join(map(re.escape, names.PREFIXES))})?)/books/(?P<name>[^/]+)(?P<rest>/.*)")


class BookSwitch:
    """An ASGI application in front of those of the books."""

    def __init__(self, first: Application, books: Mapping[str, Application], sites: Mapping[str, str]) -> None:
        """`first` takes what no other book is asked for, and what names a book that there is not.

        `sites`: {book: address its pages begin with}, of those that are published.
        """
        self._first = first
        self._books = books
        self._sites = sorted(sites.items(), key=lambda site: -len(site[1]))

    async def __call__(self, scope: Any, receive: Receive, send: SendMessage) -> None:
        """One request, or the lifespan, which is the first book's: it starts and stops the others."""
        if scope["type"] != "http":
            return await self._first(scope, receive, send)
        if named := _IN_PATH.fullmatch(scope["path"]):
            if named["name"] not in self._books:
                return await self._first(scope, receive, send)
            path = named["prefix"] + named["rest"]
            return await self._books[named["name"]](scope | {"path": path, "raw_path": quote(path).encode()}, receive, send)
        query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
        name = self.find(query)
        if name is None and scope["method"] == "POST":
            body, receive = await _look_into(receive)
            name = self.find(body)
        if name is not None and name not in self._books:  # the first one's router says so
            path = f"{book_path(quote(name, safe=''))}{scope['path']}"
            return await self._first(scope | {"path": path, "raw_path": path.encode()}, receive, send)
        return await (self._books[name] if name else self._first)(scope, receive, send)

    def find(self, fields: Mapping[str, Any]) -> str | None:
        """The book that the fields of a request name, or whose page they name; None: they do not say."""
        folded = {names.fold(field): value for field, value in fields.items()}
        named = folded.get(BOOK)
        if isinstance(named, str) and named:
            return named
        pages = (folded.get(names.fold(field)) for field in names.PAGE)
        return next((name for page in pages if isinstance(page, str) for name in self._of_page(page)), None)

    def _of_page(self, page: str) -> Iterable[str]:
        return (name for name, site in self._sites if page.startswith(site) or page == site.rstrip("/"))


async def _look_into(receive: Receive) -> tuple[Mapping[str, Any], Receive]:
    """The fields of a JSON body, none where it is no such; and what gives the application the same body again."""
    messages: list[Any] = []
    try:
        async with asyncio.timeout(BODY_S):
            while not messages or (messages[-1].get("more_body") and sum(_size(each) for each in messages) <= MOST_BYTES):
                messages.append(await receive())
    except TimeoutError:
        pass
    again = iter(messages)

    async def replay() -> Any:
        return next(again, None) or await receive()

    try:
        body: object = json.loads(b"".join(each.get("body", b"") for each in messages))
    except (ValueError, RecursionError):
        body = None
    return cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}, replay


def _size(message: Any) -> int:
    return len(message.get("body", b""))
