"""Every error Lectern raises on purpose, split by who must act.

    LecternError
    ├── DocumentError     the author: one file of the book cannot be read; reported, skipped, never retried
    ├── BookError         the author: the book as a whole cannot be read (no such folder, no Markdown in it)
    ├── ConfigurationError  the operator: a setting is missing or wrong; nothing was started
    ├── ServiceError      the operator: something Lectern depends on failed (OpenAI, Qdrant, Prefect, git, the disk)
    ├── NotBuiltError     nobody: no book has been indexed yet
    └── RequestError      the caller: the request cannot be answered as it is

Vendors' exceptions are translated once, in their adapter, with `raise ... from exc`. Messages are sentences that name the
thing, what was expected and what was found. They are written for the person who must act: only `RequestError` may be shown
to a reader.
"""

from __future__ import annotations

from typing import Literal

Service = Literal[
    "openai", "embeddings", "qdrant", "prefect", "git", "disk", "tokenizer", "site", "database", "redis", "keys"
]  # fmt: skip


class LecternError(Exception):
    """An error Lectern raises on purpose; `str()` of it is one sentence."""


class DocumentError(LecternError):
    """One file of the book cannot be read or parsed."""

    def __init__(self, path: str, line: int | None, reason: str) -> None:
        """`path` relative to the book's root; `line` 1-based, None when the whole file is meant."""
        super().__init__(f"{path}:{line}: {reason}" if line else f"{path}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason

    def __reduce__(self) -> tuple[type[DocumentError], tuple[str, int | None, str]]:
        """Survive the way back from a parsing process."""
        return type(self), (self.path, self.line, self.reason)


class BookError(LecternError):
    """The book as a whole cannot be read: the live index stays as it is."""


class ConfigurationError(LecternError):
    """A setting is missing, malformed or does not fit another one."""


class ServiceError(LecternError):
    """A service Lectern depends on failed."""

    def __init__(
        self,
        service: Service,
        message: str,
        *,
        transient: bool,
        retry_after_s: float | None = None,
        code: str | None = None,
    ) -> None:
        """`transient`: trying again may help. `retry_after_s`: what the service asked for. `code`: its own error code."""
        super().__init__(message)
        self.service: Service = service
        self.transient = transient
        self.retry_after_s = retry_after_s
        self.code = code


class NotBuiltError(LecternError):
    """No build of the book is live yet."""


class RequestError(LecternError):
    """The caller's request cannot be answered; the message may be shown to them."""

    def __init__(self, code: str, message: str, *, status: int = 400, retry_after_s: float | None = None) -> None:
        """`code`: stable snake_case name; `status`: HTTP status."""
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s
