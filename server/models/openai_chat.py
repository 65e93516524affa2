"""Answers from any OpenAI-compatible chat model, streamed."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from functools import partial

import httpx2
import openai
import structlog
from pydantic import SecretStr

from server.finding.passages import Passages
from server.models.call_traces import traced_call
from server.models.canary import CanaryWatch, canary
from server.models.chat_model import ANSWER_TOKENS, THINKING_TOKENS, Accepted, Finished, Output, is_reasoning
from server.models.openai_events import CompletionChunk, is_possible
from server.models.prompts import ChatMessage, build_messages
from server.models.thoughts import Thoughts
from server.questions import ChatRequest
from shared import tracing
from shared.embedding.openai_errors import translate
from shared.errors import ServiceError
from shared.tokens import CountTokens

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 30.0
"""Between two tokens, and until the first."""
PING_TIMEOUT_S = 5.0
TEMPERATURE = 0.2
SECOND_TRY_WITHIN_S = 10.0
"""A reader who has waited longer than this gets the answer that needs no model."""
LONGEST_WAIT_S = 3.0
"""A model that asks to be left alone for longer is not tried again: there is an answer without it."""
LONGEST_CHARS = 16 * (ANSWER_TOKENS + THINKING_TOKENS)
LONGEST_DELTAS = 2 * (ANSWER_TOKENS + THINKING_TOKENS)
"""Of an answer and its thoughts: far more than was asked for. Not every server takes or heeds a limit of tokens."""
_OPTIONAL = ("stream_options", "temperature", "max_tokens", "max_completion_tokens")
"""Parameters an answer can do without: one that a server refuses is left out from then on."""

log = structlog.get_logger(__name__)


class OpenAIChat:
    """`POST /chat/completions` with `stream`; one second try, and only while nothing was said.

    What the server sends is read as hostile: whatever its shape, it ends as an answer or as a `ServiceError`.
    """

    def __init__(self, *, name: str, base_url: str, api_key: SecretStr, count: CountTokens) -> None:
        """`count`: tokens of a text. Nothing is connected to yet."""
        self._name = name
        self._address = base_url
        self._count = count
        self._refused: set[str] = set()
        self._client = openai.AsyncOpenAI(
            api_key=api_key.get_secret_value().strip(),
            base_url=base_url,
            max_retries=0,
            timeout=httpx2.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        )

    @property
    def name(self) -> str:
        """The model's name, as the API knows it."""
        return self._name

    async def answer(self, request: ChatRequest, passages: Passages) -> AsyncGenerator[Output]:
        """See `ChatModel.answer`."""
        with tracing.span("prompt", {"lectern.passages": len(passages.passages)}):
            messages = await asyncio.to_thread(build_messages, request, passages, count=self._count)
        async with aclosing(self.stream(messages)) as outputs:
            async for output in outputs:
                yield output

    async def stream(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[Output]:
        """What the model says to `messages`. Raises `ServiceError`.

        Not `shared.retry`: that repeats a call, and a stream that has begun to speak must never be repeated.
        """
        spoke, began = False, time.monotonic()
        try:
            async with aclosing(self._attempt(messages)) as outputs:
                async for output in outputs:
                    spoke = spoke or isinstance(output, str)
                    yield output
            return
        except ServiceError as exc:
            wait_s = exc.retry_after_s if exc.retry_after_s is not None else random.uniform(0.1, 0.5)  # noqa: S311  jitter
            is_late = time.monotonic() - began > SECOND_TRY_WITHIN_S
            if spoke or is_late or not exc.transient or wait_s > LONGEST_WAIT_S:
                raise
        await asyncio.sleep(wait_s)
        async with aclosing(self._attempt(messages)) as outputs:
            async for output in outputs:
                yield output

    async def complete(self, messages: Sequence[ChatMessage]) -> str:
        """The whole of what the model says. Raises `ServiceError`."""
        async with aclosing(self.stream(messages)) as outputs:
            return "".join([output async for output in outputs if isinstance(output, str)])

    async def ping(self) -> None:
        """See `ChatModel.ping`; costs nothing. A server that lists no models is taken at its word that it is there."""
        try:
            response = await self._client.with_options(timeout=PING_TIMEOUT_S).models.with_raw_response.list()
            json.loads(response.content)
        except (openai.NotFoundError, openai.InternalServerError) as exc:
            if exc.status_code not in {404, 501}:
                raise self._translated(exc) from exc
        except openai.OpenAIError as exc:
            raise self._translated(exc) from exc
        except ValueError as exc:
            raise self._broken("is there, but is no OpenAI-compatible API", "bad_response") from exc

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _attempt(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[Output]:
        return traced_call(self._name, self._address, partial(self._request, messages))

    async def _request(self, messages: Sequence[ChatMessage], headers: Mapping[str, str]) -> AsyncGenerator[Output]:
        accepted = Accepted(await asyncio.to_thread(self._count_all, messages), messages)
        try:
            async with await self._open(messages, headers) as stream:
                yield accepted
                async with aclosing(self._read(stream, accepted)) as outputs:
                    async for output in outputs:
                        yield output
        except openai.OpenAIError as exc:
            raise self._translated(exc) from exc
        except (httpx2.HTTPError, httpx2.StreamError) as exc:
            raise self._broken("broke off", "connection") from exc
        except (ValueError, RecursionError) as exc:  # the SDK lets JSONDecodeError and UnicodeDecodeError through
            raise self._broken("sent something that is no OpenAI answer", "bad_response") from exc

    def _count_all(self, messages: Sequence[ChatMessage]) -> int:
        return sum(self._count(message["content"]) for message in messages)

    async def _open(self, messages: Sequence[ChatMessage], headers: Mapping[str, str]) -> openai.AsyncStream[object]:
        """The stream of events, as JSON; asked for without the parameters that this server refuses."""
        while True:
            optional = self._parameters()
            body = {"model": self._name, "messages": messages, "stream": True, **optional}
            try:
                return await self._client.post(
                    "/chat/completions", body=body, options={"headers": headers}, cast_to=object,
                    stream=True, stream_cls=openai.AsyncStream[object],
                )  # fmt: skip
            except (openai.BadRequestError, openai.UnprocessableEntityError) as exc:
                if (refused := _refused(exc, optional)) is None:
                    raise
                log.warning("parameter_refused", model=self._name, parameter=refused)
                self._refused.add(refused)

    def _parameters(self) -> dict[str, object]:
        """Those an answer can do without; some servers know the longest answer under its newer name only."""
        reasoning = is_reasoning(self._name)
        longest = ANSWER_TOKENS + (THINKING_TOKENS if reasoning else 0)
        wanted: dict[str, object] = {"stream_options": {"include_usage": True}}
        if not reasoning:
            wanted["temperature"] = TEMPERATURE
        wanted["max_completion_tokens" if reasoning or "max_tokens" in self._refused else "max_tokens"] = longest
        return {name: value for name, value in wanted.items() if name not in self._refused}

    async def _read(self, stream: openai.AsyncStream[object], accepted: Accepted) -> AsyncGenerator[str | Finished]:
        """Deltas that are not empty, then `Finished`.

        A server that answers 200 with HTML gives a stream without a single event, and a proxy that gives up may end one in the
        middle: neither is an answer. The last event holds the usage and has no choices. One that goes on for ever is left.
        """
        reason, usage, chars, deltas = None, None, 0, 0
        thoughts, watch = Thoughts(), CanaryWatch(canary())
        async for event in stream:
            chunk = CompletionChunk.model_validate(event)
            usage = chunk.usage or usage
            for choice in (chunk.choices or ())[:1]:
                reason = choice.finish_reason or reason
                content = (choice.delta and choice.delta.content) or ""
                chars, deltas = chars + len(content), deltas + 1
                if content and (said := watch.feed(thoughts.feed(content))):
                    yield said
            if watch.is_found:
                raise self._broken("began to recite its instructions", "instructions_leaked", transient=False)
            if chars > LONGEST_CHARS or deltas > LONGEST_DELTAS:
                reason = "length"
                break
        if reason is None:
            raise self._broken("ended its stream without finishing the answer", "incomplete")
        if said := watch.feed(thoughts.close()) + watch.close():
            yield said
        if reason not in ("length", "content_filter"):
            reason = "stop"
        if usage is None or not is_possible(usage, accepted):
            yield Finished(reason=reason)
        else:
            yield Finished(reason=reason, prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)

    def _translated(self, exc: openai.OpenAIError) -> ServiceError:
        return translate(exc, "openai", address=self._address, model=self._name)

    def _broken(self, what: str, code: str, *, transient: bool = True) -> ServiceError:
        return ServiceError("openai", f"{self._address} ({self._name!r}) {what}.", transient=transient, code=code)


def _refused(error: openai.APIStatusError, sent: Collection[str]) -> str | None:
    """The parameter that a refusal names, of those sent that an answer can do without; None: it is about something else."""
    if error.code == "context_length_exceeded":
        return None
    named = re.findall(r"\w+", f"{getattr(error, 'param', None)} {error.message[:1000]}")
    return next((name for name in named if name in _OPTIONAL and name in sent), None)
