"""The OpenAI SDK's exceptions, made `ServiceError`: shared by the chat and the embedding adapter."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import openai

from shared.errors import Service, ServiceError

OUT_OF_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
"""Codes of a 429 that no waiting cures."""
LONGEST_PAUSE_S = 24 * 3600.0
"""An upstream that asks for more is taken to ask for this."""
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
_KEYS: dict[Service, str] = {"openai": "OPENAI_API_KEY", "embeddings": "EMBEDDING_API_KEY or OPENAI_API_KEY"}
_MODELS: dict[Service, str] = {"openai": "CHAT_MODEL", "embeddings": "EMBEDDING_MODEL"}


def translate(error: openai.OpenAIError, service: Service, *, address: str, model: str) -> ServiceError:
    """`error` as what the operator must know; raise it `from error`. It never holds the upstream's own words."""
    who = f"{address} ({model!r})"
    match error:
        case openai.APITimeoutError():
            return ServiceError(service, f"{who} did not answer in time.", transient=True, code="timeout")
        case openai.APIConnectionError():
            return ServiceError(service, f"The connection to {who} failed.", transient=True, code="connection")
        case openai.APIStatusError():
            return _from_status(error, service, who)
        case openai.APIError() if not isinstance(error, openai.APIResponseValidationError):
            code = _code_of(error) or "stream_error"
            message = f"{who} broke off with an error event ({code})."
            return ServiceError(service, message, transient=code not in OUT_OF_MONEY, code=code)
        case _:
            message = f"{who} sent something that is not an OpenAI answer ({type(error).__name__})."
            return ServiceError(service, message, transient=True, code="bad_response")


def _from_status(error: openai.APIStatusError, service: Service, who: str) -> ServiceError:
    status, code = error.status_code, _code_of(error)
    transient = (status in _TRANSIENT_STATUS or status >= 500) and code not in OUT_OF_MONEY
    hint = {
        401: f"; check {_KEYS.get(service)}",
        403: f"; may this key use {_MODELS.get(service)}?",
        404: f"; check {_MODELS.get(service)} and the base URL",
    }.get(status, "")
    return ServiceError(
        service,
        f"{who} answered {status}{f' ({code})' if code else ''}{hint}.",
        transient=transient,
        retry_after_s=_retry_after_s(error) if transient else None,
        code=code or str(status),
    )


def _code_of(error: openai.APIError) -> str | None:
    """The upstream's own code, where it is one: what else stands there is not repeated."""
    code: object = error.code
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _retry_after_s(error: openai.APIStatusError) -> float | None:
    """Seconds asked for by `retry-after-ms` (OpenAI's own) or `Retry-After` (RFC 9110 10.2.3: seconds or a date)."""
    headers = error.response.headers
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if value.replace(".", "", 1).isdecimal():
            return min(float(value) * unit_s, LONGEST_PAUSE_S)
        if value:
            try:
                when = parsedate_to_datetime(value)
            except (ValueError, OverflowError):
                return None
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
            return min(max(0.0, (when - datetime.now(UTC)).total_seconds()), LONGEST_PAUSE_S)
    return None
