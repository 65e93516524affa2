"""What published front ends call things: one row a meaning, so that a new front end is one more name.

Names of fields are compared without case, `_` and `-`: `selectedText`, `selected_text` and `SELECTED-TEXT` are one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, cast

from shared.errors import RequestError

JsonObject = Mapping[str, Any]

QUESTION = (
    "question", "message", "query", "input", "prompt", "query_text", "question_text", "user_message", "user_query",
    "user_input", "user_question",
)  # fmt: skip
LOOSE_QUESTION = ("text", "content", "q", "msg", "user")
"""Of a body that has nothing better: they mean other things, too (OpenAI's `user` is an id)."""
HISTORY = ("history", "chat_history", "conversation_history", "previous_messages")
SESSION = ("session_id", "conversation_id", "session_state", "thread_id", "chat_id")
USER = ("user_id",)
SELECTION = ("selected_text", "selection", "highlighted_text", "context_text")
LOOSE_SELECTION = ("selected", "text", "passage", "content", "context")
"""Of a body sent to a path of selections that has nothing better."""
SURROUNDINGS = ("surrounding_context", "surrounding_text")
PAGE = ("page_url", "page_context", "current_page", "page")
COUNT = ("k", "top_k")
STREAM = ("stream",)
MESSAGE = ("message_id", "answer_id", "response_id", "id")
RATING = (
    "rating", "thumbs", "thumb", "vote", "reaction", "helpful", "is_helpful", "liked", "is_positive", "sentiment",
    "feedback_type", "value", "type", "feedback",
)  # fmt: skip
REASON = ("reason", "comment", "comments", "text", "details", "feedback_text", "feedback")
"""Of a rating; `feedback` is the rating itself where nothing else is."""

ROLE = ("role", "sender", "type", "from", "author")
TEXT = ("content", "parts", "text", "message")
READERS = frozenset({"user", "human", "you", "me"})
ASSISTANTS = frozenset({"assistant", "ai", "bot", "model", "system_response", "agent"})
ANSWER = ("answer", "response", "text", "message", "ai_response", "assistant_response", "assistant")
"""Under each of these one JSON answer holds the text, and a pair of a history its second half."""

JSON_QUESTION = frozenset({"query", "query_text", "question_text", "user_message"})
"""Names that only front ends send that read one JSON object: no known one of them reads a stream from `/chat`."""

CHAT = (
    "/ask", "/query", "/agent", "/rag", "/chatbot", "/answer", "/chat/query", "/chat/ask", "/chat/message", "/chat/messages",
    "/chat/completion", "/agent/chat", "/agent/query", "/agent/ask", "/rag/query", "/rag/chat", "/rag/ask", "/chatbot/query",
    "/chatbot/chat", "/chatbot/ask", "/qa", "/qa/ask", "/ask-question", "/send-message", "/chat/send",
    "/chatbot/message", "/assistant", "/generate",
)  # fmt: skip
"""Other paths of `/chat`."""
CHAT_ABOUT_SELECTION = (
    "/ask-selected", "/ask-selection", "/ask-with-selection", "/ask-selected-text", "/ask/selection", "/ask/selected",
    "/query/selection", "/query-selection", "/query-selected", "/chat/selected", "/chat/selected-text", "/chat/with-selection",
    "/selection", "/chat-selection", "/query/selected-text", "/ask_selected", "/ask_selection",
    "/selected-text", "/query/selected",
)  # fmt: skip
"""Other paths of `/chat/selection`."""
SEARCH = ("/content/search",)
"""Other paths of `/search`."""
INGEST = ("/content/ingest",)
"""Other paths of `/ingest`."""
COMPLETIONS = ("/chat/completions",)
"""Other paths of `/v1/chat/completions`: a base address without `/v1` is one, too."""
STREAM_SUFFIX = "/stream"
"""Under it each path of the first two always streams."""
PREFIXES = ("/api", "/v1", "/api/v1")
"""Each path is there under each of them, too."""


def fold(name: str) -> str:
    """The name as it is compared."""
    return name.replace("_", "").replace("-", "").lower()


class Fields:
    """The fields of a JSON object under all the names they have."""

    def __init__(self, body: JsonObject) -> None:
        self.body = body
        self._names = {fold(name): name for name in reversed(list(body))}

    def given(self, *wanted: str) -> Iterator[tuple[str, Any]]:
        """Each of these fields that is there and not null, by the name it was sent under."""
        for name in wanted:
            sent = self._names.get(fold(name))
            if sent is not None and self.body[sent] is not None:
                yield sent, self.body[sent]

    def text(self, *wanted: str, lenient: tuple[type, ...] = ()) -> str | None:
        """The first of these fields that holds text, NFC and without blanks around it; None when none does.

        `lenient`: kinds of values that say nothing here instead of being refused.
        """
        for name, value in self.given(*wanted):
            if isinstance(value, lenient):
                continue
            if not isinstance(value, str):
                raise RequestError("invalid_field", f"{name!r} must be a string.")
            if text := unicodedata.normalize("NFC", value).strip():
                return text
        return None

    def entries(self, *wanted: str) -> list[Any]:
        """The first of these fields that holds a list with something in it."""
        for name, value in self.given(*wanted):
            if not isinstance(value, list):
                raise RequestError("invalid_field", f"{name!r} must be a list.")
            if value:
                return cast("list[Any]", value)
        return []

    def within(self, name: str) -> Fields:
        """The object under `name`; of anything else there, nothing."""
        value = next((value for _, value in self.given(name)), None)
        return Fields(cast("JsonObject", value) if isinstance(value, dict) else {})

    def flag(self, *wanted: str) -> bool | None:
        """The first of these fields that is given, which must be true or false; None when none is."""
        for name, value in self.given(*wanted):
            if not isinstance(value, bool):
                raise RequestError("invalid_field", f"{name!r} must be true or false.")
            return value
        return None
