"""Which blocks of the passages to quote. The search chose the sections; this shows what they say. Pure.

1. A section counts what the search gave its passage, the more the larger the share of the question's weight is that it and its
   headings hold, and the more its own heading and the question say the same. A term weighs as much as it is rare in the book.
2. The best section is quoted; a second one where it comes near.
3. A section that is short enough is quoted whole. Of a longer one the blocks that hold most, then those beside the best one, in
   the order of the book.
4. Of a table in such a section the rows that hold something of the question are shown. What is still longer than its room is
   cut between items, rows or lines to those that hold most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from server.english import asks_for_code
from server.finding.passages import Passage, Passages
from server.finding.selected_text import SelectedText
from server.languages import asks_for_picture, without_small_words
from server.models.quoting.blocks import Quotable, read_quotables
from shared import content
from shared.language.topics import is_announcing
from shared.models import CODE_KINDS, Section

TermsOf = Callable[[str], frozenset[int]]
"""The stemmed words of a text without stop words, as numbers."""
TermWeights = Mapping[int, float]
"""{term: share of the question}."""

ROOM_WORDS = (130, 80)
"""Of the first section and of the second."""
NEAR = 0.9
"""Share of the first one's score that a second section must have."""
HEADING = 0.3
"""What the share of the question that the section's own heading holds counts once more, and the share of the heading that the
question holds."""
EARLIER = 0.5
"""What a term counts that only an earlier question of the conversation has."""
CODE = 0.1
"""What a section loses that is all code, where no code is asked for."""
ECHO = 0.9
"""Share of a block that is in the selected text: there is no need to say it again."""
_ASKING = ("?", "？", "؟")
_Blocks = tuple[tuple[Passage, Quotable], ...]


@dataclass(frozen=True, slots=True)
class Quotation:
    """A block of a passage, or what is quoted of a long one."""

    passage: Passage
    block: Quotable
    kept: tuple[int, ...]
    """Numbers of its parts."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A section that may be quoted."""

    blocks: _Blocks
    """What the passages have of it, in the order of the file."""
    score: float
    terms: frozenset[int]
    """Of the question, in it or its headings."""

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """What tells the section from every other."""
        passage, block = self.blocks[0]
        return passage.chunk.path, block.section.heading_path

    @property
    def words(self) -> int:
        """Of all its blocks."""
        return sum(len(block.whole.split()) for _, block in self.blocks)


def select(question: str, passages: Passages, terms: TermsOf, *, selected: str = "") -> list[Quotation]:
    """What to quote, the best section first; nothing only where no passage says anything that is not in `selected` already."""
    sections = _read(question, passages, selected)
    weights = _weigh(question, passages, terms)
    candidates = sorted(
        _candidates(question, sections, weights, terms), key=lambda one: -round(one.score, 6)
    )  # equal ones as the book has them
    if not candidates:
        return []
    first, *others = candidates
    taken = [first]
    for one in others if not passages.sides else ():
        if one.terms and one.score >= NEAR * first.score:
            taken.append(one)
            break
    for asked in (*(part.question for part in passages.parts if part.answerable), *passages.sides):
        best = max(_candidates(asked, sections, _weigh(asked, passages, terms), terms), key=lambda one: one.score, default=None)
        if best is not None and best.key not in {one.key for one in taken}:
            taken.append(best)
    whole = [_with_those_below(one, candidates, ROOM_WORDS[n > 0]) for n, one in enumerate(taken)]
    return [quote for n, one in enumerate(whole) for quote in _quote(one, ROOM_WORDS[n > 0], weights, terms)]


def _read(question: str, passages: Passages, selected: str) -> list[_Blocks]:
    """What the passages have of each of their sections, in the order of the file: no blocks that are all in `selected`, and
    alternative texts only where pictures are asked for."""
    found: dict[tuple[str, tuple[str, ...]], list[tuple[Passage, Section]]] = {}
    for passage in passages.passages:
        for section in passage.chunk.sections:
            found.setdefault((passage.chunk.path, section.heading_path), []).append((passage, section))
    read, pictures = list[_Blocks](), asks_for_picture(question)
    for parts in found.values():
        parts.sort(key=lambda part: part[1].start)
        blocks = ((passage, block) for passage, section in parts for block in read_quotables(passage.chunk, section))
        shown = (one for one in blocks if pictures or not one[1].is_picture)
        read.append(tuple(one for one in shown if not selected or SelectedText.of(one[1].whole).share(selected) < ECHO))
    return [blocks for blocks in read if blocks and not _asks(blocks)]


def _weigh(question: str, passages: Passages, terms: TermsOf) -> TermWeights:
    """A question that goes on from earlier ones has them on the lines before its own."""
    own = terms(without_small_words(question.rpartition("\n")[2]))
    wanted = sorted(terms(without_small_words(question)))
    weighed = {term: passages.rarity.get(term, 1.0) * (1 if term in own else EARLIER) for term in wanted}
    total = sum(weighed.values()) or 1.0
    return {term: weight / total for term, weight in weighed.items()}


def _worth(held: frozenset[int], weights: TermWeights) -> float:
    return sum(weights.get(term, 0.0) for term in sorted(held))


def _candidates(question: str, sections: Sequence[_Blocks], weights: TermWeights, terms: TermsOf) -> Iterator[_Candidate]:
    """The sections with what they are worth; but those that announce, unless they are asked for by name."""
    code = asks_for_code(question)
    for blocks in sections:
        path = blocks[0][1].section.heading_path
        if any(is_announcing(name) and not weights.keys() >= terms(name) > frozenset() for name in path):
            continue
        names = content.breadcrumb(blocks[0][0].chunk.title, path)
        above = terms(" ".join(names[-2:])) & weights.keys()
        below = terms(" ".join(block.whole for _, block in blocks)) & weights.keys()
        held = above | below
        heading = terms(names[-1] if names else "")
        named = heading & weights.keys()
        share = 1 + _worth(held, weights) + HEADING * (_worth(named, weights) + len(named) / (len(heading) or 1))
        share *= 1 - (0 if code else CODE * _code_share(blocks))
        yield _Candidate(blocks, max(passage.score for passage, _ in blocks) * share, held)


def _code_share(blocks: _Blocks) -> float:
    """Of their words, those in code."""
    words = [(len(block.whole.split()), block.kind in CODE_KINDS) for _, block in blocks]
    return sum(count for count, is_code in words if is_code) / (sum(count for count, _ in words) or 1)


def _asks(blocks: _Blocks) -> bool:
    """Whether a section asks more than it says."""
    lines = "\n".join(block.whole for _, block in blocks).splitlines()
    asking = sum(len(line) for line in lines if line.rstrip(" *_`\"')").endswith(_ASKING))
    return 2 * asking > sum(map(len, lines))


def _with_those_below(candidate: _Candidate, candidates: Sequence[_Candidate], room: int) -> _Candidate:
    """A section with those below its heading, in order, as far as each has room: a short one introduces them."""
    page, path = candidate.key
    room -= candidate.words
    blocks = [*candidate.blocks]
    for one in sorted(candidates, key=lambda one: (one.blocks[0][0].chunk.start, one.blocks[0][1].parts[0])):
        if one.key[0] == page and one.key[1][:-1] == path and one.words <= room:
            blocks += one.blocks
            room -= one.words
    return replace(candidate, blocks=tuple(blocks))


def _quote(candidate: _Candidate, room: int, weights: TermWeights, terms: TermsOf) -> list[Quotation]:
    """The section whole where there is room, else its best blocks, in order."""
    scores = [_worth(terms(block.whole), weights) for _, block in candidate.blocks]
    taken: dict[int, tuple[int, ...]] = {}
    fits = candidate.words <= room
    best = max(range(len(scores)), key=scores.__getitem__)
    labelled = [block.is_labelled for _, block in candidate.blocks[best : best + 2]]
    first = (best, best + 1) if labelled == [True, True] else (best,)  # a problem, and the remedy below it
    for at in sorted(range(len(scores)), key=lambda at: (at not in first, -scores[at], abs(at - best))):
        block = candidate.blocks[at][1]
        kept = tuple(range(len(block.parts))) if fits else _matching(block, weights, terms)
        words = sum(len(block.text(part).split()) for part in (block.intro, *(block.parts[n] for n in kept)) if part)
        if taken and words > room:
            continue
        taken[at] = kept if words <= room else _fit(block, room, weights, terms)
        room -= words
    return [Quotation(*candidate.blocks[at], kept) for at, kept in sorted(taken.items())]


def _matching(block: Quotable, weights: TermWeights, terms: TermsOf) -> tuple[int, ...]:
    """Of a table its header and the rows that hold something of the question; all where none does, and of other blocks."""
    rows = [at for at in range(1, len(block.parts)) if terms(block.text(block.parts[at])) & weights.keys()]
    return (0, *rows) if block.kind == "table" and rows else tuple(range(len(block.parts)))


def _fit(block: Quotable, room: int, weights: TermWeights, terms: TermsOf) -> tuple[int, ...]:
    """What is kept of a block that is too long: of code the neighbouring lines that hold most, with its fences; of lists and
    tables the items and rows, with the header."""
    worth = [_worth(terms(block.text(part)), weights) for part in block.parts]
    words = [len(block.text(part).split()) for part in block.parts]
    first, last = block.fixed[0], len(worth) - block.fixed[1]
    kept = [*range(first), *range(last, len(worth))]
    if block.kind in CODE_KINDS:
        window = _window(worth, words, first, last, room)
        return tuple(sorted({*kept, *window, *_above(block, first, window)}))
    room -= sum(words[:first])
    for at in sorted(range(first, last), key=lambda at: (-worth[at], at)):
        if words[at] <= room or at == first == last - 1:
            kept.append(at)
            room -= words[at]
    return tuple(sorted(kept))


def _above(block: Quotable, first: int, window: range) -> Iterator[int]:
    """The lines of a listing that the first one of a window stands in, as its class: those above that are ever further left."""
    lines = [block.text(part) for part in block.parts]
    left = next((_indent(lines[at]) for at in window if lines[at].strip()), 0)
    for at in range(window.start - 1, first - 1, -1):
        if lines[at].strip() and _indent(lines[at]) < left:
            left = _indent(lines[at])
            yield at


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _window(worth: Sequence[float], words: Sequence[int], first: int, last: int, room: int) -> range:
    """The neighbouring lines that hold most together and fit; of equals the first."""
    best, chosen = -1.0, range(first, first + 1)
    for start in range(first, last):
        end, left = start, room
        while end < last and words[end] <= left:
            left -= words[end]
            end += 1
        if (total := sum(worth[start:end])) > best:
            best, chosen = total, range(start, max(end, start + 1))
    return chosen
