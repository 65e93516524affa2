"""From chosen pieces to what must be quoted with them to be understood. Pure.

- A sentence that leans back ("It ...", "This ...") brings the one before it, and is brought by it.
- A sentence that ends with a colon brings the list it announces, also behind the name of the list; the code too, where code
  or steps are asked for.
- Items bring the sentence that announces their list, but a single one that says enough by itself does not; where steps are
  asked for, the steps around it, with their code.
- A table's row brings the header, the header the rows; code brings the sentence before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.english import is_anaphoric
from server.models.quoting.question_kind import QuestionKind
from server.models.quoting.sentences import Quotable

MAX_ITEMS = 8
"""Of a list that comes along."""
WALK_CHARS = 1800
"""Of a walk through steps."""
ENOUGH_WORDS = 6
"""From here on an item says something by itself."""


def widen(pieces: Sequence[Quotable], chosen: Sequence[int], question: QuestionKind) -> tuple[tuple[Quotable, ...], ...]:
    """The runs of pieces to quote, in reading order."""
    wanted = sorted({index for start in chosen for index in (start, *_company(pieces, start, chosen, question))})
    runs: list[list[int]] = []
    for index in wanted:
        last = runs[-1][-1] if runs else index
        # Rows of one table stay under one header, whatever is left out between them.
        is_same_table = pieces[last].kind == pieces[index].kind == "row" and pieces[last].block == pieces[index].block
        if runs and (index == last + 1 or is_same_table):
            runs[-1].append(index)
        else:
            runs.append([index])
    return tuple(tuple(pieces[index] for index in run) for run in runs)


def _company(pieces: Sequence[Quotable], at: int, chosen: Sequence[int], question: QuestionKind) -> Iterator[int]:
    """Indices of the pieces the one at `at` brings."""
    match pieces[at].kind:
        case "sentence":
            yield from _thought(pieces, at)
            if pieces[at].introduces:
                yield from _announced(pieces, at, question)
        case "item":
            first = _first_of_block(pieces, at)
            alone = sum(pieces[other].block == pieces[at].block for other in chosen) == 1
            enough = alone and len(pieces[at].text.split()) >= ENOUGH_WORDS
            if first and pieces[first - 1].introduces and (question.wants_steps or not enough):
                yield first - 1
            if question.wants_steps:
                first = at
                while first and pieces[first - 1].kind in {"item", "code"} and pieces[first - 1].heading == pieces[at].heading:
                    first -= 1
                yield from _walk(pieces, first)
        case "row":
            first = _first_of_block(pieces, at)
            yield first
            if at == first:
                yield from _block(pieces, at + 1, pieces[at].block)
        case _:
            if at and pieces[at - 1].kind == "sentence":
                yield at - 1


def _thought(pieces: Sequence[Quotable], at: int) -> Iterator[int]:
    """The sentence before one that leans back, or the next when that one does."""
    if at and is_anaphoric(pieces[at].text) and pieces[at - 1].block == pieces[at].block:
        yield at - 1
    follows = at + 1 < len(pieces) and pieces[at + 1].block == pieces[at].block
    if follows and is_anaphoric(pieces[at + 1].text) and not pieces[at + 1].introduces:
        yield at + 1


def _announced(pieces: Sequence[Quotable], at: int, question: QuestionKind) -> Iterator[int]:
    if question.wants_steps:
        yield from _walk(pieces, at)
        return
    follows = list(range(at + 1, len(pieces)))
    if follows and pieces[at + 1].kind == "sentence" and pieces[at + 1].introduces:
        yield at + 1  # the announcement of the first of several lists
        yield from _items_behind(pieces, follows[1:])
    if follows and pieces[at + 1].kind == "code" and question.wants_code:
        yield at + 1
    if follows and pieces[at + 1].kind == "row":
        yield from _block(pieces, at + 1, pieces[at + 1].block)
    yield from _items_behind(pieces, follows)


def _items_behind(pieces: Sequence[Quotable], follows: Sequence[int]) -> Iterator[int]:
    for index in follows[:MAX_ITEMS]:
        if pieces[index].kind not in {"item", "heading"}:
            return
        if pieces[index].kind == "item" or (index + 1 < len(pieces) and pieces[index + 1].kind == "item"):
            yield index


def _walk(pieces: Sequence[Quotable], start: int) -> Iterator[int]:
    """Steps from `start` on, as far as `WALK_CHARS` go: items, code and small headings, up to the next plain prose."""
    room = WALK_CHARS
    for index in range(start, len(pieces)):
        room -= len(pieces[index].text)
        if room < 0 or (index > start and pieces[index].kind in {"sentence", "row"}):
            return
        if pieces[index].kind != "heading" or (index + 1 < len(pieces) and len(pieces[index + 1].text) <= room):
            yield index


def _block(pieces: Sequence[Quotable], start: int, block: int) -> Iterator[int]:
    for index in range(start, min(start + MAX_ITEMS, len(pieces))):
        if pieces[index].block != block:
            return
        yield index


def _first_of_block(pieces: Sequence[Quotable], at: int) -> int:
    while at and pieces[at - 1].block == pieces[at].block:
        at -= 1
    return at
