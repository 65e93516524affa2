from __future__ import annotations

import pytest

from server.http.limits import RateLimits, client_of, is_loopback
from shared.errors import RequestError
from shared.settings import Settings


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
