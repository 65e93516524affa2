"""The languages readers ask in: which one a question is in, and which of its words only ask. Pure.

A language is told by its script, else by its most frequent small words; a question without any is taken for English.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left

ENGLISH = "en"
_SNOWBALL = {
    "arabic": "ar",
    "chinese": "zh",
    "english": "en",
    "french": "fr",
    "german": "de",
    "portuguese": "pt",
    "spanish": "es",
}
"""Names that `BOOK_LANGUAGE` has for languages of ours."""
_SCRIPTS = (
    ("ur", re.compile(r"[ٹڈڑںےہھگپچیک]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("zh", re.compile(r"\A[^\u3040-\u30ff]*[\u4e00-\u9fff][^\u3040-\u30ff]*\Z")),
)
"""Letters that tell; those of Urdu before those it shares with Arabic, Chinese characters without Japanese ones."""
_SMALL_WORDS = {
    "en": "a an the is are was were be do does did can could should would will what how why which who whose when"
    " where whether of to in on at and or for with from by about it its my i me we you they them he she his her"
    " our your this that these those there here show tell explain please if not no so than then such as am been"
    " being has have had also just only yet still ever never something anything everything someone know"
    " understand want need get got going go would may might must shall let us whats hows wheres whos im ive"
    " dont doesnt cant isnt one some any much many",
    "es": "a al algo como con cual cuales cuando cuanto cuantos cuanta cuantas de del donde el ella en entre era es"
    " esta estan este esto eso explica explicame favor fue funciona funcionan hace hacer hay la las lo los me"
    " mi muestra mostrar necesito o para pero por porque puede pueden puedo que quien quienes quiero se ser"
    " significa sirve sin sobre son su tener tiene tienen un una unos unas usa usar uso y ya",
    "fr": "a ai au aux avec c ce ces cette comment combien d dans de des dire du elle en entre est et etre explique"
    " expliquer fait faire faut fonctionne fonctionnent il j je l la le les leur lequel laquelle lesquels"
    " lesquelles ma me moi mon montre n ne nous on ont ou par pas peut peuvent peux plait pour pourquoi puis qu"
    " quand que quel quelle quelles quels qui quoi s sa sans se sert si son sont sur t toi tu un une utilise"
    " utiliser veut vous y",
    "de": "als am an auf aus bei bitte brauche brauchen das dass dem den denn der des die dies diese dieser dieses"
    " du ein eine einem einen einer eines erklare er es fur funktioniert funktionieren gibt hat haben heisst"
    " ich ihr im in ist kann kannst konnen man mache machen macht mein meine mich mir mit muss nach nicht oder"
    " sich sie sind soll sollte uber um und uns unter vom von wann war warum was welche welchem welchen welcher"
    " welches wenn wer werde werden wie wieso wieviel wird wo wofur wozu zeig zeige zu zum zur zwischen",
    "pt": "a ao aos as com como cada da das de deve do dos e ela ele em entre era essa esse esta este eu explica"
    " explique faz fazer foi funciona funcionam ha isso isto ler mais me meu minha mostra mostre na nas nao no"
    " nos o onde os ou para pela pelo pode podem por porque posso preciso qual quais quando quanto quantos"
    " quantas que quem quero se sem ser serve significa sao sobre sua tem um uma umas uns usa usar uso",
    "ur": "کیا کیسے کیوں کون کونسا کونسی کب کہاں کس کتنا کتنے کتنی ہے ہیں ہوں ہوتا ہوتی ہوتے تھا تھی کا کی کے کو میں"
    " سے پر اور یا نے تک یہ وہ اس ان ایک بارے لیے لئے کر کرنا کرتا کرتے کرتی کریں جائے جاتا جاتی سکتا سکتے سکتی"
    " ہم میرا میری مجھے بتائیں مطلب فرق درمیان",
    "ar": "ما ماذا هو هي كيف لماذا متى أين من أي كم هل في على إلى عن مع أو و هذا هذه ذلك التي الذي بين يمكن أن لا لي"
    " عند كل هناك اشرح معنى تعني يعني الفرق",
    "hi": "क्या कैसे क्यों कौन कौनसा कब कहाँ किस कितना कितने कितनी है हैं हूँ होता होती होते था थी का की के को में"
    " से पर और या ने तक यह वह इस उस एक बारे लिए कर करना करता करते करती करें जाता जाती सकता सकते सकती हम मेरा"
    " मेरी मुझे बताइए मतलब अंतर बीच",
    "zh": "什么是 是什么 什么 如何 怎么 怎样 为什么 哪个 哪些 哪里 多少 请 吗 呢 的 了 是 在 和 与 有 我 你 可以 之间 区别",
}
_SETS = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}
_ASKING_ZH = re.compile("|".join(sorted(_SETS["zh"], key=len, reverse=True)))
"""Chinese has no spaces to find words by."""
_INTERROGATIVES = {
    "en": "what how why which who whose when where whether",
    "es": "qué cómo cuál cuáles cuándo cuánto cuántos cuánta cuántas dónde quién quiénes",
    "fr": "comment combien lequel laquelle lesquels lesquelles pourquoi quand quel quelle quelles quels quoi qu où",
    "de": "wann warum was welche welchem welchen welcher welches wer wie wieso wieviel wo wofür wozu",
    "pt": "como qual quais quando quanto quantos quantas onde quem quê que",
    "ur": "کیا کیسے کیوں کون کونسا کونسی کب کہاں کس کتنا کتنے کتنی",
    "ar": "ما ماذا كيف لماذا متى أين كم هل",
    "hi": "क्या कैसे क्यों कौन कौनसा कब कहाँ किस कितना कितने कितनी",
    "zh": "什么 如何 怎么 怎样 为什么 哪个 哪些 哪里 多少",
}
_WHAT_IS = {
    "es": r"qu[eé] (?:es|son)|qui[eé]n es",
    "fr": r"qu.est.ce qu|c.est quoi|qu.est",
    "de": r"(?:was|wer) (?:ist|sind)|was bedeutet",
    "pt": r"(?:o )?qu[eê] (?:é|são|e|sao)|quem é",
    "ur": r"کیا (?:ہے|ہیں|ہوتا|ہوتی|ہوتے)",
    "ar": r"\bما (?:هو|هي|معنى)\b",
    "hi": r"क्या (?:है|हैं|होता|होती|होते)",
    "zh": r"什么是|是什么",
}
"""How other languages than English ask for what a thing is."""
_PICTURE = re.compile(
    r"\b(?:pictures?|images?|figures?|diagrams?|photos?|screenshots?|illustrations?|drawings?|im[aá]gen(?:es)?|imagem|imagens|figuras?"
    r"|diagramas?|fotos?|sch[eé]mas?|dessins?|bild(?:er)?|abbildung(?:en)?|diagramme?|zeichnung(?:en)?)\b"
    r"|تصویر|تصاویر|صورة|صور\b|चित्र|तस्वीर|图|圖",
    re.IGNORECASE,
)
_AND = {
    "en": "and or also",
    "es": "y e o u",
    "fr": "et ou",
    "de": "und oder",
    "pt": "e ou",
    "ur": "اور یا",
    "ar": "و أو",
    "hi": "और या",
    "zh": "和 与 以及 还是",
}
_BETWEEN = {"en": "between", "es": "entre", "fr": "entre", "de": "zwischen", "pt": "entre", "ar": "بين"}
_ASKS = {
    language: re.compile("|".join(words.split()) if language == "zh" else rf"\b(?:{'|'.join(words.split())})\b", re.IGNORECASE)
    for language, words in _INTERROGATIVES.items()
}
_OPENING = frozenset(("en", "es", "fr", "de", "pt"))
"""Languages whose questions begin with the word that asks."""
_WHILE = re.compile(r"\W*(?:when|if|cuando|si|quand|wenn|quando|se)\b", re.IGNORECASE)
"""Begins a clause that tells when something is asked."""
_BEFORE_CLAUSE = re.compile(r"[ ¿]*")
_JOINTS = {
    language: re.compile(rf"[,;，；،](?:\s*(?:{'|'.join(words.split())})\b)?|\s(?:{'|'.join(words.split())})\s", re.IGNORECASE)
    for language, words in _AND.items()
}
_FIRST, _SIDE = r"((?:[^\s?,;:]+\s+){0,4}?[^\s?,;:]+)", r"((?:[^\s?,;:]+\s+){0,4}[^\s?,;:]+)"
"""A side of a comparison: up to five words."""
_SIDES = {
    language: re.compile(
        rf"\b{_BETWEEN.get(language, 'between')} {_FIRST} (?:{'|'.join(words.split())}) {_SIDE}"
        rf"|^\W*+{_FIRST} (?:vs\.?|versus|compared (?:with|to)) {_SIDE}",
        re.IGNORECASE,
    )
    for language, words in _AND.items()
}
_WORD = re.compile(r"(?<!\w)[^\W\d_]+(?:[\u0300-\u036f\u064b-\u065f\u0900-\u097f]+[^\W\d_]*)*(?!\w)")


def language_of(question: str) -> str:
    """The language's code: one that `server/models/quoting/frames.py` has sentences in."""
    for language, script in _SCRIPTS:
        if script.search(question):
            return language
    words = [unaccented(word) for word in _WORD.findall(question)]
    counts = {language: sum(word in known for word in words) for language, known in _SETS.items()}
    return max(counts, key=counts.__getitem__)


def is_foreign(question: str, book_language: str) -> bool:
    """Whether the question is in another language of ours than the book. `book_language`: as `BOOK_LANGUAGE` has it."""
    return language_of(question) != _SNOWBALL.get(book_language, language_of(question))


def without_small_words(question: str) -> str:
    """The question without the words by which its language asks and joins."""
    language = language_of(question)
    if language == "zh":
        return _ASKING_ZH.sub(" ", question)
    return _WORD.sub(lambda match: " " if unaccented(match[0]) in _SETS[language] else match[0], question)


def names_in(question: str) -> list[str]:
    """Its words that are written as names: with a capital after the first word, or a digit. None in German, whose nouns all
    are, nor where most words have a capital."""
    words = re.findall(r"\w+", question)
    named = [word for at, word in enumerate(words) if re.search(r"\d", word) or (at and word != word.lower())]
    return named if 2 * len(named) <= len(words) + 1 and language_of(question) != "de" else []


def asks_what_is(question: str) -> bool:
    """Whether a question in another language than English asks what a thing is."""
    form = _WHAT_IS.get(language_of(question))
    return bool(form and re.search(form, question, re.IGNORECASE))


def asks_for_picture(question: str) -> bool:
    """Whether the question has a word for pictures."""
    return bool(_PICTURE.search(question))


def asks(sentence: str, language: str) -> bool:
    """Whether a sentence asks."""
    opens = _ASKS[language].match if language in _OPENING else _ASKS[language].search
    return sentence.rstrip().endswith(("?", "？", "؟")) or bool(opens(sentence.strip(" ¿")))


def clauses(sentence: str, language: str) -> list[str]:
    """A sentence cut at commas and words like "and" where what stands on both sides asks."""
    asking = [match.start() for match in _ASKS[language].finditer(sentence)]
    at_word = frozenset(asking)
    found, start = list[str](), 0
    for joint in _JOINTS[language].finditer(sentence):
        begins = _BEFORE_CLAUSE.match(sentence, joint.end())
        opens = begins and begins.end() in at_word if language in _OPENING else bool(asking) and asking[-1] >= joint.end()
        asked_before = bisect_left(asking, start) < bisect_left(asking, joint.start())
        if opens and asked_before and not _WHILE.match(sentence, start, joint.start()):
            found.append(sentence[start : joint.start()])
            start = joint.end()
    return [*found, sentence[start:]]


def sides(question: str) -> tuple[str, ...]:
    """The two sides of a comparison; none where nothing is compared."""
    match = _SIDES[language_of(question)].search(question)
    return tuple(side.strip() for side in match.groups() if side) if match else ()


def unaccented(word: str) -> str:
    """In lower case, without the accents of Latin letters."""
    lower = word.casefold()
    return "".join(one for one in unicodedata.normalize("NFD", lower) if not "\u0300" <= one <= "\u036f") if lower else lower
