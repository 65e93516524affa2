"""The JSON dialect: the whole answer as one object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.answering.events import ChatEvent, Done, Sources, Start, TextDelta


def encode(events: Iterable[ChatEvent]) -> dict[str, Any]:
    """One answer from its events, in order; `sources` are all that were offered, `cited` the numbers of those used."""
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
            case _:
                pass
    return answer
