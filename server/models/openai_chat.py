"""Answers from any OpenAI-compatible chat model, streamed."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import cast

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from pydantic import SecretStr

from server.finding.passages import Passages
from server.models.chat_model import ANSWER_TOKENS, THINKING_TOKENS, Accepted, Finished, Output, is_reasoning
from server.models.prompts import ChatMessage, build_messages
from server.questions import ChatRequest
from shared.errors import ServiceError
from shared.openai_errors import translate
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


class OpenAIChat:
    """`POST /chat/completions` with `stream`; one second try, and only while nothing was said."""

    def __init__(self, *, name: str, base_url: str, api_key: SecretStr, count: CountTokens) -> None:
        """`count`: tokens of a text. Nothing is connected to yet."""
        self._name = name
        self._address = base_url
        self._count = count
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
        async with aclosing(self.stream(build_messages(request, passages, count=self._count))) as outputs:
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

    async def _attempt(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[Output]:
        accepted = Accepted(prompt_tokens=sum(self._count(message["content"]) for message in messages))
        try:
            async with await self._open(messages) as stream:
                yield accepted
                async with aclosing(self._read(stream)) as outputs:
                    async for output in outputs:
                        yield output
        except openai.OpenAIError as exc:
            raise self._translated(exc) from exc
        except (httpx2.HTTPError, httpx2.StreamError) as exc:
            raise self._broken("broke off", "connection") from exc
        except ValueError as exc:  # the SDK lets JSONDecodeError and UnicodeDecodeError through
            raise self._broken("sent something that is not JSON", "bad_response") from exc

    async def _open(self, messages: Sequence[ChatMessage]) -> openai.AsyncStream[ChatCompletionChunk]:
        reasoning = is_reasoning(self._name)
        return await self._client.chat.completions.create(
            model=self._name,
            messages=cast("list[ChatCompletionMessageParam]", list(messages)),
            stream=True,
            stream_options={"include_usage": True},
            temperature=openai.omit if reasoning else TEMPERATURE,
            max_tokens=openai.omit if reasoning else ANSWER_TOKENS,
            max_completion_tokens=ANSWER_TOKENS + THINKING_TOKENS if reasoning else openai.omit,
        )

    async def _read(self, stream: openai.AsyncStream[ChatCompletionChunk]) -> AsyncGenerator[str | Finished]:
        """Deltas that are not empty, then `Finished`.

        A server that answers 200 with HTML gives a stream without a single chunk, and a proxy that gives up may end one in the
        middle: neither is an answer. The last chunk holds the usage and has no choices.
        """
        reason, prompt_tokens, completion_tokens = None, None, None
        async for chunk in stream:
            if chunk.usage is not None:
                prompt_tokens, completion_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
            for choice in (chunk.choices or ())[:1]:
                reason = choice.finish_reason or reason
                if choice.delta and choice.delta.content:
                    yield choice.delta.content
        if reason is None:
            raise self._broken("ended its stream without finishing the answer", "incomplete")
        if reason not in ("length", "content_filter"):
            reason = "stop"
        yield Finished(reason=reason, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)

    def _translated(self, exc: openai.OpenAIError) -> ServiceError:
        return translate(exc, "openai", address=self._address, model=self._name)

    def _broken(self, what: str, code: str) -> ServiceError:
        return ServiceError("openai", f"{self._address} ({self._name!r}) {what}.", transient=True, code=code)
