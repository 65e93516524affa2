"""Who may call a handler and how often, written on the handler; `server/app.py` sees to it before every request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from quart import Request
from quart_schema import security_scheme  # pyright: ignore[reportUnknownVariableType]  its optional kinds of models

from server.http.auth import limited_client, require_admin, require_metrics_key
from server.http.limits import RateLimits, RequestKind
from server.http.openapi import Handler
from shared.settings import Settings

_POLICY = "_lectern_policy"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a request has to pass before its handler is called."""

    limit: RequestKind | None = None
    """The limit it counts under; None: without."""
    key: Literal["admin", "metrics"] | None = None
    """The key it has to carry."""

    async def admit(self, request: Request, settings: Settings, limits: RateLimits) -> None:
        """Raise `RequestError` where the request may not pass: 429 first, then 401, 403 and 503."""
        if self.limit is not None:
            await limits.admit(limited_client(request, settings), self.limit)
        if self.key == "admin":
            require_admin(request, settings)
        elif self.key == "metrics":
            require_metrics_key(request, settings)


def limited(kind: RequestKind) -> Callable[[Handler], Handler]:
    """Each request counts under this limit."""
    return lambda handler: _set(handler, limit=kind)


def unlimited(handler: Handler) -> Handler:
    """It costs nothing, or whoever watches us must never be turned away: no limit."""
    return _set(handler, limit=None)


def key_needed(key: Literal["admin", "metrics"]) -> Callable[[Handler], Handler]:
    """Each request carries that key."""
    return lambda handler: _set(security_scheme([{"bearer": []}, {"api_key": []}])(handler), key=key)


def policy_of(handler: Callable[..., Any]) -> Policy:
    """What its decorators say; raises `LookupError` where none says whether it has a limit."""
    try:
        return getattr(handler, _POLICY)
    except AttributeError:
        raise LookupError(f"{handler!r} is neither `limited` nor `unlimited`.") from None


def _set(handler: Handler, **what: Any) -> Handler:
    setattr(handler, _POLICY, replace(getattr(handler, _POLICY, Policy()), **what))
    return handler
