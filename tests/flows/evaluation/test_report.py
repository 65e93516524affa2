"""An evaluation for people."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from flows.evaluation.report import describe, write_page
from flows.evaluation.run import EvaluationRun, FoundPlace, QuestionResult


def make_run(*ndcg: float, name: str = "robots") -> EvaluationRun:
    """A run whose questions scored so."""
    found = (FoundPlace(path="<arm>.md", start=0, end=9, url="/arm", score=1.0),)
    return EvaluationRun(
        name=name,
        created_at=datetime(2025, 1, 1, tzinfo=UTC),
        embedding_model=None,
        chunk_tokens=256,
        chunks=3,
        questions=tuple(
            QuestionResult(
                id=str(number),
                question=f"Why {number} < 9?",
                results=found,
                support=0.9,
                scores={"ndcg@10": value, "mrr@10": value},
            )
            for number, value in enumerate(ndcg)
        ),
    )


def with_scores(**scores: float) -> EvaluationRun:
    """A run of one question that scored so."""
    run = make_run(0.5)
    return run.model_copy(update={"questions": (run.questions[0].model_copy(update={"scores": scores}),)})


def test_every_metric_is_told_with_its_interval_on_request() -> None:
    assert list(describe(make_run(0.5, 0.5), every=True)) == [
        "robots: 2 questions, 3 chunks, words only",
        "  ndcg@10            0.5000  [0.5000, 0.5000]",
        "  mrr@10             0.5000  [0.5000, 0.5000]",
    ]


def test_what_an_author_needs_first_is_told_with_what_it_says() -> None:
    scores = {"ndcg@10": 0.3, "tok_recall@4000ch": 0.25, "page_hit@5": 1.0, "offered": 1.0, "answered": 0.5, "tok_iou@5": 0.1}
    _, *lines = describe(with_scores(**scores))
    assert [line.split()[:2] for line in lines] == [
        ["page_hit@5", "1.0000"],
        ["tok_recall@4000ch", "0.2500"],
        ["answered", "0.5000"],
        ["offered", "1.0000"],
    ]
    assert lines[0].endswith("[1.0000, 1.0000]   a right page is among the first five")


def test_a_difference_whose_interval_is_off_zero_has_a_star() -> None:
    lines = list(describe(make_run(1.0, 1.0), make_run(0.5, 0.5), every=True))
    assert lines[1].endswith("+0.5000 [+0.5000, +0.5000] *")
    assert lines[-1] == "  against robots of 2025-01-01 00:00 UTC, words only: 2 questions in both"
    assert list(describe(make_run(1.0), make_run(1.0), every=True))[1].endswith("+0.0000 [+0.0000, +0.0000]")
    first = list(describe(with_scores(answered=1.0), with_scores(answered=0.0)))
    assert first[1].endswith("+1.0000 [+1.0000, +1.0000] *   answered as the question file asks")


def test_the_page_stands_by_itself_and_escapes_what_it_shows() -> None:
    page = write_page(make_run(0.25, 1.0), make_run(0.5, 0.5))
    assert "Why 0 &lt; 9?" in page
    assert "&lt;arm&gt;.md" in page
    assert page.index("Why 0") < page.index("Why 1")
    assert not [word for word in ("http:", "https:", "<script", "src=") if word in page]
    for svg in page.split("<svg")[1:]:
        ET.fromstring("<svg" + svg.partition("</svg>")[0] + "</svg>")


def test_the_page_shows_what_each_threshold_would_decline() -> None:
    run = make_run(1.0)
    answered = run.questions[0].model_copy(update={"scores": {**run.questions[0].scores, "offered": 1.0}})
    foreign = QuestionResult(id="x", question="Who won?", results=(), support=0.15, scores={"declined": 1.0})
    page = write_page(run.model_copy(update={"questions": (answered, foreign)}))
    assert '<tr><td>0.2</td><td class="n">1.000</td><td class="n">1.000</td></tr>' in page
    assert '<tr><td>0.1</td><td class="n">1.000</td><td class="n">0.000</td></tr>' in page
    assert "Who won?" not in page
    assert "ANSWER_SUPPORT" not in write_page(run)


def test_a_run_without_questions_has_a_page_too() -> None:
    assert "0 questions" in write_page(make_run())
