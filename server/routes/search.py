"""Search without an answer."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath

from quart import Blueprint, Response
from quart_schema import validate_querystring  # pyright: ignore[reportUnknownVariableType]  its optional kinds of models

from server.http import names
from server.http.bodies import json_response
from server.http.openapi import documents
from server.http.policy import limited
from server.schemas.book_api import SearchParameters, SearchResult, SearchResults
from server.services import Services
from shared.index.port import Filter

RESULT_FIELDS = set(SearchResult.model_fields) - {"score"}


SEARCH_TIMEOUT_S = 20.0
"""Of one search in all, as of the search before an answer."""


def blueprint(services: Services) -> Blueprint:
    """The search route."""
    routes = Blueprint("search", __name__)

    @routes.get("/search")
    @limited("lookup")
    @documents("search", answer=SearchResults, aliases=names.SEARCH)
    @validate_querystring(SearchParameters)  # pyright: ignore[reportUntypedFunctionDecorator]
    async def search(query_args: SearchParameters) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The places in the book that fit `q` best, best first; `path` restricts them to a file or a folder."""
        async with asyncio.timeout(SEARCH_TIMEOUT_S):
            found = await services.finder.search(query_args.q, k=query_args.k, where=part_of_book(query_args.path))
        return json_response(
            SearchResults(
                results=[SearchResult(score=hit.score, **hit.chunk.model_dump(include=RESULT_FIELDS)) for hit in found.hits],
                query=found.query,
                answerable=found.answerable,
                support=found.support,
                degraded=found.degraded,
            )
        )

    return routes


def part_of_book(path: str) -> Filter | None:
    """What restricts a search to a file or a folder; None where `path` is empty."""
    if not (path := path.strip("/")):
        return None
    is_file = PurePosixPath(path).suffix in {".md", ".mdx"}
    return Filter(paths=(path,)) if is_file else Filter(folders=(path,))
