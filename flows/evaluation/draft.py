"""Questions a reader would ask of a book, proposed from what it says: for its author to check and to reword. Pure.

Not headings turned around, but what readers come for: what a thing is, what a table says of one row, what to do about a
problem, how something is done. With each goes where the book says it and what a satisfying answer `holds`. The forms are
English; of a book in another language tables and headings that ask are left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from shared.content import text_of
from shared.language.topics import Topic, is_announcing
from shared.models import CODE_KINDS, BlockKind, Chunk, Section

_Block = tuple[BlockKind, str]
"""A kind and what it says."""

ENGLISH = "english"
_HELD_WORDS = 8
"""Of a sentence that says it: enough to know it by, and whole in an answer that cuts it."""
_LONGEST_NAME = 6
"""Words of a row or a problem that a reader would type."""
_VERBS = """add build calibrate check choose compile configure connect convert create define deploy download enable flash handle
    implement install make manage optimize prepare read remove replace run save send set start stop store train update upgrade
    validate verify write""".split()  # noqa: SIM905
"""With which how-tos are headed: "Install it", "Installing it"."""
_OFTEN_NAMES = """change control debug export format import launch load measure monitor record release test use""".split()  # noqa: SIM905
"""Those that are names as well ("Use cases"): by their -ing alone."""
_DOUBLED = {"format": "formatting", "run": "running", "set": "setting", "stop": "stopping"}
_GERUNDS = {_DOUBLED.get(verb, verb.removesuffix("e") + "ing"): verb for verb in (*_VERBS, *_OFTEN_NAMES)}
_HOW_TO = re.compile(rf"(?:how to (\w+)|({'|'.join([*_GERUNDS, *_VERBS])}))\s+(\S.*)", re.IGNORECASE)
_NO_NAMES = """It This That There These Those They Here What Each One Another You We Below Above If When Where Why How Your
    Our Chapter""".split()  # noqa: SIM905
_DEFINITION = re.compile(
    rf"(?:(?P<article>An?|The)\ |(?!(?:{'|'.join(_NO_NAMES)})\b)(?=[A-Z]))(?P<name>\w[\w-]*(?:\ [\w-]+){{0,3}}?)"
    r"(?:\ \([^()]{2,40}\))?(?:\ (?P<verb>is|are)\ (?=(?:an?|the|any)\ \w)|\s?[:–—]\s(?=[Aa]n?\ \w))",
    re.VERBOSE,
)
"""How a paragraph or an item begins that says what a thing is."""
_PROBLEM_COLUMN = re.compile(r"(?:problem|issue|error|symptom|message|failure)s?\b", re.IGNORECASE)
_REMEDY_COLUMN = re.compile(r"(?:solution|fix|remed(?:y|ie)|resolution|what to do|workaround|action)(?:e?s)?\b", re.IGNORECASE)
_PROBLEM = re.compile(
    r"\b(?:(?:issues?|problems?|errors?|constraints|leaks?)$|fail\w*|not|no|cannot|can['’]t|won['’]t|doesn['’]t|unable|missing|lost|low|high|slow|exhaust\w*"
    r"|throttling|denied|unexpected|crash\w*|timeouts?)\b",
    re.IGNORECASE,
)
_SECTION_OF_PROBLEMS = re.compile(r"(?:common|known|frequent|typical) \w+(?: and \w+)?|troubleshooting\b.*", re.IGNORECASE)
_CODE_LINE = re.compile(r"(?!(?:import|from|class|def|function|const|let)\b)[\w$./]")
_CELL_END = re.compile(r"(?<!\\)\|")
_LIST_MARK = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+")
_TITLE_WORD = re.compile(r"\b[A-Z][a-z]+\b")


class Drafted(NamedTuple):
    """A question, and what its answer holds."""

    question: str
    holds: str


def draft(chunks: Sequence[Chunk], language: str = ENGLISH) -> Iterator[dict[str, object]]:
    """The lines of a question file; `chunks` in order, `language` as BOOK_LANGUAGE has it. No question comes twice."""
    asked: set[str] = set()
    parts = [(chunk, section) for chunk in chunks for section in chunk.sections if len(section.heading_path)]
    for (path, heading_path), group in groupby(parts, lambda part: (part[0].path, part[1].heading_path)):
        held = list(group)
        if any(map(is_announcing, heading_path)):
            continue
        start, end = held[0][1].start, max(_end(*part) for part in held)
        for question, holds in _questions(held, english=language.lower() == ENGLISH):
            if question.casefold() not in asked:
                asked.add(question.casefold())
                gold = [{"path": path, "start": start, "end": end}]
                yield {"id": f"draft-{len(asked)}", "question": question, "gold": gold, "holds": [[holds]]}


def _end(chunk: Chunk, section: Section) -> int:
    """Where the section's part of a chunk ends in the file."""
    after = [one.start for one in chunk.sections if one.start > section.start]
    return min(after, default=chunk.end)


def _questions(parts: Sequence[tuple[Chunk, Section]], *, english: bool) -> Iterator[Drafted]:
    """At most one of a kind for a section, whose parts stand in these chunks."""
    heading_path = parts[0][1].heading_path
    topic = Topic(heading_path[-1], "")
    blocks: list[_Block] = [
        (block.kind, text_of(chunk, block)) for chunk, section in parts for block in section.blocks if not block.is_empty
    ]
    kinds = [_asked(topic, blocks), _of_a_table(topic, blocks, english=english)]
    if english:
        kinds += [_defined(blocks), _problem(topic, blocks), _how_to(topic, blocks)]
    yield from filter(None, kinds)


def _asked(topic: Topic, blocks: Sequence[_Block]) -> Drafted | None:
    """A heading that is a question."""
    said = _first(blocks, code=False)
    return Drafted(topic.name, said) if topic.asks and said else None


def _defined(blocks: Sequence[_Block]) -> Drafted | None:
    """The first thing that a paragraph or an item begins with saying what it is."""
    for kind, text in blocks:
        said = _DEFINITION.match(_LIST_MARK.sub("", text)) if kind in {"paragraph", "list_item"} else None
        if said and (holds := _beginning(_LIST_MARK.sub("", text)[said.end() :])):
            thing = " ".join(filter(None, ((said["article"] or "").lower(), _as_typed(said["name"]))))
            return Drafted(f"What {said['verb'] or 'is'} {thing}?", holds)
    return None


def _of_a_table(topic: Topic, blocks: Sequence[_Block], *, english: bool) -> Drafted | None:
    """What the first table says of a row; of a table of problems, what is done about one."""
    for rows in (_rows(text) for kind, text in blocks if kind == "table"):
        header, *others = rows
        remedy = next((number for number, name in enumerate(header) if number and _REMEDY_COLUMN.match(name)), None)
        for row in others:
            if len(row) != len(header) or len(row) < 2 or not 0 < len(row[0].split()) <= _LONGEST_NAME:
                continue
            if english and remedy is not None and _PROBLEM_COLUMN.match(header[0]) and (holds := _beginning(row[remedy])):
                return Drafted(f"What can I do about {_as_typed(row[0])}?", holds)
            if header[1] and len(row[1]) > 1 and (holds := _beginning(row[1])):
                return Drafted(_ask_of_row(topic, header, row[0], english=english), holds)
    return None


def _ask_of_row(topic: Topic, header: Sequence[str], name: str, *, english: bool) -> str:
    """Of a table with many columns the column; of one with a single value, what the table is about."""
    column = header[1] if len(header) > 2 else topic.name
    if not english:
        return f"{name}, {column}?"
    column = _as_typed(column)
    return f"What is the {column} of {name}?" if len(header) > 2 else f"What is the {_as_typed(name)} of {topic.name}?"


def _problem(topic: Topic, blocks: Sequence[_Block]) -> Drafted | None:
    """A heading that names something that goes wrong."""
    name = topic.name
    if (
        name.split()[0].lower() in _VERBS
        or topic.asks
        or not _PROBLEM.search(name)
        or _SECTION_OF_PROBLEMS.fullmatch(name)
        or len(name.split()) > _LONGEST_NAME
    ):
        return None
    said = _first(blocks, code=True)
    return Drafted(f"What can I do about {_as_typed(name)}?", said) if said and _has_steps(blocks) else None


def _how_to(topic: Topic, blocks: Sequence[_Block]) -> Drafted | None:
    """A heading that names what is done, with code or a list of steps below it."""
    found = _HOW_TO.fullmatch(topic.name)
    if found is None or topic.asks or _PROBLEM.search(topic.name) or not _has_steps(blocks):
        return None
    verb = (found[1] or found[2]).lower()
    said = _first(blocks, code=True)
    what = _as_typed(found[3].partition(" (")[0])
    return Drafted(f"How do I {_GERUNDS.get(verb, verb)} {what}?", said) if said else None


def _has_steps(blocks: Sequence[_Block]) -> bool:
    """Whether there is code or a list of steps."""
    return any(kind == "list_item" or kind in CODE_KINDS for kind, _ in blocks)


def _first(blocks: Sequence[_Block], *, code: bool) -> str:
    """What an answer would hold: the first command, else the first item, else how the first paragraph begins."""
    lines = [line.strip() for kind, text in blocks if code and kind in CODE_KINDS for line in text.splitlines()]
    command = next((line for line in lines if _CODE_LINE.match(line)), "")
    said = [text for wanted in ("list_item", "paragraph") for kind, text in blocks if kind == wanted and text[-1:] != ":"]
    return command or next((beginning for text in said if (beginning := _beginning(text))), "")


def _as_typed(name: str) -> str:
    """A heading in capitals as a reader would type it: "Verify ROS 2 Connection" becomes "verify ROS 2 connection"."""
    words = [word for word in name.split() if len(word) > 3]
    return _TITLE_WORD.sub(lambda word: word[0].lower(), name) if all(word[0].isupper() for word in words) else name


def _rows(table: str) -> list[list[str]]:
    """The cells of each row of a table as it is indexed, the line below the header left out."""
    rows = [[cell.strip() for cell in _CELL_END.split(line.strip().strip("|"))] for line in table.splitlines()]
    return [row for row in rows if not all(re.fullmatch(r":?-*:?", cell) for cell in row)] or [[]]


def _beginning(text: str) -> str:
    """The first words of what is said, without a sentence's end."""
    return " ".join(_LIST_MARK.sub("", text).partition("\n")[0].split()[:_HELD_WORDS]).rstrip(".,;:!?")
