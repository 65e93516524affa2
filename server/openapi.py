"""What `/openapi.json` says of each handler: the one place that talks to quart-schema's untyped decorators."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (quart-schema's decorators take models whose optional kinds, msgspec and attrs, are not installed and so unknown)

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel
from quart_schema import (
    OpenAPIProvider,
    document_querystring,
    document_request,
    document_response,
    security_scheme,
    tag,
)

Handler = TypeVar("Handler", bound=Callable[..., Any])


def documents(
    group: str,
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    status: int = 200,
    admin: bool = False,
) -> Callable[[Handler], Handler]:
    """Say what a handler takes and gives; it changes nothing of what it does."""

    def describe(handler: Handler) -> Handler:
        handler = tag([group])(handler)
        if body is not None:
            handler = document_request(body)(handler)
        if query is not None:
            handler = document_querystring(query)(handler)
        if answer is not None:
            handler = document_response(answer, status)(handler)
        if admin:
            handler = security_scheme([{"bearer": []}, {"api_key": []}])(handler)
        return handler

    return describe


class DescribedByPath(OpenAPIProvider):
    """One handler answers under several paths, so an operation is named after its path: ids must be unique."""

    def operation_id(self, method: str, path: str, func: Callable[..., Any]) -> str:  # noqa: ARG002  the provider's signature
        """E.g. `post_api_chat`."""
        words = path.replace("{", "").replace("}", "").strip("/").replace("/", "_")
        return f"{method.lower()}_{words or 'root'}"
