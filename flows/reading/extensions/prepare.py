"""What Markdown does not know, taken out line by line: MDX statements and tags, admonitions, comments, includes.

The result is plain Markdown with *the same number of lines* as the source: line n of one is line n of the other, so every block
markdown-it finds keeps its place in the file, whatever was taken out.

1. MkDocs admonitions lose their margin (see `mkdocs_admonitions.py`).
2. `import`/`export` statements and JSX tags at the start of a line go, their children stay (mdxjs.com, "What is MDX?").
3. Docusaurus' `:::note[Title]` marks and comments go; what they say is kept as an `Aside`, so that their place stays covered.
4. `$$` blocks become fences, so that they are kept whole.
5. mdBook's and MkDocs' includes go, each with a Problem.

2 to 5 are done in one pass (see `marked_lines.py`). Fenced code is skipped throughout.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from flows.reading.extensions import jsx
from flows.reading.extensions.marked_lines import take_out
from flows.reading.extensions.mkdocs_admonitions import ADMONITION, MARKED, dedent_admonitions
from flows.reading.extensions.page_lines import PageLines
from flows.reading.extensions.prepared import Aside, Prepared
from flows.reading.extensions.templates import with_whole_tags, without_tags
from flows.reading.lines import CONTAINERS, SourceLines, lines_of
from shared.models import Problem

CANDIDATE = r"\n(?:[ \t>*+.)0-9-]*[`~:<{$;!?=[%s]|import\b|export\b)"
"""What marked lines begin with: far faster to search for than the marks themselves."""
CANDIDATES = {kind: re.compile(CANDIDATE % more) for kind, more in (("", ""), ("mkdocs", "/"), ("sphinx", "(%+:"))}
"""By kind of site."""
FENCED = re.compile(rf"^{CONTAINERS}(`{{3,}}(?=[^`\n]*$)|~{{3,}})[^\n]*(?:\n(?![ \t>]*\1)[^\n]*)*(?:\n[^\n]*)?", re.MULTILINE)
MDX_CODE_BLOCK = re.compile(r" *(`{3,4}) *mdx-code-block")
COMPONENT = re.compile(r"^[ \t]*<([A-Z][\w.]*)(?=[\s/>])", re.MULTILINE)
OPENING = re.compile(r"<[A-Z]")
MAX_COMPONENTS_TRIED = 100
"""Until one proves that the file is MDX."""


def prepare(
    source: SourceLines,
    path: str,
    *,
    head: int = 0,
    mdx: bool | None = None,
    kind: str = "",
    variables: Mapping[str, Any] | None = None,
) -> Prepared:
    """`source` (line feeds only) as Markdown of as many lines, its first `head` ones blank.

    Where nobody knows whether the file is MDX, it is when it holds a component: Docusaurus reads all `.md` files so, but in
    other books `<div>` starts an HTML block, and four columns of margin are code. `kind`: of the site, as in `Site`;
    `variables`: what tags in the page may name, where it is a template.
    """
    lines = [""] * head + source.lines[head:]
    if mdx and "mdx-code-block" in source.text:
        lines = _unwrapped(lines)
        source = lines_of("\n".join(lines))
    problems, shown = list[Problem](), dict[str, str]()
    if variables is not None and "{" in source.text:
        rendered = without_tags("\n".join(lines), kind, variables)
        source = lines_of(rendered.text)
        lines, shown = source.lines.copy(), rendered.shown
        reason = "template left out: {!r}; its value is not in the configuration or the page".format
        problems = [Problem(path=path, line=line + 1, reason=reason(tag), skipped=False) for line, tag in rendered.left_out]
    elif kind == "mkdocs" and "{%" in source.text:
        lines = with_whole_tags(lines)
        source = lines_of("\n".join(lines))
    candidates = _candidates(source, head, kind)
    asides, regions = list[Aside](), list[tuple[int, int]]()
    if any(ADMONITION.match(content) for line in candidates if (content := lines[line].lstrip(" \t>"))[:1] in MARKED):
        dedented = dedent_admonitions(lines)
        lines, asides, regions = dedented.lines, dedented.asides, dedented.regions
        source = lines_of("\n".join(lines))
        candidates = _candidates(source, head, kind)
    prepared = Prepared(lines, asides, regions, candidates, _has_components(lines) if mdx is None else mdx, problems, shown)
    take_out(PageLines(prepared, source, path, kind))
    return prepared


def _unwrapped(lines: list[str]) -> list[str]:
    """`lines` without the fences around MDX that translators must not touch (`@docusaurus/utils`, `unwrapMdxCodeBlocks`)."""
    fence = ""
    for number, line in enumerate(lines):
        if not fence and (opening := MDX_CODE_BLOCK.fullmatch(line)):
            fence, lines[number] = opening[1], ""
        elif fence and line.strip(" ") == fence:
            fence, lines[number] = "", ""
    return lines


def _candidates(source: SourceLines, head: int, kind: str) -> list[int]:
    """Lines from `head` on that may be marked."""
    if head >= len(source.lines):
        return []
    found = CANDIDATES.get(kind, CANDIDATES[""]).finditer(source.text, source.starts[head])
    return [head, *[bisect_right(source.starts, match.end() - 1) - 1 for match in found]]


def _has_components(lines: Sequence[str]) -> bool:
    """Whether an element with a component's name that is closed, by itself or further on, stands outside fences."""
    text = "\n".join(lines)
    if not OPENING.search(text):
        return False
    text = FENCED.sub("", text)
    for match in islice(COMPONENT.finditer(text), MAX_COMPONENTS_TRIED):
        end = jsx.tag_end(text, match.start(1) - 1)
        if end > 0 and (text.startswith("/>", end - 2) or f"</{match[1]}" in text):
            return True
    return False
