"""One line on the page of another site, and its readers can ask: in a real Chromium."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.answering.events import AnswerIds, ChatEvent, Done, Sources, TextDelta
from shared.settings import Settings
from tests.support.chromium import FOUND, Page
from tests.support.fakes import FakeFinder, ScriptedAnswerer, make_build, make_chunk, make_services, make_source, whole_answer
from tests.support.live_server import serving
from tests.support.widget import DEEPEST, Line, ask, line_to, other_site, reading, said, until_answered

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(FOUND is None, reason="no Chromium is installed"),
    pytest.mark.xdist_group("browser"),
]

IDS = AnswerIds("s", "m", "r")
AXE = Path(__file__).parents[1] / "clients" / "node_modules" / "axe-core" / "axe.min.js"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "widget"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncGenerator[Page]:
    async with reading(tmp_path) as page:
        yield page


@asynccontextmanager
async def allowed(
    page: Page, attributes: str = "", *, origins: tuple[str, ...] | None = None, **given: Any
) -> AsyncGenerator[Line]:
    """The page of another site that has the widget, open in the tab; its server allows `origins`, None: the site's own."""
    async with other_site(attributes) as site:
        own = f"http://127.0.0.1:{site.port}"
        settings = Settings(allowed_origins=(own,) if origins is None else origins, environment="production")
        settings = settings.model_copy(update=given.pop("settings", {}))
        async with serving(make_services(settings=settings, **given)) as live, line_to(live.port) as line:
            site.server_port = line.port
            await page.open(f"{own}/docs/joints")
            await page.until("all('.launch').length")
            yield line


async def test_a_reader_opens_it_asks_and_reads_the_citation(page: Page) -> None:
    finder = FakeFinder(make_chunk(), build=make_build())
    async with allowed(page, finder=finder):
        await page.evaluate("first('.launch').click()")
        await ask(page, "What moves?")
        assert await said(page) == "Joints move 1."
        assert await page.evaluate("first('.sources a').href") == "https://example.github.io/book/docs/intro#joints"
        told = await page.evaluate("told.map(([name, detail]) => [name, detail?.question ?? null])")
    assert told == [["open", None], ["ask", "What moves?"], ["answer", "What moves?"]]
    assert finder.requests[0].page_url.endswith("/docs/joints")


async def test_escape_closes_it_and_gives_the_cursor_back(page: Page) -> None:
    async with allowed(page):
        await page.evaluate("first('.launch').focus()")
        await page.press("Enter")
        await page.until("all('textarea').length")
        await page.press("Escape")
        await page.until("all('.panel').length === 0")
        assert await page.evaluate("first('lectern-chat').shadowRoot.activeElement.className") == "launch"


async def test_the_tab_key_stays_inside_the_panel(page: Page) -> None:
    async with allowed(page):
        await page.evaluate("lectern.open()")
        await page.until(f"{DEEPEST}.tagName === 'TEXTAREA'")
        seen: list[str] = []
        for _ in range(8):
            await page.press("Tab")
            seen.append(await page.evaluate(f"{DEEPEST}.getRootNode().host?.tagName ?? 'outside'"))
    assert set(seen) <= {"LECTERN-VIEW", "LECTERN-CHAT"}


async def test_a_selected_text_is_asked_about(page: Page) -> None:
    finder = FakeFinder(make_chunk(), build=make_build())
    async with allowed(page, finder=finder):
        await page.evaluate("getSelection().selectAllChildren(document.querySelector('#told em'))")
        await page.until("first('.offer')?.textContent.includes('Ask about this')")
        await page.evaluate("first('.offer').click()")
        await page.until("all('.selection blockquote').length")
        await ask(page, "What is that?")
    asked = finder.requests[0]
    assert (asked.selected_text, asked.question) == ("joints", "What is that?")
    assert asked.surrounding_context == "A robot arm is a chain of joints and links."


async def test_code_is_explained(page: Page) -> None:
    finder = FakeFinder(make_chunk(), build=make_build())
    async with allowed(page, finder=finder):
        await page.evaluate(
            "document.querySelector('pre code').dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))"
        )
        await page.until("first('.offer')?.textContent.includes('Explain')")
        await page.evaluate("first('.offer').click()")
        await until_answered(page)
    assert (finder.requests[0].selected_text, finder.requests[0].surrounding_context) == ("arm.move(joint=1)", "The code:")


async def test_the_palette_searches_while_one_types_and_its_first_row_asks(page: Page) -> None:
    async with allowed(page):
        await page.call("Input.dispatchKeyEvent", type="keyDown", key="k", code="KeyK", modifiers=2, windowsVirtualKeyCode=75)
        await page.until("first('dialog')?.open")
        await page.write("joints")
        await page.until("all('[role=option]').length === 2")
        assert await page.evaluate("all('[role=option]').map(one => one.innerText.trim())") == ["Ask: joints", "Joints\nRobots"]
        assert await page.evaluate("first('[aria-selected=true]').id") == "row-0"
        await page.press("Enter")
        await until_answered(page)
        assert await page.evaluate("first('.asked p').textContent") == "joints"


async def test_a_broken_stream_is_taken_up_where_it_broke(page: Page) -> None:
    go, whole = asyncio.Event(), whole_answer(IDS, "Joints ", "move ", "[1].")
    answerer = ScriptedAnswerer(*whole[:3], go, *whole[3:])
    async with allowed(page, answerer=answerer) as line:
        await page.evaluate("lectern.open()")
        asking = asyncio.create_task(ask(page, "What moves?"))
        await page.until("last('.text')?.textContent.trim() === 'Joints'")
        line.cut()
        await page.until("last('.note')?.className.includes('reconnecting')")
        go.set()
        await asking
        assert await said(page) == "Joints move 1."
    page.errors.clear()  # the browser notes the broken connection


async def test_too_many_questions_are_answered_with_the_servers_own_sentence(page: Page) -> None:
    async with allowed(page, settings={"requests_per_minute": 1}):
        await page.evaluate("lectern.open()")
        await ask(page, "What moves?")
        await ask(page, "And why?", answers=2)
        assert "moment" in await page.evaluate("first('.failed').textContent")
    page.errors.clear()


async def test_an_answer_is_rated_with_a_reason_and_can_be_asked_again(page: Page) -> None:
    finder = FakeFinder(make_chunk(), build=make_build())
    async with allowed(page, finder=finder):
        await page.evaluate("lectern.open()")
        await ask(page, "What moves?")
        await page.evaluate("first('.down').click()")
        await page.until("all('.reason input').length")
        await page.evaluate("first('.reason input').focus()")
        await page.write("Not what I asked.")
        await page.press("Enter")
        await page.until("all('.actions [role=status]').length")
        await page.evaluate("first('.retry').click()")
        await page.until("all('.actions').length === 0 || all('.chosen').length === 0")
        await until_answered(page)
    assert [asked.question for asked in finder.requests] == ["What moves?"] * 2
    page.errors.clear()  # nothing is remembered here, so a rating is refused


async def test_a_question_is_edited_and_what_came_after_it_is_gone(page: Page) -> None:
    finder = FakeFinder(make_chunk(), build=make_build())
    async with allowed(page, finder=finder):
        await page.evaluate("lectern.open()")
        await ask(page, "What moves?")
        await page.evaluate("first('.edit').click()")
        await page.until("first('textarea').value === 'What moves?'")
        await page.write(" And why?")
        await page.press("Enter")
        await until_answered(page)
    assert [(asked.question, len(asked.history)) for asked in finder.requests] == [
        ("What moves?", 0),
        ("What moves? And why?", 0),
    ]


@pytest.mark.parametrize(
    ("change", "dark"),
    [
        ("document.documentElement.dataset.theme = 'dark'", True),
        ("document.body.dataset.mdColorScheme = 'slate', delete document.documentElement.dataset.theme", True),
        ("document.documentElement.className = 'ayu', delete document.documentElement.dataset.theme", True),
        ("document.documentElement.dataset.theme = 'light'", False),
    ],
)
async def test_it_follows_the_sites_theme(page: Page, change: str, dark: bool) -> None:
    async with allowed(page):
        await page.evaluate("lectern.open()")
        await page.evaluate(change)
        await page.until(f"first('lectern-chat').dataset.scheme === '{'dark' if dark else 'light'}'")
        ground = await page.evaluate("getComputedStyle(first('.panel')).backgroundColor")
    assert ground == ("rgb(23, 26, 31)" if dark else "rgb(255, 255, 255)")


async def test_the_sites_accent_is_taken_and_stays_readable(page: Page) -> None:
    async with allowed(page):
        await page.evaluate("document.documentElement.style.setProperty('--ifm-color-primary', '#ffe000')")
        await page.until("getComputedStyle(first('.launch')).backgroundColor !== 'rgb(49, 92, 140)'")
        red, green, blue = await page.evaluate("getComputedStyle(first('.launch')).backgroundColor.match(/\\d+/g).map(Number)")
    assert red > green > blue  # still that yellow
    assert red < 200  # dark enough on white paper


async def test_urdu_reads_from_right_to_left(page: Page) -> None:
    async with allowed(page, 'data-lang="ur"'):
        assert await page.evaluate("first('lectern-chat').dir") == "rtl"
        assert await page.evaluate("first('.launch').textContent.trim()") == "پوچھیں"


async def test_on_a_phone_it_fills_the_screen(page: Page) -> None:
    await page.show(width=390, height=700)
    async with allowed(page):
        await page.evaluate("lectern.open()")
        await page.until("all('.panel').length")
        await page.evaluate("Promise.all(first('.panel').getAnimations().map(one => one.finished))")
        box = await page.evaluate("(r => [r.left, r.top, r.width, r.height])(first('.panel').getBoundingClientRect())")
    assert box == [0, 0, 390, 700]


async def test_a_site_that_swaps_its_body_keeps_it_and_the_conversation(page: Page) -> None:
    async with allowed(page):
        await page.evaluate("lectern.open()")
        await ask(page, "What moves?")
        await page.evaluate(
            "document.body.replaceChildren(Object.assign(document.createElement('main'), { textContent: 'Another page' }))"
        )
        await page.until("document.querySelectorAll('lectern-chat').length === 1")
        assert await said(page) == "Joints move 1."


async def test_a_book_that_does_not_say_is_told_to_its_author(page: Page) -> None:
    start, *_, done = whole_answer(IDS)
    assert isinstance(done, Done)
    nothing = done.model_copy(update={"abstained": True, "cited": (), "sources": (), "suggestions": ("Joints",)})
    answer: list[ChatEvent] = [start, Sources(sources=()), TextDelta("The book does not say."), nothing]
    issues = "https://github.com/owner/book/issues/new"
    async with allowed(page, answerer=ScriptedAnswerer(*answer), settings={"issues_url": issues}):
        await page.evaluate("lectern.open()")
        await page.until("first('lectern-chat').book")
        await ask(page, "How tall is it?")
        assert (await page.evaluate("first('.missing').href")).startswith(f"{issues}?title=How+tall+is+it%3F&")
        assert await page.evaluate("all('.offers').length") == 0


MARKUP: tuple[str, ...] = tuple(json.loads((FIXTURES / "active_markup.json").read_text(encoding="utf-8")))
"""What would run, load or lead astray if any of it became markup."""
ACTIVE = """all('.text, .sources, .asked p').flatMap(one => [...one.querySelectorAll('*')]).filter(one =>
  /^(script|img|svg|iframe|style|link|form|base|object|embed|meta|video|math|template|noscript|xss)$/i.test(one.tagName)
  || [...one.attributes].some(({ name, value }) => name.startsWith('on') || /^(javascript|data|vbscript):/i.test(value))
).map(one => one.outerHTML)"""


async def test_nothing_in_a_question_an_answer_or_a_source_becomes_markup(page: Page) -> None:
    sources = tuple(
        make_source(n).model_copy(update={"section": text, "chapter": text}) for n, text in enumerate(MARKUP[:5], 1)
    )
    start, *_, done = whole_answer(IDS)
    assert isinstance(done, Done)
    cited = done.model_copy(update={"sources": sources, "cited": (1, 2, 3, 4, 5), "suggestions": MARKUP[:3]})
    text = "\n\n".join(MARKUP) + " [1] [2] [3] [4] [5]"
    events = [start, Sources(sources=sources), *(TextDelta(text[n : n + 7]) for n in range(0, len(text), 7)), cited]
    async with allowed(page, answerer=ScriptedAnswerer(*events)):
        await page.evaluate("lectern.open()")
        await ask(page, MARKUP[1])
        assert await page.evaluate(ACTIVE) == []
        assert await page.evaluate("window.hacked ?? null") is None
        shown = await said(page)
        assert shown.count("<img src=x onerror=window.hacked=1>") >= 10
        assert "<script>window.hacked=1</script>" in shown


async def test_an_answer_that_grows_looks_in_the_end_as_if_it_had_come_whole(page: Page) -> None:
    text = (Path(__file__).parents[2] / "docs" / "asking.md").read_text(encoding="utf-8")[:6000]
    start, *_, done = whole_answer(IDS)
    pieces = [TextDelta(text[n : n + 5]) for n in range(0, len(text), 5)]
    async with allowed(page, answerer=ScriptedAnswerer(start, Sources(sources=()), *pieces, done)):
        await page.evaluate("lectern.open()")
        await ask(page, "What moves?")
        grown = await page.evaluate("last('.text').innerHTML")
        await page.evaluate(f"window.whole = document.createElement('div'); whole.append(...lectern.markdown({text!r}))")
        assert grown == await page.evaluate("whole.innerHTML")


@pytest.mark.skipif(not AXE.is_file(), reason="npm ci --prefix tests/clients")
@pytest.mark.parametrize("dark", [False, True])
async def test_axe_finds_no_serious_fault(page: Page, dark: bool) -> None:
    text = "A [link](https://a.example).\n\n```python\nx = 1  # comment\n```\n\n| a | b |\n|---|---|\n| 1 | 2 | \n\nJoints [1]."
    start, sources, *_, done = whole_answer(IDS)
    answer: list[ChatEvent] = [start, sources, TextDelta(text), done.model_copy(update={"suggestions": ("Why?",)})]
    await page.show(width=1000, height=800, dark=dark)
    async with allowed(page, answerer=ScriptedAnswerer(*answer)):
        await page.evaluate("delete document.documentElement.dataset.theme, document.documentElement.lang = 'en'")
        await page.evaluate("lectern.open()")
        await ask(page, "What moves?")
        await page.evaluate("first('.down').click()")
        await page.evaluate("Promise.all(first('.panel').getAnimations().map(one => one.finished))")
        await page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await page.evaluate("axe.run('lectern-chat').then(({ violations }) => violations)")
    grave = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in grave] == []
    page.errors.clear()  # nothing is remembered here, so a rating is refused


async def test_another_site_is_refused_and_its_reader_is_told(page: Page) -> None:
    async with allowed(page, origins=()):
        await page.evaluate("lectern.open()")
        await ask(page, "What moves?")
        assert "cannot be reached" in await page.evaluate("first('.failed').textContent")
    page.errors.clear()  # the browser says what the site may not do
