"""Stand-ins whose answers can be worked out by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from pydantic import SecretStr

from flows.reading.parse import parse
from flows.source.files import SourceFile
from flows.splitting.split import ChunkLimits, split
from server.answering.events import AnswerIds, ChatEvent, CitedSource, Done, Sources, Start, TextDelta, Usage
from server.answering.pacing import Timing
from server.answering.progress import AnswerProgress
from server.finding.passages import Passage, Passages, SearchOutcome
from server.http.auth import Access
from server.http.draining import Draining
from server.http.limits import RateLimits
from server.metrics import Metrics
from server.models.from_settings import open_budget
from server.prefect_api import PrefectApi
from server.questions import ChatRequest
from server.services import Services
from server.status.health import Health, last_ingest
from server.status.probes import Probe
from shared import ingest_runs as runs
from shared.errors import NotBuiltError, ServiceError
from shared.index.port import Filter
from shared.models import Build, Chunk, Hit, Progress, Section
from shared.settings import Settings

ADMIN_KEY = "let-me-in-as-the-author-of-this-book"
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def make_chunk(text: str = "A robot has joints.", *, path: str = "intro.md", heading: str = "Joints", n: int = 0) -> Chunk:
    """A chunk that is all of its file, under one heading, unless the Markdown of `text` has some of its own."""
    anchor = heading.lower().replace(" ", "-")
    url = "https://example.github.io/book/docs/intro"
    body, sections = _read(text, ("Robots", heading), anchor, url)
    return Chunk(
        id=str(UUID(int=n)),
        path=path,
        title="Robots",
        position=n,
        start=0,
        end=len(text),
        start_line=1,
        end_line=text.count("\n") + 1,
        heading_path=("Robots", heading),
        anchor=anchor,
        url=f"{url}#{anchor}",
        sections=sections,
        tokens=len(text.split()),
        text=text,
        content=body,
        body_start=0,
        content_hash=f"{n:064x}",
    )


def _read(text: str, path: tuple[str, ...], anchor: str, url: str) -> tuple[str, tuple[Section, ...]]:
    """The rendering of a text without breadcrumb, and its sections, headings of its own below `path`."""
    limits = ChunkLimits(max_tokens=10**6, min_tokens=10**6, fill_tokens=10**6)
    chunks = split(parse(SourceFile("intro.md", text)), limits=limits, count=len, collection="")
    if not chunks:
        return text, (Section(start=0, heading_path=path, anchor=anchor, url=f"{url}#{anchor}", blocks=()),)
    (chunk,) = chunks
    sections = [
        Section(
            start=section.start,
            heading_path=(*path, *section.heading_path),
            anchor=section.heading_path[-1].lower() if section.heading_path else anchor,
            url=f"{url}#{section.heading_path[-1].lower() if section.heading_path else anchor}",
            blocks=tuple(
                block._replace(
                    content_start=block.content_start - chunk.body_start, content_end=block.content_end - chunk.body_start
                )
                for block in section.blocks
            ),
        )
        for section in chunk.sections
    ]
    return chunk.content[chunk.body_start :], tuple(sections)


def make_build(name: str = "20250101-a", *, documents: int = 2, chunks: int = 3) -> Build:
    """A lexical build."""
    return Build(
        id=name,
        created_at=NOON,
        fingerprint="1",
        embedding_model=None,
        dimensions=None,
        digest="0" * 64,
        documents=documents,
        chunks=chunks,
        source="/book",
    )


def make_source(n: int = 1, *, url: str = "https://example.github.io/book/docs/intro#joints", width: int = 8) -> CitedSource:
    """A citation whose labels are `width` characters long."""
    quote = "A robot has joints."
    return CitedSource(n=n, title="t" * width, chapter="c" * width, section="s" * width, url=url, score=0.5, quote=quote)


class FakeFinder:
    """Finds the same chunks whatever is asked; `failure` is raised instead, `requests` is what was asked."""

    def __init__(self, *chunks: Chunk, build: Build | None = None, failure: Exception | None = None) -> None:
        self.chunks = chunks
        self.build = build
        self.failure = failure
        self.requests: list[ChatRequest] = []
        self.wheres: list[Filter | None] = []

    async def retrieve(self, request: ChatRequest) -> Passages:
        self.requests.append(request)
        self._check()
        passages = tuple(
            Passage(n=n, chunk=chunk, score=1 / n, url=chunk.url, heading_path=chunk.heading_path)
            for n, chunk in enumerate(self.chunks, 1)
        )
        return Passages(
            passages=passages, query=request.question, build_id=self.build.id if self.build else "", answerable=True
        )

    async def search(self, query: str, *, k: int, where: Filter | None = None) -> SearchOutcome:
        self.wheres.append(where)
        self._check()
        hits = tuple(Hit(chunk=chunk, score=1 / n) for n, chunk in enumerate(self.chunks, 1))
        return SearchOutcome(hits=hits[:k], query=query, answerable=True, support=0.75)

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self.build is None:
            raise NotBuiltError("No book has been read.")


class ScriptedAnswerer:
    """Gives the scripted steps: an event, an exception to raise, seconds to sleep, an `asyncio.Event` to wait for."""

    def __init__(self, *steps: ChatEvent | Exception | float | asyncio.Event) -> None:
        self.steps = steps
        self.opened = asyncio.Event()
        self.closed = asyncio.Event()
        """Set when the generator was closed, which is when a real one closes the model's stream."""

    async def generate(self, request: ChatRequest, passages: Passages, answer: AnswerProgress) -> AsyncGenerator[ChatEvent]:
        self.opened.set()
        try:
            for step in self.steps or whole_answer(answer.ids):
                match step:
                    case Exception():
                        raise step
                    case float():
                        await asyncio.sleep(step)
                    case asyncio.Event():
                        await step.wait()
                    case _:
                        yield step
        finally:
            self.closed.set()


def whole_answer(ids: AnswerIds, *texts: str, cost_usd: float | None = 0.01) -> list[ChatEvent]:
    """The events of an answer that cites its one source."""
    source = make_source()
    return [
        Start(
            session_id=ids.session_id, message_id=ids.message_id, metadata={"mode": "chat", "model": "scripted"} | ids.metadata
        ),
        Sources(sources=(source,)),
        *(TextDelta(text) for text in texts or ("Joints ", "move [1].")),
        Done(
            session_id=ids.session_id,
            message_id=ids.message_id,
            finish_reason="stop",
            abstained=False,
            cited=(1,),
            sources=(source,),
            usage=Usage(prompt_tokens=10, completion_tokens=2, cost_usd=cost_usd),
        ),
    ]


class PrefectStandIn:
    """Prefect's REST API, as far as the web process uses it, behind httpx's transport."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.is_deployed = True
        self.is_away = False
        self.auth: SecretStr | None = None
        """What it asks for; None: nothing."""
        self.busy_times = 0
        """Requests to answer with 503 before the next is answered."""
        self.garbage: bytes | None = None
        """Answer everything with this."""
        self.transport = httpx.MockTransport(self._answer)

    def add_run(
        self,
        state: str = "RUNNING",
        *,
        full: bool = False,
        edit: dict[str, Any] | None = None,
        key: str | None = None,
        since: datetime | None = None,
    ) -> dict[str, Any]:
        run = {
            "id": str(uuid4()),
            "state": {"type": state, "message": None, "timestamp": (since or datetime.now(UTC)).isoformat()},
            "parameters": {"full": full} | ({"edit": edit} if edit else {}),
            "expected_start_time": NOON.isoformat(),
            "start_time": datetime.now(UTC).isoformat() if state == "RUNNING" else None,
            "end_time": None,
            "idempotency_key": key,
        }
        self.runs.append(run)
        return run

    def add_artifact(self, run: dict[str, Any], key: str, data: object, updated: datetime | None = None) -> None:
        at = (updated or datetime.now(UTC)).isoformat()
        self.artifacts.append({"flow_run_id": run["id"], "key": key, "data": data, "updated": at})

    def add_progress(self, run: dict[str, Any], progress: Progress, updated: datetime | None = None) -> None:
        self.add_artifact(run, runs.PROGRESS_KEY, runs.encode_progress(progress), updated)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        if self.is_away:
            raise httpx.ConnectError("refused")
        if self.auth is not None and request.headers.get("Authorization") != runs.prefect_headers(self.auth)["Authorization"]:
            return httpx.Response(401, json={"exception_message": "Unauthorized"})
        if self.busy_times > 0:
            self.busy_times -= 1
            return httpx.Response(503, json={"exception_message": "Service Unavailable"})
        if self.garbage is not None:
            return httpx.Response(200, content=self.garbage)
        body = json.loads(request.content) if request.content else {}
        found = self._find(request.url.path.removeprefix("/api/").split("/"), body)
        return httpx.Response(404 if found is None else 200, json=found)

    def _find(self, path: list[str], body: dict[str, Any]) -> object:  # noqa: PLR0911  one per address
        match path:
            case ["health"]:
                return True
            case ["deployments", "name", *_] if self.is_deployed:
                return {"id": str(UUID(int=7))}
            case ["deployments", _, "create_flow_run"]:
                return self._create(body)
            case ["flow_runs", "filter"]:
                ids = body.get("flow_runs", {}).get("id", {}).get("any_")
                return [run for run in reversed(self.runs) if ids is None or run["id"] in ids][: body["limit"]]
            case ["flow_runs", run_id, "set_state"]:
                next(run for run in self.runs if run["id"] == run_id)["state"] |= {"message": None} | body["state"]
                return {}
            case ["artifacts", "filter"]:
                return self._artifacts_of(body["artifacts"])
            case _:
                return None

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        same = [run for run in self.runs if run["idempotency_key"] == body["idempotency_key"]]
        return same[0] if same else self.add_run("SCHEDULED", **body["parameters"], key=body["idempotency_key"])

    def _artifacts_of(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        run_ids, keys = wanted["flow_run_id"]["any_"], wanted["key"]["any_"]
        return [one for one in reversed(self.artifacts) if one["flow_run_id"] in run_ids and one["key"] in keys]


class FakeIndex:
    """An index of which only the live build and whether it answers matter."""

    def __init__(self, build: Build | None = None) -> None:
        self.build = build
        self.is_away = False

    async def live(self) -> Build | None:
        await self.ping()
        return self.build

    async def ping(self) -> None:
        if self.is_away:
            raise ServiceError("qdrant", "Qdrant is away.", transient=True)

    async def records(self) -> dict[str, Chunk]:
        return {}

    async def vectors(self, content_hashes: object) -> dict[str, list[float]]:
        return {}

    async def publish(self, build: Build, chunks: Sequence[Chunk], dense: object) -> None:
        self.build = build

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Any]:
        raise NotBuiltError("No book has been read.")
        yield

    async def aclose(self) -> None:
        self.is_away = True


def make_services(
    *,
    settings: Settings | None = None,
    index: FakeIndex | None = None,
    finder: FakeFinder | None = None,
    answerer: ScriptedAnswerer | None = None,
    prefect: PrefectStandIn | None = None,
    chat_model: Probe[None] | None = None,
    timing: Timing | None = None,
) -> Services:
    """Services over fakes, with a live build unless told otherwise."""
    settings = settings or Settings()
    index = index or FakeIndex(make_build())
    metrics = Metrics()
    api = PrefectApi(settings, transport=(prefect or PrefectStandIn()).transport)
    return Services(
        settings=settings,
        index=index,
        finder=finder or FakeFinder(make_chunk(), build=index.build),
        answerer=answerer or ScriptedAnswerer(),
        prefect=api,
        health=Health(
            build=Probe(index.live, max_age_s=0.0),
            index=Probe(index.ping, max_age_s=0.0),
            prefect=Probe(api.ping, max_age_s=0.0),
            chat_model=chat_model,
            embeddings=None,
            last_ingest=Probe(lambda: last_ingest(api), max_age_s=0.0),
        ),
        exact_tokens=True,
        limits=RateLimits(settings),
        access=Access(settings),
        budget=open_budget(settings, metrics),
        metrics=metrics,
        drain=Draining(),
        timing=timing or Timing(),
        closers=(api.aclose, index.aclose),
    )
