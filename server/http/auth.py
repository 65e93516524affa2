"""Who a request comes from, and whether they may do what they ask."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from pydantic import SecretStr
from quart import Request

from server.http.limits import client_of, is_loopback
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
    if _host_of(origin) != request.host:
        raise _not_allowed()


def refuse_foreign_page(request: Request, settings: Settings) -> None:
    """Raise `RequestError` 403 when another site's page reads what costs money, by a `GET` that has no body to check.

    An image or a link carries no `Origin`; `Sec-Fetch-Site` tells them from a reader's own page.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        if request.headers.get("Sec-Fetch-Site", "none") in {"cross-site", "same-site"}:
            raise _not_allowed()
    elif origin not in settings.allowed_origins and _host_of(origin) != request.host:
        raise _not_allowed()


def _not_allowed() -> RequestError:
    return RequestError("origin_not_allowed", "This site may not use this service.", status=403)


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # `http://[x]`
        return ""


def require_admin(request: Request, settings: Settings) -> None:
    """Raise `RequestError` unless the request carries the admin key: 503 when none is set, 401 without, 403 with another."""
    if settings.admin_api_key is None:
        raise RequestError("ingest_closed", "Ingest over HTTP is closed: no ADMIN_API_KEY is set.", status=503)
    _require_key(request, settings.admin_api_key)


def require_metrics_key(request: Request, settings: Settings) -> None:
    """Raise `RequestError` unless the caller may read the metrics.

    That is: with METRICS_OPEN anyone, otherwise who carries METRICS_API_KEY or ADMIN_API_KEY, and the author at their own desk.
    """
    if settings.metrics_open or limited_client(request, settings) is None:
        return
    keys = [key for key in (settings.metrics_api_key, settings.admin_api_key) if key is not None]
    if not keys:
        message = "The metrics are closed: neither METRICS_API_KEY nor ADMIN_API_KEY is set, nor METRICS_OPEN."
        raise RequestError("metrics_closed", message, status=503)
    _require_key(request, *keys)


def _require_key(request: Request, *keys: SecretStr) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given = request.headers.get("X-API-Key") or (token.strip() if scheme.lower() == "bearer" else "")
    if not given:
        message = "Send the key as 'Authorization: Bearer' or 'X-API-Key'."
        raise RequestError("key_missing", message, status=401)
    if not any([hmac.compare_digest(given.encode(), key.get_secret_value().encode()) for key in keys]):  # noqa: C419  all of them
        raise RequestError("key_wrong", "That is not the key.", status=403)
