"""From what a caller sent to a request in our own words.

Front ends name the same things differently; `read_chat` takes every name of `names.py`. Types are checked, unknown fields are
not: widgets send many. Everything is refused with `RequestError`, whose message may be shown.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, cast

from server.http import names
from server.http.names import Fields, JsonObject, Role, role_of
from server.questions import RECALLED, ChatRequest, Turn
from shared.errors import RequestError

MAX_QUESTION_CHARS = 4_000
MAX_SELECTION_CHARS = 8_000
"""A longer selection is cut: readers select whole pages."""
MAX_TURN_CHARS = 4_000
MAX_TURNS = 2 * RECALLED
MAX_ID_CHARS = 128
MAX_ADDRESS_CHARS = 2_000
MAX_K = 20
DEFAULT_K = 5

SELECTION_PREFIX = 'I have a question about this selected text: "'
"""How one widget sends a selection: pasted into the message, usually with nothing after the closing quote."""
SELECTION_QUESTION = "What does this passage mean?"
"""What a reader means who selected a text and asked nothing."""

_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def read_json(raw: bytes) -> dict[str, Any]:
    """The body as a JSON object: strict UTF-8, no NaN, no NUL, no unpaired surrogate anywhere."""
    try:
        body = json.loads(raw.decode("utf-8", "strict"), parse_constant=_refuse_constant)
        plain = json.dumps(body, ensure_ascii=False).encode("utf-8", "strict")
    except UnicodeDecodeError as exc:
        raise RequestError("malformed_json", "The body is not valid UTF-8.") from exc
    except (ValueError, RecursionError) as exc:
        raise RequestError("malformed_json", "The body is not valid JSON.") from exc
    if not isinstance(body, dict):
        raise RequestError("malformed_json", "The body must be a JSON object.")
    if _ESCAPED_NUL.search(plain):
        raise RequestError("malformed_json", "The body must not contain NUL characters.")
    return cast("dict[str, Any]", body)


def read_chat(body: JsonObject, *, session_header: str | None = None, selection_required: bool = False) -> ChatRequest:
    """The request behind any known front end's field names; `session_header` is `X-Anonymous-Session-ID`."""
    fields = Fields(body).object()
    question, earlier = _question(fields)
    question, selected = _selection(fields, question)
    if selection_required and not selected:
        found = fields.text(*names.LOOSE_SELECTION, lenient=(dict, list, int, float))
        selected = _clip(found if found != question else None, MAX_SELECTION_CHARS)
    if selection_required and not selected:
        raise RequestError("selection_missing", "Send the selected text in 'selected_text'.")
    if not question:
        raise RequestError("question_missing", "Ask a question: send it in 'question'.")
    if len(question) > MAX_QUESTION_CHARS:
        raise RequestError("question_too_long", f"The question is too long: at most {MAX_QUESTION_CHARS} characters.")
    return ChatRequest(
        question=question,
        history=_history(fields, earlier, question),
        session_id=_session(fields, session_header),
        user_id=_user(fields),
        selected_text=selected,
        surrounding_context=_clip(
            fields.text(*names.SURROUNDINGS) or fields.text("context", lenient=(dict, list, int, float)), MAX_SELECTION_CHARS
        ),
        page_url=_clip(_page(fields), MAX_ADDRESS_CHARS),
        k=_count(fields),
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _clip(text: str | None, size: int) -> str | None:
    return None if text is None else text[:size]


def _turns(entries: Sequence[object], *, last: Role | None = "assistant") -> list[Turn]:
    """Entries of readers and assistants that say something; other roles (system, tool) are not ours to obey.

    An entry is an object with a role and a text, one exchange (an object with a question and an answer, or a list of two), or a
    text: `User: ...`, or else that of the one whose turn it is, where the `last` is known. All of them may be one text.
    """
    if isinstance(entries, str):
        entries, last = _SPEAKER.split(entries)[1:], None
        entries = [f"{speaker}: {text}" for speaker, text in zip(entries[::2], entries[1::2], strict=True)]
    turns: list[Turn] = []
    for left, entry in zip(range(len(entries), 0, -1), entries, strict=True):
        whose = last if left % 2 or last is None else _OTHER[last]
        for role, text in [_spoken(entry, whose)] if isinstance(entry, str) else _said(entry):
            if text and role:
                turns.append(Turn(role=role, content=text[:MAX_TURN_CHARS]))
    return turns


_PAIR: tuple[Role, Role] = ("user", "assistant")
_OTHER: dict[Role, Role] = {"assistant": "user", "user": "assistant"}
_SPEAKER = re.compile(
    rf"^[ \t*]{{0,8}}({'|'.join(sorted(names.READERS | names.ASSISTANTS))})[ \t*]{{0,8}}:", re.IGNORECASE | re.MULTILINE
)


def _spoken(text: str, whose: Role | None) -> tuple[Role | None, str]:
    speaker = _SPEAKER.match(text)
    return (role_of(speaker[1]), _plain(text[speaker.end() :].lstrip("* "))) if speaker else (whose, _plain(text))


def _said(entry: object) -> list[tuple[Role | None, str]]:
    """(role, text) of each turn of an entry."""
    if isinstance(entry, list) and len(pair := cast("list[Any]", entry)) == len(_PAIR):
        return [(role, _plain(text or "")) for role, text in zip(_PAIR, pair, strict=True)]
    if not isinstance(entry, dict):
        raise RequestError("invalid_field", "An entry of the history must be an object with 'role' and 'content'.")
    fields = Fields(cast("JsonObject", entry))
    named = [value for _, value in fields.given(*names.ROLE) if isinstance(value, str)]
    named += [value for _, value in fields.within("author").given("role") if isinstance(value, str)]
    if named:
        roles: list[Role] = [role for role in map(role_of, named) if role]
        return [(roles[0] if roles else None, _text(fields, names.TEXT))]
    for role, flags in zip(_PAIR, (names.IS_READER, names.IS_ASSISTANT), strict=True):
        if (is_true := fields.flag(*flags)) is not None:
            return [(role if is_true else _OTHER[role], _text(fields, names.TEXT))]
    halves = ((*names.QUESTION, *names.LOOSE_QUESTION, "human"), names.ANSWERED)
    return [(role, _text(fields, half)) for role, half in zip(_PAIR, halves, strict=True)]


def _text(fields: Fields, wanted: Sequence[str]) -> str:
    """The text of the first of these fields that has some."""
    return next(filter(None, (_plain(value) for _, value in fields.given(*wanted))), "")


def _plain(content: object) -> str:
    """The text of a string, of a list of parts or of an object that holds one, NFC and without blanks around it."""
    if isinstance(content, dict):
        held = [value for _, value in Fields(cast("JsonObject", content)).given(*names.TEXT) if isinstance(value, (str, list))]  # pyright: ignore[reportUnknownVariableType]
        content = cast("object", held[0] if held else "")
    if isinstance(content, list):
        parts = (part.get("text") if isinstance(part, dict) else part for part in cast("list[Any]", content))  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        content = "".join(part for part in cast("Any", parts) if isinstance(part, str))
    if not isinstance(content, str):
        raise RequestError("invalid_field", "'content' of a message must be a string or a list of parts.")
    return unicodedata.normalize("NFC", content).strip()


def _question(fields: Fields) -> tuple[str, list[Turn]]:
    """The question, and the turns of `messages` before it.

    A question may be a message itself, or a list of them (`input` of OpenAI's Responses, `message` of the AI SDK's transports).
    """
    turns: list[Turn] = []
    question = None
    for name, value in fields.given("messages", *names.QUESTION):
        kind = names.fold(name)
        if isinstance(value, list) and kind != "question":
            turns = turns or _turns(cast("list[object]", value), last="user")
        elif kind == "messages":
            raise RequestError("invalid_field", "'messages' must be a list.")
        elif isinstance(value, dict) and kind != "question":
            turns = turns or _turns([{"role": "user", **cast("JsonObject", value)}])
        else:
            question = question or fields.text(name)
    last = next((i for i in range(len(turns) - 1, -1, -1) if turns[i].role == "user"), None)
    if question is None and last is not None:
        return turns[last].content, turns[:last]
    if question is None:
        question = fields.text(*names.LOOSE_QUESTION, lenient=(dict, list, int, float))
    if last is not None and last == len(turns) - 1 and turns[last].content == question:
        turns.pop()
    return question or "", turns


def _history(fields: Fields, earlier: list[Turn], question: str) -> tuple[Turn, ...]:
    said = fields.entries(*names.HISTORY)
    turns = _turns(said, last="user" if said and said[-1] == question else "assistant") or earlier
    if turns and turns[-1] == Turn(role="user", content=question):
        turns = turns[:-1]
    return tuple(turns[-MAX_TURNS:])


def _selection(fields: Fields, question: str) -> tuple[str, str | None]:
    """The question without a selection pasted into it, and the selection."""
    places = [fields, fields.within("context"), fields.within("metadata")]
    found = [place.text(*names.SELECTION, lenient=(dict, list, bool)) for place in places]
    found += [fields.within(name).text("text", *names.SELECTION, lenient=(dict, list)) for name in names.SELECTION]
    selected = next(filter(None, found), None)
    if question.startswith(SELECTION_PREFIX):
        pasted, question = _unpaste(question.removeprefix(SELECTION_PREFIX))
        selected = selected or pasted
    if selected and not question:
        question = SELECTION_QUESTION
    return question, _clip(selected, MAX_SELECTION_CHARS)


def _unpaste(text: str) -> tuple[str, str]:
    """Split `selection" question` at the quote before a line break, or else at the last quote."""
    for quote in ('"\n', '"'):
        selection, found, question = text.rpartition(quote)
        if found:
            return selection.strip(), question.strip()
    return text.strip(), ""


def _page(fields: Fields) -> str | None:
    nested = (fields.within(name).text("url", *names.PAGE, lenient=(dict, int)) for name in ("page_context", "page", "context"))
    return fields.text(*names.PAGE, lenient=(dict, list, int)) or next((page for page in nested if page), None)


def _session(fields: Fields, header: str | None) -> str | None:
    """The header wins: one widget makes up a new `session_id` for every message and keeps only the header stable.

    `sessionState` may be any JSON in the AI Chat Protocol; ours is a string, others' are not for us.
    """
    places = [fields, *(fields.within(name) for name in names.SESSION_WITHIN), fields.within("config").within("configurable")]
    given = (str(value) for place in places for _, value in place.given(*names.SESSION) if isinstance(value, (str, int)))
    chosen = next((text for text in ((header or "").strip(), *given) if text), None)
    return chosen[:MAX_ID_CHARS] if chosen and chosen.isprintable() else None


def _user(fields: Fields) -> str | None:
    given = (str(value) for _, value in fields.given(*names.USER) if isinstance(value, (str, int)))
    return _clip(next(given, None), MAX_ID_CHARS)


def _count(fields: Fields) -> int:
    """How many passages, the nearest there may be: front ends ask for 50, and send numbers as text."""
    for name, value in fields.given(*names.COUNT):
        try:
            return min(max(round(float(value if type(value) in {int, float, str} else "")), 1), MAX_K)
        except (ValueError, OverflowError):
            raise RequestError("invalid_field", f"{name!r} must be a whole number from 1 to {MAX_K}.") from None
    return DEFAULT_K
