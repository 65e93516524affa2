"""The model that needs no key: it quotes the blocks of the passages that answer best, and says that it is quoting."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace

from pydantic import SkipValidation

from server.finding.passages import Passage, Passages, place, safe_link
from server.models.chat_model import Finished, Output
from server.models.citation_markers import NO_ANSWER
from server.models.quoting.blocks import Quotable, Range
from server.models.quoting.frames import frame
from server.models.quoting.selection import Quotation, TermsOf, select
from server.questions import ChatRequest
from shared import content
from shared.index.bm25 import Bm25
from shared.models import CODE_KINDS
from shared.settings import Settings

NAME = "extractive"
MAX_NEAREST = 3
ENOUGH_TERMS = 2
"""Of a question that says what it is about."""
SELECTION_CHARS = 2000
CUT = "…"
"""Stands where something of a block is left out."""

_NO_MARKER = re.compile(r"([\[【])(?=[\s#^\[]{0,2}(?:\d|source|passage|ref|doc|excerpt|citation|no))", re.IGNORECASE)
"""A bracket in the book's text that would read as a marker of ours: a word joiner behind it keeps the two apart."""


class _Arranged(Passages):
    """Passages of which it was chosen what to quote."""

    quotations: SkipValidation[tuple[Quotation, ...]]


class Extractive:
    """A `ChatModel` that never fails, costs nothing, and answers at once."""

    def __init__(self, terms: TermsOf) -> None:
        """`terms`: the stemmed words of a text, as the search knows them."""
        self._terms = terms

    @property
    def name(self) -> str:
        """Not the name of any model upstream."""
        return NAME

    def arrange(self, request: ChatRequest, passages: Passages) -> Passages:
        """The passages so numbered and pinned that the answer cites 1, 2, ... in order, each at the section it quotes."""
        quotations = self._select(request, passages)
        sections = {one.passage.n: (one.passage, one.block.section) for one in reversed(quotations)}
        pinned = [
            passage.model_copy(update={"url": section.url, "heading_path": section.heading_path})
            for passage, section in reversed(sections.values())
        ]
        others = [passage for passage in passages.passages if passage.n not in sections]
        numbered = {passage.n: passage.model_copy(update={"n": n}) for n, passage in enumerate([*pinned, *others], 1)}
        cited = tuple(replace(one, passage=numbered[one.passage.n]) for one in quotations)
        return _Arranged.model_validate(dict(passages) | {"passages": tuple(numbered.values()), "quotations": cited})

    async def answer(self, request: ChatRequest, passages: Passages) -> AsyncGenerator[Output]:
        """See `ChatModel.answer`."""
        for part in await asyncio.to_thread(self._write, request, passages):  # tenths of a second for a question of many words
            yield part
        yield Finished(reason="stop", prompt_tokens=0, completion_tokens=0)

    async def ping(self) -> None:
        """Always there."""

    async def aclose(self) -> None:
        """Nothing to close."""

    def _write(self, request: ChatRequest, passages: Passages) -> list[str]:
        quotations = passages.quotations if isinstance(passages, _Arranged) else self._select(request, passages)
        if not quotations:
            return [*decline(passages.passages, request.question)]
        parts = [*quote(quotations, request.question)]
        if missing := [part.question for part in passages.parts if not part.answerable]:
            parts.append(f"\n\n{frame(request.question).missing}\n" + "".join(f"\n- {_label([part])}" for part in missing))
        return parts

    def _select(self, request: ChatRequest, passages: Passages) -> Sequence[Quotation]:
        if not passages.answerable:
            return []
        asked = passages.question or request.question
        if request.selected_text or len(self._terms(asked)) < ENOUGH_TERMS:
            # "And why?" and "Explain this" name their subject in the conversation or in the selection.
            asked = f"{passages.query or asked} {(request.selected_text or '')[:SELECTION_CHARS]}"
        return select(asked, passages, self._terms, selected=request.selected_text or "")


def open_extractive(settings: Settings) -> Extractive:
    """The quoting model with the terms of the book's language. Raises `ConfigurationError` for an unknown language."""
    bm25 = Bm25(settings.book_language)
    return Extractive(lambda text: frozenset(bm25.query(text).indices))


def quote(quotations: Sequence[Quotation], question: str) -> Iterator[str]:
    """An answer made of quotations, a block at a time: each under its section, cited where the section ends."""
    yield f"{frame(question).introduction}\n\n"
    markers = ""
    for index, one in enumerate(quotations):
        before = quotations[index - 1] if index else None
        after = quotations[index + 1] if index + 1 < len(quotations) else None
        if before is None or not _is_beside(before, one):
            yield ("\n\n" if before else "") + f"**{_labelled(one)}**\n\n"
        elif not _follows(before, one):
            yield f"{CUT}\n\n"
        marker = f"[{one.passage.n}]"
        markers += marker if marker not in markers else ""
        if after and _is_beside(one, after):
            yield f"{_rendered(one)}\n\n"
        else:
            yield _rendered(one) + (" " if one.block.kind in {"paragraph", "text"} else "\n\n") + markers
            markers = ""


def decline(passages: Sequence[Passage], question: str) -> Iterator[str]:
    """What is said when nothing answers: the sign, and the nearest sections as links."""
    yield f"{NO_ANSWER} "
    nearest: dict[str, Passage] = {}
    for passage in passages:
        nearest.setdefault(passage.url, passage)
    if not nearest:
        yield frame(question).nothing
        return
    yield f"{frame(question).nearest}\n"
    for passage in list(nearest.values())[:MAX_NEAREST]:
        yield f"\n- [{_label(place(passage))}]({_address(passage.url)}) [{passage.n}]"


def _is_beside(one: Quotation, other: Quotation) -> bool:
    """Whether two stand in the same section."""
    sections = ((quoted.passage.chunk.path, quoted.block.section.heading_path) for quoted in (one, other))
    return len(set(sections)) == 1


def _follows(before: Quotation, one: Quotation) -> bool:
    """Whether nothing is left out between two."""
    start, end = one.block.intro or one.block.parts[0], before.block.parts[-1]
    return one.passage == before.passage and start[0] - end[1] <= len(content.BLANK_LINE)


def _labelled(one: Quotation) -> str:
    """The section's name, a link where the passage's number leads elsewhere."""
    section = one.block.section
    label = _label(content.breadcrumb(one.passage.chunk.title, section.heading_path))
    return label if section.url == one.passage.url else f"[{label}]({_address(section.url)})"


def _rendered(one: Quotation) -> str:
    """What is quoted of a block as Markdown, word for word; `CUT` where something is left out."""
    block, lines = one.block, list[str]()
    for index, at in enumerate(one.kept):
        if at - (one.kept[index - 1] if index else -1) > 1 and block.kind != "table":
            lines.append(CUT)
        lines.append(_safe(block, block.parts[at]))
        if block.kind == "table" and not index:
            lines.append(f"|{' --- |' * _columns(lines[0])}")
    is_cut = len(one.kept) < len(block.parts)
    if one.kept[-1] + 1 < len(block.parts) and block.kind != "table":
        lines.append(CUT)
    text = "\n".join(lines)
    if block.kind == "code":
        text = f"```\n{text}\n```"
    if is_cut and block.kind == "table":
        text += f"\n\n{CUT}"
    return f"{_safe(block, block.intro)}\n\n{text}" if block.intro else text


def _columns(row: str) -> int:
    return len(re.findall(r"(?<!\\)\|", row.strip("| "))) + 1


def _safe(block: Quotable, part: Range) -> str:
    """A part of a block, in which no bracket outside of code reads as a marker of ours."""
    if block.kind in CODE_KINDS and part != block.intro:
        return block.text(part)
    said, at = "", part[0]
    for start, end in block.code:
        if part[0] <= start < part[1]:
            said += _NO_MARKER.sub("\\1\u2060", block.chunk.content[at:start]) + block.chunk.content[start:end]
            at = end
    return said + _NO_MARKER.sub("\\1\u2060", block.chunk.content[at : part[1]])


def _label(names: Sequence[str]) -> str:
    """The last two names, without what Markdown would read as a link; A* keeps its star, as one that is no emphasis."""
    return re.sub(r"[\[\]]", "", " › ".join(names[-2:])).replace("*", "∗")


def _address(url: str) -> str:
    return safe_link(url).replace("(", "%28").replace(")", "%29").replace(" ", "%20")
