"""What is read of the events of an OpenAI-compatible stream, which may have any shape."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from server.models.chat_model import ANSWER_TOKENS, THINKING_TOKENS, Accepted

BELIEVED = 10
"""A server may count this many times the tokens that our count makes possible; tokenizers differ. More is made up."""


def _none_if_wrong(value: object, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


class _Delta(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    delta: _Delta | None = None
    finish_reason: str | None = None


class TokenUsage(BaseModel):
    """What a server says that a call took, in tokens."""

    prompt_tokens: int = Field(ge=0, strict=True)
    completion_tokens: int = Field(ge=0, strict=True)


class CompletionChunk(BaseModel):
    """What is read of an event. Usage comes last, when the answer is complete: a wrong one is as good as none."""

    choices: list[_Choice] | None = None
    usage: Annotated[TokenUsage | None, WrapValidator(_none_if_wrong)] = None


def is_possible(usage: TokenUsage, accepted: Accepted) -> bool:
    """Whether it can be true, within `BELIEVED`: a made-up number would spend the day's budget."""
    prompt, completion = max(accepted.prompt_tokens, 100), ANSWER_TOKENS + THINKING_TOKENS
    return usage.prompt_tokens <= BELIEVED * prompt and usage.completion_tokens <= BELIEVED * completion
