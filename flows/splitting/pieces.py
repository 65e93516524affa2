"""Blocks as units that fit: whole where they can be, at their parts where not, and cut where one alone is over the limit."""

from __future__ import annotations

from collections.abc import Iterator

from flows.reading.document import Block
from flows.splitting.cuts import Cut
from flows.splitting.measure import MeasuredText, Unit

SLACK = 16
"""Tokens by which the parts' sum may be less than the whole: what stands between them."""


def units_of(source: MeasuredText, block: Block, heading: int) -> list[Unit]:
    """`block` as units within the limit, covering it but for white space; a comment over the limit has none."""
    kind, start, end, text, _, prefix, _, inner = block
    stop = source.stop(end)
    imported = len(text) > 2 * (end - start) + len(prefix)
    if not imported and text and not source.short(start, stop):
        return _long(source, block, heading)
    tokens = source.tokens(start, stop)
    if imported:
        tokens = max(tokens, source.count(text))
    if tokens <= source.limit or source.fits(tokens, end, stop):
        return [Unit(start, end, stop, text, tokens, kind, heading, inner, not imported)]
    if imported:
        return _imported(source, block, stop, heading)
    return _long(source, block, heading) if text else []


def _long(source: MeasuredText, block: Block, heading: int) -> list[Unit]:
    """A block that is likely over the limit: counted by its parts, and whole only where they come near it."""
    if block.parts:
        units, spare = [unit for part in _covering(source, block) for unit in units_of(source, part, heading)], 0
    else:
        units, spare = Cut(source, block, heading).units()
    if sum([unit.tokens for unit in units]) - spare <= source.limit + SLACK:
        stop = source.stop(block.end)
        tokens = source.tokens(block.start, stop)
        if source.fits(tokens, block.end, stop):
            return [Unit(block.start, block.end, stop, block.text, tokens, block.kind, heading, block.inner)]
    if block.kind == "text":  # a tag of many attributes, or several tags: the rest of them holds nothing to read
        saying = (unit for unit in units if block.text in source.text[unit.start : unit.end])
        return [next(saying, units[0])._replace(text=block.text, exact=False)]
    return units


def _covering(source: MeasuredText, block: Block) -> Iterator[Block]:
    """The parts of a container, each reaching to the next where more than white space is between them: a quote's empty line."""
    start = block.start
    for part, limit in zip(block.parts, [*[part.start for part in block.parts[1:]], block.end], strict=True):
        between = source.text[part.end : limit].rstrip()
        yield part._replace(start=min(start, part.start), end=part.end + len(between))
        start = limit


def _imported(source: MeasuredText, block: Block, stop: int, heading: int) -> list[Unit]:
    """Pieces of a partial's text, all in the place of the tag that imports it."""
    inner = Block(block.kind, 0, len(block.text), block.text, heading, block.prefix)
    units = units_of(MeasuredText(block.text, source.limit, source.count, None), inner, heading)
    return [unit._replace(start=block.start, end=block.end, stop=stop, exact=False) for unit in units]
