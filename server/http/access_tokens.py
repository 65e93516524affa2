"""JSON web tokens (RFC 7519) that open a part of what ADMIN_API_KEY opens: signed by us, or by an identity provider.

The algorithm follows from the setting a key stands in, never from the token alone (RFC 8725, 3.1): HS256 for JWT_SECRET, RS256
and ES256 for the keys of JWT_JWKS. PyJWT, with its 9 MB of cryptography, is loaded at the first token.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args
from uuid import uuid4

import httpx
import structlog

from shared.errors import ConfigurationError, RequestError, ServiceError
from shared.settings import Settings

if TYPE_CHECKING:
    import jwt

log = structlog.get_logger(__name__)

Scope = Literal["ingest", "content", "metrics", "history"]
"""What only the author may do: read the book again, change what is shown beside it, count, read every conversation."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
LEEWAY_S = 30
"""Clocks of two machines may differ by this much."""
KEYS_AGE_S = 300.0
"""How old the keys of JWT_JWKS may be."""
KEYS_PAUSE_S = 10.0
"""Between two looks, whatever came of the first: anyone can name a key that does not exist."""
KEYS_TIMEOUT_S = 5.0


class AccessTokens:
    """Says what a token allows."""

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport`: how JWT_JWKS is fetched."""
        self._secret = settings.jwt_secret
        self._keys = _PublicKeys(settings.jwt_jwks, transport) if settings.jwt_jwks else None
        self._claims: dict[str, Any] = {"audience": settings.jwt_audience, "issuer": settings.jwt_issuer, "leeway": LEEWAY_S}

    @property
    def are_accepted(self) -> bool:
        """Whether the settings know a key to check one with."""
        return self._secret is not None or self._keys is not None

    async def read(self, token: str) -> frozenset[str]:
        """The scopes of `token`. Raises `RequestError` 401 when it is not valid, `ServiceError` when JWT_JWKS is away."""
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm == "HS256" and self._secret is not None:
                claims = self._decode(token, self._secret.get_secret_value(), ["HS256"])
            elif algorithm in ("RS256", "ES256") and self._keys is not None:
                claims = self._decode(token, await self._keys.find(header.get("kid")), ["RS256", "ES256"])
            else:
                raise jwt.InvalidAlgorithmError
        except jwt.ExpiredSignatureError as exc:
            raise RequestError("token_invalid", "The token has expired.", status=401) from exc
        except (jwt.PyJWTError, ValueError) as exc:
            raise RequestError("token_invalid", "The token is not valid here.", status=401) from exc
        scope: object = claims.get("scope")  # a list of words with spaces between them (RFC 9068, 2.2.3), or a list
        words = scope.split() if isinstance(scope, str) else cast("list[object]", scope) if isinstance(scope, list) else []
        return frozenset(word for word in words if isinstance(word, str))

    def _decode(self, token: str, key: str | jwt.PyJWK, algorithms: list[str]) -> dict[str, Any]:
        import jwt

        return jwt.decode(token, key, algorithms=algorithms, options={"require": ["exp", "aud", "iss"]}, **self._claims)


def mint(settings: Settings, scopes: Collection[Scope], *, days: float, now: datetime | None = None) -> str:
    """A token for `scopes` that is good for `days`. Raises `ConfigurationError` without JWT_SECRET."""
    import jwt

    if settings.jwt_secret is None:
        raise ConfigurationError("A token is signed with JWT_SECRET, which is not set.")
    now = now or datetime.now(UTC)
    claims = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(days=days),
        "jti": uuid4().hex,
        "scope": " ".join(scopes),
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")


class _PublicKeys:
    """A set of public keys (RFC 7517), looked up again when it is old or lacks a key; meanwhile the old ones count."""

    def __init__(self, where: str, transport: httpx.AsyncBaseTransport | None) -> None:
        self._where = where
        self._transport = transport
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading = asyncio.Lock()

    async def find(self, key_id: str | None) -> jwt.PyJWK:
        """The key of that id, or the only one for a token that names none. Raises `jwt.PyJWTError`, `ServiceError`."""
        import jwt

        async with self._reading:
            now = time.monotonic()
            is_needed = self._choose(key_id) is None or now - self._read_at > KEYS_AGE_S
            if is_needed and now - self._tried_at > KEYS_PAUSE_S:
                self._tried_at = now
                await self._read()
        if not self._keys:
            raise ServiceError("keys", f"The keys of JWT_JWKS {self._where!r} are out of reach.", transient=True)
        if (key := self._choose(key_id)) is None:
            raise jwt.InvalidKeyError
        return key

    def _choose(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _read(self) -> None:
        import jwt

        try:
            found = jwt.PyJWKSet.from_json(await self._fetch())
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as exc:
            log.warning("keys_unavailable", where=self._where, reason=type(exc).__name__)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as exc:
            log.warning("keys_unavailable", where=self._where, reason=f"It holds no key set ({type(exc).__name__}).")
        else:
            self._keys = {key.key_id: key for key in found.keys}
            self._read_at = time.monotonic()

    async def _fetch(self) -> str:
        if not self._where.startswith(("http://", "https://")):
            return await asyncio.to_thread(Path(self._where).read_text, encoding="utf-8")
        async with httpx.AsyncClient(transport=self._transport, timeout=KEYS_TIMEOUT_S) as client:
            response = await client.get(self._where)
            return response.raise_for_status().text
