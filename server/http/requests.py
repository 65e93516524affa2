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
from server.http.names import Fields, JsonObject
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
    fields = Fields(body)
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
            fields.text(*names.SURROUNDINGS) or fields.text("context", lenient=(dict, list)), MAX_SELECTION_CHARS
        ),
        page_url=_clip(_page(fields), MAX_ADDRESS_CHARS),
        k=_count(fields),
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _clip(text: str | None, size: int) -> str | None:
    return None if text is None else text[:size]


def _turns(entries: Sequence[object]) -> list[Turn]:
    """Entries of readers and assistants that say something; other roles (system, tool) are not ours to obey.

    An entry is an object with a role and a text, or one exchange: an object with a question and an answer, or a list of two.
    """
    turns: list[Turn] = []
    for entry in entries:
        for role, text in _said(entry):
            if text and role in names.READERS | names.ASSISTANTS:
                turns.append(Turn(role="user" if role in names.READERS else "assistant", content=text[:MAX_TURN_CHARS]))
    return turns


def _said(entry: object) -> list[tuple[str, str]]:
    """(role, text) of each turn of an entry."""
    if isinstance(entry, list) and len(pair := cast("list[Any]", entry)) == len(_PAIR):
        return [(role, _plain(text)) for role, text in zip(_PAIR, pair, strict=True)]
    if not isinstance(entry, dict):
        raise RequestError("invalid_field", "An entry of the history must be an object with 'role' and 'content'.")
    fields = Fields(cast("JsonObject", entry))
    role = next((value.lower() for _, value in fields.given(*names.ROLE) if isinstance(value, str)), None)
    if role is not None:
        return [(role, _plain(next((value for _, value in fields.given(*names.TEXT)), "")))]
    halves = (fields.given(*names.QUESTION, *names.LOOSE_QUESTION), fields.given(*names.ANSWER))
    return [(role, _plain(next((value for _, value in half), ""))) for role, half in zip(_PAIR, halves, strict=True)]


_PAIR = ("user", "assistant")


def _plain(content: object) -> str:
    """The text of a string or of a list of parts, NFC and without blanks around it."""
    if isinstance(content, list):
        parts = (part.get("text") for part in cast("list[Any]", content) if isinstance(part, dict))  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
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
            turns = turns or _turns(cast("list[object]", value))
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
    turns = _turns(fields.entries(*names.HISTORY)) or earlier
    if turns and turns[-1] == Turn(role="user", content=question):
        turns = turns[:-1]
    return tuple(turns[-MAX_TURNS:])


def _selection(fields: Fields, question: str) -> tuple[str, str | None]:
    """The question without a selection pasted into it, and the selection."""
    selected = fields.text(*names.SELECTION, lenient=(dict,)) or fields.within("context").text(*names.SELECTION)
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
    given = (str(value) for _, value in fields.given(*names.SESSION) if isinstance(value, (str, int)))
    chosen = next((text for text in ((header or "").strip(), *given) if text), None)
    return chosen[:MAX_ID_CHARS] if chosen and chosen.isprintable() else None


def _user(fields: Fields) -> str | None:
    given = (str(value) for _, value in fields.given(*names.USER) if isinstance(value, (str, int)))
    return _clip(next(given, None), MAX_ID_CHARS)


def _count(fields: Fields) -> int:
    value = next((value for _, value in fields.given(*names.COUNT)), DEFAULT_K)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_K:
        raise RequestError("invalid_field", f"'k' must be a whole number from 1 to {MAX_K}.")
    return value
