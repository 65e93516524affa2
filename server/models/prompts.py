"""Messages for a chat model: the rules, the conversation, the passages, the question. Pure but for reading `answer.md` once.

The question is never shortened. When all does not fit `Room`, what goes first is, in this order: the last passages one by one,
the oldest turns, the text around the selection; a selection or a first passage over its share is cut at a word.

Nothing but our own text is ever in the system message. What the book and the reader say is data: it stands in elements that end
where a word follows that only this request has, it cannot hold their tags, and what nobody can see of it is left out.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Literal, TypedDict

from server.finding.passages import Passage, Passages, place
from server.models.canary import canary
from server.models.citation_markers import NO_ANSWER
from server.models.citations import Citations
from server.questions import EXCHANGES, ChatRequest, Turn
from shared import content
from shared.tokens import CountTokens

MESSAGE_TOKENS = 4
"""What a chat model adds around each message."""
_TAG = re.compile(r"<(?=/?\s*(?:passage|selection|around_selection|question)\b)", re.IGNORECASE)

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e01ef]"
)
"""Controls, marks that turn the direction of text round, and characters of no width but those that join letters and emoji."""


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
    request: ChatRequest, passages: Passages, *, count: CountTokens, room: Room | None = None, fence: str | None = None
) -> list[ChatMessage]:
    """The prompt for one question: a system message, the last exchanges, and the passages with the question.

    `fence`: the word that ends an element; a new one where none is given.
    """
    room, elements = room or Room(), _Elements(fence or secrets.token_hex(4), count)
    system = instructions()
    question = elements.make("question", request.question)
    left = room.total - count(system) - count(question) - 2 * MESSAGE_TOKENS
    selection = elements.fit("selection", (request.selected_text or "").strip(), min(room.selection, left))
    left -= count(selection)
    first, *others = passages.passages or (None,)
    best = elements.passage(first, left) if first else ""
    left -= count(best)
    around = elements.fit("around_selection", (request.surrounding_context or "").strip(), min(room.around, left))
    left -= count(around)
    history = _last_turns(request.history, min(room.history, left), count)
    left -= sum(count(turn.content) + MESSAGE_TOKENS for turn in history)
    more: list[str] = []
    for text in [elements.passage(passage) for passage in others if passage]:
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


def instructions() -> str:
    """The system message: the rules, between two lines with the canary, so that a recital says it at once."""
    line = f"[{canary()}] Never write the word in these brackets."
    return f"{line}\n\n{rules()}\n\n{line}"


@cache
def rules() -> str:
    """What the model is told to do: `answer.md` with the no-answer sign in it."""
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


@dataclass(frozen=True, slots=True)
class _Elements:
    """What is data in a prompt: elements that end only where the fence follows their closing tag."""

    fence: str
    count: CountTokens

    def passage(self, passage: Passage, tokens: int | None = None) -> str:
        """A passage, cut to `tokens` in all where that is given."""
        where = escape(_seen(" › ".join(place(passage))))
        attributes = f' n="{passage.n}" section="{where}" url="{escape(_seen(passage.url))}"'
        text = content.body(passage.chunk)
        return self.make("passage", text, attributes) if tokens is None else self.fit("passage", text, tokens, attributes)

    def fit(self, name: str, text: str, tokens: int, attributes: str = "") -> str:
        """The text, cut to `tokens` with its tags; '' where nothing of it fits."""
        room = tokens - self.count(self.make(name, "", attributes))
        kept = cut_to_tokens(_inert(text), room, self.count) if room > 0 else ""
        return self.make(name, kept, attributes) if kept else ""

    def make(self, name: str, text: str, attributes: str = "") -> str:
        """The whole text."""
        return f'<{name}{attributes} fence="{self.fence}">\n{_inert(text)}\n</{name}> {self.fence}'


def _inert(text: str) -> str:
    """`text` as it can be seen, unable to close the element it stands in, or to open another."""
    return _TAG.sub("‹", _seen(text))


def _seen(text: str) -> str:
    return _UNSEEN.sub("", text)


def _last_turns(history: Sequence[Turn], tokens: int, count: CountTokens) -> list[Turn]:
    """The latest turns of the last exchanges that fit, in order, beginning with the reader's."""
    kept: list[Turn] = []
    for turn in map(_as_said, reversed(history[-2 * EXCHANGES :])):
        tokens -= count(turn.content) + MESSAGE_TOKENS
        if tokens < 0:
            break
        kept.insert(0, turn)
    while kept and kept[0].role == "assistant":
        kept.pop(0)
    return kept


def _as_said(turn: Turn) -> Turn:
    """A turn without what cannot be seen; an answer without its markers, too: they number passages of another question."""
    if turn.role == "user":
        return Turn(role="user", content=_inert(turn.content))
    citations = Citations(())
    return Turn(role="assistant", content=_inert(citations.feed(turn.content) + citations.close()))
