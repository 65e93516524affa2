"""Search without an answer."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from quart import Blueprint, Response, request

from server.http.bodies import json_response
from server.http.openapi import documents
from server.http.requests import MAX_QUESTION_CHARS
from server.http.schemas import SearchParameters, SearchResult, SearchResults
from server.services import Services
from shared.errors import RequestError
from shared.index.port import Filter
from shared.models import Hit

DEFAULT_K = 10
MAX_K = 50


def blueprint(services: Services) -> Blueprint:
    """The search route."""
    routes = Blueprint("search", __name__)
    routes.add_url_rule("/search", "search", SearchRoutes(services).search, methods=["GET"])
    return routes


@dataclass(frozen=True, slots=True)
class SearchRoutes:
    """Handlers of searches."""

    services: Services

    @documents("search", query=SearchParameters, answer=SearchResults)
    async def search(self) -> Response:
        """The places in the book that fit `q` best, best first; `path` restricts them to a file or a folder."""
        found = await self.services.finder.search(_query(), k=_count(), where=_where())
        results = [_result(hit) for hit in found.hits]
        return json_response(
            SearchResults(
                results=results,
                query=found.query,
                answerable=found.answerable,
                support=found.support,
                degraded=found.degraded,
            )
        )


def _query() -> str:
    query = unicodedata.normalize("NFC", request.args.get("q", "")).strip()
    if not query or "\0" in query:
        raise RequestError("question_missing", "Say what to search for in 'q'.")
    if len(query) > MAX_QUESTION_CHARS:
        raise RequestError("question_too_long", f"'q' is too long: at most {MAX_QUESTION_CHARS} characters.")
    return query


def _count() -> int:
    text = request.args.get("k", str(DEFAULT_K))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_K):
        raise RequestError("invalid_field", f"'k' must be a whole number from 1 to {MAX_K}.")
    return int(text)


def _where() -> Filter | None:
    path = request.args.get("path", "").strip("/")
    if not path:
        return None
    is_file = PurePosixPath(path).suffix in {".md", ".mdx"}
    return Filter(paths=(path,)) if is_file else Filter(folders=(path,))


def _result(hit: Hit) -> SearchResult:
    chunk = hit.chunk
    return SearchResult(
        path=chunk.path,
        start=chunk.start,
        end=chunk.end,
        start_line=chunk.start_line,
        end_line=chunk.end_line,
        title=chunk.title,
        heading_path=list(chunk.heading_path),
        url=chunk.url,
        score=hit.score,
        text=chunk.text,
    )
