"""Where in the book the text stands that a reader selected.

The browser gives rendered text, the book is Markdown: so both are compared as runs of letters and digits, without case, white
space and markup, and a part that differs (a formula, a line number) does not spoil the rest.

1. Ask the index for the chunks that share most words with the selection.
2. Compare all runs of `RUN` characters; the chunk that holds most of them is where the selection stands.
3. It goes on in the chunks before and after as long as those hold runs that are still missing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from server.finding.places import Place, cut, page_url
from server.finding.ranking.relevance import continues
from shared.index.bm25 import Bm25
from shared.index.port import Snapshot
from shared.models import Chunk, Section, SparseVector

RUN = 8
"""Characters in a run: a word and a bit, so that runs tell order too."""
CANDIDATES = 24
SELECTION_CHARS = 4000
"""Looked at of a selection: three chunks and more."""
QUERY_TERMS = 64
"""Of the selection, spread over it: enough to tell any place from any other, and quick to look up."""
HALF = 0.5
"""Share of its runs that must be in the book: less is another text."""
WORTH_A_CHUNK = 0.05
"""Share of the selection's runs that a further chunk must add."""
MOST_CHUNKS = 4
"""That one selection may span."""
AROUND_TOKENS = 1500
"""Of a selection with its section and neighbours: about six chunks of the default size."""
_MARKS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class SelectedText:
    """A selected text as its runs."""

    runs: frozenset[str]
    size: int
    """Characters in each."""

    @classmethod
    def of(cls, text: str) -> SelectedText:
        """The beginning of the text; one short run where it has fewer letters than `RUN`."""
        squeezed = _squeeze(text[:SELECTION_CHARS])
        size = min(RUN, len(squeezed))
        return cls(_runs(squeezed, size), size)

    def held_by(self, text: str) -> frozenset[str]:
        """Its runs that are in a text."""
        return self.runs & _runs(_squeeze(text), self.size)

    def share(self, text: str) -> float:
        """Of its runs, those in a text; 0 to 1."""
        return len(self.held_by(text)) / max(1, len(self.runs))


async def enclose(snapshot: Snapshot, found: Sequence[Chunk], text: str) -> tuple[list[Place], Section]:
    """The places of the chunks a selection stands in, of the rest of its section and of the chunk on either side; its section.

    They are grown outwards, one chunk at a time, while all are within `AROUND_TOKENS`.
    """
    first, last = found[0].position, found[-1].position
    window = await snapshot.page(found[0].path, first=max(0, first - MOST_CHUNKS), last=last + MOST_CHUNKS)
    kept = [chunk for chunk in window if first <= chunk.position <= last]
    grows = [True, True]
    while any(grows):
        for side, beside in enumerate((kept[-1].position + 1, kept[0].position - 1)):
            chunk = next((one for one in window if one.position == beside), None)
            grows[side] = grows[side] and chunk is not None and _belongs(chunk, kept, range(first - 1, last + 2))
            if chunk is not None and grows[side]:
                kept = [*kept, chunk] if side == 0 else [chunk, *kept]
    selection = SelectedText.of(text)
    said = max((place for chunk in found for place in cut(chunk)), key=lambda place: selection.share(place.body))
    return [place for chunk in kept for place in cut(chunk)], said.section


def _belongs(chunk: Chunk, kept: Sequence[Chunk], near: range) -> bool:
    """Whether a chunk beside those kept is next to the selection or goes on with its section, and there is room for it."""
    same = continues(kept[-1], chunk) if chunk.position > kept[-1].position else continues(chunk, kept[0])
    return (chunk.position in near or same) and sum(one.tokens for one in kept) + chunk.tokens <= AROUND_TOKENS


async def find_selection(
    snapshot: Snapshot, bm25: Bm25, text: str, *, around: str | None = None, page: str | None = None
) -> list[Chunk]:
    """The chunks the selection stands in, in order; empty when the book does not hold it.

    `around`: text that surrounds it, to tell equal sentences apart. `page`: the address it was read at; that page is preferred.
    """
    selection, nearby = SelectedText.of(text), SelectedText.of(around or "")
    address = address_path(page) if page else ""
    terms = bm25.query(text[:SELECTION_CHARS])
    step = -(-len(terms.indices) // QUERY_TERMS) or 1
    query = SparseVector(indices=terms.indices[::step], values=terms.values[::step])
    hits = await snapshot.search(query, limit=CANDIDATES)
    if not selection.runs or not hits:
        return []
    best = max(
        (hit.chunk for hit in hits),
        key=lambda chunk: (
            selection.share(chunk.content),
            address.endswith(address_path(page_url(chunk))),
            nearby.share(chunk.content),
        ),
    )
    found = await _extend(snapshot, best, selection)
    held = frozenset[str]().union(*(selection.held_by(chunk.content) for chunk in found))
    return found if len(held) >= HALF * len(selection.runs) else []


async def _extend(snapshot: Snapshot, best: Chunk, selection: SelectedText) -> list[Chunk]:
    """`best` and those beside it that the selection goes on in."""
    first, last = max(0, best.position - MOST_CHUNKS), best.position + MOST_CHUNKS
    page = await snapshot.page(best.path, first=first, last=last)
    at = next(index for index, chunk in enumerate(page) if chunk.id == best.id)
    found, missing = [best], selection.runs - selection.held_by(best.content)
    for beside, is_before in ((page[at + 1 :], False), (page[:at][::-1], True)):
        for chunk in beside:
            held = missing & selection.held_by(chunk.content)
            if len(held) <= WORTH_A_CHUNK * len(selection.runs) or len(found) == MOST_CHUNKS:
                break
            found = [chunk, *found] if is_before else [*found, chunk]
            missing -= held
    return found


def _squeeze(text: str) -> str:
    """Its letters and digits alone."""
    return _MARKS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _runs(squeezed: str, size: int) -> frozenset[str]:
    return frozenset(squeezed[start : start + size] for start in range(len(squeezed) - size + 1)) if size else frozenset()


def address_path(address: str) -> str:
    """An address's path, without the host, the query and a slash at its end."""
    rest = re.sub(r"^[a-z][a-z0-9+.-]*://[^/]*", "", address, flags=re.IGNORECASE)
    return re.split(r"[?#]", rest, maxsplit=1)[0].rstrip("/") or "/"
