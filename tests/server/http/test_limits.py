from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.http import limits
from server.http.limits import RateLimits, client_of, is_loopback
from shared.errors import ConfigurationError, RequestError
from shared.log import Redaction
from shared.settings import Settings
from tests.support.databases.redis import PROGRAM, RedisProcess
from tests.support.fakes import ADMIN_KEY, make_services
from tests.support.live_server import serving


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "hops", "client"),
    [
        ("9.9.9.9", None, 0, "9.9.9.9"),
        ("9.9.9.9", "1.1.1.1", 0, "9.9.9.9"),
        ("10.0.0.1", "1.1.1.1", 1, "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", 1, "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", 2, "1.1.1.1"),
        ("10.0.0.1", "1.1.1.1:4711", 1, "1.1.1.1"),
        ("10.0.0.1", "[2001:db8:1:2::3]:4711", 1, "2001:db8:1:2::/64"),
        ("10.0.0.1", "2001:db8:1:2:ffff::9", 1, "2001:db8:1:2::/64"),
        ("::ffff:9.9.9.9", None, 0, "9.9.9.9"),
        ("10.0.0.1", "unknown", 1, "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1", 3, "10.0.0.1"),
        ("10.0.0.1", "", 1, "10.0.0.1"),
        (None, None, 0, "unknown"),
    ],
)
def test_the_client_is_who_the_trusted_proxy_saw(peer: str | None, forwarded_for: str | None, hops: int, client: str) -> None:
    assert client_of(peer, forwarded_for, hops) == client


@pytest.mark.parametrize(
    ("peer", "local"), [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False), (None, False)]
)
def test_the_loopback_is_this_machine(peer: str | None, *, local: bool) -> None:
    assert is_loopback(peer) is local


async def test_one_reader_too_fast_does_not_slow_another() -> None:
    limits = RateLimits(Settings(requests_per_minute=2))
    await limits.admit("1.1.1.1", "question")
    await limits.admit("1.1.1.1", "question")
    with pytest.raises(RequestError) as refused:
        await limits.admit("1.1.1.1", "question")
    assert (refused.value.status, refused.value.code) == (429, "rate_limited")
    assert 1 <= (refused.value.retry_after_s or 0) <= 120
    await limits.admit("2.2.2.2", "question")
    await limits.admit("1.1.1.1", "lookup")


async def test_a_flood_from_many_addresses_ends_at_the_limit_for_all() -> None:
    limits = RateLimits(Settings(requests_per_minute=1))
    for n in range(40):
        await limits.admit(f"1.1.1.{n}", "question")
    with pytest.raises(RequestError):
        await limits.admit("2.2.2.2", "question")


async def test_the_author_at_their_own_desk_has_no_limit() -> None:
    limits = RateLimits(Settings(requests_per_minute=1))
    for _ in range(100):
        await limits.admit(None, "question")


def test_streams_are_capped_for_one_reader_and_for_all() -> None:
    limits = RateLimits(Settings(max_streams=5))
    held = [limits.stream("1.1.1.1") for _ in range(4)]
    for stream in held:
        stream.__enter__()
    with pytest.raises(RequestError) as refused, limits.stream("1.1.1.1"):
        pass
    assert refused.value.status == 429
    with limits.stream("2.2.2.2"):
        with pytest.raises(RequestError) as refused, limits.stream("3.3.3.3"):
            pass
        assert refused.value.status == 503
    held[0].__exit__(None, None, None)
    with limits.stream("1.1.1.1"):
        assert limits.open_streams == 4 + 0


KEY = "the-key-of-a-partner-0123456789abcdef"
KEYED = Settings.model_validate({"requests_per_minute": 1, "environment": "production", "reader_api_keys": f"partner:{KEY}:3"})


async def test_a_reader_with_a_key_has_limits_of_their_own() -> None:
    async with serving(make_services(settings=KEYED)) as live:
        statuses = [(await live.ask(Authorization=f"Bearer {KEY}")).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        assert (await live.ask(X_API_Key=KEY)).status_code == 429
        assert (await live.ask()).status_code == 200
        assert (await live.ask(Authorization=f"Bearer {KEY[:-1]}")).status_code == 429


async def test_a_readers_key_opens_nothing_else() -> None:
    settings = Settings.model_validate({"admin_api_key": ADMIN_KEY, "reader_api_keys": f"partner:{KEY}:3"})
    async with serving(make_services(settings=settings)) as live:
        refused = await live.client.post("/ingest", headers={"X-API-Key": KEY})
    assert (refused.status_code, refused.json()["code"]) == (403, "key_wrong")


@pytest.mark.parametrize(
    "wrong",
    [
        "partner", f"partner:{KEY}", f":{KEY}:3", "partner:short:3", f"partner:{KEY}:0", f"partner:{KEY}:x",
        f"a:{KEY}:1,a:{KEY}:2",
    ],
)  # fmt: skip
def test_a_readers_key_that_is_none_is_refused_and_not_shown(wrong: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.read(reader_api_keys=wrong)
    assert str(refused.value).startswith("READER_API_KEYS is not shown; expected name:key:questions a minute")


def test_a_readers_key_never_reaches_the_log() -> None:
    assert KEY not in Redaction.of(KEYED).hide_text(f"the key {KEY} was sent")


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisProcess]:
    if PROGRAM is None:
        pytest.skip("redis-server is not installed")
    with RedisProcess() as process:
        yield process


async def is_refused(limits: RateLimits, client: str) -> bool:
    try:
        await limits.admit(client, "question")
    except RequestError as exc:
        return exc.code == "rate_limited"
    return False


async def test_processes_count_together_in_redis_and_alone_while_it_is_away(
    redis: RedisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REDIS_RETRY_S", 0.0)
    monkeypatch.setattr(limits, "REDIS_TIMEOUT_S", 20.0)
    settings = Settings.model_validate({"requests_per_minute": 2, "redis_url": redis.url})
    one, other = RateLimits(settings), RateLimits(settings)
    assert [await is_refused(each, "1.1.1.1") for each in (one, other, one, other)] == [False, False, True, True]
    assert not await is_refused(other, "2.2.2.2")
    redis.stop()
    assert [await is_refused(one, "1.1.1.1") for _ in range(3)] == [False, False, True]
    redis.start()
    assert [await is_refused(each, "1.1.1.1") for each in (one, other, one)] == [False, False, True]
    for each in (one, other):
        await each.aclose()
