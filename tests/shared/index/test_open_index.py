"""Which index the settings mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.errors import ConfigurationError, ServiceError
from shared.index.embedded.index import EmbeddedIndex
from shared.index.open_index import fingerprint, open_index
from shared.settings import Settings
from tests.support.sample_builds import make_build, make_chunks


async def test_without_a_server_each_book_has_its_folder_in_the_data_folder(tmp_path: Path) -> None:
    chunks = make_chunks({"a.md": ["Robots walk."]})
    for collection in ("one", "two"):
        index = open_index(Settings(data_dir=tmp_path, collection=collection))
        assert isinstance(index, EmbeddedIndex)
        await index.publish(make_build(chunks, dimensions=None), chunks, None)
        await index.aclose()
        assert (tmp_path / "index" / collection / "CURRENT").is_file()


async def test_nothing_is_written_before_the_first_publish(tmp_path: Path) -> None:
    index = open_index(Settings(data_dir=tmp_path / "data"))
    assert await index.live() is None
    await index.aclose()
    assert not (tmp_path / "data").exists()


async def test_with_a_qdrant_url_the_index_is_remote_and_a_key_over_http_is_no_warning() -> None:
    index = open_index(Settings(qdrant_url="http://127.0.0.1:1", qdrant_api_key=SecretStr("key\n")))
    with pytest.raises(ServiceError, match=r"^Cannot reach Qdrant at http://127\.0\.0\.1:1 "):
        await index.ping()
    await index.aclose()


BAD_PORTS = ["http://host:port", "http://host:99999", "http://host:0"]


@pytest.mark.parametrize("url", ["ftp://host", "http://[::1", "http:// host", "http://host\n", *BAD_PORTS])
def test_a_malformed_qdrant_url_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="QDRANT_URL is '"):
        open_index(Settings(qdrant_url=url))


@pytest.mark.parametrize("collection", ["", "..", "a/b", "-x", "a" * 101, "ein buch"])
def test_a_collection_that_is_no_plain_name_is_refused(collection: str) -> None:
    with pytest.raises(ConfigurationError, match="COLLECTION is '"):
        open_index(Settings(collection=collection))


def test_a_fingerprint_changes_with_all_that_vectors_depend_on_and_nothing_else() -> None:
    key = SecretStr("sk")
    settings = [
        Settings(),
        Settings(book_language="german"),
        Settings(openai_api_key=key),
        Settings(openai_api_key=key, embedding_model="other"),
        Settings(openai_api_key=key, embedding_dimensions=512),
    ]
    assert len({fingerprint(each) for each in settings}) == len(settings)
    assert fingerprint(Settings(chat_model="other", collection="x", book_language="ENGLISH")) == fingerprint(Settings())
