"""Renders `docs/api.md` from `/openapi.json`: run `make reference` after changing a route or a shape.

`tests/policy/test_api_reference.py` fails while the page differs from what this renders.
"""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from server.app import create_app
from server.services import open_services
from shared.settings import HOME, Settings

WIDTH = 128
PAGE = HOME / "docs" / "api.md"
_HEAD = """\
---
title: API reference
---

# API reference

Rendered from `/openapi.json`. Each path is there once more under `/api`, `/v1` and `/api/v1`, unless it begins so; the other
names of paths and fields are in [`names.py`](../server/http/names.py). What it is all for is said in
[Asking over HTTP](asking.md).
Failures are `application/problem+json` with a [`code`](operating.md), except for the clients whose own shape is kept.
"""

Json = Mapping[str, Any]


async def read_document() -> Json:
    """What `/openapi.json` answers, whatever the settings."""
    services = open_services(Settings())
    try:
        response = await create_app(services.settings, services).test_client().get("/openapi.json")
        return await response.get_json()
    finally:
        await services.aclose()


def render_api_page(document: Json) -> str:
    """The whole page: operations by group, then the shapes that they share."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).extend(_operation(f"{method.upper()} {path}", operation))
    parts: list[str] = []
    for group, sections in groups.items():
        parts += [f"## {group.capitalize()}", *sections]
    parts.append("## Shapes")
    for name, shape in sorted(document["components"]["schemas"].items()):
        parts += [f"### {name}", *_shape(shape)]
    return f"{_HEAD}\n" + "\n\n".join(_wrapped(part) for part in parts) + "\n"


def _wrapped(part: str) -> str:
    """Prose at the width of the documentation; a table and a heading are lines of their own."""
    if part.startswith(("|", "#")):
        return part
    return textwrap.fill(part, WIDTH, break_long_words=False, break_on_hyphens=False)


def _operation(title: str, operation: Json) -> Iterator[str]:
    yield f"### `{title}`"
    yield operation["summary"]
    if operation.get("description"):
        yield " ".join(operation["description"].split())
    if operation.get("security"):
        yield "With a key, as `Authorization: Bearer` or `X-API-Key`."
    if operation["parameters"]:
        yield _table(
            ("Parameter", "In", "Type", "Meaning"),
            [
                (f"`{one['name']}`", one["in"], _type(one["schema"]), _meaning({**one["schema"], **one}))
                for one in operation["parameters"]
            ],
        )
    for schema in _contents(operation.get("requestBody", {})).values():
        yield "Takes JSON:"
        yield from _shape(schema)
    for status, response in operation["responses"].items():
        contents = _contents(response)
        if status != "default" and not contents:
            yield f"Answers {status}: {_sentence(response['description'])}"
        for kind, schema in contents.items() if status != "default" else ():
            if kind != "application/json":
                yield f"Answers {status} with `{kind}`: {_sentence(schema.get('description', 'text'))}"
            else:
                yield f"Answers {status} with JSON:"
                yield from _shape(schema)


def _contents(message: Json) -> dict[str, Json]:
    return {kind: content["schema"] for kind, content in message.get("content", {}).items()}


def _shape(schema: Json) -> Iterator[str]:
    """What an object is, and its fields as a table."""
    if schema.get("description"):
        yield " ".join(schema["description"].split())
    fields = schema.get("properties", {})
    required = schema.get("required", [])
    rows = [
        (f"`{name}`", _type(field), "" if name in required else _default(field), _meaning(field))
        for name, field in fields.items()
    ]
    if rows:
        yield _table(("Field", "Type", "Default", "Meaning"), rows)


def _type(schema: Json) -> str:
    """E.g. "list of [Entry](#entry) or null"."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("format", schema.get("type", "any"))
    return f"list of {_type(schema.get('items', {}))}" if kind == "array" else kind


def _default(schema: Json) -> str:
    default = schema.get("default")
    return "" if default is None or default == "" else f"`{default}`"


def _meaning(schema: Json) -> str:
    """What is said of a field, and what of its limits the schema alone says."""
    bounds = [f"{schema['minimum']:,} to {schema['maximum']:,}"] if {"minimum", "maximum"} <= schema.keys() else []
    size = [f"at most {schema['maxLength']:,} characters"] if "maxLength" in schema else []
    said = " ".join(schema.get("description", "").split()).replace("|", "\\|")
    added = "; ".join(each for each in [*bounds, *size] if each not in said)
    return f"{said} {_sentence(added)}".strip() if added else said


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Without the columns that say nothing."""
    kept = [n for n in range(len(head)) if any(row[n] for row in rows)]
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line[n] for n in kept)} |" for line in lines)


def main(page: Path = PAGE) -> None:
    """Write the page."""
    page.write_text(render_api_page(asyncio.run(read_document())), encoding="utf-8")


if __name__ == "__main__":
    main()
