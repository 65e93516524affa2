"""The pages in the index: listed, and edited one at a time by a run in Prefect, as an ingest is."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from quart import Blueprint, Response, request

from server.http.bodies import TEXT_KINDS, json_response, read_body, read_body_as, read_number
from server.http.openapi import documents
from server.http.policy import limited, scope_needed
from server.prefect_api import FlowRun
from server.routes.ingest import start_run, status_address
from server.schemas.content import (
    MOST_PAGES,
    MOST_WAIT_S,
    PAGES,
    WAIT_S,
    EditParameters,
    EmbedBody,
    IndexedHeading,
    IndexedPage,
    IndexedPages,
    ListParameters,
    PageBody,
    PageEdited,
)
from server.services import Services
from shared.errors import RequestError
from shared.index.port import Snapshot
from shared.ingest_runs import MAX_PAGE_BYTES, PageEdit

LOOK_EVERY_S = 0.5


def blueprint(services: Services) -> Blueprint:
    """The routes of the book's pages."""
    content = Blueprint("content", __name__)

    @content.get("/content")
    @limited("lookup")
    @scope_needed("content")
    @documents("content", answer=IndexedPages, query=ListParameters)
    async def listed() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Pages of the live build, by path."""
        limit, after = read_number(request.args, "limit", PAGES, least=1, most=MOST_PAGES), request.args.get("after", "")
        async with services.index.snapshot() as snapshot:
            paths = await snapshot.documents()
            wanted = [path for path in paths if path > after][: limit + 1]
            found = [await _document(snapshot, path) for path in wanted[:limit]]
        more = len(wanted) > limit
        answer = IndexedPages(documents=found, total=len(paths), next=wanted[limit - 1] if more else None)
        return json_response(answer, Cache_Control="no-store")

    _add_edits(content, services)
    return content


def _add_edits(content: Blueprint, services: Services) -> None:
    """What changes a page."""

    @content.put("/content/<path:page>")
    @limited("lookup")
    @scope_needed("content")
    @documents("content", body=PageBody, answer=PageEdited, query=EditParameters)
    async def write(page: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Put a page's Markdown into the index, in the place of what stands there under that path.

        The Markdown is the body (`text/markdown`), or `markdown` of a JSON one. 202 where it is not live yet.
        """
        if request.mimetype in TEXT_KINDS:
            markdown = _decoded(await read_body(request, kinds=TEXT_KINDS))
        else:
            markdown = (await read_body_as(PageBody, request)).markdown
        return await _edit(services, _page_edit(action="write", path=page, markdown=markdown))

    @content.delete("/content/<path:page>")
    @limited("lookup")
    @scope_needed("content")
    @documents("content", answer=PageEdited, query=EditParameters)
    async def remove(page: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Take a page out of the index."""
        edit = _page_edit(action="remove", path=page)
        async with services.index.snapshot() as snapshot:
            if page not in await snapshot.documents():
                raise RequestError("page_not_found", "There is no such page in the index.", status=404)
        return await _edit(services, edit)

    @content.post("/embed")
    @limited("lookup")
    @scope_needed("content")
    @documents("content", body=EmbedBody, answer=PageEdited, query=EditParameters)
    async def embed() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Put a text into the index, or read one file of the book again."""
        body = await read_body_as(EmbedBody, request)
        if body.markdown is None and body.path is None:
            raise RequestError("invalid_field", "Send 'markdown', or the 'path' of a file of the book.")
        if body.markdown is None:
            return await _edit(services, _page_edit(action="read", path=body.path))
        path = body.path or f"embedded-{sha256(body.markdown.encode()).hexdigest()[:12]}.md"
        return await _edit(services, _page_edit(action="write", path=path, markdown=body.markdown))


def _page_edit(**fields: Any) -> PageEdit:
    markdown = fields.get("markdown")
    if markdown is not None and not markdown.strip():
        raise RequestError("invalid_field", "'markdown' must hold text.")
    if markdown is not None and len(markdown.encode("utf-8", "replace")) > MAX_PAGE_BYTES:
        raise RequestError("too_large", f"A page may have {MAX_PAGE_BYTES} bytes.", status=413)
    try:
        return PageEdit(**fields)
    except ValidationError as exc:
        name = next(iter(exc.errors()[0]["loc"]), "markdown")
        message = "must be a path inside the book, such as part/page.md." if name == "path" else "must be Markdown without NUL."
        raise RequestError("invalid_field", f"{name!r} {message}") from exc


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise RequestError("invalid_field", "The Markdown is not valid UTF-8.") from exc


async def _edit(services: Services, edit: PageEdit) -> Response:
    """Start the run and wait for it, as long as the caller wants to."""
    wait_s = read_number(request.args, "wait", WAIT_S, least=0, most=MOST_WAIT_S)
    run = await start_run(services, edit=edit)
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    while run.is_active and loop.time() < until and not services.drain.is_draining:
        await asyncio.sleep(LOOK_EVERY_S)
        run = await services.prefect.run(run.id) or run
    told = PageEdited(path=edit.path, run_id=run.id, status_url=status_address(services, run), state=run.state)
    if run.is_active:
        return json_response(told, HTTPStatus.ACCEPTED, Location=told.status_url)
    if run.state != "completed":
        raise _not_done(run)
    if (report := (await services.prefect.findings(run.id)).report) is not None:
        done = report.model_dump(include={"build_id", "new_build", "kept_by_next_ingest"})
        told = told.model_copy(update=done)
    async with services.index.snapshot() as snapshot:
        if edit.path in await snapshot.documents():
            told = told.model_copy(update={"document": await _document(snapshot, edit.path)})
    return json_response(told)


def _not_done(run: FlowRun) -> RequestError:
    if run.state == "cancelled":
        return RequestError(
            "ingest_running", "Another ingest was running; the page is as it was.", status=409, retry_after_s=10
        )
    message = f"The page was not taken, and what is live is as it was: /ingest/{run.id} says why."
    return RequestError("page_not_taken", message, status=422)


async def _document(snapshot: Snapshot, path: str) -> IndexedPage:
    chunks = await snapshot.page(path)
    sections = [section for chunk in chunks for section in chunk.sections if section.heading_path]
    headings = {(section.heading_path, section.url): None for section in sections}
    return IndexedPage(
        path=path,
        title=chunks[0].title,
        url=chunks[0].url.partition("#")[0],
        chunks=len(chunks),
        headings=[IndexedHeading(heading_path=list(heading_path), url=url) for heading_path, url in headings],
        indexed_at=snapshot.build.created_at,
    )
