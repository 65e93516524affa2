"""Runs a Dockerfile's own steps in a fresh root, each into a layer of its own, as an engine would.

The base image is stood in for by a minimal Debian with its Python 3.11: what is in `python:3.11-slim-bookworm` but for CPython
itself, which that image compiles from source. Layers are folders, stacked with overlayfs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.image.context import files_of
from tests.image.dockerfile import Instruction, Stage, read
from tests.image.namespaces import devices, mount, mounted, stacked

PACKAGES = "ca-certificates,netbase,tzdata,python3,python3-venv"
MIRROR = "http://deb.debian.org/debian"
APT_KEEPS_NOTHING = """DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
"""
DPKG_LEAVES_OUT = """path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
"""
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(slots=True)
class Build:
    """The layers of one stage so far."""

    stage: Stage
    base: Path
    folder: Path
    layers: list[tuple[str, Path]] = field(default_factory=list[tuple[str, Path]])
    """What made each, with its folder; the lowest first."""
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def stack(self) -> list[Path]:
        """Every layer, the base included."""
        return [self.base, *(layer for _, layer in self.layers)]


def make_base(folder: Path) -> Path:
    """The stand-in for the base image; made once, with debootstrap."""
    made = folder.with_suffix(".made")
    if not made.exists():
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", folder, MIRROR], check=True)
        _slim(folder)
        for name in ("python", "python3", "python3.11"):
            (folder / "usr/local/bin" / name).symlink_to("/usr/bin/python3.11")
        (folder / "etc/hosts").write_text("127.0.0.1 localhost\n", encoding="ascii")  # an engine writes it
        made.touch()
    return folder


def _slim(folder: Path) -> None:
    """What makes Debian's image a slim one: no package archives, no documentation, no translations, now and later."""
    for name in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "var/cache/apt").mkdir()
    (folder / "etc/apt/apt.conf.d/docker-clean").write_text(APT_KEEPS_NOTHING, encoding="ascii")
    (folder / "etc/dpkg/dpkg.cfg.d/docker").write_text(DPKG_LEAVES_OUT, encoding="ascii")


def build_image(context: Path, work: Path) -> Build:
    """The last stage of the context's Dockerfile, built below `work`; raises `CalledProcessError` when a step fails."""
    base = make_base(work / "base")
    built: dict[str, Build] = {}
    last = Build(Stage("", "", ()), base, work)
    for number, stage in enumerate(read(context / "Dockerfile")):
        folder = work / f"stage-{stage.name or number}"
        shutil.rmtree(folder, ignore_errors=True)
        last = Build(stage, base, folder, environment=dict(Stage("", "", ()).environment))
        for instruction in stage.instructions:
            _step(last, instruction, context, built)
        built[stage.name or str(number)] = last
    (work / "image.json").write_text(json.dumps([[made_by, str(layer)] for made_by, layer in last.layers]), encoding="utf-8")
    return last


def _step(build: Build, instruction: Instruction, context: Path, built: dict[str, Build]) -> None:
    match instruction.name:
        case "ENV":
            variables = Stage("", "", (*_env_so_far(build, instruction),)).environment
            build.environment |= variables
        case "WORKDIR":
            build.workdir = instruction.rest
            with _layer(build, instruction) as root:
                (root / instruction.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        case "COPY":
            with _layer(build, instruction) as root, _origin(instruction, context, built) as (origin, names):
                _copy(instruction, origin, names, root, build.workdir)
        case "RUN":
            print(f"RUN {instruction.rest[:100]}", flush=True)  # noqa: T201
            with _layer(build, instruction) as root:
                _run(build, instruction, root)
        case _:
            pass  # CMD, USER and the like change no file


def _env_so_far(build: Build, until: Instruction) -> Iterator[Instruction]:
    return (each for each in build.stage.instructions if each.name == "ENV" and each.line <= until.line)


@contextmanager
def _layer(build: Build, instruction: Instruction) -> Generator[Path]:
    upper = build.folder / f"{len(build.layers):02}"
    with stacked(build.folder / "root", build.stack, upper) as root:
        yield root
    build.layers.append((f"{instruction.name} {instruction.rest}", upper))


@contextmanager
def _origin(instruction: Instruction, context: Path, built: dict[str, Build]) -> Generator[tuple[Path, list[str] | None]]:
    """Where COPY takes from, and which files there are: None for all."""
    stage = instruction.flags.get("from")
    if stage is None:
        yield context, [str(path) for path in files_of(context)]
    else:
        with stacked(built[stage].folder / "root", built[stage].stack) as root:
            yield root, None


def _copy(instruction: Instruction, origin: Path, names: list[str] | None, root: Path, workdir: str) -> None:
    *sources, target = instruction.words
    to = root / (Path(workdir) / target).as_posix().lstrip("/")
    for source in sources:
        at = origin / source.strip("/")
        goal = to / at.name if at.is_file() and target.endswith("/") else to
        if at.is_file() and (names is None or source in names):
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(at, goal)
        elif names is None:
            shutil.copytree(at, goal, symlinks=True, dirs_exist_ok=True)
        else:
            _copy_files(origin, source.strip("/"), names, goal)


def _copy_files(origin: Path, folder: str, names: list[str], goal: Path) -> None:
    inside = [name for name in names if name.startswith(f"{folder}/")]
    if not inside:
        raise FileNotFoundError(f"COPY {folder}: nothing of that name reaches the builder")
    for name in inside:
        path = goal / Path(name).relative_to(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(origin / name, path)


def _run(build: Build, instruction: Instruction, root: Path) -> None:
    """Run one command as root, with the network and pip's configuration of this machine."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("PIP_") and name != "PIP_FIND_LINKS"}
    with ExitStack() as mounts:
        mounts.enter_context(devices(root))
        mounts.enter_context(mounted(root / "proc", "-t", "proc", "proc"))
        mounts.enter_context(mounted(root / "tmp", "-t", "tmpfs", "tmpfs"))
        for path in (CERTIFICATES, "/etc/resolv.conf"):
            (root / path.lstrip("/")).touch()
            mount("--bind", "-o", "ro", path, root / path.lstrip("/"))
            mounts.callback(subprocess.run, ["umount", str(root / path.lstrip("/"))], check=True)
        inside = f'cd "{build.workdir}" && exec "$@"'
        command = ["chroot", str(root), "/bin/sh", "-c", inside, "sh", *instruction.command]
        subprocess.run(command, check=True, env=build.environment | ours | {"DEBIAN_FRONTEND": "noninteractive"})
