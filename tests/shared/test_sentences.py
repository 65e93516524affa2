"""Sentences of a paragraph."""

from __future__ import annotations

import pytest

from shared.sentences import sentences


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


@pytest.mark.parametrize("run", ["a. ", "A. ", "“", "...", "。", "   ", "। ", "e.g. "])
def test_nothing_is_lost_of_a_long_run(run: str) -> None:
    text = run * (100_000 // len(run))
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
