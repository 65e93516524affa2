"""What pages include of the book's repository, and the record of it that tells whether a page would be read the same again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from flows.source.files import BookSource, check_file, read_file
from shared.errors import DocumentError


class IncludedFiles(Mapping[str, str]):
    """Text of the repository's files by their path from the book, read from disk when first asked for: pages include few."""

    def __init__(self, source: BookSource) -> None:
        self._source = source
        self._texts: dict[str, str | None] = {}

    def __getitem__(self, path: str) -> str:
        text = self._text(path)
        if text is None:
            raise KeyError(path)
        return text

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def text_hash(self, path: str) -> str | None:
        """Of a file's text; None where there is none that may be read."""
        text = self._text(path)
        return None if text is None else text_hash(text)

    def asked_for(self) -> dict[str, str | None]:
        """{path: hash of its text} of every file that was looked for, those that are not there too."""
        return {path: self.text_hash(path) for path in self._texts}

    def _text(self, path: str) -> str | None:
        if path not in self._texts:
            try:
                check_file(self._source, path)
                self._texts[path] = read_file(self._source, path).text
            except DocumentError:
                self._texts[path] = None
        return self._texts[path]


def text_hash(text: str) -> str:
    """Names a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
