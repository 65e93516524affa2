"""What OpenAI's clients call: `/v1/chat/completions` and `/v1/models`."""

from __future__ import annotations

import time
from http import HTTPStatus

from quart import Blueprint, Response, json, request

from server.http import names
from server.http.bodies import read_body
from server.http.names import Fields
from server.http.openapi import documents
from server.http.policy import limited, unlimited
from server.http.problem_responses import respond_to
from server.http.requests import read_chat, read_json
from server.problems import problem_of
from server.routes.answers import SESSION_HEADER, Asked, respond
from server.schemas.clients import Completion, CompletionBody, ModelList
from server.services import Services
from server.wire.openai_completion import CompletionStream, completion, error_body, model_list

_STREAM = {"text/event-stream": "With `stream` true: `chat.completion.chunk` objects, then `[DONE]`."}


def blueprint(services: Services) -> Blueprint:
    """The routes of OpenAI's clients; a failure has OpenAI's shape."""
    api = Blueprint("openai_api", __name__)
    started = int(time.time())

    @api.post("/v1/chat/completions")
    @limited("question")
    @documents("openai", body=CompletionBody, answer=Completion, text=_STREAM, aliases=names.COMPLETIONS)
    async def complete() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Answer the last of `messages` as OpenAI's Chat Completions API does, with `sources` beside it."""
        raw = await read_body(request)
        body = read_json(raw)
        chat = read_chat(body, session_header=request.headers.get(SESSION_HEADER))
        created = int(time.time())
        fields = Fields(body)
        include_usage = bool(fields.within("stream_options").flag("include_usage"))
        return await respond(
            services,
            Asked(chat, body, raw, bool(fields.flag("stream"))),
            dialect=CompletionStream(created=created, include_usage=include_usage),
            whole=lambda events, _: completion(events, created=created),
        )

    @api.get("/v1/models")
    @unlimited
    @documents("openai", answer=ModelList)
    async def models() -> Response:  # pyright: ignore[reportUnusedFunction]
        """The one model there is: the book."""
        return Response(json.dumps(model_list(created=started)), content_type="application/json")

    @api.errorhandler(Exception)
    async def fail(error: Exception) -> Response:  # pyright: ignore[reportUnusedFunction]
        """A failure as OpenAI's clients read it."""
        response, problem = await respond_to(error), problem_of(error)
        response.set_data(json.dumps(error_body(problem.detail, code=problem.code, kind=_kind(problem.status))))
        response.content_type = "application/json"
        return response

    return api


def _kind(status: int) -> str:
    """OpenAI's name for whose failure it is."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "server_error"
    return "rate_limit_error" if status == HTTPStatus.TOO_MANY_REQUESTS else "invalid_request_error"
