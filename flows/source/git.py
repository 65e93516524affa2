"""Books kept in git: `git+https://host/owner/repo.git@ref#subdir`, read through the git program.

A commit is cloned once, shallowly, into `DATA_DIR/sources/<repository>/<commit>/`: written beside and renamed, so a kill leaves
no half clone behind, and never changed afterwards. Credentials travel in the environment, not in arguments or in the clone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from shared.errors import BookError, ServiceError

SCHEMES = ("git+https", "git+http", "git+ssh", "git+file")
LOOK_UP_TIMEOUT_S = 30
CLONE_TIMEOUT_S = 300
SCRATCH = ".clone-"
ABANDONED_AFTER_S = 3600
_HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org")
"""Whose repositories are named without a scheme, too."""
_TREE = re.compile(r"(?P<repository>/[^/]+/[^/]+?)(?:/-|/src)?/(?:tree|branch)/(?P<ref>[^/]+)(?:/(?P<subdir>.+))?/?")
"""Path of a folder's page at those hosts."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NETWORK = re.compile(
    r"could not resolve|timed out|connection (?:refused|reset|closed)|couldn't connect|failed to connect|early eof|hung up"
    r"|unexpected disconnect|returned error: (?:429|5\d\d)|network is unreachable|rpc failed",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Repository:
    """Where in git a book lives."""

    url: str
    """What git is given: no credentials."""
    secret: str
    """`user:password` of an http(s) address; empty when there is none."""
    ref: str
    """Branch, tag or full commit id; `HEAD` when none was named."""
    subdir: str
    """Folder of the book inside the repository; empty for its root."""

    @property
    def name(self) -> str:
        """The address as it may be shown and logged."""
        ref = "" if self.ref == "HEAD" else f"@{self.ref}"
        return f"git+{self.url}{ref}" + (f"#{self.subdir}" if self.subdir else "")


def is_git(source: str) -> bool:
    """Whether `source` names a git repository rather than a folder."""
    return source.startswith("git+")


def check_not_an_address(source: str) -> None:
    """Raise `BookError`, saying what to write instead, for a repository as git or a browser names it."""
    scheme, given, rest = source.partition("://")
    if not given and (scp := re.fullmatch(r"([\w.-]+@[\w.-]+):(?!/)(.+)", source)):
        scheme, rest = "ssh", f"{scp[1]}/{scp[2]}"
    elif not given and source.removeprefix("www.").startswith(tuple(f"{host}/" for host in _HOSTS)):
        scheme, rest = "https", source
    elif not given:
        return
    scheme = scheme if f"git+{scheme}" in SCHEMES else "https"
    parts = urlsplit(f"{scheme}://{rest}")
    address = f"git+{scheme}://{parts.netloc}{parts.path}" + (f"#{parts.fragment}" if parts.fragment else "")
    if tree := _TREE.fullmatch(parts.path):
        folder = f"#{tree['subdir']}" if tree["subdir"] else ""
        address = f"git+{scheme}://{parts.netloc}{tree['repository']}@{tree['ref']}{folder}"
    raise BookError(f"The book is given as an address, not as a folder; in git it is {parse_repository(address).name!r}.")


def parse_repository(source: str) -> Repository:
    """The parts of a `git+...` address; raises `BookError` when it is none."""
    scheme, _, _ = source.partition("://")
    if scheme not in SCHEMES:
        raise BookError(f"The book's address begins with {scheme!r}; expected one of {', '.join(SCHEMES)}.")
    parts = urlsplit(source.removeprefix("git+"))
    userinfo, at, host = parts.netloc.rpartition("@")
    secret = userinfo if parts.scheme in {"http", "https"} else ""
    path, _, ref = parts.path.partition("@") if "@" in parts.path else (parts.path, "", "")
    subdir = parts.fragment.removeprefix("subdirectory=").strip("/")
    if ref.startswith("-") or ".." in subdir.split("/"):
        raise BookError(f"The book's address holds a ref or a folder that is not allowed: {ref or subdir!r}.")
    netloc = host if secret or not at else parts.netloc
    return Repository(urlunsplit((parts.scheme, netloc, path, "", "")), secret, ref or "HEAD", subdir)


def clone(repository: Repository, folder: Path) -> tuple[Path, str]:
    """The clone of the ref's present commit below `folder`, and that commit's id; clones only what is not there yet.

    Raises `BookError` when the repository or the ref does not exist or may not be read, `ServiceError` when git is missing or
    the network fails.
    """
    commit = _find_commit(repository)
    home = folder / hashlib.sha256(repository.url.encode()).hexdigest()[:16]
    part = hashlib.sha256(repository.subdir.encode()).hexdigest()[:8] if repository.subdir else "all"
    target = home / f"{commit}-{part}"
    if not target.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        _clone_into(repository, commit, target)
    _forget_others(home, target)
    return target, commit


def _clone_into(repository: Repository, commit: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=SCRATCH, ignore_cleanup_errors=True) as scratch:
        work = Path(scratch) / "work"
        _git(repository, "init", "--quiet", str(work))
        _git(repository, "-C", str(work), "remote", "add", "origin", repository.url)
        if repository.subdir:
            _git(repository, "-C", str(work), "sparse-checkout", "set", "--", repository.subdir)
        wanted = commit if _COMMIT.fullmatch(repository.ref) else repository.ref
        _git(repository, "-C", str(work), "fetch", "--quiet", "--depth=1", "--no-tags", "origin", wanted)
        _git(repository, "-C", str(work), "checkout", "--quiet", "--detach", "FETCH_HEAD")
        work.rename(target)


def _forget_others(home: Path, target: Path) -> None:
    """Delete clones of earlier commits, and what a killed clone left; another folder of the same commit stays."""
    commit = target.name.partition("-")[0]
    for other in home.iterdir():
        abandoned = time.time() - other.stat().st_mtime > ABANDONED_AFTER_S
        if not other.name.startswith(commit) and (abandoned or not other.name.startswith(SCRATCH)):
            shutil.rmtree(other, ignore_errors=True)


def _find_commit(repository: Repository) -> str:
    ref = repository.ref
    if _COMMIT.fullmatch(ref):
        return ref
    listed = _git(repository, "ls-remote", "--", repository.url, ref, f"{ref}^{{}}")
    found = {name: commit for commit, _, name in (line.partition("\t") for line in listed.splitlines())}
    for name in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}"):
        if name in found:
            return found[name]
    raise BookError(f"{repository.name} has no branch, tag or full commit id {ref!r}.")


def _git(repository: Repository, *arguments: str) -> str:
    """What git printed. It has a process group of its own: its helpers outlive it otherwise, and hold the pipes open."""
    timeout_s = LOOK_UP_TIMEOUT_S if arguments[0] == "ls-remote" else CLONE_TIMEOUT_S
    try:
        with subprocess.Popen(  # noqa: S603  a list of arguments, none of which git takes for an option
            ["git", *arguments],  # noqa: S607  wherever this machine keeps it
            env=_environment(repository),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            process_group=0,
        ) as process:
            try:
                printed, complaint = process.communicate(timeout=timeout_s)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
    except FileNotFoundError as exc:
        raise ServiceError("git", "The book is in git, but the git program is not installed.", transient=False) from exc
    except subprocess.TimeoutExpired as exc:
        raise ServiceError("git", f"git took over {timeout_s} s on {repository.name}.", transient=True) from exc
    if process.returncode != 0:
        raise _failure(repository, complaint)
    return printed


def _failure(repository: Repository, complaint: str) -> BookError | ServiceError:
    for secret in filter(None, (repository.secret, repository.secret.partition(":")[2])):
        complaint = complaint.replace(secret, "***")
    said = [line for line in complaint.splitlines() if line.strip()] or ["it gave no reason"]
    reason = next((line for line in said if line.startswith(("fatal:", "error:", "remote:"))), said[-1])
    if _NETWORK.search("\n".join(said)):
        return ServiceError("git", f"git could not reach {repository.name}: {reason}", transient=True)
    return BookError(f"git could not read {repository.name}: {reason}")


def _environment(repository: Repository) -> dict[str, str]:
    """Never prompt; allow only the protocols of `SCHEMES`; give credentials to git alone."""
    environment = os.environ | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=10"),
        "GIT_ALLOW_PROTOCOL": "https:http:ssh:file",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
    }
    if repository.secret:
        scheme, host = urlsplit(repository.url)[:2]
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{scheme}://{repository.secret}@{host}/.insteadOf",
            "GIT_CONFIG_VALUE_0": f"{scheme}://{host}/",
        }
    return environment
