"""Everything that can be known to be wrong before anything is started, each as one sentence."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from flows.source.files import find_files, open_source
from flows.source.globs import FileSelection
from flows.source.repository import is_git, parse_repository
from shared.checks import check_writable, is_address, qdrant_address
from shared.errors import ConfigurationError, ServiceError
from shared.index.open_index import check_index
from shared.settings import Settings

REQUEST_TIMEOUT_S = 5.0
REFUSED = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


def check(settings: Settings) -> None:
    """Raise `ConfigurationError` or `BookError` for the first thing here that would keep the programs from doing their work."""
    check_port(settings)
    check_one_book(settings)
    check_writable(settings.data_dir)
    if settings.prefect_api_url is not None and not is_address(settings.prefect_api_url):
        message = f"PREFECT_API_URL is {settings.prefect_api_url!r}; expected an address like http://127.0.0.1:4200/api."
        raise ConfigurationError(message)
    for name, url, key in _used_keys(settings):
        if not is_address(url):
            raise ConfigurationError(f"{url!r} is not an address; expected one like https://api.openai.com/v1.")
        if not key.get_secret_value().isascii():
            raise ConfigurationError(f"{name} is malformed: it holds characters that no key has.")


def check_one_book(settings: Settings) -> None:
    """The same for what each of several books has of its own."""
    check_book(settings)
    check_index(settings)


def check_services(settings: Settings) -> None:
    """Raise `ServiceError` for the first service that refuses a key, or for a Qdrant that does not answer."""
    for problem in find_service_problems(settings):
        raise problem


def find_service_problems(settings: Settings) -> Iterator[ServiceError]:
    """What is wrong with the services that the settings name, asked one after the other: at most `REQUEST_TIMEOUT_S` each."""
    for ask in (*(partial(check_key, *used) for used in _used_keys(settings)), partial(check_qdrant, settings)):
        try:
            ask()
        except ServiceError as exc:
            yield exc


def check_port(settings: Settings) -> None:
    """The web server's port is free."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise ConfigurationError(
                    f"Port {settings.port} is in use by another program; stop it or choose another with PORT=...."
                ) from exc
            reason = os.strerror(exc.errno or 0)
            raise ConfigurationError(f"Cannot listen on HOST {settings.host} PORT {settings.port}: {reason}.") from exc


def check_book(settings: Settings) -> None:
    """The book's folder is there and holds Markdown. A book in git is fetched later: the web does not wait for a network."""
    if not settings.reads_book:
        return
    if is_git(settings.book_source):
        parse_repository(settings.book_source)
        if shutil.which("git") is None:
            raise ConfigurationError("The book is in git, but the git program is not installed.")
        return
    source = open_source(settings.book_source, data_dir=settings.data_dir)
    find_files(source, FileSelection(settings.book_include, settings.book_exclude))


def _used_keys(settings: Settings) -> list[tuple[str, str, SecretStr]]:
    """Each key that is going to be used: its setting, the address it is used at, and itself."""
    embedding_url = settings.embedding_base_url or settings.openai_base_url
    chat = (settings.openai_base_url, settings.openai_api_key)
    used = [("OPENAI_API_KEY", *chat)]
    if (embedding_url, settings.embedding_key) != chat:
        used.append(
            ("EMBEDDING_API_KEY" if settings.embedding_api_key else "OPENAI_API_KEY", embedding_url, settings.embedding_key)
        )
    return [(name, url, key) for name, url, key in used if key is not None]


def check_key(name: str, base_url: str, key: SecretStr) -> None:
    """The key is accepted. Raises `ServiceError` when it is refused.

    Only a refusal counts: some compatible servers list no models, and one that is away now may be back for the question.
    """
    url = f"{base_url.rstrip('/')}/models"
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
    try:
        answer = httpx.get(url, headers=headers, timeout=REQUEST_TIMEOUT_S, trust_env=not _is_local(url))
    except httpx.HTTPError:
        return
    if answer.status_code in REFUSED:
        host = urlsplit(base_url).netloc
        message = f"{name} was refused by {host} (HTTP {answer.status_code}); check the key, or unset it."
        raise ServiceError("openai", message, transient=False)


def check_qdrant(settings: Settings) -> None:
    """The Qdrant server answers and takes the key: without it nothing can be found. Raises `ServiceError`."""
    if settings.qdrant_url is None:
        return
    key = settings.qdrant_api_key
    headers = {"api-key": key.get_secret_value().strip()} if key else {}
    url = f"{qdrant_address(settings.qdrant_url)}/collections"
    try:
        answer = httpx.get(url, headers=headers, timeout=REQUEST_TIMEOUT_S, trust_env=not _is_local(url))
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise ServiceError("qdrant", f"Qdrant does not answer at QDRANT_URL={settings.qdrant_url!r}.", transient=True) from exc
    if answer.status_code in REFUSED:
        message = f"QDRANT_API_KEY was refused by {settings.qdrant_url!r} (HTTP {answer.status_code}); check the key."
        raise ServiceError("qdrant", message, transient=False)


def _is_local(url: str) -> bool:
    """A proxy for the internet does not know this machine."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}
