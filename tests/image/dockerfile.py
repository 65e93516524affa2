"""A Dockerfile as data: its stages, and each instruction with its flags and arguments.

Reads what ours uses (Dockerfile reference, docs.docker.com/reference/dockerfile): comments, line continuations, JSON and shell
forms, flags. No heredocs, no parser directives, no variables but those of ENV.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, continuation lines joined."""

    name: str
    """In capitals."""
    flags: dict[str, str]
    """`--chown=1000` is `{"chown": "1000"}`."""
    rest: str
    """What follows the flags, as written."""
    line: int

    @property
    def words(self) -> list[str]:
        """The arguments: of the JSON form when it is one, else shell words."""
        return list(json.loads(self.rest)) if self.rest.startswith("[") else shlex.split(self.rest)

    @property
    def command(self) -> list[str]:
        """What RUN, CMD or ENTRYPOINT executes; the shell form is run by /bin/sh."""
        return self.words if self.rest.startswith("[") else ["/bin/sh", "-c", self.rest]

    @property
    def check(self) -> list[str]:
        """What HEALTHCHECK executes."""
        kind, _, rest = self.rest.partition(" ")
        return Instruction(kind, {}, rest, self.line).command


@dataclass(frozen=True, slots=True)
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    """Empty for a stage that has none."""
    instructions: tuple[Instruction, ...]

    def last(self, name: str) -> Instruction:
        """The instruction of that name which is in force at the end; raises `LookupError` when there is none."""
        found = [instruction for instruction in self.instructions if instruction.name == name]
        if not found:
            raise LookupError(f"the stage has no {name}")
        return found[-1]

    @property
    def environment(self) -> dict[str, str]:
        """What the stage's ENV instructions add up to; PATH begins as the one of the python images."""
        variables = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
        for instruction in self.instructions:
            if instruction.name == "ENV":
                variables |= {name: expand(value, variables) for name, _, value in _assignments(instruction)}
        return variables


def parse(text: str) -> tuple[Stage, ...]:
    """The stages, in order."""
    stages: list[Stage] = []
    for instruction in _instructions(text):
        if instruction.name == "FROM":
            base, _, name = instruction.rest.partition(" AS ")
            stages.append(Stage(base.strip(), name.strip(), ()))
        else:
            last = stages.pop()
            stages.append(Stage(last.base, last.name, (*last.instructions, instruction)))
    return tuple(stages)


def read(path: Path) -> tuple[Stage, ...]:
    """The stages of the Dockerfile at `path`."""
    return parse(path.read_text(encoding="utf-8"))


def expand(text: str, variables: dict[str, str]) -> str:
    """`$NAME` and `${NAME}` replaced; an unset one is empty."""
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], ""), text)


def _assignments(instruction: Instruction) -> list[tuple[str, str, str]]:
    return [word.partition("=") for word in instruction.words]


def _instructions(text: str) -> list[Instruction]:
    found: list[Instruction] = []
    begun: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#") or (not begun and not line.strip()):
            continue
        first = first if begun else number
        begun.append(line.strip().removesuffix("\\").strip())
        if not line.rstrip().endswith("\\"):
            found.append(_instruction(" ".join(begun), first))
            begun = []
    return found


def _instruction(text: str, line: int) -> Instruction:
    name, _, rest = text.partition(" ")
    flags: dict[str, str] = {}
    while match := re.match(r"--([\w-]+)(?:=(\S+))?\s+", rest):
        flags[match[1]] = match[2] or ""
        rest = rest[match.end() :]
    return Instruction(name.upper(), flags, rest, line)
