"""Blocks as units that fit: whole where they can be, at their parts where not, and cut where one alone is over the limit."""

from __future__ import annotations

from collections.abc import Iterator

from flows.document import Block
from flows.splitting.cuts import Cut
from flows.splitting.measure import Source, Unit

SLACK = 16
"""Tokens by which the parts' sum may be less than the whole: what stands between them."""


def units_of(source: Source, block: Block, heading: int) -> Iterator[Unit]:
    """`block` as units within the limit, covering it but for white space; a comment over the limit has none."""
    stop = source.stop(block.end)
    imported = len(block.text) > 2 * (block.end - block.start) + len(block.prefix)
    if not imported and block.text and not source.short(block.start, stop):
        yield from _long(source, block, heading)
        return
    tokens = max(source.count(source.text[block.start : stop]), source.count(block.text) if imported else 0)
    if source.fits(tokens, block.end, stop):
        yield Unit(block.start, block.end, stop, block.text, tokens, block.kind, heading, not imported)
    elif imported:
        yield from _imported(source, block, stop, heading)
    elif block.text:
        yield from _long(source, block, heading)


def _long(source: Source, block: Block, heading: int) -> list[Unit]:
    """A block that is likely over the limit: counted by its parts, and whole only where they come near it."""
    if block.parts:
        units, spare = [unit for part in _covering(source, block) for unit in units_of(source, part, heading)], 0
    else:
        units, spare = Cut(source, block, heading).units()
    if sum([unit.tokens for unit in units]) - spare <= source.limit + SLACK:
        stop = source.stop(block.end)
        tokens = source.count(source.text[block.start : stop])
        if source.fits(tokens, block.end, stop):
            return [Unit(block.start, block.end, stop, block.text, tokens, block.kind, heading)]
    if block.kind == "text":  # a tag of many attributes: the rest of them holds nothing to read
        return [units[0]._replace(text=block.text, exact=False)]
    return units


def _covering(source: Source, block: Block) -> Iterator[Block]:
    """The parts of a container, each reaching to the next where more than white space is between them: a quote's empty line."""
    start = block.start
    for part, limit in zip(block.parts, [*[part.start for part in block.parts[1:]], block.end], strict=True):
        between = source.text[part.end : limit].rstrip()
        yield part._replace(start=min(start, part.start), end=part.end + len(between))
        start = limit


def _imported(source: Source, block: Block, stop: int, heading: int) -> Iterator[Unit]:
    """Pieces of a partial's text, all in the place of the tag that imports it."""
    inner = Block(block.kind, 0, len(block.text), block.text, heading, block.prefix)
    for unit in units_of(Source(block.text, source.limit, source.count), inner, heading):
        yield unit._replace(start=block.start, end=block.end, stop=stop, exact=False)
