"""A greeting is answered as one: no search, no model, no pretence of typing."""

from __future__ import annotations

import unicodedata

MAX_CHARS = 40

_PHRASES = {
    "Hello! Ask me anything about the book, and I will show you where it says so.": (
        "hi|hello|hey|hi there|hello there|hey there|good morning|good afternoon|good evening|greetings"
    ),
    "¡Hola! Pregúntame lo que quieras sobre el libro.": "hola|buenos días|buenas tardes|buenas noches|buenas",
    "Bonjour ! Posez-moi une question sur le livre.": "bonjour|salut|bonsoir",
    "Hallo! Fragen Sie mich etwas über das Buch.": "hallo|guten tag|guten morgen|guten abend|moin|servus",
    "Ciao! Chiedimi qualcosa sul libro.": "ciao|buongiorno|buonasera",
    "Olá! Pergunte-me algo sobre o livro.": "olá|ola|bom dia|boa tarde|boa noite",
    "Merhaba! Bana kitap hakkında bir şey sorun.": "merhaba|selam",
    "Привет! Спросите меня что-нибудь о книге.": "привет|здравствуйте|добрый день",
    "وعليكم السلام! کتاب کے بارے میں کچھ پوچھیے۔ / اسألني عن الكتاب.": (
        "السلام عليكم|السلام علیکم|سلام|assalamualaikum|assalamu alaikum|salam"
    ),
    "مرحبا! اسألني أي شيء عن الكتاب.": "مرحبا|أهلا|اهلا",
    "नमस्ते! मुझसे किताब के बारे में कुछ पूछिए।": "नमस्ते|namaste",
    "你好！请问我关于这本书的问题。": "你好|您好|嗨",
    "こんにちは！この本について何でも聞いてください。": "こんにちは|おはよう|おはようございます",
    "You're welcome! Ask on whenever you like.": "thanks|thank you|thx|thanks a lot|thank you very much|many thanks|ty|cheers",
    "¡De nada! Pregunta cuando quieras.": "gracias|muchas gracias",
    "Avec plaisir !": "merci|merci beaucoup",
    "Gern geschehen!": "danke|danke schön|vielen dank|danke sehr",
    "Prego!": "grazie|grazie mille",
    "De nada!": "obrigado|obrigada",
    "Rica ederim!": "teşekkürler|teşekkür ederim",
    "Пожалуйста!": "спасибо|большое спасибо",
    "خوش آمدید!": "شکریہ|بہت شکریہ|shukriya",
    "عفوا!": "شكرا|شكرا جزيلا",
    "आपका स्वागत है!": "धन्यवाद|शुक्रिया",
    "不客气！": "谢谢|多谢",
    "どういたしまして！": "ありがとう|ありがとうございます",
}


def _plain(text: str) -> str:
    """Letters and single spaces, case folded: punctuation and emoji say nothing here."""
    kept = "".join(c if unicodedata.category(c)[0] in "LM" else " " for c in unicodedata.normalize("NFC", text))
    return " ".join(kept.casefold().split())


_REPLIES = {_plain(phrase): reply for reply, phrases in _PHRASES.items() for phrase in phrases.split("|")}


def reply_to(question: str) -> str | None:
    """The reply to a message that is nothing but a greeting or thanks, in its language; None for anything else."""
    return _REPLIES.get(_plain(question)) if len(question) <= MAX_CHARS else None
