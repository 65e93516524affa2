"""What `mkdocs.yml` says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from flows.sites.site_files import SiteFiles, read_table
from shared.models import Site


def read_mkdocs_config(files: SiteFiles, site: Site) -> Site:
    """`site` with `docs_dir`, `nav`, how `toc` slugs, and `use_directory_urls` unless `site` says it."""
    file = files.find("mkdocs.yml", "mkdocs.yaml")
    if file is None:
        return site
    config = _inherited(file, files)
    directories = config.get("use_directory_urls")
    update: dict[str, object] = {
        "folder": files.below(file.parent / str(config.get("docs_dir") or "docs")),
        "ids": _slugify(config),
        "chapters": tuple(_nav_files(config.get("nav"))),
    }
    if site.trailing_slash is None and isinstance(directories, bool):
        update["trailing_slash"] = directories
    return site.model_copy(update=update)


def _inherited(file: Path, files: SiteFiles) -> dict[str, Any]:
    """The configuration, on top of the one it inherits from (mkdocs.org, "Configuration inheritance": `INHERIT`)."""
    config = read_table(file, _load_yaml)
    parent = file.parent / str(config.get("INHERIT") or "")
    if parent in (file.parent, file) or not files.holds(parent):
        return config
    return _merged(read_table(parent, _load_yaml), config)


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


class _Loader(yaml.SafeLoader):
    """Safe YAML, in which a tag such as `!!python/name:a.b` gives its own name instead of an object."""


def _tag_name(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> str:  # noqa: ARG001  PyYAML's signature
    return suffix


_LOADER = cast("Any", _Loader)  # PyYAML leaves the parameters of this method untyped
_LOADER.add_multi_constructor("tag:yaml.org,2002:python/", _tag_name)
_LOADER.add_multi_constructor("!", _tag_name)


def _load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506  a safe loader
