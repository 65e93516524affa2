"""The cache of bought vectors."""

from __future__ import annotations

import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from flows.embedding.vector_cache import VectorCache
from shared.errors import ServiceError
from tests.conftest import REPOSITORY


def open_cache(folder: Path, model: str = "m", dimensions: int = 2) -> VectorCache:
    return VectorCache(folder / "deep" / "vectors.sqlite", model=model, dimensions=dimensions)


def test_vectors_come_back_as_float32_after_the_file_was_closed(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.store({"a": [0.1, -2.0], "b": array("f", [3.0, 4.0])})
    cache.close()
    cache = open_cache(tmp_path)
    assert cache.find(["a", "b", "c"]) == {"a": array("f", [0.1, -2.0]), "b": array("f", [3.0, 4.0])}
    assert cache.held(["b", "c"]) == {"b"}
    assert cache.find([]) == {}
    cache.close()


def test_a_vector_stored_again_is_replaced(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.store({"a": [1.0, 2.0]})
    cache.store({"a": [3.0, 4.0]})
    assert cache.find(["a"]) == {"a": array("f", [3.0, 4.0])}
    cache.close()


def test_models_and_dimensions_do_not_see_each_other(tmp_path: Path) -> None:
    caches = [open_cache(tmp_path), open_cache(tmp_path, model="n"), open_cache(tmp_path, dimensions=3)]
    caches[0].store({"a": [1.0, 2.0]})
    assert [cache.held(["a"]) for cache in caches] == [{"a"}, set(), set()]
    for cache in caches:
        cache.close()


def test_many_hashes_are_looked_up_at_once(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.store({f"{n:064x}": [float(n), 0.0] for n in range(5_000)})
    assert len(cache.find([f"{n:064x}" for n in range(10_000)])) == 5_000
    cache.close()


@pytest.mark.processes
def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    write = (
        "import sys; from pathlib import Path; from tests.flows.embedding.test_vector_cache import open_cache\n"
        "cache = open_cache(Path(sys.argv[1]))\n"
        "for n in range(30): cache.store({f'{sys.argv[2]}-{n}': [float(n), 1.0]})\n"
        "cache.close()\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", write, str(tmp_path), name], cwd=REPOSITORY) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    cache = open_cache(tmp_path)
    assert len(cache.held([f"{name}-{n}" for name in "abc" for n in range(30)])) == 90
    cache.close()


@pytest.mark.processes
def test_what_was_stored_survives_a_kill(tmp_path: Path) -> None:
    store = (
        "import os, signal, sys; from pathlib import Path; from tests.flows.embedding.test_vector_cache import open_cache\n"
        "open_cache(Path(sys.argv[1])).store({'a': [1.0, 2.0]})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", store, str(tmp_path)], cwd=REPOSITORY, check=False)
    cache = open_cache(tmp_path)
    assert cache.held(["a"]) == {"a"}
    cache.close()


def test_a_damaged_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "vectors.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(ServiceError, match=r"The embedding cache .*vectors\.sqlite is damaged .*delete it"):
        open_cache(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("in the way")
    with pytest.raises(ServiceError, match=r"Cannot make the folder .*deep"):
        open_cache(tmp_path)
