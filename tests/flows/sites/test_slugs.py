"""One id algorithm at a time; the rules for whole pages are held against real sites in `test_site.py`."""

from __future__ import annotations

import pytest

from flows.sites.slugs import GithubSlugger, MdbookIds, github_slug, mdbook_slug, pymdownx_slug


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Hello, World!", "hello-world"),
        ("A & B", "a--b"),
        ("snake_case-and-hyphens", "snake_case-and-hyphens"),
        ("🛠️ Tools", "️-tools"),  # the variation selector is a mark and stays
        ("👩‍🚀 Astronaut", "-astronaut"),
        ("你好，世界", "你好世界"),
        ("मुझे पता", "मुझे-पता"),
        ("٤٥٦ ½ Ⅳ ⓐ", "٤٥٦--ⅳ-ⓐ"),
        ("tab\tand\u00a0space", "tabandspace"),
    ],
)
def test_a_github_slug_keeps_letters_marks_and_digits_of_every_script(text: str, slug: str) -> None:
    assert github_slug(text) == slug


def test_github_ids_count_up_and_pass_over_an_id_already_given() -> None:
    slugger = GithubSlugger()
    given = [slugger.slug(text) for text in ("foo", "foo", "foo 1", "foo", "foo-1", "constructor", "")]
    assert given == ["foo", "foo-1", "foo-1-1", "foo-2", "foo-1-2", "constructor", ""]


def test_a_pymdownx_slug_keeps_unicode_and_every_space() -> None:
    assert pymdownx_slug("Żółć & 你好") == "żółć--你好"


def test_a_mdbook_slug_keeps_what_rust_calls_alphanumeric() -> None:
    assert mdbook_slug(" `--passes`: add 🐙 more½ ") == "--passes-add--more½"
    assert mdbook_slug("हिन्दी e\u0301 🛠️") == "हिनदी-e-"  # the virama and a combining accent are not alphabetic, vowel signs are


def test_mdbook_ids_take_the_first_number_that_is_free() -> None:
    ids = MdbookIds()
    assert [ids.unique(slug) for slug in ("foo", "foo-1", "foo", "foo", "")] == ["foo", "foo-1", "foo-2", "foo-3", ""]


@pytest.mark.parametrize("ids", [MdbookIds().unique, GithubSlugger().slug])
def test_twenty_thousand_equal_headings_all_get_an_id_of_their_own(ids: object) -> None:
    assert callable(ids)
    assert len({ids("same") for _ in range(20_000)}) == 20_000
