"""Where everything stands in what is indexed of a chunk."""

from __future__ import annotations

from shared.content import body, breadcrumb, prose, tags, text_of
from shared.models import Chunk
from tests.support.small_book import read

PAGE = """---
title: Robots
tags: [arms, legs]
---

# Robots

Robots move.

## Install

1. Get it:

   ```sh
   pip install robot

   robot --check
   ```

   It takes a minute.
2. Run it
   - fast
   - slow

> [!NOTE]
> Mind the
>
>     arms = 2

| Part | Count |
| --- | --- |
| Arm | 2 |

```mermaid
graph TD
```

    legs = 4
"""


def blocks(chunk: Chunk) -> list[tuple[str, str]]:
    return [(block.kind, text_of(chunk, block)) for section in chunk.sections for block in section.blocks]


def test_every_block_is_where_it_says_it_is() -> None:
    (chunk,) = read({"robots.md": PAGE})
    assert blocks(chunk) == [
        ("heading", ""),
        ("paragraph", "Robots move."),
        ("heading", "Install"),
        ("list_item", "1. Get it:\n   ```sh\n   pip install robot\n   \n   robot --check\n   ```\n   It takes a minute."),
        ("fence", "```sh\n   pip install robot\n   \n   robot --check\n   ```"),
        ("list_item", "2. Run it\n   - fast\n   - slow"),
        ("list_item", "- fast"),
        ("list_item", "- slow"),
        ("quote", "Note: Mind the\narms = 2"),
        ("code", "arms = 2"),
        ("table", "| Part | Count |\n| --- | --- |\n| Arm | 2 |"),
        ("fence", "```mermaid\ngraph TD\n```"),
        ("code", "legs = 4"),
    ]


def test_a_block_knows_its_place_in_the_file() -> None:
    (chunk,) = read({"robots.md": PAGE})
    sources = {block.kind: PAGE[block.start : block.end] for section in chunk.sections for block in section.blocks}
    assert sources["paragraph"] == "Robots move."
    assert sources["table"] == "| Part | Count |\n| --- | --- |\n| Arm | 2 |"
    assert sources["code"].strip() == "legs = 4"


def test_the_body_begins_behind_breadcrumb_and_tags() -> None:
    (chunk,) = read({"robots.md": PAGE})
    assert chunk.content.startswith("Robots\narms, legs\n\nRobots move.\n\nInstall\n\n1. Get it:")
    assert body(chunk).startswith("Robots move.")
    assert tags(chunk) == "arms, legs"


def test_a_chunk_without_a_name_is_all_body() -> None:
    (chunk,) = read({"robots.md": "Robots move.\n\nThey rest."})
    assert chunk.content == body(chunk) == "Robots move.\n\nThey rest."
    assert tags(chunk) == ""


def test_prose_is_what_is_said_outside_of_code() -> None:
    (chunk,) = read({"robots.md": PAGE})
    assert "pip" not in prose(chunk, chunk.sections)
    assert "legs = 4" not in prose(chunk, chunk.sections)
    assert "It takes a minute." in prose(chunk, chunk.sections)


def test_a_section_has_an_address_of_its_own() -> None:
    (chunk,) = read({"robots.md": PAGE})
    assert [section.url for section in chunk.sections] == [
        "https://robots.example/book/docs/robots",
        "https://robots.example/book/docs/robots#install",
    ]


def test_a_breadcrumb_says_the_title_once() -> None:
    assert breadcrumb("Robots", ("robots", "Arms")) == ("robots", "Arms")
    assert breadcrumb("Robots", ("Arms",)) == ("Robots", "Arms")
    assert breadcrumb("", ("Arms",)) == ("Arms",)
