"""What a book's own configuration says about its site: read from the generator's files, where there are any."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import unquote

import yaml

from flows.reading.extensions.page_format import FORMATS
from flows.sites.generators import docusaurus
from flows.sites.generators.docusaurus_config import Literals, find_literal, read_literals
from shared.errors import BookError
from shared.models import Site

SUMMARY_LINK = re.compile(r"\]\(\s*(?:<([^<>\n]+)>|([^()\s]+))\s*\)")
DOCUSAURUS_CONFIGS = ("docusaurus.config.js", "docusaurus.config.ts", "docusaurus.config.mjs", "docusaurus.config.cjs")
MKDOCS_CONFIGS = ("mkdocs.yml", "mkdocs.yaml")


def read_site_config(book: Path, site: Site, *, boundary: Path | None = None) -> Site:
    """`site` with what the generator's configuration in `book`, or in the folder above it, adds.

    `boundary`: no file outside it is read, wherever a symbolic link points; None: the folder above `book`.

    Docusaurus: `versions.json`, `markdown.format`, the docs' `path` as the folder when the book is the whole site, and unless
    set otherwise `baseUrl`, `routeBasePath`, `trailingSlash`. MkDocs: `docs_dir`, `use_directory_urls` (unless already set),
    `nav`, how `toc` slugs. mdBook: `src` and what `SUMMARY.md` names.
    Raises `BookError` when such a file cannot be read.
    """
    readers: Mapping[str, Callable[[_Reach, Site], Site]] = {"docusaurus": _docusaurus, "mkdocs": _mkdocs, "mdbook": _mdbook}
    reader = readers.get(site.kind)
    book = book.resolve()
    return reader(_Reach(book, (boundary or book.parent).resolve()), site) if reader else site


@dataclass(frozen=True, slots=True)
class _Reach:
    """The book, and how far from it files may be read."""

    book: Path
    boundary: Path

    def find(self, names: tuple[str, ...]) -> Path | None:
        """The first of `names` in the book or the folder above it."""
        folders = (self.book, self.book.parent)
        return next((folder / name for folder in folders for name in names if self.holds(folder / name)), None)

    def holds(self, file: Path) -> bool:
        return file.is_file() and file.resolve().is_relative_to(self.boundary)

    def below(self, folder: Path) -> str:
        """`folder` relative to the book; '' when the book is that folder or lies inside it."""
        folder = folder.resolve()
        return folder.relative_to(self.book).as_posix() if folder != self.book and folder.is_relative_to(self.book) else ""


def _docusaurus(reach: _Reach, site: Site) -> Site:
    config = reach.find(DOCUSAURUS_CONFIGS)
    if config is None:
        return site
    versions = config.parent / "versions.json"
    names = cast("list[object]", _parse(versions, json.loads, list)) if reach.holds(versions) else []
    literals = read_literals(_read(config))
    given = find_literal(literals, "markdown", "format")
    update: dict[str, object] = {
        "folder": reach.below(config.parent / str(find_literal(literals, "docs", "path") or "docs")),
        "versions": tuple(map(str, names)),
        "format": given if given in FORMATS else docusaurus.DEFAULT_FORMAT,
    }
    return site.model_copy(update=update | _docusaurus_addresses(literals, site))


def _docusaurus_addresses(literals: Literals, site: Site) -> dict[str, object]:
    """What the configuration says of addresses, where `site` has nothing but the defaults."""
    base, route = find_literal(literals, "baseUrl"), find_literal(literals, "docs", "routeBasePath")
    slash = find_literal(literals, "trailingSlash")
    update: dict[str, object] = {}
    if isinstance(base, str) and site.base == Site().base:
        update["base"] = re.sub(r"/+", "/", f"/{base}/")
    if isinstance(route, str) and site.route_base == Site().route_base:
        update["route_base"] = route.strip("/")
    if isinstance(slash, bool) and site.trailing_slash is None:
        update["trailing_slash"] = slash
    return update


def _mkdocs(reach: _Reach, site: Site) -> Site:
    file = reach.find(MKDOCS_CONFIGS)
    if file is None:
        return site
    config = _mkdocs_config(file, reach)
    directories = config.get("use_directory_urls")
    update: dict[str, object] = {
        "folder": reach.below(file.parent / str(config.get("docs_dir") or "docs")),
        "ids": _slugify(config),
        "chapters": tuple(_nav_files(config.get("nav"))),
    }
    if site.trailing_slash is None and isinstance(directories, bool):
        update["trailing_slash"] = directories
    return site.model_copy(update=update)


def _mkdocs_config(file: Path, reach: _Reach) -> dict[str, Any]:
    """The configuration, on top of the one it inherits from (mkdocs.org, "Configuration inheritance": `INHERIT`)."""
    config = cast("dict[str, Any]", _parse(file, _load_yaml, dict))
    parent = file.parent / str(config.get("INHERIT") or "")
    if parent in (file.parent, file) or not reach.holds(parent):
        return config
    return _merged(cast("dict[str, Any]", _parse(parent, _load_yaml, dict)), config)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {key for key in below.keys() & above.keys() if isinstance(below[key], dict) and isinstance(above[key], dict)}
    return {**below, **above, **{key: _merged(below[key], above[key]) for key in both}}


def _nav_files(nav: Any) -> Iterator[str]:
    """The files a `nav` names, in order: entries are a path, or a title with a path or with entries of its own."""
    if isinstance(nav, str):
        if nav.endswith(".md"):
            yield nav
        return
    entries: Any = cast("dict[str, Any]", nav).values() if isinstance(nav, dict) else nav
    for entry in cast("list[Any]", entries or []):
        yield from _nav_files(entry)


def _slugify(config: dict[str, Any]) -> Literal["default", "unicode", "pymdownx"]:
    """The slugify function among the options of the `toc` extension, told by the name of its Python object."""
    extensions: Any = config.get("markdown_extensions")
    entries = cast("list[Any]", extensions if isinstance(extensions, list) else [extensions])
    options: list[Any] = [entry["toc"] for entry in entries if isinstance(entry, dict) and "toc" in entry]
    name = str(options[0]) if options else ""
    if "pymdownx.slugs" in name:
        return "pymdownx"
    return "unicode" if "slugify_unicode" in name else "default"


def _mdbook(reach: _Reach, site: Site) -> Site:
    file = reach.find(("book.toml",))
    config = cast("dict[str, Any]", _parse(file, tomllib.loads, dict)) if file else {}
    table = cast("dict[str, Any]", config["book"] if isinstance(config.get("book"), dict) else {})
    source = file.parent / str(table.get("src", "src")) if file else reach.book
    summary = source / "SUMMARY.md"
    links = SUMMARY_LINK.findall(_read(summary)) if reach.holds(summary) else []
    chapters = tuple(unquote(quoted or bare).removeprefix("./") for quoted, bare in links)
    return site.model_copy(update={"folder": reach.below(source), "chapters": chapters})


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise BookError(f"{str(file)!r} cannot be read: {exc}.") from exc


def _parse(file: Path, parser: Callable[[str], Any], shape: type[object]) -> object:
    try:
        value: object = parser(_read(file))
    except (ValueError, yaml.YAMLError) as exc:
        raise BookError(f"{str(file)!r} cannot be read: {exc}") from exc
    if not isinstance(value, shape):
        raise BookError(f"{str(file)!r} cannot be read: expected a {shape.__name__}, found {type(value).__name__}.")
    return value


class _Loader(yaml.SafeLoader):
    """Safe YAML, in which a tag such as `!!python/name:a.b` gives its own name instead of an object."""


def _tag_name(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> str:  # noqa: ARG001  PyYAML's signature
    return suffix


_LOADER = cast("Any", _Loader)  # PyYAML leaves the parameters of this method untyped
_LOADER.add_multi_constructor("tag:yaml.org,2002:python/", _tag_name)
_LOADER.add_multi_constructor("!", _tag_name)


def _load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506  a safe loader
