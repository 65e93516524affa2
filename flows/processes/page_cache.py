"""Pages as they were read before: one whose text, and the text of every file it includes, is as it was is not read again.

A row of `pages.sqlite` in the data folder holds what became of one file, with and without its chunks, and all that hangs on:

1. the file's text;
2. every file that was looked for while it was read, with its text or that it was not there: partials, snippets, code;
3. the rules: site, collection, chunk size, tokenizer, and the programs that read (`reader_version`).

Nothing else goes into a page: it is read in a process of its own, of which pages know only these. What hangs on all pages
together, their order, is made anew each time. The file is a convenience: where it cannot be used, every page is read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import sys
import unicodedata
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.processes.included import IncludedFiles, text_hash
from flows.processes.messages import PageRead, ReadingRules
from flows.reading.page import Page
from flows.source.files import check_file, read_file
from shared.errors import DocumentError
from shared.index.digests import page_digest
from shared.index.port import LivePage
from shared.settings import HOME
from shared.tokens import has_vocabulary

NAME = "pages.sqlite"
READING_CODE = ("flows/processes", "flows/reading", "flows/sites", "flows/source", "flows/splitting", "shared")
"""Folders of every module that a page goes through; of `shared` only what lies in it itself."""
READING_LIBRARIES = ("markdown", "markdown-it-py", "mdit-py-plugins", "pathspec", "pydantic", "pyyaml", "tiktoken")
"""What they use, as far as it decides what a page becomes."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS read_pages (
    collection TEXT NOT NULL, path TEXT NOT NULL, rules TEXT NOT NULL, text_hash TEXT NOT NULL, included TEXT NOT NULL,
    digest TEXT NOT NULL, about TEXT NOT NULL, page BLOB NOT NULL, PRIMARY KEY (collection, path)
)
"""
_KEEP = "INSERT OR REPLACE INTO read_pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_LOCK_TIMEOUT_S = 5.0
_PAGES_AT_ONCE = 256
"""Looked up together: opening the file takes as long as reading a page from it."""
_FAST = 1
"""zlib's level: a fifth of the size, and a tenth of the time that reading the page took."""

_NOTHING_LIVE: Mapping[str, LivePage] = {}

logger = logging.getLogger(__name__)


@cache
def reader_version() -> str:
    """A hash of every line that reads pages, and of the libraries' versions: no constant that somebody must remember."""
    total = hashlib.sha256()
    for folder in READING_CODE:
        for module in sorted((HOME / folder).glob("*.py" if folder == "shared" else "**/*.py")):
            total.update(f"\n{module.relative_to(HOME)}\n".encode())
            total.update(module.read_bytes())
    facts = [*map(version, READING_LIBRARIES), sys.version, unicodedata.unidata_version]
    total.update(json.dumps(facts).encode())
    return total.hexdigest()


def rules_hash(rules: ReadingRules) -> str:
    """What a page hangs on besides texts; where the book lies on this disk is no part of it."""
    site = rules.site.model_dump(mode="json")
    site["not_built"] = sorted(site["not_built"])
    facts = [reader_version(), site, rules.collection, rules.max_tokens, has_vocabulary(rules.vocabulary)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class PageCache:
    """What is known of one book's pages. Every method blocks; none raises: what cannot be looked up is read again."""

    def __init__(self, data_dir: Path, rules: ReadingRules) -> None:
        self._path = data_dir / NAME
        self._rules = rules
        self._hash = rules_hash(rules)

    def find(self, paths: Sequence[str], live: Mapping[str, LivePage] = _NOTHING_LIVE) -> dict[str, Page]:
        """{path: page} of the files that would be read as they were before; without chunks where these are `live` already."""
        wanted, found, included_now = set(paths), dict[str, Page](), IncludedFiles(self._rules.included)
        whole: list[str] = []
        those = "FROM read_pages WHERE collection = ? AND rules = ?"
        rows = self._ask("SELECT path, text_hash, included, digest, about " + those, self._hash)
        for path, known_hash, included, digest, about in rows:
            includes: dict[str, str | None] = json.loads(included)
            if path not in wanted or self._text_hash(path) != known_hash:
                continue
            if all(included_now.text_hash(each) == known for each, known in includes.items()):
                if path in live and live[path].digest == digest:
                    found[path] = Page.model_validate_json(about)
                else:
                    whole.append(path)
        for start in range(0, len(whole), _PAGES_AT_ONCE):
            found |= self._whole(whole[start : start + _PAGES_AT_ONCE])
        return found

    def keep(self, pages: Iterable[PageRead]) -> None:
        """Remember pages just read; those whose reading failed are tried again."""
        rows = [
            (
                self._rules.collection,
                each.page.path,
                self._hash,
                each.text_hash,
                json.dumps(dict(each.included)),
                page_digest(each.page.chunks),
                each.page.model_copy(update={"chunks": ()}).model_dump_json(),
                zlib.compress(each.page.model_dump_json().encode(), _FAST),
            )
            for each in pages
            if each.text_hash is not None
        ]
        self._write(_KEEP, rows)

    def take(self, folder: Path) -> None:
        """Remember what the page cache in another folder holds of this book."""
        rows = PageCache(folder, self._rules)._ask("SELECT * FROM read_pages WHERE collection = ?")
        self._write(_KEEP, rows)

    def forget_others(self, paths: Collection[str]) -> None:
        """Let go of files that are no longer in the book."""
        gone = {row[0] for row in self._ask("SELECT path FROM read_pages WHERE collection = ?")} - set(paths)
        rows = [(self._rules.collection, path) for path in gone]
        self._write("DELETE FROM read_pages WHERE collection = ? AND path = ?", rows)

    def _whole(self, paths: Sequence[str]) -> dict[str, Page]:
        """{path: page} with chunks; a damaged one is left out."""
        found: dict[str, Page] = {}
        statement = "SELECT path, page FROM read_pages WHERE collection = ? AND path IN (SELECT value FROM json_each(?))"
        for path, packed in self._ask(statement, json.dumps(paths)):
            with suppress(ValidationError, zlib.error):
                found[path] = Page.model_validate_json(zlib.decompress(packed))
        return found

    def _text_hash(self, path: str) -> str | None:
        try:
            check_file(self._rules.source, path)  # a pipe would be waited for
            return text_hash(read_file(self._rules.source, path).text)
        except DocumentError:
            return None

    def _ask(self, statement: str, *values: str) -> list[Any]:
        if not self._path.exists():
            return []
        try:
            with closing(self._open()) as connection:
                return connection.execute(statement, (self._rules.collection, *values)).fetchall()
        except (sqlite3.Error, OSError) as exc:
            self._give_up(exc)
            return []

    def _write(self, statement: str, rows: Sequence[tuple[str | bytes | None, ...]]) -> None:
        if not rows:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as connection, connection:
                connection.executemany(statement, rows)
        except (sqlite3.Error, OSError) as exc:
            self._give_up(exc)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_LOCK_TIMEOUT_S)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read again
        connection.execute(_SCHEMA)
        return connection

    def _give_up(self, why: Exception) -> None:
        """A damaged file would be in the way for ever: the next run starts with none."""
        logger.warning("Every page is read anew: the page cache %s cannot be used (%s)", self._path, why)
        if isinstance(why, sqlite3.DatabaseError) and not isinstance(why, sqlite3.OperationalError):
            for path in (self._path, *self._path.parent.glob(f"{NAME}-*")):
                path.unlink(missing_ok=True)
