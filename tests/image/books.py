"""A book in a bare git repository on this disk, as a host of repositories would keep it, and one that can be pushed to."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OWNER = "1000:1000"
AUTHOR = [
    "-c",
    "user.name=author",
    "-c",
    "user.email=author@example.org",
    "-c",
    "init.defaultBranch=main",
    "-c",
    "safe.directory=*",
]


@dataclass(frozen=True, slots=True)
class PushedBook:
    """`book.git` and the author's working copy of it."""

    bare: Path
    copy: Path

    def push(self) -> None:
        """Commit everything and push it. git works only in a repository of its own user: ours now, the container's later."""
        _git(self.copy, "add", "--all")
        _git(self.copy, "commit", "--quiet", "--message", "As it is now")
        _give(self.bare, f"{os.getuid()}:{os.getgid()}")
        _git(self.copy, "push", "--quiet", str(self.bare), "HEAD:main")
        _give(self.bare, OWNER)

    def change_one_page(self) -> str:
        """Add a paragraph to the first page; its path."""
        page = sorted(self.copy.rglob("*.md*"))[0]
        page.write_text(page.read_text(encoding="utf-8") + "\n\nA sentence the author added today.\n", encoding="utf-8")
        return page.relative_to(self.copy).as_posix()


def make_book(pages: Path, folder: Path) -> PushedBook:
    """The pages of a folder, pushed for the first time."""
    shutil.rmtree(folder, ignore_errors=True)
    book = PushedBook(folder / "served" / "book.git", folder / "copy")
    shutil.copytree(pages, book.copy)
    book.bare.parent.mkdir()
    _git(book.copy, "init", "--quiet")
    _git(folder, "init", "--quiet", "--bare", str(book.bare))
    book.push()
    return book


def _give(folder: Path, owner: str) -> None:
    subprocess.run(["chown", "-R", owner, str(folder)], check=True)


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *AUTHOR, "-C", str(folder), *arguments], check=True, capture_output=True)
