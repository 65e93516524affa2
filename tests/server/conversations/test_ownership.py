from __future__ import annotations

import random
import secrets
import string
import uuid

import pytest

from server.conversations.ownership import is_key

BASE36 = string.digits + string.ascii_lowercase
NANOID = string.ascii_letters + string.digits + "_-"
CONSTANTS = [
    "s", "default", "user-1", "anonymous", "test", "session", "session_12345", "web-user", "12345678", "1699999999999",
    "session_1699999999999", "session-1699999999", "user_1699999999999", "anonymous-user-session",
    "my-physical-ai-book-session",
    "physical_ai_and_humanoid_robotics_textbook_reader", "default-session-id", "chatbot-widget-session-2025", "undefined",
    "null",
    "[object Object]", "NaN", "00000000-0000-0000-0000-000000000000", "a" * 64, "0123456789" * 3, "reader@example.org", "",
    "session_1699999999999_anonymous", "guest-user-1700000000000",
]  # fmt: skip


@pytest.mark.parametrize("sent", CONSTANTS)
def test_what_another_reader_may_send_too_is_no_key(sent: str) -> None:
    assert not is_key(sent)


def draw(kind: str, rng: random.Random) -> str:
    """One as a front end makes it; the clock and the chance are the test's."""
    clock = rng.randrange(1_600_000_000_000, 1_900_000_000_000)
    known = uuid.UUID(int=rng.getrandbits(128), version=4)
    return {
        "uuid": str(known),
        "hex": known.hex,
        "prefixed uuid": f"session-{known}",
        "clock and nine": f"session_{clock}_{''.join(rng.choices(BASE36, k=9))}",
        "clock and five": f"{clock}-{''.join(rng.choices(BASE36, k=5))}",
        "clock and fraction": f"session_{clock}_{rng.random()}",
        "nanoid": "".join(rng.choices(NANOID, k=21)),
        "token": "".join(rng.choices(string.ascii_letters + string.digits, k=32)),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "least"),
    [("uuid", 1.0), ("hex", 1.0), ("prefixed uuid", 1.0), ("clock and nine", 0.99), ("clock and five", 0.9), ("nanoid", 0.95),
     ("token", 0.99), ("clock and fraction", 0.99)],
)  # fmt: skip
def test_what_front_ends_draw_at_random_is_a_key(kind: str, least: float) -> None:
    rng = random.Random(kind)
    assert sum(is_key(draw(kind, rng)) for _ in range(5000)) / 5000 >= least


def test_an_id_made_here_is_a_key() -> None:
    assert all(is_key(uuid.uuid4().hex) and is_key(secrets.token_hex(16)) for _ in range(1000))
