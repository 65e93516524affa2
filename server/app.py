"""The web application: services, routes, error handlers, lifespan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import structlog
from quart import Quart, Request, Response, g, request
from quart_cors import cors  # pyright: ignore[reportUnknownVariableType]  Pattern without its parameter
from quart_schema import APIKeySecurityScheme, HttpSecurityScheme, Info, QuartSchema

from server.agents import mcp_route, text_routes
from server.books import routes as books
from server.books.switch import BookSwitch
from server.http.aliases import add_aliases, path_as_written
from server.http.auth import limited_client, refuse_foreign_origin
from server.http.bodies import settle_body
from server.http.openapi import DescribedByPath
from server.http.policy import Policy, policy_of
from server.http.problem_responses import install
from server.insights import explanation_routes as why
from server.insights import routes as insights
from server.models.budget import EVERYONE, spender
from server.routes import book_pages as book
from server.routes import chat, content, conversations, health, ingest, metrics, openai_api, search, stop, ui_chat, widget
from server.services import Services, open_services
from server.status.request_traces import TracedRequests
from server.version import VERSION
from shared import tracing
from shared.errors import ConfigurationError
from shared.settings import Settings

MAX_BODY_BYTES = 64 * 1024
MAX_PAGE_BODY_BYTES = 1024 * 1024
"""Where pages are sent: `MAX_PAGE_BYTES` of Markdown, each byte of which JSON may write as up to six."""
_TAKES_PAGES = re.compile(r"/(?:content/.+|embed/?)$")
BODY_TIMEOUT_S = 10
EXPOSED_HEADERS = ["x-request-id", "retry-after", "cache-status"]
PREFLIGHT_MAX_AGE_S = 600
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class PagedRequest(Request):
    """A request whose body has the limit of its route: a page of the book is larger than a question."""

    def __init__(self, method: str, scheme: str, path: str, *others: Any, max_content_length: int | None, **named: Any) -> None:
        """As Quart calls it."""
        limit = MAX_PAGE_BODY_BYTES if _TAKES_PAGES.search(path) else max_content_length
        super().__init__(method, scheme, path, *others, max_content_length=limit, **named)


def create_app(settings: Settings, services: Services | None = None) -> Quart:
    """The application. Services it has to open itself it closes itself; those given to it are the giver's to close.

    Raises `ConfigurationError` and `ServiceError` when they cannot be opened.
    """
    app = Quart(__name__, static_folder=None)
    app.request_class = PagedRequest
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S
    app.config["PROPAGATE_EXCEPTIONS"] = False
    ours = services or open_services(settings)
    _add_books(app, ours)
    _describe(app)
    install(app)
    _allow_origins(app, settings)
    policies: dict[str, Policy] = {}
    _guard(app, ours, policies)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # or `//` in an address is redirected, in HTML that repeats the Host
    asked = (chat, stop, openai_api, ui_chat, conversations, search)
    for routes in (*asked, books, content, text_routes, mcp_route, insights, why, health, metrics, ingest):
        app.register_blueprint(routes.blueprint(ours))
    add_aliases(app)
    for routes in (widget, book):
        app.register_blueprint(routes.blueprint(ours))
    policies |= {name: policy_of(handler) for name, handler in app.view_functions.items() if name != "openapi"}
    policies["openapi"] = Policy()  # quart-schema's own handler, which costs nothing
    if tracing.is_on():
        app.asgi_app = TracedRequests(app.asgi_app)
    app.before_serving(ours.health.begin)
    app.before_serving(ours.conversations.begin)
    if services is None:
        app.after_serving(ours.aclose)
    return app


def _add_books(app: Quart, services: Services) -> None:
    """Where there are several books, each is an application of its own, behind this one of the first."""
    if not services.books:
        return
    others = {name: create_app(each.settings, each) for name, each in services.books.items() if name != services.book}
    for other in others.values():
        app.before_serving(other.startup)
        app.after_serving(other.shutdown)
    apps = {services.book: app.asgi_app} | {name: other.asgi_app for name, other in others.items()}
    sites = {name: each.settings.site.address for name, each in services.books.items() if each.settings.site_url}
    app.asgi_app = BookSwitch(app.asgi_app, apps, sites)  # pyright: ignore[reportAttributeAccessIssue]  as Quart's docs say


def _describe(app: Quart) -> None:
    QuartSchema(
        app,
        swagger_ui_path=None,
        redoc_ui_path=None,
        scalar_ui_path=None,
        info=Info(title="Lectern", version=VERSION, description="Ask a Markdown book."),
        security_schemes={
            "bearer": HttpSecurityScheme(scheme="bearer"),
            "api_key": APIKeySecurityScheme(name="X-API-Key", in_="header"),
        },
        openapi_provider_class=DescribedByPath,
    )
    app.json.sort_keys = False  # pyright: ignore[reportAttributeAccessIssue]  quart-schema's provider is Quart's default one
    app.json.ensure_ascii = False  # pyright: ignore[reportAttributeAccessIssue]


def _allow_origins(app: Quart, settings: Settings) -> None:
    if "*" in settings.allowed_origins:
        raise ConfigurationError("ALLOWED_ORIGINS must name each site, e.g. https://example.github.io; '*' is not accepted.")
    cors(
        app,
        allow_origin=list(settings.allowed_origins),
        allow_credentials=True,
        allow_headers=["*"],  # whatever an allowed site's page sends: OpenAI's client has a dozen of its own
        allow_methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"],
        expose_headers=EXPOSED_HEADERS,
        max_age=PREFLIGHT_MAX_AGE_S,
    )


def _guard(app: Quart, services: Services, policies: Mapping[str, Policy]) -> None:
    """Before every request: a name for it, then its handler's policy. After it: headers, and a count."""

    @app.before_request
    async def name_request() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        if (trace := tracing.trace_id()) is not None:
            structlog.contextvars.bind_contextvars(trace_id=trace)

    @app.before_request
    async def admit() -> None:
        refuse_foreign_origin(request, services.settings)
        spender.set(limited_client(request, services.settings) or EVERYONE)
        if request.method != "OPTIONS" and request.endpoint:
            await policies[request.endpoint].admit(request, services.settings, services.limits, services.access)

    @app.after_request
    async def take_in_body(response: Response) -> Response:
        return await settle_body(request, response)

    @app.after_request
    async def add_headers(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.get("request_id", "")
        response.headers["X-Content-Type-Options"] = "nosniff"
        route = path_as_written(app, request.url_rule.rule) if request.url_rule else None
        if route is not None:
            tracing.current().rename(f"{request.method} {route}")
            tracing.current().set("http.route", route)
        services.metrics.answered(route, request.method, response.status_code, g.get("problem"))
        return response
