"""Markers in a model's text: verified, normalised, and never cut by a delta."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.models.citation_markers import MARKER, MARKER_LIMIT, NO_ANSWER
from server.models.citations import Citations

KNOWN = (1, 2, 3)


def read(deltas: list[str], known: tuple[int, ...] = KNOWN) -> tuple[str, tuple[int, ...], bool]:
    citations = Citations(known)
    text = "".join(citations.feed(delta) for delta in deltas) + citations.close()
    return text, citations.cited, citations.abstained


@pytest.mark.parametrize(
    ("given_text", "shown", "cited"),
    [
        ("Arms move [1].", "Arms move [1].", (1,)),
        ("Arms move[1].", "Arms move[1].", (1,)),
        ("Arms [1, 3] and legs [2][1].", "Arms [1][3] and legs [2][1].", (1, 3, 2)),
        ("Arms [1,3; 2].", "Arms [1][3][2].", (1, 3, 2)),
        ("Arms [1-3].", "Arms [1][2][3].", (1, 2, 3)),
        ("Arms [1–2].", "Arms [1][2].", (1, 2)),
        ("Arms 【1】 and 【2†source】 and 【3:4†L1-L9】.", "Arms [1] and [2] and [3].", (1, 2, 3)),
        ("Arms [^1].", "Arms [1].", (1,)),
        ("Arms [[2]].", "Arms [2].", (2,)),
        ("Arms \\[2\\].", "Arms [2].", (2,)),
        ("Arms [Source 1], [source: 2], [Passages 1 and 3].", "Arms [1], [2], [1][3].", (1, 2, 3)),
        ("Arms [Source 1, Source 2].", "Arms [1][2].", (1, 2)),
        ("Arms [Source 2: Inverse Kinematics].", "Arms [2].", (2,)),
        ("Arms [1, 9].", "Arms [1].", (1,)),
        ("Arms [ 1 ].", "Arms [1].", (1,)),
    ],
)
def test_a_marker_in_any_of_the_forms_models_use_comes_out_as_a_number_in_brackets(
    given_text: str, shown: str, cited: tuple[int, ...]
) -> None:
    assert read([given_text])[:2] == (shown, cited)
    assert read(list(given_text))[:2] == (shown, cited)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("Arms move [9].", "Arms move."),
        ("Arms [9] move.", "Arms move."),
        ("Arms[9] move.", "Arms move."),
        ("Arms [9]move.", "Arms move."),
        ("Arms [7] [8] [9].", "Arms."),
        ("Arms [9][1] move.", "Arms [1] move."),
        ("[9] Arms move.", "Arms move."),
        ("Arms:\n- [9] Legs\n[8] Hands", "Arms:\n- Legs\nHands"),
        ("Arms 【9】, [^9], [Source 9], [7-9], [[9]] and [0].", "Arms,,,, and."),
        ("Arms move [9]", "Arms move"),
        ("Nested [[9]7] and [1[9]2].", "Nested […7] and [1…2]."),
    ],
)
def test_a_marker_without_a_passage_never_reaches_the_reader(given_text: str, shown: str) -> None:
    assert read([given_text]) == (shown, (), False) if "[1]" not in shown else read([given_text])[0] == shown
    assert read(list(given_text))[0] == shown


@pytest.mark.parametrize(
    "text",
    [
        "Use `array[9]` here.",
        "Use `` a ` b[9] `` here.",
        "```python\nx = joints[9]\n```\nDone.",
        "```python\nx = joints[9]",
        "~~~\n[9]\n```\n[9]\n~~~\nDone.",
        "1. Step\n   ```bash\n   echo ${a[9]}\n   ```\nDone.",
        "- ```\n  [9]\n  ```",
        "> ```\n> [9]\n> ```\n> Done.",
        'See [9](https://example.org/a_(b)) or [9](<a b> "t").',
        "See [the arm](https://example.org/x[9]y).",
        "Values in [0, 1] and x[0] and [-1, 1] and [2024].",
        "At [12:30] a - [ ] task, - [x] done, [text][ref], ![alt](a.png).",
        "A lone ` backtick and [text] and \\* star.",
    ],
)
def test_code_links_and_intervals_stay_as_written(text: str) -> None:
    assert read([text]) == (text, (), False)
    assert read(list(text)) == (text, (), False)


@pytest.mark.parametrize(
    "cut", ["[", "[1", "[1, ", "[12", "[[1]", "[^1", "[Source 1", "[Source", "【1", "【1†sou", "\\[1", "[NO_ANS", "[1 "]
)
def test_a_marker_cut_by_the_end_of_the_text_never_reaches_the_reader(cut: str) -> None:
    assert read(["Arms move " + cut]) == ("Arms move", (), False)
    assert read(list("Arms move " + cut)) == ("Arms move", (), False)


def test_an_unclosed_backtick_hides_no_marker() -> None:
    assert read(list("A ` lone backtick [9] and [1].\n\nNext [8]."))[:2] == ("A ` lone backtick and [1].\n\nNext.", (1,))
    assert read(list("A ` lone backtick\n```py\n[9]\n```\nNext [8]."))[0] == "A ` lone backtick\n```py\n[9]\n```\nNext."


@pytest.mark.parametrize(
    "text",
    [
        "[NO_ANSWER] The book does not say.",
        "[NO_ANSWER]\n\nThe book does not say.",
        "**[NO_ANSWER]** The book does not say.",
        "`[no answer]` The book does not say.",
        "[[NO-ANSWER]]The book does not say.",
        " \\[NO_ANSWER\\] The book does not say.",
        "The book does not say. [NO_ANSWER]",
        "The [NO_ANSWER] book does not say.",
    ],
)
def test_the_no_answer_sign_is_taken_out_and_told(text: str) -> None:
    assert read([text]) == ("The book does not say.", (), True)
    assert read(list(text)) == ("The book does not say.", (), True)


def test_a_cited_answer_that_only_ends_with_the_sign_is_an_answer() -> None:
    assert read(["Arms move [1]. [NO_ANSWER]"]) == ("Arms move [1].", (1,), False)


def test_only_what_may_become_a_marker_is_held_back() -> None:
    citations = Citations(KNOWN)
    assert citations.feed("Arms mo") == "Arms mo"
    assert citations.feed("ve `a b") == "ve `a b"
    assert citations.feed("` and [") == "` and"
    assert citations.feed("1") == ""
    assert citations.feed("]") == ""
    assert citations.feed(".") == " [1]."
    assert citations.feed(" [te") == " [te"


WORDS = ["a", "word", "é", "and", "Source", "ref", "[1]", "[9]", "[1,", "9]", "[NO_ANSWER]", "[NO_", "ANSWER]", "(x)"]
SIGNS = ["[", "]", "[[", "]]", "【", "】", "†", "^", "\\", "(", ")", "](", "<", ">", ":", "#", ".", ", ", "-", "**", '"']
BLOCKS = ["`", "``", "```", "~~~", "\n", "\n\n", " ", "  ", "\t", "> ", "- ", "1. ", "1", "9", "0"]
FRAGMENTS = st.sampled_from([*WORDS, *SIGNS, *BLOCKS, "x" * 130, "y" * 1001])


@pytest.mark.parametrize(
    "text", ["[1,\n9]", "[Source\n1]", "[1 and\n2]", "[1:\na]", "[NO_ANSWER\n]", "[\u0663]", "[\u017fource 1]"]
)
def test_a_marker_over_two_lines_or_in_other_digits_is_the_same_whole_and_in_pieces(text: str) -> None:
    assert read(list(text)) == read([text])


@settings(max_examples=300, deadline=None)
@given(st.from_regex(MARKER, fullmatch=True).filter(lambda text: len(text) < MARKER_LIMIT))
def test_a_marker_of_any_form_is_the_same_whole_and_in_pieces(text: str) -> None:
    assert read(list(text)) == read([text])


@settings(max_examples=600, deadline=None)
@given(st.lists(FRAGMENTS, max_size=25).map("".join), st.data())
def test_any_split_into_deltas_gives_the_same_text_and_citations(text: str, data: st.DataObject) -> None:
    whole = read([text])
    assert read(list(text)) == whole
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    assert read([text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]) == whole


@settings(max_examples=300, deadline=None)
@given(st.lists(FRAGMENTS.filter(lambda text: not set(text) & set("`~(")), max_size=25).map("".join))
def test_outside_code_and_links_no_unknown_marker_comes_out(text: str) -> None:
    shown, cited, _ = read([text])
    markers = {int(number) for number in re.findall(r"\[{1,2}(\d+)\]", shown)} - {0}
    assert markers <= set(KNOWN)
    assert set(cited) <= set(KNOWN)
    assert NO_ANSWER not in shown


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["word ", "Ünï ", ". ", "\n", "(x) ", "1 "]), min_size=1, max_size=30).map("".join))
def test_text_without_brackets_or_code_comes_out_as_it_went_in(text: str) -> None:
    assert read([text])[0].strip() == text.strip()
