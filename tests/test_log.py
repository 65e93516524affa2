from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared import log
from shared.settings import Settings


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Where the log goes during a test; afterwards everything is as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], level = before[0], before[1]
    root.setLevel(level)
    structlog.reset_defaults()


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


@pytest.mark.parametrize("environment", ["development", "production"])
def test_keys_never_reach_the_log(lines: io.StringIO, environment: str) -> None:
    settings = Settings.model_validate(
        {"environment": environment, "openai_api_key": "my-own-key", "admin_api_key": "let-me-in"}
    )
    log.configure(settings, stream=lines)
    logger = structlog.get_logger("x")
    logger.info(
        "a", detail="the key my-own-key is wrong", nested={"headers": [{"Authorization": "Bearer abc.def"}]}, api_key="zzz-1"
    )
    logger.info(
        "b", text="Incorrect API key provided: sk-proj-abcdefgh12345678", url="https://user:pass-1@host/x", pair=("let-me-in",)
    )
    logging.getLogger("y").error("Bearer %s was sent", "tok-99")
    try:
        raise RuntimeError("my-own-key in a trace")
    except RuntimeError:
        logger.exception("c")
    text = lines.getvalue()
    for secret in ("my-own-key", "let-me-in", "abc.def", "zzz-1", "abcdefgh12345678", "pass-1", "tok-99"):
        assert secret not in text
    assert "in a trace" in text
    assert "@host/x" in text


def test_below_the_level_nothing_is_logged(lines: io.StringIO) -> None:
    log.configure(Settings(log_level="WARNING"), stream=lines)
    structlog.get_logger("x").info("quiet")
    logging.getLogger("y").info("quiet")
    assert lines.getvalue() == ""
