"""Which version of a site a question is about."""

from __future__ import annotations

import pytest

from server.finding.versions import of_asked_version
from shared.models import Hit
from tests.support.site_pages import chunks_of

CHUNK = chunks_of("# Pressure\n\nAt most 12 bar.")[0]


def hits(*versions: str) -> list[Hit]:
    return [Hit(chunk=CHUNK.model_copy(update={"version": version}), score=1.0) for version in versions]


@pytest.mark.parametrize(
    ("question", "versions"),
    [
        ("What is the highest pressure?", [""]),
        ("What is the highest pressure in 2.0?", ["2.0"]),
        ("And the pressure of v2.0, please", ["2.0"]),
        ("What did 2.0 and 3.0 allow?", ["2.0", "3.0"]),
        ("Is 12.0 or 2.0.1 or 2.01 the highest?", [""]),
    ],
)
def test_other_versions_are_found_only_where_the_question_names_one(question: str, versions: list[str]) -> None:
    found = of_asked_version(hits("next", "2.0", "", "3.0"), question)
    assert [hit.chunk.version for hit in found] == versions


def test_what_only_an_old_version_says_is_found_all_the_same() -> None:
    assert of_asked_version(hits("2.0", "1.0"), "What is the pressure?") == hits("2.0", "1.0")
