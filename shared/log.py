"""One log for both programs: lines for people in development, JSON in production; keys never reach it.

`configure` sets it up for a process of ours; Prefect's own processes get the same through `flows/orchestration/logging.yml`.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any, TextIO, cast

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.checks import reader_keys
from shared.settings import Settings

HIDDEN = "***"
_SECRET_NAME = re.compile(r"(^|[_-])(api[_-]?key|authorization|token|secret|password|cookie)$", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"\b(?:sk|pnu|ghp|gho|ghs|glpat|hf)[-_][A-Za-z0-9_-]{8,}"  # of OpenAI and who copied it, Prefect, git hosts
    r"|\bgithub_pat_\w{8,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON web tokens: Qdrant Cloud's keys
    r"|(?<=Bearer )[^\s\"',]+"
    r"|(?<=Basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=[?&;]key=)[^&\s\"'#]+"
    r"|(?:(?<=api[-_]key)|(?<=apikey)|(?<=authorization)|(?<=token)|(?<=secret)|(?<=password))[\"']?\s?[=:]\s?[\"']?(?!Bearer|Basic)[^&\s\"',}]+"
    r"|(?<=://)[^/\s:@]*:?[^/\s@]*(?=@)",  # user and password in an address
    re.IGNORECASE,
)
_QUIET = ("httpx", "httpx2", "httpcore", "httpcore2", "openai", "hpack", "markdown_it", "mcp")
"""Loggers that tell every request: warnings only."""
_RUN_NAMES = ("flow_run_id", "flow_run_name", "task_run_name")
"""What Prefect adds to a record."""
_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send every log line of this process, ours and the libraries', to `stream` (standard error)."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter(settings))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns of every write to a reader who has left, from the fifth one on; what `answered` says of them is enough.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def formatter(settings: Settings | None = None) -> logging.Formatter:
    """What makes a line of a record, of ours or of a library's. `settings`: of the environment."""
    settings = settings or Settings.read()
    readable = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, structlog.stdlib.ExtraAdder(_RUN_NAMES)],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,  # traces become text before keys are looked for in it
            Redaction.of(settings),
            structlog.processors.JSONRenderer(ensure_ascii=False) if settings.environment == "production" else readable,
        ],
    )


class MessageFormatter(logging.Formatter):
    """A record's message alone, with its trace and without keys: for handlers that send it elsewhere than to the log."""

    def __init__(self) -> None:
        """Knows the secrets of the environment's settings."""
        super().__init__()
        self._redaction = Redaction.of(Settings.read())

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        return self._redaction.hide_text(super().format(record))


class Redaction:
    """A structlog processor that hides the configured secrets, and whatever looks or is named like one, at any depth."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if len(secret) >= 4}, key=len, reverse=True)

    @classmethod
    def of(cls, settings: Settings) -> Redaction:
        """One that knows the secrets of the settings."""
        secrets = [value.get_secret_value() for value in dict(settings).values() if isinstance(value, SecretStr)]
        return cls([*secrets, *(one.key for one in reader_keys(settings.reader_api_keys))])

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:  # noqa: ARG002  structlog's signature
        return cast("MutableMapping[str, Any]", self._hide(event))

    def _hide(self, value: object) -> object:
        match value:
            case str():
                return self.hide_text(value)
            case Mapping():
                items = cast("Mapping[str, object]", value).items()
                return {name: HIDDEN if item and _SECRET_NAME.search(str(name)) else self._hide(item) for name, item in items}
            case Sequence() if not isinstance(value, bytes):
                return [self._hide(item) for item in cast("Sequence[object]", value)]
            case BaseException():
                return self.hide_text(repr(value))
            case _:
                return value

    def hide_text(self, text: str) -> str:
        """`text` without keys."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _SECRET_TEXT.sub(HIDDEN, text)
