"""Lectern and its peers as functions from pages to chunks, each set up as its documentation has it, with one token limit.

chonkie's Markdown recipe is a download from a hub, which a benchmark should not need: here are the levels its documentation
gives for Markdown, headings and then the default ones of `RecursiveRules`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flows.reading.parse import parse
from flows.source.files import SourceFile
from flows.splitting.split import ChunkLimits, split
from shared.settings import Settings
from shared.tokens import load_tokenizer, vocabulary_folder

MAX_TOKENS = 400
ENCODING = "cl100k_base"
VOCABULARY = vocabulary_folder(Path(Settings.model_fields["data_dir"].default)).absolute()
Splitter = Callable[[Sequence[str]], list[str]]


def lectern() -> Splitter:
    """This project's parser and splitter."""
    count = load_tokenizer(VOCABULARY).count
    limits = ChunkLimits.up_to(MAX_TOKENS)

    def run(pages: Sequence[str]) -> list[str]:
        files = (SourceFile(f"{number}.mdx", page) for number, page in enumerate(pages))
        return [chunk.text for file in files for chunk in split(parse(file), limits=limits, count=count, collection="book")]

    return run


def langchain() -> Splitter:
    """`MarkdownHeaderTextSplitter`, then `RecursiveCharacterTextSplitter` by tokens."""
    from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter

    headers: Any = MarkdownHeaderTextSplitter([("#" * level, f"h{level}") for level in range(1, 7)], strip_headers=False)
    splitter: Any = RecursiveCharacterTextSplitter.from_tiktoken_encoder(
        encoding_name=ENCODING, chunk_size=MAX_TOKENS, chunk_overlap=0
    )
    return lambda pages: [part.page_content for page in pages for part in splitter.split_documents(headers.split_text(page))]


def llama_index() -> Splitter:
    """`MarkdownNodeParser`, then `SentenceSplitter`."""
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


def chonkie() -> Splitter:
    """`RecursiveChunker` with the levels of Markdown."""
    import tiktoken
    from chonkie import RecursiveChunker, RecursiveLevel, RecursiveRules

    headings: Any = RecursiveLevel(delimiters=[f"\n{'#' * level} " for level in range(1, 7)], include_delim="next")
    rules: Any = RecursiveRules([headings, *(RecursiveRules().levels or [])])
    chunker: Any = RecursiveChunker(tiktoken.get_encoding(ENCODING), chunk_size=MAX_TOKENS, rules=rules)
    return lambda pages: [chunk.text for page in pages for chunk in chunker.chunk(page)]


SPLITTERS: dict[str, Callable[[], Splitter]] = {
    "lectern": lectern,
    "langchain": langchain,
    "llama-index": llama_index,
    "chonkie": chonkie,
}
"""What builds each: chonkie's remembers the tokens of texts it has seen, so every round takes a new one."""
