"""The widget in a real Chromium: what is inside of its shadow trees, and a site of another origin that has it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.chromium import Page, browsing
from tests.support.loopback_http import Exchange, LoopbackServer, Received

INSIDE = """
window.all = (selector, root = document) => [
  ...root.querySelectorAll(selector),
  ...[...root.querySelectorAll('*')].flatMap(one => one.shadowRoot ? all(selector, one.shadowRoot) : []),
];
window.first = selector => all(selector)[0];
window.last = selector => all(selector).at(-1);
window.told = [];
for (const name of ['open', 'close', 'ask', 'answer'])
  addEventListener(`lectern:${name}`, event => told.push([name, event.detail]));
"""
"""`all`, `first` and `last` look into shadow trees; `told` is what the widget told its page."""

DEEPEST = """(function deep(one) {
  return one.shadowRoot?.activeElement ? deep(one.shadowRoot.activeElement) : one;
})(document.activeElement)"""
"""What has the cursor."""

TEXT = "(last('.text')?.cloneNode(true) ?? document.createElement('p'))"
PAGE = """<!doctype html>
<html lang="en" data-theme="light"><head><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><title>A site</title></head><body>
<main><article><h1>Joints</h1><p id="told">A robot arm is a chain of <em>joints</em> and links.</p>
<p>The code:</p><pre><code>arm.move(joint=1)</code></pre>{filler}
<h2 id="links">Links</h2><p>A link is rigid.</p></article></main>
<script src="http://127.0.0.1:{port}/widget.js" {attributes} defer></script></body></html>"""


@asynccontextmanager
async def reading(folder: Path) -> AsyncGenerator[Page]:
    """A tab that can look inside; its console has to stay clean."""
    async with browsing(folder) as page:
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=INSIDE)
        await page.show(width=1000, height=800)
        yield page
        assert page.errors == []


class Site(LoopbackServer):
    """A site of another origin, each of whose pages loads the widget of the server at `server_port`."""

    def __init__(self, attributes: str = "") -> None:
        """`attributes`: of the script's tag."""
        super().__init__(self._show)
        self.server_port = 0
        self._attributes = attributes

    async def _show(self, request: Received, exchange: Exchange) -> None:
        if request.path == "/favicon.ico":
            await exchange.reply(200, "")
        else:
            body = PAGE.format(port=self.server_port, attributes=self._attributes, filler="<p>More.</p>" * 60)
            await exchange.reply(200, body)


@asynccontextmanager
async def other_site(attributes: str = "") -> AsyncGenerator[Site]:
    """Such a site on a free port."""
    served = Site(attributes)
    await served.start()
    try:
        yield served
    finally:
        await served.stop()


class Line:
    """A way to the server at `port` that can break in the middle."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._to = port
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break every connection there is; new ones come through."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what both sides say until one of them ends."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers |= {writer, there_writer}
        await asyncio.gather(_pass_on(reader, there_writer), _pass_on(there_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def line_to(port: int) -> AsyncGenerator[Line]:
    """Such a way, on a free port."""
    line = Line(port)
    server = await asyncio.start_server(line.accept, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.cut()


async def ask(page: Page, question: str, *, answers: int = 1) -> None:
    """Type a question where the cursor is, press Enter, and wait for the end of the n-th answer."""
    await page.until("all('textarea').length")
    await page.evaluate("first('textarea').focus()")
    await page.write(question)
    await page.press("Enter")
    await until_answered(page, answers)


async def until_answered(page: Page, answers: int = 1) -> None:
    """Wait until the n-th answer is over and drawn."""
    await page.until(f"all('.answer').length === {answers} && all('.answer[aria-busy=true]').length === 0")
    await page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def said(page: Page) -> str:
    """The text of the last answer as it is seen, without what a pointer over a citation would show."""
    return str(
        await page.evaluate(f"(one => (one.querySelectorAll('.preview').forEach(p => p.remove()), one.textContent))({TEXT})")
    ).strip()
