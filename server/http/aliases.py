"""Every route under the other paths front ends know it by: one registration, no copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from quart import Quart

from server.http import names
from server.http.openapi import ALIASES, OTHER_PATHS
from server.http.policy import policy_of

_ALL = ("", *names.PREFIXES)


def add_aliases(app: Quart) -> None:
    """Register each route again under `/api`, `/v1` and `/api/v1`, and under the aliases its handler names.

    One that has aliases and takes questions is there once more with `/stream` behind each of its paths, but for OpenAI's.
    """
    ours = {rule.rule for rule in app.url_map.iter_rules()}
    others: dict[str, str] = {}
    for rule in list(app.url_map.iter_rules()):
        handler = app.view_functions[rule.endpoint]
        aliases = getattr(handler, ALIASES, ())
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        paths = [rule.rule, *aliases]
        if aliases and policy_of(handler).limit == "question" and not rule.rule.startswith("/v1/"):
            paths += [path + names.STREAM_SUFFIX for path in paths]
        prefixes = ("",) if rule.rule.startswith("/api/") else ("", "/api") if rule.rule.startswith("/v1/") else _ALL
        for path in (prefix + path for prefix in prefixes for path in paths):
            if path not in ours:
                others[path] = rule.rule
                app.add_url_rule(path, rule.endpoint, methods=list(methods), strict_slashes=False)
    app.config[OTHER_PATHS] = others


def path_as_written(app: Quart, path: str) -> str:
    """The path a handler was written with, of a rule's path."""
    return cast("Mapping[str, str]", app.config[OTHER_PATHS]).get(path, path)
