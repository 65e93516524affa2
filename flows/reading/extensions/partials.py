"""Which file an MDX page imports as a component.

`import X from './_x.mdx'` followed by `<X/>` puts the text of `_x.mdx` where the tag stands. The text belongs to the importing
page; as a chunk is a range of *its* file, its place there is the tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from posixpath import dirname, join, normpath

SITE_ALIAS = "@site/"


def find_partial(imported: str, path: str, files: Mapping[str, str]) -> str | None:
    """The key in `files` that `imported`, an import's source in the page at `path`, names; None where there is none.

    `@site/` is the site's root (Docusaurus), of which the book may be any folder below: leading folders are left off in turn.
    """
    if not imported.startswith(SITE_ALIAS):
        target = normpath(join(dirname(path), imported))
        return target if target in files else None
    parts = normpath(imported.removeprefix(SITE_ALIAS)).split("/")
    return next((key for start in range(len(parts)) if (key := "/".join(parts[start:])) in files), None)
