"""Every expression that meets a reader's or an author's text takes time in proportion to it."""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from types import ModuleType
from typing import Any, cast

import pytest

import flows
import server
import shared
from flows.reading.extensions.jsx import expression_end, statement_end
from flows.sites.literals import read_literals
from server.english import names_its_subject
from server.languages import clauses, language_of, sides
from server.pages.book_page import render_page
from tests.policy.linear_time.matching_text import matching_text
from tests.support.fakes import make_chunk

SIZES = (1_000, 2_000, 4_000, 8_000)
UNNOTICED_S = 0.02
"""Less processor time than this for 8 kB freezes nobody, however it grows."""
GROWTH = 3.0
"""Of time when the text doubles, above which it is more than linear; a square has 4, a cube 8."""
USES = ("search", "match", "fullmatch", "sub", "finditer", "findall", "split")


def modules() -> Iterator[ModuleType]:
    for package in (flows, server, shared):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__") and ".migrations" not in found.name:
                yield importlib.import_module(found.name)


def held(value: object) -> Iterator[re.Pattern[Any]]:
    """The expressions that a value of a module is or holds."""
    if isinstance(value, re.Pattern):
        yield cast("re.Pattern[Any]", value)
    elif isinstance(value, Mapping):
        for pair in cast("Mapping[object, object]", value).items():
            yield from held(pair)
    elif isinstance(value, tuple | list | set | frozenset):
        for each in cast("Iterable[object]", value):
            yield from held(each)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from held([getattr(value, field.name) for field in fields(value)])


def patterns() -> Iterator[Any]:
    """(expression, a way its module may use it) of every expression that a module keeps, by itself or in a table."""
    seen = set[tuple[re.Pattern[Any], str]]()
    for module in modules():
        source = inspect.getsource(module)
        for name, value in vars(module).items():
            uses = [use for use in USES if f"{name if isinstance(value, re.Pattern) else ''}.{use}" in source]
            for n, (pattern, use) in enumerate(itertools.product(held(value), uses)):
                if (pattern, use) not in seen:
                    seen.add((pattern, use))
                    yield pytest.param(pattern, use, id=f"{module.__name__}.{name}.{use}-{n}")


def texts(pattern: re.Pattern[Any], size: int) -> Iterator[str]:
    """Runs of the expression's own punctuation, and of pairs of it, behind a letter."""
    source = str(pattern.pattern)
    alphabet = sorted({*re.sub(r"\\[a-zA-Z]|\w", "", source)} | set(" -aA1\n"))
    yield from (character * size for character in alphabet)
    for one, other in itertools.permutations(alphabet, 2):
        yield "a" + one * (size // 2) + other * (size // 2)
        yield (one + other) * (size // 2)


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def is_linear(work: Callable[[int], object]) -> bool:
    """Whether eight times the text takes no more than its share; the best of three, so that a busy machine does not count."""
    took = [min(seconds(lambda size=size: work(size)) for _ in range(3)) for size in SIZES[:2]]
    for size in SIZES[2:]:
        if took[-1] > GROWTH * took[-2] and took[-1] > UNNOTICED_S:
            return False
        took.append(min(seconds(lambda size=size: work(size)) for _ in range(3)))
    return took[-1] <= UNNOTICED_S or took[-1] <= GROWTH * took[-2]


@pytest.mark.parametrize(("pattern", "use"), [*patterns()])
def test_an_expression_takes_time_in_proportion_to_its_text(pattern: re.Pattern[Any], use: str) -> None:
    for small in texts(pattern, SIZES[0]):
        if seconds(lambda small=small: run(pattern, use, small)) < UNNOTICED_S / 64:
            continue  # even a square of it goes unnoticed at 8 kB
        shape = small[: 1 + len(small) // 2], small[-1]
        assert is_linear(partial(run_over, pattern, use, "", small)), shape
        halves = small[1], small[-1]
        assert is_linear(
            lambda size, halves=halves: run(pattern, use, "a" + halves[0] * (size // 2) + halves[1] * (size // 2))
        ), halves


@pytest.mark.parametrize(("pattern", "use"), [*patterns()])
def test_what_begins_again_and_again_and_never_ends_takes_time_in_proportion_too(pattern: re.Pattern[Any], use: str) -> None:
    whole = matching_text(pattern)
    for cut in sorted({len(whole) - 1, len(whole) - 2, 2 * len(whole) // 3, len(whole) // 2} - {-2, -1, 0}):
        for before in ("", "a"):
            scrap = whole[:cut]
            work = partial(run_over, pattern, use, before, scrap)
            assert seconds(lambda work=work: work(SIZES[0])) < UNNOTICED_S / 64 or is_linear(work), scrap


def run_over(pattern: re.Pattern[Any], use: str, before: str, scrap: str, size: int) -> object:
    """Use the expression on a text of about `size` characters."""
    return run(pattern, use, before + scrap * (size // len(scrap) + 1))


def run(pattern: re.Pattern[Any], use: str, text: str) -> object:
    """Use the expression as its module does."""
    subject: Any = text if isinstance(pattern.pattern, str) else text.encode()
    found = getattr(pattern, use)(*((subject[:0],) if use == "sub" else ()), subject)
    return [*found] if use == "finditer" else found


def test_a_question_of_blanks_and_hyphens_is_told_apart_at_once() -> None:
    assert is_linear(lambda size: names_its_subject("a" + " " * (size // 2) + "-" * (size // 2)))
    assert is_linear(lambda size: names_its_subject("a " + "-" * size))


@pytest.mark.parametrize(
    "scrap", ["-", "`", "\N{ROBOT FACE}", "and ", "what and ", "what, ", "between ", "a vs ", "和", "什么和"]
)
@pytest.mark.parametrize("part", [sides, lambda text: clauses(text, language_of(text))])
def test_a_question_is_parted_in_proportion_to_it(scrap: str, part: Callable[[str], object]) -> None:
    assert is_linear(lambda size: part(scrap * (size // len(scrap))))


@pytest.mark.parametrize("scrap", ["{'\\\\", '{"\\\\', "{`\\\\`", "{/*", "{//", "{'a", "'\\n{", "a: '\\\\'", "/*/", "`{\\`"])
@pytest.mark.parametrize("scan", [lambda text: expression_end(text, 0), lambda text: statement_end(text, 0), read_literals])
def test_a_program_whose_strings_and_comments_do_not_end_is_scanned_in_proportion_to_it(
    scrap: str, scan: Callable[[str], object]
) -> None:
    assert is_linear(lambda size: scan(scrap * (size // len(scrap))))
    assert is_linear(lambda size: scan(scrap[0] + scrap[1:] * (size // len(scrap[1:]))))


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How does SLAM work?", True),
        ('How does the "D435i" see?', True),
        ("How ( Isaac )?", True),
        ("What is a gait?", True),
        ("What is the range?", False),
        ("How does it work?", False),
        ("SLAM?", False),
        ("and for lidar-3", True),
    ],
)
def test_a_question_that_names_its_subject_stands_by_itself(question: str, *, names: bool) -> None:
    assert names_its_subject(question) is names


def test_a_page_of_comments_that_never_end_is_shown_in_proportion_to_it() -> None:
    def page(size: int) -> str:
        text = "<div>\n" + "{/*" * (size // 3) + "\n</div>\n"
        return render_page([make_chunk(text)])

    assert is_linear(page)
