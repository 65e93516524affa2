"""mdBook: chapter to `.html` page, and the ids of its headings."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import quote

from flows.document import Document, Heading
from flows.heading_text import pulldown_text
from flows.slugs import mdbook_slug, mdbook_unique
from shared.models import Site

ATTRIBUTES = re.compile(r"\s*\{([^{}]*)\}\s*$")


def page_address(document: Document, site: Site) -> str | None:
    """The page's path on the site; None for a file that `SUMMARY.md` does not name, and for `SUMMARY.md` itself.

    `html_handlebars/hbs_renderer.rs`: the chapter's path with the extension `html`. `builtin_preprocessors/index.rs`: a
    `README`, in any case, becomes `index`.
    """
    path = PurePosixPath(document.path)
    if site.folder and not path.is_relative_to(site.folder):
        return None
    path = path.relative_to(site.folder) if site.folder else path
    if str(path) == "SUMMARY.md" or (site.chapters and str(path) not in site.chapters):
        return None
    name = "index" if path.stem.lower() == "readme" else path.stem
    return site.base + quote(str(path.with_name(f"{name}.html")))


def anchors(document: Document, site: Site) -> list[str | None]:  # noqa: ARG001  every generator is asked the same way
    """One id per heading, in order: `mdbook-html/src/html/tree.rs`, `add_header_links`.

    A custom id (pulldown-cmark's heading attributes, `{#id .class}`) is taken as written and not remembered.
    """
    used: set[str] = set()
    return [_heading_id(heading, document.text, used) or None for heading in document.headings]


def _heading_id(heading: Heading, page: str, used: set[str]) -> str:
    attributes = ATTRIBUTES.search(heading.html)
    given = heading.custom_id or next((word[1:] for word in (attributes[1].split() if attributes else ()) if word.startswith("#")), None)
    if given:
        return given
    source = ATTRIBUTES.sub("", heading.html)
    return mdbook_unique(mdbook_slug(pulldown_text(source, page) if source else heading.text), used)
