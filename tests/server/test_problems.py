from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from werkzeug.exceptions import BadGateway, NotFound

from server.problems import ProblemDetails, log_failure, problem_of
from shared.errors import BookError, NotBuiltError, RequestError, ServiceError


@pytest.mark.parametrize(
    ("error", "status", "code", "retryable"),
    [
        (RequestError("question_missing", "Ask."), 400, "question_missing", False),
        (RequestError("rate_limited", "Wait.", status=429, retry_after_s=3), 429, "rate_limited", True),
        (NotBuiltError("secret"), 503, "book_not_read", True),
        (ServiceError("openai", "secret", transient=True), 503, "upstream_unavailable", True),
        (ServiceError("embeddings", "secret", transient=False), 502, "upstream_unavailable", False),
        (ServiceError("qdrant", "secret", transient=True), 503, "index_unavailable", True),
        (ServiceError("disk", "secret", transient=False), 502, "index_unavailable", False),
        (ServiceError("prefect", "secret", transient=True), 503, "prefect_unavailable", True),
        (ServiceError("git", "secret", transient=True), 503, "internal_error", True),
        (TimeoutError("secret"), 504, "timeout", True),
        (NotFound("secret"), 404, "not_found", False),
        (BadGateway("secret"), 500, "internal_error", True),
        (BookError("secret"), 500, "internal_error", True),
        (KeyError("secret"), 500, "internal_error", True),
    ],
)
def test_every_error_has_a_status_a_code_and_a_sentence(error: Exception, status: int, code: str, *, retryable: bool) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code, problem.retryable) == (status, code, retryable)
    assert "secret" not in problem.detail


def test_a_caller_is_told_what_the_service_asked_for() -> None:
    assert problem_of(ServiceError("openai", "x", transient=True, retry_after_s=17.0)).retry_after_s == 17.0
    assert isinstance(problem_of(RequestError("x", "y", retry_after_s=2.0)), ProblemDetails)


@pytest.mark.parametrize(
    ("error", "level", "event"),
    [
        (RequestError("x", "y"), "info", "refused"),
        (ServiceError("qdrant", "Timed out.", transient=True), "warning", "service_failed"),
        (TimeoutError(), "warning", "took_too_long"),
        (KeyError("z"), "error", "unexpected_error"),
    ],
)
def test_the_operator_is_told_what_the_caller_is_not(error: Exception, level: str, event: str) -> None:
    with capture_logs() as lines:
        log_failure(error)
    assert (lines[0]["log_level"], lines[0]["event"]) == (level, event)
