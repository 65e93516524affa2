"""What can be known of the image without building it; `python -m tests.image` builds and runs it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from shared.settings import Settings
from tests.conftest import REPOSITORY
from tests.image.context import files_of, ignore_rules, is_ignored
from tests.image.dockerfile import parse, read
from tests.support.fakes import ADMIN_KEY
from tests.support.loopback_http import Exchange, LoopbackServer, Received

STAGES = read(REPOSITORY / "Dockerfile")
IMAGE = STAGES[-1]
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))
WORKFLOW: dict[str, Any] = yaml.safe_load((REPOSITORY / "docs" / "ci" / "book.yml").read_text(encoding="utf-8"))
SETTINGS = {name.upper() for name in Settings.model_fields}
SECRETS = {
    name.upper() for name, field in Settings.model_fields.items() if SecretStr in getattr(field.annotation, "__args__", ())
}
PORT = Settings.model_fields["port"].default


@pytest.fixture(scope="module")
def reaching() -> set[str]:
    """Files that reach the builder."""
    return {path.as_posix() for path in files_of(REPOSITORY)}


def test_everything_the_image_copies_reaches_the_builder(reaching: set[str]) -> None:
    copied = [
        source
        for stage in STAGES
        for step in stage.instructions
        if step.name == "COPY" and "from" not in step.flags
        for source in step.words[:-1]
    ]
    assert copied
    assert [each for each in copied if not any(path == each or path.startswith(f"{each}/") for path in reaching)] == []


def test_every_module_and_file_of_the_programs_reaches_the_builder(reaching: set[str]) -> None:
    tracked = [
        path.relative_to(REPOSITORY).as_posix()
        for folder in ("flows", "server", "shared")
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "server/pages/widget/" not in path.as_posix()
    ]
    assert set(tracked) <= reaching


def test_nothing_else_reaches_the_builder(reaching: set[str]) -> None:
    assert {path.partition("/")[0] for path in reaching} == {
        "LICENSE", "docs", "flows", "prefect.yaml", "requirements.txt", "server", "shared",
    }  # fmt: skip
    assert [path for path in reaching if "/." in path or path.startswith(".") or path.endswith(".pyc")] == []


def test_no_secret_is_in_the_image() -> None:
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    assert {
        "OPENAI_API_KEY",
        "EMBEDDING_API_KEY",
        "QDRANT_API_KEY",
        "ADMIN_API_KEY",
        "METRICS_API_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "JWT_SECRET",
        "READER_API_KEYS",
        "PREFECT_API_AUTH_STRING",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "RERANK_API_KEY",
    } == SECRETS
    assert [name for name in SECRETS if name in text] == []
    assert [step for stage in STAGES for step in stage.instructions if step.name == "ARG"] == []


def test_the_image_runs_as_user_1000_what_make_up_runs() -> None:
    assert IMAGE.last("USER").rest == "1000:1000"
    assert [*IMAGE.last("ENTRYPOINT").words, *IMAGE.last("CMD").words] == ["tini", "--", "python", "-m", "flows.launch"]
    assert "-m flows.launch" in (REPOSITORY / "Makefile").read_text(encoding="utf-8")


def test_the_image_listens_where_the_settings_say() -> None:
    assert IMAGE.last("EXPOSE").rest == str(PORT)
    assert IMAGE.environment["PORT"] == str(PORT)


def test_the_settings_of_the_image_are_settings() -> None:
    others = {"PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    others |= {"PREFECT_SERVER_UI_STATIC_DIRECTORY", "PREFECT_LOGGING_CONFIG_PATH"}
    assert set(IMAGE.environment) - others == {"DATA_DIR", "ENVIRONMENT", "PORT"}
    assert set(IMAGE.environment) - others <= SETTINGS


def test_every_package_is_installed_by_its_hash() -> None:
    installs = [
        step.rest for stage in STAGES for step in stage.instructions if step.name == "RUN" and "pip install" in step.rest
    ]
    assert len(installs) == 1
    assert "--require-hashes -r requirements.txt" in installs[0]
    assert "--only-binary :all:" in installs[0]


@pytest.mark.parametrize("status", [200, 503])
async def test_the_health_check_passes_when_the_web_server_is_live_and_only_then(status: int) -> None:
    asked: list[str] = []

    async def serve(request: Received, exchange: Exchange) -> None:
        asked.append(request.path)
        await exchange.reply(status, {"status": "ok"})

    server = LoopbackServer(serve)
    await server.start()
    try:
        assert (await _check_health(server.port) == 0) is (status == 200)
    finally:
        await server.stop()
    assert asked == ["/health/live"]


async def test_the_health_check_fails_when_nothing_listens() -> None:
    assert await _check_health(1) != 0


async def _check_health(port: int) -> int | None:
    program, *arguments = IMAGE.last("HEALTHCHECK").check
    assert program == "python"
    environment = {"PORT": str(port), "no_proxy": "127.0.0.1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    await process.communicate()
    return process.returncode


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    checked = subprocess.run([hadolint, "Dockerfile"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_compose_understands_its_file() -> None:
    command = ["docker", "compose", "--file", "compose.yaml", "--profile", "*", "config", "--quiet"]
    if shutil.which("docker") is None or subprocess.run([*command[:2], "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    required = {"BOOK_SOURCE": "git+https://example.org/book.git", "ADMIN_API_KEY": ADMIN_KEY, "PREFECT_API_AUTH_STRING": "key"}
    checked = subprocess.run(command, cwd=REPOSITORY, env=os.environ | required, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_every_service_has_a_health_check() -> None:
    def is_checked(service: dict[str, Any]) -> bool:
        return "healthcheck" in service or "build" in service  # the image has one

    assert [name for name, service in COMPOSE["services"].items() if not is_checked(service)] == []


def test_only_the_web_server_is_published_beyond_the_machine() -> None:
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert published == {"web": [f"${{PORT:-{PORT}}}:{PORT}"], "prefect": ["127.0.0.1:4200:4200"]}


def test_the_web_server_waits_for_no_other_service() -> None:
    assert "depends_on" not in COMPOSE["services"]["web"]


def test_our_services_have_a_read_only_root_and_no_rights() -> None:
    ours = [service for service in COMPOSE["services"].values() if "build" in service]
    assert len(ours) == 4
    assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in ours)


def test_the_commands_of_our_services_exist() -> None:
    commands = [service["command"] for service in COMPOSE["services"].values() if "build" in service]
    modules = [command[2] for command in commands if command[1] == "-m"]
    assert modules == ["server", "flows.orchestration.worker", "flows.launch.prefect_server"]
    assert all(find_spec(module) for module in modules)


def test_the_programs_written_into_compose_yaml_compile() -> None:
    services = COMPOSE["services"].values()
    commands = [service.get("command", []) for service in services]
    commands += [service.get("healthcheck", {}).get("test", []) for service in services]
    programs = [command[-1] for command in commands if "-ISc" in command]
    assert len(programs) == 3
    for program in programs:
        compile(program, "compose.yaml", "exec")


@pytest.mark.parametrize(("status", "code"), [(202, 0), (409, 0), (503, 1)])
async def test_the_first_ingest_is_asked_for_until_it_is_accepted_or_needless(status: int, code: int) -> None:
    async def serve(request: Received, exchange: Exchange) -> None:
        assert (request.method, request.path, request.headers["x-api-key"]) == ("POST", "/ingest", ADMIN_KEY)
        await exchange.reply(status, {})

    server = LoopbackServer(serve)
    await server.start()
    try:
        program = COMPOSE["services"]["first-read"]["command"][-1].replace("web:7860", f"127.0.0.1:{server.port}")
        environment = {"ADMIN_API_KEY": ADMIN_KEY, "no_proxy": "127.0.0.1"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-ISc", program, env=environment,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert await process.wait() == code
    finally:
        await server.stop()


def test_compose_asks_only_for_settings_that_exist() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (REPOSITORY / "compose.yaml").read_text(encoding="utf-8")))
    assert asked - {"POSTGRES_PASSWORD"} <= SETTINGS


def test_the_front_matter_for_a_space_names_the_port_of_the_image() -> None:
    text = (REPOSITORY / "docs" / "deploy-space.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert block is not None
    front_matter = yaml.safe_load("\n".join(line.strip() for line in block[1].splitlines() if line.strip() != "---"))
    assert (front_matter["sdk"], front_matter["app_port"]) == ("docker", PORT)


@pytest.mark.parametrize(
    "page", ["deploy-space.md", "deploy-vps.md", "ingest-from-ci.md", "qdrant-cloud.md", "troubleshooting.md"]
)
def test_every_setting_a_page_names_exists(page: str) -> None:
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    assert set(re.findall(r"`([A-Z]+_[A-Z_]+)`", text)) <= SETTINGS


def test_the_workflow_sets_only_settings_that_exist() -> None:
    job = WORKFLOW["jobs"]["book"]
    its_own = {"BOOK", "BUILT_SITE", "QUESTIONS", "PAGES_FOUND", "LECTERN_REPOSITORY", "LECTERN_REF"}
    assert set(WORKFLOW["env"]) - its_own <= SETTINGS
    assert set(job["env"]) <= SETTINGS
    assert {name for name, value in job["env"].items() if "secrets." in value} == {
        "OPENAI_API_KEY",
        "QDRANT_URL",
        "QDRANT_API_KEY",
    }


def test_the_workflow_checks_before_it_ingests_and_ingests_only_what_was_pushed() -> None:
    steps = WORKFLOW["jobs"]["book"]["steps"]
    commands = [match[1] for step in steps if (match := re.search(r"python -m flows ([\w-]+)", step.get("run", "")))]
    assert commands == ["plan", "verify-links", "evaluate", "ingest"]
    assert steps[-1]["if"] == "github.event_name == 'push'"


@pytest.mark.parametrize("command", ["plan", "verify-links", "evaluate", "ingest"])
def test_the_commands_of_the_workflow_exist(command: str) -> None:
    asked = [sys.executable, "-m", "flows", command, "--help"]
    assert subprocess.run(asked, cwd=REPOSITORY, capture_output=True, check=False).returncode == 0


def test_a_dockerfile_is_read_as_written() -> None:
    stages = parse(
        "FROM a AS build\n# a remark\nRUN one \\\n    # another\n    && two\nFROM b\n"
        'COPY --from=build --chown=1:1 /x /y\nENV A=1\nENV A=2 \\\n    B=$A/x\nCMD ["a b", "c"]\n'
    )
    assert [(stage.base, stage.name) for stage in stages] == [("a", "build"), ("b", "")]
    assert stages[0].instructions[0].command == ["/bin/sh", "-c", "one && two"]
    copy = stages[1].last("COPY")
    assert (copy.flags, copy.words) == ({"from": "build", "chown": "1:1"}, ["/x", "/y"])
    assert stages[1].environment["B"] == "1/x"  # what A was before the instruction
    assert stages[1].last("CMD").command == ["a b", "c"]


@pytest.mark.parametrize(
    ("path", "ignored"),
    [("flows/a.py", False), ("flows/sub/a.py", False), ("other/a.py", True), ("flows/__pycache__/a.pyc", True), (".env", True)],
)
def test_the_last_pattern_that_matches_decides_what_is_left_out(path: str, *, ignored: bool) -> None:
    rules = ignore_rules("# a remark\n*\n!flows\n**/__pycache__\n")
    assert is_ignored(path, rules) is ignored


def test_the_workflow_and_compose_file_hold_no_key() -> None:
    for name in ("compose.yaml", "docs/ci/book.yml"):
        assert re.findall(r"(?:sk-|ghp_)\w+", Path(REPOSITORY / name).read_text(encoding="utf-8")) == []
