"""With REPLICAS=2 in the environment, whatever a test serves is served twice, behind nginx, and asked through it.

Each of the two has what a process has to itself: limits, answers on their way and kept, open streams, metrics. In common they
have what replicas have, Redis, the database and the index, and the test's stand-ins. So what a test says of the service over
HTTP, it says of two replicas. Those that look into a server's process, or at bytes that nginx makes anew, have the mark
`one_server` and are skipped.
"""

from __future__ import annotations

import atexit
import os
import socket
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pydantic import SecretStr

from server.answering.answer_cache import open_answer_cache
from server.answering.generate import AnswerGenerator
from server.answering.running import SharedRunning
from server.answering.shared_answers import SharedAnswers
from server.http.draining import Draining
from server.http.limits import RateLimits
from server.metrics import Metrics
from server.redis_server import RedisServer
from server.services import Services
from tests.support.databases.redis import RedisProcess
from tests.support.loopback_http import free_port
from tests.support.proxies.nginx import proxying

REPLICAS = int(os.environ.get("REPLICAS", "1"))


class Stage(NamedTuple):
    """What all tests of a process have in common."""

    redis: RedisProcess
    ports: tuple[int, ...]
    """On which the replicas listen, one test after the other."""
    port: int
    """Of the proxy."""


@cache
def open_stage() -> Stage:
    """Started for the first test that asks; it ends with the process."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(TemporaryDirectory()))
    redis = stack.enter_context(RedisProcess())
    ports = tuple(free_port() for _ in range(REPLICAS))
    address = stack.enter_context(proxying(folder, ports, is_transparent=True))
    return Stage(redis, ports, int(address.rpartition(":")[2]))


def replicate(services: Services) -> list[Services]:
    """The services of each replica, over an empty Redis; what they opened is theirs to close."""
    redis = open_stage().redis
    with socket.create_connection(("127.0.0.1", redis.port)) as connection:
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(5) == b"+OK\r\n"
    return [_replica(services, redis.url) for _ in range(REPLICAS)]


def _replica(services: Services, address: str) -> Services:
    settings = services.settings.model_copy(update={"redis_url": SecretStr(address)})
    redis = RedisServer(address)
    limits, answers = RateLimits(settings), services.answer_cache
    replay, running = SharedAnswers(redis, settings.collection), SharedRunning(redis, settings.collection)
    if not answers.is_off and isinstance(services.answerer, AnswerGenerator):
        answers = open_answer_cache(settings, services.answerer.model.name, redis)
    return replace(
        services,
        settings=settings,
        redis=redis,
        metrics=Metrics(),
        limits=limits,
        replay=replay,
        answer_cache=answers,
        running=running,
        drain=Draining(),
        closers=(redis.aclose, limits.aclose, answers.aclose, replay.aclose, running.aclose),
    )
