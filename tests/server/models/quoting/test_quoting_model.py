"""Answers that quote."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server.finding.passages import Passage, Passages
from server.models.chat_model import Finished
from server.models.citations import Citations
from server.models.quoting.evidence import find_evidence
from server.models.quoting.question_kind import read_question
from server.models.quoting.quoting_model import Extractive
from server.questions import ChatRequest
from shared.index.bm25 import Bm25
from tests.support.fakes import make_chunk

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


async def ask(question: str, passages: Passages, **fields: str) -> tuple[str, tuple[int, ...], bool]:
    """What the reader sees, what is cited, and whether it abstained."""
    citations = Citations([passage.n for passage in passages.passages])
    request = ChatRequest(question=question, **fields)  # type: ignore[arg-type]
    text = ""
    async for output in Extractive(terms).answer(request, passages.model_copy(update={"query": question})):
        text += citations.feed(output) if isinstance(output, str) else ""
    return text + citations.close(), citations.cited, citations.abstained


async def test_the_sentences_that_answer_are_quoted_with_their_heading_and_cited() -> None:
    passages = found(
        "Wheels:: Wheels turn. A wheel has an axle.",
        "Inverse Kinematics:: Robots are fun. Inverse kinematics finds joint angles for a desired pose. Tea is hot.",
    )
    text, cited, abstained = await ask("What is inverse kinematics used for?", passages)
    assert text == (
        "In the book's own words:\n\n**Robots › Inverse Kinematics**\n\n"
        "“Inverse kinematics finds joint angles for a desired pose.” [2]"
    )
    assert (cited, abstained) == ((2,), False)


async def test_a_sentence_that_leans_on_its_neighbour_comes_with_it() -> None:
    passages = found("ZMP:: The zero moment point matters for walking. It is where moments vanish. Boots are heavy.")
    text, _, _ = await ask("What is the zero moment point?", passages)
    assert "“The zero moment point matters for walking. It is where moments vanish.” [1]" in text


async def test_an_announcement_comes_with_its_list() -> None:
    passages = found("Sensors:: Robots use sensors to perceive:\n\n- Cameras\n\n- Lidar\n\nBread is baked.")
    text, _, _ = await ask("Which sensors do robots use?", passages)
    assert text.endswith("“Robots use sensors to perceive:”\n\n- Cameras\n- Lidar [1]")


async def test_one_item_of_a_list_reads_as_a_sentence() -> None:
    passages = found("Summary:: In short:\n\n- Forward kinematics maps joint angles to the pose.\n\n- Gears turn slowly.")
    text, _, _ = await ask("What does forward kinematics do?", passages)
    assert text.endswith("“Forward kinematics maps joint angles to the pose.” [1]")


async def test_how_to_is_answered_with_the_steps_and_their_code() -> None:
    steps = "1. Set the locale\n\n   ```bash\n   locale-gen\n   ```\n\n2. Install ROS\n\n   ```bash\n   apt install ros\n   ```"
    text, cited, _ = await ask("How do I install ROS?", found(f"Installation:: {steps}\n\nThen rest."))
    assert steps in text
    assert text.endswith("\n\n[1]")
    assert cited == (1,)


async def test_code_is_quoted_only_where_it_is_asked_for() -> None:
    passages = found("Publishing:: A publisher sends messages:\n\n```python\npub = publisher()\n\npub.send(x[9])\n```")
    shown, cited, _ = await ask("Show me example code of a publisher", passages)
    assert "```python\npub = publisher()\n\npub.send(x[9])\n```\n\n[1]" in shown
    assert cited == (1,)
    assert "```" not in (await ask("What is a publisher?", passages))[0]


async def test_long_code_is_cut_at_a_line() -> None:
    code = "\n".join(f"line_{n} = publisher({n})" for n in range(100))
    text, _, _ = await ask("publisher code example", found(f"Code:: ```python\n{code}\n```"))
    assert "line_20" in text
    assert "line_40" not in text
    assert "\n…\n```\n\n[1]" in text


async def test_a_table_row_comes_with_its_header() -> None:
    passages = found("Cost:: | Part | Price |\n| --- | --- |\n| Motor torque unit | 40 |\n| Camera | 90 |")
    text, _, _ = await ask("What is the price of the camera?", passages)
    assert "| Part | Price |\n| --- | --- |\n" in text
    assert "| Camera | 90 |" in text


async def test_tasks_set_for_the_reader_are_no_answers() -> None:
    passages = found(
        "Knowledge Check:: 1. What is a particle filter?\n\n2. Explain how a particle filter samples.",
        "Filters:: The particle filter carries many guesses.",
    )
    text, cited, _ = await ask("What is a particle filter?", passages)
    assert "“The particle filter carries many guesses.” [2]" in text
    assert cited == (2,)


async def test_what_is_said_twice_is_quoted_once() -> None:
    passages = found("A:: Lidar measures distance with light.", "B:: Lidar measures distance with light pulses.")
    text, _, _ = await ask("What does lidar measure?", passages)
    assert text.count("Lidar measures") == 1


async def test_brackets_of_the_book_are_no_markers_of_ours() -> None:
    passages = found("Torque:: Torque is force times radius [1], see [9] and 【1】.", "Other:: Nothing here.")
    text, cited, _ = await ask("What is torque?", passages)
    assert "radius [\u20601], see [\u20609] and 【\u20601】.” [1]" in text
    assert cited == (1,)


@pytest.mark.parametrize("answerable", [True, False])
async def test_where_nothing_answers_the_nearest_sections_are_offered_as_links(answerable: bool) -> None:
    passages = found("Arms [old]:: Arms bend.", "Legs:: Legs walk.", answerable=answerable)
    question = "Why is bread brown?" if answerable else "How do arms bend?"
    text, cited, abstained = await ask(question, passages)
    assert text.startswith("I found no sentence in the book that answers this.")
    assert f"\n- [Robots › Arms old]({passages.passages[0].url}) [1]" in text
    assert (cited, abstained) == ((1, 2), True)


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


async def test_a_question_without_words_of_its_own_takes_them_from_the_selection() -> None:
    passages = found("Gaits:: A gait is a pattern of steps. Cats sleep.")
    text, _, _ = await ask("Explain this", passages, selected_text="the gait of a robot")
    assert "“A gait is a pattern of steps.” [1]" in text


async def test_it_ends_at_once_and_costs_nothing() -> None:
    outputs = [output async for output in Extractive(terms).answer(ChatRequest(question="Joints?"), found("A:: Joints move."))]
    assert outputs[-1] == Finished(reason="stop", prompt_tokens=0, completion_tokens=0)
    assert all(outputs)


def test_pieces_stand_under_the_heading_of_their_section() -> None:
    chunk = make_chunk("## Joints\n\nA joint turns.\n\n## Links\n\nA link connects.")
    passage = Passage(n=1, chunk=chunk, score=1.0, url=chunk.url, heading_path=("Robots",))
    passages = Passages(passages=(passage,), query="", build_id="b", answerable=True)
    (excerpt,) = find_evidence(read_question("What does a link connect?", terms), passages, terms)
    assert [(piece.heading, piece.text) for run in excerpt.runs for piece in run] == [("Links", "A link connects.")]


async def test_a_real_book_answers_what_inverse_kinematics_is_for(real_book: Path) -> None:
    page = (real_book / "part-3-motion-control" / "chapter-9-kinematics-dynamics.mdx").read_text(encoding="utf-8")
    summary = re.sub(r"\*\*", "", page.partition("\n## Summary\n")[2].partition("\n## ")[0]).strip()
    text, cited, _ = await ask("What is inverse kinematics used for?", found(f"Summary:: {summary}"))
    assert "Inverse kinematics finds joint angles for desired poses" in text
    assert cited == (1,)


THERMAL = "Thermal Throttling:: ```bash\n# jetson overheating: raise the fan\nsudo jetson_clocks --fan\n```"


async def test_where_no_sentence_answers_how_the_code_does() -> None:
    text, cited, _ = await ask("How do I stop the jetson overheating?", found(THERMAL))
    assert "sudo jetson_clocks --fan" in text
    assert cited == (1,)


async def test_why_is_not_answered_by_a_program() -> None:
    program = "Launch:: ```python\ndescribe_robot(urdf='need.urdf')\n```"
    assert (await ask("Why does a robot need a urdf?", found(program)))[2]


async def test_a_listing_of_facts_answers_what_no_sentence_does() -> None:
    text, _, _ = await ask("Which GPU is needed for the workstation?", found("Workstation:: ```yaml\nGPU: RTX 4080\n```"))
    assert "GPU: RTX 4080" in text


async def test_the_source_of_a_drawing_is_never_quoted() -> None:
    drawing = "Planning:: ```mermaid\ngraph TD\n  Planning --> B1[Dijkstra]\n```"
    assert (await ask("Show me an example of Dijkstra planning", found(drawing)))[2]


async def test_commands_are_steps_also_beside_a_sentence_that_says_less() -> None:
    memory = "Memory:: When memory is used up, the swap file is full.\n\n```bash\nsudo mkswap /swap  # enlarge the memory\n```"
    text, _, _ = await ask("How do I enlarge the swap memory?", found(memory))
    assert "sudo mkswap /swap" in text
    assert "sudo" not in (await ask("When is the swap memory full?", found(memory)))[0]


async def test_code_that_does_it_goes_before_code_that_uses_the_words() -> None:
    pause = ["    watch()"] * 9
    mentions = "\n".join(["class Monitor:", *pause, "    create(self)", *pause, "    publisher = None"])
    does = "self.pub = self.create_publisher(Twist, 'cmd_vel', 10)"
    passages = found(f"Nodes:: ```python\n{mentions}\n```", f"Talking:: ```python\n{does}\n```")
    text, cited, _ = await ask("How do I create a publisher?", passages)
    assert cited[0] == 2
    assert text.index(does) < len("In the book's own words:\n\n**Robots › Talking**\n\n```python\n") + 1


async def test_words_are_weighed_by_how_rare_they_are_in_the_book_where_that_is_known() -> None:
    passages = found("Summary:: ROS 2 ships many tools. A policy is a promise. Each policy has a name. No policy is for ever.")
    rare = {term: 5.0 if term in terms("policy") else 0.1 for term in terms("ROS 2 policy")}

    async def answer(passages: Passages) -> str:
        parts = Extractive(terms).answer(ChatRequest(question="What is a ROS 2 policy?"), passages)
        return "".join([part async for part in parts if isinstance(part, str)])

    assert "ROS 2 ships" in await answer(passages)
    told = await answer(passages.model_copy(update={"rarity": rare}))
    assert "“A policy is a promise.”" in told
    assert "ROS 2 ships" not in told


@pytest.mark.parametrize("question", ["What is the RRT algorithm?", "What does RRT stand for?"])
async def test_words_for_what_kind_of_thing_it_is_need_not_stand_beside_it(question: str) -> None:
    text, _, _ = await ask(question, found("Planning:: RRT explores the space by sampling points. The algorithm stands."))
    assert "RRT explores" in text


async def test_a_sentence_that_only_shares_the_usual_words_is_no_answer() -> None:
    passages = found(
        "Future:: The future of humanoid robots is bright.",
        "Past:: Humanoid robots fell. Humanoid robots rose.",
        "Ethics:: ```python\nethics(concerns)\n```",
    )
    assert (await ask("What are the ethical concerns of humanoid robots?", passages))[2]


async def test_a_star_in_a_heading_stays_and_emphasises_nothing() -> None:
    text, _, _ = await ask("What is RRT?", found("RRT* (Optimal RRT*):: RRT samples points."))
    assert "**Robots › RRT∗ (Optimal RRT∗)**" in text


async def test_the_sentence_below_a_heading_says_what_the_heading_names() -> None:
    passages = found("Prerequisites:: To follow along you should know:\n\n- Some programming\n\nMuch else is told later.")
    text, _, _ = await ask("What are the prerequisites?", passages)
    assert "“To follow along you should know:”\n\n- Some programming" in text
    assert "Much else" not in text
    assert (await ask("What are the prerequisites of quantum computing?", passages))[2]


async def test_an_announcement_brings_the_first_of_several_lists_with_its_name() -> None:
    text, _, _ = await ask(
        "What is ROS 2?", found("ROS:: ROS 2 answers the needs of robots:\n\nLimits:\n\n- One master\n\nThe end.")
    )
    assert "needs of robots:”\n\n“Limits:”\n\n- One master [1]" in text


async def test_a_question_of_nothing_but_asking_words_takes_its_subject_from_the_conversation() -> None:
    asked = found("Kalman:: The filter:\n\n```python\nkalman()\n```").model_copy(
        update={"question": "What is a Kalman filter?\nShow me the code"}
    )
    request = ChatRequest(question="Show me the code")
    text = "".join([part async for part in Extractive(terms).answer(request, asked) if isinstance(part, str)])
    assert "kalman()" in text


async def test_what_stands_in_another_section_than_the_passage_is_cited_for_has_its_own_link() -> None:
    passages = found("Arms:: Arms carry grippers.\n\n## Wrist\n\nA wrist turns the gripper of the arm.")
    (passage,) = passages.passages
    text, cited, _ = await ask("Which grippers of the arm?", passages)
    assert "**Robots › Arms**\n\n“Arms carry grippers.” [1]\n\n" in text
    page = passage.url.partition("#")[0]
    assert f"**[Arms › Wrist]({page}#wrist)**\n\n“A wrist turns the gripper of the arm.” [1]" in text
    assert cited == (1,)


async def test_an_announcement_of_nothing_is_not_quoted() -> None:
    passages = found("Installing:: ROS is installed with apt. Complete the installation of ROS with these steps:")
    text, _, _ = await ask("How do I install ROS?", passages)
    assert "with apt" in text
    assert "these steps" not in text


async def test_a_table_behind_its_announcement_has_the_rule_that_makes_it_one() -> None:
    table = "The camera publishes these topics:\n\n| Topic | Type |\n| --- | --- |\n| /depth | Image |"
    text, _, _ = await ask("Which topics does the camera publish?", found(f"Topics:: {table}"))
    assert "topics:”\n\n| Topic | Type |\n| --- | --- |\n| /depth | Image |" in text


async def test_code_does_not_say_what_something_is() -> None:
    _, _, abstained = await ask("What is a jetson fan?", found(THERMAL))
    assert abstained


async def test_aims_and_tasks_are_quoted_only_when_asked_about() -> None:
    aims = found("What You'll Learn:: Compute inverse kinematics for serial manipulators.")
    assert (await ask("What is inverse kinematics used for?", aims))[2]
    assert "serial manipulators" in (await ask("What will I learn about inverse kinematics?", aims))[0]


async def test_the_question_is_read_as_it_was_searched_for() -> None:
    passages = found("Summary:: Inverse kinematics finds joint angles.").model_copy(update={"question": "inverse kinematics"})
    assert "finds joint angles" in (await ask("invers kinematcs", passages))[0]


async def test_what_spells_an_abbreviation_out_speaks_of_it() -> None:
    texts = ("Summary:: ZMP theory is the foundation.", "Balance:: The zero moment point is where the forces add up to none.")
    known = found(*texts).model_copy(update={"long_forms": {"ZMP": "zero moment point"}})

    assert "“The zero moment point is where" in (await ask("What is ZMP?", known))[0]
    assert "zero moment point" not in (await ask("What is ZMP?", found(*texts)))[0]
