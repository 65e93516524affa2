"""What is indexed of a chunk: the one place that knows how `Chunk.content` is put together.

    Title > Heading > Heading     the breadcrumb; the title is not said twice
    tag, tag                      the page's tags, in its first chunk only; never quoted
                                  a blank line
    The body                      the chunk's blocks, cleaned: a blank line between two, a line end between items of a list

Where a block stands in it is kept in `Section.blocks`, so nobody has to look for it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.models import CODE_KINDS, BlockKind, Chunk, ChunkBlock, Section

BREADCRUMB = " > "
BLANK_LINE = "\n\n"
_LISTED = frozenset[BlockKind](("list_item", "definition"))
"""Kinds that stand below their like without a blank line."""


def breadcrumb(title: str, heading_path: Sequence[str]) -> tuple[str, ...]:
    """Page title, then headings; the title is not said twice, and left out where it is empty."""
    if not title or (heading_path and heading_path[0].casefold() == title.casefold()):
        return tuple(heading_path)
    return (title, *heading_path)


def head(names: Sequence[str], tags: str = "") -> str:
    """What stands before the body: the breadcrumb of `names`, and the tags where there is one; '' without names."""
    line = BREADCRUMB.join(names)
    return f"{line}\n{tags}" if line and tags else line


def separator(before: BlockKind, kind: BlockKind) -> str:
    """What stands in the body between two blocks."""
    return "\n" if before == kind and kind in _LISTED else BLANK_LINE


def tags(chunk: Chunk) -> str:
    """The page's tags, where they are part of the content: in that of its first chunk."""
    return chunk.content[: chunk.body_start].rstrip("\n").partition("\n")[2]


def body(chunk: Chunk) -> str:
    """The cleaned rendering, without breadcrumb and tags."""
    return chunk.content[chunk.body_start :]


def text_of(chunk: Chunk, block: ChunkBlock) -> str:
    """What a block says."""
    return chunk.content[block.content_start : block.content_end]


def body_range(sections: Iterable[Section], chunk: Chunk) -> tuple[int, int]:
    """Where neighbouring sections of the chunk stand in its content; (body_start, body_start) where they say nothing."""
    said = [block for section in sections for block in section.blocks if not block.is_empty]
    return (said[0].content_start, max(block.content_end for block in said)) if said else (chunk.body_start, chunk.body_start)


def is_bare(section: Section) -> bool:
    """Whether there is no text under the section's heading."""
    return all(block.is_empty or block.kind == "heading" for block in section.blocks)


def prose(chunk: Chunk, sections: Iterable[Section]) -> str:
    """What sections say outside of code, blocks apart."""
    start, end = body_range(sections := tuple(sections), chunk)
    said: list[str] = []
    for block in (block for section in sections for block in section.blocks if block.kind in CODE_KINDS):
        said.append(chunk.content[start : block.content_start])
        start = block.content_end
    return "".join([*said, chunk.content[start:end]])
