"""The little of Prefect's REST API that the web process needs: start, watch and cancel ingest runs.

Prefect itself is never imported here: it would cost the process a hundred megabytes and seconds of start-up.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar

import httpx
from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from shared import ingest_runs as runs
from shared.errors import ConfigurationError, ServiceError
from shared.models import Frozen, Progress, Report
from shared.settings import Settings

LOCAL_API = "http://127.0.0.1:4200/api"
"""Where `make up` starts Prefect."""
TIMEOUT = httpx.Timeout(5.0, connect=2.0)

BUSY_PAUSES_S = (0.1, 0.2, 0.4)
"""Prefect on SQLite answers 503 at once when two write at the same instant, as a run does that tells of its progress."""
SOON = timedelta(minutes=1)
"""A run that its schedule has begin within is as good as begun, also where our clock and Prefect's differ."""
RECENT_RUNS = 20

State = Literal["scheduled", "pending", "running", "paused", "cancelling", "completed", "failed", "crashed", "cancelled"]
ACTIVE: frozenset[State] = frozenset({"scheduled", "pending", "running", "paused", "cancelling"})


class FlowRun(Frozen):
    """One ingest run, as Prefect knows it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    state: Annotated[State, BeforeValidator(lambda kind: str(kind).lower())] = Field(
        validation_alias=AliasPath("state", "type")
    )
    message: Annotated[str, BeforeValidator(lambda said: said or "")] = Field(
        "", validation_alias=AliasPath("state", "message")
    )
    """What Prefect says about the state, mostly when it failed."""
    since: datetime = Field(validation_alias=AliasPath("state", "timestamp"))
    """When it came into this state."""
    full: Annotated[bool, BeforeValidator(lambda wish: wish is True)] = Field(
        False, validation_alias=AliasPath("parameters", "full")
    )
    """A new build is written even if nothing changed; vectors are not bought again."""
    page: str | None = Field(None, validation_alias=AliasPath("parameters", "edit", "path"))
    """The page that is edited; None: the whole book is read."""
    expected_at: datetime | None = Field(None, validation_alias="expected_start_time")
    started_at: datetime | None = Field(None, validation_alias="start_time")
    ended_at: datetime | None = Field(None, validation_alias="end_time")

    @property
    def is_active(self) -> bool:
        """Not over yet."""
        return self.state in ACTIVE

    @property
    def has_process(self) -> bool:
        """Whether a process should be at work on it, which may have died."""
        return self.state in {"pending", "running", "cancelling"}

    def last_sign(self, findings: Findings) -> datetime:
        """When it was last heard of."""
        return max(findings.last_sign or self.since, self.since)


class Findings(Frozen):
    """What a run has written down so far."""

    progress: Progress | None = None
    last_sign: datetime | None = None
    """When the progress was last written."""
    report: Report | None = None


class _Artifact(BaseModel):
    key: str | None
    data: Any = None
    updated: datetime


class _Deployment(BaseModel):
    id: str


T = TypeVar("T")

_deployment = TypeAdapter(_Deployment)
_flow_run = TypeAdapter(FlowRun)
_flow_runs = TypeAdapter(list[FlowRun])
_artifacts = TypeAdapter(list[_Artifact])


class PrefectApi:
    """A client of one Prefect server. Every method raises `ServiceError('prefect')` when it does not answer as it should."""

    def __init__(self, settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Raises `ConfigurationError` when PREFECT_API_URL is no address."""
        url = _address(settings.prefect_api_url or LOCAL_API)
        self._client = httpx.AsyncClient(
            base_url=url,
            headers=runs.prefect_headers(settings.prefect_api_auth_string),
            timeout=TIMEOUT,
            transport=transport,
            verify=url.scheme == "https",  # without TLS no certificates are loaded
            trust_env=url.host not in {"127.0.0.1", "localhost", "::1"},  # a proxy for the internet does not know this machine
        )

    async def start(self, *, full: bool = False, edit: runs.PageEdit | None = None, idempotency_key: str) -> FlowRun:
        """A run of the ingest deployment, or with `edit` of one page; the same key gives the same run."""
        deployment = _read(_deployment, await self._call("GET", f"/deployments/name/{runs.DEPLOYMENT}"))
        parameters = {"full": full} | ({"edit": edit.model_dump(exclude_defaults=True)} if edit else {})
        body = {"parameters": parameters, "idempotency_key": idempotency_key}
        return _read(_flow_run, await self._call("POST", f"/deployments/{deployment.id}/create_flow_run", body))

    async def latest(self) -> FlowRun | None:
        """The run at work or waiting, or else the newest."""
        recent = await self.recent()
        return next((run for run in reversed(recent) if run.is_active), recent[0] if recent else None)

    async def recent(self) -> list[FlowRun]:
        """The last few runs of every deployment, over or not, the newest first; not those a schedule has for later."""
        soon = datetime.now(UTC) + SOON
        body = {
            "flows": {"name": {"any_": [runs.FLOW]}},
            "flow_runs": {"expected_start_time": {"before_": soon.isoformat()}},
            "sort": "EXPECTED_START_TIME_DESC",
            "limit": RECENT_RUNS,
        }
        return _read(_flow_runs, await self._call("POST", "/flow_runs/filter", body))

    async def run(self, run_id: str) -> FlowRun | None:
        """One run by its id (a UUID); None when there is none of that name or it is no ingest."""
        body = {"flow_runs": {"id": {"any_": [run_id]}}, "flows": {"name": {"any_": [runs.FLOW]}}, "limit": 1}
        found = _read(_flow_runs, await self._call("POST", "/flow_runs/filter", body))
        return found[0] if found else None

    async def findings(self, run_id: str) -> Findings:
        """What the run has published: progress while it runs, the report at its end."""
        keys = [runs.PROGRESS_KEY, runs.REPORT_KEY]
        body = {"artifacts": {"flow_run_id": {"any_": [run_id]}, "key": {"any_": keys}}, "sort": "ID_DESC"}
        artifacts = _read(_artifacts, await self._call("POST", "/artifacts/filter", body))
        newest = {artifact.key: artifact for artifact in reversed(artifacts)}
        progress, report = newest.get(runs.PROGRESS_KEY), newest.get(runs.REPORT_KEY)
        try:
            return Findings(
                progress=runs.decode_progress(progress.data) if progress else None,
                last_sign=progress.updated if progress else None,
                report=runs.decode_report(report.data) if report else None,
            )
        except ValueError as exc:
            raise _failure(f"run {run_id} has published something that is no progress or report", transient=False) from exc

    async def cancel(self, run: FlowRun) -> None:
        """Ask the worker to stop a run; one that has not started is cancelled at once.

        A process that is just being started dies of `CANCELLING` and leaves it at that; `CANCELLED` it takes for an answer.
        """
        state = "CANCELLING" if run.state == "running" else "CANCELLED"
        await self._call("POST", f"/flow_runs/{run.id}/set_state", {"state": {"type": state}})

    async def mark_dead(self, run: FlowRun) -> None:
        """Close the books on a run whose process died."""
        await self._call("POST", f"/flow_runs/{run.id}/set_state", runs.note_of_death(cancelled=run.state == "cancelling"))

    async def ping(self) -> None:
        """Return when the server answers."""
        await self._call("GET", "/health")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _call(self, method: str, path: str, body: object = None) -> httpx.Response:
        response = await self._send(method, path, body)
        for pause_s in BUSY_PAUSES_S:
            if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(pause_s)
            response = await self._send(method, path, body)
        if response.is_success:
            return response
        if response.status_code == HTTPStatus.NOT_FOUND and path.startswith("/deployments/name/"):
            raise _failure(f"the deployment {runs.DEPLOYMENT!r} is not there yet", transient=True)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise _failure("it asks for another PREFECT_API_AUTH_STRING", transient=False)
        raise _failure(f"{method} {path} was answered {response.status_code}", transient=response.status_code >= 500)

    async def _send(self, method: str, path: str, body: object) -> httpx.Response:
        try:
            return await self._client.request(method, path, json=body)
        except httpx.HTTPError as exc:
            raise _failure(f"{method} {path} got no answer ({type(exc).__name__})", transient=True) from exc


def _read(shape: TypeAdapter[T], response: httpx.Response) -> T:
    try:
        return shape.validate_json(response.content)
    except ValidationError as exc:
        raise _failure(f"{response.request.url.path} was answered with something else than expected", transient=False) from exc


def _address(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text.rstrip("/"))
    except httpx.InvalidURL as exc:
        raise ConfigurationError(f"PREFECT_API_URL is {text!r}, which is no address.") from exc
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError(f"PREFECT_API_URL is {text!r}; expected something like {LOCAL_API}.")
    return url


def _failure(message: str, *, transient: bool) -> ServiceError:
    return ServiceError("prefect", f"Prefect: {message}.", transient=transient)
