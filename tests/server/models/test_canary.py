"""A model that recites its instructions is cut off before anyone has read the word in them."""

from __future__ import annotations

import pytest

from server.models.canary import CanaryWatch, canary

WORD = "canary-0123abcd"


def said(*deltas: str) -> tuple[str, bool]:
    watch = CanaryWatch(WORD)
    text = "".join(watch.feed(delta) for delta in deltas)
    return text + ("" if watch.is_found else watch.close()), watch.is_found


@pytest.mark.parametrize("before", ["", "The rules: [", "canary-canary-0123", "c"])
@pytest.mark.parametrize("word", [WORD, WORD.upper()])
def test_the_word_never_comes_out_however_it_is_cut(before: str, word: str) -> None:
    text = f"{before}{word}] Never write"
    for cut in ((text,), tuple(text), *((text[:at], text[at:]) for at in range(len(text)))):
        shown, is_found = said(*cut)
        assert is_found
        assert WORD not in shown.casefold()
        assert before.startswith(shown)


@pytest.mark.parametrize("text", ["canary", "A canary-0123 sings.", "canary-0123abc", "İstanbul canary", ""])
def test_what_only_begins_like_it_is_said_whole(text: str) -> None:
    assert said(text) == said(*text) == (text, False)


def test_the_word_of_a_process_cannot_be_guessed_and_stays() -> None:
    assert canary() == canary()
    assert len(canary()) == len("canary-") + 16
