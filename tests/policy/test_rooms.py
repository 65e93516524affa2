"""Rooms and names: none too full, none that need each other, and one name for one idea."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import grimp
import pytest

from tests.conftest import REPOSITORY

PROGRAMS = ("flows", "server", "shared")
ROOMS = sorted(init.parent for top in (*PROGRAMS, "tests") for init in (REPOSITORY / top).rglob("__init__.py"))
MOST_MODULES = 13
SAME_JOB = {"main", "blueprint", "encode", "page_address", "anchors", "upgrade"}
"""Functions that several modules have because they do the same job: programs, routes, dialects, site generators, migrations."""


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PROGRAMS)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(REPOSITORY)))
def test_a_room_is_no_corridor(room: Path) -> None:
    modules = [module.name for module in room.glob("*.py") if module.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES, modules


@pytest.mark.parametrize("room", [room for room in ROOMS if "tests" not in room.parts], ids=lambda room: room.name)
def test_a_room_says_what_it_is_for(room: Path) -> None:
    assert ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_two_modules_import_each_other_by_any_way_round(program: str) -> None:
    modules = [name for name in graph().modules if name.split(".")[0] == program]
    circular = []
    for module in modules:
        below = graph().find_upstream_modules(module)
        circular += [module] if module in below else []
        circular += [f"{module} <-> {other}" for other in below if module in graph().find_upstream_modules(other)]
    assert circular == []


@pytest.mark.parametrize("kind", ["type", "function"])
def test_a_public_name_means_one_thing(kind: str) -> None:
    defined: defaultdict[str, list[str]] = defaultdict(list)
    for program in PROGRAMS:
        for module in (REPOSITORY / program).rglob("*.py"):
            for name in _defined(ast.parse(module.read_text(encoding="utf-8")), kind):
                defined[name].append(str(module.relative_to(REPOSITORY)))
    assert {name: where for name, where in defined.items() if len(where) > 1 and name not in SAME_JOB} == {}


def _defined(tree: ast.Module, kind: str) -> list[str]:
    """Names of public classes and type aliases, or of public functions."""
    names: list[str] = []
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) if kind == "type":
                names.append(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if kind == "function":
                names.append(name)
            case ast.Assign(targets=[ast.Name(id=name)]) if kind == "type" and name[0].isupper() and not name.isupper():
                names.append(name)
            case _:
                pass
    return [name for name in names if not name.startswith("_")]
