"""What a caller is told about a failure: one table, and never the text of an exception."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

import structlog
from werkzeug.exceptions import HTTPException

from shared.errors import NotBuiltError, RequestError, Service, ServiceError

log = structlog.get_logger(__name__)


class ProblemDetails(NamedTuple):
    """What a caller is told about a failure."""

    status: int
    code: str
    detail: str
    """One sentence a reader can be shown."""
    retry_after_s: float | None = None
    retryable: bool = False
    """Whether the same request may succeed later."""


_UNAVAILABLE: dict[Service, tuple[str, str]] = {
    "openai": ("upstream_unavailable", "The model that writes the answers is out of reach. Please try again in a moment."),
    "embeddings": ("upstream_unavailable", "The search model is out of reach. Please try again in a moment."),
    "qdrant": ("index_unavailable", "The book's index is out of reach. Please try again in a moment."),
    "disk": ("index_unavailable", "The book's index cannot be read. Please try again in a moment."),
    "database": ("history_unavailable", "Earlier conversations are out of reach. Please try again in a moment."),
    "redis": ("redis_unavailable", "A service that only saves time is out of reach. Please try again in a moment."),
    "keys": ("keys_unavailable", "The keys that tokens are signed with are out of reach. Please try again in a moment."),
    "prefect": ("prefect_unavailable", "The ingest service is away. Answers go on from the last build; try again in a moment."),
}
_UNEXPECTED = ProblemDetails(500, "internal_error", "Something went wrong on our side. Please try again.", retryable=True)
_RETRY_S = 5.0
"""How soon to come back when a service does not say."""

_HTTP_CODES = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take that method."),
    408: ("request_timeout", "The request took too long to arrive."),
    413: ("too_large", "The request is too large."),
    415: ("unsupported_media_type", "Send JSON, with 'Content-Type: application/json'."),
    431: ("headers_too_large", "The headers of the request are too large."),
    501: ("transfer_not_supported", "Send a body with its length, or in chunks."),
}


def problem_of(error: BaseException) -> ProblemDetails:
    """The one table from errors to what a caller is told."""
    match error:
        case RequestError():
            return ProblemDetails(
                error.status, error.code, str(error), error.retry_after_s, retryable=error.status in {429, 503}
            )
        case NotBuiltError():
            return ProblemDetails(
                503, "book_not_read", "The book has not been read yet. Please try again soon.", _RETRY_S, retryable=True
            )
        case ServiceError():
            return _of_service(error)
        case HTTPException():
            return problem_of_status(error.code or 500)
        case TimeoutError():
            return ProblemDetails(504, "timeout", "This took too long. Please try again.", _RETRY_S, retryable=True)
        case _:
            return _UNEXPECTED


def log_failure(error: BaseException) -> None:
    """Log a failure for the one who must act: what we did not expect with its trace, services with their own message."""
    match error:
        case RequestError() | NotBuiltError():
            log.info("refused", code=problem_of(error).code)
        case ServiceError():
            log.warning("service_failed", service=error.service, transient=error.transient, reason=str(error))
        case TimeoutError():
            log.warning("took_too_long", code=problem_of(error).code)
        case _:
            log.error("unexpected_error", exc_info=error)


def _of_service(error: ServiceError) -> ProblemDetails:
    code, detail = _UNAVAILABLE.get(error.service, (_UNEXPECTED.code, _UNEXPECTED.detail))
    status = HTTPStatus.SERVICE_UNAVAILABLE if error.transient else HTTPStatus.BAD_GATEWAY
    return ProblemDetails(status, code, detail, error.retry_after_s or _RETRY_S, retryable=error.transient)


def problem_of_status(status: int) -> ProblemDetails:
    """What a caller is told of a refusal that has nothing but a status."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _HTTP_CODES:
        return _UNEXPECTED
    code, detail = _HTTP_CODES.get(status, _HTTP_CODES[400])
    return ProblemDetails(status, code, detail)


MEANINGS = {
    "bad_request": "No decent HTTP request.",
    "not_found": "There is nothing at that address.",
    "method_not_allowed": "The address takes another method; `Allow` names it.",
    "request_timeout": "The body did not arrive in time.",
    "too_large": "The body is larger than what is taken.",
    "unsupported_media_type": "The body is not declared as JSON.",
    "headers_too_large": "The headers are larger than what is taken, 64 KiB.",
    "transfer_not_supported": "A transfer encoding other than `chunked`.",
    "malformed_json": "The body is no JSON object in UTF-8, or holds NUL.",
    "answer_not_running": "The answer to be stopped is over, or there was none of that id.",
    "question_missing": "No question, or no query, was sent.",
    "question_too_long": "The question or the query is too long.",
    "selection_missing": "No selected text was sent to `/chat/selection`.",
    "invalid_field": "A field or a parameter holds what it must not.",
    "unknown_field": "A field that `/ingest` does not know.",
    "origin_not_allowed": "The page that sent it is of a site that is not in `ALLOWED_ORIGINS`.",
    "key_missing": "It needs a key.",
    "key_wrong": "That is not the key.",
    "token_invalid": "The token has expired, or was not made for this Lectern.",
    "scope_missing": "The token is good, but not for this.",
    "keys_unavailable": "`JWT_JWKS` does not answer, or holds no keys.",
    "content_closed": "As `ingest_closed`.",
    "history_closed": "As `ingest_closed`.",
    "rate_limited": "The reader, or all readers together, asked too often.",
    "too_many_streams": "The reader has too many answers on their way.",
    "busy": "All readers together have.",
    "shutting_down": "The process is on its way down.",
    "book_not_read": "No build is live yet; `/health` says why.",
    "upstream_unavailable": "The chat model or the embedding model failed.",
    "index_unavailable": "The index failed.",
    "history_unavailable": "The database of conversations failed; questions are answered without it.",
    "redis_unavailable": "Redis does not answer; answers are kept in memory until it does.",
    "history_off": "`DATABASE_URL=none`: nothing is remembered.",
    "book_not_found": "BOOKS names no such book.",
    "questions_not_kept": "`KEEP_QUESTIONS` is 0, or nothing is remembered: there is nothing to report on.",
    "conversation_not_found": "There is no conversation of that id, or the id is no key.",
    "answer_not_followed": "`/why` knows the last `EXPLAIN_ANSWERS` answers of the process asked, for an hour.",
    "message_not_found": "There is no answer of that id.",
    "prefect_unavailable": "Prefect does not answer, or the deployment is not there yet.",
    "ingest_closed": "Nothing is set that opens it: `ADMIN_API_KEY`, `JWT_SECRET` or `JWT_JWKS`.",
    "ingest_running": "Another ingest, of the other kind, is on its way.",
    "book_read_elsewhere": "`BOOK_SOURCE=none`: no book is read here.",
    "page_not_found": "There is no page of that path in the index.",
    "page_not_taken": "The run that was to edit a page failed; its message says why, and what is live is as it was.",
    "run_not_found": "There is no ingest of that id.",
    "run_over": "That ingest is over and cannot be cancelled.",
    "metrics_closed": "No key for the metrics is set, and they are not open.",
    "timeout": "The search took too long.",
    "deadline_exceeded": "The answer took too long and was cut off.",
    "content_filtered": "The model's content filter withheld the rest of the answer.",
    "connection_lost": "The reader's connection broke; told when the answer is taken up again.",
    "internal_error": "A fault of Lectern's: the log has it under the request's id.",
}
"""What each code means to an operator; rendered in `docs/operating.md`, and a test finds every code used here."""
