"""What a trace is made of, against a collector that speaks OTLP; and that nothing of it is there while it is off."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress

import pytest
from pydantic import SecretStr

from shared import tracing
from shared.errors import ConfigurationError, ServiceError
from shared.settings import Settings
from tests.conftest import REPOSITORY
from tests.support.telemetry.otlp_collector import OtlpCollector

CLIENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_while_it_is_off_nothing_of_it_is_loaded_and_a_span_is_nothing() -> None:
    code = (
        "import sys; from shared import tracing; from shared.settings import Settings\n"
        "end = tracing.begin(Settings(), 'x')\n"
        "with tracing.span('a') as a, tracing.start_span('b') as b: a.set('x', 1)\n"
        "assert a is b is a.child('c') is tracing.current() and a.headers() == {} and tracing.trace_id() is None\n"
        "end(); print([name for name in sys.modules if 'opentelemetry' in name])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=REPOSITORY, env={"PATH": ""}
    )
    assert found.stdout == "[]\n"


async def test_pieces_of_work_are_timed_for_whoever_asks_without_a_trace() -> None:
    async def other() -> None:
        with tracing.span("elsewhere"):
            assert not tracing.is_on()

    async def ours() -> list[tracing.TimedStep]:
        steps = tracing.time_steps()
        with suppress(ServiceError), tracing.span("search"), tracing.start_span("call") as call, call.child("first token"):
            call.set("found", 3)
            await asyncio.gather(asyncio.to_thread(_fuse), asyncio.create_task(other()))
            raise ServiceError("openai", "Away.", transient=True)
        return steps

    steps, _ = await asyncio.gather(asyncio.create_task(ours()), asyncio.create_task(other()))
    assert sorted(step.name for step in steps) == ["call", "elsewhere", "first token", "fuse", "search"]
    assert [step.name for step in steps[-3:]] == ["first token", "call", "search"]
    whole = steps[-1]
    assert all(whole.began <= step.began <= step.ended <= whole.ended for step in steps)


def _fuse() -> None:
    with tracing.span("fuse"):
        pass


async def test_pieces_of_work_are_told_as_one_trace_that_goes_on_upstream() -> None:
    async with OtlpCollector.running() as collector:
        key = SecretStr("authorization=Basic abc=,x-team=docs")
        settings = Settings(otel_exporter_otlp_endpoint=collector.address + "/", otel_exporter_otlp_headers=key)
        end = tracing.begin(settings, "service of ours")
        with tracing.span("request", kind="server", continued={"traceparent": CLIENT}) as request:
            request.rename("POST /chat")
            with tracing.span("search", {"found": 3}):
                assert tracing.trace_id() == CLIENT.split("-")[1]
            with suppress(ServiceError), tracing.start_span("call", kind="client") as call, call.child("first token"):
                upstream = call.headers()["traceparent"].split("-")
                raise ServiceError("openai", "Away.", transient=True, code="timeout")
        await asyncio.to_thread(end)
    assert not tracing.is_on()
    spans = {span.name: span for span in collector.spans}
    assert set(spans) == {"POST /chat", "search", "call", "first token"}
    assert {span.trace_id for span in spans.values()} == {CLIENT.split("-")[1]} == {upstream[1]}
    assert spans["POST /chat"].parent_id == CLIENT.split("-")[2]
    assert {name: collector.parent_of(spans[name]) for name in ("search", "call", "first token")} == {
        "search": "POST /chat", "call": "POST /chat", "first token": "call",
    }  # fmt: skip
    assert upstream[2] == spans["call"].span_id
    assert (spans["search"].attributes, spans["search"].has_failed) == ({"found": 3}, False)
    assert (spans["call"].attributes, spans["call"].has_failed) == ({"error.type": "timeout"}, True)
    assert {span.service for span in spans.values()} == {"service of ours"}
    assert [(one["authorization"], one["x-team"]) for one in collector.headers] == [("Basic abc=", "docs")]


async def test_a_trace_that_begins_here_has_an_id_of_its_own() -> None:
    async with OtlpCollector.running() as collector:
        end = tracing.begin(Settings(otel_exporter_otlp_endpoint=collector.address), "x")
        with tracing.span("one", continued={"traceparent": "nonsense"}), tracing.span("within"):
            pass
        with tracing.span("other", continued={}):
            pass
        await asyncio.to_thread(end)
    one, within, other = (collector.named(name) for name in ("one", "within", "other"))
    assert one.trace_id == within.trace_id != other.trace_id
    assert (one.parent_id, other.parent_id) == ("", "")


async def test_a_collector_that_is_away_keeps_nobody_from_ending() -> None:
    end = tracing.begin(Settings(otel_exporter_otlp_endpoint="http://127.0.0.1:1"), "x")
    with tracing.span("lost"):
        pass
    await asyncio.to_thread(end)


@pytest.mark.parametrize("wrong", [{"otel_exporter_otlp_endpoint": "localhost:4318"}, {"otel_exporter_otlp_headers": "key"}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong)).upper()):
        Settings.read(**wrong)
