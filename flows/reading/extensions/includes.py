"""Files whose text stands in a page: how generators and their plugins write that, which file it is, and what of it.

The text belongs to the page that includes it; as a chunk is a range of *its* file, its place there is the line of the include.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from posixpath import dirname, join, normpath, splitext

from flows.reading.extensions.page_lines import PageLines
from flows.reading.extensions.prepared import Aside, Include

SNIPPET = r"-+8<-+"
INCLUDES = rf"""\{{\{{\s*\#\w+\b[^}}]*\}}\}} | {SNIPPET}.* | \{{!.+?!\}} | \{{\*[ ]*[^\s*]+\.\w+[^*]*\*\}}
    | \{{%-?\s*(?:include|render)[\w-]*\b.*?%\}}
    | <<<[ \t]*\S.* | <!--\s*@include:.*?--> | \[!(?i:include|code[\w-]*)\s*\[[^\]]*\]\([^)\n]*\)\]"""
"""mdBook; pymdownx.snippets; markdown-include; FastAPI; include-markdown, Jekyll, Liquid; VitePress, twice; DocFX."""
FENCED_INCLUDES = re.compile(
    rf"""(?P<prefix>[ \t>]*)(?P<include>\{{\{{\s*\#\w+\b[^}}]*\}}\}} | {SNIPPET}.* | \{{!.+?!\}}
    | \{{%-?\s*include(?:-markdown|_relative)?\s.*?%\}}|<!--\s*@include:.*?-->)""",
    re.VERBOSE,
)
"""Those that are looked for in fenced code too."""
WITHIN = {
    "mdbook": re.compile(r"(?<!\\)\{\{\s*#\w+\b[^{}]*\}\}"),
    "jekyll": re.compile(r"\{%-?\s*include(?:_relative|_cached)?\s(?:(?!\{%|%\}).)*%\}"),
    "mkdocs": re.compile(r"\{!(?:(?!\{!|!\}).)+!\}|\{%-?\s*include(?:-markdown)?\s(?:(?!\{%|%\}).)*%\}"),
}
"""Those that may stand within a line too, by kind of site; `--8<--` (pymdownx.snippets) begins one."""
MDBOOK = re.compile(r"\{\{\s*#(\w+)\s*([^\s}:]*)((?::[^\s}]*)?)")
SNIPPET_LINE = re.compile(rf"""{SNIPPET}[ \t]*(["'])(?P<target>.*?)\1|{SNIPPET}[ \t]*(?P<bare>[^\s"'].*)""")
SNIPPET_MARK = re.compile(rf"[ \t>]*{SNIPPET}[ \t]*$")
LIQUID = re.compile(r"""\{%-?\s*([\w-]+)\s+(?:"([^"]+)"|'([^']+)'|([^\s%"']+))(.*?)-?%\}""")
BETWEEN = re.compile(r"""\b(start|end)\s*=\s*(?:"((?:\\.|[^"])*)"|'((?:\\.|[^'])*)')""")
VITEPRESS_CODE = re.compile(r"<<<[ \t]*([^\s{#\[]+)(?:#([\w-]+))?")
VITEPRESS = re.compile(r"<!--\s*@include:\s*([^\s{#]+?)(?:#([\w-]+))?(?:\{(\d*)(?:,(\d*))?\})?\s*-->")
DOCFX = re.compile(r"\[!(\w+)[\w-]*\s*\[[^\]]*\]\(\s*<?([^)\s>#?]+)(?:[^)#]*#L(\d+)(?:-L?(\d+))?|#([\w-]+))?")
CODE = re.compile(r"\{\*[ ]*([^\s*]+)(?:[^*]*?\bln\[(\d+)(?::(\d+))?\])?")
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
ANCHOR_LINE = re.compile(r"^.*(?:\bANCHOR(?:_END)?:|--8<--[ ]*\[|#(?:end)?region\b).*(?:\n|\Z)", re.MULTILINE)
SITE_ALIAS = "@site/"
HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)(?:\{#([\w-]+)\})?$")
FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
NOT_THERE = "its file is not in the book's repository"


def take_include(page: PageLines, number: int, match: re.Match[str]) -> int:
    """Put the file's text in the place of the line, or of the rest of it."""
    prefix = match["prefix"]
    if SNIPPET_MARK.match(page.lines[number]):
        return _snippet_block(page, number, prefix)
    include = read_include(match["include"])
    rest = page.lines[number][match.end() :]
    page.lines[number] = prefix + rest
    if include is not None and rest.strip():
        page.problem(number, include.left_out("other text stands beside it"))
    elif not rest.strip():
        page.set_aside(Aside(number, number + 1, partial=include), prefix)
    return number + 1


def take_included_code(page: PageLines, number: int, match: re.Match[str]) -> None:
    """The same in fenced code."""
    include = read_include(match["include"])
    page.lines[number] = match["prefix"] + page.lines[number][match.end() :]
    if include is not None:
        page.result.insertions[number] = include


def _snippet_block(page: PageLines, number: int, prefix: str) -> int:
    """`--8<--`, a file a line, `--8<--` (pymdownx.snippets)."""
    last = number + 1
    while last < len(page.lines) and not SNIPPET_MARK.match(page.lines[last]):
        last += 1
    if last == len(page.lines):
        page.problem(number, Include(page.lines[number].strip(), "").left_out("it does not end"))
        last = number
    for at in range(number, last + 1):
        named = page.lines[at].strip(" \t>\"'")
        page.lines[at] = prefix
        marks = at in (number, last) or not named or named.startswith("; ")
        page.set_aside(Aside(at, at + 1, partial=None if marks else _snippet(named, named)), prefix)
    return last + 1


def read_include(written: str) -> Include | None:
    """What an include names; None for what names none: mdBook's `{{#title}}`."""
    return next((read(written) for mark, read in FORMS.items() if written.startswith(mark)), None)


def _mdbook(written: str) -> Include | None:
    """`{{#include file:2:5}}`, `:anchor`: mdBook's `links` preprocessor."""
    found = MDBOOK.match(written)
    if found is None or found[1] in {"title", "template"}:
        return None
    return Include(written, found[2], _selected_part(found[3].removeprefix(":")))


def _selected_part(part: str) -> tuple[str, ...]:
    """Of `2:5`, `:5`, `2:`, `2` or a name behind a path."""
    if not part:
        return ()
    first, colon, last = part.partition(":")
    if first.isdecimal() or (colon and not first):
        return ("lines", first or "1", last.partition(":")[0] if colon else first)
    return ("region", first)


def _snippet_form(written: str) -> Include | None:
    found = SNIPPET_LINE.match(written)
    named = (found["target"] or found["bare"] or "").strip() if found else ""
    return None if named.startswith("; ") else _snippet(written, named)


def _snippet(written: str, named: str) -> Include:
    """`file.md:4:6`, `file.md:section`."""
    target, _, part = named.partition(":") if not ADDRESS.match(named) else (named, "", "")
    return Include(written, target, _selected_part(part))


def _markdown_include(written: str) -> Include:
    words = written[2:-2].lstrip(">").split()
    return Include(written, words[0] if words else "")


def _code(written: str) -> Include:
    """FastAPI's `{* file hl[3] *}`: the file as a fence."""
    found = CODE.match(written)
    target = found[1] if found else ""
    select = ("lines", found[2], found[3] or found[2]) if found and found[2] else ()
    return Include(written, target, select, language=splitext(target)[1].removeprefix("."))


def _liquid(written: str) -> Include:
    """`{% include-markdown "file" start="..." end="..." %}`, Jekyll's `{% include file.html %}`."""
    found = LIQUID.match(written)
    if found is None:
        return Include(written, "")
    tag, target = found[1], found[2] or found[3] or found[4]
    given = {key: (double or single).replace("\\n", "\n") for key, double, single in BETWEEN.findall(found[5])}
    target = f"_includes/{target}" if tag in {"include", "include_cached"} and not found[2] and not found[3] else target
    return Include(written, target, ("between", given.get("start", ""), given.get("end", "")) if given else ())


def _vitepress_code(written: str) -> Include:
    found = VITEPRESS_CODE.match(written)
    target = found[1] if found else ""
    return Include(
        written, target, ("region", found[2]) if found and found[2] else (), language=splitext(target)[1].removeprefix(".")
    )


def _vitepress(written: str) -> Include:
    found = VITEPRESS.match(written)
    if found is None:
        return Include(written, "")
    lines = ("lines", found[3] or "1", found[4] or ("" if "," in written else found[3] or "")) if "{" in written else ()
    return Include(written, found[1], ("region", found[2]) if found[2] else lines)


def _docfx(written: str) -> Include:
    found = DOCFX.match(written)
    if found is None:
        return Include(written, "")
    lines = ("lines", found[3], found[4] or found[3]) if found[3] else ("region", found[5]) if found[5] else ()
    code = found[1].lower().startswith("code")
    return Include(written, found[2], lines, language=splitext(found[2])[1].removeprefix(".") if code else None)


FORMS: dict[str, Callable[[str], Include | None]] = {
    "{{": _mdbook,
    "-": _snippet_form,
    "{!": _markdown_include,
    "{*": _code,
    "{%": _liquid,
    "<<<": _vitepress_code,
    "<!--": _vitepress,
    "[!": _docfx,
}
"""What reads an include, by what it begins with."""


def find_included(include: Include, path: str, files: Mapping[str, str], folders: Sequence[str]) -> str | None:
    """The key in `files` that `include`, in the page at `path`, names; None where there is none.

    `folders`: where else than beside the page it is looked for. `@site/` is Docusaurus' root, of which the book may be any
    folder below, so leading folders are left off in turn; `@/` is VitePress' `srcDir`.
    """
    if not include.target or ADDRESS.match(include.target):
        return None
    return next((key for key in _candidates(include.target, path, folders) if _is_open(key) and key in files), None)


def _candidates(target: str, path: str, folders: Sequence[str]) -> Iterator[str]:
    if target.startswith(SITE_ALIAS):
        parts = normpath(target.removeprefix(SITE_ALIAS)).split("/")
        yield from ("/".join(parts[start:]) for start in range(len(parts)))
    elif target.startswith(("@/", "/")):
        yield from (normpath(join(folder, target.removeprefix("@").lstrip("/"))) for folder in (*folders, ""))
    else:
        yield from (normpath(join(folder, target)) for folder in (dirname(path), *folders))


def _is_open(key: str) -> bool:
    """Whether nothing on the path is hidden: `.git`, `.env`."""
    return not any(part.startswith(".") and part != ".." for part in key.split("/"))


def selected_text(text: str, include: Include) -> str:
    """What of the file `include` takes, the lines that mark its parts left out."""
    kind, first, last = (*include.select, "", "", "")[:3]
    if kind == "lines":
        lines = text.split("\n")
        text = "\n".join(lines[max(int(first or 1), 1) - 1 : int(last) if last else len(lines)])
    elif kind == "region":
        text = _region(text, first)
    elif kind == "between":
        text = text.partition(first)[2] if first and first in text else text
        text = text.partition(last)[0] if last else text
    return ANCHOR_LINE.sub("", text)


def _region(text: str, name: str) -> str:
    """What stands between the lines that mark the part `name`, else below the heading of that name, else everything."""
    named = rf"[ \t]*{re.escape(name)}\b"
    begins = rf"ANCHOR:{named}|\[start:{named}|#region{named}|#pragma region{named}|<{re.escape(name)}>"
    ends = rf"ANCHOR_END:{named}|\[end:{named}|#endregion(?:{named}|.*$)|#pragma endregion|</{re.escape(name)}>"
    found = re.search(rf"^.*(?:{begins}).*\n(?P<text>(?:.*\n)*?)(?=^.*(?:{ends})|\Z)", text + "\n", re.MULTILINE)
    return found["text"] if found else _section(text, name) or text


def _section(text: str, name: str) -> str:
    """The heading whose id is likely `name`, and what stands below it (VitePress)."""
    level, kept, fence = 0, list[str](), ""
    for line in text.split("\n"):
        if mark := FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        heading = None if fence else HEADING.match(line.rstrip())
        if heading and not level and name in (heading[3], "-".join(re.findall(r"\w+", heading[2].lower()))):
            level = len(heading[1])
        elif heading and len(heading[1]) <= level:
            break
        if level:
            kept.append(line)
    return "\n".join(kept)
