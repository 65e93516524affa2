"""What a book's own configuration says about its site: read from the generator's files, where there are any."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import unquote

import yaml

from shared.errors import BookError
from shared.models import Site

SUMMARY_LINK = re.compile(r"\]\(\s*(?:<([^<>\n]+)>|([^()\s]+))\s*\)")
DOCUSAURUS_CONFIGS = ("docusaurus.config.js", "docusaurus.config.ts", "docusaurus.config.mjs", "docusaurus.config.cjs")
MKDOCS_CONFIGS = ("mkdocs.yml", "mkdocs.yaml")


def read_site_config(book: Path, site: Site) -> Site:
    """`site` with what the generator's configuration in `book`, or in the folder above it, adds.

    Docusaurus: `versions.json`, and `docs` as the folder when the book is the whole site. MkDocs: `docs_dir`,
    `use_directory_urls` (unless already set) and how `toc` slugs. mdBook: `src` and the chapters `SUMMARY.md` names.
    Raises `BookError` when such a file cannot be read.
    """
    readers: Mapping[str, Callable[[Path, Site], Site]] = {"docusaurus": _docusaurus, "mkdocs": _mkdocs, "mdbook": _mdbook}
    reader = readers.get(site.kind)
    return reader(book.resolve(), site) if reader else site


def _docusaurus(book: Path, site: Site) -> Site:
    config = _find(book, DOCUSAURUS_CONFIGS)
    if config is None:
        return site
    versions = config.parent / "versions.json"
    names = cast("list[str]", _parse(versions, json.loads)) if versions.is_file() else []
    return site.model_copy(update={"folder": "docs" if config.parent == book else "", "versions": tuple(map(str, names))})


def _mkdocs(book: Path, site: Site) -> Site:
    file = _find(book, MKDOCS_CONFIGS)
    if file is None:
        return site
    config = cast("dict[str, Any]", _parse(file, _load_yaml) or {})
    directories = config.get("use_directory_urls")
    update: dict[str, object] = {
        "folder": _below(book, file.parent / str(config.get("docs_dir") or "docs")),
        "ids": _slugify(config),
    }
    if site.trailing_slash is None and isinstance(directories, bool):
        update["trailing_slash"] = directories
    return site.model_copy(update=update)


def _slugify(config: dict[str, Any]) -> Literal["default", "unicode", "pymdownx"]:
    """The slugify function that the `toc` extension is given, by the name of its Python object."""
    extensions: Any = config.get("markdown_extensions") or []
    entries: list[Any] = [extensions] if isinstance(extensions, dict) else extensions
    options: list[Any] = [entry["toc"] for entry in entries if isinstance(entry, dict) and "toc" in entry]
    name = str(options[0].get("slugify", "")) if options and isinstance(options[0], dict) else ""
    if "pymdownx.slugs" in name:
        return "pymdownx"
    return "unicode" if "slugify_unicode" in name else "default"


def _mdbook(book: Path, site: Site) -> Site:
    file = _find(book, ("book.toml",))
    config: dict[str, Any] = _parse(file, tomllib.loads) if file else {}
    source = file.parent / str(config.get("book", {}).get("src", "src")) if file else book
    summary = source / "SUMMARY.md"
    links = SUMMARY_LINK.findall(_read(summary)) if summary.is_file() else []
    chapters = tuple(unquote(quoted or bare).removeprefix("./") for quoted, bare in links)
    return site.model_copy(update={"folder": _below(book, source), "chapters": chapters})


def _find(book: Path, names: tuple[str, ...]) -> Path | None:
    candidates = (folder / name for folder in (book, book.parent) for name in names)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _below(book: Path, folder: Path) -> str:
    """`folder` relative to the book; '' when the book is that folder or lies inside it."""
    folder = folder.resolve()
    return folder.relative_to(book).as_posix() if folder != book and folder.is_relative_to(book) else ""


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise BookError(f"{str(file)!r} cannot be read: {exc}.") from exc


def _parse(file: Path, parser: Callable[[str], Any]) -> Any:
    try:
        return parser(_read(file))
    except (ValueError, yaml.YAMLError) as exc:
        raise BookError(f"{str(file)!r} cannot be read: {exc}") from exc


class _Loader(yaml.SafeLoader):
    """Safe YAML, in which a tag such as `!!python/name:a.b` gives its own name instead of an object."""


def _tag_name(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> str:  # noqa: ARG001  PyYAML's signature
    return suffix


_LOADER = cast("Any", _Loader)  # PyYAML leaves the parameters of this method untyped
_LOADER.add_multi_constructor("tag:yaml.org,2002:python/", _tag_name)
_LOADER.add_multi_constructor("!", _tag_name)


def _load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506  a safe loader
