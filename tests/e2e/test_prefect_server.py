"""What strangers get from a running Prefect server: pages of other sites, names pointed at this machine, other users of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.prefect_stage import Stage

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("prefect")]

EVIL = "https://evil.example"
DEPLOYMENT = {"name": "d", "flow_id": "00000000-0000-0000-0000-000000000000", "work_pool_name": "book"}
SHELL = [{"prefect.deployments.steps.run_shell_script": {"script": "touch /tmp/stolen"}}]


@pytest.fixture
async def stranger(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stage.api_url, trust_env=False, timeout=60) as client:
        yield client


@pytest.mark.parametrize("headers", [{}, {"Origin": EVIL}, {"Authorization": "Basic YWRtaW46cGFzcw=="}])
async def test_without_the_password_nothing_is_read_made_or_run(stranger: httpx.AsyncClient, headers: dict[str, str]) -> None:
    asked = [
        await stranger.post("/flows/", json={"name": "stolen"}, headers=headers),
        await stranger.post("/deployments/", json=DEPLOYMENT | {"pull_steps": SHELL}, headers=headers),
        await stranger.post("/flow_runs/filter", json={}, headers=headers),
        await stranger.get("/admin/settings", headers=headers),
    ]
    assert [answer.status_code for answer in asked] == [401] * len(asked)
    assert [answer.headers.get("Access-Control-Allow-Origin") for answer in asked] == [None] * len(asked)


async def test_a_page_of_another_origin_is_not_allowed_to_send_the_password(stage: Stage, stranger: httpx.AsyncClient) -> None:
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    refused = await stranger.options("/flows/", headers=wanted | {"Origin": EVIL})
    allowed = await stranger.options("/flows/", headers=wanted | {"Origin": f"http://localhost:{stage.port}"})
    assert (refused.status_code, refused.headers.get("Access-Control-Allow-Origin")) == (400, None)
    assert (allowed.status_code, allowed.headers.get("Access-Control-Allow-Origin")) == (200, f"http://localhost:{stage.port}")


@pytest.mark.parametrize("path", ["/api/health", "/api/flows/filter", "/ui-settings", "/"])
async def test_a_name_that_was_pointed_here_is_refused_even_with_the_password(
    stage: Stage, stranger: httpx.AsyncClient, path: str
) -> None:
    url = f"http://127.0.0.1:{stage.port}{path}"
    for host in ("evil.example", f"evil.example:{stage.port}", "127.0.0.1.evil.example"):
        answer = await stranger.get(url, headers=stage.headers | {"Host": host})
        assert (answer.status_code, answer.text) == (400, "Invalid host header")


async def test_sockets_ask_for_the_password_and_refuse_other_names(stage: Stage) -> None:
    url = f"ws://127.0.0.1:{stage.port}/api/events/in"
    async with connect(url, subprotocols=["prefect"], origin=EVIL, proxy=None) as socket:  # type: ignore[list-item, arg-type]
        await socket.send(json.dumps({"type": "auth", "token": "admin:pass"}))
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers={"Host": "evil.example"}, proxy=None)
    assert refused.value.response.status_code in {400, 403}


async def test_its_operator_opens_the_ui_and_is_asked_for_the_password(stage: Stage, stranger: httpx.AsyncClient) -> None:
    browser = {"Accept": "text/html"}
    page = await stranger.get(f"http://127.0.0.1:{stage.port}/", headers=browser, follow_redirects=True)
    assert "<title>Prefect" in page.raise_for_status().text
    settings = (await stranger.get(f"http://127.0.0.1:{stage.port}/ui-settings")).json()
    assert (settings["auth"], settings["api_url"]) == ("BASIC", stage.api_url)
    assert (await stranger.get("/admin/version", headers=stage.headers)).status_code == 200
