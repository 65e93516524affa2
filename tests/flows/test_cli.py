"""The command line, as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from shared.models import Report
from tests.conftest import REPOSITORY
from tests.support.book_folder import PAGES, write_book
from tests.support.openai.stand_in import StandIn
from tests.support.processes import wait_until_group_ended

FLOWS = [sys.executable, "-m", "flows"]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_book(tmp_path / "book")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> object:
    def run(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
        command = [*FLOWS, *map(str, arguments)]
        env = environment | settings
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, check=False)

    return run


def test_plan_prints_what_would_be_done_and_does_nothing(run, book: Path, tmp_path: Path) -> None:
    done = run("plan", book)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[:3] == ["added   arms.md", "added   intro.md", "added   part/legs.mdx"]
    assert lines[3] == "3 files: 3 added, 0 changed, 0 kept, 0 removed"
    assert lines[-1].startswith("to embed: 3 texts with all-MiniLM-L6-v2-int8-")
    assert "$0.0000 (no key); the whole book with text-embedding-3-small would be" in lines[-1]
    assert not (tmp_path / "data" / "index").exists()


def test_plan_says_the_same_price_with_a_key_and_without(run, book: Path) -> None:
    without = run("plan", book).stdout.splitlines()[-1]
    with_one = run("plan", book, OPENAI_API_KEY="key", OPENAI_BASE_URL="http://127.0.0.1:9/v1").stdout.splitlines()[-1]
    assert without.partition("would be ")[2] == with_one.partition("text-embedding-3-small, ")[2] != ""


def test_plan_says_that_no_model_embeds_where_none_is_wanted(run, book: Path) -> None:
    last = run("plan", book, EMBEDDING_MODEL="none", OPENAI_API_KEY="key").stdout.splitlines()[-1]
    assert last == "to embed: nothing (EMBEDDING_MODEL=none)"


def test_a_page_without_text_is_named(run, book: Path) -> None:
    (book / "empty.md").touch()
    assert "left out empty.md: it holds no text" in run("plan", book).stdout.splitlines()


@pytest.mark.parametrize(
    "url", ["nonsense", "http://", "https://example.github.io/my-book/", "https://host?x=1", "example.github.io"]
)
def test_an_address_of_the_site_that_is_none_is_refused(run, book: Path, url: str) -> None:
    done = run("plan", book, SITE_URL=url)
    assert done.returncode == 1
    said = "expected scheme and host, like https://example.github.io; the path goes into SITE_BASE."
    assert done.stderr == f"lectern: SITE_URL is {url!r}; {said}\n"


def test_plan_with_a_key_says_what_it_would_cost_and_asks_nobody(run, book: Path) -> None:
    done = run("plan", book, "--json", OPENAI_API_KEY="key", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    plan = json.loads(done.stdout)
    assert plan["to_embed"] == plan["chunks"]["added"] > 0
    assert plan["cost_usd"] == pytest.approx(plan["tokens"] * 0.02 / 1_000_000)


@pytest.mark.parametrize(
    ("site", "settings"),
    [
        ("docusaurus", {}),
        ("docusaurus-versions", {"SITE_ROUTE_BASE": "/", "SITE_TRAILING_SLASH": "true"}),
        ("mkdocs", {}),
        ("mdbook", {}),
    ],
)
def test_chunks_have_the_addresses_that_the_sites_own_configuration_gives(run, site: str, settings: dict[str, str]) -> None:
    folder = REPOSITORY / "tests" / "fixtures" / "sites" / site
    done = run("chunks", folder, "--jsonl", SITE_KIND=site.partition("-")[0], SITE_BASE="/my-book/", **settings)
    built = json.loads((folder / "expected.json").read_text(encoding="utf-8"))["pages"]
    addresses = {chunk["path"]: unquote(chunk["url"].partition("#")[0]) for chunk in map(json.loads, done.stdout.splitlines())}
    assert addresses == {path: unquote(built[path]["address"]) for path in addresses}
    assert len(built) - len(addresses) <= 1  # a page without text has no chunks


def test_chunks_come_in_the_order_of_the_sidebar(run, tmp_path: Path) -> None:
    pages = {"z.md": "---\nsidebar_position: 1\n---\nFirst.", "b/02-x.md": "Third.", "b/1. y.md": "Second.", "a.md": "Last."}
    book = write_book(tmp_path / "ordered", {**pages, "b/_category_.json": '{"position": 2}'})
    done = run("chunks", book)
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()][1:] == ["Second.", "Third.", "Last."]


def test_ingest_tells_each_step_and_the_report(run, book: Path) -> None:
    done = run("ingest", book, EMBEDDING_MODEL="none")
    assert done.returncode == 0
    steps = dict.fromkeys(line.split()[0] for line in done.stderr.splitlines())  # a slow one says more than once how far it is
    assert list(steps) == ["find", "read", "plan", "apply", "report"]
    assert done.stdout.splitlines()[0] == "3 files: 3 added, 0 changed, 0 kept, 0 removed"
    assert "unchanged build" in run("ingest", book, EMBEDDING_MODEL="none").stdout


def test_several_books_are_planned_and_ingested_one_after_the_other(run, book: Path, tmp_path: Path) -> None:
    other = write_book(tmp_path / "other", {"only.md": "# Only\n\nOne page."})
    books = {"BOOKS": "robots,rovers", "ROBOTS__BOOK_SOURCE": str(book), "ROVERS__BOOK_SOURCE": str(other)}
    settings = books | {"EMBEDDING_MODEL": "none"}
    assert [line for line in run("plan", **settings).stdout.splitlines() if line.endswith(":")] == ["robots:", "rovers:"]
    lines = run("ingest", **settings).stdout.splitlines()
    assert [line for line in lines if line.endswith(":") or " files: " in line] == [
        *("robots:", "3 files: 3 added, 0 changed, 0 kept, 0 removed"),
        *("rovers:", "1 files: 1 added, 0 changed, 0 kept, 0 removed"),
    ]
    only = run("ingest", "--only", "rovers", "--json", **settings)
    assert not Report.model_validate_json(only.stdout).new_build
    assert '"path": "only.md"' in run("chunks", "--only", "rovers", **settings).stdout
    for arguments in (["plan", book], ["plan", "--only", "venus"]):
        refused = run(*arguments, **settings)
        assert refused.returncode == 1
        assert "robots, rovers" in refused.stderr


def test_a_book_that_fails_leaves_the_others_to_be_ingested_and_the_exit_code_says_so(run, book: Path, tmp_path: Path) -> None:
    books = {"BOOKS": "gone,robots", "GONE__BOOK_SOURCE": str(tmp_path / "gone"), "ROBOTS__BOOK_SOURCE": str(book)}
    done = run("ingest", **books, EMBEDDING_MODEL="none")
    assert done.returncode == 1
    assert "lectern: gone: The book's folder" in done.stderr
    assert "3 files: 3 added, 0 changed, 0 kept, 0 removed" in done.stdout
    assert run("ingest", "--only", "robots", **books, EMBEDDING_MODEL="none").returncode == 0


def test_ingest_names_every_problem_and_succeeds_with_the_rest(run, book: Path) -> None:
    (book / "latin.md").write_bytes(b"caf\xe9")
    done = run("ingest", book)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "latin.md:1: not UTF-8: byte 0xe9 (skipped)"
    report = Report.model_validate_json(run("ingest", book, "--json").stdout)
    assert [problem.path for problem in report.problems] == ["latin.md"]


def test_chunks_are_lines_of_json_that_point_into_the_files(run, book: Path) -> None:
    done = run("chunks", book, "--jsonl", SITE_URL="https://example.github.io", SITE_BASE="/my-book/")
    chunks = [json.loads(line) for line in done.stdout.splitlines()]
    assert {chunk["path"] for chunk in chunks} == set(PAGES)
    for chunk in chunks:
        text = PAGES[chunk["path"]]
        assert text[chunk["start"] : chunk["end"]] == chunk["text"]
        assert chunk["start_line"] == text.count("\n", 0, chunk["start"]) + 1
        assert chunk["url"].startswith("https://example.github.io/my-book/docs/")
    assert set(chunks[0]) == {
        "path", "start", "end", "start_line", "end_line", "heading_path", "anchor", "url", "tokens", "text", "content",
    }  # fmt: skip


def test_verify_links_names_each_address_that_does_not_exist(run, book: Path, tmp_path: Path) -> None:
    page = tmp_path / "site" / "docs" / "arms" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text('<h1>Arms</h1><h2 id="inverse-kinematics">Inverse kinematics</h2>')
    done = run("verify-links", book, "--site", tmp_path / "site")
    assert done.returncode == 1
    assert "/docs/part/legs" in done.stdout
    assert "/docs/arms" not in done.stdout


def test_the_book_of_the_environment_is_read_when_none_is_named(run, book: Path) -> None:
    assert run("plan", BOOK_SOURCE=str(book)).stdout.splitlines()[3].startswith("3 files")


@pytest.mark.parametrize("command", ["plan", "ingest", "chunks"])
def test_what_is_wrong_is_one_sentence(run, command: str, tmp_path: Path) -> None:
    done = run(command, tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"lectern: The book's folder {str(tmp_path / 'nowhere')!r} does not exist.\n"


def test_each_setting_that_is_wrong_is_named_on_a_line_of_its_own(run, book: Path) -> None:
    done = run("plan", book, CHUNK_TOKENS="many", SITE_KIND="wiki")
    assert done.returncode == 1
    assert done.stderr == (
        "lectern: SITE_KIND is 'wiki'; expected one of auto, docusaurus, mkdocs, mdbook, vitepress, starlight, nextra, sphinx, "
        "hugo, jekyll, plain.\n"
        "lectern: CHUNK_TOKENS is 'many'; expected a whole number from 64 to 8000.\n"
    )


def test_an_address_that_git_is_not_told_of_says_what_to_write(run) -> None:
    done = run("ingest", "https://github.com/you/book")
    said = "The book is given as an address, not as a folder; in git it is 'git+https://github.com/you/book'."
    assert (done.returncode, done.stderr) == (1, f"lectern: {said}\n")


@pytest.mark.parametrize("arguments", [[], ["bake"], ["ingest", "--fast"]])
def test_a_command_line_that_is_not_understood_ends_with_2(run, arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


def test_a_reader_that_has_seen_enough_is_no_error(book: Path, environment: dict[str, str]) -> None:
    for n in range(300):
        (book / f"{n}.md").write_text(f"# Page {n}\n\n" + "Some text. " * 100)
    with subprocess.Popen(
        [*FLOWS, "chunks", str(book)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == 0


def test_ctrl_c_ends_it_without_a_traceback_and_without_leaving_processes(
    book: Path, environment: dict[str, str], stand_in: StandIn
) -> None:
    stand_in.fail("embeddings", "slow", seconds=300)
    model = {"EMBEDDING_BASE_URL": stand_in.base_url, "EMBEDDING_API_KEY": "key", "EMBEDDING_MODEL": "bag-of-words"}
    with subprocess.Popen(
        [*FLOWS, "ingest", str(book)], env=environment | model, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=mind_ctrl_c,  # noqa: PLW1509  one system call, no lock
    ) as process:  # fmt: skip
        assert process.stderr is not None
        while not process.stderr.readline().startswith("plan"):
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the command
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == 130
    wait_until_group_ended(process.pid)


def mind_ctrl_c() -> None:
    """As at a terminal; a run in the background inherits that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
