"""The built-in pages: one to ask at, one that shows the API. No build step, nothing loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from quart import Blueprint, Response, request
from quart_schema import hide

from server.http.policy import unlimited
from server.services import Services

FOLDER = Path(__file__).parent.parent / "pages"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache", "Referrer-Policy": "no-referrer"}
FILES = {
    "/": "index.html",
    "/docs": "docs.html",
    "/style.css": "style.css",
    "/page.js": "page.js",
    "/docs.js": "docs.js",
    "/markdown.js": "markdown.js",
    "/events.js": "events.js",
}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


def blueprint(services: Services) -> Blueprint:  # noqa: ARG001  every blueprint is made the same way
    """The pages, read from disk once."""
    page = Blueprint("page", __name__)
    contents = {rule: (FOLDER / name).read_bytes() for rule, name in FILES.items()}

    @unlimited
    @hide
    async def show() -> Response:
        """The file as it is."""
        rule = str(request.url_rule)
        kind = _TYPES[PurePosixPath(FILES[rule]).suffix]
        return Response(contents[rule], headers=HEADERS, content_type=f"{kind}; charset=utf-8")

    for rule in FILES:
        page.get(rule)(show)
    return page
