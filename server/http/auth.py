"""Who a request comes from, and whether they may do what they ask."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from quart import Request

from server.http.access_tokens import AccessTokens, Scope
from server.http.limits import client_of, is_loopback, key_client
from shared.checks import reader_keys
from shared.errors import RequestError
from shared.settings import Settings

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_DOTS_OF_A_TOKEN = 2
"""Between its header, its claims and its signature."""


def peer_of(request: Request) -> str | None:
    """The socket's other end. Quart's `remote_addr` is a header of the same name first: it is not used."""
    scope = request.scope
    client = scope["client"] if "client" in scope else None  # noqa: SIM401  Quart's test client has none; pyright knows no `get`
    return client[0] if client else None


def limited_client(request: Request, settings: Settings) -> str | None:
    """What the limits are kept under: an address, or the name of a reader's key; None for the author at their own desk.

    That is: in development, from this machine, not through a proxy. A key that is none of ours says nothing: OpenAI's clients
    must send one.
    """
    forwarded_for = ",".join(request.headers.getlist("X-Forwarded-For"))
    peer = peer_of(request)
    if settings.environment == "development" and not forwarded_for and is_loopback(peer):
        return None
    given = credential_of(request).encode()
    names = [one.name for one in reader_keys(settings.reader_api_keys) if hmac.compare_digest(given, one.key.encode())]
    return key_client(names[0]) if names else client_of(peer, forwarded_for, settings.trusted_hops)


def refuse_foreign_origin(request: Request, settings: Settings) -> None:
    """Raise `RequestError` 403 when another site's page wants to change something: CORS alone does not stop it from running."""
    origin = request.headers.get("Origin")
    if origin is None or request.method in _SAFE_METHODS or origin in settings.allowed_origins:
        return
    if not _is_own(origin, request):
        raise _not_allowed()


def refuse_foreign_page(request: Request, settings: Settings) -> None:
    """Raise `RequestError` 403 when another site's page reads what costs money, by a `GET` that has no body to check.

    An image or a link carries no `Origin`; `Sec-Fetch-Site` tells them from a reader's own page.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        if request.headers.get("Sec-Fetch-Site", "none") in {"cross-site", "same-site"}:
            raise _not_allowed()
    elif origin not in settings.allowed_origins and not _is_own(origin, request):
        raise _not_allowed()


def _not_allowed() -> RequestError:
    return RequestError("origin_not_allowed", "This site may not use this service.", status=403)


def _is_own(origin: str, request: Request) -> bool:
    """Whether a page of that origin came from the host that is asked; `null`, of a sandboxed frame, comes from nowhere."""
    try:
        host = urlsplit(origin).netloc
    except ValueError:  # `http://[x]`
        return False
    return bool(host) and host == request.host


_CLOSED: dict[Scope, tuple[str, str]] = {
    "ingest": ("ingest_closed", "Ingest over HTTP is closed: no ADMIN_API_KEY is set."),
    "content": ("content_closed", "Changing the content is closed: no ADMIN_API_KEY is set."),
    "history": ("history_closed", "Reading every conversation is closed: no ADMIN_API_KEY is set."),
    "metrics": (
        "metrics_closed",
        "The metrics are closed: no METRICS_API_KEY, ADMIN_API_KEY or METRICS_OPEN is set.",
    ),
}


class Access:
    """Who may do what only the author may: who carries ADMIN_API_KEY, or a token of that scope.

    The metrics are also for METRICS_API_KEY, for the author at their own desk, and with METRICS_OPEN for anyone.
    """

    def __init__(self, settings: Settings, tokens: AccessTokens | None = None) -> None:
        """`tokens`: those of the settings."""
        self._settings = settings
        self._tokens = tokens or AccessTokens(settings)

    async def require(self, request: Request, scope: Scope) -> None:
        """Raise `RequestError` unless the caller may.

        503 where nothing in the settings could open it, 401 without a key or with a token that is not valid, 403 with
        another key or a token for something else.
        """
        settings = self._settings
        if scope == "metrics" and (settings.metrics_open or limited_client(request, settings) is None):
            return
        ours = (settings.admin_api_key, settings.metrics_api_key if scope == "metrics" else None)
        keys = [key.get_secret_value().encode() for key in ours if key is not None]
        if not keys and not self._tokens.are_accepted:
            code, message = _CLOSED[scope]
            raise RequestError(code, message, status=503)
        given = credential_of(request)
        if not given:
            message = "Send the key as 'Authorization: Bearer' or 'X-API-Key'."
            raise RequestError("key_missing", message, status=401)
        if any([hmac.compare_digest(given.encode(), key) for key in keys]):  # noqa: C419  all of them
            return
        if not self._tokens.are_accepted or given.count(".") != _DOTS_OF_A_TOKEN:
            raise RequestError("key_wrong", "That is not the key.", status=403)
        if scope not in await self._tokens.read(given):
            raise RequestError("scope_missing", f"The token does not have the scope '{scope}'.", status=403)


def credential_of(request: Request) -> str:
    """The key or the token a request carries; '' when none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return request.headers.get("X-API-Key") or (token.strip() if scheme.lower() == "bearer" else "")
