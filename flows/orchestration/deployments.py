"""Registers what `prefect.yaml` lists, by Prefect's own code in one process: `prefect deploy --all` without the CLI's start.

Run as `python -m flows.orchestration.deployments`; the worker does it too before it starts. Unlike the command it makes the
work pools, leaves schedules as they were switched, and raises where Prefect says "skipping" and goes on.
"""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import yaml
from prefect.cli.deploy._config import _load_deploy_configs_and_actions  # pyright: ignore[reportPrivateUsage]  no public name
from prefect.cli.deploy._core import _run_multi_deploy  # pyright: ignore[reportPrivateUsage]  no public name
from prefect.cli.deploy._models import DeploymentConfig, PrefectYamlModel
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from rich.console import Console

from shared.errors import ConfigurationError
from shared.settings import HOME

NOT_FOR_PREFECT = {"definitions"}
"""A key at the top that holds nothing but YAML anchors."""


def listed_deployments(home: Path = HOME) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The deployments of `home/prefect.yaml` and the steps common to them, as Prefect reads them; `$PWD` filled in.

    Raises `ConfigurationError` for what Prefect would leave out in silence: a key it does not know, a value it cannot take.
    """
    path = home / "prefect.yaml"
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    known = {field.alias or name for name, field in PrefectYamlModel.model_fields.items()} | NOT_FOR_PREFECT
    unknown = sorted(written.keys() - known)
    for entry in written["deployments"]:
        unknown += [f"{key} of {entry.get('name')}" for key in sorted(entry.keys() - DeploymentConfig.model_fields.keys())]
    if unknown:
        raise ConfigurationError(f"{path} holds what Prefect does not know: {', '.join(unknown)}.")
    said = io.StringIO()
    deployments, steps = _load_deploy_configs_and_actions(path, console=Console(file=said))
    if len(deployments) != len(written["deployments"]):
        raise ConfigurationError(f"Prefect cannot read {path}: {' '.join(said.getvalue().split())}")
    for entry in deployments:
        variables: dict[str, Any] = entry.get("work_pool", {}).get("job_variables", {})
        variables.update(
            {name: value.replace("{{ $PWD }}", str(home)) for name, value in variables.items() if isinstance(value, str)}
        )
    return deployments, steps


async def register(home: Path = HOME) -> list[str]:
    """Create every deployment and its work pool, or bring them up to date; their names.

    A schedule that was switched on or off stays so. Raises Prefect's own errors: the callers are Prefect processes, which log
    them and are started again.
    """
    deployments, steps = listed_deployments(home)
    async with get_client() as client:
        for name in {entry["work_pool"]["name"] for entry in deployments}:
            try:
                await client.create_work_pool(WorkPoolCreate(name=name, type="process"))
            except ObjectAlreadyExists:
                continue
        await _keep_switches(client, deployments)
        quiet = Console(file=io.StringIO())
        await _run_multi_deploy(deployments, steps, deploy_all=True, console=quiet, is_interactive=lambda: False)
    return [entry["name"] for entry in deployments]


async def _keep_switches(client: PrefectClient, deployments: list[dict[str, Any]]) -> None:
    """Set each schedule to on or off as it is in Prefect now."""
    switched = {
        (deployment.entrypoint, deployment.name, schedule.slug): schedule.active
        for deployment in await client.read_deployments()
        for schedule in deployment.schedules
    }
    for entry in deployments:
        schedules: list[dict[str, Any]] = entry.get("schedules") or []
        for schedule in schedules:
            key = (entry["entrypoint"], entry["name"], schedule.get("slug"))
            schedule["active"] = switched.get(key, schedule.get("active"))


if __name__ == "__main__":
    print("\n".join(asyncio.run(register())))  # noqa: T201  the command's output
