"""Who a request comes from, and whether they may do what they ask."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from quart import Request

from server.limits import client_of, is_loopback
from shared.errors import RequestError
from shared.settings import Settings

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def peer_of(request: Request) -> str | None:
    """The socket's other end. Quart's `remote_addr` is a header of the same name first: it is not used."""
    client = request.scope["client"]
    return client[0] if client else None


def limited_client(request: Request, settings: Settings) -> str | None:
    """The address the limits are kept under; None for the author at their own desk.

    That is: in development, from this machine, not through a proxy.
    """
    forwarded_for = ",".join(request.headers.getlist("X-Forwarded-For"))
    peer = peer_of(request)
    if settings.environment == "development" and not forwarded_for and is_loopback(peer):
        return None
    return client_of(peer, forwarded_for, settings.trusted_hops)


def refuse_foreign_origin(request: Request, settings: Settings) -> None:
    """Raise `RequestError` 403 when another site's page wants to change something: CORS alone does not stop it from running."""
    origin = request.headers.get("Origin")
    if origin is None or request.method in _SAFE_METHODS or origin in settings.allowed_origins:
        return
    if urlsplit(origin).netloc != request.host:
        raise RequestError("origin_not_allowed", "This site may not use this service.", status=403)


def require_admin(request: Request, settings: Settings) -> None:
    """Raise `RequestError` unless the request carries the admin key: 503 when none is set, 401 without, 403 with another."""
    if settings.admin_api_key is None:
        raise RequestError("ingest_closed", "Ingest over HTTP is closed: no ADMIN_API_KEY is set.", status=503)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given = request.headers.get("X-API-Key") or (token.strip() if scheme.lower() == "bearer" else "")
    if not given:
        message = "Send the admin key as 'Authorization: Bearer' or 'X-API-Key'."
        raise RequestError("key_missing", message, status=401)
    if not hmac.compare_digest(given.encode(), settings.admin_api_key.get_secret_value().encode()):
        raise RequestError("key_wrong", "That is not the admin key.", status=403)
