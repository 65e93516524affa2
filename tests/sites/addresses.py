"""A MkDocs hook: after the build, says in `addresses.json` beside the site which source file became which page."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

found: dict[str, str] = {}


def on_files(files: Any, config: Any) -> None:
    base = urlsplit(config.site_url).path
    for file in files.documentation_pages():
        found[f"docs/{file.src_uri}"] = base + ("" if file.url == "./" else file.url)


def on_post_build(config: Any) -> None:
    Path(config.site_dir).with_suffix(".json").write_text(json.dumps(found), encoding="utf-8")
