"""The language of the sentences around quotations."""

from __future__ import annotations

import pytest

from server.models.quoting.frames import frame


@pytest.mark.parametrize(
    ("question", "introduction"),
    [
        ("What is a gait?", "In the book's own words:"),
        ("Show me a Python action server example", "In the book's own words:"),
        ("nvpmodel", "In the book's own words:"),
        ("¿Qué es la cinemática inversa?", "Con las palabras del libro:"),
        ("Was ist ein Gelenk?", "In den Worten des Buches:"),
        ("Qu'est-ce que la cinématique ?", "Selon les mots du livre :"),
        ("Qual é a temperatura da câmera?", "Nas palavras do livro:"),
        ("ROS 2 میں نوڈ کیا ہوتا ہے؟", "کتاب کے اپنے الفاظ میں:"),
        ("ما هو الروبوت؟", "بكلمات الكتاب نفسه:"),
        ("रोबोट क्या है?", "किताब के अपने शब्दों में:"),
        ("什么是逆运动学？", "书中原文："),
        ("ロボットとは何ですか？", "In the book's own words:"),
    ],
)
def test_it_is_that_of_the_question_where_there_is_one_and_else_english(question: str, introduction: str) -> None:
    assert frame(question).introduction == introduction
