"""What is said of the API is true: the document is valid, the page is made of it, and answers are what it says."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from server.api_reference import PAGE, read_document, render_api_page
from tests.support.fakes import make_services
from tests.support.live_server import LiveServer, serving

ASKED = {"question": "What moves?", "stream": False}
MESSAGES = [{"role": "user", "content": "What moves?"}]


async def test_the_page_is_what_the_document_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_api_page(await read_document()), "run `make reference`"


@pytest.fixture
async def live() -> AsyncGenerator[LiveServer]:
    async with serving(make_services()) as server:
        yield server


async def test_the_document_is_valid(live: LiveServer) -> None:
    validate((await live.client.get("/openapi.json")).json())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/chat", ASKED),
        ("post", "/chat/selection", ASKED | {"selected_text": "A robot has joints."}),
        ("post", "/v1/chat/completions", {"model": "any", "messages": MESSAGES}),
        ("get", "/v1/models", None),
        ("get", "/search?q=joints", None),
        ("get", "/health", None),
        ("get", "/health/live", None),
        ("get", "/ingest/status", None),
    ],
)
async def test_an_answer_has_the_shape_that_is_said_of_it(
    live: LiveServer, method: str, path: str, body: dict[str, Any] | None
) -> None:
    document = (await live.client.get("/openapi.json")).json()
    operation = document["paths"][path.partition("?")[0]][method]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    if body is not None:
        sent = operation["requestBody"]["content"]["application/json"]["schema"]
        OAS31Validator(sent | {"components": document["components"]}).validate(body)
    answer = (await live.client.request(method.upper(), path, json=body)).json()
    OAS31Validator(schema | {"components": document["components"]}).validate(answer)
    assert set(answer) <= set(schema["properties"]), "a field that the document does not name"


@pytest.mark.parametrize("path", ["/chat", "/nowhere", "/feedback"])
async def test_a_failure_has_the_shape_that_is_said_of_it(live: LiveServer, path: str) -> None:
    document = (await live.client.get("/openapi.json")).json()
    (problem,) = document["paths"]["/chat"]["post"]["responses"]["default"]["content"].values()
    OAS31Validator(problem["schema"]).validate((await live.client.post(path, json={})).json())
