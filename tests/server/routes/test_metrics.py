from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.answering.events import AnswerIds
from server.metrics import Metrics
from server.status.gauges import GAUGES
from shared import ingest_runs as runs
from shared.models import Report, Tally
from shared.settings import Settings
from tests.support.fakes import ADMIN_KEY, FakeIndex, PrefectStandIn, ScriptedAnswerer, make_services, whole_answer
from tests.support.live_server import LiveServer, serving, until

IDS = AnswerIds("s", "m", "r")
REPORT = Report(
    source="/book",
    files=Tally(),
    chunks=Tally(),
    embedded=3,
    tokens=700,
    cost_usd=0.5,
    embedding_model="m",
    build_id="b",
    new_build=True,
    problems=(),
    seconds=1.0,
)
Key = tuple[str, frozenset[tuple[str, str]]]


async def scrape(live: LiveServer, **headers: str) -> dict[Key, float]:
    """Every sample, by its name and labels."""
    response = await live.client.get("/metrics", headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = text_string_to_metric_families(response.text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def key(name: str, **labels: str) -> Key:
    return f"lectern_{name}", frozenset(labels.items())


@pytest.mark.one_server
async def test_what_was_asked_and_answered_is_counted() -> None:
    async with serving(make_services(settings=Settings(site_url="https://robots.example"))) as live:
        await live.ask()
        await live.ask({"question": "Why?", "selected_text": "A robot", "stream": False}, "/chat/selection")
        await live.client.get("/no/such?q=secret")
        await live.client.request("BREW", "/chat")
        samples = await scrape(live)
    assert samples[key("http_requests_total", route="/chat", method="POST", status="200")] == 1
    assert samples[key("http_requests_total", route="/chat/selection", method="POST", status="200")] == 1
    assert samples[key("http_requests_total", route="unmatched", method="GET", status="404")] == 1
    assert samples[key("http_requests_total", route="unmatched", method="other", status="405")] == 1
    assert samples[key("answers_total", mode="chat", outcome="stop")] == 2
    assert samples[key("refusals_total", code="not_found")] == 1
    assert samples[key("tokens_total", model="scripted", kind="prompt")] == 20
    assert samples[key("cost_usd_total", model="scripted")] == pytest.approx(0.02)
    assert samples[key("budget_spent_usd")] == pytest.approx(0.02)
    assert samples["process_resident_memory_bytes", frozenset()] > 10**7


@pytest.mark.one_server
async def test_how_things_stand_is_told() -> None:
    prefect, now = PrefectStandIn(), datetime.now(UTC)
    run = prefect.add_run("COMPLETED")
    run["end_time"] = now.isoformat()
    prefect.add_artifact(run, runs.REPORT_KEY, REPORT.model_dump(mode="json"))
    go = asyncio.Event()
    services = make_services(prefect=prefect, answerer=ScriptedAnswerer(go, *whole_answer(IDS)))
    async with serving(services) as live:
        asking = asyncio.create_task(live.ask())
        await until(lambda: services.limits.open_streams == 1)
        samples = await scrape(live)
        go.set()
        await asking
    assert samples[key("streams_open")] == 1
    assert samples[key("index_build_info", build_id="20250101-a", embedding_model="none")] == 1
    assert samples[key("index_build_timestamp_seconds")] == datetime(2025, 1, 1, 12, tzinfo=UTC).timestamp()
    assert (samples[key("index_documents")], samples[key("index_chunks")]) == (2, 3)
    assert samples[key("service_up", service="index")] == samples[key("service_up", service="prefect")] == 1
    assert key("service_up", service="chat_model") not in samples
    assert samples[key("ingest_last_run_state", state="completed")] == 1
    assert samples[key("ingest_last_run_end_timestamp_seconds")] == pytest.approx(now.timestamp())
    assert samples[key("ingest_last_run_embedding_tokens")] == 700
    assert samples[key("ingest_last_run_cost_usd")] == 0.5


async def test_what_is_away_leaves_no_value_behind() -> None:
    index, prefect = FakeIndex(None), PrefectStandIn()
    prefect.is_away = True
    async with serving(make_services(index=index, prefect=prefect)) as live:
        samples = await scrape(live)
    assert samples[key("service_up", service="prefect")] == 0
    assert not [name for name, _ in samples if name.startswith(("lectern_index_", "lectern_ingest_"))]


@pytest.mark.one_server
async def test_every_metric_is_described_once_and_none_is_named_twice() -> None:
    names = [one.name for one in Metrics().described] + [f"lectern_{name}" for name in GAUGES]
    assert len(names) == len(set(names))
    async with serving(make_services()) as live:
        text = (await live.client.get("/metrics")).text
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE lectern_")} == set(names)
    assert "_created" not in text


@pytest.mark.one_server
async def test_two_applications_share_no_counter() -> None:
    async with serving(make_services()) as one, serving(make_services()) as other:
        await one.ask()
        assert key("answers_total", mode="chat", outcome="stop") not in await scrape(other)


async def test_nothing_a_caller_sends_is_told() -> None:
    async with serving(make_services()) as live:
        await live.ask({"question": "xyzzy?", "session_id": "xyzzy", "page_url": "xyzzy"}, X_Request_ID="xyzzy")
        await live.client.get("/xyzzy?xyzzy=xyzzy", headers={"User-Agent": "xyzzy", "Origin": "https://xyzzy.example"})
        assert "xyzzy" not in (await live.client.get("/metrics")).text


KEYED = {
    "environment": "production",
    "admin_api_key": ADMIN_KEY,
    "metrics_api_key": "just-looking",
}


@pytest.mark.parametrize(
    ("settings", "headers", "status", "code"),
    [
        ({}, {}, 200, None),
        ({}, {"X-Forwarded-For": "9.9.9.9"}, 503, "metrics_closed"),
        ({"environment": "production"}, {}, 503, "metrics_closed"),
        ({"environment": "production", "metrics_open": True}, {}, 200, None),
        (KEYED, {}, 401, "key_missing"),
        (KEYED, {"Authorization": "Bearer wrong"}, 403, "key_wrong"),
        (KEYED, {"X-API-Key": "n\u00f6"}, 403, "key_wrong"),
        (KEYED, {"Authorization": "Bearer just-looking"}, 200, None),
        (KEYED, {"X-API-Key": ADMIN_KEY}, 200, None),
        (KEYED | {"metrics_api_key": None}, {"X-API-Key": ADMIN_KEY}, 200, None),
    ],
)
async def test_who_may_read_the_metrics(
    settings: dict[str, object], headers: dict[str, str], status: int, code: str | None
) -> None:
    async with serving(make_services(settings=Settings.model_validate(settings))) as live:
        encoded = {name: value.encode() for name, value in headers.items()}
        response = await live.client.get("/metrics", headers=encoded)
    assert response.status_code == status
    assert code is None or response.json()["code"] == code


async def test_the_key_of_the_metrics_starts_no_ingest() -> None:
    async with serving(make_services(settings=Settings.model_validate(KEYED))) as live:
        refused = await live.client.post("/ingest", headers={"X-API-Key": "just-looking"})
    assert (refused.status_code, refused.json()["code"]) == (403, "key_wrong")


@pytest.mark.one_server
async def test_who_watches_is_never_turned_away() -> None:
    settings = Settings.model_validate(KEYED | {"requests_per_minute": 1})
    async with serving(make_services(settings=settings)) as live:
        for _ in range(30):
            samples = await scrape(live, **{"X-API-Key": "just-looking"})
        for _ in range(2):
            refused = await live.ask()
        after = await scrape(live, **{"X-API-Key": "just-looking"})
    assert refused.status_code == 429
    assert key("refusals_total", code="rate_limited") not in samples
    assert after[key("refusals_total", code="rate_limited")] == 1
