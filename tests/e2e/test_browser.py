"""The pages at `/` and `/docs`, in a real Chromium."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from server.answering.events import AnswerIds, ChatEvent, CitedSource, Done, Sources, TextDelta
from server.answering.pacing import SHUTTING_DOWN
from server.answering.progress import AnswerProgress
from shared.errors import ServiceError
from shared.index.port import Filter
from shared.settings import Settings
from tests.support.chromium import FOUND, Page
from tests.support.fakes import (
    ADMIN_KEY,
    FakeFinder,
    PrefectStandIn,
    ScriptedAnswerer,
    make_build,
    make_chunk,
    make_services,
    make_source,
    whole_answer,
)
from tests.support.live_server import frames_of, serving, until
from tests.support.widget import DEEPEST, ask, reading, said, until_answered

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FOUND is None, reason="no Chromium is installed"),
    pytest.mark.xdist_group("browser"),
]

IDS = AnswerIds("s", "m", "r")


@pytest.fixture
async def page(tmp_path: Path) -> AsyncGenerator[Page]:
    async with reading(tmp_path) as page:
        yield page


def answer_of(text: str, *sources: CitedSource) -> list[ChatEvent]:
    """An answer that cites all of its sources."""
    given = sources or (make_source(),)
    start, *_, done = whole_answer(IDS)
    assert isinstance(done, Done)
    cited = tuple(source.n for source in given)
    return [start, Sources(sources=given), TextDelta(text), done.model_copy(update={"sources": given, "cited": cited})]


async def test_a_reader_asks_with_the_keyboard_and_can_follow_the_citation_and_ask_on(page: Page) -> None:
    finder = FakeFinder(make_chunk(), build=make_build())
    settings = Settings(book_title="Robots & Arms")
    async with serving(make_services(finder=finder, settings=settings)) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        assert await page.evaluate("[document.title, document.querySelector('h1').textContent]") == ["Robots & Arms"] * 2
        await ask(page, "What moves?")
        assert await said(page) == "Joints move 1."
        cited = await page.evaluate("(a => [a.href, a.target, a.rel, a.ariaLabel])(first('sup a'))")
        assert cited == [
            "https://example.github.io/book/docs/intro#joints",
            "_blank",
            "noopener",
            "Source 1: cccccccc › ssssssss",
        ]
        assert await page.evaluate("first('.sources a').href") == cited[0]
        await ask(page, "And why?", answers=2)
    assert [turn.content for turn in finder.requests[-1].history] == ["What moves?", "Joints move [1]."]
    assert finder.requests[0].session_id == finder.requests[1].session_id


async def test_a_conversation_survives_a_reload_and_can_be_begun_anew(page: Page) -> None:
    finder = FakeFinder(make_chunk(), build=make_build())
    async with serving(make_services(finder=finder)) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        await ask(page, "What moves?")
        await page.call("Page.reload")
        await until_answered(page)
        assert await said(page) == "Joints move 1."
        await ask(page, "And why?", answers=2)
        await page.evaluate("first('.anew').click()")
        await page.until("all('.answer').length === 0")
        await ask(page, "What else?")
    first, second, third = finder.requests
    assert first.session_id == second.session_id != third.session_id
    assert (len(second.history), len(third.history)) == (2, 0)


async def test_the_answer_is_seen_while_it_is_written(page: Page) -> None:
    go = asyncio.Event()
    whole = whole_answer(IDS)
    async with serving(make_services(answerer=ScriptedAnswerer(*whole[:3], go, *whole[3:]))) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        asking = asyncio.create_task(ask(page, "What moves?"))
        await page.until("last('.text')?.textContent.trim() === 'Joints'")
        assert await page.evaluate("first('.send').ariaLabel") == "Stop"
        go.set()
        await asking
        assert await said(page) == "Joints move 1."


async def test_escape_stops_an_answer_and_nothing_more_is_paid_for(page: Page) -> None:
    answerer = ScriptedAnswerer(*whole_answer(IDS)[:3], asyncio.Event())
    async with serving(make_services(answerer=answerer)) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        asking = asyncio.create_task(ask(page, "What moves?"))
        await page.until("last('.text')?.textContent.trim() === 'Joints'")
        await page.press("Escape")
        await asking
        assert await page.evaluate("last('.note').textContent") == "Stopped."
        await until(answerer.closed.is_set)
    page.errors.clear()  # the answer to stop, whose stream is already closed, is 404


MARKDOWN = """\
# A heading

Some **bold and *both***, `code [1]`, a [link](https://robots.example/a_(b)) and \\*none\\* [1].

- one
  - nested
- two

   ```python
   x = [1]
   ```

3. third
4. fourth

| a | b |
|---|---|
| 1 | `x\\|y` |

> quoted

<img src=x onerror=alert(1)> [bad](javascript:alert(1)) [2] x[0]
"""
STRUCTURE = """(function outline(node) {
  return [...node.children].map(one => one.tagName.toLowerCase() + (one.children.length ? `(${outline(one)})` : '')).join(' ');
})((text => {
  text.querySelectorAll('.cited, figcaption').forEach(one => one.replaceChildren());
  return text;
})(first('.text').cloneNode(true)))"""


async def test_markdown_is_shown_as_what_it_means_and_nothing_else_becomes_markup(page: Page) -> None:
    async with serving(make_services(answerer=ScriptedAnswerer(*answer_of(MARKDOWN)))) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        await ask(page, "What moves?")
        assert await page.evaluate(STRUCTURE) == (
            "h3 p(strong(em) code a sup(span)) ul(li(p ul(li)) li(p figure(figcaption pre(code(span span))))) ol(li li) "
            "div(table(thead(tr(th th)) tbody(tr(td td(code))))) blockquote(p) p"
        )
        assert await page.evaluate("first('.text pre').textContent") == "x = [1]\n"
        assert await page.evaluate("first('.text ol').start") == 3
        assert await page.evaluate("first('.text a').href") == "https://robots.example/a_(b)"
        last = await page.evaluate("first('.text').lastElementChild.textContent")
        assert last == "<img src=x onerror=alert(1)> bad [2] x[0]"


async def test_citations_are_numbered_as_they_appear_and_do_not_stand_alone_below_code(page: Page) -> None:
    sources = [make_source(n, url=f"https://example.github.io/book/{n}") for n in (2, 5)]
    answer = answer_of("First [5].\n\n```python\nx = 1\n```\n\n[2]\n\nAgain [5].", *sources)
    async with serving(make_services(answerer=ScriptedAnswerer(*answer))) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        await ask(page, "What moves?")
        assert await page.evaluate("all('sup a').map(one => [one.textContent, one.href.at(-1)])") == [
            ["1", "5"],
            ["2", "2"],
            ["1", "5"],
        ]
        assert await page.evaluate("all('.sources a').map(one => one.href.at(-1))") == ["5", "2"]
        assert await page.evaluate("first('figcaption').textContent.startsWith('python2')")


async def test_a_citation_of_a_book_that_is_published_nowhere_opens_its_page_here(page: Page) -> None:
    answer = answer_of("Joints move [1].", make_source(url="/docs/intro#joints"))
    async with serving(make_services(answerer=ScriptedAnswerer(*answer))) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        await ask(page, "What moves?")
        linked = await page.evaluate("all('sup a, .sources a').map(one => one.href)")
    assert linked == [f"http://127.0.0.1:{live.port}/docs/intro#joints"] * 2


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//elsewhere.example/x", "/\\elsewhere.example", "data:text/html,x", ""]
)
async def test_an_address_that_leads_astray_is_no_link(page: Page, url: str) -> None:
    async with serving(make_services(answerer=ScriptedAnswerer(*answer_of("Joints [1].", make_source(url=url))))) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        await ask(page, "What moves?")
        assert await page.evaluate("all('.answer a').length") == 0
        assert await page.evaluate("first('sup').textContent") == "1"


@pytest.mark.parametrize(
    ("answerer", "failure", "shown"),
    [
        (ScriptedAnswerer(*AnswerProgress(IDS).ending(SHUTTING_DOWN)), None, SHUTTING_DOWN[1]),
        (
            None,
            ServiceError("qdrant", "secret", transient=True),
            "The book's index is out of reach. Please try again in a moment.",
        ),
    ],
)
async def test_a_failure_is_a_sentence_and_a_way_to_ask_again(
    page: Page, answerer: ScriptedAnswerer | None, failure: Exception | None, shown: str
) -> None:
    finder = FakeFinder(make_chunk(), build=make_build(), failure=failure)
    async with serving(make_services(answerer=answerer, finder=finder)) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        await ask(page, "What moves?")
        assert await page.evaluate("first('.failed').textContent") == shown
        assert await page.evaluate("first('.again').textContent") == "Ask again"
        finder.failure = None
        await page.evaluate("first('.again').click()")
        await page.until("all('.asked').length === 1")
        await until_answered(page)
    page.errors.clear()  # the browser notes a 503


async def test_a_server_that_is_gone_is_said_to_be(page: Page) -> None:
    async with serving(make_services()) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        await page.until("all('textarea').length")
    await ask(page, "What moves?")
    assert "cannot be reached" in await page.evaluate("first('.failed').textContent")
    page.errors.clear()


@pytest.mark.parametrize("width", [320, 390, 1000])
async def test_the_page_fits_its_screen_in_the_light_and_in_the_dark(page: Page, width: int) -> None:
    wide = f"| {'column | ' * 12}\n|{'---|' * 12}\n| {'value | ' * 12}\n\n```\n{'x' * 300}\n```\n\n{'y' * 300}"
    async with serving(make_services(answerer=ScriptedAnswerer(*answer_of(wide)))) as live:
        colours: list[str] = []
        for dark in (False, True):
            await page.show(width=width, height=700, dark=dark)
            await page.open(f"http://127.0.0.1:{live.port}/")
            await page.evaluate("localStorage.clear()")
            await page.open(f"http://127.0.0.1:{live.port}/")
            await ask(page, "What moves?")
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            assert await page.evaluate("(talk => talk.scrollWidth - talk.clientWidth)(first('.talk'))") == 0
            box = await page.evaluate("(r => [r.top, r.bottom])(first('.ask').getBoundingClientRect())")
            assert 0 < box[0] < box[1] <= 700
            colours.append(await page.evaluate("getComputedStyle(first('.asked p')).backgroundColor"))
    assert colours[0] != colours[1]


async def test_everything_is_reached_with_the_tab_key(page: Page) -> None:
    async with serving(make_services()) as live:
        await page.open(f"http://127.0.0.1:{live.port}/")
        await ask(page, "What moves?")
        reached: list[str] = []
        for _ in range(16):
            await page.press("Tab")
            reached.append(await page.evaluate(f"(one => one.ariaLabel || one.textContent.trim())({DEEPEST})"))
    assert {"Ask", "New conversation", "API", "Copy answer", "Good answer", "Source 1: cccccccc › ssssssss"} <= set(reached)


ASKING = """(async () => {
  window.seen = '';
  const response = await fetch('%s/chat', {
    method: 'POST', credentials: 'include', body: JSON.stringify({ question: 'What moves?' }),
    headers: { 'Content-Type': 'application/json', 'X-Anonymous-Session-ID': 'a', 'Last-Event-ID': '0', 'X-API-Key': 'x' },
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part; !(part = await reader.read()).done;) window.seen += part.value;
  return response.headers.get('X-Request-ID');
})()"""


async def test_an_allowed_site_streams_an_answer_piece_by_piece_and_another_site_gets_none(page: Page) -> None:
    go, finder = asyncio.Event(), FakeFinder(make_chunk(), build=make_build())
    whole = whole_answer(IDS)
    async with serving(make_services()) as site, serving(make_services()) as foreign:
        settings = Settings(allowed_origins=(f"http://127.0.0.1:{site.port}",))
        answerer = ScriptedAnswerer(*whole[:3], go, *whole[3:])
        async with serving(make_services(settings=settings, finder=finder, answerer=answerer)) as live:
            asking = ASKING % f"http://127.0.0.1:{live.port}"
            await page.open(f"http://127.0.0.1:{foreign.port}/health/live")
            with pytest.raises(RuntimeError, match="Failed to fetch"):
                await page.evaluate(asking)
            assert finder.requests == []
            await page.open(f"http://127.0.0.1:{site.port}/health/live")
            answered = asyncio.create_task(page.evaluate(asking))
            await page.until("window.seen?.includes('Joints')")
            assert not answered.done()
            go.set()
            assert len(await answered) == 32
            frames = frames_of(await page.evaluate("window.seen"))
    assert [frame["type"] for frame in frames] == ["start", "sources", "chunk", "chunk", "done"]
    page.errors.clear()  # the browser says what the foreign site may not do


async def test_the_api_page_has_a_form_for_every_operation_and_every_field_has_a_name(page: Page) -> None:
    async with serving(make_services()) as live:
        await page.open(f"http://127.0.0.1:{live.port}/docs")
        await page.until("document.querySelectorAll('.operation').length")
        forms = await page.evaluate("[...document.querySelectorAll('.operation > form')].map(one => one.ariaLabel)")
        unnamed = await page.evaluate(
            "[...document.querySelectorAll('input, textarea')].filter(one => !one.labels.length).length"
        )
        shown = await page.evaluate("document.querySelector('[aria-label=\"GET /search\"]').parentElement.innerText")
        api = (await live.client.get("/openapi.json")).json()["paths"]
    assert sorted(forms) == sorted(f"{method.upper()} {path}" for path, methods in api.items() for method in methods)
    assert unnamed == 0
    assert "`" not in shown


SUBMIT = """(values => {
  const form = document.querySelector('[aria-label="%s"]');
  form.parentElement.open = true;
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
  form.requestSubmit();
})"""
RESULT = "document.querySelector('[aria-label=\"%s\"]').parentElement.querySelector('.result pre')?.textContent"


async def test_the_api_page_sends_what_is_filled_in_and_shows_the_answer(page: Page) -> None:
    settings = Settings.model_validate({"admin_api_key": ADMIN_KEY})
    finder, prefect = FakeFinder(make_chunk(), build=make_build()), PrefectStandIn()
    async with serving(make_services(settings=settings, finder=finder, prefect=prefect)) as live:
        await page.open(f"http://127.0.0.1:{live.port}/docs")
        await page.until("document.querySelectorAll('.operation').length")
        await page.evaluate(SUBMIT % "POST /chat" + "({question: 'What moves?', k: 3})")
        await page.until(RESULT % "POST /chat" + "?.includes('\"done\":true')")
        assert "Joints move [1]." in await page.evaluate("document.querySelector('.result .text').innerText")
        assert [(asked.question, asked.k) for asked in finder.requests] == [("What moves?", 3)]
        await page.evaluate(SUBMIT % "GET /search" + "({q: 'joints & links', path: 'arms'})")
        found = json.loads(await page.until(RESULT % "GET /search"))
        assert (found["query"], finder.wheres[-1]) == ("joints & links", Filter(folders=("arms",)))
        await page.evaluate("document.getElementById('key').value = 'let-me-in-as-the-author-of-this-book'")
        await page.evaluate(SUBMIT % "POST /ingest" + "({})")
        started = json.loads(await page.until(RESULT % "POST /ingest"))
        assert started["run_id"] == prefect.runs[0]["id"]
