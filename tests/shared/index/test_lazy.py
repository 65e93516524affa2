"""An index that is opened when it is first asked."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.index.bm25 import Bm25
from shared.index.embedded.index import EmbeddedIndex
from shared.index.lazy import LazyIndex
from shared.index.port import Index


async def test_it_is_opened_once_and_off_the_loop_however_many_ask(tmp_path: Path) -> None:
    threads: list[threading.Thread] = []

    def open_index() -> Index:
        threads.append(threading.current_thread())
        return EmbeddedIndex(tmp_path, Bm25())

    index = LazyIndex(open_index)
    assert threads == []
    await asyncio.gather(*(index.ping() for _ in range(5)))
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


async def test_one_who_stops_waiting_does_not_stop_the_opening_for_others(tmp_path: Path) -> None:
    go = threading.Event()

    def open_index() -> Index:
        go.wait()
        return EmbeddedIndex(tmp_path, Bm25())

    index = LazyIndex(open_index)
    hasty = asyncio.create_task(index.ping())
    patient = asyncio.create_task(index.ping())
    await asyncio.sleep(0)
    hasty.cancel()
    await asyncio.wait({hasty})
    go.set()
    await patient
    assert hasty.cancelled()


async def test_what_is_wrong_with_it_is_told_to_everyone_who_asks() -> None:
    def open_index() -> Index:
        raise ConfigurationError("QDRANT_URL is wrong.")

    index = LazyIndex(open_index)
    for call in (index.live, index.ping, index.records):
        with pytest.raises(ConfigurationError, match="QDRANT_URL is wrong"):
            await call()
    await index.aclose()


async def test_an_index_nobody_asked_is_closed_without_being_opened() -> None:
    def open_index() -> Index:
        raise AssertionError("opened")

    await LazyIndex(open_index).aclose()
