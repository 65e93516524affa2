"""Messages for a chat model: the rules, the conversation, the passages, the question. Pure but for reading `answer.md` once.

The question is never shortened. When all does not fit `Room`, what goes first is, in this order: the last passages one by one,
the oldest turns, the text around the selection; a selection or a first passage over its share is cut at a word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Literal, TypedDict

from server.finding.passages import Passage, Passages, place
from server.models.citation_markers import NO_ANSWER
from server.models.citations import Citations
from server.questions import EXCHANGES, ChatRequest, Turn
from shared import content
from shared.tokens import CountTokens

MESSAGE_TOKENS = 4
"""What a chat model adds around each message."""
_TAG = re.compile(r"<(?=/?\s*(?:passage|selection|around_selection|question)\b)", re.IGNORECASE)


class ChatMessage(TypedDict):
    """One entry of a chat completion request."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Room:
    """Tokens a prompt may take."""

    total: int = 8000
    """All of it: the smallest window in use is 16,384, and the answer needs its share."""
    selection: int = 1500
    around: int = 500
    history: int = 1500


def build_messages(
    request: ChatRequest, passages: Passages, *, count: CountTokens, room: Room | None = None
) -> list[ChatMessage]:
    """The prompt for one question: a system message, the last exchanges, and the passages with the question."""
    room = room or Room()
    system = rules()
    question = f"<question>\n{_inert(request.question)}\n</question>"
    left = room.total - count(system) - count(question) - 2 * MESSAGE_TOKENS
    selection = _element("selection", request.selected_text, min(room.selection, left), count)
    left -= count(selection)
    first, *others = passages.passages or (None,)
    best = _passage(first, left, count) if first else ""
    left -= count(best)
    around = _element("around_selection", request.surrounding_context, min(room.around, left), count)
    left -= count(around)
    history = _last_turns(request.history, min(room.history, left), count)
    left -= sum(count(turn.content) + MESSAGE_TOKENS for turn in history)
    more: list[str] = []
    for text in [_passage(passage) for passage in others if passage]:
        left -= count(text) + 1
        if left < 0:
            break
        more.append(text)
    parts = [selection, around, best, *more, question]
    return [
        ChatMessage(role="system", content=system),
        *(ChatMessage(role=turn.role, content=turn.content) for turn in history),
        ChatMessage(role="user", content="\n\n".join(part for part in parts if part)),
    ]


@cache
def rules() -> str:
    """The system message: `answer.md` with the no-answer sign in it."""
    text = (Path(__file__).parent / "answer.md").read_text(encoding="utf-8")
    return text.replace("{no_answer}", NO_ANSWER).strip()


def cut_to_tokens(text: str, tokens: int, count: CountTokens) -> str:
    """The longest beginning of `text`, cut at white space, that is within `tokens`; the whole text where it fits."""
    if count(text) <= tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(text[:middle]) <= tokens else (low, middle - 1)
    head, space, _ = text[:low].rpartition(" ")
    return (head if space else text[:low]).rstrip()


def _passage(passage: Passage, tokens: int | None = None, count: CountTokens = len) -> str:
    """A passage between its delimiters, cut to `tokens` in all where that is given."""
    where = escape(" › ".join(place(passage)))
    opening = f'<passage n="{passage.n}" section="{where}" url="{escape(passage.url)}">\n'
    text = _inert(content.body(passage.chunk))
    if tokens is not None:
        text = cut_to_tokens(text, tokens - count(opening) - count("\n</passage>"), count)
    return f"{opening}{text}\n</passage>"


def _element(name: str, text: str | None, tokens: int, count: CountTokens) -> str:
    if not text or tokens <= 0:
        return ""
    kept = cut_to_tokens(_inert(text.strip()), tokens - count(f"<{name}>\n\n</{name}>"), count)
    return f"<{name}>\n{kept}\n</{name}>" if kept else ""


def _inert(text: str) -> str:
    """`text` unable to close the element it stands in, or to open another."""
    return _TAG.sub("‹", text)


def _last_turns(history: Sequence[Turn], tokens: int, count: CountTokens) -> list[Turn]:
    """The latest turns of the last exchanges that fit, in order, beginning with the reader's."""
    kept: list[Turn] = []
    for turn in map(_unmarked, reversed(history[-2 * EXCHANGES :])):
        tokens -= count(turn.content) + MESSAGE_TOKENS
        if tokens < 0:
            break
        kept.insert(0, turn)
    while kept and kept[0].role == "assistant":
        kept.pop(0)
    return kept


def _unmarked(turn: Turn) -> Turn:
    """An answer without its markers: they number passages of another question."""
    if turn.role == "user":
        return turn
    citations = Citations(())
    return Turn(role="assistant", content=citations.feed(turn.content) + citations.close())
