"""Everything a chat model, an embedding model and a Qdrant can do wrong, one after another."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from server.problems import MEANINGS
from tests.figures.measuring.harness import (
    QUESTIONS,
    Measured,
    Server,
    Trial,
    answering_with,
    make_book,
    question_body,
    serve,
    settle,
)
from tests.figures.measuring.readers import Heard, hear
from tests.support.loopback_http import Exchange, Received
from tests.support.openai.stand_in import HTML, Seen, StandIn
from tests.support.qdrant_stand_in import QdrantStandIn

Break = Callable[[Exchange], Awaitable[None]]
CHAT_LIMIT_S, LOOK_UP_LIMIT_S = 45.0, 25.0
"""A model may be silent for 30 s; a search ends after 20."""
RECOVERED_LIMIT_S = 90.0
"""Probes of a model that is away come up to 60 s apart."""
HANG_S = 100.0


def answer_with(status: int, body: object) -> Break:
    """A whole response."""

    async def give(exchange: Exchange) -> None:
        await exchange.reply(status, body)

    return give


async def hang(exchange: Exchange) -> None:
    await exchange.pause(HANG_S)


async def reset(exchange: Exchange) -> None:
    exchange.cut()


async def break_off(exchange: Exchange) -> None:
    await exchange.reply(200, b'{"result": {"points": [', {"content-length": "5000"})
    exchange.cut()


REFUSED: dict[str, Break] = {
    str(status): answer_with(status, {"error": {"message": "sk-secret", "code": "x"}, "status": {"error": "sk-secret"}})
    for status in (400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503)
}
BODIES: dict[str, Break] = {
    f"200 {text[:24]!r}": answer_with(200, text.encode())
    for text in (
        "", "null", "5", "[]", "{}", '"text"', '{"result"', '{"result": null}', '{"result": 5}', '{"result": []}',
        '{"result": {"points": 5}}', '{"result": [{"id": {}, "score": "x"}], "status": "ok"}', '{"data": null}', '{"data": 5}',
        '{"data": [{}]}', '{"data": [{"embedding": "x"}]}', '{"data": [{"index": 9, "embedding": [0.1]}]}', "[" * 50_000,
    )
}  # fmt: skip
FAULTS: dict[str, Break] = REFUSED | BODIES | {
    "HTML": answer_with(200, HTML), "reset": reset, "breaks off": break_off, "hangs": hang,
}  # fmt: skip
STREAMS: Sequence[tuple[str, dict[str, Any]]] = (
    ("cut", {"after": 0}), ("cut", {"after": 2}), ("truncate", {"after": 0}), ("truncate", {"after": 2}),
    ("bad_json", {"after": 0}), ("bad_json", {"after": 2}), ("error_event", {"after": 0}), ("error_event", {"after": 2}),
    ("content_filter", {"after": 0}), ("content_filter", {"after": 2}), ("empty", {}), ("no_usage", {}),
    ("insufficient_quota", {}),
    *(
        ("events", {"after": after, "events": [data]})
        for after in (0, 2)
        for data in ("null", "5", "[]", '{"choices": 5}', '{"choices": [{"delta": {"content": 5}}]}', "NaN", "[" * 50_000)
    ),
    *(
        ("events", {"after": 2, "events": ['{"choices": [{"delta": {}, "finish_reason": "stop"}]}', usage, "[DONE]"]})
        for usage in (
            '{"usage": {"prompt_tokens": -5, "completion_tokens": -9}}', '{"usage": 5}', '{"usage": {"prompt_tokens": 1e300}}',
            '{"usage": {"prompt_tokens": NaN, "completion_tokens": 1}}',
        )
    ),
    ("stall", {"after": 2, "seconds": HANG_S}),
)  # fmt: skip
VECTORS = ("wrong_length", "nan", "too_many", "out_of_order", "no_usage")


class FaultyModels(StandIn):
    """Answers every request to an endpoint with a fault, until told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, Break] = {}

    async def _answer(self, seen: Seen, exchange: Exchange) -> None:
        if fault := self.faults.get(seen.endpoint):
            await fault(exchange)
        else:
            await super()._answer(seen, exchange)

    async def refuse(self) -> None:
        """Nobody listens there any more."""
        await self._server.stop()

    async def listen(self) -> None:
        """As before."""
        await self._server.start()


class FaultyQdrant(QdrantStandIn):
    """The same, in a Qdrant's place."""

    fault: Break | None = None

    async def refuse(self) -> None:
        """Nobody listens there any more."""
        await self._server.stop()

    async def listen(self) -> None:
        """As before."""
        await self._server.start()

    async def _serve(self, request: Received, exchange: Exchange) -> None:
        if self.fault is not None:
            await self.fault(exchange)
        else:
            await super()._serve(request, exchange)


@dataclass
class Cell:
    """One fault of one service, and what a reader is told of it."""

    name: str
    begin: Callable[[], object]
    end: Callable[[], object]
    path: str
    limit_s: float


def outcome_of(heard: Heard) -> str | None:
    """What a reader was told, by a name of ours; None: nothing decent."""
    if heard.status == 200 and not heard.frames:
        return "answered" if '"results"' in heard.text else None
    if heard.status == 200:
        code = heard.error or ("degraded" if heard.frames[-1].get("degraded") else "answered")
        return code if heard.is_whole and (code in MEANINGS or heard.error is None) and code != "internal_error" else None
    try:
        code = json.loads(heard.text.partition("\r\n\r\n")[2])["code"]
    except (ValueError, KeyError):
        return None
    return code if code in MEANINGS and code != "internal_error" else None


async def faults_upstream(trial: Trial) -> Measured:
    """Each cell: a question or a search during the fault, its outcome and time, and whether the next one is well again."""
    outcomes, failed, tried, slowest = Counter[str](), list[str](), 0, 0.0
    async with FaultyModels() as models, FaultyQdrant() as qdrant:
        async for server, cells in _stages(trial, models, qdrant):
            for cell in cells:
                tried += 1
                await _do(cell.begin)
                began = time.monotonic()
                heard = await _ask(server, cell.path, tried)
                took_s = time.monotonic() - began
                await _do(cell.end)
                outcome, is_back = outcome_of(heard), await _is_well_again(server, cell, tried)
                slowest = max(slowest, took_s)
                outcomes[f"{outcome}"] += 1
                if outcome is None or took_s > cell.limit_s or not is_back or "sk-secret" in heard.text:
                    failed.append(f"{cell.name} ({outcome}, {took_s:.0f} s{'' if is_back else ', not back'})")
            if server.tracebacks():
                failed.append(f"{server.tracebacks()} tracebacks of {server.log.name}")
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    text = f"{told}; longest {slowest:.1f} s" + (f"; wrong: {'; '.join(failed[:5])}" if failed else "")
    return Measured(text, tried, len(failed))


async def _do(what: Callable[[], object]) -> None:
    done = what()
    if isinstance(done, Awaitable):
        await done


async def _stages(trial: Trial, models: FaultyModels, qdrant: FaultyQdrant) -> AsyncGenerator[tuple[Server, Sequence[Cell]]]:
    few = slice(0, None, 9 if trial.is_short else 1)
    dense = {"embedding_model": "text-embedding-3-small", "embedding_base_url": models.base_url, "embedding_api_key": "key"}
    vectors = dense | {"embedding_dimensions": models.dimensions}
    named = {name.upper(): value for name, value in vectors.items()}
    await make_book(trial, **vectors)
    async with serve(trial.folder, **answering_with(models), **named) as server:
        yield server, [*_cells_of_chat(models, trial)[few], *_cells_of_embeddings(models, trial)[few]]
    await make_book(trial, qdrant_url=qdrant.url)
    async with serve(trial.folder, "qdrant", QDRANT_URL=qdrant.url, ANSWER_CACHE_HOURS=0) as server:
        yield server, _cells_of_qdrant(qdrant, trial)[few]


def _cells_of_chat(models: FaultyModels, trial: Trial) -> list[Cell]:
    def cell(name: str, begin: Callable[[], object], end: Callable[[], object]) -> Cell:
        return Cell(f"chat: {name}", begin, end, "/chat", CHAT_LIMIT_S)

    streams = [one for one in STREAMS if not trial.is_short or one[0] != "stall"]
    return [
        cell("refused", models.refuse, models.listen),
        *(cell(name, partial(models.faults.update, chat=fault), models.faults.clear) for name, fault in _faults(trial)),
        *(cell(f"{what} {how}", partial(models.fail, "chat", what, times=2, **how), models.reset) for what, how in streams),
    ]


def _cells_of_embeddings(models: FaultyModels, trial: Trial) -> list[Cell]:
    def cell(name: str, begin: Callable[[], object], end: Callable[[], object]) -> Cell:
        return Cell(f"embeddings: {name}", begin, end, "/search", LOOK_UP_LIMIT_S)

    return [
        cell("refused", models.refuse, models.listen),
        *(cell(name, partial(models.faults.update, embeddings=fault), models.faults.clear) for name, fault in _faults(trial)),
        *(cell(what, partial(models.fail, "embeddings", what, times=3), models.reset) for what in VECTORS),
    ]


def _cells_of_qdrant(qdrant: FaultyQdrant, trial: Trial) -> list[Cell]:
    def cells(path: str) -> Iterator[Cell]:
        yield Cell(f"qdrant: refused {path}", qdrant.refuse, qdrant.listen, path, LOOK_UP_LIMIT_S)
        for name, fault in _faults(trial):
            begin, end = (partial(setattr, qdrant, "fault", what) for what in (fault, None))
            yield Cell(f"qdrant: {name} {path}", begin, end, path, LOOK_UP_LIMIT_S)

    return [*cells("/chat"), *cells("/search")]


def _faults(trial: Trial) -> list[tuple[str, Break]]:
    return [one for one in FAULTS.items() if not trial.is_short or one[1] is not hang]


async def _ask(server: Server, path: str, n: int) -> Heard:
    question = f"{QUESTIONS[n % 8][:-1]}, asked {n} at {time.monotonic_ns()}?"
    if path == "/search":
        return await hear(server.port, b"", path="/search?q=" + question.replace(" ", "+"), method="GET")
    return await hear(server.port, question_body(question), path=path)


async def _is_well_again(server: Server, cell: Cell, n: int) -> bool:
    async def is_well() -> bool:
        heard = await _ask(server, cell.path, n)
        return outcome_of(heard) == "answered" and '"degraded":true' not in heard.text

    return await settle(is_well, RECOVERED_LIMIT_S)
