"""Code as something to quote."""

from __future__ import annotations

import pytest

from server.models.quoting.listings import MAX_CODE_LINES, is_commands, is_data, is_diagram, shorten_listing, spelled_out, worth
from shared.index.bm25 import Bm25

BM25 = Bm25("english")


def terms(text: str) -> frozenset[int]:
    return frozenset(BM25.query(text).indices)


def weigh(text: str) -> dict[int, float]:
    return dict.fromkeys(terms(text), 1.0)


def fence(*lines: str) -> str:
    return "\n".join(["```python", *lines, "```"])


@pytest.mark.parametrize(
    ("opening", "kinds"),
    [
        ("```bash", (True, False, False)),
        ("~~~ console", (True, False, False)),
        ('```sh title="Install"', (True, False, False)),
        ("```yaml", (False, True, False)),
        ("```", (False, True, False)),
        ("```mermaid", (False, False, True)),
        ("````Mermaid", (False, False, True)),
        ("```python", (False, False, False)),
    ],
)
def test_what_a_listing_is_stands_on_its_fence(opening: str, kinds: tuple[bool, bool, bool]) -> None:
    code = f"{opening}\nx\n{opening[:3]}"
    assert (is_commands(code), is_data(code), is_diagram(code)) == kinds


def test_names_are_read_as_their_words() -> None:
    assert terms("create publisher subscription") <= terms(spelled_out("createPublisher(make_subscription)"))


def test_words_far_apart_count_less_than_words_together() -> None:
    together = fence("create(publisher)", *["pass"] * 20)
    apart = fence("create()", *["pass"] * 20, "publisher()")
    assert worth(together, weigh("create publisher"), terms) == 2.0
    assert worth(apart, weigh("create publisher"), terms) == 1.0


def test_a_name_that_joins_what_is_asked_about_counts_more() -> None:
    assert worth(fence("node.create_publisher(x)"), weigh("create publisher"), terms) == 3.0
    assert worth(fence("node.createPublisher(x)"), weigh("create publisher"), terms) == 3.0


def test_a_short_listing_stays_whole() -> None:
    code = fence(*["x = 1"] * (MAX_CODE_LINES - 2))
    assert shorten_listing(code, weigh("publisher"), terms) == code


def test_of_a_long_listing_the_part_that_answers_is_left() -> None:
    blocks = [line for n in range(12) for line in (f"def part_{n}():", "    first()", "    second()", "    third()", "")]
    blocks[30:34] = ["def talk():", "    pub = create_publisher()", "    pub.send()", "    done()"]
    shown = shorten_listing(fence(*blocks), weigh("create publisher"), terms).splitlines()
    assert "    pub = create_publisher()" in shown
    assert shown[:2] == ["```python", "…"]
    assert shown[-2:] == ["…", "```"]
    assert shown[2].startswith("def ")
    assert shown[-3] == "    third()"
    assert len(shown) <= MAX_CODE_LINES


def test_without_anything_to_look_for_a_long_listing_is_cut_at_its_end() -> None:
    shown = shorten_listing(fence(*[f"line_{n}" for n in range(100)]), {}, terms).splitlines()
    assert (shown[1], shown[-2]) == ("line_0", "…")
