"""What can be checked of a setting's value before anything uses it, and what is said of one that is wrong."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Literal, NamedTuple, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from shared.errors import ConfigurationError

QDRANT_PORT = 6333
NO_DATABASE = "none"
"""DATABASE_URL of a Lectern that remembers no conversation."""
LEAST_SECRET_BYTES = 32
"""Of a secret that nobody may guess: what HS256 needs at least (RFC 7518, 3.2)."""
_BOOK_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")


def is_address(text: str) -> bool:
    """Whether `text` has the form of an http(s) address with a host and, if any, a port."""
    if re.search(r"\s", text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets of IPv6 that do not match, or a port that is none
        return False


def is_on_this_machine(address: str) -> bool:
    """Whether an http(s) address names the loopback, where nobody listens in between."""
    return urlsplit(address).hostname in {"localhost", "127.0.0.1", "::1"}


def qdrant_address(url: str) -> str:
    """Where a Qdrant server answers: port 6333 where the address names none, whatever the scheme."""
    parts = urlsplit(url.rstrip("/"))
    return parts.geturl() if parts.port else parts._replace(netloc=f"{parts.netloc}:{QDRANT_PORT}").geturl()


def check_writable(folder: Path) -> None:
    """Raise `ConfigurationError` unless files can be written to the data folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise ConfigurationError(f"The data folder DATA_DIR={str(folder)!r} cannot be written to: {exc.strerror}.") from exc


class ReaderKey(NamedTuple):
    """A key that gives who carries it limits of their own."""

    name: str
    key: str
    requests_per_minute: int


def reader_keys(setting: SecretStr | None) -> tuple[ReaderKey, ...]:
    """The keys of `name:key:questions a minute`, comma separated; raises `ValueError` where that is not what it is."""
    return _parse_reader_keys(setting.get_secret_value()) if setting else ()


@cache
def _parse_reader_keys(text: str) -> tuple[ReaderKey, ...]:
    keys: list[ReaderKey] = []
    for entry in filter(None, map(str.strip, text.split(","))):
        name, key, per_minute = entry.split(":")
        keys.append(ReaderKey(name, key, int(per_minute)))
    if any(not one.name or len(one.key.encode()) < LEAST_SECRET_BYTES or one.requests_per_minute < 1 for one in keys):
        raise ValueError(text)
    if len({one.name for one in keys}) < len(keys):
        raise ValueError(text)
    return tuple(keys)


def book_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names as they are; raises what pydantic tells of."""
    if any(not _BOOK_NAME.fullmatch(name) for name in names) or len(set(names)) < len(names):
        raise PydanticCustomError("books", "names of lower-case letters, digits and dashes, comma separated, each once")
    return names


def check_reader_keys(setting: SecretStr | None) -> SecretStr | None:
    """The setting as it is; raises what pydantic tells of."""
    try:
        reader_keys(setting)
    except ValueError:
        wanted = "name:key:questions a minute, comma separated, each name once and each key at least 32 bytes"
        raise PydanticCustomError("reader_keys", wanted) from None
    return setting


def tell_wrong(name: str, field: FieldInfo, error: ErrorDetails) -> str:
    """What is wrong with a setting, in a sentence; the value of a secret is not shown."""
    is_secret = SecretStr in (field.annotation, *get_args(field.annotation))
    given = "not shown" if is_secret else repr(error["input"])
    return f"{name.upper()} is {given}; expected {_expected(field, error['msg'])}."


def _expected(field: FieldInfo, otherwise: str) -> str:
    """What a setting may be, as in `a whole number from 1 to 65535`; `otherwise` for one that a validator of ours refused."""
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(map(str, get_args(field.annotation)))
    kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not NoneType]
    if kinds == [bool]:
        return "true or false"
    if kinds not in ([int], [float]):
        return otherwise
    ends = {end: getattr(limit, end) for limit in field.metadata for end in ("ge", "gt", "le") if hasattr(limit, end)}
    noun = "a whole number" if kinds == [int] else "a number"
    if "gt" in ends:
        return f"{noun} above {ends['gt']}, {ends['le']} at most"
    return noun + (f" from {ends['ge']} to {ends['le']}" if "le" in ends else f", {ends['ge']} or more")


def issues_address(value: str) -> str:
    """The address, or ''; raises `PydanticCustomError`, as do those that follow."""
    if value and not is_address(value):
        raise PydanticCustomError("issues_url", "an address like https://github.com/owner/book/issues/new")
    return value


def scheme_and_host(value: str) -> str:
    """An address without a path, or ''."""
    if value and (not is_address(value) or urlsplit(value)._replace(scheme="", netloc="").geturl().strip("/")):
        wanted = "scheme and host, like https://example.github.io; the path goes into SITE_BASE"
        raise PydanticCustomError("site_url", wanted)
    return value


def long_enough(value: SecretStr | None) -> SecretStr | None:
    """A secret nobody guesses."""
    if value is not None and len(value.get_secret_value().encode()) < LEAST_SECRET_BYTES:
        raise PydanticCustomError("secret", "at least 32 bytes, like the output of openssl rand -hex 24")
    return value


def safe_source_of_keys(value: str | None) -> str | None:
    """A file, or an address where nobody on the way can change the keys."""
    if value and "://" in value and not (is_address(value) and (value.startswith("https:") or is_on_this_machine(value))):
        raise PydanticCustomError("jwt_jwks", "a file or an https address")
    return value


def known_database(value: SecretStr | None) -> SecretStr | None:
    """The address of a kind of database that there is code for, or `none`."""
    address = value.get_secret_value() if value else NO_DATABASE
    scheme = address.partition("://")[0]
    if address != NO_DATABASE and scheme not in {"postgres", "postgresql", "postgresql+asyncpg", "sqlite+aiosqlite"}:
        raise PydanticCustomError("database_url", "an address like postgresql://user:password@host/name, or `none`")
    return value


def rerank_address(value: str | None) -> str | None:
    """The address of a re-ranking endpoint."""
    if value and not is_address(value):
        raise PydanticCustomError("rerank_url", "an address like https://api.jina.ai/v1/rerank")
    return value


def collector_address(value: str | None) -> str | None:
    """The address of an OTLP collector."""
    if value and not is_address(value):
        raise PydanticCustomError("otlp_endpoint", "an address like http://localhost:4318")
    return value


def name_value_pairs(value: SecretStr | None) -> SecretStr | None:
    """`name=value`, comma separated."""
    if value and not all("=" in pair for pair in value.get_secret_value().split(",")):
        raise PydanticCustomError("otlp_headers", "name=value, comma separated")
    return value


def known_redis(value: SecretStr | None) -> SecretStr | None:
    """The address of a Redis server."""
    if value and value.get_secret_value().partition("://")[0] not in {"redis", "rediss", "unix"}:
        raise PydanticCustomError("redis_url", "an address like redis://:password@host:6379/0")
    return value
