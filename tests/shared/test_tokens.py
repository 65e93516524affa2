"""Counting tokens, exactly and on the high side."""

from __future__ import annotations

import base64
import hashlib
import random
import string
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import ServiceError
from shared.settings import Settings
from shared.tokens import VOCABULARY_FILE, Tokenizer, check_vocabulary, estimate_tokens, load_tokenizer, vocabulary_folder
from tests.conftest import REPOSITORY

PROSE = "Inverse kinematics finds the joint angles that bring the hand to a given place in the room. "


@pytest.fixture(scope="module")
def exact() -> Tokenizer:
    tokenizer = load_tokenizer(vocabulary_folder(REPOSITORY / Settings.model_fields["data_dir"].default))
    if not tokenizer.exact:
        pytest.skip("the vocabulary was not fetched at set-up")
    return tokenizer


def test_without_a_vocabulary_counts_are_estimates(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(tmp_path)
    assert not tokenizer.exact
    assert tokenizer.count(PROSE) == estimate_tokens(PROSE)


def test_a_vocabulary_with_other_bytes_is_not_used(tmp_path: Path) -> None:
    (tmp_path / VOCABULARY_FILE).write_bytes(b"IQ== 0\n")
    assert not load_tokenizer(tmp_path).exact
    with pytest.raises(ServiceError, match=hashlib.sha256(b"IQ== 0\n").hexdigest()):
        check_vocabulary(b"IQ== 0\n")


def test_with_the_vocabulary_counts_are_those_of_openai(exact: Tokenizer) -> None:
    assert exact.count("tiktoken is great!") == 6  # OpenAI's cookbook, How to count tokens with tiktoken
    assert exact.count("antidisestablishmentarianism") == 6
    assert exact.count("2 + 2 = 4") == 7
    assert exact.count("お誕生日おめでとう") == 9
    assert exact.count("<|endoftext|>") == 7  # never a special token, whatever a book says
    assert exact.count("") == 0


OPENAI_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
"""`tiktoken_ext/openai_public.py`, as published."""


@pytest.fixture(scope="module")
def published(exact: Tokenizer) -> tiktoken.Encoding:
    """cl100k_base as tiktoken builds it."""
    vocabulary = vocabulary_folder(REPOSITORY / Settings.model_fields["data_dir"].default) / VOCABULARY_FILE
    lines = (line.split() for line in vocabulary.read_bytes().splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    return tiktoken.Encoding("published", pat_str=OPENAI_PATTERN, mergeable_ranks=ranks, special_tokens={})


@settings(max_examples=1000, deadline=None, derandomize=True, database=None)
@given(text=st.one_of(st.text(alphabet=" \n\r\t'sStTlLeEaéß1٣½!-\u0301\u2028\u3000汉", max_size=40), st.text(max_size=60)))
def test_text_is_cut_into_the_pieces_that_openai_cuts(exact: Tokenizer, published: tiktoken.Encoding, text: str) -> None:
    assert exact.count(text) == len(published.encode_ordinary(text))


def _samples() -> dict[str, str]:
    noise = random.Random(7)
    hashes = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(20)]
    return {
        "prose": PROSE * 10,
        "capitals": PROSE.upper() * 10,
        "python": (REPOSITORY / "shared" / "tokens.py").read_text(encoding="utf-8"),
        "markdown": "\n".join(page.read_text(encoding="utf-8") for page in (REPOSITORY / "docs").glob("*.md")),
        "table": "| joint | angle | 12.5 |\n|-------|:-----:|-----:|\n" * 20,
        "numbers": "  12   345 6789 | 0     0    0.25\n" * 20,
        "hashes": "\n".join(hashes),
        "base64": base64.b64encode(noise.randbytes(600)).decode(),
        "latex": r"$$\begin{bmatrix} \cos\theta & -\sin\theta \\ \dot{q}_{i+1} \end{bmatrix}$$ " * 10,
        "german": "Die Rückwärtskinematik berechnet Gelenkwinkel aus der gewünschten Greiferstellung. " * 10,
        "finnish": "Käänteiskinematiikka laskee nivelkulmat, jotka vievät kouran haluttuun paikkaan. " * 10,
        "russian": "Обратная кинематика находит углы сочленений манипулятора. " * 10,
        "hindi": "व्युत्क्रम गतिकी जोड़ों के कोण ज्ञात करती है। " * 10,
        "arabic": "الحركية العكسية تحسب زوايا المفاصل. " * 10,
        "chinese": "逆运动学计算关节角度，使机械手到达给定位置。" * 10,
        "japanese": "逆運動学は、手先を目標位置に動かす関節角度を求めます。" * 10,
        "korean": "역기구학은 손끝을 목표 위치로 옮기는 관절 각도를 구한다. " * 10,
        "emoji": "🤖🦾👩‍💻🧑🏽‍🚀🇩🇪👍🏿✨" * 20,
        "box drawing": "┌────────┐\n│ Planer │\n└───┬────┘\n" * 10,
        "punctuation": "".join(noise.choices(string.punctuation, k=800)),
        "any bytes": "".join(chr(noise.randint(0, 0xD7FF)) for _ in range(400)),
    }


@pytest.mark.parametrize("name", _samples())
def test_an_estimate_is_never_too_low(exact: Tokenizer, name: str) -> None:
    text = _samples()[name]
    assert estimate_tokens(text) >= exact.count(text)


def test_an_estimate_of_prose_is_at_most_three_times_too_high(exact: Tokenizer) -> None:
    assert estimate_tokens(PROSE * 20) <= 3 * exact.count(PROSE * 20)


@pytest.mark.parametrize("name", _samples())
def test_every_kind_of_text_has_as_many_tokens_as_openai_counts(
    exact: Tokenizer, published: tiktoken.Encoding, name: str
) -> None:
    assert exact.count(_samples()[name]) == len(published.encode_ordinary(_samples()[name]))


@pytest.mark.parametrize("run", [" ", "\n", " \n", "\t", "\u3000"])
def test_a_long_run_of_white_space_is_counted(exact: Tokenizer, run: str) -> None:
    assert exact.count(f"a{run * 200_000}a") > 0


@pytest.mark.parametrize("run", ["a", "aA", "a1", " ", "=", "é", "0", "\n"])
def test_an_estimate_of_a_long_run_is_linear(run: str) -> None:
    assert estimate_tokens(run * 100_000) > 0
