"""What the author's pages have in common: a document that loads nothing and runs nothing, its tables, links and bars. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from server.finding.passages import safe_link

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
_STYLE = """
  :root { color-scheme: light dark; --ink: #1d2430; --paper: #fbfaf7; --soft: #eceae3; --accent: #315c8c; --faint: #5d6572;
          --bad: #b4432f; --weak: #c98f2b; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e6e4de; --paper: #171a1f; --soft: #252a32; --accent: #8db8e8; --faint: #a3abb8; --bad: #e58a78;
            --weak: #e0b862; } }
  body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem; background: var(--paper); color: var(--ink);
         font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
  a { color: var(--accent); }
  table { border-collapse: collapse; width: 100%; }
  td, th { border-bottom: 1px solid var(--soft); padding: .25rem .6rem; text-align: left; vertical-align: top; }
  td:not(:first-child), th:not(:first-child) { text-align: right; overflow-wrap: normal; }
  td svg { max-width: none; }
  .facts td:not(:first-child) { overflow-wrap: anywhere; }
  svg { max-width: 100%; height: auto; }
  .asked { fill: var(--accent); } .unanswered { fill: var(--bad); } .weak { fill: var(--weak); }
  text { fill: var(--ink); font-size: .8rem; }
  .facts th { width: 8rem; } .facts td { text-align: left; }
  pre { background: var(--soft); padding: .75rem; white-space: pre-wrap; }
  .key { color: var(--faint); font-size: .875rem; }
"""


def document(title: str, body: str) -> str:
    """A whole page; `body` is HTML already."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n</head>\n<body>\n'
        f"<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def anchored(name: str, url: str) -> str:
    """A link, where the address is one that may be opened; else the name."""
    return f'<a href="{escape(link)}">{escape(name)}</a>' if (link := safe_link(url)) else escape(name)


def tabled(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; the cells of its rows are HTML already."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    names = "".join(f"<th>{name}</th>" for name in head)
    return f"<table>\n<tr>{names}</tr>\n{body}</table>" if body else "<p>None yet.</p>"


def share_bar(share: float) -> str:
    """A bar of a share, 0 to 1."""
    width = max(1, round(100 * share))
    return f'<svg width="100" height="10" aria-hidden="true"><rect class="asked" width="{width}" height="10"></rect></svg>'
