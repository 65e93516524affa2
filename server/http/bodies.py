"""Bodies: JSON in and out, and what becomes of one that nobody reads."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from http import HTTPStatus
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from quart import Request, Response
from quart_schema import RequestSchemaValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout, UnsupportedMediaType

from server.http.requests import read_json
from shared.errors import RequestError

Shape = TypeVar("Shape", bound=BaseModel)


TEXT_KINDS = ("text/markdown", "text/x-markdown", "text/plain")
"""Content types of a page's Markdown."""
SETTLE_S = 1.0
"""How long an answer waits for the rest of a request that it does not need."""


async def settle_body(request: Request, response: Response) -> Response:
    """The response, once the request has arrived as a whole; where it does not, it says that the connection ends.

    Hypercorn closes a connection whose request is not all there when it is answered, as one refused at its headers. A client
    that is not told so sends its next request into the closed connection, and fails.
    """
    try:
        if response.status_code == HTTPStatus.REQUEST_TIMEOUT:
            raise TimeoutError
        async with asyncio.timeout(SETTLE_S):
            await request.body
    except (RequestEntityTooLarge, TimeoutError):
        if request.http_version != "2":  # where that header must not be: each request is a stream of its own
            response.headers["Connection"] = "close"
    return response


async def read_body(request: Request, *, kinds: Collection[str] = ()) -> bytes:
    """The raw body of a request in JSON, or in one of `kinds` too; an absent content type is taken for JSON.

    Raises werkzeug's 413 and 408 (Quart's caps on size and time) and 415. Not `request.get_data`: on Python 3.11 its
    `asyncio.wait_for` swallows the cancellation for a reader who leaves as the body is complete, and nobody cancels twice.
    """
    if request.mimetype and not request.is_json and request.mimetype not in kinds:
        raise UnsupportedMediaType
    try:
        async with asyncio.timeout(request.body_timeout):
            return await request.body
    except TimeoutError:
        raise RequestTimeout from None


async def read_body_as(model: type[Shape], request: Request) -> Shape:
    """The body as `model`; an empty one has every default.

    quart-schema's `validate_request` would refuse a body without a content type, and lets NUL and half surrogates pass.
    """
    raw = await read_body(request)
    try:
        return model.model_validate(read_json(raw) if raw.strip() else {})
    except ValidationError as exc:
        raise RequestSchemaValidationError(exc) from exc


def read_number(arguments: MultiDict[str, str], name: str, otherwise: int, *, least: int = 0, most: int) -> int:
    """A parameter of the address that is a whole number in plain digits. Raises `RequestError`."""
    text = arguments.get(name, str(otherwise))
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not (is_number and least <= int(text) <= most):
        raise RequestError("invalid_field", f"{name!r} must be a whole number from {least} to {most}.")
    return int(text)


def json_response(value: BaseModel, status: int = 200, **headers: str) -> Response:
    """A model as a JSON response; `Cache_Control="no-store"` becomes `Cache-Control`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(value.model_dump_json(), status, named, content_type="application/json")
