"""Greetings and thanks."""

from __future__ import annotations

import pytest

from server.answering.small_talk import reply_to


@pytest.mark.parametrize("greeting", ["hi", "Hello!", "  HEY there :)", "Good morning."])
def test_a_greeting_is_greeted(greeting: str) -> None:
    assert (reply_to(greeting) or "").startswith("Hello!")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Thanks!", "You're"),
        ("¡Hola!", "¡Hola!"),
        ("merci beaucoup", "Avec"),
        ("Danke schön", "Gern"),
        ("你好", "你好"),
        ("السلام علیکم", "وعليكم"),
        ("नमस्ते", "नमस्ते"),
        ("شکریہ", "خوش"),
        ("Привет", "Привет"),
    ],
)
def test_the_reply_is_in_the_language_of_what_was_said(said: str, answer: str) -> None:
    assert (reply_to(said) or "").startswith(answer)


@pytest.mark.parametrize(
    "question",
    [
        "",
        "?",
        "hi, what is ROS?",
        "What is a salutation?",
        "hello world program",
        "thanks to what do robots move?",
        "h" * 10_000,
    ],
)
def test_a_question_is_no_small_talk(question: str) -> None:
    assert reply_to(question) is None
