"""Ingests that are killed, that find their data folder damaged, and that read pages no author would write."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from flows.processes.messages import ReadingRules
from flows.processes.pool import IDLE_LIMIT_S, ReadingProcess, processor_s
from flows.reading.page import Page
from shared.models import Chunk, Site
from shared.settings import Settings
from tests.conftest import REPOSITORY
from tests.figures.measuring.harness import NOWHERE, Measured, Server, Trial, percentile, serve
from tests.flows.reading.test_parse import HOSTILE
from tests.flows.test_damaged_data import FORGOTTEN, HEALED, LOST, POINTER, TOLD, Data, is_one_sentence
from tests.support.book_folder import PAGES, ingest_book, live_chunks, settings_for, write_book

EDITIONS = [
    {
        f"part-{n % 4}/page-{n}.md": f"# Page {n}\n\n" + f"The edition{edition} of page {n} tells of joints.\n\n" * 12
        for n in range(80)
    }
    for edition in ("A", "B")
]
STEPS = ("find", "read", "plan", "apply")
PAGE_LIMIT_S = 10.0


async def _start_ingest(settings: Settings, *options: str) -> asyncio.subprocess.Process:
    names = ("book_source", "data_dir", "embedding_model")
    environment = os.environ | {name.upper(): str(getattr(settings, name)) for name in names} | {"PREFECT_API_URL": NOWHERE}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "flows", "ingest", *options, cwd=REPOSITORY, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def _identity(chunks: Mapping[str, Chunk]) -> dict[str, str]:
    return {chunk_id: chunk.content_hash for chunk_id, chunk in chunks.items()}


async def killed(trial: Trial) -> Measured:
    """kill -9 at a random moment after a random step, and inside the write; a reader asks all the while; then once more."""
    kills, folder = trial.pick(62, 3), trial.folder
    settings = settings_for(folder / "book", folder / "data", embedding_model="none")
    expected = list[dict[str, str]]()
    for n, pages in enumerate(EDITIONS):
        clean = settings.model_copy(update={"data_dir": folder / f"clean-{n}"})
        write_book(folder / "book", pages)
        await ingest_book(clean)
        expected.append(_identity(await live_chunks(clean)))
    await ingest_book(settings)  # the last edition
    wrong, after = list[str](), Counter[str]()
    async with serve(folder) as server:
        stop = asyncio.Event()
        reading = asyncio.create_task(_look_for_mixes(server, stop))
        for n in range(kills):
            write_book(folder / "book", EDITIONS[n % 2])
            chance = random.Random(trial.seed * 1009 + n)
            step = await _kill_an_ingest(settings, chance.choice(STEPS), chance.random() * 0.15)
            after[step] += 1
            again = await _start_ingest(settings)
            _, said = await again.communicate()
            if again.returncode != 0 or _identity(await live_chunks(settings)) != expected[n % 2]:
                wrong.append(f"kill {n} after {step}: {said.decode()[-200:]}")
        stop.set()
        looked, mixed = await reading
    inside, broken = await _killed_inside_the_write(folder, trial)
    where = ", ".join(f"{count} after {step}" for step, count in after.most_common())
    text = (
        f"{kills + inside - len(wrong) - broken} of {kills + inside} the same ids and hashes; {where}, {inside} inside the "
        f"write; {looked:,} searches meanwhile, {mixed} of a mix"
    ) + (f"; {wrong[0]}" if wrong else "")
    return Measured(text, kills + inside, len(wrong) + broken + mixed)


async def _kill_an_ingest(settings: Settings, step: str, later_s: float) -> str:
    """The step that was over last when it was killed."""
    process, last = await _start_ingest(settings), "start"
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        last = line.split()[0] if line.split() else last
        if last == step:
            await asyncio.sleep(later_s)
            break
    if process.returncode is None:
        process.kill()
    await process.communicate()
    return last


async def _look_for_mixes(server: Server, stop: asyncio.Event) -> tuple[int, int]:
    """Searches made, and how many found passages of both editions or none."""
    looked = mixed = 0
    while not stop.is_set():
        found = (await server.client.get("/search", params={"q": "joints page edition", "k": 50})).text
        editions = set(re.findall("edition([AB])", found))
        looked, mixed = looked + 1, mixed + (len(editions) != 1)
        await asyncio.sleep(0.05)
    return looked, mixed


async def _killed_inside_the_write(folder: Path, trial: Trial) -> tuple[int, int]:
    """Steps of the write tried, and how many of them did not end well."""
    (folder / "write").mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.killed_publishing", str(folder / "write"), str(trial.pick(4, 100)),
        cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    kills = [json.loads(line) for line in said.splitlines()]
    good = [each for each in kills if each["whole"] and each["after"].endswith("T020000Z-0a") and each["builds"] == 2]
    return len(kills), len(kills) - len(good) + (not kills)


async def damaged(trial: Trial) -> Measured:
    """Every way of `test_damaged_data.py`, then `python -m flows ingest` as its operator runs it."""
    book = write_book(trial.folder / "book")
    whole = settings_for(book, trial.folder / "whole", embedding_model="none")
    first = (await ingest_book(whole)).report.build_id
    write_book(book, {"arms.md": PAGES["arms.md"] + "\nAnother sentence on joints.\n"})
    second = (await ingest_book(whole)).report.build_id
    chunks = await live_chunks(whole)
    ways = HEALED | POINTER | FORGOTTEN | LOST | {name: way for name, way in TOLD.items() if "cache" not in name}
    tried = dict(list(ways.items())[:: trial.pick(1, 12)])
    healed, told, wrong = 0, 0, list[str]()
    for n, (name, damage) in enumerate(tried.items()):
        settings = whole.model_copy(update={"data_dir": trial.folder / f"data-{n}"})
        await asyncio.to_thread(_copy, whole.data_dir, settings.data_dir)
        damage(Data(settings, first, second, chunks))
        before = set(settings.data_dir.rglob("*"))
        process = await _start_ingest(settings, *(("--full",) if name in TOLD else ()))
        _, said = await process.communicate()
        last = said.decode().strip().splitlines()[-1:]
        if process.returncode == 0 and await live_chunks(settings) == chunks:
            healed += 1
        elif process.returncode and is_one_sentence(ValueError(*last)) and before <= set(settings.data_dir.rglob("*")):
            told += 1
        else:
            wrong.append(f"{name}: {said.decode()[-200:]}")
        shutil.rmtree(settings.data_dir)
    text = f"{healed} healed, {told} one sentence, of {len(tried)}" + (f"; {wrong}" if wrong else "")
    return Measured(text, len(tried), len(wrong))


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "--sparse=always", str(source), str(target)], check=True)


async def hostile_pages(trial: Trial) -> Measured:
    """Hostile shapes of three sizes and mutated pages of this documentation, each in the process that reads a book's pages."""
    shapes, pages = HOSTILE[:: trial.pick(1, 8)], dict[str, str]()
    for size in (10_000, 100_000, 1_000_000)[: trial.pick(3, 2)]:
        for n, scrap in enumerate(shapes):
            lines = scrap if "\n" in scrap else scrap * (10_000 // len(scrap.encode())) + "\n"
            pages[f"shape-{n}-{size}.md{'x' * (n % 2)}"] = lines * (size // len(lines.encode()))
    whole = [path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "docs").glob("*.md"))]
    for n in range(trial.pick(2_000, 20)):
        chance = random.Random(trial.seed * 10_007 + n)
        pages[f"mutated-{n}.md{'x' * (n % 2)}"] = _mutated(chance.choice(whole), chance)
    root = trial.folder / "book"
    root.mkdir()
    rules = ReadingRules(root=root, boundary=root, vocabulary=root, site=Site(), collection="c", max_tokens=256)
    items = list(pages.items())
    read = [one for each in await asyncio.gather(*(_read(rules, items[lane::2]) for lane in range(2))) for one in each]
    reasons = [page.problems[0].reason for page, _ in read if any(problem.skipped for problem in page.problems)]
    skipped = Counter(re.sub(r"[\d,.]+", "N", reason)[:60] for reason in reasons)
    dead = sum("reading process" in reason or "reader failed" in reason for reason in reasons)
    times = [cpu_s for _, cpu_s in read]
    most, slowest = max(times), read[times.index(max(times))][0].path
    commonest = ", ".join(f"{count} {reason}" for reason, count in skipped.most_common(4))
    text = (
        f"longest {most:.1f} s of CPU ({slowest}), p99 {percentile(times, 0.99):.2f} s; {len(reasons)} reported and skipped "
        f"({commonest}), the other {len(read) - len(reasons):,} read"
    )
    failed = sum(cpu_s > PAGE_LIMIT_S + 1 for cpu_s in times) + (len(read) != len(pages)) + dead
    return Measured(text, len(read), failed)


async def _read(rules: ReadingRules, items: list[tuple[str, str]]) -> list[tuple[Page, float]]:
    """Each page, and the processor time it took."""
    process, read = ReadingProcess(rules, IDLE_LIMIT_S), list[tuple[Page, float]]()
    for path, text in items:
        child = await process.start()
        before = processor_s(child.pid)
        page = (await process.read(path, text)).page
        ended = child.returncode is not None
        read.append((page, PAGE_LIMIT_S if ended else processor_s(child.pid) - before))
    await process.end()
    return read


def _mutated(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 20)):
        at, length = chance.randrange(len(text)), chance.randint(0, 200)
        hostile, sign = chance.choice(HOSTILE) * chance.randint(1, 50), chr(chance.randrange(1, 0xD7FF))
        piece = chance.choice((text[at : at + length], hostile, sign, ""))
        text = text[:at] + piece + text[at + chance.randint(0, length) :] or "x"
    return text
