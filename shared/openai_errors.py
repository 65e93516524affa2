"""The openai SDK's exceptions as `ServiceError`s, for every adapter that talks through it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import openai

from shared.errors import Service, ServiceError

_NOT_TRANSIENT_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
"""429s that only money cures."""
_TRANSIENT_STATUSES = frozenset({408, 409, 425, 429})
"""Below 500; every 5xx is transient too."""
_QUOTED_CHARS = 200
"""Of an upstream's own message."""


def translate(exc: openai.OpenAIError, service: Service, *, address: str, model: str) -> ServiceError:
    """What went wrong at `address`, as a sentence for the operator; keys and upstream bodies stay out of it."""
    if isinstance(exc, openai.APITimeoutError):
        return ServiceError(service, f"{address} did not answer in time.", transient=True, code="timeout")
    if isinstance(exc, openai.APIStatusError):
        return _translate_status(exc, service, address, model)
    if isinstance(exc, openai.APIConnectionError):
        return ServiceError(service, f"Cannot reach {address}: {exc.__cause__ or exc}.", transient=True, code="connection")
    return ServiceError(service, f"{address} failed: {type(exc).__name__}.", transient=False)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds an upstream asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    given = headers.get("retry-after")
    if given is None or _number(given) is not None:
        return _number(given)
    try:
        return max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _translate_status(exc: openai.APIStatusError, service: Service, address: str, model: str) -> ServiceError:
    status, code = exc.status_code, exc.code or exc.type
    transient = (status in _TRANSIENT_STATUSES or status >= 500) and code not in _NOT_TRANSIENT_CODES
    return ServiceError(
        service,
        _sentence(exc, address, model, code),
        transient=transient,
        retry_after_s=retry_after_s(exc.response.headers) if transient else None,
        code=code or str(status),
    )


def _sentence(exc: openai.APIStatusError, address: str, model: str, code: str | None) -> str:
    match exc.status_code:
        case 401 | 403:
            return f"{address} refused the API key ({exc.status_code})."
        case 404:
            return f"{address} has no model {model!r}, or is not the address of an OpenAI-compatible API (404)."
        case 429 if code in _NOT_TRANSIENT_CODES:
            return f"The account at {address} has no credit left ({code})."
        case 429:
            return f"{address} asks to slow down (429)."
        case status if status >= 500:
            return f"{address} is failing ({status})."
        case status:
            return f"{address} refused the request ({status}): {exc.message[:_QUOTED_CHARS]}"


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) and number >= 0 else None
