"""JSON in and out."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from quart import Request, Response
from quart_schema import RequestSchemaValidationError
from werkzeug.exceptions import UnsupportedMediaType

from server.http.requests import read_json

Shape = TypeVar("Shape", bound=BaseModel)


async def read_body(request: Request) -> bytes:
    """The raw body of a JSON request; an absent content type is taken for JSON.

    Raises werkzeug's 413 and 408 (Quart's caps on size and time) and 415.
    """
    if request.mimetype and not request.is_json:
        raise UnsupportedMediaType
    body = await request.get_data(as_text=False)
    return body if isinstance(body, bytes) else body.encode()


async def read_body_as(model: type[Shape], request: Request) -> Shape:
    """The body as `model`; an empty one has every default.

    quart-schema's `validate_request` would refuse a body without a content type, and lets NUL and half surrogates pass.
    """
    raw = await read_body(request)
    try:
        return model.model_validate(read_json(raw) if raw.strip() else {})
    except ValidationError as exc:
        raise RequestSchemaValidationError(exc) from exc


def json_response(value: BaseModel, status: int = 200, **headers: str) -> Response:
    """A model as a JSON response; `Cache_Control="no-store"` becomes `Cache-Control`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(value.model_dump_json(), status, named, content_type="application/json")
