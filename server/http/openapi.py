"""What `/openapi.json` says of each handler: the one place that talks to quart-schema's untyped decorators."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# (quart-schema's decorators take models whose optional kinds, msgspec and attrs, are not installed and so unknown)

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel
from quart_schema import OpenAPIProvider, document_querystring, document_request, document_response, tag
from werkzeug.routing import BaseConverter, Rule, UUIDConverter

from server.http.problem_responses import CONTENT_TYPE, ProblemBody

Handler = TypeVar("Handler", bound=Callable[..., Any])

OTHER_PATHS = "OTHER_PATHS"
"""Quart's `config` has under it {another path of a handler: the path it was written with}."""
ALIASES = "_lectern_aliases"
_OTHERS = "_lectern_other_answers"
_NOTHING = "_lectern_no_content"
_PROBLEM = ProblemBody.model_json_schema()


def documents(
    group: str,
    *,
    body: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    status: int = 200,
    query: type[BaseModel] | None = None,
    text: Mapping[str, str] | None = None,
    nothing: str = "",
    aliases: Iterable[str] = (),
) -> Callable[[Handler], Handler]:
    """Say what a handler takes and gives; it changes nothing of what it does.

    `text`: what else it may answer with, by content type. `nothing`: when it answers with 204. `aliases`: other paths it
    answers under (`aliases.py`).
    """

    def describe(handler: Handler) -> Handler:
        handler = tag([group])(handler)
        if body is not None:
            handler = document_request(body)(handler)
        if answer is not None:
            handler = document_response(answer, status)(handler)
        if query is not None:
            handler = document_querystring(query)(handler)
        setattr(handler, _OTHERS, dict(text or {}))
        setattr(handler, _NOTHING, nothing)
        setattr(handler, ALIASES, tuple(aliases))
        return handler

    return describe


class DescribedByPath(OpenAPIProvider):
    """Handlers by the path they were written with; an operation is named after it."""

    def generate_rules(self) -> Iterable[Rule]:
        """Each handler once, under the path it was written with."""
        others = self._app.config[OTHER_PATHS]
        return (rule for rule in super().generate_rules() if rule.rule not in others)

    def operation_id(self, method: str, path: str, func: Callable[..., Any]) -> str:  # noqa: ARG002  the provider's signature
        """E.g. `post_api_chat`."""
        words = path.replace("{", "").replace("}", "").strip("/").replace("/", "_")
        return f"{method.lower()}_{words or 'root'}"

    def build_path_parameter(self, name: str, converter: BaseConverter) -> dict[str, Any]:
        """The provider's, which does not know that a UUID has a format."""
        parameter = super().build_path_parameter(name, converter)
        if isinstance(converter, UUIDConverter):
            parameter["schema"] = {"type": "string", "format": "uuid"}
        return parameter

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        """The provider's, with what it cannot say: answers that are no JSON, and the problem every failure is."""
        paths, components = super().build_paths(rule)
        handler = self._app.view_functions[rule.endpoint]
        others: dict[str, str] = getattr(handler, _OTHERS, {})
        for operation in (one for methods in paths.values() for one in methods.values()):
            responses = operation["responses"]
            if others:
                success = responses.setdefault(200, {"description": "As text.", "content": {}})
                for name, meaning in others.items():
                    success["content"][name] = {"schema": {"type": "string", "description": meaning}}
            if nothing := getattr(handler, _NOTHING, ""):
                responses[204] = {"description": nothing}
            responses["default"] = {"description": "A failure.", "content": {CONTENT_TYPE: {"schema": _PROBLEM}}}
        return paths, components
