"""Chunks as an older schema stored them, so that readers are answered from the old build until the new one is live."""

from __future__ import annotations

from typing import Any

from shared.content import BLANK_LINE
from shared.models import Chunk


def upgrade(record: dict[str, Any]) -> Chunk:
    """The chunk of a schema 1 record, which knew no blocks: all it says is one block of the last section.

    Raises `pydantic.ValidationError` when it is no such record.
    """
    head, blank, _ = record["content"].partition(BLANK_LINE)
    body_start = len(head) + len(blank) if blank else 0
    page = record["url"].partition("#")[0]
    sections = [
        section | {"url": f"{page}#{section['anchor']}" if section["anchor"] else page, "blocks": []}
        for section in record["sections"]
    ]
    sections[-1]["blocks"] = [["text", sections[-1]["start"], record["end"], body_start, len(record["content"])]]
    return Chunk.model_validate(record | {"sections": sections, "body_start": body_start})
