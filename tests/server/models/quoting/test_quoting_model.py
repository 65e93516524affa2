"""Answers that quote."""

from __future__ import annotations

import re
import threading

import pytest

from server.finding.passages import Part, Passage, Passages
from server.models.chat_model import Finished
from server.models.citation_markers import NO_ANSWER
from server.models.citations import Citations
from server.models.quoting.quoting_model import Extractive
from server.questions import ChatRequest
from shared.index.bm25 import Bm25
from tests.support.fakes import make_chunk
from tests.support.small_book import read

BM25 = Bm25("english")


def terms(text: str) -> frozenset[int]:
    return frozenset(BM25.query(text).indices)


def found(*texts: str, answerable: bool = True) -> Passages:
    """One passage per text; 'Heading: text' gives it a heading, which the rendering names first as the index does."""
    passages: list[Passage] = []
    for n, given in enumerate(texts, 1):
        heading, _, text = given.partition(":: ")
        chunk = make_chunk(text, heading=heading, n=n)
        passages.append(Passage(n=n, chunk=chunk, score=1 / n, url=chunk.url, heading_path=chunk.heading_path))
    return Passages(passages=tuple(passages), query="", build_id="b", answerable=answerable)


def level(passages: Passages) -> Passages:
    """The same passages, each found as good as the first."""
    return passages.model_copy(update={"passages": tuple(one.model_copy(update={"score": 1.0}) for one in passages.passages)})


async def ask(question: str, passages: Passages, **fields: str) -> tuple[str, tuple[int, ...], bool]:
    """What the reader sees, what is cited, and whether it abstained."""
    citations = Citations([passage.n for passage in passages.passages])
    request = ChatRequest(question=question, **fields)  # type: ignore[arg-type]
    text = ""
    async for output in Extractive(terms).answer(request, passages.model_copy(update={"query": question})):
        text += citations.feed(output) if isinstance(output, str) else ""
    return text + citations.close(), citations.cited, citations.abstained


async def test_what_to_quote_is_chosen_beside_the_loop() -> None:
    threads: set[int] = set()

    def terms_in_a_thread(text: str) -> frozenset[int]:
        threads.add(threading.get_ident())
        return terms(text)

    request = ChatRequest(question="What is inverse kinematics?")
    passages = found("Inverse Kinematics:: Inverse kinematics finds joint angles.")
    assert [output async for output in Extractive(terms_in_a_thread).answer(request, passages)]
    assert threads
    assert threading.get_ident() not in threads


async def test_the_section_that_answers_is_quoted_under_its_heading_and_cited() -> None:
    passages = found(
        "Inverse Kinematics:: Robots are fun. Inverse kinematics finds joint angles for a desired pose.",
        "Wheels:: Wheels turn. A wheel has an axle.",
    )
    text, cited, abstained = await ask("What is inverse kinematics used for?", passages)
    assert text == (
        "In the book's own words:\n\n**Robots › Inverse Kinematics**\n\n"
        "Robots are fun. Inverse kinematics finds joint angles for a desired pose. [1]"
    )
    assert (cited, abstained) == ((1,), False)


async def test_numbers_follow_the_order_of_appearance_and_open_the_section_that_is_quoted() -> None:
    passages = found(
        "Wheels:: Wheels roll.", "Legs:: Legs walk.", "Arms:: Arms carry.\n\n## Wrist\n\nA wrist turns the gripper."
    )
    request = ChatRequest(question="Which wrist turns the gripper?")
    wheels, legs, arms = passages.passages
    likely = passages.model_copy(update={"passages": (wheels, legs, arms.model_copy(update={"score": 1.0}))})
    model = Extractive(terms)
    arranged = model.arrange(request, likely)
    first, *others = arranged.passages
    assert [first.n, *(one.n for one in others)] == [1, 2, 3]
    assert first.url.endswith("#wrist")
    assert first.heading_path[-1] == "Wrist"
    text = "".join([part async for part in model.answer(request, arranged) if isinstance(part, str)])
    assert "A wrist turns the gripper. [1]" in text


async def test_what_to_quote_is_chosen_once() -> None:
    asked: list[str] = []

    def noted(text: str) -> frozenset[int]:
        asked.append(text)
        return terms(text)

    request, passages = ChatRequest(question="Which legs walk?"), found("Wheels:: Wheels roll.", "Legs:: Legs walk.")
    model = Extractive(noted)
    arranged = model.arrange(request, passages)
    assert asked
    asked.clear()
    text = "".join([part async for part in model.answer(request, arranged) if isinstance(part, str)])
    assert "Legs walk. [1]" in text
    assert asked == []


async def test_a_list_is_quoted_whole_with_the_line_that_introduces_it() -> None:
    passages = found(
        "Sensors:: Robots use sensors to perceive:\n\n- Cameras\n  - with depth\n- Lidar - and more\n\nBread is baked."
    )
    text, _, _ = await ask("Which sensors do robots use?", passages)
    assert "Robots use sensors to perceive:\n\n- Cameras\n  - with depth\n- Lidar - and more\n" in text


async def test_of_a_list_that_is_too_long_the_items_that_match_are_shown_and_the_gaps_marked() -> None:
    items = "\n".join(f"- Part {n} of the machine is made of wood and some glue" for n in range(40))
    text, _, _ = await ask("Where is the titanium?", found(f"Parts:: {items}\n- The titanium is in the wrist."))
    assert "- The titanium is in the wrist." in text
    assert "\n…\n" in text


async def test_rows_that_match_come_with_the_header_when_a_table_is_too_long() -> None:
    rows = "\n".join(f"| Motor number {n} with gears and a long name | {n} |" for n in range(40))
    text, _, _ = await ask(
        "What is the price of the camera?", found(f"Cost:: | Part | Price |\n| --- | --- |\n{rows}\n| Camera | 90 |")
    )
    assert "| Part | Price |\n| --- | --- |\n" in text
    assert "| Camera | 90 |" in text
    assert text.count("| Motor") < 40
    assert "\n\n…\n\n[1]" in text


async def test_of_a_table_in_a_long_section_the_rows_that_match_leave_room_for_what_is_said_of_them() -> None:
    rows = "\n".join(f"| Interface number {n} | four of the first kind | two of the other kind |" for n in range(8))
    table = f"| Feature | 8GB | 4GB |\n| --- | --- | --- |\n| Memory | 8GB wide | 4GB narrow |\n{rows}"
    advice = "We recommend the 8GB variant, as it has " + " ".join(["room"] * 40)
    text, _, _ = await ask("8GB or 4GB, which one?", found(f"Boards:: {table}\n\n{advice}"))
    assert "| Feature | 8GB | 4GB |\n| --- | --- | --- |\n| Memory | 8GB wide | 4GB narrow |\n\n…" in text
    assert "We recommend the 8GB variant" in text
    assert "Interface" not in text


async def test_a_section_that_introduces_those_below_it_is_shown_with_them() -> None:
    stages = "Pipeline:: The voice pipeline has stages:\n\n### 1. Listening\n\nSound comes.\n\n### 2. Acting\n\nAn arm moves."
    text, cited, _ = await ask("What are the stages of the voice pipeline?", found(stages, "Else:: Nothing."))
    shown = [re.sub(r"\(http[^)]*\)", "", line) for line in text.splitlines() if line]
    assert shown[1:] == [
        "**Robots › Pipeline**",
        "The voice pipeline has stages: [1]",
        "**[Pipeline › 1. Listening]**",
        "Sound comes. [1]",
        "**[Pipeline › 2. Acting]**",
        "An arm moves. [1]",
    ]
    assert cited == (1,)


async def test_code_comes_with_what_introduces_it() -> None:
    code = "```python\npub = publisher()\n\npub.send(x[9])\n```"
    text, cited, _ = await ask("publisher code", found(f"Publishing:: A publisher sends messages:\n\n{code}"))
    assert f"A publisher sends messages:\n\n{code}\n\n[1]" in text
    assert cited == (1,)


async def test_long_code_keeps_its_fences_and_the_lines_that_hold_most() -> None:
    lines = "\n".join(f"line_{n} = other({n}) + some(more) * words" for n in range(100))
    text, _, _ = await ask("publisher code", found(f"Code:: ```python\n{lines}\npub = publisher()\n```"))
    assert "```python\n…\n" in text
    assert "pub = publisher()\n```" in text
    assert "line_1 =" not in text


async def test_lines_of_a_listing_are_shown_below_those_they_stand_in() -> None:
    filler = "\n".join(f"        self.part_{n} = other({n}) + some(more) * words" for n in range(60))
    code = (
        f"class Publisher:\n    def __init__(self):\n{filler}\n\n    def send(self):\n{filler}\n\n"
        "        if self.ready:\n            return self.torque"
    )
    text, _, _ = await ask("code that returns the torque", found(f"Code:: ```python\n{code}\n```"))
    assert "```python\nclass Publisher:\n…\n    def send(self):\n…\n        self.part_" in text
    assert "        if self.ready:\n            return self.torque\n```" in text
    assert "__init__" not in text


@pytest.mark.parametrize(
    "picture",
    [
        "![The arm of the robot](arm_(left).png)",
        "![The arm of the robot][arm]",
        '[![The arm of the robot](arm.png "An arm")](https://arm.example) ![The arm of the robot](x.png)',
        '<img src="arm.png" alt="The arm of the robot" />',
    ],
)
async def test_alternative_texts_are_quoted_when_pictures_are_asked_for(picture: str) -> None:
    passages = found(f"Arms:: {picture}\n\nAn arm ![lifts](x.png) boxes.")
    text, _, _ = await ask("What does the arm of the robot do?", passages)
    assert "The arm of the robot" not in text
    assert "An arm lifts boxes. [1]" in text
    for question in ("Is there a picture of the arm?", "¿Hay una imagen del brazo?", "کیا بازو کی تصویر ہے؟", "有图片吗？"):
        text, _, _ = await ask(question, passages)
        assert "The arm of the robot" in text


async def test_of_a_long_section_a_problem_is_quoted_with_its_remedy() -> None:
    others = "\n\n".join(f"**Problem:** The camera number {n} sees {'nothing at all ' * 8}" for n in range(9))
    said = "**Problem:** The camera on the mast is blurred.\n\n**Remedy**: Wipe it."
    text, _, _ = await ask("The camera on the mast is blurred", found(f"Trouble:: {others}\n\n{said}\n\n{others}"))
    assert "Problem: The camera on the mast is blurred.\n\nRemedy: Wipe it." in text


async def test_a_line_in_bold_type_stays_with_the_list_below_it() -> None:
    prose = "\n\n".join(f"Paragraph {n} " + "says nothing of interest here " * 8 for n in range(10))
    text, _, _ = await ask("What is the payload?", found(f"Arm:: {prose}\n\n**What it can not do**\n\n- Payload: two kilos"))
    assert "What it can not do\n\n- Payload: two kilos" in text


async def test_steps_are_quoted_with_their_code() -> None:
    steps = "1. Set the locale\n\n   ```bash\n   locale-gen\n   ```\n\n2. Install ROS\n\n   ```bash\n   apt install ros\n   ```"
    text, _, _ = await ask("How do I install ROS?", found(f"Installation:: {steps}"))
    assert "locale-gen" in text
    assert "apt install ros" in text


async def test_code_without_a_fence_gets_one() -> None:
    text, _, _ = await ask("publisher", found("Code::     pub = publisher()"))
    assert "```\npub = publisher()\n```" in text


async def test_a_second_section_that_comes_near_the_first_is_quoted_too() -> None:
    passages = level(found("Topics:: A topic carries messages.", "Services:: A service answers messages."))
    text, cited, _ = await ask("messages", passages)
    assert "A topic carries messages. [1]" in text
    assert "A service answers messages. [2]" in text
    assert cited == (1, 2)


async def test_a_comparison_shows_both_sides() -> None:
    sections = (
        "Summary:: Topics and services connect nodes.",
        "Topics:: Topics are asynchronous.",
        "Services:: Services are synchronous.",
        "Actions:: Actions take long.",
    )
    passages = level(found(*sections)).model_copy(update={"sides": ("topics", "services")})
    text, cited, _ = await ask("What is the difference between topics and services?", passages)
    assert cited == (2, 3)
    assert re.findall(r"\bare \w+\. \[\d\]", text) == ["are asynchronous. [2]", "are synchronous. [3]"]


async def test_a_part_of_a_question_that_is_not_answered_is_named() -> None:
    parts = (Part(question="What is a gait", answerable=True), Part(question="what does a horse eat?", answerable=False))
    passages = found("Gaits:: A gait is a pattern of steps.").model_copy(update={"parts": parts})
    text, cited, abstained = await ask("What is a gait, and what does a horse eat?", passages)
    assert text.endswith(
        "steps. [1]\n\nThe book does not seem to answer this part of the question:\n\n- what does a horse eat?"
    )
    assert (cited, abstained) == ((1,), False)


async def test_the_section_that_is_about_what_is_asked_goes_before_one_that_is_also_about_something_else() -> None:
    passages = level(found("Services for Nodes and Topics:: A node answers.", "Nodes:: A node computes."))
    _, cited, _ = await ask("Define node", passages)
    assert cited[0] == 2


async def test_a_part_that_asks_for_none_of_the_sections_takes_no_further_one() -> None:
    passages = found("What You'll Learn:: You will learn to walk.").model_copy(
        update={"parts": (Part(question="What will I learn?", answerable=True), Part(question="Who walks?", answerable=True))}
    )
    _, cited, _ = await ask("What will I learn, and who walks?", passages)
    assert cited == (1,)


async def test_code_alone_is_no_answer_where_prose_has_one() -> None:
    code = "Callback:: ```python\ncontrol_loop_frequency = 10  # control loop\n```"
    prose = "Real Time:: A control loop runs at a frequency of 100 to 1000 Hz."
    text, cited, _ = await ask("At what frequency does a control loop run?", level(found(code, prose)))
    assert cited[0] == 2
    assert (await ask("Show me code for the frequency of a control loop", level(found(code, prose))))[1][0] == 1
    assert "1000 Hz" in text


async def test_a_bare_keyword_gets_its_section() -> None:
    text, _, _ = await ask("nvpmodel", found("Power:: Set the mode:\n\n```bash\nsudo nvpmodel -m 0\n```"))
    assert "sudo nvpmodel -m 0" in text


async def test_tasks_set_for_the_reader_are_no_answers() -> None:
    passages = found(
        "Knowledge Check:: 1. What is a particle filter?\n\n2. How does a particle filter sample?",
        "Filters:: The particle filter carries many guesses.",
    )
    text, cited, _ = await ask("What is a particle filter?", passages)
    assert "The particle filter carries many guesses. [2]" in text
    assert cited == (2,)


async def test_what_stands_below_a_heading_of_exercises_is_none_either() -> None:
    task = "Exercises:: Do these.\n\n### Exercise 1: Publish to a topic\n\n1. Publish to a topic."
    text, cited, _ = await ask("How do I publish to a topic?", found(task, "Topics:: Call publish with a message."))
    assert "Call publish with a message. [2]" in text
    assert cited == (2,)


async def test_what_will_be_learned_is_told_to_who_asks_for_it() -> None:
    passages = found("What You'll Learn:: You will learn to walk.", "Legs:: Legs learn to walk in time.")
    text, _, _ = await ask("What will I learn?", passages)
    assert "You will learn to walk. [1]" in text


async def test_brackets_of_the_book_are_no_markers_of_ours() -> None:
    passages = found("Torque:: Torque is force times radius [1], see [9] and 【1】.", "Other:: Nothing here.")
    text, cited, _ = await ask("What is torque?", passages)
    assert "radius [\u20601], see [\u20609] and 【\u20601】. [1]" in text
    assert cited == (1,)


async def test_where_the_book_does_not_answer_the_nearest_sections_are_offered_as_links() -> None:
    passages = found("Arms [old]:: Arms bend.", "Legs:: Legs walk.", answerable=False)
    text, cited, abstained = await ask("Why is bread brown?", passages)
    assert text.startswith("I found nothing in the book that answers this.")
    assert f"\n- [Robots › Arms old]({passages.passages[0].url}) [1]" in text
    assert (cited, abstained) == ((1, 2), True)


async def test_what_the_search_holds_answerable_is_answered() -> None:
    text, _, abstained = await ask("Why is bread brown?", found("Arms:: Arms bend."))
    assert "Arms bend. [1]" in text
    assert not abstained


async def test_a_section_found_twice_is_offered_once_in_the_place_of_its_best_passage() -> None:
    passages = found("Arms:: Arms bend.", "Legs:: Legs walk.", "Arms:: Arms swing.", answerable=False)
    first, legs, again = passages.passages
    same = passages.model_copy(update={"passages": (first, legs, again.model_copy(update={"url": first.url}))})
    text, cited, _ = await ask("Why is bread brown?", same)
    assert cited == (1, 2)
    assert text.index("Arms") < text.index("Legs")


async def test_without_passages_it_says_so() -> None:
    text, cited, abstained = await ask("Why?", found())
    assert (text, cited, abstained) == ("The book does not seem to say anything about this.", (), True)


async def test_of_a_long_section_a_selection_is_explained_by_the_blocks_that_hold_it() -> None:
    prose = "\n\n".join(f"Paragraph {n} " + "says nothing of interest here " * 8 for n in range(10))
    passages = found(f"Gaits:: {prose}\n\nA gait is a pattern of steps.")
    text, _, _ = await ask("Explain this", passages, selected_text="the gait")
    assert "A gait is a pattern of steps." in text


async def test_a_selection_is_explained_by_what_stands_around_it_and_never_by_itself() -> None:
    said = "A gait is a pattern of steps with a rhythm."
    passages = found(f"Gaits:: {said}\n\nWalking has one, and so has running.")
    text, cited, abstained = await ask(
        "What does this mean?", passages, selected_text="A gait is a **pattern** of steps with a rhythm"
    )
    assert (text.partition("**\n\n")[2], cited, abstained) == ("Walking has one, and so has running. [1]", (1,), False)
    text, _, _ = await ask("What does this mean?", passages, selected_text="a pattern of steps")
    assert said in text
    _, _, abstained = await ask("What does this mean?", found(f"Gaits:: {said}"), selected_text=said)
    assert abstained


async def test_it_ends_at_once_and_costs_nothing() -> None:
    outputs = [output async for output in Extractive(terms).answer(ChatRequest(question="Joints?"), found("A:: Joints move."))]
    assert outputs[-1] == Finished(reason="stop", prompt_tokens=0, completion_tokens=0)
    assert all(outputs)


async def test_a_star_in_a_heading_stays_and_emphasises_nothing() -> None:
    text, _, _ = await ask("What is RRT?", found("RRT* (Optimal RRT*):: RRT samples points."))
    assert "**Robots › RRT∗ (Optimal RRT∗)**" in text


async def test_every_line_of_an_answer_stands_in_the_book(request: pytest.FixtureRequest) -> None:
    folder = request.config.rootpath / "tests" / "fixtures" / "sites"
    files = [*folder.rglob("*.md"), *folder.rglob("*.mdx")]
    chunks = read({f"{n}.md": path.read_text(encoding="utf-8") for n, path in enumerate(sorted(files))})
    chunks += read({"lists.md": "# Lists\n\n- Direct method requests - these are messages\n- 3. is a number + 4 * 5\n\nEnd."})
    model, answers = Extractive(terms), 0
    for chunk in chunks:
        passage = Passage(n=1, chunk=chunk, score=1.0, url=chunk.url, heading_path=chunk.heading_path)
        for question in {" ".join(chunk.heading_path), *chunk.content.splitlines(), *re.split(r"\W{2,}", chunk.content)} - {""}:
            passages = Passages(passages=(passage,), query=question, build_id="b", answerable=True)
            asked = ChatRequest(question=question[:200])
            text = "".join([part async for part in model.answer(asked, passages) if isinstance(part, str)])
            if text.startswith(NO_ANSWER):
                continue
            answers += 1
            quoted = re.sub(r" ?\[1\](?=\n|\Z)", "", text).replace("\u2060", "").split("\n")[2:]
            ours = re.compile(r"(?:\*\*.*\*\*|…|\|(?: --- \|)+|```|)")
            assert [line for line in quoted if line not in chunk.content and not ours.fullmatch(line)] == []
    assert answers > 200
