"""JSON in and out."""

from __future__ import annotations

from pydantic import BaseModel
from quart import Request, Response
from werkzeug.exceptions import UnsupportedMediaType


async def read_body(request: Request) -> bytes:
    """The raw body of a JSON request; an absent content type is taken for JSON.

    Raises werkzeug's 413 and 408 (Quart's caps on size and time) and 415.
    """
    if request.mimetype and not request.is_json:
        raise UnsupportedMediaType
    body = await request.get_data(as_text=False)
    return body if isinstance(body, bytes) else body.encode()


def json_response(value: BaseModel, status: int = 200, **headers: str) -> Response:
    """A model as a JSON response; `Cache_Control="no-store"` becomes `Cache-Control`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(value.model_dump_json(), status, named, content_type="application/json")
