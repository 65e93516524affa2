"""The built-in pages: one to ask at, one that shows the API. No build step, nothing loaded from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quart import Blueprint, Response
from quart_schema import hide

from server.services import Services

FOLDER = Path(__file__).parent.parent / "pages"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)


def blueprint(services: Services) -> Blueprint:  # noqa: ARG001  every room's blueprint is made the same way
    """The pages, read from disk once."""
    page = Blueprint("page", __name__)
    for endpoint, rule, name, mimetype in (
        ("index", "/", "index.html", "text/html"),
        ("script", "/page.js", "page.js", "text/javascript"),
        ("markdown", "/markdown.js", "markdown.js", "text/javascript"),
        ("docs", "/docs", "docs.html", "text/html"),
        ("docs_script", "/docs.js", "docs.js", "text/javascript"),
    ):
        static = StaticPage((FOLDER / name).read_bytes(), mimetype)
        page.add_url_rule(rule, endpoint, static.show, methods=["GET"])
    return page


@dataclass(frozen=True, slots=True)
class StaticPage:
    """One file, kept in memory."""

    body: bytes
    mimetype: str

    @hide
    async def show(self) -> Response:
        """The file as it is."""
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Cache-Control": "no-cache",
            "Referrer-Policy": "no-referrer",
        }
        return Response(self.body, headers=headers, content_type=f"{self.mimetype}; charset=utf-8")
