"""What is tried again, after how long, and what is not."""

from __future__ import annotations

import pytest

from shared.errors import ServiceError
from shared.retry import IN_A_QUESTION, IN_AN_INGEST, Patience, retry


class Service:
    """Raises the errors given, one per call, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0
        self.pauses_s: list[float] = []

    async def call(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    async def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)

    async def ask(self, patience: Patience) -> str:
        return await retry(lambda: self.call(), patience, sleep=self.sleep)  # noqa: PLW0108  callers pass lambdas


def failure(*, transient: bool = True, retry_after_s: float | None = None) -> ServiceError:
    return ServiceError("openai", "It failed.", transient=transient, retry_after_s=retry_after_s)


async def test_a_transient_failure_is_tried_again() -> None:
    service = Service(failure(), failure())
    assert await service.ask(IN_AN_INGEST) == "answer"
    assert service.calls == 3


async def test_a_lasting_failure_is_not() -> None:
    service = Service(failure(transient=False))
    with pytest.raises(ServiceError):
        await service.ask(IN_AN_INGEST)
    assert service.calls == 1


async def test_another_error_is_not() -> None:
    service = Service(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await service.ask(IN_AN_INGEST)
    assert service.calls == 1


@pytest.mark.parametrize("patience", [IN_A_QUESTION, IN_AN_INGEST])
async def test_the_last_error_is_raised_when_patience_runs_out(patience: Patience) -> None:
    errors = [failure() for _ in range(10)]
    service = Service(*errors)
    with pytest.raises(ServiceError) as raised:
        await service.ask(patience)
    assert raised.value is errors[patience.attempts - 1]
    assert service.calls == patience.attempts


async def test_pauses_grow_are_random_and_stay_under_the_cap() -> None:
    bounds = [1.0, 2.0, 4.0, 8.0, 16.0]
    runs: list[list[float]] = []
    for _ in range(20):
        service = Service(*[failure() for _ in range(5)])
        await service.ask(IN_AN_INGEST)
        runs.append(service.pauses_s)
        assert all(0 <= pause <= bound for pause, bound in zip(service.pauses_s, bounds, strict=True))
    assert len({tuple(run) for run in runs}) == 20


async def test_a_pause_the_service_asked_for_is_kept() -> None:
    service = Service(failure(retry_after_s=20.0))
    await service.ask(IN_AN_INGEST)
    assert 20.0 <= service.pauses_s[0] <= 21.0


async def test_a_service_that_asks_for_more_than_the_cap_is_not_tried_again() -> None:
    service = Service(failure(retry_after_s=IN_AN_INGEST.longest_wait_s + 1))
    with pytest.raises(ServiceError):
        await service.ask(IN_AN_INGEST)
    assert (service.calls, service.pauses_s) == (1, [])


async def test_each_failure_that_is_followed_by_another_attempt_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    service = Service(failure(retry_after_s=2.0), failure(retry_after_s=20.0))
    await service.ask(IN_AN_INGEST)
    pauses = [f"{pause:.1f}" for pause in service.pauses_s]
    assert [(each.name, each.levelname, each.message) for each in caplog.records] == [
        ("shared.retry", "WARNING", f"It failed. Attempt 1 of {IN_AN_INGEST.attempts}; the next one follows in {pauses[0]} s."),
        ("shared.retry", "WARNING", f"It failed. Attempt 2 of {IN_AN_INGEST.attempts}; the next one follows in {pauses[1]} s."),
    ]


async def test_a_failure_that_is_raised_is_no_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ServiceError):
        await Service(failure(transient=False)).ask(IN_AN_INGEST)
    assert caplog.records == []
