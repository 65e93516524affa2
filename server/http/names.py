"""What published front ends call things: one row a meaning, so that a new front end is one more name.

Names of fields are compared without case, `_` and `-`: `selectedText`, `selected_text` and `SELECTED-TEXT` are one.
"""

from __future__ import annotations

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
SURROUNDINGS = ("surrounding_context", "surrounding_text")
PAGE = ("page_url", "page_context", "current_page", "page")
COUNT = ("k", "top_k")
STREAM = ("stream",)

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
    "/chatbot/chat", "/chatbot/ask", "/qa", "/ask-question", "/send-message",
)  # fmt: skip
"""Other paths of `/chat`."""
CHAT_ABOUT_SELECTION = (
    "/ask-selected", "/ask-selection", "/ask-with-selection", "/ask-selected-text", "/ask/selection", "/ask/selected",
    "/query/selection", "/query-selection", "/query-selected", "/chat/selected", "/chat/selected-text", "/chat/with-selection",
    "/selection", "/chat-selection", "/query/selected-text", "/ask_selected", "/ask_selection",
)  # fmt: skip
"""Other paths of `/chat/selection`."""
SEARCH = ("/content/search",)
"""Other paths of `/search`."""
INGEST = ("/content/ingest",)
"""Other paths of `/ingest`."""
STREAM_SUFFIX = "/stream"
"""Under it each path of the first two always streams."""
PREFIXES = ("/api", "/v1", "/api/v1")
"""Each path is there under each of them, too."""


def fold(name: str) -> str:
    """The name as it is compared."""
    return name.replace("_", "").replace("-", "").lower()
