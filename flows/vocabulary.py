"""The tokenizer's vocabulary: fetched when Lectern is installed, found and brought to the data folder when it runs.

tiktoken would download it from a host that many networks do not reach. The wheel of llama-index-core carries the same file;
pip fetches the wheel from whichever index it is configured for, and the one member is taken out. Run as
`python -m flows.vocabulary`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

from shared.errors import ServiceError
from shared.settings import HOME, Settings
from shared.tokens import VOCABULARY_FILE, check_vocabulary, load_tokenizer, vocabulary_folder

WHEEL = "llama-index-core==0.14.25"
"""Pinned: another release may carry another set of files. 12 MB, pure Python."""
MEMBER = f"llama_index/core/_static/tiktoken_cache/{VOCABULARY_FILE}"
DOWNLOAD_TIMEOUT_S = 180


INSTALLED = HOME / Settings.model_fields["data_dir"].default
"""The data folder `make` fetches the tokenizer's vocabulary into."""


def find_vocabulary(data_dir: Path) -> Path:
    """The folder to load the tokenizer from: the data folder's, or where that has none the installation's.

    Estimated tokens would cut other chunks than exact ones, and buy their vectors once more.
    """
    own, installed = vocabulary_folder(data_dir), vocabulary_folder(INSTALLED)
    return installed if not (own / VOCABULARY_FILE).exists() and (installed / VOCABULARY_FILE).exists() else own.absolute()


def bring_vocabulary(data_dir: Path) -> None:
    """Copy the vocabulary unless it is there. Without it tokens are estimated, and /health says so."""
    source, target = find_vocabulary(data_dir) / VOCABULARY_FILE, vocabulary_folder(data_dir) / VOCABULARY_FILE
    if target.exists() or not source.exists():
        return
    with suppress(OSError):
        _write(source.read_bytes(), target)


def main() -> int:
    """Fetch the vocabulary into DATA_DIR unless it is there; 0 also when that fails, for counts can be estimated."""
    folder = vocabulary_folder(Settings().data_dir)
    if load_tokenizer(folder).exact:
        return 0
    try:
        fetch_vocabulary(folder)
    except ServiceError as exc:
        print(f"Tokens will be estimated, on the high side: {exc}", file=sys.stderr)  # noqa: T201
    return 0


def fetch_vocabulary(folder: Path, *, pip_options: tuple[str, ...] = ()) -> None:
    """Put the verified vocabulary into `folder`. Raises `ServiceError` when it cannot be had; nothing is left behind then."""
    with tempfile.TemporaryDirectory() as downloads:
        _download(Path(downloads), pip_options)
        data = _read_member(Path(downloads))
    check_vocabulary(data)
    try:
        _write(data, folder / VOCABULARY_FILE)
    except OSError as exc:
        raise ServiceError("disk", f"Cannot write to {folder}: {exc.strerror}.", transient=False) from exc


def _write(data: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    draft.write_bytes(data)
    draft.replace(target)


def _download(folder: Path, pip_options: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--retries", "1", "--timeout", "15", "--only-binary", ":all:", "--dest", str(folder), *pip_options, WHEEL]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S)  # noqa: S603
    except subprocess.CalledProcessError as exc:
        last = (exc.stderr or exc.stdout or "no reason given").strip().splitlines()[-1]
        raise ServiceError("tokenizer", f"pip could not download {WHEEL}: {last}", transient=True) from exc
    except (subprocess.TimeoutExpired, OSError) as exc:
        raise ServiceError("tokenizer", f"pip could not download {WHEEL}: {type(exc).__name__}.", transient=True) from exc


def _read_member(folder: Path) -> bytes:
    try:
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            return wheel.read(MEMBER)
    except (StopIteration, KeyError, zipfile.BadZipFile, OSError) as exc:
        raise ServiceError("tokenizer", f"The wheel of {WHEEL} does not hold {MEMBER}.", transient=False) from exc


if __name__ == "__main__":
    sys.exit(main())
