"""Addresses of services, as settings hold them."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_address(text: str) -> bool:
    """Whether `text` has the form of an http(s) address with a host."""
    try:
        parts = urlsplit(text)
    except ValueError:  # brackets of IPv6 that do not match
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
