"""Globs as settings write them."""

from __future__ import annotations

import pytest

from flows.source.globs import FileSelection
from shared.settings import Settings


def takes(path: str, *include: str, exclude: tuple[str, ...] = ()) -> bool:
    return FileSelection(include, exclude).takes(path)


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("**/*.md", "a.md", True),
        ("**/*.md", "part/one/a.md", True),
        ("**/*.md", "a.mdx", False),
        ("*.md", "part/a.md", False),
        ("part/*.md", "part/a.md", True),
        ("part/*.md", "part/one/a.md", False),
        ("part/**", "part/one/a.md", True),
        ("part/**", "part", False),
        ("part/**/a.md", "part/a.md", True),
        ("chapter-?.md", "chapter-7.md", True),
        ("chapter-?.md", "chapter-17.md", False),
        ("[0-9]*.md", "01-intro.md", True),
        ("[!0-9]*.md", "01-intro.md", False),
        ("[z-a].md", "[z-a].md", True),
        ("[!].md", "[!].md", True),
        ("[[&&~~].md", "&.md", True),
        ("[\\d].md", "1.md", False),
        ("README.md", "readme.MD", True),
        ("./docs/*.md", "docs/a.md", True),
        ("/docs/*.md", "docs/a.md", True),
        ("a+b(c).md", "a+b(c).md", True),
        ("a.md", "axmd", False),
        ("книга/*.md", "книга/глава.md", True),
    ],
)
def test_a_glob_matches_whole_paths(glob: str, path: str, matches: bool) -> None:
    assert takes(path, glob) is matches


def test_an_exclude_wins_over_an_include() -> None:
    assert not takes("docs/drafts/a.md", "**/*.md", exclude=("**/drafts/**",))


def test_without_an_include_nothing_is_taken() -> None:
    assert not takes("a.md")


def test_the_defaults_take_markdown_and_leave_out_hidden_files_and_packages() -> None:
    settings = Settings()
    selection = FileSelection(settings.book_include, settings.book_exclude)
    taken = ["a.md", "part/b.mdx", "a.txt", ".hidden.md", ".github/c.md", "x/.vitepress/d.md", "node_modules/e/f.md"]
    assert [path for path in taken if selection.takes(path)] == ["a.md", "part/b.mdx"]


def test_a_folder_that_is_excluded_as_a_whole_is_not_walked() -> None:
    selection = FileSelection(("**/*.md",), ("**/node_modules/**", "**/.*/**", "drafts/*.md"))
    folders = ["node_modules", "a/node_modules", ".git", "drafts", "part"]
    assert [folder for folder in folders if selection.prunes(folder)] == ["node_modules", "a/node_modules", ".git"]


def test_a_long_run_is_matched_in_linear_time() -> None:
    assert not takes("a" * 5_000 + "/", "**/*a*.md")
