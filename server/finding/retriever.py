"""From a question to the passages an answer may use, and from a query to search results.

1. Say what to search for: the question, made whole from the turns before it (`follow_up`), in words of the book (`spelling`),
   and its parts (`parts`). Never the selected text.
2. Rank the places of the book (`hybrid`), and judge whether it holds the answer (`abstention`).
3. Begin with the section a selection stands in (`selected_text`), or the page the question points at (`current_page`); then
   choose (`choosing`): several sections rather than one, nothing twice, short sections whole, within the token budget.

A reader who searches is shown the exact section; a model is given the whole chunk around it, pinned to that section's heading.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import chain, islice
from typing import Literal, TypeVar

from server.finding.abstention import ENOUGH
from server.finding.choosing import NEIGHBOURS, Fates, Ranked, choose, complete, extend, join_rankings, settle
from server.finding.cosine_baseline import CosineBaseline
from server.finding.current_page import PageAddresses, names_nothing, read_pages, without_pointer
from server.finding.judging import Judge
from server.finding.passages import Part, Passage, Passages, SearchOutcome
from server.finding.places import Place, PlaceKey, as_chunk, cut
from server.finding.query.follow_up import Rewrite, SearchQuery, make_query
from server.finding.query.parts import LONG_WORDS, split_question, split_sides
from server.finding.query.spelling import Spelling
from server.finding.query.terms import Frequencies, Stemmer
from server.finding.ranking.hybrid import HybridSearch
from server.finding.ranking.relevance import ChunkReader
from server.finding.ranking.reranker import Reranker
from server.finding.selected_text import enclose, find_selection
from server.finding.trail import Judged, make_trail
from server.languages import is_foreign
from server.questions import ChatRequest
from shared.embedding.model import EmbeddingModel
from shared.index.bm25 import Bm25
from shared.index.port import Filter, Index, Snapshot
from shared.models import Chunk, Hit
from shared.tokens import Tokenizer

UNLIKELY_PAGE = 2
"""Passages of the page a question points at, where that page does not seem to hold the answer."""
ENOUGH_TERMS = 2
"""Words, stop words aside, below which a question about a selection ("What does this mean?") asks about nothing else."""
MAX_TOKENS = 4000
"""Of all passages together: half of what a prompt may take."""


PART_TOKENS = 800
"""More, for each further part of a question and each side of a comparison."""
MORE_FOR_A_PART = 2
"""Passages beyond those asked for, for each further part of a question and each side of a comparison."""


T = TypeVar("T")


class Retriever:
    """Finds places in the live build; by words alone where there is no embedding model or it is out of reach."""

    def __init__(
        self,
        *,
        index: Index,
        bm25: Bm25,
        embeddings: EmbeddingModel | None,
        tokenizer: Tokenizer,
        enough: float = ENOUGH,
        rewrite: Rewrite | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        """`enough`: the support from which on a question counts as answerable.

        `rewrite`: makes a follow-up question whole; None: done by rule.
        """
        self._index = index
        self._bm25 = bm25
        self._count = tokenizer.count
        self._rewrite = rewrite
        self._reranker = reranker
        self._terms = Stemmer(bm25)
        frequencies = Frequencies(bm25)
        self._spelling = Spelling(index, self._terms, frequencies, bm25.language)
        hybrid = HybridSearch(bm25, embeddings, self._terms, frequencies, ChunkReader(self._terms), reranker)
        self._judge = Judge(hybrid, self._terms, frequencies, CosineBaseline(index), enough)
        self._addresses = PageAddresses()

    async def aclose(self) -> None:
        """Stop what goes on in the background."""
        await self._spelling.aclose()
        if self._reranker is not None:
            await self._reranker.aclose()

    async def retrieve(self, request: ChatRequest) -> Passages:
        """The passages for one request, numbered from 1, best first. Raises `NotBuiltError`, `ServiceError` (the index)."""
        query = await make_query(request.question, request.history, self._terms, self._rewrite)
        async with self._index.snapshot() as snapshot:
            is_long = len(query.text.split()) >= LONG_WORDS
            query, early = await self._correct(snapshot, query, is_long=is_long)
            parts = split_question(query, self._terms)
            wholes = parts if is_long else (query,)
            sides = split_sides(query, self._terms) if len(parts) == 1 and not is_long else ()
            further = sides if is_long or sides or len(parts) == 1 else parts
            (selected, shown), judged, beside = await asyncio.gather(
                self._selected(snapshot, request),
                asyncio.gather(*(self._judge.judge(snapshot, one) for one in wholes)) if early is None else _resolved([early]),
                asyncio.gather(*(self._judge.judge(snapshot, one, thing=one.text if sides else None) for one in further)),
            )
            points_at_it = bool(selected) and len(set(self._terms.of(query.whole))) < ENOUGH_TERMS
            limit = 0 if points_at_it else request.k - len(selected) + MORE_FOR_A_PART * (len(wholes) - 1)
            room = MAX_TOKENS + PART_TOKENS * (len(wholes) + len(further) - 1)
            ranking = join_rankings([one.found.ranked for one in judged])
            of_page, meant, on_page = await self._on_page(snapshot, request, query)
            fates: Fates = {}
            if meant == "all of it":
                ranking = []
            results = list(selected)
            first = (of_page, limit if meant else UNLIKELY_PAGE)
            for ranked, most in (first, (ranking, limit), *((one.found.ranked, MORE_FOR_A_PART) for one in beside)):
                left = most - (len(results) - len(selected)) if ranked is ranking else most
                more = self._results(snapshot, ranked, limit=left, whole=True, shown=shown, fates=fates)
                async with aclosing(more):
                    async for place, places, result in more:  # what still fits; the first fits always
                        used = sum(one.chunk.tokens for one in results)
                        if not results or used + result.chunk.tokens <= room:
                            results.append(result)
                            settle(fates, place, "taken")
                            continue
                        for one in places:
                            settle(fates, one, "no room")
            passages = [
                Passage(n=n, chunk=one.chunk, score=min(1.0, one.score), url=one.chunk.url, heading_path=one.chunk.heading_path)
                for n, one in enumerate(results, 1)
            ]
            asked = zip(parts, judged if is_long else beside, strict=True) if len(parts) > 1 else ()
            everything = [one.found for one in (*judged, *beside)]
            searches = {"question": judged, "side" if sides else "part": beside, "page": on_page}
            return Passages(
                passages=tuple(passages),
                query=query.whole,
                question=" ".join(one.text for one in wholes),
                parts=tuple(Part(question=one.text, answerable=part.answerable) for one, part in asked),
                sides=tuple(side.text for side in sides),
                build_id=snapshot.build.id,
                answerable=bool(results) and (bool(selected) or bool(meant) or any(one.answerable for one in judged)),
                support=max(one.support for one in judged),
                degraded=any(found.degraded for found in everything),
                rarity={term: rarity for found in everything for term, rarity in found.rarity.items()},
                long_forms={short: long for found in everything for short, long in found.long_forms.items()},
                trail=make_trail(searches, fates, shown, has_selection=bool(selected), of_page=meant),
            )

    async def search(self, query: str, *, k: int, where: Filter | None = None) -> SearchOutcome:
        """The `k` best places for `query`, best first. Raises `NotBuiltError`, `ServiceError` (the index)."""
        async with self._index.snapshot() as snapshot:
            asked, early = await self._correct(snapshot, SearchQuery(query), where=where)
            judged = early or await self._judge.judge(snapshot, asked, where=where)
            found = judged.found
            results = self._results(snapshot, found.ranked, limit=k, whole=False, shown=set(), fates={})
            async with aclosing(results):
                hits = [hit async for *_, hit in results]
            return SearchOutcome(
                hits=tuple(hits),
                query=asked.text,
                answerable=bool(hits) and judged.answerable,
                support=judged.support,
                degraded=found.degraded,
            )

    async def _correct(
        self, snapshot: Snapshot, query: SearchQuery, *, is_long: bool = False, where: Filter | None = None
    ) -> tuple[SearchQuery, Judged | None]:
        """The query as the book spells it, and what it finds where that changes nothing: asked for at the same moment."""
        spelled, early = await asyncio.gather(
            self._spelling.correct(snapshot, query.text),
            _resolved(None) if is_long else self._judge.judge(snapshot, query, where=where),
        )
        return (query, early) if spelled == query.text else (replace(query, text=spelled), None)

    async def _selected(self, snapshot: Snapshot, request: ChatRequest) -> tuple[list[Hit], set[PlaceKey]]:
        """The section the selected text stands in with its neighbours, none where it is not in the book; and its places."""
        if not request.selected_text or not request.selected_text.strip():
            return [], set()
        found = await find_selection(
            snapshot, self._bm25, request.selected_text, around=request.surrounding_context, page=request.page_url
        )
        if not found:
            return [], set()
        places, section = await enclose(snapshot, found, request.selected_text)
        return [Hit(chunk=as_chunk(places, section, self._count), score=1.0)], {place.key for place in places}

    async def _on_page(
        self, snapshot: Snapshot, request: ChatRequest, query: SearchQuery
    ) -> tuple[Sequence[Ranked], Literal["", "part", "all of it"], list[Judged]]:
        """Places of the pages the question points at, best first, what of them is meant, and the search in them; or nothing."""
        paths = await self._addresses.meant(snapshot, request, self._terms)
        if not paths:
            return [], "", []
        if names_nothing(request.question, self._terms):
            return await read_pages(snapshot, request, paths), "all of it", []
        asked = replace(query, text=without_pointer(query.text))
        judged = await self._judge.judge(snapshot, asked, where=Filter(paths=tuple(paths)))
        if not judged.answerable and is_foreign(request.question, self._bm25.language):  # which shares no words with the page
            return await read_pages(snapshot, request, paths), "all of it", [judged]
        return judged.found.ranked, "part" if judged.answerable else "", [judged]

    async def _results(
        self, snapshot: Snapshot, ranked: Sequence[Ranked], *, limit: int, whole: bool, shown: set[PlaceKey], fates: Fates
    ) -> AsyncGenerator[tuple[Place, list[Place], Hit]]:
        """The chosen places not `shown`, each with those shown with it: of a short section all, `whole`: of its chunk."""
        choice = choose(ranked, limit=limit, fates=fates) if limit > 0 else iter(())
        chosen = [*islice(choice, limit if limit > 0 else 0)]
        windows = await asyncio.gather(*(_window(snapshot, one.place.chunk) for one in chosen))
        for number, one in enumerate(chain(chosen, choice)):
            if limit <= 0:
                return
            if one.place.key in shown:
                settle(fates, one.place, "shown")
                continue
            window = windows[number] if number < len(windows) else await _window(snapshot, one.place.chunk)
            places = extend(one.place, window) if whole else complete(one.place, window)
            if whole:
                chunks = {place.chunk.id for place in places}
                places = [place for chunk in window if chunk.id in chunks for place in cut(chunk)]
            if any(place.key in shown for place in places):
                places = [place for place in places if place.key == one.place.key]
            shown.update(place.key for place in places)
            yield one.place, places, Hit(chunk=as_chunk(places, one.place.section, self._count), score=one.score)
            limit -= 1


async def _resolved(value: T) -> T:
    return value


async def _window(snapshot: Snapshot, chunk: Chunk) -> list[Chunk]:
    """The chunks from `NEIGHBOURS` before it to as many after it, in order."""
    return await snapshot.page(chunk.path, first=max(0, chunk.position - NEIGHBOURS), last=chunk.position + NEIGHBOURS)
