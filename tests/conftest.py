"""What every test may rely on: no settings leak in from the machine, and the network ends at the loopback."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from shared.settings import Settings
from tests.support.openai.stand_in import stand_in  # noqa: F401  a fixture, offered to every module

REPOSITORY = Path(__file__).parent.parent
FIXTURES = REPOSITORY / "tests" / "fixtures"
MEASURING_DATA = REPOSITORY.parent / "shared" / "data"
"""Real books and evaluation sets, beside the checkout of those who have them."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Of several replicas (`tests/support/proxies/replicas.py`), leave out what can be said of one server alone."""
    if os.environ.get("REPLICAS", "1") != "1" and item.get_closest_marker("one_server"):
        pytest.skip("of one server alone")


@pytest.fixture(autouse=True)
def no_settings_from_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset every setting, and leave a developer's `.env` unread."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(autouse=True)
def no_local_model(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Words only where a test does not ask for the `local_model`: it takes seconds to embed what nobody looks at."""
    if "local_model" not in request.fixturenames:
        monkeypatch.setattr("shared.embedding.model.find_weights", lambda: None)


@pytest.fixture
def local_model() -> None:
    """Without a key, the book is embedded by the model in this process."""


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Where the log goes of a test that configures it; afterwards everything is as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], level = before[0], before[1]
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def real_book() -> Path:
    """A real Docusaurus book of 22 chapters; skips where it is not at hand."""
    folder = MEASURING_DATA / "physical-ai-book" / "corpus"
    if not folder.is_dir():
        pytest.skip("the Physical AI book is not beside the checkout")
    return folder
