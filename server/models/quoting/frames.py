"""The sentences around quotations, in the language of the question where we have them, else in English. Pure."""

from __future__ import annotations

from typing import NamedTuple

from server.languages import language_of


class Frame(NamedTuple):
    """What an answer made of quotations says itself."""

    introduction: str
    nothing: str
    """The book has nothing near."""
    nearest: str
    """Nothing answers; sections that come nearest follow."""
    missing: str
    """Of a question with several parts some are not answered; they follow."""


_FRAMES = {
    "en": Frame(
        "In the book's own words:",
        "The book does not seem to say anything about this.",
        "I found nothing in the book that answers this. These sections come nearest:",
        "The book does not seem to answer this part of the question:",
    ),
    "es": Frame(
        "Con las palabras del libro:",
        "El libro no parece decir nada sobre esto.",
        "No encontré nada en el libro que responda a esto. Estas secciones son las más cercanas:",
        "El libro no parece responder a esta parte de la pregunta:",
    ),
    "fr": Frame(
        "Selon les mots du livre :",
        "Le livre ne semble rien dire à ce sujet.",
        "Je n'ai rien trouvé dans le livre qui réponde à cela. Voici les sections les plus proches :",
        "Le livre ne semble pas répondre à cette partie de la question :",
    ),
    "de": Frame(
        "In den Worten des Buches:",
        "Das Buch scheint darüber nichts zu sagen.",
        "Ich habe im Buch nichts gefunden, das dies beantwortet. Diese Abschnitte kommen dem am nächsten:",
        "Auf diesen Teil der Frage scheint das Buch nicht zu antworten:",
    ),
    "pt": Frame(
        "Nas palavras do livro:",
        "O livro não parece dizer nada sobre isto.",
        "Não encontrei no livro nada que responda a isto. Estas seções são as mais próximas:",
        "O livro não parece responder a esta parte da pergunta:",
    ),
    "ur": Frame(
        "کتاب کے اپنے الفاظ میں:",
        "کتاب اس بارے میں کچھ نہیں کہتی۔",
        "مجھے کتاب میں اس کا جواب نہیں ملا۔ یہ حصے سب سے قریب ہیں:",
        "لگتا ہے کتاب سوال کے اس حصے کا جواب نہیں دیتی:",
    ),
    "ar": Frame(
        "بكلمات الكتاب نفسه:",
        "لا يبدو أن الكتاب يقول شيئا عن هذا.",
        "لم أجد في الكتاب ما يجيب عن هذا. هذه الأقسام هي الأقرب:",
        "لا يبدو أن الكتاب يجيب عن هذا الجزء من السؤال:",
    ),
    "hi": Frame(
        "किताब के अपने शब्दों में:",
        "लगता है किताब इस बारे में कुछ नहीं कहती।",
        "मुझे किताब में इसका उत्तर नहीं मिला। ये भाग सबसे निकट हैं:",
        "लगता है किताब सवाल के इस भाग का उत्तर नहीं देती:",
    ),
    "zh": Frame(
        "书中原文：", "书中似乎没有提到这一点。", "我在书中没有找到答案。最接近的章节是：", "书中似乎没有回答这一部分："
    ),
}


def frame(question: str) -> Frame:
    """The frame in the question's language."""
    return _FRAMES[language_of(question)]
