"""What the tests say of the server over HTTP, said of two replicas behind nginx: some of them here, all with REPLICAS=2."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.support.databases import redis
from tests.support.proxies import nginx

SOME = ("tests/server/wire", "tests/server/routes/test_search.py", "tests/server/routes/test_stop.py")
ENOUGH = 70
"""Tests in there."""


@pytest.mark.processes
@pytest.mark.skipif(os.environ.get("REPLICAS", "1") != "1", reason="all of them run so already")
def test_two_replicas_behind_a_proxy_pass_the_tests_of_one() -> None:
    if nginx.PROGRAM is None or redis.PROGRAM is None:
        pytest.skip("nginx or Redis is not installed: apt-get install nginx redis-server, or `make test` as root")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *SOME],
        check=False, cwd=REPOSITORY, env=ours | {"REPLICAS": "2"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= ENOUGH
