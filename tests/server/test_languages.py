"""Which language a question is in, and which of its words only ask."""

from __future__ import annotations

import pytest

from server.languages import asks_what_is, clauses, is_foreign, language_of, names_in, sides, unaccented, without_small_words


@pytest.mark.parametrize(
    ("question", "language", "said"),
    [
        ("What is the zero moment point?", "en", "zero moment point?"),
        ("whats an action good for", "en", "action good"),
        ("¿Qué es la cinemática inversa?", "es", "¿ cinemática inversa?"),
        ("Que es un closure en Rust?", "es", "closure Rust?"),
        ("Quels sont les types scalaires ?", "fr", "types scalaires ?"),
        ("Was ist ein Mutex?", "de", "Mutex?"),
        ("Qual é a temperatura da câmera D435i?", "pt", "temperatura câmera D435i?"),
        ("ROS 2 میں نوڈ کیا ہوتا ہے؟", "ur", "ROS 2 نوڈ ؟"),
        ("ما هو الروبوت؟", "ar", "الروبوت؟"),
        ("रोबोट क्या है?", "hi", "रोबोट ?"),
        ("什么是运动学？", "zh", "运动学？"),
        ("D435i is_a do.it", "en", "D435i is_a ."),
    ],
)
def test_the_words_that_ask_are_told_from_what_is_asked_for(question: str, language: str, said: str) -> None:
    assert language_of(question) == language
    assert " ".join(without_small_words(question).split()) == said


def test_a_question_is_foreign_where_the_book_is_in_another_known_language() -> None:
    assert is_foreign("Was ist ein Mutex?", "english")
    assert not is_foreign("Was ist ein Mutex?", "german")
    assert not is_foreign("Was ist ein Mutex?", "none")


@pytest.mark.parametrize("question", ["¿Qué es un nodo?", "Was ist ein Knoten?", "cargo کیا ہے؟", "Qu'est-ce qu'un nœud ?"])
def test_what_a_thing_is_can_be_asked_in_every_language(question: str) -> None:
    assert asks_what_is(question)


def test_a_sentence_is_cut_only_where_both_sides_ask() -> None:
    assert clauses("What is a joint, and how does it move?", "en") == ["What is a joint", " how does it move?"]
    assert clauses("¿Qué es un nodo y cómo se crea?", "es") == ["¿Qué es un nodo", "cómo se crea?"]
    assert clauses("What is the difference between topics and services?", "en") == [
        "What is the difference between topics and services?"
    ]
    assert clauses("When the robot falls, how do I stop it?", "en") == ["When the robot falls, how do I stop it?"]


@pytest.mark.parametrize(
    ("question", "compared"),
    [
        ("What is the difference between ROS 1 and ROS 2?", ("ROS 1", "ROS 2")),
        ("Unterschied zwischen Rc und Arc", ("Rc", "Arc")),
        ("String vs str: which one grows?", ("String", "str")),
        ("What is a topic?", ()),
    ],
)
def test_a_comparison_has_two_sides(question: str, compared: tuple[str, ...]) -> None:
    assert sides(question) == compared


def test_accents_of_latin_letters_are_taken_off() -> None:
    assert unaccented("Câmera") == "camera"


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Which collector does Kotlin use?", ["Kotlin"]),
        ("What does ISO 10218 require?", ["ISO", "10218"]),
        ("Robots move", []),
        ("Wie wird das Wetter in Berlin?", []),
        ("How To Tune A Controller", []),
    ],
)
def test_names_are_told_by_capitals_and_digits(question: str, names: list[str]) -> None:
    assert names_in(question) == names
