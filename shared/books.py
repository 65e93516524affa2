"""Several books in one service: which there are, and the settings of each."""

from __future__ import annotations

from shared.errors import ConfigurationError
from shared.settings import Settings

OF_A_BOOK = frozenset(
    {
        *("book_source", "book_from_private_host", "book_include", "book_exclude", "book_language", "book_title"),
        *("site_url", "site_base", "site_kind", "site_route_base", "site_trailing_slash"),
        *("collection", "issues_url", "chunk_tokens", "answer_support"),
    }
)
"""Settings that may differ between books; all others are the service's."""


def each_book(settings: Settings) -> dict[str, Settings]:
    """The settings of every book by its name, in the order of BOOKS; by '' that of the only one.

    Raises `ConfigurationError` naming what is wrong.
    """
    if not settings.books:
        return {"": settings}
    books = {name: _settings_of(settings, name) for name in settings.books}
    by_collection: dict[str, str] = {}
    for name, own in books.items():
        if (other := by_collection.setdefault(own.collection, name)) != name:
            raise ConfigurationError(f"The books {other} and {name} have one COLLECTION, {own.collection}; give each its own.")
    return books


def settings_of_book(settings: Settings, name: str) -> Settings:
    """The settings of one book; '': the first. Raises `ConfigurationError` where there is none of that name."""
    books = each_book(settings)
    if name and name not in books:
        known = f"there are {', '.join(settings.books)}" if settings.books else "BOOKS names none"
        raise ConfigurationError(f"There is no book {name!r}: {known}.")
    return books[name or next(iter(books))]


def book_path(name: str) -> str:
    """Where the book of that name is in a service of several; '' for the only one."""
    return f"/books/{name}" if name else ""


def prefix_of(name: str) -> str:
    """What is before the names of a book's own settings."""
    return f"{name.upper().replace('-', '_')}__"


def _settings_of(settings: Settings, name: str) -> Settings:
    """`settings` with what is set behind the book's prefix, such as `ROS2__SITE_URL`.

    Its collection is its own; and so are, where no SITE_URL says where the book is published, the addresses of its pages.
    """
    prefix = prefix_of(name)
    own = Settings.read(_env_prefix=prefix)
    given = {field: getattr(own, field) for field in own.model_fields_set}
    if common := sorted(given.keys() - OF_A_BOOK):
        raise ConfigurationError(f"{prefix}{common[0].upper()} cannot be set for one book: it is the whole service's.")
    if not given.get("site_url", settings.site_url):
        base = given.get("site_base", settings.site_base).strip("/")
        given["site_base"] = f"{book_path(name)}/{base}".rstrip("/") + "/"
    return settings.model_copy(update={"collection": f"{settings.collection}-{name}", "books": ()} | given)
