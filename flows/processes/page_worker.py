"""Reads pages in a process of its own: parse, address, split. `pool.py` runs it.

A page can be hostile: markdown-it-py is quadratic on some constructs. Here it can take no more than this process, which a
signal ends when a page has taken too much processor time, and the parent when it takes none for long. The two talk in frames,
four bytes of length and JSON: the parent sends `ReadingRules`, then one `PageRequest` after another; this process answers
`Ready`, then one `Page` for each.
"""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from flows.processes.messages import PageRequest, ReadingRules, Ready, read_frame, write_frame
from flows.reading.page import NO_TEXT, Page, failed_page
from flows.reading.parse import parse
from flows.sites.site import add_addresses, page_position
from flows.source.files import BookSource, SourceFile, check_file, read_file
from flows.splitting.split import ChunkLimits, split
from shared.errors import DocumentError
from shared.tokens import load_tokenizer

MEMORY_LIMIT_BYTES = 4 << 30
"""Address space, most of it never touched: a page that needs more ends with this process, not with the machine."""

LOOK_EVERY_S = 60.0
"""How often a page that is being read makes sure that somebody waits for it."""

PARENT = os.getppid()

logger = logging.getLogger(__name__)


class IncludedFiles(Mapping[str, str]):
    """Text of the repository's files by their path from the book, read from disk when asked for: pages include few of them."""

    def __init__(self, source: BookSource) -> None:
        self._source = source

    def __getitem__(self, path: str) -> str:
        try:
            check_file(self._source, path)
            return read_file(self._source, path).text
        except DocumentError as exc:
            raise KeyError(path) from exc

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def read_page(path: str, rules: ReadingRules, count: Callable[[str], int], text: str | None = None) -> Page:
    """The chunks of one file, or of `text` as if it stood there, and what its author should know.

    A file that cannot be read is a problem, never an error.
    """
    try:
        file = read_file(rules.source, path) if text is None else SourceFile(path, text)
        document = parse(file, IncludedFiles(rules.included), rules.site)
        if document.skip is not None:
            return Page(path=path, problems=document.problems, left_out=document.skip)
        document = add_addresses(document, rules.site)
        if document.skip is not None:  # the site makes no page of it
            return Page(path=path, problems=document.problems, left_out=document.skip)
        chunks = split(document, limits=ChunkLimits.up_to(rules.max_tokens), count=count, collection=rules.collection)
    except DocumentError as exc:
        return failed_page(path, exc.reason, line=exc.line)
    except Exception as exc:  # the outermost edge of this process: one page must not end the book
        logger.exception("Reading %r failed", path)
        return failed_page(path, f"the reader failed on it: {type(exc).__name__}")
    empty = None if chunks else NO_TEXT
    return Page(
        path=path,
        chunks=tuple(chunks),
        problems=document.problems,
        position=page_position(document, rules.site),
        left_out=empty,
    )


def _end_without_parent(*_: object) -> None:
    """A parent that was killed cannot end this process, and a page can wait for ever: it may be a pipe."""
    if os.getppid() != PARENT:
        os._exit(1)


def main() -> None:
    """Answer until the parent closes its end, as it does when it is killed too."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process in order
    signal.signal(signal.SIGALRM, _end_without_parent)
    signal.setitimer(signal.ITIMER_REAL, LOOK_EVERY_S, LOOK_EVERY_S)
    requests, answers = sys.stdin.buffer, _take_stdout()
    rules = ReadingRules.model_validate_json(read_frame(requests) or b"")
    tokenizer = load_tokenizer(rules.vocabulary)
    write_frame(answers, Ready(exact_tokens=tokenizer.exact).model_dump_json().encode())
    while (frame := read_frame(requests)) is not None:
        signal.setitimer(signal.ITIMER_PROF, rules.page_limit_s)  # of processor time: SIGPROF ends this process
        gc.disable()  # what a page is read into has no cycles, and grows: the collector would walk over all of it each time
        wanted = PageRequest.model_validate_json(frame)
        page = read_page(wanted.path, rules, tokenizer.count, wanted.text)
        gc.enable()
        signal.setitimer(signal.ITIMER_PROF, 0)
        write_frame(answers, page.model_dump_json().encode())


def _take_stdout() -> BinaryIO:
    """Standard output for frames only: what a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    main()
