"""A collector of OpenTelemetry that keeps what it is sent by OTLP over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.loopback_http import Exchange, LoopbackServer, Received


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """A span as it arrived."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    attributes: dict[str, Any]
    began: int
    ended: int
    """Nanoseconds since 1970."""
    has_failed: bool
    service: str


class OtlpCollector:
    """Answers `POST /v1/traces`."""

    def __init__(self) -> None:
        self.spans: list[CollectedSpan] = []
        self.raw = b""
        """Every body, one after the other."""
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self._server = LoopbackServer(self._serve)

    @property
    def address(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.port}"

    def named(self, name: str) -> CollectedSpan:
        """The only span of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def parent_of(self, span: CollectedSpan) -> str:
        """The name of the span it is a piece of; '' where that is not ours."""
        return next((one.name for one in self.spans if one.span_id == span.parent_id), "")

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[OtlpCollector]:
        collector = cls()
        await collector._server.start()
        try:
            yield collector
        finally:
            await collector._server.stop()

    async def _serve(self, request: Received, exchange: Exchange) -> None:
        assert (request.method, request.path) == ("POST", "/v1/traces")
        self.raw += request.body
        self.headers.append(dict(request.headers))
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            service = {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"]
            for scope in resource.scope_spans:
                self.spans += [_read(span, service) for span in scope.spans]
        await exchange.reply(self.status, b"")


def _read(span: Any, service: str) -> CollectedSpan:
    return CollectedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        kind=span.kind,
        attributes={one.key: _value(one.value) for one in span.attributes},
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        has_failed=span.status.code == span.status.STATUS_CODE_ERROR,
        service=service,
    )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)
