"""The process that runs what Prefect is asked to run, on the machine of the web server: `python -m flows.orchestration.worker`.

Any `prefect worker start --pool book` does as well. This one also waits for Prefect, registers the deployments, and marks runs
that died, so that they never block the next one.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress

import httpx
from prefect.workers.process import ProcessWorker
from pydantic import SecretStr

from flows.orchestration.dead_runs import close_dead_runs
from flows.orchestration.deployments import register
from shared.ingest_runs import WORK_POOL, prefect_headers
from shared.settings import Settings

WAIT_BETWEEN_TRIES_S = 0.3
SWEEP_EVERY_S = 20.0
RUNS_AT_ONCE = 2
"""Of a worker that takes shards: one, beside the run that waits for them; or two, of which one reads while the other embeds."""


async def main(api_url: str, auth: SecretStr | None, *, takes_shards: bool) -> None:
    """Serve until told to stop by SIGTERM or SIGINT; runs in progress get the same signal from the supervisor.

    `takes_shards`: not all that there are, so that several workers share them.
    """
    _stop_on_signals()
    async with httpx.AsyncClient(base_url=api_url, headers=prefect_headers(auth), trust_env=False) as client:
        await _wait_for_prefect(client)
        await register()
        sweeper = asyncio.create_task(_sweep(client, begin_again=takes_shards))
        try:
            await ProcessWorker(work_pool_name=WORK_POOL, limit=RUNS_AT_ONCE if takes_shards else None).start()
        finally:
            sweeper.cancel()


def _stop_on_signals() -> None:
    """Cancel this task: the worker then stops polling and waits for its runs."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _wait_for_prefect(client: httpx.AsyncClient) -> None:
    while True:
        with suppress(httpx.HTTPError):
            if (await client.get("/health")).is_success:
                return
        await asyncio.sleep(WAIT_BETWEEN_TRIES_S)


async def _sweep(client: httpx.AsyncClient, *, begin_again: bool) -> None:
    """Judge only when Prefect has answered for a while: before, a living run had no way to tell that it lives."""
    answered = False
    while True:
        try:
            if answered:
                await close_dead_runs(client, begin_again=begin_again)
            else:
                (await client.get("/health")).raise_for_status()
            answered = True
        except httpx.HTTPError:
            answered = False
        await asyncio.sleep(SWEEP_EVERY_S)


if __name__ == "__main__":
    settings = Settings()
    if settings.prefect_api_url is None:
        sys.exit("PREFECT_API_URL is not set; expected the address of a Prefect server, such as http://127.0.0.1:4200/api.")
    with suppress(asyncio.CancelledError, KeyboardInterrupt):
        takes_shards = settings.ingest_shards > 1
        asyncio.run(main(settings.prefect_api_url, settings.prefect_api_auth_string, takes_shards=takes_shards))
