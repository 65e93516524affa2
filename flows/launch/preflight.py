"""Everything that can be known to be wrong before anything is started, each as one sentence."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from flows.git import is_git, parse_repository
from flows.globs import Selection
from flows.source import find_files, open_source
from shared.errors import ConfigurationError
from shared.index.store import open_index
from shared.settings import Settings

REQUEST_TIMEOUT_S = 5.0
REFUSED = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


def check(settings: Settings) -> None:
    """Raise `ConfigurationError` or `BookError` for the first thing that would keep the programs from doing their work."""
    check_port(settings)
    check_book(settings)
    check_data_dir(settings.data_dir)
    open_index(settings)
    check_keys(settings)
    check_qdrant(settings)


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
    if is_git(settings.book_source):
        parse_repository(settings.book_source)
        if shutil.which("git") is None:
            raise ConfigurationError("The book is in git, but the git program is not installed.")
        return
    source = open_source(settings.book_source, data_dir=settings.data_dir)
    find_files(source, Selection(settings.book_include, settings.book_exclude))


def check_data_dir(folder: Path) -> None:
    """Files can be written to the data folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise ConfigurationError(f"The data folder DATA_DIR={str(folder)!r} cannot be written to: {exc.strerror}.") from exc


def claim_data_dir(folder: Path) -> TextIO:
    """A lock on the data folder, held until the file is closed; raises `ConfigurationError` when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "up.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        lock.close()
        raise ConfigurationError(f"Lectern is already running with the data folder DATA_DIR={str(folder)!r}.") from exc
    return lock


def check_keys(settings: Settings) -> None:
    """The chat and embedding keys are accepted where they are going to be used."""
    embedding_url = settings.embedding_base_url or settings.openai_base_url
    used = {("OPENAI_API_KEY", settings.openai_base_url): settings.openai_api_key}
    if settings.embedding_key is not None and (embedding_url, settings.embedding_key) != (
        settings.openai_base_url,
        settings.openai_api_key,
    ):
        name = "EMBEDDING_API_KEY" if settings.embedding_api_key else "OPENAI_API_KEY"
        used[name, embedding_url] = settings.embedding_key
    for (name, url), key in used.items():
        if key is not None:
            _check_key(name, key, url)


def _check_key(name: str, key: SecretStr, base_url: str) -> None:
    """Only a refusal counts: some compatible servers list no models, and one that is away now may be back for the question."""
    url = f"{base_url.rstrip('/')}/models"
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"}
    try:
        answer = httpx.get(url, headers=headers, timeout=REQUEST_TIMEOUT_S, trust_env=not _is_local(url))
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
        raise ConfigurationError(f"{base_url!r} is not an address; expected one like https://api.openai.com/v1.") from exc
    except httpx.HTTPError:
        return
    except ValueError as exc:  # httpx: a header that is not ASCII
        raise ConfigurationError(f"{name} is malformed: it holds characters that no key has.") from exc
    if answer.status_code in REFUSED:
        host = urlsplit(base_url).netloc
        raise ConfigurationError(f"{name} was refused by {host} (HTTP {answer.status_code}); check the key, or unset it.")


def check_qdrant(settings: Settings) -> None:
    """The Qdrant server answers and takes the key: without it nothing can be found."""
    if settings.qdrant_url is None:
        return
    key = settings.qdrant_api_key
    headers = {"api-key": key.get_secret_value()} if key else {}
    url = f"{settings.qdrant_url.rstrip('/')}/collections"
    try:
        answer = httpx.get(url, headers=headers, timeout=REQUEST_TIMEOUT_S, trust_env=not _is_local(url))
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise ConfigurationError(f"Qdrant does not answer at QDRANT_URL={settings.qdrant_url!r}.") from exc
    if answer.status_code in REFUSED:
        raise ConfigurationError(f"QDRANT_API_KEY was refused by {settings.qdrant_url!r} (HTTP {answer.status_code}).")


def _is_local(url: str) -> bool:
    """A proxy for the internet does not know this machine."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}
