"""Reads pages in a process of its own: parse, address, split. `pool.py` runs it.

A page can be hostile: markdown-it-py is quadratic on some constructs. Here it can take no more than this process, which a
signal ends when a page has taken too much processor time, and the parent when it takes none for long. The two talk in frames,
four bytes of length and JSON: the parent sends `ReadingRules`, then one `PageRequest` after another; this process answers
`Ready`, then one `PageRead` for each.
"""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO

from flows.processes.included import IncludedFiles, text_hash
from flows.processes.messages import PageRead, PageRequest, ReadingRules, Ready, read_frame, write_frame
from flows.reading.page import NO_TEXT, Page, failed_page
from flows.reading.parse import parse
from flows.sites.site import add_addresses, page_position
from flows.source.files import SourceFile, read_file
from flows.splitting.split import ChunkLimits, split
from shared.errors import DocumentError
from shared.tokens import load_tokenizer

MEMORY_LIMIT_BYTES = 4 << 30
"""Address space, most of it never touched: a page that needs more ends with this process, not with the machine."""

LOOK_EVERY_S = 60.0
"""How often a page that is being read makes sure that somebody waits for it."""

PARENT = os.getppid()

logger = logging.getLogger(__name__)


def read_page(path: str, rules: ReadingRules, count: Callable[[str], int], text: str | None = None) -> PageRead:
    """The chunks of one file, or of `text` as if it stood there, and what its author should know.

    A file that cannot be read is a problem, never an error.
    """
    included = IncludedFiles(rules.included)
    try:
        file = read_file(rules.source, path) if text is None else SourceFile(path, text)
        page = _read(file, rules, count, included)
    except DocumentError as exc:
        return PageRead(page=failed_page(path, exc.reason, line=exc.line))
    except Exception as exc:  # the outermost edge of this process: one page must not end the book
        logger.exception("Reading %r failed", path)
        return PageRead(page=failed_page(path, f"the reader failed on it: {type(exc).__name__}"))
    return PageRead(page=page, text_hash=text_hash(file.text), included=included.asked_for())


def _read(file: SourceFile, rules: ReadingRules, count: Callable[[str], int], included: IncludedFiles) -> Page:
    document = parse(file, included, rules.site)
    if document.skip is None:
        document = add_addresses(document, rules.site)
    if document.skip is not None:  # also where the site makes no page of it
        return Page(path=file.path, problems=document.problems, left_out=document.skip)
    chunks = split(document, limits=ChunkLimits.up_to(rules.max_tokens), count=count, collection=rules.collection)
    return Page(
        path=file.path,
        chunks=tuple(chunks),
        problems=document.problems,
        position=page_position(document, rules.site),
        left_out=None if chunks else NO_TEXT,
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
        answer = read_page(wanted.path, rules, tokenizer.count, wanted.text)
        gc.enable()
        signal.setitimer(signal.ITIMER_PROF, 0)
        write_frame(answers, answer.model_dump_json().encode())


def _take_stdout() -> BinaryIO:
    """Standard output for frames only: what a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    main()
