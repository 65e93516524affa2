"""The rules of this house, as tests."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from quart import Blueprint

from server.answering.answer_log import log_answer
from server.answering.events import AnswerIds
from server.answering.progress import AnswerProgress
from server.app import create_app
from server.finding.passages import Passages
from server.http.aliases import path_as_written
from server.http.policy import policy_of
from server.metrics import Metrics
from server.models.budget import Budget
from server.operating_reference import HEALTH, UNLIMITED, render
from server.problems import MEANINGS
from server.routes import metrics, widget
from server.status.health_report import HealthReport, LiveBuild
from shared import log
from shared.settings import Settings
from shared.settings_reference import render_env_example, render_settings_page
from tests.conftest import REPOSITORY
from tests.support.fakes import make_services, whole_answer

MODULES = sorted(path for folder in ("flows", "server", "shared") for path in (REPOSITORY / folder).rglob("*.py"))
EMPTY_WORDS = {"utils", "util", "common", "core", "lib", "helpers", "base", "factory", "manager", "misc"}


def _functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _name(module: Path) -> str:
    return str(module.relative_to(REPOSITORY))


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_a_module_has_at_most_250_lines_and_its_functions_60(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 250
    long = [f"{f.name} ({f.end_lineno - f.lineno + 1})" for f in _functions(module) if (f.end_lineno or 0) - f.lineno >= 60]
    assert long == []


def test_modules_are_named_with_words_that_say_something() -> None:
    assert [
        _name(module) for module in MODULES if EMPTY_WORDS & set(module.relative_to(REPOSITORY).with_suffix("").parts)
    ] == []


def test_every_setting_is_in_the_env_example_and_nothing_else_is() -> None:
    assert (REPOSITORY / ".env.example").read_text(encoding="utf-8") == render_env_example()
    named = re.findall(r"^([A-Z_]+)=", render_env_example(), re.MULTILINE)
    assert named == [name.upper() for name in Settings.model_fields]


def test_the_env_example_read_back_gives_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in render_env_example().splitlines():
        if match := re.fullmatch(r"([A-Z_]+)=(.*)", line):
            monkeypatch.setenv(*match.groups())
    read_back = Settings()
    for name, field in Settings.model_fields.items():
        assert getattr(read_back, name) == field.default


def test_every_setting_says_what_it_is_on_the_settings_page() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
    assert (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8") == render_settings_page()


async def test_every_route_has_a_limit_or_says_that_it_has_none() -> None:
    services = make_services()
    app = create_app(services.settings, services)
    await services.aclose()
    policies = [
        (path_as_written(app, rule.rule), policy_of(app.view_functions[rule.endpoint]))
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "openapi"
    ]
    assert {rule for rule, policy in policies if policy.limit == "question"} == {
        "/chat", "/chat/selection", "/v1/chat/completions", "/api/ui-chat"
    }  # fmt: skip
    assert {rule for rule, policy in policies if policy.limit is None} == {
        *HEALTH, "/metrics", "/v1/models", *widget.FILES
    }  # fmt: skip
    assert {rule: policy.scope for rule, policy in policies if policy.scope} == {
        "/ingest": "ingest", "/ingest/<uuid:run_id>": "ingest", "/feedback": "history", "/chat/history": "history",
        "/metrics": "metrics", "/content": "content", "/content/<path:page>": "content", "/embed": "content",
        "/insights": "history", "/why": "history", "/why/<answer_id>": "history", "/search/why": "history",
    }  # fmt: skip


async def test_a_handler_without_a_policy_keeps_the_application_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(_: object) -> Blueprint:
        routes = Blueprint("careless", __name__)

        @routes.get("/careless")
        async def handler() -> str:
            return ""

        return routes

    services = make_services()
    monkeypatch.setattr(metrics, "blueprint", careless)
    with pytest.raises(LookupError, match="careless"):
        create_app(services.settings, services)
    await services.aclose()


async def test_every_route_is_in_the_openapi_document_and_nothing_else_is() -> None:
    services = make_services()
    app = create_app(services.settings, services)
    described = (await (await app.test_client().get("/openapi.json")).get_json())["paths"]
    await services.aclose()
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "openapi" and not rule.endpoint.startswith("book.")
        if rule.rule == path_as_written(app, rule.rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if (method, rule.rule) not in {("GET", file) for file in widget.FILES}
    }
    assert {(path, method) for path, operations in described.items() for method in operations} == served
    for operations in described.values():
        for operation in operations.values():
            assert set(operation["responses"]) & {"200", "202", "204"}
            assert "application/problem+json" in operation["responses"]["default"]["content"]
    assert set(described["/chat"]["post"]["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    assert described["/ingest/{run_id}"]["get"]["parameters"][0]["schema"]["format"] == "uuid"


@pytest.mark.parametrize(
    "locked", ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt", "requirements-audit.txt"]
)
def test_locked_requirements_have_hashes_and_no_index_address(locked: str) -> None:
    text = (REPOSITORY / locked).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    for requirement in re.split(r"\n(?=\S)", text):
        if "==" in requirement:
            assert "--hash=sha256:" in requirement, requirement


def test_every_relative_link_in_the_documentation_leads_to_a_file() -> None:
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    broken = [
        f"{_name(page)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_prose_of_the_documentation_is_wrapped_at_128_characters() -> None:
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    prose = {page: re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8")) for page in pages}
    long = [line for text in prose.values() for line in text.splitlines() if len(line) > 128 and not line.startswith("|")]
    assert long == []


def test_the_operators_tables_are_what_the_code_renders() -> None:
    page = (REPOSITORY / "docs" / "operating.md").read_text(encoding="utf-8")
    assert page == render(page)
    assert page.count("<!-- rendered: ") == 5
    assert [name for name, field in (HealthReport.model_fields | LiveBuild.model_fields).items() if not field.description] == []


def test_every_error_code_has_a_meaning_and_every_meaning_a_code() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in MODULES if path.is_relative_to(REPOSITORY / "server")}
    used = {
        first.value
        for text in texts.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"RequestError", "Cause"}
        for first in node.args[:1]
        if isinstance(first, ast.Constant)
    }
    assert used - set(MEANINGS) == set()
    all_text = "".join(text.partition("MEANINGS = ")[0] for text in texts.values())
    assert [code for code in MEANINGS if f'"{code}"' not in all_text] == []


def test_the_routes_named_as_without_a_limit_are() -> None:
    assert set(UNLIMITED) <= {*HEALTH, "/metrics", "/openapi.json", *widget.FILES}


def test_the_line_the_operators_page_shows_has_the_fields_of_a_real_one(lines: io.StringIO) -> None:
    page = (REPOSITORY / "docs" / "operating.md").read_text(encoding="utf-8")
    shown = json.loads(next(line for line in page.splitlines() if line.startswith('{"mode"')))
    log.configure(Settings(environment="production"), stream=lines)
    answer = AnswerProgress(AnswerIds("s", "m", "r"))
    answer.retrieved(Passages(passages=(), query="", build_id="b", answerable=True))
    for event in whole_answer(answer.ids):
        answer.note(event)
    with structlog.contextvars.bound_contextvars(request_id="r", build_id="b"):
        log_answer(answer, Budget(0.0), Metrics())
    assert set(json.loads(lines.getvalue())) == set(shown)
    explained = "".join(line for line in page.splitlines() if line.startswith("| `"))
    generic = {"event", "level", "logger", "timestamp", "request_id", "build_id"}
    assert [name for name in set(shown) - generic if f"`{name}`" not in explained] == []
