"""What can be known of the manifests in docs/kubernetes without a cluster: they fit the schemas of Kubernetes' own API."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any

import kubernetes_validate
import pytest
import yaml

from shared.settings import Settings
from tests.conftest import REPOSITORY
from tests.image.dockerfile import read

FOLDER = REPOSITORY / "docs" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
OBJECTS: list[dict[str, Any]] = [
    one for name in KUSTOMIZATION["resources"] for one in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
]
DEPLOYMENTS = {one["metadata"]["name"]: one["spec"] for one in OBJECTS if one["kind"] == "Deployment"}
PODS = {name: spec["template"]["spec"] for name, spec in DEPLOYMENTS.items()}
CONTAINERS = [each for pod in PODS.values() for each in (*pod["containers"], *pod.get("initContainers", ()))]
IMAGE = read(REPOSITORY / "Dockerfile")[-1]
SETTINGS = {name.upper() for name in Settings.model_fields}
OLDEST = "1.31"
"""The version from which on a pod may sleep before it stops."""


def names_in(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


GIVEN = names_in("\n".join(KUSTOMIZATION["configMapGenerator"][0]["literals"]))
SECRET = names_in((FOLDER / "secret.env.example").read_text(encoding="utf-8"))


def name_of(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
@pytest.mark.parametrize("manifest", OBJECTS, ids=name_of)
def test_a_manifest_is_what_the_api_takes(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_a_field_that_there_is_none_of_is_noticed() -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"selectors": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, OLDEST, strict=True)


def test_every_manifest_is_applied() -> None:
    files = {file.name for file in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files


def test_web_worker_and_prefect_run_what_the_image_has() -> None:
    commands = {name: pod["containers"][0]["command"] for name, pod in PODS.items()}
    assert set(commands) == {"prefect", "web", "worker"}
    assert all(command[:2] == ["python", "-m"] for command in commands.values())
    assert all(find_spec(command[2]) for command in commands.values())
    assert {each["image"] for each in CONTAINERS} == {KUSTOMIZATION["images"][0]["name"]}
    link = next(step.rest for step in IMAGE.instructions if step.name == "RUN" and "/data/tiktoken" in step.rest)
    for pod in (PODS["web"], PODS["worker"]):
        source, target = pod["initContainers"][0]["command"][-2:]
        assert f"ln --symbolic {source} {target}" in link


def test_ingests_are_scheduled_by_prefect_alone() -> None:
    assert "CronJob" not in {one["kind"] for one in OBJECTS}
    assert DEPLOYMENTS["worker"]["replicas"] == 1


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_probes_limits_and_no_rights(name: str) -> None:
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" == IMAGE.last("USER").rest
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    assert "readinessProbe" in pod["containers"][0]
    for container in (*pod["containers"], *pod.get("initContainers", ())):
        assert set(container["resources"]) == {"requests", "limits"}
        assert container["resources"]["limits"]["memory"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        volumes = {one["name"] for one in pod["volumes"]}
        assert {one["name"] for one in container["volumeMounts"]} <= volumes


def test_the_web_server_is_asked_where_it_answers() -> None:
    container = PODS["web"]["containers"][0]
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startupProbe": "/health/live", "livenessProbe": "/health/live", "readinessProbe": "/health/ready",
    }  # fmt: skip
    port = next(one["containerPort"] for one in container["ports"] if one["name"] == "http")
    assert {"name": "PORT", "value": str(port)} in container["env"]


def test_services_and_selectors_find_their_pods() -> None:
    labels = {name: spec["template"]["metadata"]["labels"] for name, spec in DEPLOYMENTS.items()}
    for name, spec in DEPLOYMENTS.items():
        assert spec["selector"]["matchLabels"] == labels[name]
    for service in (one for one in OBJECTS if one["kind"] == "Service"):
        name = service["metadata"]["name"]
        assert service["spec"]["selector"] == labels[name]
        ports = {one["name"] for one in PODS[name]["containers"][0]["ports"]}
        assert {one["targetPort"] for one in service["spec"]["ports"]} <= ports
    served = {one["metadata"]["name"]: one["spec"]["ports"][0]["port"] for one in OBJECTS if one["kind"] == "Service"}
    assert GIVEN["PREFECT_API_URL"] == f"http://prefect:{served['prefect']}/api"


def test_what_is_set_is_a_setting_and_no_secret_is_in_a_manifest() -> None:
    of_prefect = {name for name in SECRET if name.startswith("PREFECT_SERVER_")}
    assert set(GIVEN) | set(SECRET) - of_prefect <= SETTINGS
    for pod in PODS.values():
        for one in pod["containers"][0].get("env", ()):
            assert one["name"] in SETTINGS | {"DO_NOT_TRACK"} or one["name"].startswith("PREFECT_")
    assert [name for name, value in SECRET.items() if value and "://" not in value] == []
    manifests = "".join(file.read_text(encoding="utf-8") for file in FOLDER.glob("*.yaml"))
    assert [name for name in SECRET if re.search(rf"\b{name}\b[=:]", manifests)] == []
    assert "docs/kubernetes/secret.env" in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "docs/kubernetes/secret.env" in ignored
