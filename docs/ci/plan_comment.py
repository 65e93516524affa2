"""Puts what `python -m flows plan --json` printed on a pull request, as one comment that is rewritten at every push.

    python -m flows plan docs --json | python plan_comment.py

Standard library only. Reads what GitHub Actions sets: GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GITHUB_API_URL, GITHUB_STEP_SUMMARY
and GITHUB_TOKEN, which needs `pull-requests: write`. Where it has not got that (a pull request from a fork) the plan is on the
page of the run only, and the exit code is 0.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

MARKER = "<!-- lectern plan -->"
"""Tells our comment from others of the same bot."""
MAX_ROWS = 50
PAGE_SIZE = 100
TIMEOUT_S = 30


def main() -> int:
    """Write the plan to the run's page and to the pull request; the exit code."""
    text = render(json.load(sys.stdin))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as page:
            page.write(text)
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    try:
        publish(text, f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}", event["number"])
    except urllib.error.HTTPError as exc:
        if exc.code not in {401, 403}:
            raise
        print(f"No permission to comment (HTTP {exc.code}); the plan is on the page of this run.", file=sys.stderr)  # noqa: T201
    return 0


def render(plan: dict[str, Any]) -> str:
    """The plan as Markdown."""
    counts = [f"| {what} | {_counts(plan[what])} |" for what in ("files", "chunks")]
    lines = [MARKER, "### What this does to the book's index", ""]
    lines += ["| | added | changed | kept | removed |", "|---|---:|---:|---:|---:|", *counts, "", _cost(plan), ""]
    lines += _section("Problems", [_problem(each) for each in plan["problems"]])
    lines += _section("Pages", [f"{each['change']}: {_code(each['path'])}" for each in plan["changes"]])
    return "\n".join(lines) + "\n"


def _counts(tally: dict[str, int]) -> str:
    return " | ".join(f"{tally[name]:,}" for name in ("added", "changed", "kept", "removed"))


def _cost(plan: dict[str, Any]) -> str:
    if plan["embedding_model"] is None:
        return "No embedding key is set: nothing is embedded."
    dollars = "price not known" if plan["cost_usd"] is None else f"${plan['cost_usd']:.4f}"
    return f"{plan['to_embed']:,} texts to embed with {plan['embedding_model']}: {plan['tokens']:,} tokens, {dollars}."


def _problem(each: dict[str, Any]) -> str:
    place = f"{each['path']}:{each['line']}" if each["line"] else each["path"]
    return f"{_code(place)}: {each['reason']}" + (" (skipped)" if each["skipped"] else "")


def _code(text: str) -> str:
    """A path may hold anything; in a code span it says nothing to GitHub."""
    return f"`{text.replace('`', chr(39))}`"


def _section(title: str, entries: list[str]) -> list[str]:
    if not entries:
        return []
    more = [f"- and {len(entries) - MAX_ROWS} more"] if len(entries) > MAX_ROWS else []
    return [f"#### {title}", "", *(f"- {entry}" for entry in entries[:MAX_ROWS]), *more, ""]


def publish(text: str, repository: str, number: int) -> None:
    """Write our comment on pull request `number`, or write it anew. Raises `urllib.error.URLError`."""
    comments = f"{repository}/issues/{number}/comments"
    ours = next((comment for comment in _all(comments) if MARKER in (comment["body"] or "")), None)
    if ours is None:
        _call("POST", comments, {"body": text})
    else:
        _call("PATCH", ours["url"], {"body": text})


def _all(comments: str) -> Iterator[dict[str, Any]]:
    """Every comment by a bot: a person may have quoted ours."""
    for page in count(1):
        found = _call("GET", f"{comments}?per_page={PAGE_SIZE}&page={page}")
        yield from (comment for comment in found if comment["user"]["type"] == "Bot")
        if len(found) < PAGE_SIZE:
            return


def _call(method: str, url: str, body: dict[str, str] | None = None) -> Any:
    headers = {
        "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
        "Accept": "application/vnd.github+json",
        "Content-Type": "application/json",
    }
    content = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310  GitHub's own address
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
        return json.load(response)


if __name__ == "__main__":
    sys.exit(main())
