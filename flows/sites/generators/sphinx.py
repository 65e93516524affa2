"""Sphinx with MyST: document to `.html` page, and the ids docutils gives its sections."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from pathspec import GitIgnoreSpec

from flows.reading.document import Document
from flows.sites.heading_text import find_references, plain_text
from flows.sites.site_files import SiteFiles, read_text
from shared.models import Site

LETTERS = str.maketrans({"ø": "o", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "ŧ": "t", "ß": "sz", "æ": "ae", "œ": "oe"})
"""`docutils/nodes.py`, the letters of its tables that occur; others lose their marks, or go."""
ID_ABOVE = re.compile(r"(?:\A|\n)\{#([\w.:-]+)[^{}\n]*\}[ \t]*\n\Z")
EXCLUDED = re.compile(r"^exclude_patterns\s*=\s*\[([^\]]*)\]", re.MULTILINE)
QUOTED = re.compile(r""""([^"\n]*)"|'([^'\n]*)'""")
SUBSTITUTES = re.compile(r"""^myst_enable_extensions\s*=\s*[\[{(][^\])}]*["']substitution["']""", re.MULTILINE)
SUBSTITUTIONS = re.compile(r"^myst_substitutions\s*=\s*\{([^{}]*)\}", re.MULTILINE)
PAIR = re.compile(r"""("[^"\n]*"|'[^'\n]*')\s*:\s*("[^"\n]*"|'[^'\n]*')""")
NOT_BUILT = ("/_build", ".*")


def page_address(document: Document, site: Site) -> str | None:
    """The page's path with `.html`; its folder of its own name where the builder is `dirhtml` (SITE_TRAILING_SLASH=true)."""
    path = PurePosixPath(document.path)
    if site.folder and not path.is_relative_to(site.folder):
        return None
    path = path.relative_to(site.folder) if site.folder else path
    excluded = GitIgnoreSpec.from_lines([*NOT_BUILT, *(f"/{glob}" for glob in site.options.get("excluded", ()))])
    if excluded.match_file(str(path)):
        return None
    if site.trailing_slash:
        folder = path.parent if path.stem == "index" else path.with_suffix("")
        return site.base + ("" if folder == PurePosixPath() else quote(f"{folder}/"))
    return site.base + quote(str(path.with_suffix(".html")))


def anchors(document: Document, site: Site) -> list[str | None]:  # noqa: ARG001  every generator is asked the same way
    """One id per heading, in order: `docutils/nodes.py`, `set_id`; one that is taken, or empty, is `id` and a number.

    `{#own}` on the line above (`attrs_block`) is taken as written.
    """
    references, taken, count = find_references(document), set[str](), 0
    ids: list[str | None] = []
    for heading in document.headings:
        own = ID_ABOVE.search(document.text, 0, heading.start)
        made = own[1] if own else docutils_id(plain_text(heading.html or heading.text, references))
        while not made or made in taken:
            count += 1
            made = f"id{count}"
        taken.add(made)
        ids.append(made)
    return ids


def docutils_id(text: str) -> str:
    """`docutils/nodes.py`, `make_id`."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(LETTERS)).encode("ascii", "ignore").decode()
    return re.sub(r"^[-0-9]+|-+$", "", re.sub(r"[^a-z0-9]+", "-", " ".join(plain.split())))


def find_sphinx_config(files: SiteFiles) -> Path | None:
    """`conf.py`, which names MyST among its extensions; Sphinx alone reads no Markdown."""
    file = files.find("conf.py", pages=lambda file: file.parent)
    return file if file is not None and "myst" in read_text(file) else None


def read_sphinx_config(files: SiteFiles, site: Site) -> Site:
    """`site` with the folder of `conf.py`, which is a program and is not run, and the patterns it leaves out as literals."""
    file = find_sphinx_config(files)
    if file is None:
        return site
    listed = EXCLUDED.search(read_text(file))
    options: dict[str, object] = {"excluded": [one or other for one, other in QUOTED.findall(listed[1])] if listed else []}
    if SUBSTITUTES.search(read_text(file)):
        named = SUBSTITUTIONS.search(read_text(file))
        pairs = PAIR.findall(named[1]) if named else []
        options["variables"] = {key[1:-1]: value[1:-1] for key, value in pairs}
    return site.model_copy(update={"folder": files.below(file.parent), "options": options})
