"""The container on trial: started, asked, fed and hurt as readers, authors and machines do; what was measured, as lines."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from shared.ingest_runs import prefect_headers
from tests.image.author import STAND_IN, Author, openai_stand_in
from tests.image.books import PushedBook, make_book
from tests.image.deaths import DEATHS, MARK_LIMIT_S, ingest_slowly, kill, verdict
from tests.image.dockerfile import read
from tests.image.namespaces import raise_loopback
from tests.image.processes import MemoryWatch, memory_by_role, oldest, process_one, processes, wait_for
from tests.image.sandbox import Sandbox, sandbox
from tests.image.visitor import BACK_LIMIT_S, Crowd, ask, request, sources, wait_until_live

WEB = "http://127.0.0.1:7860"
PREFECT = "http://127.0.0.1:4200"
ADMIN_KEY = "the-key-of-the-author-in-the-trial"
PREFECT_AUTH = "admin:of-the-trial"
SETTINGS = {
    "BOOK_SOURCE": "git+file:///srv/book.git@main",
    "OPENAI_BASE_URL": f"{STAND_IN}/v1",
    "OPENAI_API_KEY": "sk-trial",
    "EMBEDDING_DIMENSIONS": "256",
    "ADMIN_API_KEY": ADMIN_KEY,
    "PREFECT_API_AUTH_STRING": PREFECT_AUTH,
    "REQUESTS_PER_MINUTE": "100000",
    "DAILY_BUDGET_USD": "0",
}
AT_ONCE_S = 5.0
"""The web must be up within."""
READ_LIMIT_S = 180.0
REST_S = 15.0


@dataclass(slots=True)
class Trial:
    """One container, its author and its readers."""

    box: Sandbox
    book: PushedBook
    author: Author
    faults: list[str] = field(default_factory=list[str])

    def hold(self) -> None:
        """Everything, in the order of a container's life."""
        with self.box.running(SETTINGS) as container, MemoryWatch(container.pid) as memory:
            self.first_start(memory)
            self.rest(container.pid)
            self.push_a_change()
            for role in ("web", "prefect", "worker"):
                self.kill(container.pid, role)
            for what, roles in DEATHS.items():
                self.let_die(container.pid, what, roles)
            tell(f"memory, highest of all (MB): {memory.highest}")
            self.stop(container)
        with self.box.running(SETTINGS) as container:
            self.second_start()
            self.kill_the_supervisor(container)
        self.die_altogether()
        self.start_without_neighbours()
        self.start_without_a_book()

    def expect(self, holds: bool, what: str) -> None:
        """Remember what does not hold."""
        if not holds:
            self.faults.append(what)
            tell(f"NOT SO: {what}")

    def first_start(self, memory: MemoryWatch) -> None:
        """From nothing to the first answer out of the book."""
        live = wait_until_live(WEB)
        tell(f"first start: /health/live after {live:.1f} s")
        self.expect(live < AT_ONCE_S, f"the web is up in {AT_ONCE_S} s")
        check = self.box.run(self.box.stage.last("HEALTHCHECK").check, SETTINGS)
        self.expect(check.returncode == 0, f"HEALTHCHECK passes: {check.stderr[-200:]}")
        tell(f"asked before the book is read: HTTP {ask(WEB, self.author.question).status}")
        ready = live + wait_for(lambda: request(f"{WEB}/health/ready").status == 200, READ_LIMIT_S, 0.1)
        answer = ask(WEB, self.author.question)
        tell(f"first start: the book answers after {ready:.1f} s: HTTP {answer.status}, {sources(answer)} sources")
        self.expect(sources(answer) > 0, f"the first answer cites the book: {answer.body}")
        health = request(f"{WEB}/health").body
        tell(f"health: {health}")
        self.expect(health["tokenizer"] == "exact", "token counts are exact")
        self.author.wait_until_idle()
        tell(f"memory, highest until the book was read (MB): {memory.highest}")

    def rest(self, leader: int) -> None:
        """What it takes when nobody asks."""
        time.sleep(REST_S)
        found = processes(leader)
        tell(f"memory at rest (MB): {memory_by_role(found)}")
        self.expect(not any(process.is_zombie for process in found), "no zombie is left")
        pool = request(f"{PREFECT}/api/work_pools/book", headers=prefect_headers(SecretStr(PREFECT_AUTH))).body
        self.expect(pool["status"] == "READY", "Prefect sees the worker poll")

    def push_a_change(self) -> None:
        """One page changed and pushed: only what changed is embedded, and readers go on."""
        before = self.author.embedded()
        page = self.book.change_one_page()
        self.book.push()
        with Crowd(WEB, self.author.question) as crowd:
            line = self.ingest()
        bought = self.author.embedded() - before
        tell(f"pushed a change of {page}: {bought} texts embedded; {line}")
        self.expect(0 < bought <= 3, "one changed paragraph embeds at most three texts")
        self.no_failures(crowd, "while the book was read again")

    def kill(self, leader: int, role: str) -> None:
        """kill -9 of one process: it comes back, and readers notice only when it was the web."""
        victim = oldest(leader, role)
        with Crowd(WEB, self.author.question, every_s=0.1) as crowd:
            time.sleep(2)
            os.kill(victim.pid, signal.SIGKILL)
            killed = time.monotonic()
            back = wait_for(lambda: _is_back(leader, role, victim.pid), BACK_LIMIT_S, 0.05)
            time.sleep(3)
        tell(f"kill -9 of {role}: back after {back:.1f} s; {crowd.asked} chats, {len(crowd.failed)} failed")
        if role == "web":
            last = max((moment for moment, _ in crowd.failed), default=killed)
            tell(f"kill -9 of web: readers were refused for {last - killed:.1f} s")
        else:
            self.no_failures(crowd, f"while {role} was away")
        tell(f"an ingest after that: {self.ingest()}")

    def let_die(self, leader: int, what: str, roles: Sequence[str]) -> None:
        """kill -9 in the middle of a run: it is marked, or it goes on, and readers and the next run are not held up."""
        run_id = ingest_slowly(self.author, self.book, 40.0)
        kill(leader, roles)
        with Crowd(WEB, self.author.question) as crowd:
            found = verdict(self.author, run_id)
        tell(f"kill -9 of {what} in the middle of an ingest: {found}; an ingest after that: {self.ingest()}")
        expected = "completed" if "ingest" not in roles else "crashed"
        self.expect(found.state == expected and found.after_s < MARK_LIMIT_S, f"the run is {expected} within two minutes")
        self.no_failures(crowd, f"while {what} died")

    def die_altogether(self) -> None:
        """The machine goes down in the middle of a run, and comes up again with the same data."""
        with self.box.running(SETTINGS) as container:
            wait_until_live(WEB)
            self.author.wait_until_idle()
            run_id = ingest_slowly(self.author, self.book, 40.0)
            os.kill(process_one(container.pid), signal.SIGKILL)
            container.wait(60)
        with self.box.running(SETTINGS):
            live = wait_until_live(WEB)
            found = verdict(self.author, run_id)
            self.author.wait_until_idle()
            tell(
                f"kill -9 of everything in the middle of an ingest: live again after {live:.1f} s, the run {found} of the start"
            )
            self.expect(found.state == "crashed" and found.after_s < MARK_LIMIT_S, "the run is crashed within two minutes")
            tell(f"an ingest after that: {self.ingest()}")

    def stop(self, container: subprocess.Popen[bytes]) -> None:
        """SIGTERM, as engines send it to process 1."""
        began = time.monotonic()
        os.kill(process_one(container.pid), signal.SIGTERM)
        code = container.wait(60)
        tell(f"SIGTERM: everything ended after {time.monotonic() - began:.1f} s with exit code {code}")

    def second_start(self) -> None:
        """A start with the data folder as it was left."""
        before = self.author.embedded()
        live = wait_until_live(WEB)
        answered = live + wait_for(lambda: sources(ask(WEB, self.author.question)) > 0, BACK_LIMIT_S)
        self.author.start_ingest()
        self.author.wait_until_idle()
        bought = self.author.embedded() - before
        tell(f"second start: live after {live:.1f} s, first answer after {answered:.1f} s; {bought} texts embedded")
        self.expect(bought == 0, "an unchanged book embeds nothing")

    def kill_the_supervisor(self, container: subprocess.Popen[bytes]) -> None:
        """Without it nothing would be restarted: the container must end, with an exit code that has engines start it again."""
        os.kill(oldest(container.pid, "supervisord").pid, signal.SIGKILL)
        began = time.monotonic()
        code = container.wait(60)
        tell(f"kill -9 of supervisord: the container ended after {time.monotonic() - began:.1f} s with exit code {code}")
        self.expect(code != 0, "a container without its supervisor ends with an error")

    def start_without_neighbours(self) -> None:
        """Qdrant and the models' server take connections and say nothing: the web is up all the same."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            nobody = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with self.box.running(SETTINGS | {"QDRANT_URL": nobody, "OPENAI_BASE_URL": f"{nobody}/v1"}):
                try:
                    live = wait_until_live(WEB)
                except TimeoutError:
                    live = BACK_LIMIT_S
        tell(f"start while Qdrant and the models are silent: /health/live after {live:.1f} s")
        self.expect(live < AT_ONCE_S, f"the web is up in {AT_ONCE_S} s whatever is away")

    def start_without_a_book(self) -> None:
        """BOOK_SOURCE=none: the web server alone, on the index that is there."""
        with self.box.running(SETTINGS | {"BOOK_SOURCE": "none"}) as container:
            live = wait_until_live(WEB)
            time.sleep(REST_S / 3)
            answer, refusal = ask(WEB, self.author.question), request(f"{WEB}/ingest", {}, ADMIN_KEY)
            tell(f"start without a book: live after {live:.1f} s, memory (MB): {memory_by_role(processes(container.pid))}")
        self.expect(sources(answer) > 0, f"without a book the index is answered from: {answer.body}")
        self.expect(refusal.status == 409, f"/ingest says that no book is read here: {refusal.body}")

    def ingest(self) -> str:
        """Read the book again; a line about it."""
        state, line = self.author.ingest()
        self.expect(state == "completed", f"an ingest completes: {line}")
        return line

    def no_failures(self, crowd: Crowd, when: str) -> None:
        """Every chat was answered."""
        what = f"every one of {crowd.asked} chats is answered {when}: {[answer for _, answer in crowd.failed][:2]}"
        self.expect(not crowd.failed, what)


def run_trial(repository: Path, work: Path, layers: Sequence[Path], pages: Path, question: str) -> int:
    """Hold the trial of an image with a book made of `pages`; the exit code."""
    raise_loopback()
    book = make_book(pages, work / "book")
    stage = read(repository / "Dockerfile")[-1]
    with ExitStack() as stack:
        stack.enter_context(openai_stand_in(repository))
        box = stack.enter_context(sandbox(stage, layers, work, book.bare.parent))
        trial = Trial(box, book, Author(WEB, ADMIN_KEY, question))
        trial.hold()
    tell(f"output of the container: {box.log}")
    return 1 if trial.faults else 0


def tell(line: str) -> None:
    """One line of the report."""
    print(line, flush=True)  # noqa: T201


def _is_back(leader: int, role: str, former: int) -> bool:
    """Whether another process has the role, and does its work."""
    if not any(process.role == role and process.pid != former for process in processes(leader)):
        return False
    if role == "web":
        return request(f"{WEB}/health/live").status == 200
    return role != "prefect" or request(f"{PREFECT}/api/health").status == 200
