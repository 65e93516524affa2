"""How generators turn a heading's text into an id, and tell equal ids apart. One function or class per algorithm."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from flows.sites.alphabetic import is_alphanumeric, is_circled_letter

GITHUB_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc"})


def github_slug(text: str) -> str:
    """The id github-slugger (1.5 and 2) makes of `text`.

    Its `regex.js` removes everything but letters, marks, decimal digits, connector punctuation, space and hyphen (Unicode's
    Alphabetic + Mark + Nd + Pc); every space becomes a hyphen, so "A & B" gives `a--b`. An emoji's variation selector is a
    mark and stays. Compared with `regex.js` over all code points: the same, but for letters newer than Unicode 13.
    """
    return "".join(character for character in text.lower() if character in " -" or _is_word(character)).replace(" ", "-")


def _is_word(character: str) -> bool:
    return unicodedata.category(character) in GITHUB_CATEGORIES or is_circled_letter(character)


class GithubSlugger:
    """Ids of one page, unique: `foo`, `foo-1`, `foo-2` (github-slugger `index.js`, class `BananaSlug`)."""

    def __init__(self) -> None:
        self._occurrences: dict[str, int] = {}

    def slug(self, text: str) -> str:
        """The next id for `text`; an id already given ("foo-1" as a heading's own text) is passed over."""
        original = slug = github_slug(text)
        while slug in self._occurrences:
            self._occurrences[original] += 1
            slug = f"{original}-{self._occurrences[original]}"
        self._occurrences[slug] = 0
        return slug


def pymdownx_slug(text: str, separator: str = "-", *, case: str = "lower", percent_encode: bool = False) -> str:
    """The id of `pymdownx.slugs.slugify`, whose `case="lower"` Material recommends: Unicode kept, spaces not collapsed."""
    slug = re.sub(r"</?[^>]*>", "", unicodedata.normalize("NFC", text)).strip()
    match case:
        case "lower":
            slug = slug.lower()
        case "lower-ascii":
            slug = re.sub(r"[A-Z]+", lambda capitals: capitals[0].lower(), slug)
        case "fold":
            slug = slug.casefold()
        case _:
            pass
    slug = re.sub(r"[^\w\- ]", "", slug).replace(" ", separator)
    return quote(slug) if percent_encode else slug


def mdbook_slug(text: str) -> str:
    """The id mdBook makes of `text` (0.5 `mdbook-html/src/utils.rs`, `id_from_content`; 0.4 `normalize_id`)."""
    hyphenated = ("-" if character.isspace() else character for character in text.strip().lower())
    return "".join(character for character in hyphenated if character in "_-" or is_alphanumeric(character))


class MdbookIds:
    """Ids of one page, unique: `foo`, then the first free of `foo-1`, `foo-2` (`mdbook-html/src/utils.rs`, `unique_id`)."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._counts: dict[str, int] = {}

    def unique(self, slug: str) -> str:
        """`slug`, or the first free one with a number behind it."""
        count, unique = self._counts.get(slug, 0), slug
        while unique in self._used:
            count += 1
            unique = f"{slug}-{count}"
        self._counts[slug] = count
        self._used.add(unique)
        return unique
