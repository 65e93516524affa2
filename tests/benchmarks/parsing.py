"""Parse and split against other splitters, in one process, interleaved: `python -m tests.benchmarks.parsing [rounds]`.

Every splitter gets the same limit, in tokens of cl100k_base, and is set up as its documentation has it. Peers that are not
installed are left out: install `langchain-text-splitters` and `llama-index-core` in a virtual environment of their own, with
Lectern, to see them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from flows.document import SourceFile
from flows.markdown import parse
from flows.splitter import Limits, split
from shared.settings import Settings
from shared.tokens import load_tokenizer, vocabulary_folder
from tests.benchmarks.synthetic_book import synthetic_book

MAX_TOKENS = 400
SYNTHETIC_CHARS = 10_000_000
REAL_BOOK = Path(__file__).parents[3] / "shared" / "data" / "physical-ai-book" / "corpus"
Splitter = Callable[[list[str]], list[str]]


def _lectern(count: Callable[[str], int]) -> Splitter:
    def run(pages: list[str]) -> list[str]:
        texts: list[str] = []
        for number, page in enumerate(pages):
            document = parse(SourceFile(f"{number}.mdx", page))
            texts += [chunk.text for chunk in split(document, limits=Limits.up_to(MAX_TOKENS), count=count, collection="book")]
        return texts

    return run


def _langchain(_: Callable[[str], int]) -> Splitter:
    from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter

    headers: Any = MarkdownHeaderTextSplitter([("#" * level, f"h{level}") for level in range(1, 7)], strip_headers=False)
    splitter: Any = RecursiveCharacterTextSplitter.from_tiktoken_encoder(
        encoding_name="cl100k_base", chunk_size=MAX_TOKENS, chunk_overlap=0
    )
    return lambda pages: [part.page_content for page in pages for part in splitter.split_documents(headers.split_text(page))]


def _llama_index(_: Callable[[str], int]) -> Splitter:
    from llama_index.core import Document
    from llama_index.core.node_parser import MarkdownNodeParser, SentenceSplitter

    sections: Any = MarkdownNodeParser()
    splitter: Any = SentenceSplitter(chunk_size=MAX_TOKENS, chunk_overlap=0)
    return lambda pages: [
        node.text
        for node in splitter.get_nodes_from_documents(
            sections.get_nodes_from_documents([Document(text=page) for page in pages])
        )
    ]


def _installed(count: Callable[[str], int]) -> dict[str, Splitter]:
    splitters = {"lectern": _lectern(count)}
    for name, build in {"langchain": _langchain, "llama-index": _llama_index}.items():
        try:
            splitters[name] = build(count)
        except ImportError:
            _say(f"{name} is not installed")
    return splitters


def _fences(pages: Iterable[str]) -> list[str]:
    return [
        document.text[block.start : block.end]
        for page in pages
        for document in [parse(SourceFile("page.mdx", page))]
        for block in document.blocks
        if block.kind == "fence"
    ]


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _measure(splitters: Mapping[str, Splitter], pages: list[str], rounds: int, count: Callable[[str], int]) -> None:
    best = dict.fromkeys(splitters, float("inf"))
    texts: dict[str, list[str]] = {}
    for _ in range(rounds):
        for name, run in splitters.items():
            start = time.process_time()
            texts[name] = run(pages)
            best[name] = min(best[name], time.process_time() - start)
    fences = ["".join(fence.split()) for fence in _fences(pages) if count(fence) <= MAX_TOKENS]
    for name, seconds in best.items():
        joined = "\0".join("".join(text.split()) for text in texts[name])
        cut = f"{sum(fence not in joined for fence in fences)} of {len(fences)} fences that fit cut"
        _say(f"  {name:12} {seconds:7.3f} s  {seconds / best['lectern']:5.2f}x  {len(texts[name]):6} chunks, {cut}")


def main(rounds: int) -> None:
    """Measure the real book beside the checkout, where it is, and the synthetic one."""
    folder = vocabulary_folder(Path(Settings.model_fields["data_dir"].default))
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)  # the peers' own loader looks there
    count = load_tokenizer(folder).count
    splitters = _installed(count)
    if REAL_BOOK.is_dir():
        _say("a real book of 0.74 MB")
        _measure(splitters, [path.read_text(encoding="utf-8") for path in sorted(REAL_BOOK.rglob("*.md*"))], rounds, count)
    _say(f"a synthetic book of {SYNTHETIC_CHARS / 1e6:.0f} MB")
    _measure(splitters, synthetic_book(SYNTHETIC_CHARS), max(1, rounds // 3), count)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
