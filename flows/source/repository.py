"""Addresses of books in git: `git+https://host/owner/repo.git@ref#subdir`, read, and corrected where they are almost that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from shared.errors import BookError

SCHEMES = ("git+https", "git+http", "git+ssh", "git+file")
_HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org")
"""Whose repositories are named without a scheme, too."""
_TREE = re.compile(r"(?P<repository>/[^/]+/[^/]+?)(?:/-|/src)?/(?:tree|branch)/(?P<ref>[^/]+)(?:/(?P<subdir>.+))?/?")
"""Path of a folder's page at those hosts."""


@dataclass(frozen=True, slots=True)
class Repository:
    """Where in git a book lives."""

    url: str
    """What git is given: no credentials."""
    secret: str
    """`user:password` of an http(s) address; empty when there is none."""
    ref: str
    """Branch, tag or full commit id; `HEAD` when none was named."""
    subdir: str
    """Folder of the book inside the repository; empty for its root."""
    may_be_private: bool = False
    """Its server may have an address that only this network knows."""

    @property
    def name(self) -> str:
        """The address as it may be shown and logged."""
        ref = "" if self.ref == "HEAD" else f"@{self.ref}"
        return f"git+{self.url}{ref}" + (f"#{self.subdir}" if self.subdir else "")


def is_git(source: str) -> bool:
    """Whether `source` names a git repository rather than a folder."""
    return source.startswith("git+")


def check_not_an_address(source: str) -> None:
    """Raise `BookError`, saying what to write instead, for a repository as git or a browser names it."""
    scheme, given, rest = source.partition("://")
    if not given and (scp := re.fullmatch(r"([\w.-]+@[\w.-]+):(?!/)(.+)", source)):
        scheme, rest = "ssh", f"{scp[1]}/{scp[2]}"
    elif not given and source.removeprefix("www.").startswith(tuple(f"{host}/" for host in _HOSTS)):
        scheme, rest = "https", source
    elif not given:
        return
    scheme = scheme if f"git+{scheme}" in SCHEMES else "https"
    parts = urlsplit(f"{scheme}://{rest}")
    address = f"git+{scheme}://{parts.netloc}{parts.path}" + (f"#{parts.fragment}" if parts.fragment else "")
    if tree := _TREE.fullmatch(parts.path):
        folder = f"#{tree['subdir']}" if tree["subdir"] else ""
        address = f"git+{scheme}://{parts.netloc}{tree['repository']}@{tree['ref']}{folder}"
    raise BookError(f"The book is given as an address, not as a folder; in git it is {parse_repository(address).name!r}.")


def parse_repository(source: str) -> Repository:
    """The parts of a `git+...` address; raises `BookError` when it is none."""
    scheme, _, _ = source.partition("://")
    if scheme not in SCHEMES:
        raise BookError(f"The book's address begins with {scheme!r}; expected one of {', '.join(SCHEMES)}.")
    parts = urlsplit(source.removeprefix("git+"))
    userinfo, at, host = parts.netloc.rpartition("@")
    secret = userinfo if parts.scheme in {"http", "https"} else ""
    path, _, ref = parts.path.partition("@") if "@" in parts.path else (parts.path, "", "")
    subdir = parts.fragment.removeprefix("subdirectory=").strip("/")
    if ref.startswith("-") or ".." in subdir.split("/"):
        raise BookError(f"The book's address holds a ref or a folder that is not allowed: {ref or subdir!r}.")
    netloc = host if secret or not at else parts.netloc
    return Repository(urlunsplit((parts.scheme, netloc, path, "", "")), secret, ref or "HEAD", subdir)
