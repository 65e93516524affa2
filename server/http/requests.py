"""From what a caller sent to a request in our own words.

Three generations of widgets name the same things differently; `read_chat` takes the superset. Types are checked, unknown
fields are not: widgets send many. Everything is refused with `RequestError`, whose message may be shown.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, cast

from server.questions import ChatRequest, Turn
from shared.errors import RequestError

MAX_QUESTION_CHARS = 4_000
MAX_SELECTION_CHARS = 8_000
"""A longer selection is cut: readers select whole pages."""
MAX_TURN_CHARS = 4_000
MAX_TURNS = 6
"""Three exchanges."""
MAX_ID_CHARS = 128
MAX_ADDRESS_CHARS = 2_000
MAX_K = 20
DEFAULT_K = 5

SELECTION_PREFIX = 'I have a question about this selected text: "'
"""How one widget sends a selection: pasted into the message, usually with nothing after the closing quote."""
SELECTION_QUESTION = "What does this passage mean?"
"""What a reader means who selected a text and asked nothing."""

_READERS = {"user", "human"}
_ASSISTANTS = {"assistant", "ai", "bot", "model"}
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

JsonObject = Mapping[str, Any]


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


def read_chat(
    body: JsonObject, *, session_header: str | None = None, accept: str = "", selection_required: bool = False
) -> ChatRequest:
    """The request behind any known widget's field names; `session_header` is `X-Anonymous-Session-ID`."""
    question, earlier = _question(body)
    question, selected = _selection(body, question)
    if selection_required and not selected:
        raise RequestError("selection_missing", "Send the selected text in 'selected_text'.")
    if not question:
        raise RequestError("question_missing", "Ask a question: send it in 'question'.")
    if len(question) > MAX_QUESTION_CHARS:
        raise RequestError("question_too_long", f"The question is too long: at most {MAX_QUESTION_CHARS} characters.")
    return ChatRequest(
        question=question,
        history=_history(body, earlier, question),
        session_id=_session(body, session_header),
        selected_text=selected,
        surrounding_context=_clip(_text(body, "surrounding_context") or _string_context(body), MAX_SELECTION_CHARS),
        page_url=_clip(_page(body), MAX_ADDRESS_CHARS),
        k=_count(body),
        stream=_wants_stream(body, accept),
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _text(body: JsonObject, *names: str) -> str | None:
    """The first of these fields that holds text, NFC and without blanks around it; None when none does."""
    for name in names:
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise RequestError("invalid_field", f"{name!r} must be a string.")
        if text := unicodedata.normalize("NFC", value).strip():
            return text
    return None


def _clip(text: str | None, size: int) -> str | None:
    return None if text is None else text[:size]


def _entries(body: JsonObject, name: str) -> list[JsonObject]:
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in cast("list[Any]", value)):
        raise RequestError("invalid_field", f"{name!r} must be a list of objects.")
    return cast("list[JsonObject]", value)


def _turns(entries: Sequence[JsonObject]) -> list[Turn]:
    """Entries of readers and assistants that say something; other roles (system, tool) are not ours to obey."""
    turns: list[Turn] = []
    for entry in entries:
        role = str(entry.get("role", "")).lower()
        text = _entry_text(entry)[:MAX_TURN_CHARS]
        if text and role in _READERS | _ASSISTANTS:
            turns.append(Turn(role="user" if role in _READERS else "assistant", content=text))
    return turns


def _entry_text(entry: JsonObject) -> str:
    content = next((entry[name] for name in ("content", "parts", "text") if entry.get(name) is not None), "")
    if isinstance(content, list):
        parts = (part.get("text") for part in cast("list[Any]", content) if isinstance(part, dict))  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        content = "".join(part for part in cast("Any", parts) if isinstance(part, str))
    if not isinstance(content, str):
        raise RequestError("invalid_field", "'content' of a message must be a string or a list of parts.")
    return unicodedata.normalize("NFC", content).strip()


def _question(body: JsonObject) -> tuple[str, list[Turn]]:
    """The question, and the turns of `messages` before it."""
    messages = _turns(_entries(body, "messages"))
    question = _text(body, "question", "message", "query", "input")
    last = next((i for i in range(len(messages) - 1, -1, -1) if messages[i].role == "user"), None)
    if question is None:
        return (messages[last].content, messages[:last]) if last is not None else ("", [])
    if last == len(messages) - 1 and last is not None and messages[last].content == question:
        messages.pop()
    return question, messages


def _history(body: JsonObject, earlier: list[Turn], question: str) -> tuple[Turn, ...]:
    turns = _turns(_entries(body, "history")) or earlier
    if turns and turns[-1] == Turn(role="user", content=question):
        turns = turns[:-1]
    return tuple(turns[-MAX_TURNS:])


def _selection(body: JsonObject, question: str) -> tuple[str, str | None]:
    """The question without a selection pasted into it, and the selection."""
    context = _object(body, "context")
    selected = _text(body, "selected_text", "selectedText") or _text(context, "selectedText", "selected_text")
    if question.startswith(SELECTION_PREFIX):
        pasted, question = _unpaste(question.removeprefix(SELECTION_PREFIX))
        selected = selected or pasted
        question = question or SELECTION_QUESTION
    return question, _clip(selected, MAX_SELECTION_CHARS)


def _unpaste(text: str) -> tuple[str, str]:
    """Split `selection" question` at the quote before a line break, or else at the last quote."""
    for quote in ('"\n', '"'):
        selection, found, question = text.rpartition(quote)
        if found:
            return selection.strip(), question.strip()
    return text.strip(), ""


def _object(body: JsonObject, name: str) -> JsonObject:
    value = body.get(name)
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def _string_context(body: JsonObject) -> str | None:
    return None if isinstance(body.get("context"), dict) else _text(body, "context")


def _page(body: JsonObject) -> str | None:
    page = body.get("page_context")
    nested = _text(cast("JsonObject", page), "url", "page_url") if isinstance(page, dict) else _text(body, "page_context")
    return _text(body, "page_url") or nested or _text(_object(body, "context"), "page_url", "pageUrl")


def _session(body: JsonObject, header: str | None) -> str | None:
    """The header wins: one widget makes up a new `session_id` for every message and keeps only the header stable."""
    state = body.get("sessionState")  # any JSON in the AI Chat Protocol; ours is a string, others' are not for us
    named = _text(body, "session_id", "conversation_id") or (state if isinstance(state, str) else None)
    chosen = (header or "").strip() or named
    return chosen[:MAX_ID_CHARS] if chosen and chosen.isprintable() else None


def _count(body: JsonObject) -> int:
    value = next((body[name] for name in ("k", "top_k") if body.get(name) is not None), DEFAULT_K)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_K:
        raise RequestError("invalid_field", f"'k' must be a whole number from 1 to {MAX_K}.")
    return value


def _wants_stream(body: JsonObject, accept: str) -> bool:
    """`stream` decides where it is given (OpenAI's clients accept JSON even when they stream), else the Accept header."""
    stream = body.get("stream")
    if stream is None:
        return not ("application/json" in accept and "text/event-stream" not in accept)
    if not isinstance(stream, bool):
        raise RequestError("invalid_field", "'stream' must be true or false.")
    return stream
