"""Whether a page is MDX or Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

FORMATS = ("mdx", "md", "detect")


def is_mdx(path: str, front_matter: Mapping[str, Any], site_format: str = "") -> bool | None:
    """Whether the file at `path` is MDX; None where only its text can tell.

    As Docusaurus decides (`@docusaurus/mdx-loader`, `format.ts`): the front matter's `mdx: {format: mdx | md | detect}`, else
    `site_format`, its `markdown.format`; `detect` goes by the file's extension. Without any of them `.mdx` is MDX.
    """
    options: object = front_matter.get("mdx")
    chosen = cast("dict[str, object]", options).get("format") if isinstance(options, dict) else None
    chosen = chosen if chosen in FORMATS else site_format
    if chosen in {"mdx", "md"}:
        return chosen == "mdx"
    return True if path.endswith(".mdx") else False if chosen == "detect" else None
