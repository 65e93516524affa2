"""Registers what `prefect.yaml` lists, from one process: `prefect deploy --all` without the CLI's start-up.

Run as `python -m flows.orchestration.deployments`; the worker does it too before it starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.flows import load_flow_from_entrypoint

from shared.settings import HOME


def listed_deployments(home: Path = HOME) -> list[dict[str, Any]]:
    """The deployments of `home/prefect.yaml`, `$PWD` filled in."""
    text = (home / "prefect.yaml").read_text(encoding="utf-8").replace("{{ $PWD }}", str(home))
    return cast("list[dict[str, Any]]", yaml.safe_load(text)["deployments"])


def register(home: Path = HOME) -> list[str]:
    """Create every deployment and its work pool, or bring them up to date; their full names.

    A schedule that was switched on or off stays so. Raises Prefect's own errors: the callers are Prefect processes, which log
    them and are started again.
    """
    with get_client(sync_client=True) as client:
        return [_register(client, entry) for entry in listed_deployments(home)]


def _register(client: SyncPrefectClient, entry: dict[str, Any]) -> str:
    _create_pool(client, entry["work_pool"]["name"])
    flow = load_flow_from_entrypoint(entry["entrypoint"], use_placeholder_flow=False)
    full_name = f"{flow.name}/{entry['name']}"
    deployment = RunnerDeployment.from_entrypoint(
        entry["entrypoint"],
        entry["name"],
        description=entry.get("description"),
        parameters=entry.get("parameters"),
        schedules=_schedules(entry, switched=_switched(client, full_name)),
        work_pool_name=entry["work_pool"]["name"],
        job_variables=entry["work_pool"].get("job_variables"),
    )
    deployment.apply()
    return full_name


def _schedules(entry: dict[str, Any], *, switched: dict[str, bool]) -> list[DeploymentScheduleCreate]:
    return [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron=each["cron"], timezone=each["timezone"]),
            slug=each["slug"],
            active=switched[each["slug"]] if each["slug"] in switched else each["active"],
        )
        for each in entry.get("schedules", [])
    ]


def _switched(client: SyncPrefectClient, full_name: str) -> dict[str, bool]:
    """Which schedules of the deployment are on in Prefect now, by their slugs; empty before it is there."""
    try:
        schedules = client.read_deployment_by_name(full_name).schedules
    except ObjectNotFound:
        return {}
    return {schedule.slug: bool(schedule.active) for schedule in schedules if schedule.slug}


def _create_pool(client: SyncPrefectClient, name: str) -> None:
    try:
        client.create_work_pool(WorkPoolCreate(name=name, type="process"))
    except ObjectAlreadyExists:
        return


if __name__ == "__main__":
    print("\n".join(register()))  # noqa: T201  the command's output
