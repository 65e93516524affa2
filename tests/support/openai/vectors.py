"""Vectors that can be computed by hand: texts that share words are near each other."""

from __future__ import annotations

import base64
import math
import re
import struct
import zlib
from collections.abc import Sequence


def bag_of_words(text: str, length: int) -> list[float]:
    """A unit vector of `length` floats: each word adds 1 at crc32(word) mod `length`."""
    vector = [0.0] * length
    for word in re.findall(r"\w+", text.lower()) or [""]:
        vector[zlib.crc32(word.encode()) % length] += 1.0
    norm = math.sqrt(sum(value * value for value in vector))
    return [value / norm for value in vector]


def as_base64(vector: Sequence[float]) -> str:
    """Little-endian float32, base64: what the SDK asks for by default."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
