"""Every failure as `application/problem+json` (RFC 9457), in one shape.

{"type": "urn:lectern:problem:<code>", "title", "status", "detail", "code", "request_id"}
"""

from __future__ import annotations

from http import HTTPStatus

from pydantic import BaseModel, Field, ValidationError
from quart import Quart, Response, g, json
from quart_schema import RequestSchemaValidationError
from werkzeug.exceptions import HTTPException

from server.problems import ProblemDetails, log_failure, problem_of
from shared.errors import RequestError

CONTENT_TYPE = "application/problem+json"


class ProblemBody(BaseModel):
    """A failure, after RFC 9457."""

    type: str = Field(description="`urn:lectern:problem:` and the code.")
    title: str
    status: int
    detail: str = Field(description="One sentence a reader can be shown.")
    code: str = Field(description="Stable snake_case name.")
    request_id: str = Field(description="What the log calls this request; also in `X-Request-ID`.")


def problem_body(problem: ProblemDetails, request_id: str) -> dict[str, object]:
    """What a `ProblemBody` holds."""
    return {
        "type": f"urn:lectern:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
    }


def problem_response(problem: ProblemDetails) -> Response:
    """The problem as a response; only inside a request, which is told its code."""
    g.problem = problem.code
    body = json.dumps(problem_body(problem, g.get("request_id", "")))
    response = Response(body, problem.status, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    if problem.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, round(problem.retry_after_s)))
    return response


def install(app: Quart) -> None:
    """Answer every failure of `app` with a problem."""
    app.register_error_handler(HTTPException, respond_to)
    app.register_error_handler(Exception, respond_to)


async def respond_to(error: Exception) -> Response:
    """Any failure as a response, logged where it is ours."""
    if isinstance(error, RequestSchemaValidationError):
        error = _refusal_of(error.validation_error)
    problem = problem_of(error)
    response = problem_response(problem)
    if isinstance(error, HTTPException):
        for name, value in error.get_headers():
            if name.lower() in {"allow", "location"}:
                response.headers[name] = value
        return response
    log_failure(error)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _refusal_of(error: Exception) -> RequestError:
    """What a shape was not met by, in our words."""
    if not isinstance(error, ValidationError):
        return RequestError("invalid_field", "A field of the request is not what it should be.")
    first = error.errors(include_url=False, include_input=False)[0]
    field = first["loc"][0] if first["loc"] else "?"
    if first["type"] == "extra_forbidden":
        return RequestError("unknown_field", f"Unknown field {field!r}.")
    return RequestError("invalid_field", f"{field!r}: {first['msg'][:1].lower()}{first['msg'][1:]}.")
