"""A published site, known by its `sitemap.xml`."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import httpx

from flows.sites.verification.verify import Missing, find_missing, read_ids
from shared.errors import ConfigurationError, ServiceError
from shared.models import Chunk

LOCATION = re.compile(r"<loc>\s*([^<\s]+)\s*</loc>")
TIMEOUT_S = 20.0
FETCHES_AT_ONCE = 8
MAX_SITEMAPS = 1_000
"""Sitemaps an index may name."""


def verify_sitemap(chunks: Iterable[Chunk], sitemap: str) -> list[Missing]:
    """What of `chunks` does not exist on the site with this sitemap: a file, or an http(s) address.

    A file says which pages there are, so only pages are checked. With an address every page that is cited is fetched too, and
    its ids are checked. Raises `ConfigurationError` when it is no sitemap, `ServiceError` when the site does not answer.
    """
    held = list(chunks)
    if not sitemap.startswith(("http://", "https://")):
        return find_missing(held, SitemapPages(_locations(_read_file(sitemap), sitemap)))
    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=True) as client:
        addresses = _locations_online(client, sitemap)
        ids = _read_pages(client, {chunk.url.partition("#")[0] for chunk in held}, set(map(_comparable, addresses)))
    return find_missing(held, SitemapPages(addresses, ids))


def _read_pages(client: httpx.Client, cited: set[str], known: set[str]) -> dict[str, frozenset[str]]:
    """The ids of every page that is cited and known, by comparable address."""
    wanted = sorted(address for address in cited if _comparable(address) in known)
    with ThreadPoolExecutor(FETCHES_AT_ONCE) as pool:
        pages = list(pool.map(partial(_page_ids, client), wanted))
    return dict(zip(map(_comparable, wanted), pages, strict=True))


def _page_ids(client: httpx.Client, address: str) -> frozenset[str]:
    return read_ids(_fetch(client, address).decode("utf-8", "replace"))


class SitemapPages:
    """The pages a sitemap names; a slash at the end makes no difference."""

    def __init__(self, addresses: Iterable[str], ids: dict[str, frozenset[str]] | None = None) -> None:
        """`ids`: of every page that will be asked for, by decoded address without a slash at the end; None: not known."""
        self._addresses = frozenset(map(_comparable, addresses))
        self._ids = ids

    def anchors(self, address: str) -> frozenset[str] | None:
        """As `Pages`; empty where ids are not known."""
        key = _comparable(address)
        if key not in self._addresses:
            return None
        return frozenset() if self._ids is None else self._ids[key]

    def shows_anchors(self) -> bool:
        """As `Pages`."""
        return self._ids is not None


def _comparable(address: str) -> str:
    return unquote(address).rstrip("/")


def _locations(content: bytes, name: str) -> list[str]:
    """The addresses in a sitemap, plain or gzipped."""
    text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode("utf-8", "replace")
    found = [unescape(location) for location in LOCATION.findall(text)]
    if not found:
        raise ConfigurationError(f"{name!r} is no sitemap: expected at least one <loc>, found none.")
    return found


def _locations_online(client: httpx.Client, sitemap: str) -> list[str]:
    """The addresses in a sitemap, or in all those that a sitemap index names."""
    content = _fetch(client, sitemap)
    locations = _locations(content, sitemap)
    if b"<sitemapindex" not in content:
        return locations
    return [address for named in locations[:MAX_SITEMAPS] for address in _locations(_fetch(client, named), named)]


def _read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as exc:
        raise ConfigurationError(f"The sitemap {path!r} cannot be read: {exc.strerror}.") from exc


def _fetch(client: httpx.Client, address: str) -> bytes:
    try:
        return client.get(address).raise_for_status().content
    except httpx.HTTPStatusError as exc:
        raise ServiceError(
            "site", f"{address!r} answered {exc.response.status_code}.", transient=exc.response.is_server_error
        ) from exc
    except httpx.HTTPError as exc:
        raise ServiceError("site", f"{address!r} did not answer: {type(exc).__name__}.", transient=True) from exc
