"""MkDocs 1.6, with or without Material: file to address, and the ids of Python-Markdown's `toc` extension."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import quote

from flows.document import Document, Heading
from flows.heading_text import html_text
from flows.slugs import pymdownx_slug, toc_slug, toc_unique
from shared.models import Site

ATTRIBUTES = re.compile(r"[ ]+\{:?[ ]*([^\}\n ][^\n]*)[ ]*\}[ ]*$")
ATTRIBUTE_ID = re.compile(r"(?:^|[ ])(?:#([^\s}]+)|id=[\"']?([^\s\"'}]+))")
SLUGIFY: dict[str, Callable[[str], str]] = {
    "default": toc_slug,
    "unicode": lambda text: toc_slug(text, ascii_only=False),
    "pymdownx": pymdownx_slug,
}


def page_address(document: Document, site: Site) -> str | None:
    """The page's path on the site: `mkdocs/structure/files.py`, `_get_stem`, `_get_dest_path` and `_get_url`.

    `README` counts as `index` (both spelled just so); `use_directory_urls` gives `page/`, without it `page.html`.
    """
    path = PurePosixPath(document.path)
    if site.folder and not path.is_relative_to(site.folder):
        return None
    path = path.relative_to(site.folder) if site.folder else path
    name = "index" if path.stem == "README" else path.stem
    if site.trailing_slash is False:
        return site.base + quote(str(path.with_name(f"{name}.html")))
    folder = path.parent if name == "index" else path.with_name(name)
    return site.base + ("" if folder == PurePosixPath() else quote(f"{folder}/"))


def anchors(document: Document, site: Site) -> list[str | None]:
    """One id per heading, in order: `markdown/extensions/toc.py`, `TocTreeprocessor.run`.

    Custom ids (`attr_list`: `{#id}`, `{: #id .class }`) are taken first, all over the page; the others then step aside for
    them and for each other: `name`, `name_1`, `name_2`.
    """
    custom = [heading.custom_id or _attribute_id(heading) for heading in document.headings]
    used = {id for id in custom if id}
    slugify = SLUGIFY[site.ids]
    return [
        given or toc_unique(slugify(_text(heading, document.text)), used)
        for heading, given in zip(document.headings, custom, strict=True)
    ]


def _attribute_id(heading: Heading) -> str | None:
    """The id in an attribute list at the heading's end (`markdown/extensions/attr_list.py`, `HEADER_RE`)."""
    attributes = ATTRIBUTES.search(heading.html)
    given = ATTRIBUTE_ID.search(attributes[1]) if attributes else None
    return (given[1] or given[2]) if given else None


def _text(heading: Heading, page: str) -> str:
    source = ATTRIBUTES.sub("", heading.html) if heading.html else ""
    return " ".join((html_text(source, page) if source else heading.text).split())
