"""Where a book lives and which of its files are pages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.source import files as source_module
from flows.source.files import BookSource, Listing, find_files, open_source, public_name, read_file
from flows.source.globs import FileSelection
from shared.errors import BookError, DocumentError

MARKDOWN = FileSelection(("**/*.md", "**/*.mdx"), ("**/.*",))


def write(root: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def find(root: Path, selection: FileSelection = MARKDOWN) -> Listing:
    return find_files(open_source(str(root), data_dir=root), selection)


def reasons(listing: Listing) -> dict[str, str]:
    return {problem.path: problem.reason for problem in listing.problems}


def test_files_are_listed_by_path_with_forward_slashes(tmp_path: Path) -> None:
    write(tmp_path, b_md="b", a__c_md="c", a_md="a", note="no")
    assert find(tmp_path) == Listing(("a.md", "a/c.md", "b.md"), 3)


def test_where_no_book_is_to_be_read_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"^BOOK_SOURCE is 'none': no book is read here\."):
        open_source("none", data_dir=tmp_path)


def test_a_token_in_the_address_is_not_shown() -> None:
    assert public_name("git+https://x:secret@host/r.git@main#docs") == "git+https://host/r.git@main#docs"
    assert public_name("docs") == "docs"


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"folder '.*nowhere' does not exist\."):
        open_source(str(tmp_path / "nowhere"), data_dir=tmp_path)


def test_a_file_is_no_book(tmp_path: Path) -> None:
    write(tmp_path, a_md="a")
    with pytest.raises(BookError, match="is a file; give the folder"):
        open_source(str(tmp_path / "a.md"), data_dir=tmp_path)


def test_a_folder_without_markdown_says_what_was_looked_for(tmp_path: Path) -> None:
    write(tmp_path, note="no")
    with pytest.raises(BookError, match=r"There is no Markdown in .*: no file matches \*\*/\*\.md, \*\*/\*\.mdx"):
        find(tmp_path)


def test_a_link_within_the_book_is_a_page(tmp_path: Path) -> None:
    write(tmp_path, a_md="a")
    (tmp_path / "b.md").symlink_to("a.md")
    assert find(tmp_path).paths == ("a.md", "b.md")


def test_a_link_out_of_the_book_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path, secret_md="secret", book__a_md="a")
    (tmp_path / "book" / "b.md").symlink_to(tmp_path / "secret.md")
    listing = find(tmp_path / "book")
    assert listing.paths == ("a.md",)
    assert reasons(listing) == {"b.md": "the symbolic link leads out of the book"}


def test_links_to_folders_rings_and_nowhere_are_reported(tmp_path: Path) -> None:
    write(tmp_path, a_md="a", part__b_md="b")
    (tmp_path / "again").symlink_to("part")
    (tmp_path / "lost.md").symlink_to("gone.md")
    (tmp_path / "ring.md").symlink_to("ring.md")
    listing = find(tmp_path)
    assert listing.paths == ("a.md", "part/b.md")
    assert reasons(listing) == {
        "again": "the folder is a symbolic link, which is not followed",
        "lost.md": "the symbolic link leads nowhere",
        "ring.md": "the symbolic link leads nowhere",
    }


def test_what_is_no_regular_file_is_reported_and_not_opened(tmp_path: Path) -> None:
    write(tmp_path, a_md="a")
    os.mkfifo(tmp_path / "pipe.md")
    assert reasons(find(tmp_path)) == {"pipe.md": "not a regular file"}


def test_a_page_over_the_size_cap_is_reported_without_being_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "MAX_FILE_BYTES", 10)
    write(tmp_path, a_md="a", big_md="x" * 11)
    assert reasons(find(tmp_path)) == {"big.md": "11 bytes; a page may have 10"}


def test_a_book_of_too_many_files_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "MAX_FILES", 2)
    write(tmp_path, a_md="a", b_md="b", c_md="c")
    with pytest.raises(BookError, match="narrow BOOK_INCLUDE"):
        find(tmp_path)


def test_a_book_none_of_whose_files_can_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "lost.md").symlink_to("gone.md")
    with pytest.raises(BookError, match=r"No file .* the first, 'lost\.md': the symbolic link leads nowhere\."):
        find(tmp_path)


def test_a_file_name_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    write(tmp_path, a_md="a")
    (tmp_path / os.fsdecode(b"caf\xe9.md")).write_text("x")
    assert reasons(find(tmp_path)) == {"caf\\udce9.md": "the file's name is not UTF-8"}


def source(root: Path) -> BookSource:
    return BookSource(root, root, "book")


def test_a_byte_order_mark_is_removed_and_line_ends_stay(tmp_path: Path) -> None:
    write(tmp_path, a_md=b"\xef\xbb\xbf# A\r\n")
    assert read_file(source(tmp_path), "a.md").text == "# A\r\n"


def test_bytes_that_are_not_utf8_are_reported_with_their_line(tmp_path: Path) -> None:
    write(tmp_path, a_md="one\ntwo\ncafé".encode("latin-1"))
    with pytest.raises(DocumentError, match=r"^a\.md:3: not UTF-8: byte 0xe9$"):
        read_file(source(tmp_path), "a.md")


def test_a_nul_character_is_reported_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, a_md=b"one\n\0")
    with pytest.raises(DocumentError, match=r"^a\.md:2: holds a NUL character"):
        read_file(source(tmp_path), "a.md")


def test_a_file_that_went_away_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"^a\.md: the file cannot be read: No such file"):
        read_file(source(tmp_path), "a.md")
