"""What both programs agree on about an ingest run in Prefect: its names, its artifacts and when it counts as dead.

The flow writes, the web process reads over the REST API (`POST /artifacts/filter` with `flow_run_id` and `key`):

    ingest-progress   type `table`, one row per step, a JSON *string* of a list of `Step`: created at the start of a run,
                      patched as it goes and at least every `HEARTBEAT_S` seconds, so its `updated` is the run's heartbeat
    ingest-changes    type `table`, for people: one row per file that is added, changed or removed,
                      written as soon as that is known
    ingest-report     type `json`, an object: `Report` in JSON, written once at the end
    ingest-summary    type `markdown`, for people: the report with links to the pages
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, SecretStr, TypeAdapter, model_validator

from shared.models import Frozen, Progress, Report, Step

FLOW = "ingest-book"
DEPLOYMENT = f"{FLOW}/{FLOW}"
"""Name under which the server starts an ingest: flow / deployment."""
WORK_POOL = "book"
SHARD_FLOW = "ingest-shard"
SHARD_DEPLOYMENT = f"{SHARD_FLOW}/{SHARD_FLOW}"

PROGRESS_KEY = "ingest-progress"
CHANGES_KEY = "ingest-changes"
REPORT_KEY = "ingest-report"
SUMMARY_KEY = "ingest-summary"

MAX_PAGE_BYTES = 128 * 1024
"""Of a page's Markdown that is sent, in UTF-8: Prefect keeps it with the run, and lists it with the latest ones."""
MAX_PATH_CHARS = 300
PAGE_SUFFIXES = (".md", ".mdx")

HEARTBEAT_S = 5.0
SILENT_AFTER_S = 20.0
"""A run in state Running whose progress was not written for this long may have died: nobody is told to wait for it."""
DEAD_AFTER_S = 60.0
"""A run in state Running whose progress was not written for this long has died (kill -9 leaves it Running for ever)."""

_steps = TypeAdapter(tuple[Step, ...])


def prefect_headers(auth: SecretStr | None) -> dict[str, str]:
    """What a request to Prefect's API carries; `auth`: PREFECT_API_AUTH_STRING, of a server that asks for one."""
    if auth is None:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(auth.get_secret_value().encode()).decode()}"}


def _page_path(path: str) -> str:
    parts = path.split("/")
    is_plain = path.isprintable() and not {"", ".", ".."} & set(parts) and "\\" not in path
    if not is_plain or len(path) > MAX_PATH_CHARS or not path.endswith(PAGE_SUFFIXES):
        raise ValueError("must be a path inside the book, such as part/page.md")
    return path


class PageEdit(Frozen):
    """One page to be put into the index or taken out of it, while the others stay as they are."""

    action: Literal["write", "read", "remove"]
    """`read`: the page as the book's source has it."""
    path: Annotated[str, AfterValidator(_page_path)]
    """Relative to the book's root, with forward slashes."""
    book: str = ""
    """Which one of BOOKS; '': the only one."""
    markdown: str | None = None
    """What the page is to say; only with `write`."""

    @model_validator(mode="after")
    def _text_to_write(self) -> Self:
        if (self.markdown is not None) != (self.action == "write"):
            raise ValueError("needs Markdown to write, and no other action takes any")
        if len((self.markdown or "").encode("utf-8", "replace")) > MAX_PAGE_BYTES:
            raise ValueError(f"may have {MAX_PAGE_BYTES} bytes of Markdown")
        if "\0" in (self.markdown or ""):
            raise ValueError("may have no NUL in its Markdown")
        return self


def encode_progress(progress: Progress) -> str:
    """`data` of the `ingest-progress` artifact."""
    return json.dumps([step.model_dump(mode="json") for step in progress.steps])


def decode_progress(data: str) -> Progress:
    """The inverse of `encode_progress`; raises `ValueError` on anything else."""
    return Progress(steps=_steps.validate_json(data))


def decode_report(data: object) -> Report:
    """`data` of the `ingest-report` artifact as a report; raises `ValueError` on anything else."""
    return Report.model_validate(data)


def is_dead(last_sign: datetime, now: datetime) -> bool:
    """Whether a run in state Running, last heard of at `last_sign`, has died; both times with a time zone."""
    return now - last_sign > timedelta(seconds=DEAD_AFTER_S)


def note_of_death(*, cancelled: bool) -> dict[str, object]:
    """What Prefect is asked to note of a run that has died; `cancelled`: it was to end anyway."""
    state = {"type": "CANCELLED" if cancelled else "CRASHED", "message": "The process that ran it has died."}
    return {"state": state, "force": True}


def is_silent(last_sign: datetime, now: datetime) -> bool:
    """Whether such a run may have died."""
    return now - last_sign > timedelta(seconds=SILENT_AFTER_S)
