"""Questions proposed for a book."""

from __future__ import annotations

import pytest

from flows.evaluation.answers import holds
from flows.evaluation.draft import draft
from flows.evaluation.questions import EvaluationQuestion, find_gold
from tests.support.small_book import read

TABLE = """| Feature | 8GB | 4GB |
|---|---|---|
| **Memory** | 8GB 128-bit LPDDR5 | 4GB 64-bit LPDDR5 |
"""
PROBLEMS = """| Issue | Symptoms | Solutions |
|---|---|---|
| **Depth Jumps** | Sudden changes | Avoid direct sunlight, enable the filter |
"""
PAGE = f"""# Arms

Arms hang on robots.

## Elbow

An elbow (joint) is a hinge that bends in one direction.

## Variants

{TABLE}

## Installing the Motor Driver

Before that:

```bash
import nothing
sudo apt install motor
```

## Motor Not Detected

1. Check the cable first.
2. Check it again.

## Upkeep

{PROBLEMS}

## Can I save it?

Yes, use the export. It takes a minute.

## Summary of what moves

Everything.

## Learning Objectives

A gripper is a hand.
"""


def drafted(page: str = PAGE, language: str = "english") -> dict[str, EvaluationQuestion]:
    lines = draft(read({"arms.md": page}), language)
    return {one.question: one for one in map(EvaluationQuestion.model_validate, lines)}


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What is an elbow?", "a hinge that bends in one direction"),
        ("What is the 8GB of Memory?", "8GB 128-bit LPDDR5"),
        ("How do I install the motor driver?", "sudo apt install motor"),
        ("What can I do about motor not detected?", "Check the cable first"),
        ("What can I do about depth jumps?", "Avoid direct sunlight, enable the filter"),
        ("Can I save it?", "Yes, use the export. It takes a minute"),
    ],
)
def test_a_reader_would_ask_for_what_the_book_says(question: str, wanted: str) -> None:
    assert drafted()[question].holds == ((wanted,),)


def test_only_what_is_told_is_asked_for() -> None:
    assert [question for question in drafted() if "gripper" in question or "move" in question] == []
    assert len(drafted()) == 6


def test_each_is_where_the_book_says_it_and_its_text_holds_its_answer() -> None:
    for one in drafted().values():
        gold = find_gold(one, {"arms.md": PAGE}.get)
        assert gold is not None
        (span,) = gold.spans
        assert holds(PAGE[span.start : span.end], one.holds)
    elbow = drafted()["What is an elbow?"].gold
    assert elbow is not None
    assert PAGE[elbow[0].start : elbow[0].end].strip().endswith("one direction.")


def test_a_question_comes_once() -> None:
    assert len(drafted(PAGE + PAGE)) == 6


def test_of_a_book_in_another_language_tables_and_headings_that_ask_are_left() -> None:
    page = f"# Arme\n\n## Varianten\n\n{TABLE}\n\n## Wie geht das?\n\nMit Strom aus der Dose.\n"
    assert [*drafted(page, "german")] == ["Memory, 8GB?", "Wie geht das?"]
