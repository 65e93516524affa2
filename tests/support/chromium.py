"""A real Chromium without a window, driven over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol)."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

FOUND = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LIMIT_S = 300.0
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", "about:blank",
)  # fmt: skip
_KEYS = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowUp": 38}


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.session = ""
        self.errors: list[str] = []
        """What the page's console complained of."""

    async def listen(self) -> None:
        """Take in what the browser says, until it goes."""
        async for text in self._socket:
            message = json.loads(text)
            if "id" in message:
                self._waiting.pop(message["id"]).set_result(message)
            elif message["method"] == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"]["exception"].get("description", "?"))
            elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.errors.append(message["params"]["entry"]["text"])

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one command; raises `RuntimeError` when the browser refuses it."""
        number = next(self._numbers)
        self._waiting[number] = future = asyncio.get_running_loop().create_future()
        session = {"sessionId": self.session} if self.session else {}
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params} | session))
        async with asyncio.timeout(LIMIT_S):
            answer = await future
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    async def evaluate(self, expression: str) -> Any:
        """The value of JavaScript, awaited; raises `RuntimeError` with what it threw."""
        found = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description"))
        return found["result"].get("value")

    async def until(self, expression: str) -> Any:
        """The value of JavaScript as soon as it is truthy."""
        async with asyncio.timeout(LIMIT_S):
            while not (value := await self.evaluate(expression)):  # noqa: ASYNC110  polls a browser
                await asyncio.sleep(0.03)
        return value

    async def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        await self.call("Page.navigate", url=url)
        await self.until(f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'")

    async def write(self, text: str) -> None:
        """Type where the cursor is."""
        await self.call("Input.insertText", text=text)

    async def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key."""
        text = {"text": "\r"} if key == "Enter" else {}
        common = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key], "modifiers": 8 if shift else 0}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def show(self, *, width: int, height: int, dark: bool = False) -> None:
        """Become a screen of that size."""
        mobile = width < 600
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[feature])

    async def picture(self) -> bytes:
        """A PNG of what is to be seen."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def browsing(folder: Path) -> AsyncGenerator[Page]:
    """A tab of a browser of its own, whose profile is in `folder`."""
    assert FOUND is not None
    browser = await asyncio.create_subprocess_exec(
        FOUND, f"--user-data-dir={folder / 'profile'}", *_FLAGS,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with connect(await _address(browser), max_size=None, proxy=None) as socket:
            page = Page(socket)
            listening = asyncio.create_task(page.listen())
            yield await _attached(page)
            await page.call("Target.closeTarget", targetId=(await page.call("Target.getTargetInfo"))["targetInfo"]["targetId"])
            listening.cancel()
    finally:
        if browser.returncode is None:
            browser.terminate()
        await browser.communicate()


async def _address(browser: asyncio.subprocess.Process) -> str:
    assert browser.stderr is not None
    async with asyncio.timeout(LIMIT_S):
        while b"DevTools listening on " not in (line := await browser.stderr.readline()):
            assert line, "Chromium did not start"
    return line.decode().split(" on ")[1].strip()


async def _attached(page: Page) -> Page:
    target = (await page.call("Target.createTarget", url="about:blank"))["targetId"]
    page.session = (await page.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
    for domain in ("Page", "Runtime", "Log"):
        await page.call(f"{domain}.enable")
    return page
