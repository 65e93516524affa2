"""Addresses of services, as settings hold them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def is_address(text: str) -> bool:
    """Whether `text` has the form of an http(s) address with a host and, if any, a port."""
    if re.search(r"\s", text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets of IPv6 that do not match, or a port that is none
        return False
