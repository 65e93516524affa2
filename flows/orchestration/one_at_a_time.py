"""One ingest of a book at a time, whichever deployment started it.

Prefect's own limit counts per deployment, and hangs on a lease that a restarted server has forgotten: it then ends the run that
holds it. So a run looks for itself before it does anything. Which book it is, the settings of the pool's workers say; so:

1. A run of this flow, in this work pool, that came into state Running before us is before us.
2. If it gave a sign of life lately we give way, and do nothing.
3. If not, it may have died: we wait until it gives one, or has been silent for `DEAD_AFTER_S` and is marked as dead.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from flows.orchestration.dead_runs import ActiveRun, Api, active_runs, close_run
from shared.ingest_runs import is_dead, is_silent

LOOK_EVERY_S = 1.0


async def find_running_ingest(api: Api, run_id: str) -> ActiveRun | None:
    """None when it is this run's turn; otherwise the run that has it. Raises `httpx.HTTPError`."""
    looked_since = datetime.now(UTC)
    while rivals := _before(run_id, await active_runs(api)):
        now = datetime.now(UTC)
        for rival in rivals:
            if not is_silent(rival.heard_of, now):
                return rival
            # Not at the first look: where Prefect itself was away, nobody could give a sign.
            if is_dead(rival.heard_of, now) and is_silent(looked_since, now):
                await close_run(api, rival)
        await asyncio.sleep(LOOK_EVERY_S)
    return None


def _before(run_id: str, active: list[ActiveRun]) -> list[ActiveRun]:
    """The runs of our pool that were at work before us. Prefect's server tells the times: there is one clock."""
    own = next((run for run in active if run.id == run_id), None)
    if own is None or own.start_time is None:
        return []
    mine = (own.since, own.id)  # later than its start where it died and was begun again: who began meanwhile is before it
    others = (run for run in active if run.work_pool_name == own.work_pool_name and run.id != own.id)
    return [run for run in others if run.start_time is not None and (run.start_time, run.id) < mine]
