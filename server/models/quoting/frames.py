"""The sentences around quotations, in the language of the question where we have them, else in English. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple


class Frame(NamedTuple):
    """What an answer made of quotations says itself."""

    introduction: str
    nothing: str
    """The book has nothing near."""
    nearest: str
    """Nothing answers; sections that come nearest follow."""


_FRAMES = {
    "en": Frame(
        "In the book's own words:",
        "The book does not seem to say anything about this.",
        "I found nothing in the book that answers this. These sections come nearest:",
    ),
    "es": Frame(
        "Con las palabras del libro:",
        "El libro no parece decir nada sobre esto.",
        "No encontré nada en el libro que responda a esto. Estas secciones son las más cercanas:",
    ),
    "fr": Frame(
        "Selon les mots du livre :",
        "Le livre ne semble rien dire à ce sujet.",
        "Je n'ai rien trouvé dans le livre qui réponde à cela. Voici les sections les plus proches :",
    ),
    "de": Frame(
        "In den Worten des Buches:",
        "Das Buch scheint darüber nichts zu sagen.",
        "Ich habe im Buch nichts gefunden, das dies beantwortet. Diese Abschnitte kommen dem am nächsten:",
    ),
    "pt": Frame(
        "Nas palavras do livro:",
        "O livro não parece dizer nada sobre isto.",
        "Não encontrei no livro nada que responda a isto. Estas seções são as mais próximas:",
    ),
    "ur": Frame(
        "کتاب کے اپنے الفاظ میں:",
        "کتاب اس بارے میں کچھ نہیں کہتی۔",
        "مجھے کتاب میں اس کا جواب نہیں ملا۔ یہ حصے سب سے قریب ہیں:",
    ),
    "ar": Frame(
        "بكلمات الكتاب نفسه:",
        "لا يبدو أن الكتاب يقول شيئا عن هذا.",
        "لم أجد في الكتاب ما يجيب عن هذا. هذه الأقسام هي الأقرب:",
    ),
    "hi": Frame(
        "किताब के अपने शब्दों में:",
        "लगता है किताब इस बारे में कुछ नहीं कहती।",
        "मुझे किताब में इसका उत्तर नहीं मिला। ये भाग सबसे निकट हैं:",
    ),
    "zh": Frame("书中原文：", "书中似乎没有提到这一点。", "我在书中没有找到答案。最接近的章节是："),
}
_SCRIPTS = (
    ("ur", re.compile(r"[ٹڈڑںےہھگپچیک]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("zh", re.compile(r"\A[^\u3040-\u30ff]*[\u4e00-\u9fff][^\u3040-\u30ff]*\Z")),
)
"""Letters that tell; those of Urdu before those it shares with Arabic, Chinese characters without Japanese ones."""
_WORDS = {
    "en": "a an the is are what how why which when where who do does can of to in and for with it my i me show from this",
    "es": "el la los las qué cómo cuál cuáles dónde cuándo por para es son un una del con y se puedo",
    "fr": "le la les des du qu est ce que quoi comment quel quelle quels pourquoi où un une et avec pour dans je",
    "de": "der die das den dem ein eine ist sind was wie warum welche welcher wo wann und mit für ich wird man",
    "pt": "o a os as qual quais como onde quando é são um uma do da dos das no na com para e por posso",
}
_SETS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_ONLY = re.compile(r"[^\W\d_]+")


def frame(question: str) -> Frame:
    """The frame in the question's language: told by its script, then by its most frequent small words."""
    for language, script in _SCRIPTS:
        if script.search(question):
            return _FRAMES[language]
    words = _ONLY.findall(question.casefold())
    counts = {language: sum(word in known for word in words) for language, known in _SETS.items()}
    return _FRAMES[max(counts, key=counts.__getitem__)]
