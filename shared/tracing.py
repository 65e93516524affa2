"""Traces by OpenTelemetry, sent over OTLP; off, and nothing of it loaded, unless OTEL_EXPORTER_OTLP_ENDPOINT is set.

The same pieces of work can be timed in this process, without OpenTelemetry: see `time_steps`.

Names are those of the semantic conventions for HTTP, databases and generative AI. A span holds sizes, names and times; never
what was asked, found or answered. Where tracing is off and nobody times, a span is one object that does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from shared.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

Value = str | int | float | bool | Sequence[str]
Kind = Literal["internal", "client", "server"]
SCOPE = "lectern"
"""The name of what makes the spans."""

_tracers: list[Tracer] = []
"""The one spans are made by; none while tracing is off."""


class TraceSpan:
    """A piece of work; ends with the `with` it is opened by. This one is of no trace: tracing is off."""

    def __enter__(self) -> TraceSpan:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        return

    def entered(self) -> AbstractContextManager[object]:
        """What is begun meanwhile is a piece of this."""
        return nullcontext()

    def set(self, name: str, value: Value) -> None:
        """Say something of the work."""

    def rename(self, name: str) -> None:
        """Call it something else: what was to be done is known now."""

    def child(self, name: str, attributes: Mapping[str, Value] | None = None) -> TraceSpan:
        """A piece of this work."""
        del name, attributes
        return self

    def headers(self) -> dict[str, str]:
        """What tells the service that is asked whose trace its work is of (`traceparent`, W3C)."""
        return {}


_OFF = TraceSpan()


class TimedStep(NamedTuple):
    """A span that has ended."""

    name: str
    began: float
    """Monotonic seconds."""
    ended: float


_timed: ContextVar[list[TimedStep] | None] = ContextVar("timed", default=None)


def time_steps() -> list[TimedStep]:
    """The spans that end from now on in this context, and in those begun in it, by when they ended; it grows as they do."""
    steps: list[TimedStep] = []
    _timed.set(steps)
    return steps


class _TimedSpan(TraceSpan):
    """Another span, whose end is noted too."""

    def __init__(self, span: TraceSpan, name: str, steps: list[TimedStep]) -> None:
        self._span = span
        self._name = name
        self._steps = steps
        self._began = monotonic()

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self._steps.append(TimedStep(self._name, self._began, monotonic()))
        self._span.__exit__(kind, exc, trace)

    def entered(self) -> AbstractContextManager[object]:
        return self._span.entered()

    def set(self, name: str, value: Value) -> None:
        self._span.set(name, value)

    def rename(self, name: str) -> None:
        self._name = name
        self._span.rename(name)

    def child(self, name: str, attributes: Mapping[str, Value] | None = None) -> TraceSpan:
        return _TimedSpan(self._span.child(name, attributes), name, self._steps)

    def headers(self) -> dict[str, str]:
        return self._span.headers()


class _RecordedSpan(TraceSpan):
    def __init__(self, tracer: Tracer, span: Any) -> None:
        self._tracer = tracer
        self._span = span

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(exc, Exception):
            _mark_failed(self._span, exc)
        self._span.end()

    def entered(self) -> AbstractContextManager[object]:
        from opentelemetry.trace import use_span

        return use_span(self._span, record_exception=False, set_status_on_exception=False)

    def set(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def child(self, name: str, attributes: Mapping[str, Value] | None = None) -> TraceSpan:
        from opentelemetry.trace import set_span_in_context

        return _RecordedSpan(
            self._tracer, self._tracer.start_span(name, set_span_in_context(self._span), attributes=attributes)
        )

    def headers(self) -> dict[str, str]:
        from opentelemetry.trace import set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, set_span_in_context(self._span))
        return carrier


def begin(settings: Settings, service: str) -> Callable[[], None]:
    """Trace from now on, as the settings say; what it gives sends the rest and ends it, and blocks meanwhile.

    `service`: what the traces call this process. The SDK's own variables (`OTEL_TRACES_SAMPLER` and others) count as well.
    """
    if settings.otel_exporter_otlp_endpoint is None or _tracers:
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    given = settings.otel_exporter_otlp_headers
    exporter = OTLPSpanExporter(
        settings.otel_exporter_otlp_endpoint.rstrip("/") + "/v1/traces",
        headers=dict(pair.split("=", 1) for pair in given.get_secret_value().split(",")) if given else None,
    )
    provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracers.append(provider.get_tracer(SCOPE))

    def end() -> None:
        _tracers.clear()
        provider.shutdown()

    return end


def is_on() -> bool:
    """Whether spans are recorded."""
    return bool(_tracers)


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, Value] | None = None,
    *,
    kind: Kind = "internal",
    continued: Mapping[str, str] | None = None,
) -> Generator[TraceSpan]:
    """A piece of work; those begun within it are pieces of it. Not around a `yield`: see `start_span`.

    `continued`: headers of a request; what they say is its trace goes on.
    """
    with start_span(name, attributes, kind=kind, continued=continued) as begun, begun.entered():
        yield begun


def start_span(
    name: str,
    attributes: Mapping[str, Value] | None = None,
    *,
    kind: Kind = "internal",
    continued: Mapping[str, str] | None = None,
) -> TraceSpan:
    """The same for a generator, whose work goes on between other work: those begun meanwhile are no pieces of it."""
    begun = _start_recorded(name, attributes, kind, continued) if _tracers else _OFF
    steps = _timed.get()
    return begun if steps is None else _TimedSpan(begun, name, steps)


def _start_recorded(
    name: str, attributes: Mapping[str, Value] | None, kind: Kind, continued: Mapping[str, str] | None
) -> _RecordedSpan:
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    tracer = _tracers[0]
    context = TraceContextTextMapPropagator().extract(continued) if continued is not None else None
    return _RecordedSpan(tracer, tracer.start_span(name, context, SpanKind[kind.upper()], attributes))


def current() -> TraceSpan:
    """The span this code is within."""
    if not _tracers:
        return _OFF
    from opentelemetry.trace import get_current_span

    return _RecordedSpan(_tracers[0], get_current_span())


def trace_id() -> str | None:
    """What the trace is called that this code is within; None: within none."""
    if not _tracers:
        return None
    from opentelemetry.trace import format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None


def _mark_failed(span: Any, exc: Exception) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", str(getattr(exc, "code", "") or type(exc).__name__))
    span.set_status(Status(StatusCode.ERROR))
