"""`python -m tests.benchmarks.widget`: what the widget adds to a bare page that appends text, in a real Chromium, in one run.

Answers of some tokens alternate between the two; what counts is the time from the first token's arrival to the frame that shows
it. Then one long answer at 100 tokens a second, and the tasks that kept the page busy for more than 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from statistics import median
from typing import Any

import structlog

from server.answering.events import ChatEvent
from server.answering.progress import AnswerProgress
from server.finding.passages import Passages
from server.questions import ChatRequest
from shared.settings import Settings
from tests.support.chromium import FOUND, Page, browsing
from tests.support.fakes import make_services, whole_answer
from tests.support.live_server import serving
from tests.support.widget import INSIDE, other_site

TOKENS_PER_S = 100
WORDS = ("Joints ", "move ", "**links** ", "of `arms`, ", "and\n\n- each ", "one ", "turns.\n\n")
ARRIVAL = """
window.arrived = 0;
const plain = window.fetch;
window.fetch = async (...given) => {
  const response = await plain(...given);
  if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) return response;
  const noted = new TransformStream({ transform(bytes, onward) {
    if (!window.arrived && new TextDecoder().decode(bytes).includes('"chunk"')) window.arrived = performance.now();
    onward.enqueue(bytes);
  } });
  return new Response(response.body.pipeThrough(noted), { status: response.status, headers: response.headers });
};
window.busy = [];
new PerformanceObserver(list => busy.push(...list.getEntries().map(one => one.duration))).observe({ type: 'longtask' });
window.painted = shows => new Promise(done => {
  const tell = () => done(performance.now() - window.arrived);
  const look = () => requestAnimationFrame(shows() ? tell : look);
  look();
});
window.bare = async url => {
  window.arrived = 0;
  const box = document.body.appendChild(document.createElement('p'));
  const seen = painted(() => box.textContent);
  const response = await fetch(url, { method: 'POST', body: '{"question":"What moves?"}',
    headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' } });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part, rest = ''; !(part = await reader.read()).done;) {
    const frames = (rest + part.value).split('\\n\\n');
    rest = frames.pop();
    for (const frame of frames) {
      const data = frame.split('\\n').find(line => line.startsWith('data: '));
      const event = data && JSON.parse(data.slice(6));
      if (event?.type === 'chunk') box.append(event.content);
    }
  }
  return seen;
};
window.widget = async () => {
  window.arrived = 0;
  const before = all('.text').length;
  const seen = painted(() => all('.text').length > before && last('.text').textContent);
  const over = new Promise(done => addEventListener('lectern:answer', done, { once: true }));
  lectern.ask('What moves?');
  await over;
  return seen;
};
"""


class _Steady:
    """Answers of so many tokens, so many a second."""

    def __init__(self) -> None:
        self.tokens = 50

    async def generate(self, _request: ChatRequest, _found: Passages, answer: AnswerProgress) -> AsyncGenerator[ChatEvent]:
        for event in whole_answer(answer.ids, *(WORDS[n % len(WORDS)] for n in range(self.tokens))):
            yield event
            await asyncio.sleep(1 / TOKENS_PER_S)


async def measure(page: Page, rounds: int, tokens: int) -> None:
    """Print both figures."""
    answerer = _Steady()
    async with other_site() as site:
        own = f"http://127.0.0.1:{site.port}"
        services: Any = make_services(settings=Settings(allowed_origins=(own,)), answerer=answerer)
        async with serving(services) as live:
            site.server_port = live.port
            await page.open(f"{own}/")
            await page.until("all('.launch').length")
            await page.evaluate("lectern.open()")
            pairs = [
                (await page.evaluate(f"bare('http://127.0.0.1:{live.port}/chat')"), await page.evaluate("widget()"))
                for _ in range(rounds)
            ]
            more = [widget - bare for bare, widget in pairs]
            _say(
                f"first token to its frame: bare {median(bare for bare, _ in pairs):.0f} ms, "
                f"widget {median(widget for _, widget in pairs):.0f} ms; "
                f"more in {rounds} rounds: median {median(more):.0f}, most {max(more):.0f} ms"
            )
            answerer.tokens = tokens
            await page.evaluate("busy.length = 0")
            await page.evaluate("widget()")
            busy = [round(duration) for duration in await page.evaluate("busy")]
            _say(f"{tokens} tokens at {TOKENS_PER_S} a second: tasks over 50 ms: {len(busy)} {busy}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


async def main() -> None:
    """Run with a browser of its own."""
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.widget")
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--tokens", type=int, default=2000)
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if FOUND is None:
        raise SystemExit("No Chromium is installed.")
    with tempfile.TemporaryDirectory() as folder:
        async with browsing(Path(folder)) as page:
            await page.call("Page.addScriptToEvaluateOnNewDocument", source=INSIDE + ARRIVAL)
            await page.show(width=1000, height=800)
            await measure(page, given.rounds, given.tokens)


if __name__ == "__main__":
    asyncio.run(main())
