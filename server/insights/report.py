"""Insights written down: what `/insights` answers with, and what `python -m server report` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from server.conversations.from_settings import database_address
from server.conversations.questions_asked import AskedQuestion
from server.insights.insights import Insights, sum_up
from server.insights.renderings import Format, as_csv, as_html, as_markdown
from shared.errors import ConfigurationError
from shared.settings import Settings

MOST_KEPT = 50_000
"""Questions of one report, the newest."""
_WRITE: Mapping[Format, Callable[[Insights], str]] = {"markdown": as_markdown, "csv": as_csv, "html": as_html}


def write_report(questions: Sequence[AskedQuestion], form: Format) -> str:
    """The report on these questions. Takes a second for the most there may be: not for the loop."""
    return _WRITE[form](sum_up(questions))


async def read_report(settings: Settings, *, days: float, form: Format) -> str:
    """The report on the last `days`, straight from the database. Raises `ConfigurationError`, `ServiceError`."""
    address = database_address(settings)
    if address is None or not settings.keep_questions:
        raise ConfigurationError("No questions are kept: set KEEP_QUESTIONS to the days they may be, and a DATABASE_URL.")
    from server.conversations.store import open_store  # SQLAlchemy: half a second

    store = await open_store(address)
    try:
        return write_report(await store.questions(datetime.now(UTC) - timedelta(days=days), MOST_KEPT), form)
    finally:
        await store.aclose()
