"""What an ingest has to do: the chunks just read against the chunks that are live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Literal

from shared.errors import BookError
from shared.index.digests import book_digest, by_page, page_digest
from shared.index.port import LivePage
from shared.models import Chunk, Frozen, Tally
from shared.pricing import price_usd

Change = Literal["added", "changed", "kept", "removed"]

VANISHED_SHARE = 0.5
VANISHED_FROM_FILES = 4
"""Below this many live files, losing most of them is ordinary editing."""


NO_PAGES: Mapping[str, LivePage] = {}


class FileChange(Frozen):
    """What happens to one file, and to the chunks in it."""

    path: str
    change: Change
    chunks: Tally


class Plan(Frozen):
    """What an ingest would do."""

    files: Tally
    chunks: Tally
    changes: tuple[FileChange, ...]
    """One per file, sorted by path, kept ones too."""
    to_embed: tuple[Chunk, ...]
    """One chunk for every text that nobody holds a vector of."""
    tokens: int
    """Tokens of what is to be embedded."""
    cost_usd: float | None
    """None when the model's price is not known."""
    digest: str
    """Of every chunk record; equal digests mean equal indexes."""

    @property
    def chunk_count(self) -> int:
        """Chunks of the book as it is now."""
        return self.chunks.added + self.chunks.changed + self.chunks.kept


def make_plan(
    chunks: Sequence[Chunk],
    live: Mapping[str, Chunk],
    *,
    kept: Mapping[str, LivePage] = NO_PAGES,
    held: Collection[str] | None = None,
    count: Callable[[str], int] = len,
    model: str = "",
) -> Plan:
    """Compare the book as it is with the book as it was indexed.

    `kept`: pages known to be as they are live, of which neither `chunks` nor `live` has any. `held`: content hashes whose
    vectors need not be bought, from the cache or the live build; None when the book is searched by words only and nothing is
    embedded. `count`: tokens of a text. `model`: what embeds, for the price.
    """
    new, old = by_page(chunks), by_page(live.values())
    compared = [_compare_file(path, new.get(path, []), old.get(path, [])) for path in new.keys() | old.keys()]
    same = [FileChange(path=path, change="kept", chunks=Tally(kept=page.chunks)) for path, page in kept.items()]
    changes = tuple(sorted((*compared, *same), key=lambda change: change.path))
    tally: Counter[str] = Counter()
    for change in changes:
        tally.update(change.chunks.model_dump())
    missing = {} if held is None else {c.content_hash: c for c in reversed(chunks) if c.content_hash not in held}
    to_embed = tuple(chunk for chunk in chunks if missing.get(chunk.content_hash) is chunk)
    tokens = sum(count(chunk.content) for chunk in to_embed)
    return Plan(
        files=Tally(**Counter(change.change for change in changes)),
        chunks=Tally(**tally),
        changes=changes,
        to_embed=to_embed,
        tokens=tokens,
        cost_usd=price_usd(model, tokens) if tokens else 0.0,
        digest=book_digest(_digests(new) | {path: page.digest for path, page in kept.items()}),
    )


def digest(chunks: Iterable[Chunk]) -> str:
    """sha256 hex over every record: the same digest means the same index."""
    return book_digest(_digests(by_page(chunks)))


def check_vanished(chunks: Sequence[Chunk], live: Mapping[str, Chunk]) -> None:
    """Raise `BookError` when most of the live files and most of their text are gone.

    A book whose files were renamed has lost the files but not the text; one rewritten has lost the text but not the files.
    Both are meant. A folder half copied, or a wrong subfolder, has lost both.
    """
    paths = {chunk.path for chunk in live.values()}
    texts = {chunk.content_hash for chunk in live.values()}
    lost_paths = paths - {chunk.path for chunk in chunks}
    lost_texts = texts - {chunk.content_hash for chunk in chunks}
    most_paths = len(lost_paths) > VANISHED_SHARE * len(paths)
    most_texts = len(lost_texts) > VANISHED_SHARE * len(texts)
    if len(paths) >= VANISHED_FROM_FILES and most_paths and most_texts:
        raise BookError(
            f"{len(lost_paths)} of the {len(paths)} files in the index are no longer in the book, {min(lost_paths)!r} among "
            "them; the index was left as it is. If this is meant, ingest with --full."
        )


def _compare_file(path: str, new: list[Chunk], old: list[Chunk]) -> FileChange:
    """Under one heading, a text that went and a text that came are one changed chunk."""
    kept = {chunk.id for chunk in new} & {chunk.id for chunk in old}
    came = Counter(chunk.heading_path for chunk in new if chunk.id not in kept)
    went = Counter(chunk.heading_path for chunk in old if chunk.id not in kept)
    changed = (came & went).total()
    tally = Tally(added=came.total() - changed, changed=changed, kept=len(kept), removed=went.total() - changed)
    if not old:
        change: Change = "added"
    elif not new:
        change = "removed"
    else:
        change = "kept" if new == old else "changed"
    return FileChange(path=path, change=change, chunks=tally)


def _digests(pages: Mapping[str, Sequence[Chunk]]) -> dict[str, str]:
    return {path: page_digest(page) for path, page in pages.items()}
