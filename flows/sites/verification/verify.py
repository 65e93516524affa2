"""Checks every address a citation can give against the site as it was built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from shared.errors import ConfigurationError
from shared.models import Chunk, Site


@dataclass(frozen=True, slots=True)
class Missing:
    """An address that leads nowhere."""

    path: str
    """The file of the book it is for."""
    line: int
    """1-based line of the chunk that gives it."""
    url: str
    reason: str
    """A sentence that names what was looked for."""


class Pages(Protocol):
    """The site's pages."""

    def anchors(self, address: str) -> frozenset[str] | None:
        """Every id on the page at `address` (a full address, without anchor); None where the site has no such page."""
        ...

    def shows_anchors(self) -> bool:
        """False when only the pages' addresses are known."""
        ...


def verify(chunks: Iterable[Chunk], site: Site, built: Path) -> list[Missing]:
    """What of `chunks` does not exist in the folder `built` (`build/`, `site/`, `book/`), each address once, in order.

    Raises `ConfigurationError` when there is no such folder or no page in it.
    """
    return find_missing(chunks, BuiltPages(site, built))


def find_missing(chunks: Iterable[Chunk], pages: Pages) -> list[Missing]:
    """What of `chunks` is not among `pages`: each missing page once, and each missing anchor of the others once."""
    missing: dict[str, Missing] = {}
    for chunk, address, anchor in _citations(chunks):
        known = pages.anchors(address)
        url = address if known is None or anchor is None else f"{address}#{anchor}"
        if known is None:
            reason = "the site has no page at this address"
        elif anchor is not None and pages.shows_anchors() and anchor not in known:
            reason = f"the page has no element with the id {anchor!r}"
        else:
            continue
        missing.setdefault(url, Missing(chunk.path, chunk.start_line, url, reason))
    return list(missing.values())


def _citations(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, str, str | None]]:
    """Every page and anchor that a citation of these chunks can lead to."""
    for chunk in chunks:
        address = chunk.url.partition("#")[0]
        yield chunk, address, chunk.anchor
        for section in chunk.sections:
            if section.anchor is not None and section.anchor != chunk.anchor:
                yield chunk, address, section.anchor


class BuiltPages:
    """The pages in a folder a generator wrote; each is read once, when first asked for."""

    def __init__(self, site: Site, built: Path) -> None:
        """`built` is what is served at the site's base. Raises `ConfigurationError` when it holds no page."""
        if not built.is_dir():
            raise ConfigurationError(f"There is no folder {str(built)!r}: build the site first.")
        if next(built.rglob("*.html"), None) is None:
            raise ConfigurationError(f"The folder {str(built)!r} holds no HTML: it is not a built site.")
        self._prefix = site.url + site.base
        self._built = built
        self._known: dict[str, frozenset[str] | None] = {}

    def anchors(self, address: str) -> frozenset[str] | None:
        """As `Pages`."""
        if address not in self._known:
            file = self._file(address)
            self._known[address] = read_ids(file.read_text(encoding="utf-8", errors="replace")) if file else None
        return self._known[address]

    def shows_anchors(self) -> bool:
        """As `Pages`."""
        return True

    def _file(self, address: str) -> Path | None:
        """What a web server sends for `address`: the file, the file with `.html`, or the folder's `index.html`."""
        if not f"{address}/".startswith(self._prefix):
            return None
        path = unquote(address[len(self._prefix) :])
        folder = self._built / path
        files = [folder / "index.html"]
        if path and not path.endswith("/"):
            files = [folder, folder.with_name(f"{folder.name}.html"), *files]
        return next((file for file in files if file.is_file()), None)


class _Ids(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The ids, and the names of anchors, which browsers jump to as well (HTML, "find a potential indicated element")."""
        self.found.update(value for name, value in attrs if value and (name == "id" or (name == "name" and tag == "a")))


def read_ids(html: str) -> frozenset[str]:
    """Everything on a page that a `#fragment` can lead to."""
    parser = _Ids()
    parser.feed(html)
    parser.close()
    return frozenset(parser.found)
