"""What an abbreviation of a question stands for is learnt from the book."""

from __future__ import annotations

import pytest

from server.finding.query.abbreviations import long_forms


@pytest.mark.parametrize(
    ("question", "text", "found"),
    [
        ("What is ZMP?", "The Zero Moment Point (ZMP) is fundamental.", {"ZMP": "zero moment point"}),
        ("Why use IMUs?", "Inertial Measurement Units (IMUs) drift.", {"IMU": "inertial measurement units"}),
        (
            "What does ONNX stand for?",
            "Export to ONNX (Open Neural Network Exchange).",
            {"ONNX": "open neural network exchange"},
        ),
        ("What is an MoE?", "A mixture of experts (MoE) routes tokens.", {"MoE": "mixture of experts"}),
        ("PBVS or IBVS?", "Position-Based Visual Servoing (PBVS) needs a pose.", {"PBVS": "position-based visual servoing"}),
        ("What is RL?", "In short, reinforcement learning (RL) rewards.", {"RL": "reinforcement learning"}),
    ],
)
def test_the_words_before_or_in_the_brackets_are_the_long_form(question: str, text: str, found: dict[str, str]) -> None:
    assert long_forms(question, [text]) == found


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What is ZMP?", "The point of zero moment is told in another chapter (ZMP)."),  # other letters
        ("What is ZMP?", "ZMP (see below) is fundamental."),
        ("What is ZMP?", "Zero Moment Point. (ZMP)"),  # another sentence
        ("What is a gait?", "A gait (GAIT) is a pattern."),  # none in the question
        ("What is the Zero Moment Point (ZMP)?", "The Zero Moment Point (ZMP) is fundamental."),  # spelled out by the reader
        ("What is zmp?", "The Zero Moment Point (ZMP) is fundamental."),
        ("Does it use a GPU?", "Use a GPU."),
    ],
)
def test_what_does_not_spell_it_out_is_no_long_form(question: str, text: str) -> None:
    assert long_forms(question, [text]) == {}


def test_of_several_long_forms_the_most_frequent_counts() -> None:
    texts = ["a Position Controller (PC)", "the personal computer (PC)", "a personal computer (PC)"]

    assert long_forms("Which PC is needed?", texts) == {"PC": "personal computer"}


def test_of_many_abbreviations_only_the_first_are_looked_up() -> None:
    question = " ".join(f"A{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(600))
    text = " ".join(
        f"alpha {chr(97 + n // 26)}eta {chr(97 + n % 26)}amma (A{chr(65 + n // 26)}{chr(65 + n % 26)})." for n in range(600)
    )

    assert list(long_forms(question, [text])) == ["AAA", "AAB", "AAC", "AAD"]
    assert long_forms("Aa" * 200_000 + "_", [text]) == {}


def test_a_long_text_of_brackets_takes_no_long_time() -> None:
    assert long_forms("What is ZZZZ?", ["z z z z (ZZZZ) " * 20_000, "(" * 300_000, "ZZZZ (" * 50_000]) == {"ZZZZ": "z z z z"}
