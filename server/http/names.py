"""What published front ends call things: one row a meaning, so that a new front end is one more name.

Names of fields are compared without case, `_` and `-`: `selectedText`, `selected_text` and `SELECTED-TEXT` are one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

from shared.errors import RequestError

JsonObject = Mapping[str, Any]
Role = Literal["user", "assistant"]

QUESTION = (
    "question", "message", "query", "input", "inputs", "prompt", "query_text", "question_text", "user_message", "user_query",
    "user_input", "user_question", "user_prompt", "chat_input", "message_text", "input_text",
)  # fmt: skip
LOOSE_QUESTION = ("text", "content", "q", "msg", "user")
"""Of a body that has nothing better: they mean other things, too (OpenAI's `user` is an id)."""
WRAPPERS = ("input", "inputs", "data", "payload", "body", "params")
"""Objects that the question stands in with all that belongs to it (LangServe's and LangGraph's `input`)."""
HISTORY = (
    "history",
    "chat_history",
    "conversation_history",
    "previous_messages",
    "message_history",
    "past_messages",
    "context_messages",
)
SESSION = ("session_id", "conversation_id", "session_state", "thread_id", "chat_id", "session", "conversation", "sid")
SESSION_WITHIN = ("override_config", "config", "configurable", "metadata", "session", "conversation", "context")
"""Objects that a session's id may stand in (Flowise's `overrideConfig`, n8n's `metadata`)."""
USER = ("user_id", "user_uuid", "username")
SELECTION = (
    "selected_text", "selection", "highlighted_text", "context_text", "selected_content", "selection_text", "selected_context",
    "text_selection", "highlight", "quoted_text", "user_selection",
)  # fmt: skip
LOOSE_SELECTION = ("selected", "text", "passage", "content", "context")
"""Of a body sent to a path of selections that has nothing better."""
SURROUNDINGS = ("surrounding_context", "surrounding_text")
PAGE = (
    "page_url",
    "page_context",
    "current_page",
    "page",
    "current_url",
    "page_path",
    "current_path",
    "current_page_url",
    "pathname",
)
COUNT = ("k", "top_k", "top_n", "limit", "max_results", "num_results", "max_sources", "num_sources", "max_chunks")
STREAM = ("stream", "streaming", "is_stream", "use_stream", "response_mode")
MESSAGE = ("message_id", "answer_id", "response_id", "id")
RATING = (
    "rating", "thumbs", "thumb", "vote", "reaction", "helpful", "is_helpful", "liked", "is_positive", "sentiment",
    "feedback_type", "value", "type", "feedback",
)  # fmt: skip
REASON = ("reason", "comment", "comments", "text", "details", "feedback_text", "feedback")
"""Of a rating; `feedback` is the rating itself where nothing else is."""

ROLE = ("role", "sender", "type", "from", "author", "speaker")
TEXT = ("content", "parts", "text", "message", "data", "body", "msg")
READERS = frozenset({"user", "human", "you", "me", "usermessage", "humanmessage", "student", "reader", "visitor"})
ASSISTANTS = frozenset({
    "assistant", "ai", "bot", "model", "systemresponse", "agent", "aimessage", "apimessage", "assistantmessage", "botmessage",
    "chatbot", "response",
})  # fmt: skip
"""Both as `fold` leaves them; those that end in `message` are Flowise's and LangChain's."""
IS_READER = ("is_user", "from_user", "is_human")
IS_ASSISTANT = ("is_bot", "is_ai", "is_assistant", "from_bot")
"""Who says an entry, told by true and false."""
ANSWER = (
    "answer", "response", "text", "message", "ai_response", "assistant_response", "assistant", "reply", "output", "result",
)  # fmt: skip
"""Under each of these one JSON answer holds the text."""
ANSWERED = (*ANSWER, "a", "bot", "ai", "completion", "model", "bot_response")
"""What the second half of a pair of a history is called."""

JSON_QUESTION = frozenset({"query", "query_text", "question_text", "user_message"})
"""Names that only front ends send that read one JSON object: no known one of them reads a stream from `/chat`."""

CHAT = (
    "/ask", "/query", "/agent", "/rag", "/chatbot", "/answer", "/chat/query", "/chat/ask", "/chat/message", "/chat/messages",
    "/chat/completion", "/agent/chat", "/agent/query", "/agent/ask", "/rag/query", "/rag/chat", "/rag/ask", "/chatbot/query",
    "/chatbot/chat", "/chatbot/ask", "/qa", "/qa/ask", "/ask-question", "/send-message", "/chat/send",
    "/chatbot/message", "/assistant", "/generate", "/ask-ai", "/ai/chat", "/ai/ask", "/ask/question", "/question", "/rag-query",
    "/rag-chat", "/query-rag", "/chat/rag", "/chat/qa", "/bot/chat", "/get-answer", "/invoke", "/chat/invoke", "/predict",
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


def role_of(said: str) -> Role | None:
    """Who is meant by a role's name; None: neither the reader nor the assistant."""
    name = fold(said)
    return "user" if name in READERS else "assistant" if name in ASSISTANTS else None


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

    def entries(self, *wanted: str) -> list[Any] | str:
        """The first of these fields that holds a list with something in it, or a text: what was said, line by line."""
        for name, value in self.given(*wanted):
            if not isinstance(value, (list, str)):
                raise RequestError("invalid_field", f"{name!r} must be a list.")
            if value:
                return cast("list[Any] | str", value)
        return []

    def within(self, name: str) -> Fields:
        """The object under `name`; of anything else there, nothing."""
        value = next((value for _, value in self.given(name)), None)
        return Fields(cast("JsonObject", value) if isinstance(value, dict) else {})

    def flag(self, *wanted: str) -> bool | None:
        """The first of these fields that is given, which must say true or false in any way; None when none is."""
        for name, value in self.given(*wanted):
            said = str(value).strip().lower()
            if said not in _TRUE | _FALSE:
                raise RequestError("invalid_field", f"{name!r} must be true or false.")
            return said in _TRUE
        return None

    def object(self) -> Fields:
        """These fields with those of a wrapper that the question stands in."""
        for _, value in self.given(*WRAPPERS):
            if isinstance(value, dict):
                wrapped = cast("JsonObject", value)
                if any(Fields(wrapped).given("messages", *QUESTION)):
                    return Fields(
                        {name: value for name, value in self.body.items() if fold(name) not in WRAPPERS} | dict(wrapped)
                    )
        return self


_TRUE = frozenset({"true", "1", "yes", "on", "streaming"})
_FALSE = frozenset({"false", "0", "no", "off", "blocking"})
"""Of Dify's `response_mode` too."""
