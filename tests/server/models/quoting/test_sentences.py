"""A rendering as pieces that can be quoted."""

from __future__ import annotations

import pytest

from server.models.quoting.sentences import read_quotables, sentences


def kinds(text: str, *headings: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in read_quotables(text, headings)]


def test_every_kind_of_block_is_told_apart() -> None:
    text = (
        "Arms\n\nArms move. They\nhave joints.\n\n- One\n- Two\n  and more\n\n1. First\n\n2. Second\n\n"
        "| A | B |\n| --- | --- |\n| 1 | 2 |\n\n```python\nx = 1\n\n# no heading\n```\n\nEnd"
    )
    assert kinds(text, "Arms") == [
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
    ]


def test_pieces_know_their_block_and_the_heading_above() -> None:
    pieces = read_quotables("It is. It was.\n\nArms\n\n- One\n\n- Two\n\nEnd.", ["Arms"])
    assert [piece.block for piece in pieces] == [1, 1, 2, 3, 3, 4]
    assert [piece.heading for piece in pieces] == ["", "", "Arms", "Arms", "Arms", "Arms"]


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Use e.g. ROS 2 or Fig. 3 by Dr. Who. Then stop.", ["Use e.g. ROS 2 or Fig. 3 by Dr. Who.", "Then stop."]),
        ("It costs 3.5 dollars. Version 2.0 is out.", ["It costs 3.5 dollars.", "Version 2.0 is out."]),
        ("He said “Go.” She went.", ["He said “Go.”", "She went."]),
        ("第一句。第二句！", ["第一句。", "第二句！"]),
        ("یہ ایک ہے۔ یہ دو ہے۔", ["یہ ایک ہے۔", "یہ دو ہے۔"]),
        ("Это раз. Это два.", ["Это раз.", "Это два."]),
        ("run main.py now. ok", ["run main.py now. ok"]),
    ],
)
def test_sentences_end_where_a_reader_hears_them_end(paragraph: str, expected: list[str]) -> None:
    assert list(sentences(paragraph)) == expected


def test_an_unclosed_fence_runs_to_the_end() -> None:
    assert kinds("```\nx\n\ny") == [("code", "```\nx\n\ny")]


@pytest.mark.parametrize("run", ["a. ", "- ", "| ", "``` ", "\n", "A. ", "1. x\n", "“", "[", "...", "。", "   "])
def test_nothing_is_lost_of_a_long_run(run: str) -> None:
    text = run * (100_000 // len(run))
    assert sum(len("".join(piece.text.split())) for piece in read_quotables(text, [])) <= len("".join(text.split()))
