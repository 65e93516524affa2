"""What kind of answer a question asks for."""

from __future__ import annotations

from server.models.quoting.question_kind import QuestionKind, read_question


def terms(text: str) -> frozenset[int]:
    return frozenset(map(hash, text.lower().split()))


def test_a_question_tells_what_kind_of_answer_it_wants() -> None:
    def kinds(text: str) -> tuple[bool, bool, bool]:
        question: QuestionKind = read_question(text, terms)
        return question.wants_definition, question.wants_steps, question.wants_code

    assert kinds("What is SLAM?") == (True, False, False)
    assert kinds("How do I set up a robot?") == (False, True, False)
    assert kinds("Show me a Python example") == (False, False, True)
    assert kinds("سلام کیا ہے؟") == (False, False, False)


def test_words_that_only_ask_are_no_terms_unless_there_are_no_others() -> None:
    assert read_question("Explain SLAM", terms).terms == terms("slam")
    assert read_question("Show example code", terms).terms == terms("show example code")
