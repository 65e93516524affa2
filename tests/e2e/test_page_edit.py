"""One page edited over HTTP: the web application, a real Prefect server, a real worker, the flow in a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.services import open_services
from shared.settings import Settings
from tests.support.book_folder import PAGES, settings_for, write_book
from tests.support.fakes import ADMIN_KEY
from tests.support.live_server import LiveServer, serving, until
from tests.support.prefect_stage import AUTH, LIMIT_S, Stage, stop

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("prefect")]

KEY = {"X-API-Key": ADMIN_KEY}
LEGS = "part/legs.mdx"
EDITED = PAGES[LEGS].replace("A gait repeats.", "A gait repeats itself twice a second.")
QUESTION = {"question": "How often does a gait repeat itself?", "stream": False}


@pytest.fixture
def at_work(tmp_path: Path, stage: Stage) -> Iterator[tuple[Settings, subprocess.Popen[bytes]]]:
    """Settings of the web process; and a worker with the same settings, which runs meanwhile."""
    book, data = write_book(tmp_path / "book"), tmp_path / "data"
    worker = stage.start_worker({"BOOK_SOURCE": str(book), "DATA_DIR": str(data), "SITE_URL": "https://example.github.io"})
    given = {"prefect_api_url": stage.api_url, "prefect_api_auth_string": AUTH, "admin_api_key": ADMIN_KEY}
    try:
        yield settings_for(book, data, site_url="https://example.github.io", **given), worker
    finally:
        stop(worker)


async def over(live: LiveServer, status_url: str) -> dict[str, Any]:
    """The run, once it is over."""
    run: dict[str, Any] = {}

    async def is_over() -> bool:
        run.update((await live.client.get(status_url)).json())
        return run["ended_at"] is not None and run["report"] is not None

    await until(is_over)
    return run


async def test_a_page_is_written_asked_about_removed_and_put_back_by_the_next_ingest(
    at_work: tuple[Settings, subprocess.Popen[bytes]], stage: Stage
) -> None:
    settings, worker = at_work
    async with serving(open_services(settings)) as live:

        async def call(method: str, path: str, **body: Any) -> dict[str, Any]:
            async with asyncio.timeout(LIMIT_S):
                while True:
                    response = await live.client.request(method, path, headers=KEY, **body)
                    if response.status_code != 503:  # or the worker has not registered the deployment yet
                        break
                    assert worker.poll() is None, f"{response.text}\n{stage.log()}"
                    await asyncio.sleep(0.1)
            assert response.is_success, response.text
            return response.json()

        await over(live, (await call("POST", "/content/ingest", json={}))["status_url"])
        started = await call("PUT", f"/api/v1/content/{LEGS}?wait=0", json={"markdown": EDITED})
        written = (await over(live, started["status_url"]))["report"]
        assert (written["kept_by_next_ingest"], written["files"]["changed"], written["files"]["kept"]) == (False, 1, 2)
        assert "twice a second" in (await live.client.post("/chat", json=QUESTION)).json()["answer"]

        removed = await call("DELETE", "/content/arms.md?wait=120")
        assert removed["state"] in {"completed", "running", "pending", "scheduled"}
        await over(live, removed["status_url"])
        listed = await call("GET", "/content")
        assert [document["path"] for document in listed["documents"]] == ["intro.md", LEGS]

        again = (await over(live, (await call("POST", "/ingest", json={}))["status_url"]))["report"]
        assert (again["files"]["added"], again["files"]["changed"], again["kept_by_next_ingest"]) == (1, 1, None)
        assert (await call("GET", "/content"))["total"] == len(PAGES)
