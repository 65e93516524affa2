"""The JSON dialect: the whole answer as one object, under every name a known front end reads it by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from server.answering.events import ChatEvent, CitedSource, Done, Sources, Start, TextDelta
from server.finding.passages import Passage
from server.http.names import ANSWER

QUOTED_CHARS = 300
"""Of a passage, beside its citation."""


def encode(events: Iterable[ChatEvent], passages: Iterable[Passage] = (), *, at: datetime) -> dict[str, Any]:
    """One answer from its events, in order.

    `sources` are all that were offered, `citations` those used, with the beginning of their passage; `at`: when, UTC.
    """
    answer: dict[str, Any] = {"answer": "", "sources": []}
    for event in events:
        match event:
            case Start():
                answer["metadata"] = event.metadata
            case Sources():
                answer["sources"] = [source.model_dump(mode="json") for source in event.sources]
            case TextDelta():
                answer["answer"] += event.content
            case Done():
                closing = event.model_dump(mode="json", exclude={"type", "sources", "metadata"})
                answer |= closing | {"metadata": answer.get("metadata", {}) | event.metadata}
                quoted = {passage.n: passage.chunk.text[:QUOTED_CHARS] for passage in passages}
                answer["citations"] = [_citation(source, quoted.get(source.n, "")) for source in event.sources]
                answer["conversation_id"] = event.session_id
            case _:
                pass
    answer["metadata"] = answer.get("metadata", {}) | {"sources": answer["sources"]}
    return {**dict.fromkeys(ANSWER, answer["answer"]), **answer, "timestamp": at.isoformat()}


def _citation(source: CitedSource, text: str) -> dict[str, Any]:
    where = source.chapter if source.section == source.chapter else f"{source.chapter} - {source.section}"
    return {"n": source.n, "text": text, "source": where, "title": source.title, "page_url": source.url, "url": source.url}
