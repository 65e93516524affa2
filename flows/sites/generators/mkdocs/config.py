"""What `mkdocs.yml` says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, cast

import yaml
from pathspec import GitIgnoreSpec

from flows.sites.generators.mkdocs.plugins import moving_options, plugins_of, unknown_plugins
from flows.sites.heading_text import DEFINITION
from flows.sites.site_files import SiteFiles, plain_values, read_table, read_text
from shared.errors import BookError
from shared.models import Site

CONFIG_FILES = ("mkdocs.yml", "mkdocs.yaml")
NEVER_BUILT = (".*", "/templates/")
"""`mkdocs/structure/files.py`, `_default_exclude`."""
PYMDOWNX = {
    "uslugify": {"case": "lower"},
    "uslugify_encoded": {"case": "lower", "percent_encode": True},
    "uslugify_cased": {"case": "none"},
    "uslugify_cased_encoded": {"case": "none", "percent_encode": True},
    "gfm": {"case": "lower-ascii"},
    "gfm_encoded": {"case": "lower-ascii", "percent_encode": True},
}
"""`pymdownx.slugs`: functions that are `slugify` with options."""


def read_mkdocs_config(files: SiteFiles, site: Site) -> Site:
    """`site` with `docs_dir`, `nav`, which pages are not built or are moved, how `toc` slugs, where includes are looked for.

    And with `use_directory_urls`, unless `site` says it.
    """
    file = find_mkdocs_config(files)
    if file is None:
        note = "no mkdocs.yml was found: addresses and heading ids are MkDocs' defaults"
        return site.model_copy(update={"notes": (*site.notes, note)})
    config = _inherited(file, files, ())
    directories, plugins = config.get("use_directory_urls"), plugins_of(config)
    docs = file.parent / str(config.get("docs_dir") or "docs")
    ids, toc, notes = _slugify(_extensions(config).get("toc", {}))
    folder = files.below(docs)
    include_paths = tuple(_include_paths(file, config, files))
    update: dict[str, object] = {
        "folder": folder,
        "ids": ids,
        "options": {
            "toc": toc,
            **moving_options(plugins),
            **_variables(config, plugins),
            **_appended(include_paths, config, files),
        },
        "chapters": tuple(_nav_files(config.get("nav"))),
        "not_built": frozenset(_not_built(docs, folder, config, files)),
        "cross_references": "autorefs" in plugins or "mkdocstrings" in plugins,
        "include_paths": include_paths,
        "notes": (*site.notes, *notes, *unknown_plugins(plugins)),
    }
    if site.trailing_slash is None and isinstance(directories, bool):
        update["trailing_slash"] = directories
    return site.model_copy(update=update)


def _variables(config: dict[str, Any], plugins: Mapping[str, Any]) -> dict[str, Any]:
    """What pages may name where mkdocs-macros makes templates of them: `extra`, and the configuration itself."""
    if "macros" not in plugins:
        return {}
    extra = config.get("extra")
    named = plain_values(cast("dict[str, Any]", extra)) if isinstance(extra, dict) else {}
    return {"variables": {**named, "extra": named, "config": plain_values(config)}}


def find_mkdocs_config(files: SiteFiles) -> Path | None:
    """`mkdocs.yml`, whose pages are in `docs` unless it says otherwise."""
    return files.find(*CONFIG_FILES, pages=_docs_folder)


def _docs_folder(file: Path) -> Path:
    try:
        given = read_table(file, _load_yaml).get("docs_dir")
    except BookError:
        given = None
    return file.parent / str(given or "docs")


def _inherited(file: Path, files: SiteFiles, above: tuple[Path, ...]) -> dict[str, Any]:
    """The configuration, on top of the one it inherits from (mkdocs.org, "Configuration inheritance": `INHERIT`)."""
    config = read_table(file, _load_yaml)
    named = config.get("INHERIT")
    parent = file.parent / str(named)
    if not named or parent.resolve() in above:
        return config
    if not files.holds(parent):
        raise BookError(
            f"{str(file)!r} inherits from {str(named)!r}, which is not there or lies outside of {str(files.boundary)!r}, "
            "where nothing is read; without it the addresses would be wrong."
        )
    return _merged(_inherited(parent, files, (*above, file.resolve())), config)


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


def _not_built(docs: Path, folder: str, config: dict[str, Any], files: SiteFiles) -> Iterator[str]:
    """Markdown below `docs`, by its path in the book, that `exclude_docs` or `draft_docs` names; a `README` beside an index."""
    if docs.resolve() != files.book and not folder:
        return  # the book is a part of the docs: its paths are not theirs
    excluded = GitIgnoreSpec.from_lines([*NEVER_BUILT, *str(config.get("exclude_docs") or "").splitlines()])
    drafts = GitIgnoreSpec.from_lines(str(config.get("draft_docs") or "").splitlines())
    for parent, _, names in os.walk(docs):
        for name in names:
            path = PurePosixPath(Path(parent, name).relative_to(docs).as_posix())
            if path.suffix == ".md" and (
                excluded.match_file(str(path))
                or drafts.match_file(str(path))
                or (name == "README.md" and "index.md" in names and not excluded.match_file(str(path.with_name("index.md"))))
            ):
                yield str(PurePosixPath(folder) / path)


def _extensions(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The options of each Markdown extension by its name."""
    given: Any = config.get("markdown_extensions")
    if isinstance(given, dict):
        given = [{name: options} for name, options in cast("dict[str, Any]", given).items()]
    found: dict[str, dict[str, Any]] = {}
    for entry in cast("list[Any]", given) if isinstance(given, list) else []:
        for name, options in cast("dict[str, Any]", entry).items() if isinstance(entry, dict) else [(str(entry), None)]:
            found[name.removeprefix("markdown.extensions.")] = (
                cast("dict[str, Any]", options) if isinstance(options, dict) else {}
            )
    return found


def _include_paths(file: Path, config: dict[str, Any], files: SiteFiles) -> Iterator[str]:
    """Where `pymdownx.snippets` and `markdown_include` look, else beside the configuration; relative to the book."""
    extensions = _extensions(config)
    given: Any = extensions.get("pymdownx.snippets", {}).get("base_path", [])
    given = [*(cast("list[Any]", given) if isinstance(given, list) else [given])]
    given.append(extensions.get("markdown_include.include", {}).get("base_path", "."))
    for folder in given:
        named = file.parent / str(folder)
        yield Path(os.path.relpath(named.resolve(), files.book)).as_posix()


def _appended(include_paths: Sequence[str], config: dict[str, Any], files: SiteFiles) -> dict[str, list[str]]:
    """The labels of links that the files below every page define (`pymdownx.snippets`, `auto_append`)."""
    named: Any = _extensions(config).get("pymdownx.snippets", {}).get("auto_append", [])
    names = [str(name) for name in cast("list[Any]", named)] if isinstance(named, list) else []
    places = [files.book / folder / name for name in names for folder in include_paths]
    labels = [label for place in places if files.holds(place) for label in DEFINITION.findall(read_text(place))]
    return {"labels": labels} if labels else {}


def _slugify(toc: dict[str, Any]) -> tuple[str, dict[str, Any], list[str]]:
    """The kind of ids, the options of `toc` that change them, and what of them is not understood.

    A function stands there as a Python object, told by its name; `pymdownx.slugs.slugify` keeps capitals unless told otherwise.
    """
    options: dict[str, Any] = {"separator": str(toc["separator"])} if "separator" in toc else {}
    given: Any = toc.get("slugify")
    if given is None:
        return "default", options, []
    name = str(cast("dict[str, Any]", given)["name"] if isinstance(given, dict) else given)
    module, _, function = name.rpartition(".")
    if module == "pymdownx.slugs" and function == "slugify":
        keywords = cast("dict[str, dict[str, Any]]", given)["kwds"] if isinstance(given, dict) else {}
        return "pymdownx", options | {"case": str(keywords.get("case", "none")), **_encoded(keywords)}, []
    if module == "pymdownx.slugs" and function in PYMDOWNX:
        return "pymdownx", options | PYMDOWNX[function], []
    if name in {"markdown.extensions.toc.slugify", "markdown.extensions.toc.slugify_unicode"}:
        return "unicode" if function == "slugify_unicode" else "default", options, []
    return "default", options, [f"how {name!r} makes the ids of headings is not known: links to headings may miss them"]


def _encoded(keywords: dict[str, Any]) -> dict[str, bool]:
    return {"percent_encode": True} if keywords.get("percent_encode") is True else {}


class _Loader(yaml.SafeLoader):
    """Safe YAML, in which a tag such as `!!python/name:a.b` gives its own name, with the keywords it is called with."""


def _python_object(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
    """`{"name": ..., "kwds": ...}` of `!!python/object/apply:a.b {kwds: ...}`, else the name alone."""
    kind, _, name = suffix.rpartition(":")
    given = cast("dict[str, Any]", loader.construct_mapping(node, deep=True)) if isinstance(node, yaml.MappingNode) else {}
    keywords: Any = given.get("kwds")
    called: dict[str, Any] = {"name": name, "kwds": keywords if isinstance(keywords, dict) else {}}
    return called if kind.startswith("object") else name


def _environment(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
    """The last of `!ENV [NAME, default]`: the environment of the site's build is not this one's. Of other tags the name."""
    if suffix == "ENV" and isinstance(node, yaml.SequenceNode) and len(node.value) > 1:
        return cast("Any", loader).construct_object(node.value[-1], deep=True)
    return None if suffix == "ENV" else suffix


_LOADER = cast("Any", _Loader)  # PyYAML leaves the parameters of this method untyped
_LOADER.add_multi_constructor("tag:yaml.org,2002:python/", _python_object)
_LOADER.add_multi_constructor("!", _environment)


def _load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506  a safe loader
