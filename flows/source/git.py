"""Books kept in git: `git+https://host/owner/repo.git@ref#subdir`, read through the git program.

A commit is cloned once, shallowly, into `DATA_DIR/sources/<repository>/<commit>/`: written beside and renamed, so a kill leaves
no half clone behind, and never changed afterwards. Credentials travel in the environment, not in arguments or in the clone.

The address is the operator's, what a server sends is a stranger's: git speaks the protocol of the address and no other, follows
no redirect, runs no hook and fetches no submodule and no file of LFS; its server must have a public address unless the operator
says otherwise, the one that was looked up and no other; and it is given so much time, and so much of the disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from flows.source.repository import Repository
from shared.errors import BookError, ServiceError

LOOK_UP_TIMEOUT_S = 30
CLONE_TIMEOUT_S = 300
MAX_PACK_BYTES = 1_000_000_000
"""Of one commit, as it comes over the network."""
MAX_CLONE_BYTES = 2_000_000_000
"""Of the same commit's files."""
MAX_LISTING_BYTES = 50_000_000
"""Of the list of those files: some hundred thousand."""
SCRATCH = ".clone-"
ABANDONED_AFTER_S = 3600
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_CUT = "File too large"
_NETWORK = re.compile(
    r"could not resolve|timed out|connection (?:refused|reset|closed)|couldn't connect|failed to connect|early eof|hung up"
    r"|unexpected disconnect|returned error: (?:429|5\d\d)|network is unreachable|rpc failed",
    re.IGNORECASE,
)


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
        _check_size(repository, work)
        _git(repository, "-C", str(work), "checkout", "--quiet", "--detach", "FETCH_HEAD")
        work.rename(target)


def _check_size(repository: Repository, work: Path) -> None:
    """Raise `BookError` when what is to be checked out is too large: a small pack can hold a great deal."""
    where = [repository.subdir] if repository.subdir else []
    listed = _git(repository, "-C", str(work), "ls-tree", "-r", "-l", "FETCH_HEAD", "--", *where)
    sizes = (line.split(None, 4)[3] for line in listed.splitlines())
    if sum(int(size) for size in sizes if size.isdigit()) > MAX_CLONE_BYTES:
        raise _too_large(repository)


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
    """What git printed. It has a process group of its own: its helpers outlive it otherwise, and hold the pipes open.

    It prints into files, so that one limit holds for all it writes: a pack, a page, a list without end.
    """
    timeout_s = LOOK_UP_TIMEOUT_S if arguments[0] == "ls-remote" else CLONE_TIMEOUT_S
    limit = MAX_PACK_BYTES if {"fetch", "checkout"} & set(arguments) else MAX_LISTING_BYTES
    try:
        with (
            tempfile.TemporaryFile() as printed,
            tempfile.TemporaryFile() as complaint,
            subprocess.Popen(  # noqa: S603  a list of arguments, none of which git takes for an option
                ["git", *arguments],  # noqa: S607  wherever this machine keeps it
                env=_environment(repository),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=complaint,
                process_group=0,
                restore_signals=False,  # a file over the limit is an error that git tells of, not its death
            ) as process,
        ):
            try:
                _limit_files(process.pid, limit)
                process.wait(timeout_s)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
            texts = [_text(printed), _text(complaint)]
    except FileNotFoundError as exc:
        raise ServiceError("git", "The book is in git, but the git program is not installed.", transient=False) from exc
    except subprocess.TimeoutExpired as exc:
        raise ServiceError("git", f"git took over {timeout_s} s on {repository.name}.", transient=True) from exc
    if process.returncode != 0:
        raise _failure(repository, texts[1])
    return texts[0]


def _limit_files(process_id: int, limit: int) -> None:
    """Let no file that the process and its helpers write grow beyond `limit` bytes, where the system knows such a thing."""
    if hasattr(resource, "prlimit"):
        with suppress(ProcessLookupError):  # it is over already
            resource.prlimit(process_id, resource.RLIMIT_FSIZE, (limit, limit))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", errors="replace")


def _too_large(repository: Repository) -> BookError:
    return BookError(f"{repository.name} is too large for a book; name the folder that holds it after a #.")


def _failure(repository: Repository, complaint: str) -> BookError | ServiceError:
    if _CUT in complaint:
        return _too_large(repository)
    for secret in filter(None, (repository.secret, repository.secret.partition(":")[2])):
        complaint = complaint.replace(secret, "***")
    said = [line for line in complaint.splitlines() if line.strip()] or ["it gave no reason"]
    reason = next((line for line in said if line.startswith(("fatal:", "error:", "remote:"))), said[-1])
    if _NETWORK.search("\n".join(said)):
        return ServiceError("git", f"git could not reach {repository.name}: {reason}", transient=True)
    return BookError(f"git could not read {repository.name}: {reason}")


def _environment(repository: Repository) -> dict[str, str]:
    """Never prompt; allow only the protocol of the address, and its host's public addresses; give credentials to git alone."""
    scheme, host = urlsplit(repository.url)[:2]
    configured = {
        "core.hooksPath": os.devnull,
        "fetch.recurseSubmodules": "false",
        "fetch.unpackLimit": "1",  # one file, which the limit holds for
        "http.followRedirects": "false",
        "submodule.recurse": "false",
    }
    if repository.secret:
        configured[f"url.{scheme}://{repository.secret}@{host}/.insteadOf"] = f"{scheme}://{host}/"
    if (addresses := _addresses(repository)) and scheme in {"http", "https"}:
        configured["http.curloptResolve"] = addresses
    environment = os.environ | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=10"),
        "GIT_ALLOW_PROTOCOL": scheme,
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
        "GIT_CONFIG_COUNT": str(len(configured)),
    }
    for number, (name, value) in enumerate(configured.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return environment


def _addresses(repository: Repository) -> str:
    """Where git is to find the host, as curl takes it; empty where nobody knows it, or it does not matter.

    Raises `BookError` for a private address, unless the repository may have one.
    """
    parts = urlsplit(repository.url)
    if not parts.hostname or repository.may_be_private:
        return ""
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 22)
    try:
        found = {
            str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        }
    except OSError:  # git says it; or a proxy knows it
        return ""
    if not all(map(_is_public, found)):
        raise BookError(f"{repository.name} has a private address; if that is meant, set BOOK_FROM_PRIVATE_HOST=true.")
    listed = ",".join(f"[{address}]" if ":" in address else address for address in sorted(found))
    return f"{parts.hostname}:{port}:{listed}"


def _is_public(text: str) -> bool:
    address = ip_address(text)
    inner = address.ipv4_mapped or address.sixtofour if isinstance(address, IPv6Address) else None
    return (inner or address).is_global and not address.is_multicast
