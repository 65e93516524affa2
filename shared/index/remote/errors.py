"""What qdrant-client raises, as `ServiceError`s. It has no retries of its own and six families of exceptions:

UnexpectedResponse          any status but 200, 201, 202; a 429 without Retry-After too
ResourceExhaustedResponse   429 with Retry-After; not an ApiException
ResponseHandlingException   whatever httpx raised, in `source`; its own message is empty
ValueError                  200 with HTML (JSONDecodeError); in memory also a collection that does not exist
AssertionError              200 with JSON that is not Qdrant's
RecursionError              200 with JSON nested without end
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from shared.errors import ServiceError
from shared.retry import Patience, retry

T = TypeVar("T")

_GRACE_S = 1.0
"""httpx counts its timeout anew with every byte; this much later the whole call is given up."""
_QUOTED_CHARS = 200
"""Of Qdrant's own message."""


async def call_qdrant(call: Callable[[], Awaitable[T]], *, address: str, timeout_s: float, patience: Patience) -> T:
    """What `call` gives within `timeout_s`, retried as `patience` says. Raises `ServiceError`."""

    async def once() -> T:
        try:
            async with asyncio.timeout(timeout_s + _GRACE_S):
                return await call()
        except TimeoutError as exc:
            raise _failed(f"Qdrant at {address} did not answer within {timeout_s:g} s.", "timeout", transient=True) from exc
        except UnexpectedResponse as exc:
            raise _translate_status(exc, address) from exc
        except QdrantException as exc:
            wait_s = float(exc.retry_after_s) if isinstance(exc, ResourceExhaustedResponse) else None
            raise _failed(f"Qdrant at {address} asks to slow down.", "429", transient=True, retry_after_s=wait_s) from exc
        except ResponseHandlingException as exc:
            raise _translate_source(exc.source, address, timeout_s) from exc
        except (ValueError, AssertionError, RecursionError) as exc:
            raise _not_qdrant(address) from exc

    return await retry(once, patience)


def _translate_status(exc: UnexpectedResponse, address: str) -> ServiceError:
    status = exc.status_code or 0
    code = str(status)
    if status in (401, 403):
        return _failed(f"Qdrant at {address} refused QDRANT_API_KEY ({status}).", code, transient=False)
    if status in (408, 429) or status >= 500:
        return _failed(f"Qdrant at {address} is failing or overloaded ({status}).", code, transient=True)
    return _failed(f"Qdrant at {address} refused a request ({status}): {_message(exc.content)}", code, transient=False)


def _translate_source(source: Exception, address: str, timeout_s: float) -> ServiceError:
    if isinstance(source, httpx.TimeoutException):
        return _failed(f"Qdrant at {address} did not answer within {timeout_s:g} s.", "timeout", transient=True)
    if isinstance(source, httpx.HTTPError):
        return _failed(f"Cannot reach Qdrant at {address} ({type(source).__name__}).", "connection", transient=True)
    return _not_qdrant(address)


def _not_qdrant(address: str) -> ServiceError:
    message = f"{address} answered with something Qdrant does not say; is QDRANT_URL the address of a Qdrant server?"
    return _failed(message, "bad_response", transient=False)


def _failed(message: str, code: str, *, transient: bool, retry_after_s: float | None = None) -> ServiceError:
    return ServiceError("qdrant", message, transient=transient, retry_after_s=retry_after_s, code=code)


def _message(body: bytes) -> str:
    """Qdrant's own sentence, `{"status": {"error": ...}}`."""
    try:
        return str(json.loads(body)["status"]["error"])[:_QUOTED_CHARS]
    except (ValueError, KeyError, TypeError):
        return "no reason given"
