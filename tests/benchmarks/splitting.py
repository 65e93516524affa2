"""`python -m tests.benchmarks.splitting`: parse and split two books, ours against what else there is.

For each book and splitter: its least time, how many times ours that is (median of all rounds, least and most), how many chunks
it makes, and how many of the fences that fit into a chunk it cuts in two. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from flows.reading.parse import parse
from flows.source.files import SourceFile
from shared.tokens import load_tokenizer
from tests.benchmarks.rounds import all_cores, one_process
from tests.benchmarks.splitters import MAX_TOKENS, SPLITTERS, VOCABULARY
from tests.benchmarks.synthetic_book import synthetic_book

REAL_BOOK = Path(__file__).parents[3] / "shared" / "data" / "physical-ai-book" / "corpus"
MODULES = {"lectern": "flows", "langchain": "langchain_text_splitters", "llama-index": "llama_index.core", "chonkie": "chonkie"}


def main(arguments: Sequence[str]) -> None:
    """Measure a real book, where there is one, and a synthetic one."""
    options = _options(arguments)
    os.environ["TIKTOKEN_CACHE_DIR"] = str(VOCABULARY)  # where the peers' own loader looks
    names = [name for name in SPLITTERS if _is_installed(MODULES[name])]
    _say(f"not installed: {', '.join(sorted(SPLITTERS.keys() - set(names))) or 'none'}")
    if options.book.is_dir():
        pages = [path.read_text(encoding="utf-8") for path in sorted(options.book.rglob("*.md*"))]
        _measure(f"the book in {options.book.parent.name}", names, pages, options.rounds)
    _measure("a synthetic book", names, synthetic_book(int(options.megabytes * 1e6)), max(3, options.rounds // 3))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.splitting", description="Speed of parsing and splitting, as ratios."
    )
    parser.add_argument("--book", type=Path, default=REAL_BOOK, help="folder of a real book (default: beside the checkout)")
    parser.add_argument("--rounds", type=int, default=15, help="over the real book; a third of them over the synthetic one")
    parser.add_argument("--megabytes", type=float, default=10.0, help="size of the synthetic book")
    return parser.parse_args(arguments)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _measure(book: str, names: Sequence[str], pages: Sequence[str], rounds: int) -> None:
    fences = _fences(pages)
    _say(f"\n{book}: {len(pages)} pages, {sum(map(len, pages)) / 1e6:.2f} MB, {rounds} rounds")
    _say("  one process, processor time")
    for name, timing in one_process(names, pages, rounds).items():
        joined = "\0".join("".join(text.split()) for text in timing.texts)
        cut = sum(fence not in joined for fence in fences)
        _say(f"    {name:12}{timing}  {len(timing.texts):6} chunks, {cut} of {len(fences)} fences cut")
    _say(f"  {os.cpu_count()} processes, wall time")
    for name, timing in all_cores(names, pages, rounds).items():
        _say(f"    {name:12}{timing}")


def _fences(pages: Iterable[str]) -> list[str]:
    """The text of the fences that fit into a chunk, white space left out."""
    count = load_tokenizer(VOCABULARY).count
    documents = (parse(SourceFile("page.mdx", page)) for page in pages)
    fences = (page.text[block.start : block.end] for page in documents for block in page.blocks if block.kind == "fence")
    return ["".join(fence.split()) for fence in fences if count(fence) <= MAX_TOKENS]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
