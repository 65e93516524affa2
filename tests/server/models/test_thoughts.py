from __future__ import annotations

import pytest

from server.models.thoughts import Thoughts


def said(*deltas: str) -> str:
    thoughts = Thoughts()
    return "".join([*map(thoughts.feed, deltas), thoughts.close()])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<think>Hm.</think>Joints move.", "Joints move."),
        ("<THINK>Hm.</Think>\n\nJoints move.", "\n\nJoints move."),
        ("Joints <think>or links?</think>move.", "Joints move."),
        ("<think>a</think>b<think>c</think>d", "bd"),
        ("<think>never said", ""),
        ("Joints.<think>never said", "Joints."),
        ("thought</think>Joints.", "thoughtJoints."),
        ("<think>a<think>b</think>c", "c"),
        ("a < b, <b>c</b> and <thinking>d</thinking>", "a < b, <b>c</b> and <thinking>d</thinking>"),
        ("it ends with <thin", "it ends with <thin"),
        ("<", "<"),
        ("", ""),
    ],
)
def test_thoughts_are_left_out_however_the_text_is_cut(text: str, kept: str) -> None:
    assert said(text) == kept
    assert said(*text) == kept
    for at in range(len(text)):
        assert said(text[:at], text[at:]) == kept


def test_only_what_may_become_a_tag_is_held_back() -> None:
    thoughts = Thoughts()
    at_once = [thoughts.feed(delta) for delta in ("Joints ", "move <", "b> and </t", "d>")]
    assert at_once == ["Joints ", "move ", "<b> and ", "</td>"]
