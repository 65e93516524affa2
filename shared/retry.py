"""The one place where a failed call to a service is tried again, with a line in the log each time.

The logger is the standard library's `shared.retry`: the web process writes its lines as every other, the command line has them
on standard error, and Prefect keeps them with the run (PREFECT_LOGGING_EXTRA_LOGGERS in prefect.yaml).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from shared.errors import ServiceError

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller is willing to wait for a service to recover."""

    attempts: int
    """Calls in all, the first one included."""
    first_wait_s: float
    """Upper bound of the first pause; it doubles with every attempt."""
    longest_wait_s: float
    """Cap on any pause. A service that asks for more is not tried again: it would only refuse once more."""


IN_A_QUESTION = Patience(attempts=2, first_wait_s=0.2, longest_wait_s=1.0)
"""A reader is waiting, and there is an answer without this service."""
IN_AN_INGEST = Patience(attempts=10, first_wait_s=1.0, longest_wait_s=60.0)
"""Nobody is waiting: some minutes. OpenAI's rate limits count by the minute, and a server that was killed comes back."""


async def retry(
    call: Callable[[], Awaitable[T]], patience: Patience, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> T:
    """What `call` gives, tried again while it raises a transient `ServiceError`; the last error is raised as it is.

    A pause is what the service asked for, or else random between 0 and a bound that doubles (full jitter, so that many callers
    do not come back at once). `call` must be safe to repeat. Each failure that is followed by another attempt is logged.
    """
    exponential = wait_random_exponential(multiplier=patience.first_wait_s, max=patience.longest_wait_s)

    def may_help(error: BaseException) -> bool:
        return isinstance(error, ServiceError) and error.transient and (error.retry_after_s or 0.0) <= patience.longest_wait_s

    def pause_s(state: RetryCallState) -> float:
        asked = getattr(state.outcome and state.outcome.exception(), "retry_after_s", None)
        return exponential(state) if asked is None else asked + min(exponential(state), 1.0)

    def log_failure(state: RetryCallState) -> None:
        message = "%s Attempt %d of %d; the next one follows in %.1f s."
        error = state.outcome and state.outcome.exception()
        _log.warning(message, error, state.attempt_number, patience.attempts, state.upcoming_sleep)

    retrying = AsyncRetrying(
        retry=retry_if_exception(may_help),
        wait=pause_s,
        stop=stop_after_attempt(patience.attempts),
        before_sleep=log_failure,
        sleep=sleep,
        reraise=True,
    )

    async def attempt() -> T:  # tenacity awaits only what it can see is a coroutine function, which a lambda is not
        return await call()

    return await retrying(attempt)
