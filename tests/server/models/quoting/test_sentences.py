"""A rendering as pieces that can be quoted."""

from __future__ import annotations

from server.models.quoting.sentences import read_quotables
from tests.support.fakes import make_chunk


def kinds(text: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in read_quotables(make_chunk(text))]


def test_every_kind_of_block_is_told_apart() -> None:
    text = (
        "Intro\n\n## Arms\n\nArms move. They\nhave joints.\n\n- One\n- Two\n  and more\n\n1. First\n\n2. Second\n\n"
        "| A | B |\n| --- | --- |\n| 1 | 2 |\n\n```python\nx = 1\n\n# no heading\n```\n\nEnd\n\n"
        "1. Say:\n\n   ```\n   hi\n   ```\n\n   Twice.\n   - loud"
    )
    assert kinds(text) == [
        ("sentence", "Intro"),
        ("heading", "Arms"),
        ("sentence", "Arms move."),
        ("sentence", "They have joints."),
        ("item", "- One"),
        ("item", "- Two and more"),
        ("item", "1. First"),
        ("item", "2. Second"),
        ("row", "| A | B |"),
        ("row", "| 1 | 2 |"),
        ("code", "```python\nx = 1\n\n# no heading\n```"),
        ("sentence", "End"),
        ("item", "1. Say:"),
        ("code", "   ```\n   hi\n   ```"),
        ("sentence", "Twice."),
        ("item", "   - loud"),
    ]


def test_pieces_know_their_block_and_the_heading_above() -> None:
    pieces = read_quotables(make_chunk("It is. It was.\n\n## Arms\n\n- One\n\n- Two\n\nEnd."))
    assert [piece.block for piece in pieces] == [1, 1, 2, 3, 3, 4]
    assert [piece.heading for piece in pieces] == ["Joints", "Joints", "Arms", "Arms", "Arms", "Arms"]


def test_code_without_a_fence_gets_one() -> None:
    assert kinds("    x = 1") == [("code", "```\nx = 1\n```")]
