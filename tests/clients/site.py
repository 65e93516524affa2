"""A reader's page on a site of its own, with the packages of `package.json` behind an import map."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(__file__).parent
PACKAGES = FOLDER / "node_modules"
INSTALLED = (PACKAGES / ".package-lock.json").is_file()
_IMPORTS = {
    "@ai-sdk/gateway": "@ai-sdk/gateway/dist/index.mjs",
    "@ai-sdk/provider": "@ai-sdk/provider/dist/index.mjs",
    "@ai-sdk/provider-utils": "@ai-sdk/provider-utils/dist/index.mjs",
    "@microsoft/fetch-event-source": "@microsoft/fetch-event-source/lib/esm/index.js",
    "@opentelemetry/api": "@opentelemetry/api/build/esm/index.js",
    "@standard-schema/spec": "@standard-schema/spec/dist/index.js",
    "ai": "ai/dist/index.mjs",
    "eventsource-parser": "eventsource-parser/dist/index.js",
    "eventsource-parser/stream": "eventsource-parser/dist/stream.js",
    "openai": "openai/index.mjs",
    "zod": "zod/index.js",
    "zod/v3": "zod/v3/index.js",
    "zod/v4": "zod/v4/index.js",
}
_NOT_FOR_BROWSERS = {
    "@vercel/oidc": "data:text/javascript,export function getContext() {} export function getVercelOidcToken() {}"
}
"""Of the AI SDK's way to Vercel's gateway, which no page of ours goes."""
_PAGE = f"""<!doctype html><link rel="icon" href="data:,"><script type="importmap">
{json.dumps({"imports": {name: f"/node_modules/{path}" for name, path in _IMPORTS.items()} | _NOT_FOR_BROWSERS})}
</script><script type="module" src="/clients.js"></script>"""


class _Handler(SimpleHTTPRequestHandler):
    """The page, its script and the packages; an import without an ending finds its file, as a bundler's does."""

    protocol_version = "HTTP/1.1"
    extensions_map = {".js": "text/javascript", ".mjs": "text/javascript"}  # noqa: RUF012  the base's

    def do_GET(self) -> None:
        found = FOLDER / self.path.strip("/")
        endings = ("", "/index.js") if found.is_dir() else ("", ".js")
        ending = next((ending for ending in endings if Path(f"{found}{ending}").is_file()), "")
        if self.path == "/":
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(_PAGE)))
            self.end_headers()
            self.wfile.write(_PAGE.encode())
        elif ending:
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", self.path + ending)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving_page() -> Iterator[str]:
    """The origin of a running site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: _Handler(*given, directory=str(FOLDER))) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
