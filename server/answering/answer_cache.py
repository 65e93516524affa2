"""Answers that were given before, given again to the same question under the same circumstances.

What is kept is what the model said, markers and all, and the passages it was given. It is said again through the same code as
any answer, so that its events, its ids, its place in the conversation and its ratings are those of any answer. Nothing is
bought for it and nothing is searched.

An abstention is kept as well: as long as the book is the same, it does not say. Not kept are answers that another try may make
better: failed, cut short, stopped by their reader, quoted because the model was away, found without the embedding model.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncGenerator, Coroutine, Sequence
from hashlib import sha256

from cachetools import TTLCache
from pydantic import ValidationError

from server.answering.events import ChatEvent
from server.answering.generate import generate
from server.answering.progress import AnswerProgress
from server.finding.current_page import hangs_on_page
from server.finding.passages import Passages
from server.models.chat_model import Finished, Output
from server.models.prompts import rules
from server.questions import ChatRequest
from server.redis_server import RedisServer
from server.version import VERSION
from shared.embedding.model import choose_model
from shared.errors import ServiceError
from shared.models import Frozen
from shared.settings import Settings

MAX_ENTRIES = 1000
MAX_BYTES = 32 * 1024 * 1024
"""In the memory of this process; an answer with its passages takes 10 to 50 kB."""
MAX_ANSWER_BYTES = 256 * 1024
"""Of one; a longer one is not kept."""
SWEEP_KEYS = 500
"""Looked at in Redis at once."""

_END = " ?!.…。？！؟"
_WORD = re.compile(r"\w+")
_OTHER_IN_CAPITALS = frozenset({"all", "am", "and", "any", "as", "at", "can", "is", "it", "or", "so", "us", "who"})
"""Words that mean something else in capitals: `IT`, `WHO`."""


class KeptAnswer(Frozen):
    """What an answer can be given again from."""

    model: str
    passages: Passages
    """As they were put before the model."""
    said: tuple[str, ...]
    """The model's deltas."""
    message_id: str = ""
    """Of the answer that was kept."""


class AnswerCache:
    """Answers by what was asked of which build; in Redis, or in memory where there is none or it is away."""

    def __init__(
        self, circumstances: Sequence[str] = (), *, collection: str = "", keep_s: float = 0.0, redis: RedisServer | None = None
    ) -> None:
        """`circumstances`: what else an answer hangs on: the model, the prompt, settings. `keep_s` 0: nothing is kept."""
        self._circumstances = tuple(circumstances)
        self._prefix = f"lectern:answer:{collection}:"
        self._keep_s = keep_s
        self._redis = redis
        self._memory: TTLCache[str, bytes] = TTLCache(MAX_BYTES, ttl=keep_s, getsizeof=_room)
        self._build_id = ""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_off(self) -> bool:
        """Whether nothing is ever kept."""
        return self._keep_s <= 0

    async def find(self, request: ChatRequest, build_id: str) -> KeptAnswer | None:
        """The answer to this question from this build; None: there is none, or it is too old.

        The first question to a new build empties the cache of what older ones said. Never raises.
        """
        if build_id != self._build_id:
            self._build_id = build_id
            self._memory.clear()
            if self._redis is not None:
                self._start(_sweep(self._redis, self._prefix, build_id))
        key = self._key(request, build_id)
        raw = self._memory.get(key)
        if raw is None and self._redis is not None:
            try:
                raw = await self._redis.run("GET", key)
            except ServiceError:
                return None
        try:
            return KeptAnswer.model_validate_json(raw) if raw else None
        except ValidationError:  # of another version of Lectern, or by another hand
            return None

    def keep(self, request: ChatRequest, answer: AnswerProgress) -> None:
        """Keep an answer that is over, where it is one to be given again. Returns at once."""
        passages, done = answer.passages, answer.done
        if self.is_off or answer.is_cached or passages is None or passages.degraded or done is None or not answer.model:
            return
        if done.finish_reason != "stop" or done.degraded or answer.failed or done.metadata.get("stopped"):
            return
        kept = KeptAnswer(model=answer.model, passages=passages, said=tuple(answer.deltas), message_id=answer.ids.message_id)
        raw = kept.model_dump_json().encode("utf-8", "replace")
        if len(raw) <= MAX_ANSWER_BYTES:
            key = self._key(request, passages.build_id)
            if self._redis is None:
                self._memory[key] = raw
            else:
                self._start(self._put(self._redis, key, raw))

    async def aclose(self) -> None:
        """Write what is on its way; each command has its own limit of time."""
        await asyncio.gather(*self._tasks)

    async def _put(self, redis: RedisServer, key: str, raw: bytes) -> None:
        try:
            await redis.run("SET", key, raw, "EX", max(1, round(self._keep_s)))
        except ServiceError:
            self._memory[key] = raw

    def _key(self, request: ChatRequest, build_id: str) -> str:
        """The question alone is compared loosely. Who asks, and in which conversation, is no part of it; what was said is."""
        asked = request.model_copy(update={"question": "", "session_id": None, "user_id": None, "page_url": None})
        question = as_compared(request.question) if not request.history else request.question
        page = request.page_url if hangs_on_page(request) else None
        parts = repr((question, page, asked.model_dump_json(), self._circumstances))
        return f"{self._prefix}{build_id}:{sha256(parts.encode('utf-8', 'replace')).hexdigest()}"

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def as_compared(question: str) -> str:
    """The question as it is compared: without case, doubled blanks and the mark at its end.

    A word that means another thing in capitals keeps them. After other turns a question is compared as it was written: a
    capital may be all that says it does not lean on them.
    """
    text = " ".join(unicodedata.normalize("NFKC", question).split()).rstrip(_END)
    return _WORD.sub(lambda word: word[0] if word[0].isupper() and _is_other_in_capitals(word[0]) else word[0].casefold(), text)


def give_again(kept: KeptAnswer, request: ChatRequest, answer: AnswerProgress) -> AsyncGenerator[ChatEvent]:
    """The events of a kept answer, as `generate` makes them of a new one."""
    answer.is_cached, answer.given_first = True, kept.message_id
    model = _Again(kept)
    return generate(request, kept.passages, answer, model=model, fallback=model)


class _Again:
    """The model of a kept answer: it says again what was said."""

    def __init__(self, kept: KeptAnswer) -> None:
        self.name = kept.model
        self._said = kept.said

    def arrange(self, request: ChatRequest, passages: Passages) -> Passages:
        """They were arranged when they were kept."""
        del request
        return passages

    async def answer(self, request: ChatRequest, passages: Passages) -> AsyncGenerator[Output]:
        """See `ChatModel.answer`."""
        del request, passages
        for delta in self._said:
            yield delta
        yield Finished(reason="stop")

    async def ping(self) -> None:
        """Always there."""

    async def aclose(self) -> None:
        """Nothing to close."""


def _room(raw: bytes) -> int:
    """What an answer takes of `MAX_BYTES`: no less than lets `MAX_ENTRIES` of them in."""
    return max(len(raw), -(-MAX_BYTES // MAX_ENTRIES))


def _is_other_in_capitals(word: str) -> bool:
    return len(word) > 1 and word.casefold() in _OTHER_IN_CAPITALS


async def _sweep(redis: RedisServer, prefix: str, build_id: str) -> None:
    """Delete what older builds said; names of builds sort by time, and a newer one may be live where we have not looked yet."""
    pattern = re.sub(r"([*?\[\]\\])", r"\\\1", prefix) + "*"
    cursor = 0
    try:
        while True:
            cursor, keys = await redis.run("SCAN", cursor, "MATCH", pattern, "COUNT", SWEEP_KEYS)
            if old := [key for key in keys if key.decode().removeprefix(prefix).rpartition(":")[0] < build_id]:
                await redis.run("UNLINK", *old)
            if not cursor:
                return
    except ServiceError:
        return  # they are found no more, and end by themselves


def open_answer_cache(settings: Settings, model: str, redis: RedisServer | None) -> AnswerCache:
    """The cache of the settings; what answers hang on beside the question and the build is all in here."""
    embedded_at = settings.embedding_base_url or settings.openai_base_url
    circumstances = (
        VERSION,
        model,
        settings.openai_base_url,
        rules(),
        str(settings.answer_support),
        f"{choose_model(settings)} {embedded_at}",
    )
    return AnswerCache(circumstances, collection=settings.collection, keep_s=settings.answer_cache_hours * 3600, redis=redis)
