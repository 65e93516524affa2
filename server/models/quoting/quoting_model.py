"""The model that needs no key: it quotes the sentences of the passages that answer best, and says that it is quoting."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace

from server.finding.passages import Passage, Passages, place
from server.models.chat_model import Finished, Output
from server.models.citation_markers import NO_ANSWER
from server.models.quoting.evidence import Excerpt, find_evidence
from server.models.quoting.question_kind import QuestionKind, TermsOf, read_question
from server.models.quoting.sentences import ITEM_MARKER, Quotable
from server.questions import ChatRequest
from shared import content
from shared.index.bm25 import Bm25
from shared.settings import Settings

NAME = "extractive"
INTRODUCTION = "In the book's own words:"
NOTHING_NEAR = "The book does not seem to say anything about this."
NEAREST = "I found no sentence in the book that answers this. These sections come nearest:"
MAX_NEAREST = 3
SELECTION_CHARS = 2000
SELECTION_TERMS = 20
"""Of the selection, which join a question that has next to none of its own ("Explain this")."""

_NO_MARKER = re.compile(r"([\[【])(?=[\s#^\[]{0,2}(?:\d|source|passage|ref|doc|excerpt|citation|no))", re.IGNORECASE)
"""A bracket in the book's text that would read as a marker of ours: a word joiner behind it keeps the two apart."""


class Extractive:
    """A `ChatModel` that never fails, costs nothing, and answers at once."""

    def __init__(self, terms: TermsOf) -> None:
        """`terms`: the stemmed words of a text, as the search knows them."""
        self._terms = terms

    @property
    def name(self) -> str:
        """Not the name of any model upstream."""
        return NAME

    async def answer(self, request: ChatRequest, passages: Passages) -> AsyncGenerator[Output]:
        """See `ChatModel.answer`."""
        excerpts = self._excerpts(self._question(request, passages), passages) if passages.answerable else []
        for part in quote(excerpts) if excerpts else decline(passages.passages):
            yield part
        yield Finished(reason="stop", prompt_tokens=0, completion_tokens=0)

    async def ping(self) -> None:
        """Always there."""

    async def aclose(self) -> None:
        """Nothing to close."""

    def _excerpts(self, question: QuestionKind, passages: Passages) -> list[Excerpt]:
        """What to quote; where no sentence answers, the code that does what is asked, or the listing of facts."""
        found = find_evidence(question, passages, self._terms)
        if found or question.wants_definition:
            return found
        wider = replace(question, wants_code=True) if question.wants_steps else replace(question, wants_data=True)
        return find_evidence(wider, passages, self._terms)

    def _question(self, request: ChatRequest, passages: Passages) -> QuestionKind:
        question = read_question(passages.question or request.question, self._terms)
        if len(question.terms) > 1:
            return question
        # "And why?" and "Explain this" name their subject in the conversation or in the selection.
        named = read_question(f"{passages.query} {request.selected_text or ''}"[:SELECTION_CHARS], self._terms).terms
        more = frozenset(sorted(named - question.terms)[:SELECTION_TERMS])
        return replace(question, terms=question.terms | more)


def open_extractive(settings: Settings) -> Extractive:
    """The quoting model with the terms of the book's language. Raises `ConfigurationError` for an unknown language."""
    bm25 = Bm25(settings.book_language)
    return Extractive(lambda text: frozenset(bm25.query(text).indices))


def quote(excerpts: Sequence[Excerpt]) -> Iterator[str]:
    """An answer made of quotations, in pieces of a paragraph or less: each under its section, cited where the section ends."""
    yield f"{INTRODUCTION}\n\n"
    quoted = [(excerpt.passage, run[0].section, run) for excerpt in excerpts for run in excerpt.runs]
    for index, (passage, section, run) in enumerate(quoted):
        before = quoted[index - 1][:2] if index else None
        after = quoted[index + 1][:2] if index + 1 < len(quoted) else None
        if before != (passage, section):
            label = _label(content.breadcrumb(passage.chunk.title, section.heading_path))
            if section.url != passage.url:  # the passage's number leads elsewhere
                label = f"[{label}]({_address(section.url)})"
            yield ("\n\n" if index else "") + f"**{label}**\n\n"
        yield from _run(run, " …\n\n" if after == (passage, section) else f" [{passage.n}]")


def decline(passages: Sequence[Passage]) -> Iterator[str]:
    """What is said when nothing answers: the sign, and the nearest sections as links."""
    yield f"{NO_ANSWER} "
    nearest: dict[str, Passage] = {}
    for passage in passages:
        nearest.setdefault(passage.url, passage)
    if not nearest:
        yield NOTHING_NEAR
        return
    yield f"{NEAREST}\n"
    for passage in list(nearest.values())[:MAX_NEAREST]:
        yield f"\n- [{_label(place(passage))}]({_address(passage.url)}) [{passage.n}]"


def _run(run: Sequence[Quotable], ending: str) -> Iterator[str]:
    """A run of pieces as Markdown: prose in quotes, lists, rows and code as they are; one item alone is prose."""
    if len(run) == 1 and run[0].kind == "item":
        run = [replace(run[0], kind="sentence", text=ITEM_MARKER.sub("", run[0].text))]
    for index, piece in enumerate(run):
        previous = run[index - 1] if index else None
        following = run[index + 1] if index + 1 < len(run) else None
        text = _before(piece, previous) + _rendered(piece, previous, following)
        if following is None:
            text += f"\n\n{ending.lstrip()}" if piece.kind in {"code", "row"} else ending
        yield text


def _before(piece: Quotable, previous: Quotable | None) -> str:
    if previous is None:
        return ""
    if piece.kind == previous.kind == "sentence":
        return " " if piece.block == previous.block else "\n\n"
    return "\n" if piece.kind == previous.kind and piece.kind in {"item", "row"} else "\n\n"


def _rendered(piece: Quotable, previous: Quotable | None, following: Quotable | None) -> str:
    text = _NO_MARKER.sub("\\1\u2060", piece.text)
    match piece.kind:
        case "sentence":
            opens = previous is None or previous.kind != "sentence" or previous.block != piece.block
            closes = following is None or following.kind != "sentence" or following.block != piece.block
            return ("“" if opens else "") + text + ("”" if closes else "")
        case "heading":
            return f"**{piece.text}**"
        case "code" if previous is None or previous.kind == "sentence":
            # Code from inside a list, outside of one: four spaces would make it another kind of code.
            margin = len(piece.text) - len(piece.text.lstrip(" "))
            lines = piece.text.split("\n")
            return "\n".join(line[margin:] if line[:margin].isspace() else line for line in lines)
        case "row" if previous is None or previous.block != piece.block:
            columns = len(re.findall(r"(?<!\\)\|", text.strip("| "))) + 1
            return f"{text}\n|{' --- |' * columns}"
        case _:
            return text


def _label(names: Sequence[str]) -> str:
    """The last two names, without what Markdown would read as a link; A* keeps its star, as one that is no emphasis."""
    return re.sub(r"[\[\]]", "", " › ".join(names[-2:])).replace("*", "∗")


def _address(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
