"""`python -m tests.benchmarks.markup BOOK...`: the share of chunks whose content still holds markup, by construct.

For each book how many of its chunks hold a mark, then each construct with how many chunks hold it and an example. What an
author shows *as* markup is none: code blocks are not looked at, and a mark that stands in a code span, in a formula or behind a
backslash in the source is the author's text.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from pathlib import Path

from flows.book import read_book
from flows.configuration import read_settings
from flows.progress import Tracker
from shared.models import CODE_KINDS, Chunk

HTML_NAMES = (
    "a|abbr|article|aside|audio|b|blockquote|br|button|center|cite|code|dd|del|details|div|dl|dt|em|figcaption|figure|font|form"
    "|h[1-6]|hr|i|iframe|img|input|ins|kbd|label|li|mark|ol|p|picture|pre|q|s|samp|script|section|small|source|span|strong|style"
    "|sub|summary|sup|svg|table|tbody|td|th|thead|tr|u|ul|var|video"
)
CONSTRUCTS = {
    "link": r"\]\([^)\n]*\)|\]\[[^\]\n]*\]",
    "image": r"!\[[^\]\n]*\]",
    "emphasis": (
        r"\*\*[^\s*]|[^\s*]\*\*(?!\*)|(?<![\w*])\*[^\s*](?:[^*\n]*[^\s*])?\*(?![\w*])"
        r"|(?<!\w)__[^\s_][^\n]*?__(?!\w)|~~[^\s~]"
    ),
    "HTML tag": rf"</?(?:{HTML_NAMES})(?:\s[^<>]*)?/?>|<!--",
    "JSX tag": r"</?[A-Z][\w.]*(?:\s[^<>]*)?/?>|<>|</>",
    "MDX statement": r"^(?:import\s.+\sfrom\s+['\"]|export\s+(?:const|default|function)\b)",
    "MDX expression": r"\{/\*|^\{[A-Za-z_$][\w$.]*(?:\(.*\))?\}$|\{['\"`] ?['\"`]\}",
    "template": r"\{%|%\}|\{\{|\}\}",
    "include": r"-+8<-+|^<<<\s|\{!.+!\}",
    "directive": r"^:{2,}(?:\s|\w|\{|$)|^(?:!!!|\?\?\?\+?)\s+\w|^===[!+]?\s+\"|^/{3,}(?:\s|$)",
    "role": r"\{[A-Za-z][\w:+.-]*\}`",
    "attributes": r"\{:?\s*[.#][\w-][^{}\n]*\}|\{:\s?[^{}\n]*\}",
    "definition": r"^\s*\[[^\]\n]+\]:\s+\S|^\*\[[^\]\n]+\]:\s",
    "footnote mark": r"\[\^[^\]\s]+\]",
    "emoji or icon": r"(?<![\w:]):(?=[a-z0-9_+-]*[a-z])[a-z0-9_+-]+:(?![\w:])",
    "entity": r"&(?:[A-Za-z][A-Za-z0-9]+|#\d+|#[xX][0-9A-Fa-f]+);",
    "alert or table of contents": r"\[!\w+\]|\[\[?_?(?i:toc)_?\]\]?",
    "wiki link": r"!?\[\[[^\]\n]+\]\]",
    "keys or marks": r"\+\+\w[\w+-]*\+\+|(?<![=\w])==[^\s=][^=\n]*==(?![=\w])|\{(?:\+\+|--|~~|==|>>)",
    "heading mark": r"^#{1,6}\s",
    "code mark": r"`{3,}|^~{3,}|``",
    "front matter": r"\A(?:---|\+\+\+)$",
    "data": r"\bdata:[\w/+.-]+;base64,|[A-Za-z0-9+/]{120,}",
}
PATTERNS = {name: re.compile(pattern, re.MULTILINE) for name, pattern in CONSTRUCTS.items()}
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
SPAN_OF_HTML = re.compile(r"<(code|kbd|pre|samp|td)\b[^>]*>(.*?)</\1>", re.DOTALL)
RAW = re.compile(r"\{%-?\s*raw\s*-?%\}(.*?)\{%-?\s*endraw", re.DOTALL)
FORMULA = re.compile(r"\$\$?[^$]+\$\$?")
MARKS = re.compile(r"[^\w\s.,-]")
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def markup_in(chunk: Chunk, page: str) -> Iterator[tuple[str, str]]:
    """Construct and mark, for each mark left in the content of `chunk`, a part of the text `page`, outside code."""
    spans = _spans(page)
    shown = _shown_as_markup(chunk.text, spans)
    for text in _prose(chunk):
        bare = _without(_spans(chunk.text), text)
        for name, pattern in PATTERNS.items():
            for match in pattern.finditer(bare):
                if "".join(match[0].split()) not in shown:
                    yield name, match[0]


def _prose(chunk: Chunk) -> Iterator[str]:
    """What the content holds outside code and formulas, the headings first."""
    yield chunk.content[: chunk.body_start]
    blocks = [block for section in chunk.sections for block in section.blocks if not block.is_empty]
    hidden = sorted((block.content_start, block.content_end) for block in blocks if block.kind in (*CODE_KINDS, "math"))
    for block in blocks:
        start = block.content_start
        for begin, end in hidden:
            if begin < block.content_end and end > start:
                yield chunk.content[start : max(begin, start)]
                start = max(start, end)
        yield chunk.content[start : max(block.content_end, start)]


def _spans(source: str) -> list[str]:
    spans = [span[2].strip() for span in SPAN.finditer(source)] + [span[2] for span in SPAN_OF_HTML.finditer(source)]
    return spans + [shown[1] for shown in RAW.finditer(source)]


def _without(spans: list[str], text: str) -> str:
    """`text` without those of the code spans that hold a mark, each taken out once, in order."""
    position = 0
    for span in spans:
        found = text.find(span, position) if MARKS.search(span) else -1
        if found >= 0:
            text, position = f"{text[:found]}\0{text[found + len(span) :]}", found + 1
    return text


def _shown_as_markup(source: str, spans: list[str]) -> str:
    """What is text though it looks like markup, without white space: in code, in formulas, behind a backslash, of entities."""
    formulas = [formula[0] for formula in FORMULA.finditer(source)]
    escaped = [ESCAPED.sub(r"\1", line) for line in source.split("\n") if "\\" in line]
    entities = [unescape(line) for line in source.split("\n") if "&" in line]
    return "\0".join("".join(each.split()) for each in (*spans, *map(unescape, spans), *formulas, *escaped, *entities))


def main(arguments: Sequence[str]) -> None:
    """Count over each book; how its site is made is in the environment or guessed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.markup", description="Markup left in what is indexed.")
    parser.add_argument("books", nargs="+", metavar="BOOK", help="a folder of Markdown")
    parser.add_argument("--examples", type=int, default=1, help="how many of each construct are printed")
    options = parser.parse_args(arguments)
    for book in options.books:
        read = asyncio.run(read_book(read_settings(book), tracker=Tracker(lambda _: None), anew=True))
        pages = {page.path: Path(read.source.root, page.path).read_text(encoding="utf-8") for page in read.pages if page.chunks}
        sys.stdout.write("\n".join(describe(book, read.chunks, pages, options.examples)) + "\n")


def describe(name: str, chunks: Sequence[Chunk], pages: Mapping[str, str], examples: int) -> list[str]:
    """A line for the book, and one for each construct that is left in it; `pages`: their texts."""
    found = defaultdict[str, list[tuple[Chunk, str]]](list)
    for chunk in chunks:
        for construct, mark in dict(markup_in(chunk, pages[chunk.path])).items():
            found[construct].append((chunk, mark))
    touched = {chunk.id for each in found.values() for chunk, _ in each}
    lines = [f"{name}: {len(touched)} of {len(chunks)} chunks ({len(touched) / max(len(chunks), 1):.2%})"]
    for construct, each in sorted(found.items(), key=lambda item: -len(item[1])):
        lines.append(f"  {construct:28}{len(each):6}")
        lines.extend(f"      {chunk.path}:{chunk.start_line}: {mark[:100]!r}" for chunk, mark in each[:examples])
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
