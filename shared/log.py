"""One log for both programs: lines for people in development, JSON in production; keys never reach it."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.settings import Settings

HIDDEN = "***"
_SECRET_NAME = re.compile(r"(^|_)(api_?key|authorization|token|secret|password|cookie)$", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"\bsk-[A-Za-z0-9_-]{8,}"  # OpenAI and those who copied its keys
    r"|(?<=Bearer )[^\s\"',]+"
    r"|(?<=://)[^/\s:@]*:?[^/\s@]*(?=@)",  # user and password in an address
    re.IGNORECASE,
)
_QUIET = ("httpx", "httpx2", "httpcore", "httpcore2", "openai", "asyncio", "hpack", "markdown_it")
"""Loggers that tell every request: warnings only."""


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send every log line of this process, ours and the libraries', to `stream` (standard error)."""
    secrets = [value.get_secret_value() for value in dict(settings).values() if hasattr(value, "get_secret_value")]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(settings, Redaction(secrets))],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _ending(settings: Settings, redaction: Redaction) -> list[Processor]:
    """The last processors: traces become text before keys are looked for in it."""
    if settings.environment == "production":
        return [structlog.processors.format_exc_info, redaction, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [
        structlog.processors.format_exc_info,
        redaction,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback),
    ]


class Redaction:
    """A structlog processor that hides the configured secrets, and whatever looks or is named like one, at any depth."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:  # noqa: ARG002  structlog's signature
        return cast("MutableMapping[str, Any]", self._hide(event))

    def _hide(self, value: object) -> object:
        match value:
            case str():
                return self._hide_text(value)
            case Mapping():
                items = cast("Mapping[str, object]", value).items()
                return {name: HIDDEN if item and _SECRET_NAME.search(str(name)) else self._hide(item) for name, item in items}
            case Sequence() if not isinstance(value, bytes):
                return [self._hide(item) for item in cast("Sequence[object]", value)]
            case BaseException():
                return self._hide_text(repr(value))
            case _:
                return value

    def _hide_text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _SECRET_TEXT.sub(HIDDEN, text)
