"""Conversations that are kept: for their reader, who knows the id, and for the author, who has the key."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from quart import Blueprint, Response, request

from server.conversations.exchanges import Rating, StoredExchange
from server.conversations.ownership import is_key
from server.http.bodies import json_response, read_body_as, read_number
from server.http.openapi import documents
from server.http.policy import limited, scope_needed
from server.schemas.conversations import (
    MAX_PAGE,
    PAGE,
    Conversation,
    ConversationMessage,
    FeedbackBody,
    FeedbackStored,
    Forgotten,
    PageParameters,
)
from server.services import Services
from shared.errors import RequestError

if TYPE_CHECKING:
    from server.conversations.store import ConversationStore

JSON_LINES = "application/x-ndjson"
_LINES = {JSON_LINES: "One JSON object a line, oldest first."}
LAST_CURSOR = 10**18 - 1


def blueprint(services: Services) -> Blueprint:
    """The routes of what is remembered."""
    routes = Blueprint("conversations", __name__)

    @routes.get("/chat/history/<conversation_id>")
    @limited("lookup")
    @documents("conversations", answer=Conversation, query=PageParameters)
    async def history(conversation_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """A page of a conversation, oldest first."""
        limit = read_number(request.args, "limit", PAGE, least=1, most=MAX_PAGE)
        after = read_number(request.args, "after", 0, most=LAST_CURSOR)
        page = await _read(services, conversation_id, after=after, count=limit + 1)
        more = len(page) > limit
        return json_response(
            Conversation(
                conversation_id=conversation_id,
                messages=[_message(each) for each in page[:limit]],
                next=page[limit - 1].n if more else None,
            ),
            Cache_Control="no-store",
        )

    @routes.get("/chat/history/<conversation_id>/export")
    @limited("lookup")
    @documents("conversations", text=_LINES)
    async def export(conversation_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The whole conversation, a message a line."""
        first = await _read(services, conversation_id, after=0, count=MAX_PAGE)

        async def lines() -> AsyncGenerator[bytes]:
            page = first
            while page:
                for each in page:
                    yield _line(each)
                page = await _page(services, conversation_id, after=page[-1].n, count=MAX_PAGE)

        return _download(lines(), "conversation")

    @routes.delete("/chat/<conversation_id>")
    @limited("lookup")
    @documents("conversations", answer=Forgotten)
    async def forget(conversation_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Delete a conversation with all its messages and what was thought of them."""
        store = await _known(services, conversation_id)
        if not await store.forget(conversation_id):
            raise _not_found()
        services.followed.forget(conversation_id)
        return json_response(Forgotten(conversation_id=conversation_id))

    _add_feedback(routes, services)
    return routes


def _add_feedback(routes: Blueprint, services: Services) -> None:
    """Ratings, and what the author may take out."""

    @routes.post("/feedback")
    @limited("lookup")
    @documents("conversations", body=FeedbackBody, answer=FeedbackStored)
    async def feedback() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Say what you think of an answer; the last word counts."""
        body = await read_body_as(FeedbackBody, request)
        rating = Rating(message_id=body.message_id, rating=body.rating, reason=body.reason or "", created_at=datetime.now(UTC))
        _refuse_when_off(services)
        if not await (await services.conversations.open_store()).rate(rating):
            raise RequestError("message_not_found", "There is no answer of that id.", status=404)
        services.metrics.feedback.labels(rating.rating).inc()
        return json_response(FeedbackStored(message_id=rating.message_id, rating=rating.rating))

    @routes.get("/feedback")
    @limited("lookup")
    @scope_needed("history")
    @documents("conversations", text=_LINES)
    async def export_feedback() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Every answer that was rated, with its question and the rating."""
        return await _everything(services, rated=True)

    @routes.get("/chat/history")
    @limited("lookup")
    @scope_needed("history")
    @documents("conversations", text=_LINES)
    async def export_all() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Every message of every conversation."""
        return await _everything(services, rated=False)


async def _everything(services: Services, *, rated: bool) -> Response:
    _refuse_when_off(services)
    store = await services.conversations.open_store()

    async def lines() -> AsyncGenerator[bytes]:
        async with aclosing(store.everything(rated=rated)) as found:
            async for each in found:
                yield _line(each)

    return _download(lines(), "feedback" if rated else "conversations")


def _download(lines: AsyncGenerator[bytes], name: str) -> Response:
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}.jsonl"'}
    return Response(lines, 200, headers, content_type=JSON_LINES)


async def _read(services: Services, conversation_id: str, *, after: int, count: int) -> list[StoredExchange]:
    await _known(services, conversation_id)
    page = await _page(services, conversation_id, after=after, count=count)
    if not page and not after:
        raise _not_found()
    return page


async def _page(services: Services, conversation_id: str, *, after: int, count: int) -> list[StoredExchange]:
    return await (await services.conversations.open_store()).page(conversation_id, after=after, count=count)


async def _known(services: Services, conversation_id: str) -> ConversationStore:
    """The store; raises `RequestError` where nothing is remembered or the id is no key."""
    _refuse_when_off(services)
    if not is_key(conversation_id):
        raise _not_found()
    return await services.conversations.open_store()


def _refuse_when_off(services: Services) -> None:
    if services.conversations.address is None:
        raise RequestError("history_off", "This service remembers no conversations.", status=404)


def _not_found() -> RequestError:
    return RequestError("conversation_not_found", "There is no such conversation.", status=404)


def _message(stored: StoredExchange) -> ConversationMessage:
    return ConversationMessage(
        **stored.exchange.model_dump(exclude={"conversation_id", "user_id"}), rating=stored.rating, reason=stored.reason
    )


def _line(stored: StoredExchange) -> bytes:
    values = stored.exchange.model_dump(mode="json") | {"rating": stored.rating, "reason": stored.reason}
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
