"""The order of a book's pages: the one its sidebar has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import inf
from pathlib import Path, PurePosixPath
from typing import Any, cast

import yaml

from flows.reading.page import Page
from flows.sites.generators import docusaurus
from shared.models import Site

CATEGORY_FILES = ("_category_.json", "_category_.yml", "_category_.yaml")
SidebarStep = tuple[int, float, str]
"""What one folder or file is sorted by: a rank, its position, its name."""


def read_category_positions(root: Path, pages: Sequence[Page], boundary: Path) -> dict[str, float]:
    """`position` of each folder of `pages` whose `_category_` file gives one; one that cannot be read gives none."""
    folders = {str(folder) for page in pages for folder in PurePosixPath(page.path).parents}
    found = {folder: _category_position(root / folder, boundary) for folder in folders}
    return {folder: position for folder, position in found.items() if position is not None}


def _category_position(folder: Path, boundary: Path) -> float | None:
    for file in (folder / name for name in CATEGORY_FILES):
        if not file.is_file() or not file.resolve().is_relative_to(boundary):
            continue
        try:
            text = file.read_text(encoding="utf-8")
            values: object = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
        except (OSError, ValueError, RecursionError, yaml.YAMLError):
            return None
        return docusaurus.as_position(cast("dict[str, Any]", values).get("position")) if isinstance(values, dict) else None
    return None


def in_reading_order(pages: Sequence[Page], site: Site, categories: Mapping[str, float]) -> list[Page]:
    """`pages` as the site's sidebar has them; those that `site.chapters` names come first, as it names them.

    Docusaurus (`plugin-content-docs`, `sidebars/generator.ts`, `sortItems`): by position, then by name; what has no position
    comes last. A folder's is that of its `_category_` file, else of its index page, which leads it, else its number prefix.
    Each locale and version has a sidebar of its own.
    MkDocs without `nav` (`structure/files.py`, `_sort_files`): the index page, then the other pages, then the folders, by name.
    """
    named = {str(PurePosixPath(site.folder, chapter)): number for number, chapter in enumerate(site.chapters)}
    by_kind = {"docusaurus": _docusaurus_steps(pages, categories, site), "mkdocs": _mkdocs_steps}
    steps = by_kind.get(site.kind, _path_steps)
    return sorted(pages, key=lambda page: (named.get(page.path, len(named)), steps(page)))


def _path_steps(page: Page) -> list[SidebarStep]:
    return [(0, 0.0, page.path)]


def _mkdocs_steps(page: Page) -> list[SidebarStep]:
    *folders, name = PurePosixPath(page.path).parts
    is_index = PurePosixPath(name).stem in {"index", "README"}
    return [*[(2, 0.0, folder) for folder in folders], (0 if is_index else 1, 0.0, name)]


def _docusaurus_steps(
    pages: Sequence[Page], categories: Mapping[str, float], site: Site
) -> Callable[[Page], list[SidebarStep]]:
    def folder_position(folder: PurePosixPath) -> float | None:
        given = categories.get(str(folder), indexes.get(str(folder)))
        return docusaurus.number_prefix(folder.name) if given is None else given

    def steps(page: Page) -> list[SidebarStep]:
        file = PurePosixPath(page.path)
        place = docusaurus.find_route(page.path, site)
        depth = len(PurePosixPath(place.source).parts) - 1 if place else 0
        folders = list(reversed(file.parents[:depth]))
        leads = bool(folders) and docusaurus.is_category_index(file)
        last = (0, 0.0, "") if leads else _step(page.position, file.name)
        return [*_sidebar(place, site), *[_step(folder_position(folder), folder.name) for folder in folders], last]

    files = [(PurePosixPath(page.path), page.position) for page in pages]
    indexes = {str(path.parent): given for path, given in files if docusaurus.is_category_index(path)}
    return steps


def _sidebar(place: docusaurus.PageRoute | None, site: Site) -> list[SidebarStep]:
    """Which sidebar the page is in: each locale and version has its own, the book as it is written now comes first."""
    if place is None:
        return []
    age = site.versions.index(place.version) + 1 if place.version in site.versions else 0
    return [(0, 0.0, place.locale), (age, 0.0, place.version)]


def _step(position: float | None, name: str) -> SidebarStep:
    return (1, inf if position is None else position, name)
