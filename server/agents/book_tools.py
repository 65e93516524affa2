"""What an agent may do with the book, whatever protocol it speaks: search, list, read, ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from quart import request

from server.agents.book_texts import find_page, list_pages
from server.answering.events import ChatEvent, CitedSource, Done, TextDelta
from server.answering.progress import AnswerProgress
from server.http.auth import limited_client
from server.http.requests import DEFAULT_K, MAX_K, MAX_QUESTION_CHARS, read_chat
from server.routes.answers import Asked, respond
from server.routes.search import SEARCH_TIMEOUT_S, part_of_book
from server.services import Services
from shared.errors import RequestError

PAGES = 100
"""Of one list."""
MOST_PAGE_CHARS = 100_000
"""Of a page that is read at once, 25,000 tokens."""


class SearchArguments(BaseModel):
    """What to look for."""

    query: str = Field(min_length=1, max_length=MAX_QUESTION_CHARS, description="Words, or a question.")
    k: int = Field(default=DEFAULT_K, ge=1, le=MAX_K, description="Places wanted.")
    path: str = Field(default="", description="A page, or a folder of pages, to look in; empty: the whole book.")


class BookPlace(BaseModel):
    """A place in the book."""

    path: str
    heading_path: tuple[str, ...]
    url: str
    score: float
    text: str


class BookPlaces(BaseModel):
    """Places, best first."""

    places: list[BookPlace]
    answerable: bool = Field(description="Whether the book seems to hold the answer.")


class ListArguments(BaseModel):
    """Which pages."""

    after: str = Field(default="", description="`next` of the list before; empty: from the first page.")


class PageEntry(BaseModel):
    """A page of the book."""

    path: str
    title: str
    url: str


class PageList(BaseModel):
    """Pages, by path."""

    pages: list[PageEntry]
    total: int = Field(description="Pages in the book.")
    next: str | None = Field(description="`after` of the list that follows; null: there is none.")


class ReadArguments(BaseModel):
    """Which page."""

    path: str = Field(min_length=1, description="As search_book and list_pages name it.")
    offset: int = Field(default=0, ge=0, description="Characters to leave out, to read on in a long page.")


class AskArguments(BaseModel):
    """What to ask."""

    question: str = Field(min_length=1, max_length=MAX_QUESTION_CHARS)
    page_url: str | None = Field(default=None, description="The page of the book that the question is about.")


class CitedAnswer(BaseModel):
    """An answer from the book."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    answer: str
    """With a marker like [1] behind what a source says."""
    sources: list[CitedSource]
    """Those the markers name."""
    abstained: bool
    """The book does not say."""
    degraded: bool
    """The chat model was away, and the answer is quotations."""


class Tool(NamedTuple):
    """Something an agent may do."""

    purpose: str
    arguments: type[BaseModel]
    result: type[BaseModel] | None
    """Its shape; None: it is text."""
    call: Callable[[Any], Awaitable[BaseModel | str]]
    """With `arguments`."""


class BookTools:
    """What an agent may do; called within a request, whose sender's limits count. All raise `LecternError`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.all = {
            "search_book": Tool("Find places in the book.", SearchArguments, BookPlaces, self.search),
            "read_page": Tool("Read a page of the book as Markdown.", ReadArguments, None, self.read),
            "list_pages": Tool("List the pages of the book.", ListArguments, PageList, self.list),
            "ask_book": Tool(
                "Ask a question; the answer is from the book alone and cites it.", AskArguments, CitedAnswer, self.ask
            ),
        }
        """{name: tool}."""

    async def search(self, arguments: SearchArguments) -> BookPlaces:
        """As `/search`; raises `TimeoutError` too."""
        async with asyncio.timeout(SEARCH_TIMEOUT_S):
            found = await self._services.finder.search(arguments.query, k=arguments.k, where=part_of_book(arguments.path))
        places = [
            BookPlace(score=hit.score, **hit.chunk.model_dump(include={"path", "heading_path", "url", "text"}))
            for hit in found.hits
        ]
        return BookPlaces(places=places, answerable=found.answerable)

    async def read(self, arguments: ReadArguments) -> str:
        """The page from `offset` on, as much as is read at once; then the last line says where it goes on."""
        text = (await find_page(self._services.index, arguments.path)).markdown
        end = arguments.offset + MOST_PAGE_CHARS
        if arguments.offset and arguments.offset >= len(text):
            raise RequestError("invalid_field", f"The page has {len(text)} characters.")
        goes_on = f"\n\n[The page goes on: offset {end} of {len(text)}.]\n" if end < len(text) else ""
        return text[arguments.offset : end] + goes_on

    async def list(self, arguments: ListArguments) -> PageList:
        """`PAGES` pages of the live build."""
        async with self._services.index.snapshot() as snapshot:
            paths = await snapshot.documents()
            wanted = [path for path in paths if path > arguments.after][: PAGES + 1]
            pages = [PageEntry(**page._asdict()) async for page in list_pages(snapshot, wanted[:PAGES])]
        return PageList(pages=pages, total=len(paths), next=wanted[PAGES - 1] if len(wanted) > PAGES else None)

    async def ask(self, arguments: AskArguments) -> CitedAnswer:
        """As `/chat`, under its limits."""
        services, body = self._services, arguments.model_dump()
        await services.limits.admit(limited_client(request, services.settings), "question")
        response = await respond(services, Asked(read_chat(body), body, b"", is_streamed=False), whole=_cited_answer)
        return CitedAnswer.model_validate_json(await response.get_data(as_text=False))


def _cited_answer(events: Sequence[ChatEvent], _answer: AnswerProgress) -> dict[str, Any]:
    done = next(event for event in events if isinstance(event, Done))
    answer = "".join(event.content for event in events if isinstance(event, TextDelta))
    told = done.model_dump(mode="json", include={"sources", "abstained", "degraded"})
    return {"answer": answer, **told}
