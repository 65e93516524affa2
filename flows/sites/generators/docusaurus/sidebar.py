"""Docusaurus' sidebar as it generates one: where pages and folders stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path, PurePosixPath
from typing import Any, cast

import yaml

from flows.reading.document import Document
from flows.reading.page import Page
from flows.sites.generator import SortKey
from flows.sites.generators.docusaurus.addresses import find_route, is_category_index, number_prefix
from flows.sites.site_files import SiteFiles
from shared.models import Site

CATEGORY_FILES = ("_category_.json", "_category_.yml", "_category_.yaml")
MAX_POSITION = 1e9


def sidebar_position(document: Document) -> float | None:
    """Where the page wants to stand among its neighbours: `docs.ts` (`sidebarPosition`)."""
    given = as_position(document.front_matter.get("sidebar_position"))
    if given is not None or document.front_matter.get("parse_number_prefixes") is False:
        return given
    return number_prefix(PurePosixPath(document.path).stem)


def as_position(value: object) -> float | None:
    """A page's or a category's position as a number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if -MAX_POSITION < value < MAX_POSITION else None


def sidebar_order(pages: Sequence[Page], site: Site, files: SiteFiles) -> Callable[[Page], SortKey]:
    """By position, then by name; what has no position comes last: `plugin-content-docs`, `sidebars/generator.ts`, `sortItems`.

    A folder's position is that of its `_category_` file, else of its index page, which leads it, else its number prefix. Each
    locale and version has a sidebar of its own; the book as it is written now comes first.
    """
    places = {page.path: PurePosixPath(page.path) for page in pages}
    indexes = {place.parent: page.position for page in pages if is_category_index(place := places[page.path])}
    positions: dict[PurePosixPath, float | None] = {}
    for folder in {folder for place in places.values() for folder in place.parents}:
        given = _category_position(files.book / folder, files)
        given = indexes.get(folder) if given is None else given
        positions[folder] = number_prefix(folder.name) if given is None else given

    def key(page: Page) -> SortKey:
        file, route = places[page.path], find_route(page.path, site)
        sidebar: SortKey = []
        if route is not None:
            age = site.versions.index(route.version) + 1 if route.version in site.versions else 0
            sidebar = [(0, 0.0, route.locale), (age, 0.0, route.version)]
        depth = len(PurePosixPath(route.source).parts) - 1 if route else 0
        folders = list(reversed(file.parents[:depth]))
        last = (0, 0.0, "") if folders and is_category_index(file) else _entry(page.position, file.name)
        return [*sidebar, *[_entry(positions[folder], folder.name) for folder in folders], last]

    return key


def _entry(position: float | None, name: str) -> tuple[int, float, str]:
    return (1, inf if position is None else position, name)


def _category_position(folder: Path, files: SiteFiles) -> float | None:
    """The position that the folder's `_category_` file gives; one that cannot be read gives none."""
    file = next((folder / name for name in CATEGORY_FILES if files.holds(folder / name)), None)
    if file is None:
        return None
    try:
        text = file.read_text(encoding="utf-8")
        values: object = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
    return as_position(cast("dict[str, Any]", values).get("position")) if isinstance(values, dict) else None
