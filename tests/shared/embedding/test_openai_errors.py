"""The SDK's exceptions as the operator reads them; how they arise is in the adapters' tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import openai
import pytest

from shared.embedding.openai_errors import translate
from shared.errors import ServiceError

ADDRESS = "http://llm.test/v1"
REQUEST = httpx2.Request("POST", ADDRESS)


def from_status(status: int, code: str | None = None, headers: dict[str, str] | None = None) -> ServiceError:
    response = httpx2.Response(status, request=REQUEST, headers=headers)
    error = openai.APIStatusError("Upstream says sk-secret.", response=response, body={"code": code, "type": None})
    return translate(error, "embeddings", address=ADDRESS, model="m")


@pytest.mark.parametrize(
    ("status", "code", "transient", "named"),
    [
        (400, "context_length_exceeded", False, "context_length_exceeded"),
        (401, "invalid_api_key", False, "EMBEDDING_API_KEY"),
        (403, None, False, "EMBEDDING_MODEL"),
        (404, "model_not_found", False, "EMBEDDING_MODEL"),
        (408, None, True, "408"),
        (429, "rate_limit_exceeded", True, "429"),
        (429, "insufficient_quota", False, "insufficient_quota"),
        (500, None, True, "500"),
        (503, "overloaded", True, "503"),
    ],
)
def test_each_status_names_what_to_look_at_and_says_whether_to_try_again(
    status: int, code: str | None, transient: bool, named: str
) -> None:
    error = from_status(status, code)
    assert str(error).startswith(f"{ADDRESS} ('m') answered {status}")
    assert named in str(error)
    assert "sk-" not in str(error)
    assert (error.service, error.transient, error.code) == ("embeddings", transient, code or str(status))


def test_a_timeout_and_a_lost_connection_are_transient_and_quote_no_header() -> None:
    assert translate(openai.APITimeoutError(REQUEST), "openai", address=ADDRESS, model="m").transient
    lost = openai.APIConnectionError(request=REQUEST)
    lost.__cause__ = httpx2.LocalProtocolError("Illegal header value b'Bearer sk-secret\\n'")
    error = translate(lost, "openai", address=ADDRESS, model="m")
    assert error.transient
    assert "sk-" not in str(error)


def test_the_pause_an_upstream_asks_for_is_kept_only_where_trying_again_may_help() -> None:
    asked = {"retry-after": "7"}
    assert from_status(429, headers=asked).retry_after_s == 7.0
    assert from_status(429, "insufficient_quota", asked).retry_after_s is None
    assert from_status(401, headers=asked).retry_after_s is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert from_status(503, headers=headers).retry_after_s == seconds


def test_retry_after_as_a_date_is_counted_from_now() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(minutes=2), usegmt=True)
    seconds = from_status(503, headers={"retry-after": soon}).retry_after_s
    assert seconds is not None
    assert 60 < seconds <= 120
