"""An index that an older Lectern wrote answers until the new one is live."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from server.models.quoting.blocks import read_quotables
from shared.content import body, tags
from shared.index.embedded.records import Records, write_records
from shared.index.remote.points import to_chunk
from shared.models import Chunk
from tests.support.small_book import read

PAGE = "---\ntags: [arms]\n---\n# Robots\n\nRobots move.\n\n## Arms\n\nArms bend. They hurt."


def as_schema_1(chunk: Chunk) -> dict[str, Any]:
    record = chunk.model_dump(mode="json", exclude={"body_start"})
    record["sections"] = [{key: section[key] for key in ("start", "heading_path", "anchor")} for section in record["sections"]]
    return record


def check(upgraded: Chunk, chunk: Chunk) -> None:
    assert upgraded.content == chunk.content
    assert body(upgraded) == body(chunk)
    assert tags(upgraded) == "arms"
    assert [section.url for section in upgraded.sections] == [section.url for section in chunk.sections]
    said = [block.whole for section in upgraded.sections for block in read_quotables(upgraded, section)]
    assert "\n\n".join(said) == body(chunk)


def test_records_of_schema_1_are_read_from_disk(tmp_path: Path) -> None:
    (chunk,) = read({"robots.md": PAGE})
    write_records(tmp_path / "chunks.sqlite", [chunk])
    with closing(sqlite3.connect(tmp_path / "chunks.sqlite")) as connection:
        connection.execute("UPDATE chunks SET record = ?", (json.dumps(as_schema_1(chunk)),))
        connection.commit()
    records = Records(tmp_path / "chunks.sqlite")
    (upgraded,) = records.all()
    records.close()
    check(upgraded, chunk)


def test_records_of_schema_1_are_read_from_a_server() -> None:
    (chunk,) = read({"robots.md": PAGE})
    check(to_chunk(as_schema_1(chunk) | {"folders": []}), chunk)
