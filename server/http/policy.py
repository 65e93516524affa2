"""Who may call a handler and how often, written on the handler; `server/app.py` sees to it before every request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from quart import Request
from quart_schema import security_scheme  # pyright: ignore[reportUnknownVariableType]  its optional kinds of models

from server.http.access_tokens import Scope
from server.http.auth import Access, limited_client
from server.http.limits import RateLimits, RequestKind
from server.http.openapi import Handler
from shared.settings import Settings

_POLICY = "_lectern_policy"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a request has to pass before its handler is called."""

    limit: RequestKind | None = None
    """The limit it counts under; None: without."""
    scope: Scope | None = None
    """What it has to carry the author's key for, or a token."""

    async def admit(self, request: Request, settings: Settings, limits: RateLimits, access: Access) -> None:
        """Raise `RequestError` where the request may not pass: 429 first, then 401, 403 and 503."""
        if self.limit is not None:
            await limits.admit(limited_client(request, settings), self.limit)
        if self.scope is not None:
            await access.require(request, self.scope)


def limited(kind: RequestKind) -> Callable[[Handler], Handler]:
    """Each request counts under this limit."""
    return lambda handler: _set(handler, limit=kind)


def unlimited(handler: Handler) -> Handler:
    """It costs nothing, or whoever watches us must never be turned away: no limit."""
    return _set(handler, limit=None)


def scope_needed(scope: Scope) -> Callable[[Handler], Handler]:
    """Each request carries the author's key, or a token of that scope."""
    return lambda handler: _set(security_scheme([{"bearer": []}, {"api_key": []}])(handler), scope=scope)


def policy_of(handler: Callable[..., Any]) -> Policy:
    """What its decorators say; raises `LookupError` where none says whether it has a limit."""
    try:
        return getattr(handler, _POLICY)
    except AttributeError:
        raise LookupError(f"{handler!r} is neither `limited` nor `unlimited`.") from None


def _set(handler: Handler, **what: Any) -> Handler:
    setattr(handler, _POLICY, replace(getattr(handler, _POLICY, Policy()), **what))
    return handler
