"""What the tests use beside Python is installed where that is possible, and named where it is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.clients.site import FOLDER
from tests.install import install_clients, install_programs


class Shell:
    """Notes commands; those that begin with `failing` fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.commands: list[str] = []

    def __call__(self, command: Sequence[str]) -> bool:
        self.commands.append(" ".join(command))
        return not self.commands[-1].startswith(self.failing or "\0")


def test_what_is_missing_is_installed_after_the_lists_of_packages_are_fetched() -> None:
    shell = Shell()
    assert install_programs(["npm", "chromium"], shell, may_install=True) == ""
    assert shell.commands == ["apt-get update", "apt-get install --yes --no-install-recommends npm chromium"]


def test_nothing_is_run_where_nothing_is_missing() -> None:
    shell = Shell()
    assert install_programs([], shell, may_install=True) == ""
    assert shell.commands == []


def test_one_list_that_cannot_be_fetched_is_no_reason_to_install_nothing() -> None:
    assert install_programs(["npm"], Shell("apt-get update"), may_install=True) == ""


def test_what_could_not_be_installed_is_named() -> None:
    said = install_programs(["npm", "chromium"], Shell("apt-get install"), may_install=True)
    assert said == "Some tests are skipped: apt-get install npm chromium"


def test_who_may_not_install_is_told_what_to_install() -> None:
    shell = Shell()
    assert install_programs(["npm"], shell, may_install=False) == "Some tests are skipped: apt-get install npm"
    assert shell.commands == []


def test_clients_that_could_not_be_had_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = tmp_path / "node_modules"
    packages.mkdir()
    monkeypatch.setattr("tests.install.PACKAGES", packages)
    assert install_clients(Shell("npm")) == "Some tests are skipped: npm ci --prefix tests/clients"
    assert not packages.exists()


def test_locked_clients_have_hashes_and_no_registrys_address() -> None:
    locked = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    wanted = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert {f"node_modules/{name}" for name in wanted} <= set(locked)
    assert [name for name, package in locked.items() if name and not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in locked.items() if "resolved" in package] == []
