"""The text each generator slugs a heading by: its own idea of what of the inline Markdown is text.

The reader's text (`Heading.text`) will not do: Docusaurus slugs a picture's alternative text and leaves out `:directives`,
Python-Markdown does the reverse, mdBook turns `--` into a dash first. All three agree on CommonMark's emphasis, code and links.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html import escape, unescape

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from flows.reading.document import Document
from flows.reading.extensions.jsx import expression_end, tag_end
from flows.reading.inline_syntax import MATH

MAX_CHARS = 500
"""Longest heading parsed; a longer one is slugged as it stands (markdown-it is quadratic on hostile brackets)."""
MARKUP = re.compile(r"[\\`*_\[\]<&{~:!\n]")
"""What a heading must hold one of to need parsing; most hold none."""
DIRECTIVE = re.compile(r":[A-Za-z][A-Za-z0-9_-]*(?<![_-])(?![A-Za-z0-9_:-])(\[[^\]\n]*\])?(?:\{[^}\n]*\})?")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]")
DEFINITION = re.compile(r"^ {0,3}\[((?:[^\[\]\\]|\\.)+)\]:", re.MULTILINE)
ENTITY = re.compile(r"&(?:#[0-9]+|#[xX][0-9A-Fa-f]+|[0-9A-Za-z]+);")
SHORTCODE = re.compile(r":[a-z0-9_+-]+:")
DASHES = re.compile(r"-{2,}")


References = dict[str, dict[str, str]]
"""What brackets may refer to, as markdown-it takes it: by normalised label."""


def find_references(document: Document) -> References:
    """The links and footnotes the page defines, found once for all its headings, and only where one of them has brackets."""
    if not any("]" in heading.html for heading in document.headings):
        return {}
    return {_label(name): {"href": "#", "title": ""} for name in DEFINITION.findall(document.text)}


def mdast_text(source: str, references: References, *, mdx: bool) -> str:
    """`source` as `mdast-util-to-string` gives it: code, alternative texts and MDX expressions in, tags and directives out.

    `mdx`: braces are expressions and tags are JSX; otherwise HTML tags of the heading itself are left out and those inside
    emphasis stay, as in `@docusaurus/mdx-loader` (`remark/headings/index.ts`, `getHeadingText`).
    """
    return "".join(map(_mdast_piece, _tokens(source, references, _mdx_parser() if mdx else _directive_parser())))


def html_text(source: str, references: References) -> str:
    """`source` as Python-Markdown's `toc` sees it: rendered, then without tags, so pictures leave nothing.

    White space is collapsed before entities are decoded (`toc.py`, `strip_tags`, then `html.unescape`). An emoji shortcode
    leaves nothing: `pymdownx.emoji`, which Material's manual turns on, makes it a picture.
    """
    text = "".join(map(_html_piece, _tokens(source, references, _python_markdown_parser())))
    return ENTITY.sub(lambda match: unescape(match[0]), " ".join(text.split()))


def nextra_text(source: str, references: References, *, mdx: bool) -> str:
    """`source` as Nextra sees it: the values of text, code, expressions and, outside MDX, tags; no alternative texts."""
    return "".join(map(_value, _tokens(source, references, _bare_mdx_parser() if mdx else _commonmark_parser())))


def plain_text(source: str, references: References) -> str:
    """`source` as markdown-it-anchor and kramdown see it: text and code alone, no tags and no alternative texts."""
    return "".join(map(_text_piece, _tokens(source, references, _commonmark_parser())))


def pulldown_text(source: str, references: References) -> str:
    """`source` as mdBook sees it (`mdbook-html/src/html/tree.rs`, `text_in_node`): no alternative texts, smart punctuation.

    Runs of hyphens outside code are dashes by then (`smart-punctuation`, on by default since 0.5), and dashes leave no trace.
    """
    return "".join(map(_pulldown_piece, _tokens(source, references, _commonmark_parser())))


def _tokens(source: str, references: References, parser: MarkdownIt) -> list[Token]:
    if len(source) > MAX_CHARS or not MARKUP.search(source):
        return [Token("text", "", 0, content=source)]
    return parser.parseInline(source, {"references": references})[0].children or []


def _label(name: str) -> str:
    """A label as markdown-it keys it (`markdown_it/common/utils.py`, `normalizeReference`)."""
    return re.sub(r"\s+", " ", name.strip()).lower().upper()


def _mdast_piece(token: Token) -> str:
    match token.type:
        case "text" | "code_inline" | "expression":
            return token.content
        case "image":
            return "".join(map(_mdast_piece, token.children or []))
        case "softbreak":
            return "\n"
        case "html_inline":
            return token.content if token.level else ""
        case _:
            return ""


def _html_piece(token: Token) -> str:
    match token.type:
        case "text":
            return SHORTCODE.sub("", token.content)
        case "code_inline":
            return escape(token.content)
        case "softbreak" | "hardbreak":
            return " "
        case _:
            return ""


def _text_piece(token: Token) -> str:
    return token.content if token.type in {"text", "code_inline"} else ""


def _pulldown_piece(token: Token) -> str:
    match token.type:
        case "text":
            return DASHES.sub("", token.content)
        case "code_inline":
            return token.content
        case "softbreak" | "hardbreak":
            return " "
        case _:
            return ""


def _value(token: Token) -> str:
    return token.content if token.type in {"text", "code_inline", "expression", "html_inline"} else ""


InlineRule = Callable[[StateInline, bool], bool]


@cache
def _commonmark_parser() -> MarkdownIt:
    """CommonMark with strikethrough; footnote references leave no text."""
    return _with_rules(MarkdownIt("commonmark"), footnote=_footnote)


@cache
def _python_markdown_parser() -> MarkdownIt:
    """The same, entities left as written."""
    return _with_rules(MarkdownIt("commonmark").disable("entity"), footnote=_footnote)


@cache
def _directive_parser() -> MarkdownIt:
    """What Docusaurus reads in `format: md`: CommonMark, GFM and text directives (remark-directive)."""
    parser = MarkdownIt("commonmark")
    return _with_rules(parser, comment=_comment, footnote=_footnote, directive=_directive, formula=_formula)


@cache
def _mdx_parser() -> MarkdownIt:
    """What Docusaurus reads in `format: mdx`: the same with expressions and JSX, and without HTML and `<autolinks>`."""
    parser = MarkdownIt("commonmark").disable(["html_inline", "autolink"])
    rules: dict[str, InlineRule] = {"comment": _comment, "footnote": _footnote, "directive": _directive, "formula": _formula}
    return _with_rules(parser, **rules, expression=_expression, jsx=_jsx)


@cache
def _bare_mdx_parser() -> MarkdownIt:
    """MDX and GFM alone."""
    parser = MarkdownIt("commonmark").disable(["html_inline", "autolink"])
    return _with_rules(parser, footnote=_footnote, expression=_expression, jsx=_jsx)


def _with_rules(parser: MarkdownIt, **rules: InlineRule) -> MarkdownIt:
    for name, rule in rules.items():
        parser.inline.ruler.before("link", name, rule)
    return parser.enable("strikethrough")


def _comment(state: StateInline, silent: bool) -> bool:  # noqa: ARG001  the signature of a markdown-it rule
    """`<!-- -->`, which leaves no text in either format (remark-comment, on by default: `mdx1Compat.comments`)."""
    return _skip(state, COMMENT.match(state.src, state.pos))


def _skip(state: StateInline, match: re.Match[str] | None) -> bool:
    state.pos = match.end() if match else state.pos
    return match is not None


def _footnote(state: StateInline, silent: bool) -> bool:  # noqa: ARG001  the signature of a markdown-it rule
    """`[^1]` where the page defines it."""
    match = FOOTNOTE.match(state.src, state.pos)
    return match is not None and _label(match[0][1:-1]) in state.env["references"] and _skip(state, match)


def _directive(state: StateInline, silent: bool) -> bool:
    """`:name`, `:name[label]`, `:name{attributes}`: only the label is text.

    micromark-extension-directive 3 (`directive-text.js`, `factory-name.js`): not after another colon, the name is ASCII,
    begins with a letter, ends neither with `-` nor `_` and is not followed by a colon, so `:rocket:` and `::x` are text.
    """
    match = DIRECTIVE.match(state.src, state.pos)
    if match is None or state.src.endswith(":", 0, state.pos):
        return False
    if not silent and match[1]:
        state.push("text", "", 0).content = match[1][1:-1]
    state.pos = match.end()
    return True


def _formula(state: StateInline, silent: bool) -> bool:
    """`$x_1$` is text as written (remark-math, which Docusaurus' manual adds); without that plugin its marks leave no slug."""
    match = MATH.match(state.src, state.pos)
    if match and not silent:
        state.push("text", "", 0).content = match[0]
    return _skip(state, match)


def _expression(state: StateInline, silent: bool) -> bool:
    """`{expression}`; `{#` is what Docusaurus escapes for custom ids (`escapeMarkdownHeadingIds`) and stays text."""
    if not state.src.startswith("{", state.pos) or state.src.startswith("{#", state.pos):
        return False
    end = expression_end(state.src, state.pos)
    if end < 0:
        return False
    if not silent:
        state.push("expression", "", 0).content = state.src[state.pos + 1 : end - 1]
    state.pos = end
    return True


def _jsx(state: StateInline, silent: bool) -> bool:  # noqa: ARG001  the signature of a markdown-it rule
    """A JSX tag, opening or closing; what stands between two is parsed on its own."""
    end = tag_end(state.src, state.pos) if state.src.startswith("<", state.pos) else -1
    if end < 0:
        return False
    state.pos = end
    return True
