"""One request to a chat model as a span, by OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, aclosing
from urllib.parse import urlsplit

from server.models.chat_model import Finished, Output
from shared import tracing


async def traced_call(
    model: str, address: str, request: Callable[[Mapping[str, str]], AsyncGenerator[Output]]
) -> AsyncGenerator[Output]:
    """What `request` gives, in a span: within it the wait for the first token, and the stream after that.

    `address`: of the API. `request` is given the headers that make what is done for it upstream a part of the same trace.
    """
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "server.address": urlsplit(address).hostname or "",
    }
    with tracing.start_span(f"chat {model}", attributes, kind="client") as call, ExitStack() as phase:
        phase.enter_context(call.child("first token"))
        is_waiting = True
        async with aclosing(request(call.headers())) as outputs:
            async for output in outputs:
                if is_waiting and isinstance(output, str):
                    is_waiting = False
                    phase.close()
                    phase.enter_context(call.child("stream"))
                elif isinstance(output, Finished):
                    _tell_end(call, output)
                yield output


def _tell_end(call: tracing.TraceSpan, finished: Finished) -> None:
    call.set("gen_ai.response.finish_reasons", (finished.reason,))
    for name, tokens in (("input", finished.prompt_tokens), ("output", finished.completion_tokens)):
        if tokens is not None:
            call.set(f"gen_ai.usage.{name}_tokens", tokens)
