"""Books in git, cloned by the real program from a repository made here."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from flows.source import git
from flows.source.files import BookSource, find_files, open_source
from flows.source.globs import FileSelection
from flows.source.repository import Repository, parse_repository
from shared.errors import BookError, ServiceError
from tests.support.loopback_http import Exchange, LoopbackServer, Received
from tests.support.processes import wait_until_ended

MARKDOWN = FileSelection(("**/*.md",), ())


def run_git(folder: Path, *arguments: str) -> str:
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@a", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@a"}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | identity).stdout.strip()


def commit(repository: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run_git(repository, "add", "--all")
    run_git(repository, "commit", "--quiet", "-m", "x")
    return run_git(repository, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "origin.git"
    folder.mkdir()
    run_git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, {"README.md": "# Read me", "docs/a.md": "# A", "docs/img.png": "x", "notes/n.md": "n"})
    return folder


def open_book(repository: Path, rest: str = "") -> BookSource:
    return open_source(f"git+file://{repository}{rest}", data_dir=repository.parent / "data")


def texts(source: BookSource) -> dict[str, str]:
    return {path: (source.root / path).read_text() for path in find_files(source, MARKDOWN).paths}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("git+https://host/o/r.git", Repository("https://host/o/r.git", "", "HEAD", "")),
        ("git+https://host/o/r.git@v1#docs", Repository("https://host/o/r.git", "", "v1", "docs")),
        ("git+https://host/o/r@feature/x#/a/b/", Repository("https://host/o/r", "", "feature/x", "a/b")),
        ("git+https://host/o/r.git#subdirectory=docs", Repository("https://host/o/r.git", "", "HEAD", "docs")),
        ("git+https://me:key@host:8443/o/r.git@v1", Repository("https://host:8443/o/r.git", "me:key", "v1", "")),
        ("git+https://token@host/o/r.git", Repository("https://host/o/r.git", "token", "HEAD", "")),
        ("git+ssh://git@host/o/r.git@main", Repository("ssh://git@host/o/r.git", "", "main", "")),
        ("git+file:///srv/r.git", Repository("file:///srv/r.git", "", "HEAD", "")),
    ],
)
def test_an_address_has_parts(address: str, expected: Repository) -> None:
    assert parse_repository(address) == expected


@pytest.mark.parametrize(
    "address", ["git+ext://sh -c id", "git+https://h/r@--upload-pack=id", "git+https://h/r#../..", "git+x"]
)
def test_an_address_that_could_do_harm_is_refused(address: str) -> None:
    with pytest.raises(BookError, match="address"):
        parse_repository(address)


def test_a_name_that_is_shown_holds_no_secret() -> None:
    assert parse_repository("git+https://me:key@host/r.git@v1#docs").name == "git+https://host/r.git@v1#docs"


def test_the_default_branch_is_read_when_no_ref_is_named(repository: Path) -> None:
    source = open_book(repository)
    assert texts(source) == {"README.md": "# Read me", "docs/a.md": "# A", "notes/n.md": "n"}
    assert source.revision == run_git(repository, "rev-parse", "HEAD")


def test_a_subfolder_is_a_book_and_the_rest_is_not_checked_out(repository: Path) -> None:
    source = open_book(repository, "#docs")
    assert texts(source) == {"a.md": "# A"}
    assert not (source.boundary / "notes").exists()


def test_branches_tags_and_commits_are_refs(repository: Path) -> None:
    first = run_git(repository, "rev-parse", "HEAD")
    run_git(repository, "tag", "-a", "v1", "-m", "v1")
    run_git(repository, "branch", "feature/x")
    commit(repository, {"docs/a.md": "# Newer"})
    for ref in ("v1", "feature/x", first):
        assert open_book(repository, f"@{ref}#docs").revision == first
    assert texts(open_book(repository, "@main#docs")) == {"a.md": "# Newer"}


def test_a_new_commit_is_fetched_and_the_old_clone_goes(repository: Path) -> None:
    old = open_book(repository)
    commit(repository, {"docs/a.md": "# Newer"})
    assert texts(open_book(repository))["docs/a.md"] == "# Newer"
    assert not old.root.exists()


def test_a_clone_that_is_there_is_used_again(repository: Path) -> None:
    root = open_book(repository).root
    (root / "mark").touch()
    assert (open_book(repository).root / "mark").exists()


def test_a_link_to_a_file_elsewhere_in_the_repository_is_read_one_out_of_it_is_not(repository: Path) -> None:
    (repository / "docs" / "index.md").symlink_to("../README.md")
    (repository / "docs" / "passwd.md").symlink_to("/etc/passwd")
    commit(repository, {})
    source = open_book(repository)
    listing = find_files(source, MARKDOWN)
    assert "docs/index.md" in listing.paths
    assert [problem.path for problem in listing.problems] == ["docs/passwd.md"]


@pytest.mark.parametrize(
    ("rest", "message"), [("@nowhere", "no branch, tag or full commit id 'nowhere'"), ("#nowhere", "does not exist")]
)
def test_a_ref_or_folder_that_is_not_there_is_named(repository: Path, rest: str, message: str) -> None:
    with pytest.raises(BookError, match=message):
        open_book(repository, rest)


def test_a_repository_that_is_not_there_is_the_authors_to_put_right(tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"git could not read git\+file://.*nowhere"):
        open_book(tmp_path / "nowhere")


def test_a_host_that_does_not_answer_may_later_and_no_secret_is_told(tmp_path: Path) -> None:
    with pytest.raises(ServiceError) as caught:
        open_source("git+http://me:hunter2@127.0.0.1:9/r.git", data_dir=tmp_path, may_be_private=True)
    assert caught.value.transient
    assert "127.0.0.1:9" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_git_that_hangs_is_ended_with_its_helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nsleep 600 & echo $! > " + str(tmp_path / "helper") + "\nwait\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git, "LOOK_UP_TIMEOUT_S", 5)
    with pytest.raises(ServiceError, match="git took over 5 s"):
        open_source("git+https://host/r.git", data_dir=tmp_path)
    wait_until_ended(int((tmp_path / "helper").read_text()))


def test_without_the_git_program_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError, match="the git program is not installed"):
        open_source("git+https://host/r.git", data_dir=tmp_path)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.7", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "2130706433",
             "[::1]", "[fd00::1]", "[fe80::1]", "[::ffff:127.0.0.1]", "[2002:7f00:1::]"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["git+https", "git+ssh"])
def test_no_book_is_read_from_a_private_address_unless_that_is_meant(tmp_path: Path, scheme: str, host: str) -> None:
    with pytest.raises(BookError, match=r"has a private address; if that is meant, set BOOK_FROM_PRIVATE_HOST=true\.$"):
        open_source(f"{scheme}://{host}:9/r.git", data_dir=tmp_path)


@pytest.mark.parametrize(("answers", "expected"), [(["93.184.215.14"], True), (["93.184.215.14", "10.0.0.7"], False)])
def test_git_asks_the_addresses_that_were_looked_up_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: list[str], *, expected: bool
) -> None:
    def look_up(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, 443)) for address in answers]

    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nenv | grep "^GIT_CONFIG_VALUE.*book.example" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("socket.getaddrinfo", look_up)
    with pytest.raises(BookError) as told:
        open_source("git+https://book.example/r.git", data_dir=tmp_path)
    assert ("=book.example:443:93.184.215.14" in str(told.value)) is expected


async def test_a_redirect_is_not_followed_wherever_it_leads(tmp_path: Path) -> None:
    asked: list[str] = []

    async def redirect(request: Received, exchange: Exchange) -> None:
        asked.append(request.path)
        there = f"http://127.0.0.1:{server.port}/elsewhere/info/refs?service=git-upload-pack"
        await exchange.reply(302, {}, {"location": there})

    server = LoopbackServer(redirect)
    await server.start()
    try:
        address = f"git+http://127.0.0.1:{server.port}/r.git"
        with pytest.raises(BookError, match="git could not read"):
            await asyncio.to_thread(open_source, address, data_dir=tmp_path, may_be_private=True)
    finally:
        await server.stop()
    assert [path.partition("?")[0] for path in asked] == ["/r.git/info/refs"]


def test_no_hook_filter_or_submodule_of_a_repository_runs_anything(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, ran = repository.parent / "home", repository.parent / "ran"
    (home / "hooks").mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction"):
        (home / "hooks" / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (home / "hooks" / name).chmod(0o755)
    (home / ".gitconfig").write_text(f"[core]\n\thooksPath = {home / 'hooks'}\n[submodule]\n\trecurse = true\n")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    commit(repository, {"docs/big.md": pointer, ".gitattributes": "*.md filter=evil\n"})
    run_git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository), "docs/inner")
    commit(repository, {})
    monkeypatch.setenv("HOME", str(home))
    source = open_book(repository, "#docs")
    assert texts(source) == {"a.md": "# A", "big.md": pointer}
    assert not ran.exists()


@pytest.mark.parametrize("limit", ["MAX_PACK_BYTES", "MAX_CLONE_BYTES", "MAX_LISTING_BYTES"])
def test_a_repository_that_is_too_large_is_one_sentence_and_nothing_of_it_is_left(
    repository: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    files = {f"docs/{number}.md": os.urandom(9_000).hex() for number in range(30)}
    commit(repository, files)
    monkeypatch.setattr(git, limit, {"MAX_PACK_BYTES": 100_000, "MAX_CLONE_BYTES": 500_000, "MAX_LISTING_BYTES": 1_000}[limit])
    with pytest.raises(BookError, match=r"is too large for a book; name the folder that holds it after a #\.$"):
        open_book(repository)
    assert [path for path in (repository.parent / "data").rglob("*") if path.is_file()] == []
    assert texts(open_book(repository, "#notes")) == {"n.md": "n"} if limit == "MAX_CLONE_BYTES" else True
