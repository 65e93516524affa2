"""The page a question points at: the one its reader has before them ("What is this chapter about?", "Explain it."), or one that
it names by its number (`numbered_pages`)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from server.english import points_back, without_request
from server.finding.choosing import NEIGHBOURS, Ranked
from server.finding.numbered_pages import TitledPage, find_numbered, names_alike, names_page, without_numbers
from server.finding.places import cut, page_url
from server.finding.query.terms import Stemmer
from server.finding.selected_text import address_path
from server.languages import without_small_words
from server.questions import ChatRequest
from shared.index.port import Snapshot

AT_ONCE = 16
"""Pages whose address is looked up together."""
OTHER_SECTION = 0.9
"""What a section counts of a page that is meant as a whole, against one whose heading says what is wanted: its summary."""

_POINTER = re.compile(
    r"\b(?:(?:on|in|from|of|by|with) )?(?:this|the current) (?:page|chapter|section|lesson|article|tutorial|unit|topic)\b"
    r"|\b(?:said|written|described|explained|shown|meant|covered|discussed|taught) here\b|\bhere\W*$"
    r"|\b(?:est[ae] (?:página|capítulo|sección|lección)|esta seção|(?:questa|questo) (?:pagina|capitolo|sezione))\b"
    r"|\b(?:cette (?:page|section|leçon)|ce chapitre|dies(?:e[rsnm]?)? (?:seite|kapitels?|abschnitts?|lektion))\b"
    r"|\bbu (?:sayfa|bölüm|ders)\w*|\b(?:эт(?:а|у|ой) (?:страниц|глав)\w+|эт(?:от|ом) раздел\w*)"
    r"|هذه الصفحة|هذا الفصل|هذا القسم|اس (?:صفحے|صفحہ|باب|سبق)|इस (?:पृष्ठ|पेज|अध्याय|पाठ)"
    r"|(?:本|这|这一)(?:页|章|节)|(?:この|本)(?:ページ|章|節)",
    re.IGNORECASE,
)
"""What points at the page; in English also a pronoun for which nothing was said before."""


def points_at_page(request: ChatRequest, terms: Stemmer) -> bool:
    """Whether the question is about the page it was asked on: it says so, or names nothing at all after no other turn."""
    if request.selected_text or not request.page_url:
        return False
    return says_this_page(request.question) or (
        not request.history and points_back(request.question) and names_nothing(request.question, terms)
    )


def hangs_on_page(request: ChatRequest) -> bool:
    """Whether the page may make a difference to what is found: it tells equal selections apart, and may be pointed at."""
    points = not request.history and points_back(request.question)
    return bool(request.selected_text) or says_this_page(request.question) or points


def says_this_page(question: str) -> bool:
    """Whether the question names the page itself."""
    return bool(_POINTER.search(question))


def without_pointer(question: str) -> str:
    """The question without what points at pages."""
    return without_numbers(_POINTER.sub(" ", question))


def names_nothing(question: str, terms: Stemmer) -> bool:
    """Whether no word is left of it to search for, what points at pages and the words that ask taken away."""
    return not terms.of(without_small_words(without_request(without_pointer(question))))


class PageAddresses:
    """The files of the live build by the address and the title of their page, looked up when first asked for."""

    def __init__(self) -> None:
        self._known: tuple[str, dict[str, TitledPage]] = ("", {})
        self._looking = asyncio.Lock()

    async def find(self, snapshot: Snapshot, address: str) -> str | None:
        """The file whose page is at `address`, with whatever host and folder before it; None: it is no page of the book."""
        pages = await self._look(snapshot)
        asked = address_path(address)
        found = [at for at in pages if asked == at or (at != "/" and asked.endswith(at)) or _ends_with(at, asked)]
        return pages[max(found, key=len)].path if found else None

    async def meant(self, snapshot: Snapshot, request: ChatRequest, terms: Stemmer) -> list[str]:
        """The files of the pages a question is about: the one it was asked on, or those it names by their number, in order."""
        if points_at_page(request, terms):
            path = await self.find(snapshot, request.page_url or "")
            return [path] if path else []
        if request.selected_text or not names_page(request.question):
            return []
        return find_numbered([*(await self._look(snapshot)).values()], request.question)

    async def _look(self, snapshot: Snapshot) -> dict[str, TitledPage]:
        async with self._looking:
            if self._known[0] != snapshot.build.id:
                self._known = (snapshot.build.id, await _by_address(snapshot, await snapshot.documents()))
            return self._known[1]


def _ends_with(address: str, part: str) -> bool:
    """Whether a front end sent the end of the address alone, as in `/intro`."""
    return part.strip("/") != "" and address.endswith(f"/{part.strip('/')}")


async def read_pages(snapshot: Snapshot, request: ChatRequest, paths: Sequence[str]) -> list[Ranked]:
    """The places of a page, first those whose heading says what is wanted, else its beginning; of several how each begins."""
    last = None if len(paths) == 1 else NEIGHBOURS
    pages = await asyncio.gather(*(snapshot.page(path, last=last) for path in paths[: request.k]))
    places = [[place for chunk in chunks for place in cut(chunk) if not place.is_bare] for chunks in pages]
    if len(paths) > 1:
        return [Ranked(one, 1.0) for of_page in places for one in of_page[:1]]
    wanted = without_small_words(without_pointer(request.question))
    first = [one for one in places[0] if names_alike(wanted, one.section.heading_path)] or places[0][:1]
    return [*(Ranked(one, 1.0) for one in first), *(Ranked(one, OTHER_SECTION) for one in places[0] if one not in first)]


async def _by_address(snapshot: Snapshot, paths: Sequence[str]) -> dict[str, TitledPage]:
    by_address: dict[str, TitledPage] = {}
    for start in range(0, len(paths), AT_ONCE):
        firsts = await asyncio.gather(*(snapshot.page(path, first=0, last=0) for path in paths[start : start + AT_ONCE]))
        by_address |= {
            address_path(page_url(chunk)): TitledPage(chunk.path, chunk.title) for first in firsts for chunk in first
        }
    return by_address
