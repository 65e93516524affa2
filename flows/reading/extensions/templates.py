"""What a template engine takes out of a page before it is Markdown: Hugo's shortcodes, Jekyll's Liquid."""

from __future__ import annotations

import re

TAGS = {
    "hugo": re.compile(r"\{\{[<%](?P<tag>.*?)[%>]\}\}"),
    "jekyll": re.compile(r"\{%-?(?P<tag>.*?)-?%\}|\{\{.*?\}\}"),
}
"""By kind of site."""
OPEN = {
    "hugo": re.compile(r"\{\{(?:<(?!.*>\}\})|(%)(?!.*%\}\}))"),
    "jekyll": re.compile(r"\{(%)(?!.*%\})"),
    "mkdocs": re.compile(r"\{(%)(?!.*%\})"),
}
"""A tag that does not end on its line; that is Jinja's in MkDocs, where plugins include files by it."""
MOST_LINES = 30
"""Of one tag: where it does not end within them it is none."""
SAID = re.compile(r"""\b(?:title|caption|alt|header|summary|name)=(?:"([^"]*)"|'([^']*)')""")
NAMED_FIRST = re.compile(r"""\s*(?:tab|details|expand)\s+(?:"([^"]*)"|'([^']*)')""")
KEPT = re.compile(r"\s*(?:include|readfile|highlight|endhighlight|code)\b|\s*/\s*highlight\b|\s*/\*")
"""What is left for others: includes, code, shortcodes that are shown."""
RAW = re.compile(r"\{%-?\s*(end)?raw\s*-?%\}")
HIGHLIGHT = re.compile(r"[ \t]*(?:\{%-?\s*(end)?highlight\s*(\w*).*?%\}|\{\{[<%]\s*(/)?\s*highlight\s*(\w*).*?[%>]\}\})[ \t]*$")
FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")


def with_whole_tags(lines: list[str], kind: str) -> list[str]:
    """As many lines, each tag outside of code whole on the line it begins on."""
    fence, out = "", [*lines]
    for number, line in enumerate(out):
        if mark := FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence and "{" in line and (opened := OPEN[kind].search(line)):
            closing = "%}" if opened[1] else ">}}"
            below = range(number + 1, min(number + MOST_LINES, len(out)))
            if last := next((at for at in below if closing in out[at]), 0):
                out[number] = " ".join([line.rstrip(), *(each.strip() for each in out[number + 1 : last + 1])])
                out[number + 1 : last + 1] = [""] * (last - number)
    return out


def without_tags(lines: list[str], kind: str) -> list[str]:
    """As many lines without the tags outside of code; what a shortcode shows of its arguments stays."""
    tags, fence, out = TAGS[kind], "", list[str]()
    raw = False
    for line in lines:
        if mark := FENCE.match(line):
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence and "{" in line:
            if code := HIGHLIGHT.match(line):
                line = "```" if code[1] or code[3] else f"```{code[2] or code[4]}"  # noqa: PLW2901  the line as it is read
            elif kind == "jekyll" and RAW.search(line):
                last = [*RAW.finditer(line)][-1]
                raw, line = last[1] is None, RAW.sub("", line)  # noqa: PLW2901
            elif not raw:
                line = tags.sub(_shown, line)  # noqa: PLW2901
        out.append(line)
    return out


def _shown(tag: re.Match[str]) -> str:
    """What a reader sees of a tag: its title."""
    written = tag["tag"]
    if written is None:
        return ""
    if KEPT.match(written):
        return tag[0]
    said = NAMED_FIRST.match(written) or SAID.search(written)
    return (said[1] or said[2] or "") if said else ""
