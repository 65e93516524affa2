"""The plugins of MkDocs that move pages: Material's `blog` and mkdocs-static-i18n; and those that are not known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Any, cast

from flows.reading.document import Document
from flows.sites.slugs import pymdownx_slug
from shared.models import Site

LOCALE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{4})?(?:-[A-Z]{2}|_[A-Z]{2})?")
IN_PLACE = frozenset(
    """
    search tags social privacy offline optimize meta info typeset group projects autorefs mkdocstrings minify
    git-revision-date git-revision-date-localized git-authors git-committers git-committers-2 awesome-pages awesome-nav
    glightbox macros include-markdown table-reader redirects section-index mermaid2 swagger-ui-tag drawio video rss mike
    markdown-exec exclude-search llmstxt charts render_swagger panzoom click typer snippets jupyter mkdocs-jupyter
    mkdocs-video image-captions table-of-contents toc-sidebar codeinclude open-in-new-tab print-site with-pdf pdf-export
    blog i18n literate-nav callouts neoteroi.mkdocsoad pymdownx hooks audiotag link-marker ezlinks ezlinked roamlinks
    """.split()  # noqa: SIM905  a table of words
)
"""Plugins that leave a page's address as it is, and the two of this module."""


def plugins_of(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The options of each plugin by its name, the theme's prefix left off (`material/blog`)."""
    given: Any = config.get("plugins")
    entries: Any = [{name: given[name]} for name in cast("dict[str, Any]", given)] if isinstance(given, dict) else given
    found: dict[str, dict[str, Any]] = {}
    for entry in cast("list[Any]", entries) if isinstance(entries, list) else []:
        for name, options in cast("dict[str, Any]", entry).items() if isinstance(entry, dict) else [(entry, None)]:
            found[str(name).rpartition("/")[2]] = cast("dict[str, Any]", options) if isinstance(options, dict) else {}
    return found


def unknown_plugins(plugins: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each plugin that may move, make or leave out pages."""
    for name in plugins:
        if name not in IN_PLACE:
            yield f"the MkDocs plugin {name!r} is not known: where it moves pages, their addresses are wrong"
        if name == "macros":
            yield "the MkDocs plugin 'macros' writes text from code: what {{ }} holds is left out, but for values of mkdocs.yml"


def moving_options(plugins: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """What `moved_page` needs, for `Site.options`."""
    options: dict[str, Any] = {}
    if "blog" in plugins and plugins["blog"].get("enabled") is not False:
        options["blog"] = {key: value for key, value in plugins["blog"].items() if isinstance(value, str | int | bool)}
    if "i18n" in plugins:
        options["i18n"] = _locales(plugins["i18n"])
    return options


def _locales(plugin: Mapping[str, Any]) -> dict[str, Any]:
    """`{"structure": ..., "default": locale, "locales": [built ones]}`, of the plugin's old form too."""
    given: Any = plugin.get("languages")
    default, locales = str(plugin.get("default_language") or ""), list[str]()
    if isinstance(given, dict):
        locales = [str(locale) for locale in cast("dict[object, Any]", given) if locale != "default"]
    for each in cast("list[Any]", given) if isinstance(given, list) else []:
        language = cast("dict[str, Any]", each) if isinstance(each, dict) else {"locale": each}
        if language.get("default") is True:
            default = str(language.get("locale"))
        if language.get("build") is not False:
            locales.append(str(language.get("locale")))
    return {"structure": str(plugin.get("docs_structure") or "suffix"), "default": default, "locales": locales}


def moved_page(path: PurePosixPath, document: Document, site: Site) -> PurePosixPath | None:
    """The file that the page at `path` (below `docs_dir`) is built as: `path` itself where no plugin moves it, None: none."""
    if (blog := site.options.get("blog")) is not None and _is_post(path, blog):
        return _post(path, document, blog)
    if (locales := site.options.get("i18n")) is not None:
        return _localized(path, locales)
    return path


def _is_post(path: PurePosixPath, blog: Mapping[str, Any]) -> bool:
    posts = normpath(str(blog.get("post_dir", "{blog}/posts")).replace("{blog}", str(blog.get("blog_dir", "blog"))))
    return path.is_relative_to(posts)


def _post(path: PurePosixPath, document: Document, blog: Mapping[str, Any]) -> PurePosixPath | None:
    """`material/plugins/blog/plugin.py`, `_format_path_for_post`; a draft is not built."""
    values = document.front_matter
    created: Any = values.get("date")
    created = cast("dict[str, Any]", created).get("created") if isinstance(created, dict) else created
    given: Any = values.get("categories")
    categories = [pymdownx_slug(str(each)) for each in cast("list[Any]", given)] if isinstance(given, list) else []
    separator = str(blog.get("post_slugify_separator", "-"))
    parts = {
        "categories": "/".join(categories[: int(blog.get("post_url_max_categories", 1))]),
        "date": _formatted(created, str(blog.get("post_url_date_format", "yyyy/MM/dd"))) if isinstance(created, date) else "",
        "file": path.stem,
        "slug": str(values.get("slug") or "") or pymdownx_slug(document.title, separator),
    }
    url = str(blog.get("post_url_format", "{date}/{slug}"))
    for name, value in parts.items():
        url = url.replace("{" + name + "}", value)
    return PurePosixPath(normpath(f"{blog.get('blog_dir', 'blog')}/{url.strip('/')}") + ".md")


def _formatted(day: date, form: str) -> str:
    """`yyyy/MM/dd` (Unicode TR 35): the fields that addresses are made of."""
    fields = {"yyyy": f"{day.year:04}", "yy": f"{day.year % 100:02}", "MM": f"{day.month:02}", "M": str(day.month)}
    fields |= {"dd": f"{day.day:02}", "d": str(day.day), "y": str(day.year)}
    return re.sub("yyyy|yy|y|MM|M|dd|d", lambda match: fields[match[0]], form)


def _localized(path: PurePosixPath, options: Mapping[str, Any]) -> PurePosixPath | None:
    """`page.fr.md` and `fr/page.md` as `fr/page.md`; the default language stands at the root."""
    locales, default = cast("list[str]", options["locales"]), str(options["default"])
    if options["structure"] == "folder":
        locale, rest = path.parts[0], PurePosixPath(*path.parts[1:])
        if len(path.parts) == 1 or not LOCALE.fullmatch(locale):
            return path
    else:
        name, dot, locale = path.stem.rpartition(".")
        if not dot or (locale not in locales and not LOCALE.fullmatch(locale)):
            return path
        rest = path.with_name(f"{name}{path.suffix}")
    if locale == default:
        return rest
    return PurePosixPath(locale) / rest if locale in locales else None
