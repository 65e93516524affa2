"""The JSON dialect: the whole answer as one object, under every name a known front end reads it by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from server.answering.events import ChatEvent, CitedSource, Done, Sources, Start, TextDelta
from server.http.names import ANSWER


def encode(events: Iterable[ChatEvent], *, at: datetime) -> dict[str, Any]:
    """One answer from its events, in order.

    `sources` are all that were offered, `citations` those used; `at`: when, UTC.
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
                answer["citations"] = [_citation(source) for source in event.sources]
                answer["conversation_id"] = event.session_id
            case _:
                pass
    answer["metadata"] = answer.get("metadata", {}) | {"sources": answer["sources"]}
    return {**dict.fromkeys(ANSWER, answer["answer"]), **answer, "timestamp": at.isoformat()}


def _citation(source: CitedSource) -> dict[str, Any]:
    where = source.chapter if source.section == source.chapter else f"{source.chapter} - {source.section}"
    names = {"source": where, "title": source.title}
    return {"n": source.n, "text": source.quote, **names, "page_url": source.url, "url": source.url}
