"""Tokens that open a part of what the author may do."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.__main__ import main
from server.http import access_tokens
from server.http.access_tokens import AccessTokens, mint
from server.http.auth import Access
from shared.errors import ConfigurationError, RequestError, ServiceError
from shared.settings import Settings
from tests.support.fakes import ADMIN_KEY, make_services
from tests.support.live_server import LiveServer, serving

SECRET = "the-secret-that-signs-our-tokens"
SIGNED: dict[str, Any] = {"environment": "production", "jwt_secret": SECRET}
RSA, EC = rsa.generate_private_key(public_exponent=65537, key_size=2048), ec.generate_private_key(ec.SECP256R1())
ROUTES = [("POST", "/ingest", "ingest"), ("GET", "/metrics", "metrics"), ("GET", "/feedback", "history")]


HOUR = timedelta(hours=1)


def settings_with(**given: object) -> Settings:
    return Settings.model_validate(SIGNED | given)


def claims(**changed: Any) -> dict[str, Any]:
    """Those of a good token, as changed; None takes one away."""
    now = datetime.now(UTC)
    good = {"iss": "lectern", "aud": "lectern", "nbf": now, "exp": now + timedelta(hours=1), "scope": "ingest metrics"}
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(key: Any = SECRET, algorithm: str | None = "HS256", key_id: str | None = None, **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm=algorithm, headers={"kid": key_id} if key_id else None)


def public_keys(**named: Any) -> str:
    """A key set as an identity provider gives it."""
    kinds = {"rsa": jwt.algorithms.RSAAlgorithm, "ec": jwt.algorithms.ECAlgorithm}
    keys = [json.loads(kinds[name].to_jwk(key.public_key())) | {"kid": name} for name, key in named.items()]
    return json.dumps({"keys": keys})


@asynccontextmanager
async def guarded(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> AsyncGenerator[LiveServer]:
    services = make_services(settings=settings)
    access = Access(settings, AccessTokens(settings, transport))
    async with serving(replace(services, access=access)) as live:
        yield live


async def call(live: LiveServer, method: str, path: str, token: str) -> tuple[int, str]:
    response = await live.client.request(method, path, headers={"Authorization": f"Bearer {token}"})
    return response.status_code, "" if response.is_success else response.json()["code"]


@pytest.mark.parametrize("scope", ["ingest", "content", "metrics", "history"])
async def test_a_token_opens_what_its_scope_names_and_nothing_else(scope: str) -> None:
    settings = settings_with()
    token = mint(settings, [scope], days=1)  # type: ignore[list-item]
    async with guarded(settings) as live:
        for method, path, needed in ROUTES:
            status, code = await call(live, method, path, token)
            assert (code == "scope_missing") is (scope != needed)
            assert (status == 403) is (scope != needed)


@pytest.mark.parametrize("scope", ["ingest history", ["history", "ingest"]])
async def test_scopes_come_as_words_or_as_a_list(scope: object) -> None:
    assert await AccessTokens(settings_with()).read(signed(scope=scope)) == {"ingest", "history"}


@pytest.mark.parametrize("scope", [None, 5, {"ingest": True}, "INGEST ingest2", [["ingest"]]])
async def test_what_is_no_list_of_scopes_opens_nothing(scope: object) -> None:
    async with guarded(settings_with()) as live:
        assert await call(live, "POST", "/ingest", signed(scope=scope)) == (403, "scope_missing")


def unsigned(**header: object) -> str:
    parts = (json.dumps(part, default=lambda at: int(at.timestamp())) for part in ({"typ": "JWT", **header}, claims()))
    return ".".join(_encoded(part.encode()) for part in parts) + "."


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


BAD: dict[str, Callable[[], str]] = {
    "another secret": lambda: signed("another-secret-that-is-long-enough"),
    "expired": lambda: signed(exp=datetime.now(UTC) - HOUR),
    "not yet": lambda: signed(nbf=datetime.now(UTC) + HOUR),
    "for ever": lambda: signed(exp=None),
    "for nobody": lambda: signed(aud=None),
    "of nobody": lambda: signed(iss=None),
    "for another": lambda: signed(aud="elsewhere"),
    "for others": lambda: signed(aud=["elsewhere"]),
    "of another": lambda: signed(iss="elsewhere"),
    "another digest": lambda: signed(SECRET * 2, "HS512"),
    "another algorithm": lambda: signed(RSA, "RS256"),
    "no algorithm": lambda: unsigned(alg="none"),
    "no signature": lambda: unsigned(alg="HS256"),
    "nothing said of it": unsigned,
    "a list of algorithms": lambda: unsigned(alg=["HS256"]),
    "an extension": lambda: unsigned(alg="HS256", crit=["exp"]),
    "cut": lambda: signed()[:-2],
    "letters": lambda: "a.b.c",
    "dots": lambda: "..",
    "no ASCII": lambda: "é.é.é",
    "long": lambda: "A" * 4000 + ".." + "B" * 4000,
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_token_that_is_not_ours_or_not_of_now_is_refused(kind: str) -> None:
    async with guarded(settings_with()) as live:
        headers = {"Authorization": f"Bearer {BAD[kind]()}".encode()}
        response = await live.client.post("/ingest", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "token_invalid")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_beside_tokens_the_key_stays_good_and_another_is_wrong() -> None:
    async with guarded(settings_with(admin_api_key=ADMIN_KEY)) as live:
        assert (await call(live, "GET", "/metrics", ADMIN_KEY))[0] == 200
        assert await call(live, "GET", "/metrics", ADMIN_KEY[:-1]) == (403, "key_wrong")
        assert (await call(live, "GET", "/metrics", signed()))[0] == 200
    async with guarded(Settings.model_validate({"admin_api_key": ADMIN_KEY})) as live:
        assert await call(live, "POST", "/ingest", signed()) == (403, "key_wrong")


@pytest.mark.parametrize(("key", "algorithm", "key_id"), [(RSA, "RS256", "rsa"), (EC, "ES256", "ec")])
async def test_tokens_of_an_identity_provider_count(tmp_path: Path, key: Any, algorithm: str, key_id: str) -> None:
    (tmp_path / "keys.json").write_text(public_keys(rsa=RSA, ec=EC))
    settings = settings_with(jwt_secret=None, jwt_jwks=str(tmp_path / "keys.json"), jwt_issuer="https://id.example")
    async with guarded(settings) as live:
        good = signed(key, algorithm, key_id, iss="https://id.example")
        assert (await call(live, "GET", "/metrics", good))[0] == 200
        for bad in (
            signed(key, algorithm, key_id),
            signed(key, algorithm, "unknown", iss="https://id.example"),
            signed(key, algorithm, iss="https://id.example"),
            signed(SECRET, iss="https://id.example"),
        ):
            assert await call(live, "GET", "/metrics", bad) == (401, "token_invalid")


async def test_a_public_key_is_no_secret_to_sign_with(tmp_path: Path) -> None:
    """RFC 8725, 2.1: a token signed by HS256 with the public key, which everybody has."""
    (tmp_path / "keys.json").write_text(public_keys(rsa=RSA))
    settings = settings_with(jwt_secret=None, jwt_jwks=str(tmp_path / "keys.json"))
    parts = unsigned(alg="HS256", kid="rsa").rstrip(".")
    known_to_all = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forged = f"{parts}.{_encoded(hmac.digest(known_to_all, parts.encode(), 'sha256'))}"
    async with guarded(settings) as live:
        assert await call(live, "GET", "/metrics", forged) == (401, "token_invalid")


class Provider:
    """An identity provider's key set, behind httpx's transport."""

    def __init__(self, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.body = body
        self.is_away = False
        self.asked = 0
        self.now = 1000.0
        self.transport = httpx.MockTransport(self._answer)
        monkeypatch.setattr(access_tokens.time, "monotonic", lambda: self.now)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.is_away:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, text=self.body)


def tokens_of(provider: Provider) -> AccessTokens:
    return AccessTokens(settings_with(jwt_secret=None, jwt_jwks="https://id.example/keys"), provider.transport)


async def test_new_keys_are_looked_for_but_not_for_everyone_who_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider(public_keys(rsa=RSA), monkeypatch)
    tokens = tokens_of(provider)
    for _ in range(3):
        await tokens.read(signed(RSA, "RS256", "rsa"))
    for number in range(20):
        with pytest.raises(RequestError):
            await tokens.read(signed(EC, "ES256", f"made-up-{number}"))
    assert provider.asked == 1
    provider.now += access_tokens.KEYS_PAUSE_S + 1
    provider.body = public_keys(rsa=RSA, ec=EC)
    assert await tokens.read(signed(EC, "ES256", "ec"))
    assert provider.asked == 2


async def test_a_provider_that_is_away_takes_no_known_key_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider(public_keys(rsa=RSA), monkeypatch)
    tokens = tokens_of(provider)
    await tokens.read(signed(RSA, "RS256", "rsa"))
    provider.is_away = True
    provider.now += access_tokens.KEYS_AGE_S + 1
    assert await tokens.read(signed(RSA, "RS256", "rsa"))


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "null", '{"keys": []}', '{"keys": [5]}', '{"keys": [{"kty": "RSA"}]}', "{}"]
)
async def test_without_any_key_nobody_knows_and_it_comes_back(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider(body, monkeypatch)
    tokens = tokens_of(provider)
    for _ in range(3):
        with pytest.raises(ServiceError):
            await tokens.read(signed(RSA, "RS256", "rsa"))
    assert provider.asked == 1
    provider.body, provider.now = public_keys(rsa=RSA), provider.now + access_tokens.KEYS_PAUSE_S + 1
    assert await tokens.read(signed(RSA, "RS256", "rsa"))


async def test_a_caller_is_told_that_the_keys_are_out_of_reach(tmp_path: Path) -> None:
    settings = settings_with(jwt_secret=None, jwt_jwks=str(tmp_path / "nowhere.json"))
    async with guarded(settings) as live:
        assert await call(live, "GET", "/metrics", signed(RSA, "RS256", "rsa")) == (503, "keys_unavailable")


def test_a_token_is_printed_for_the_scopes_and_days_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    assert main(["token", "--scope", "ingest", "--scope", "history", "--days", "2"]) == 0
    token = capsys.readouterr().out.strip()
    read = jwt.decode(token, SECRET, algorithms=["HS256"], audience="lectern", issuer="lectern")
    assert (read["scope"], read["exp"] - read["iat"]) == ("ingest history", 2 * 24 * 3600)


def test_without_a_secret_no_token_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError):
        mint(Settings(), ["ingest"], days=1)
    assert main(["token", "--scope", "ingest"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "lectern: A token is signed with JWT_SECRET, which is not set.\n")


@pytest.mark.parametrize("arguments", [["token"], ["token", "--scope", "all"], ["token", "--scope", "ingest", "--days", "-1"]])
def test_a_token_for_nothing_everything_or_no_time_is_not_made(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)


@pytest.mark.parametrize("name", ["ADMIN_API_KEY", "JWT_SECRET"])
def test_a_secret_that_could_be_guessed_is_refused_and_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "only-thirty-one-bytes-0123456789"[:31])
    with pytest.raises(ConfigurationError) as refused:
        Settings.read()
    assert str(refused.value) == (f"{name} is not shown; expected at least 32 bytes, like the output of openssl rand -hex 24.")


@pytest.mark.parametrize("where", ["http://id.example/keys", "ftp://id.example/keys", "https://"])
def test_keys_come_from_a_file_or_from_where_nobody_can_swap_them(where: str) -> None:
    with pytest.raises(ConfigurationError, match="JWT_JWKS"):
        Settings.read(jwt_jwks=where)
    for good in ("keys.json", "https://id.example/keys", "http://127.0.0.1:8080/keys"):
        assert Settings.read(jwt_jwks=good).jwt_jwks == good
