from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from flows.launch.supervisor import PREFECT_LOGGING
from shared import log
from shared.settings import Settings
from tests.conftest import REPOSITORY


def test_production_logs_json_with_what_the_request_is_called(lines: io.StringIO) -> None:
    log.configure(Settings(environment="production"), stream=lines)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("x").info("answered", tokens=3)
    logging.getLogger("hypercorn.error").warning("Odd: %s", "thing")
    first, second = (json.loads(line) for line in lines.getvalue().splitlines())
    assert (first["event"], first["request_id"], first["tokens"], first["level"]) == ("answered", "r1", 3, "info")
    assert (second["event"], second["level"]) == ("Odd: thing", "warning")
    assert first["timestamp"].endswith("Z")


def test_development_logs_lines_for_people(lines: io.StringIO) -> None:
    log.configure(Settings(), stream=lines)
    structlog.get_logger("x").warning("service_failed", service="openai")
    assert "service_failed" in lines.getvalue()
    assert "service=openai" in lines.getvalue()


def test_a_reader_who_leaves_is_no_warning_and_a_lost_task_is_an_error(lines: io.StringIO) -> None:
    log.configure(Settings(), stream=lines)
    logging.getLogger("asyncio").warning("socket.send() raised exception.")
    logging.getLogger("asyncio").error("Task exception was never retrieved")
    assert [line.partition("]")[2].split("[")[0].strip() for line in lines.getvalue().splitlines()] == [
        "Task exception was never retrieved"
    ]


SECRETS = {
    "openai_api_key": "my-own-key",
    "admin_api_key": "let-me-in-as-the-author-of-this-book",
    "qdrant_api_key": "qd-4711",
    "metrics_api_key": "look-42",
}
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJhY2Nlc3MiOiJtIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        *((f"the key {secret} is wrong", secret) for secret in SECRETS.values()),
        ("Incorrect API key provided: sk-proj-abcdefgh12345678", "abcdefgh12345678"),
        (f"Qdrant refused {JWT}", JWT.split(".")[1]),
        ("cloning https://someone:pass-1@host/x failed", "pass-1"),
        ("cloning https://ghp_abcdefgh1234@host/x failed", "abcdefgh1234"),
        ("token github_pat_11AA22BB33", "11AA22BB33"),
        ("{'Authorization': 'Bearer abc.def'}", "abc.def"),
        ('"authorization": "Basic dXNlcjpwYXNz"', "dXNlcjpwYXNz"),
        ("{'api-key': 'q-1', 'x': 'seen'}", "q-1"),
        ("X-API-Key: zzz-1", "zzz-1"),
        ("GET https://host/v1?a=1&api_key=u-77&b=2", "u-77"),
        ("GET https://host/v1?key=u-78", "u-78"),
    ],
)
def test_keys_never_reach_the_log(lines: io.StringIO, environment: str, text: str, hidden: str) -> None:
    log.configure(Settings.model_validate({"environment": environment} | SECRETS), stream=lines)
    logger = structlog.get_logger("x")
    logger.info("a", detail=text, nested={"deep": [{"deeper": text}]}, pair=(text,))
    logger.warning(text)
    logging.getLogger("y").error("%s was sent", text)
    logging.getLogger("y").error("sent", extra={"flow_run_name": text})
    try:
        raise RuntimeError(text)
    except RuntimeError:
        logger.exception("c")
    assert hidden not in lines.getvalue()
    assert "was sent" in lines.getvalue()
    assert len(lines.getvalue().splitlines()) >= 5


def test_what_is_named_like_a_key_is_hidden_whatever_it_holds(lines: io.StringIO) -> None:
    log.configure(Settings(environment="production"), stream=lines)
    headers = {"Authorization": "abc", "X-API-Key": "def", "api-key": "ghi", "Cookie": "jkl", "Accept": "text/plain"}
    structlog.get_logger("x").info("asked", headers=headers, openai_api_key="mno", prompt_tokens=3)
    line = json.loads(lines.getvalue())
    assert line["headers"] == dict.fromkeys(headers, "***") | {"Accept": "text/plain"}
    assert (line["openai_api_key"], line["prompt_tokens"]) == ("***", 3)


def test_what_is_no_key_is_left_alone(lines: io.StringIO) -> None:
    log.configure(Settings(environment="production"), stream=lines)
    text = "task-queue at https://host/a?k=5 and http://127.0.0.1:4200/api: 3 tokens, ask-about-it, token limit 256, secretly"
    structlog.get_logger("x").info(text)
    assert json.loads(lines.getvalue())["event"] == text


def test_prefects_processes_log_the_same_lines_and_tell_its_ui_no_key(tmp_path: Path) -> None:
    code = """if True:
        import logging
        from prefect import flow
        logging.getLogger("prefect.flow_runs").info("Read %s with my-own-key", "a.md", extra={"flow_run_name": "neat-fox"})
        api = next(one for one in logging.getLogger("prefect.flow_runs").handlers)
        print(api.format(logging.makeLogRecord({"msg": "%s and my-own-key", "args": ("Bearer abc.def",)})))
    """
    settings = {"ENVIRONMENT": "production", "OPENAI_API_KEY": "my-own-key", "PREFECT_HOME": str(tmp_path)}
    settings |= {"PREFECT_LOGGING_CONFIG_PATH": str(PREFECT_LOGGING), "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore"}
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=REPOSITORY,
        env=os.environ | settings,
    )  # fmt: skip
    line = json.loads(found.stderr.splitlines()[-1])
    assert (line["event"], line["level"], line["flow_run_name"]) == ("Read a.md with ***", "info", "neat-fox")
    assert line["logger"] == "prefect.flow_runs"
    assert found.stdout == "Bearer *** and ***\n"


def test_below_the_level_nothing_is_logged(lines: io.StringIO) -> None:
    log.configure(Settings(log_level="WARNING"), stream=lines)
    structlog.get_logger("x").info("quiet")
    logging.getLogger("y").info("quiet")
    assert lines.getvalue() == ""
