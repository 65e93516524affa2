"""Requests that are made at the same moment, sent as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

_Asked = TypeVar("_Asked")
_Found = TypeVar("_Found")


class Together(Generic[_Asked, _Found]):
    """Sends what is asked for until the loop comes round as one request: what `asyncio.gather` starts is one, also one level
    down, where what it starts gathers in turn.

    Whoever stops waiting leaves the request to the others.
    """

    def __init__(self, send: Callable[[Sequence[_Asked]], Awaitable[Sequence[_Found]]]) -> None:
        """`send`: one result for each that is asked for, same order; what it raises, everyone who waits for it gets."""
        self._send = send
        self._waiting: list[tuple[_Asked, asyncio.Future[_Found]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def ask(self, one: _Asked) -> _Found:
        """What is found for one, asked for with the others of this moment."""
        if not self._waiting:
            task = asyncio.create_task(self._send_all())
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        answer: asyncio.Future[_Found] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, answer))
        return await answer

    async def _send_all(self) -> None:
        await asyncio.sleep(0)
        sent, self._waiting = self._waiting, []
        try:
            found = await self._send([one for one, _ in sent])
            answered = list(zip(sent, found, strict=True))
        except Exception as exc:  # noqa: BLE001  whoever waits is told, whatever it is
            for _, answer in sent:
                if not answer.done():
                    answer.set_exception(exc)
        else:
            for (_, answer), one in answered:
                if not answer.done():
                    answer.set_result(one)
