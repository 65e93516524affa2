"""Every failure as `application/problem+json` (RFC 9457): one table, one shape, and never the text of an exception.

    {"type": "urn:lectern:problem:<code>", "title", "status", "detail", "code", "request_id"}

`detail` is one sentence a reader can be shown.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

import structlog
from quart import Quart, Response, g, json
from werkzeug.exceptions import HTTPException

from shared.errors import NotBuiltError, RequestError, Service, ServiceError

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"


class Problem(NamedTuple):
    """What a caller is told about a failure."""

    status: int
    code: str
    detail: str
    retry_after_s: float | None = None
    retryable: bool = False
    """Whether the same request may succeed later."""


_UNAVAILABLE: dict[Service, tuple[str, str]] = {
    "openai": ("upstream_unavailable", "The model that writes the answers is out of reach. Please try again in a moment."),
    "embeddings": ("upstream_unavailable", "The search model is out of reach. Please try again in a moment."),
    "qdrant": ("index_unavailable", "The book's index is out of reach. Please try again in a moment."),
    "disk": ("index_unavailable", "The book's index cannot be read. Please try again in a moment."),
    "prefect": ("prefect_unavailable", "The ingest service is away. Answers go on from the last build; try again in a moment."),
}
_UNEXPECTED = Problem(500, "internal_error", "Something went wrong on our side. Please try again.", retryable=True)
_RETRY_S = 5.0
"""How soon to come back when a service does not say."""

_HTTP_CODES = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    408: ("request_timeout", "The request took too long to arrive."),
    413: ("too_large", "The request is too large."),
    415: ("unsupported_media_type", "Send JSON, with 'Content-Type: application/json'."),
}


def problem_of(error: BaseException) -> Problem:
    """The one table from errors to what a caller is told."""
    match error:
        case RequestError():
            return Problem(error.status, error.code, str(error), error.retry_after_s, retryable=error.status in {429, 503})
        case NotBuiltError():
            return Problem(
                503, "book_not_read", "The book has not been read yet. Please try again soon.", _RETRY_S, retryable=True
            )
        case ServiceError():
            return _of_service(error)
        case HTTPException():
            return _of_status(error.code or 500)
        case TimeoutError():
            return Problem(504, "timeout", "This took too long. Please try again.", _RETRY_S, retryable=True)
        case _:
            return _UNEXPECTED


def problem_response(problem: Problem) -> Response:
    """The problem as a response; only inside a request, which is told its code."""
    g.problem = problem.code
    body = {
        "type": f"urn:lectern:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": g.get("request_id", ""),
    }
    response = Response(json.dumps(body), problem.status, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    if problem.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, round(problem.retry_after_s)))
    return response


def install(app: Quart) -> None:
    """Answer every failure of `app` with a problem."""
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_error)


async def _on_http_error(error: HTTPException) -> Response:
    response = problem_response(problem_of(error))
    for name, value in error.get_headers():
        if name.lower() in {"allow", "location"}:
            response.headers[name] = value
    return response


async def _on_error(error: Exception) -> Response:
    report(error)
    problem = problem_of(error)
    response = problem_response(problem)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def report(error: BaseException) -> None:
    """Log a failure for the one who must act: what we did not expect with its trace, services with their own message."""
    match error:
        case RequestError() | NotBuiltError():
            log.info("refused", code=problem_of(error).code)
        case ServiceError():
            log.warning("service_failed", service=error.service, transient=error.transient, reason=str(error))
        case _:
            log.error("unexpected_error", exc_info=error)


def _of_service(error: ServiceError) -> Problem:
    code, detail = _UNAVAILABLE.get(error.service, (_UNEXPECTED.code, _UNEXPECTED.detail))
    status = HTTPStatus.SERVICE_UNAVAILABLE if error.transient else HTTPStatus.BAD_GATEWAY
    return Problem(status, code, detail, error.retry_after_s or _RETRY_S, retryable=error.transient)


def _of_status(status: int) -> Problem:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _UNEXPECTED
    code, detail = _HTTP_CODES.get(status, ("bad_request", "The request could not be understood."))
    return Problem(status, code, detail)
