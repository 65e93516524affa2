"""A page of the book as plain HTML, for a book that is not published anywhere yet: what a citation opens then. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from shared.models import Chunk

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_COMMENT = ("{/*", "*/}")
_STYLE = """
  :root { color-scheme: light dark; --ink: #1d2430; --paper: #fbfaf7; --soft: #eceae3; --accent: #315c8c; --faint: #5d6572; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e6e4de; --paper: #171a1f; --soft: #252a32; --accent: #8db8e8; --faint: #a3abb8; } }
  body { margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 50vh; background: var(--paper); color: var(--ink);
         font: 1rem/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
  nav { color: var(--faint); font-size: .875rem; }
  a { color: var(--accent); }
  pre, code { background: var(--soft); border-radius: .25rem; }
  pre { padding: .75rem; overflow-x: auto; line-height: 1.4; }
  table { border-collapse: collapse; }
  td, th { border: 1px solid var(--soft); padding: .25rem .6rem; }
  section { scroll-margin-top: 1rem; padding: 0 .75rem; border-left: 3px solid transparent; }
  section:target { border-color: var(--accent); }
"""


def render_page(chunks: Sequence[Chunk]) -> str:
    """The page whose chunks these are, in order, at least one; each section carries its anchor as id.

    HTML and JSX tags are left out, their text is kept; nothing in it runs or is loaded from elsewhere.
    """
    first = chunks[0]
    sections: list[str] = []
    for anchor, pieces in groupby(_pieces(chunks), key=lambda piece: piece[0]):
        identity = f' id="{escape(anchor)}"' if anchor else ""
        html = _MARKDOWN.render("".join(text for _, text in pieces))
        sections.append(f"<section{identity}>\n{html}</section>")
    body = "\n".join(sections)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(first.title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n</head>\n<body>\n'
        f'<nav><a href="/">Ask the book</a> · {escape(first.path)}, as it was indexed. '
        f"Set SITE_URL and links open the published page instead.</nav>\n{body}\n</body>\n</html>\n"
    )


def _pieces(chunks: Sequence[Chunk]) -> Iterator[tuple[str | None, str]]:
    """Anchor and source of what each chunk holds of each of its sections."""
    end = chunks[0].start
    for chunk in chunks:
        gap = "\n\n" if chunk.start > end else ""  # what is in no chunk: blank lines, imports, tags
        stops = [section.start for section in chunk.sections[1:]] + [chunk.end]
        for section, stop in zip(chunk.sections, stops, strict=True):
            yield section.anchor, gap + chunk.text[max(section.start, chunk.start) - chunk.start : stop - chunk.start]
            gap = ""
        end = chunk.end


def _without_tags(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return escape(_TAG.sub("", _without_comments(tokens[index].content)), quote=False)


def _without_comments(text: str) -> str:
    """Text without its MDX comments; one that does not end is text. Each end is looked for once, so long runs cost no more."""
    begin, end = _COMMENT
    kept: list[str] = []
    position = 0
    while (start := text.find(begin, position)) >= 0 and (stop := text.find(end, start + len(begin))) >= 0:
        kept.append(text[position:start])
        position = stop + len(end)
    return "".join([*kept, text[position:]])


def _alternative_text(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return f"<em>[{escape(tokens[index].content)}]</em>"


_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_MARKDOWN.add_render_rule("html_block", _without_tags)
_MARKDOWN.add_render_rule("html_inline", _without_tags)
_MARKDOWN.add_render_rule("image", _alternative_text)
