"""Orders and parts in a folder that several machines share."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from flows.sharding.coordination import make_orders
from flows.sharding.handover import BATCH_PAGES, Handover, Order, shard_of
from shared.errors import ServiceError

PATHS = tuple(f"part-{n % 5}/page-{n}.md" for n in range(1_000))


def made(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "bought.json").write_text(text)
    return folder


def test_every_page_is_in_one_shard_of_about_the_same_size() -> None:
    orders = make_orders(PATHS, 4, size_bytes=4_000, revision=None)
    assert sorted(path for order in orders for path in order.paths) == sorted(PATHS)
    assert all(200 < len(order.paths) < 300 and 800 < order.size_bytes < 1_200 for order in orders)
    assert all(list(order.paths) == sorted(order.paths, key=PATHS.index) for order in orders)


def test_a_page_stays_in_its_shard_while_others_come_and_go() -> None:
    assert Counter(shard_of(path, 3) for path in PATHS) == {0: 302, 1: 341, 2: 357}
    assert [shard_of(path, 3) for path in ("intro.md", "part/\udcff.md")] == [2, 1]


def test_an_order_is_read_back_until_it_is_withdrawn(tmp_path: Path) -> None:
    handover, order = Handover(tmp_path / "new"), Order(paths=PATHS, size_bytes=1, revision="c0ffee")
    (name,) = handover.place([order])
    assert (handover.order(name), handover.stands(name)) == (order, True)
    assert [len(batch) for batch in order.batches] == [BATCH_PAGES] * 15 + [40]
    handover.withdraw()
    assert (handover.order(name), handover.stands(name)) == (None, False)
    handover.put(name, 0, made(tmp_path / "late", "late"))
    assert list((tmp_path / "new" / "parts").iterdir()) == []


@pytest.mark.parametrize("name", ["../parts/x", "", "0123456789abcdef-0", "/etc/passwd"])
def test_a_name_that_is_none_leads_to_no_order(tmp_path: Path, name: str) -> None:
    assert Handover(tmp_path).order(name) is None


def test_of_two_runs_of_a_shard_the_first_hands_a_part_over(tmp_path: Path) -> None:
    handover = Handover(tmp_path / "new")
    (name,) = handover.place([Order(paths=PATHS, size_bytes=1)])
    assert (handover.has(name, 3), handover.parts(name)) == (False, [])
    handover.put(name, 3, made(tmp_path / "first", "first"))
    handover.put(name, 3, made(tmp_path / "second", "second"))
    (part,) = handover.parts(name)
    assert handover.has(name, 3)
    assert (part / "bought.json").read_text() == "first"
    assert handover.parts() == [part]


def test_what_a_killed_run_half_copied_is_no_part_and_goes(tmp_path: Path) -> None:
    handover = Handover(tmp_path)
    (name,) = handover.place([Order(paths=PATHS, size_bytes=1)])
    half = made(tmp_path / "parts" / f".{name}-0-1234", "half")
    assert (handover.parts(name), handover.parts(), handover.has(name, 0)) == ([], [], False)
    handover.withdraw()
    assert not half.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="Cannot use the folder of shards"):
        Handover(tmp_path / "file").place([Order(paths=PATHS, size_bytes=1)])
