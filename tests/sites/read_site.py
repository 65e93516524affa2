"""What a real generator made of a folder of pages: every page's address and its headings' ids, as JSON.

Run by `build.sh`, never by the tests: `read_site.py "GENERATOR VERSION" BUILT ADDRESSES BASE OUT`, where ADDRESSES is a JSON
object from source file to address, as the generator itself reports it.
"""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

CONTENT = {"docusaurus": "article", "mkdocs": "article", "mdbook": "main"}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}


class _Headings(HTMLParser):
    def __init__(self, container: str) -> None:
        super().__init__()
        self.container = container
        self.depth = 0
        self.found: list[dict[str, Any]] = []
        self.canonical: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("rel") == "canonical":
            self.canonical = urlsplit(given["href"] or "").path
        if tag == self.container:
            self.depth += 1
        elif tag in HEADINGS and self.depth:
            self.found.append({"level": int(tag[1]), "id": given.get("id") or None})

    def handle_endtag(self, tag: str) -> None:
        if tag == self.container:
            self.depth -= 1


def read_page(page: Path, address: str, generator: str) -> dict[str, Any]:
    """The address is the canonical one where the page names it: only there are slashes at the end as they are served."""
    parser = _Headings(CONTENT[generator])
    parser.feed(page.read_text(encoding="utf-8"))
    return {"address": parser.canonical or address, "headings": parser.found}


def find_page(built: Path, address: str, base: str) -> Path:
    path = unquote(address.removeprefix(base).strip("/"))
    candidates = [built / path / "index.html", built / f"{path}.html", built / path]
    return next(candidate for candidate in candidates if candidate.is_file())


def main() -> None:
    generator, built, addresses, base, out = sys.argv[1:6]
    pages = {
        source: read_page(find_page(Path(built), address, base), address, generator.split()[0])
        for source, address in sorted(json.loads(Path(addresses).read_text(encoding="utf-8")).items())
    }
    lines = (json.dumps({source: page}, ensure_ascii=False)[1:-1] for source, page in pages.items())
    text = f'{{"generator": {json.dumps(generator)}, "pages": {{\n' + ",\n".join(lines) + "\n}}\n"
    Path(out).write_text(text, encoding="utf-8")


main()
