"""VitePress 1: file to address, the ids of markdown-it-anchor, and what `.vitepress/config.*` says as literals."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from flows.reading.document import Document
from flows.sites.heading_text import SHORTCODE, find_references, plain_text
from flows.sites.literals import find_literal, read_literals
from flows.sites.site_files import SiteFiles, read_text
from shared.models import Site

CONFIG_FILES = tuple(
    f".vitepress/config{name}.{ending}" for name in ("", "/index") for ending in ("ts", "mts", "js", "mjs", "cts", "cjs")
)
SPECIAL = re.compile("[\\s~`!@#$%^&*()\\-_+=[\\]{}|\\\\;:\"'\u201c\u201d\u2018\u2019<>,.?/]+")
COMBINING = re.compile("[\u0300-\u036f]")
CONTROL = re.compile("[\x00-\x1f]")


def page_address(document: Document, site: Site) -> str | None:
    """The page's path: `page.html`, without the ending where `cleanUrls` is on; `index` stands for its folder."""
    path = PurePosixPath(document.path)
    if site.folder and not path.is_relative_to(site.folder):
        return None
    path = path.relative_to(site.folder) if site.folder else path
    if path.stem == "index":
        return site.base + quote("" if path.parent == PurePosixPath() else f"{path.parent}/")
    return site.base + quote(str(path.with_suffix("" if site.options.get("clean_urls") else ".html")))


def anchors(document: Document, site: Site) -> list[str | None]:  # noqa: ARG001  every generator is asked the same way
    """One id per heading, in order: `markdown-it-anchor`, `uniqueSlug`; `{#id}` is taken as written (markdown-it-attrs)."""
    references, taken = find_references(document), set[str]()
    ids: list[str | None] = []
    for heading in document.headings:
        slug = heading.custom_id or vitepress_slug(SHORTCODE.sub("", plain_text(heading.html or heading.text, references)))
        unique, count = slug, 1
        while unique in taken and not heading.custom_id:
            unique, count = f"{slug}-{count}", count + 1
        taken.add(unique)
        ids.append(unique)
    return ids


def vitepress_slug(text: str) -> str:
    """The id `@mdit-vue/shared` makes of `text` (`slugify.ts`): marks taken off letters, a digit at the start behind `_`."""
    bare = CONTROL.sub("", COMBINING.sub("", unicodedata.normalize("NFKD", text)))
    slug = re.sub("-{2,}", "-", SPECIAL.sub("-", bare)).strip("-")
    return (f"_{slug}" if slug[:1].isascii() and slug[:1].isdigit() else slug).lower()


def find_vitepress_config(files: SiteFiles) -> Path | None:
    """`.vitepress/config.*`."""
    return files.find(*CONFIG_FILES, pages=_root)


def _root(config: Path) -> Path:
    """The folder that holds `.vitepress`."""
    return next(folder.parent for folder in config.parents if folder.name == ".vitepress")


def read_vitepress_config(files: SiteFiles, site: Site) -> Site:
    """`site` with `srcDir` as the folder, `cleanUrls`, and `base` unless `site` says it."""
    config = find_vitepress_config(files)
    if config is None:
        return site
    literals = read_literals(read_text(config))
    source, base = find_literal(literals, "srcDir"), find_literal(literals, "base")
    folder = _root(config) / (source if isinstance(source, str) else ".")
    update: dict[str, object] = {
        "folder": files.below(folder),
        "options": {"clean_urls": find_literal(literals, "cleanUrls") is True},
    }
    if isinstance(base, str) and site.base == Site().base:
        update["base"] = re.sub("/+", "/", f"/{base}/")
    if any(path[0] == "rewrites" or "rewrites" in path for path in literals):
        update["notes"] = (*site.notes, "VitePress' rewrites are not applied: pages that they move have wrong addresses")
    return site.model_copy(update=update)
