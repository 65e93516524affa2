"""How generators turn a heading's text into an id, and tell equal ids apart. One function or class per algorithm."""

from __future__ import annotations

import re
import unicodedata

from flows.alphabetic import is_alphanumeric, is_circled_letter

GITHUB_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "Pc"})
COUNTED_ID = re.compile(r"^(.*)_([0-9]+)$")


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


def toc_slug(text: str, *, ascii_only: bool = True) -> str:
    """The id Python-Markdown's `toc` makes of `text` (`markdown/extensions/toc.py`, `slugify` and `slugify_unicode`).

    ASCII: accents are taken off and what is still not ASCII is dropped, so a Chinese heading gives an empty id.
    """
    if ascii_only:
        text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())


def pymdownx_slug(text: str) -> str:
    """The id of `pymdownx.slugs.slugify(case="lower")`, which Material recommends: Unicode kept, spaces not collapsed."""
    slug = re.sub(r"</?[^>]*>", "", unicodedata.normalize("NFC", text)).strip().lower()
    return re.sub(r"[^\w\- ]", "", slug).replace(" ", "-")


def toc_unique(slug: str, used: set[str]) -> str:
    """`slug`, or the next free of `slug_1`, `slug_2`; joins `used` (`toc.py`, `unique`). An empty one becomes `_1`."""
    while slug in used or not slug:
        counted = COUNTED_ID.match(slug)
        slug = f"{counted[1]}_{int(counted[2]) + 1}" if counted else f"{slug}_1"
    used.add(slug)
    return slug


def mdbook_slug(text: str) -> str:
    """The id mdBook makes of `text` (0.5 `mdbook-html/src/utils.rs`, `id_from_content`; 0.4 `normalize_id`)."""
    hyphenated = ("-" if character.isspace() else character for character in text.strip().lower())
    return "".join(character for character in hyphenated if character in "_-" or is_alphanumeric(character))


def mdbook_unique(slug: str, used: set[str]) -> str:
    """`slug`, or the first free of `slug-1`, `slug-2`; joins `used` (`mdbook-html/src/utils.rs`, `unique_id`)."""
    unique, counter = slug, 0
    while unique in used:
        counter += 1
        unique = f"{slug}-{counter}"
    used.add(unique)
    return unique
