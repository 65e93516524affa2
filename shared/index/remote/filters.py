"""Which points are meant, as Qdrant takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qdrant_client import models

from shared.index.port import Filter
from shared.index.remote.points import ADDED, MANIFEST_ID, REMOVED
from shared.models import Chunk

_OLDER = models.HasIdCondition(has_id=[MANIFEST_ID])


class Window(NamedTuple):
    """Chunks of one file at positions first..last, inclusive; `last` None: to its end."""

    path: str
    first: int
    last: int | None

    def holds(self, chunk: Chunk) -> bool:
        """Whether a chunk is one of them."""
        return chunk.path == self.path and self.first <= chunk.position and (self.last is None or chunk.position <= self.last)


def live_in(generation: int | None, *also: models.Condition) -> models.Filter:
    """Chunks that are live in a generation, and pass the other conditions; None: in an older collection, all of them."""
    if generation is None:
        return models.Filter(must=list(also) or None, must_not=[_OLDER])
    return models.Filter(must=[up_to(ADDED, generation), *also], must_not=[up_to(REMOVED, generation)])


def up_to(field: str, generation: int) -> models.FieldCondition:
    """Points added, or removed, in this generation or before it; those without the field are not among them."""
    return models.FieldCondition(key=field, range=models.Range(lte=generation))


def after(field: str, generation: int) -> models.Filter:
    """Points added, or removed, later than that."""
    return models.Filter(must=[models.FieldCondition(key=field, range=models.Range(gt=generation))])


def only_up_to(field: str, generation: int) -> models.Filter:
    """The same as a filter by itself."""
    return models.Filter(must=[up_to(field, generation)])


def only_ids(ids: Sequence[str]) -> models.Filter:
    """These points."""
    return models.Filter(must=[models.HasIdCondition(has_id=list(ids))])


def one_of(field: str, values: Sequence[str]) -> models.FieldCondition:
    """Points with one of these values."""
    return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))


def first_of_page() -> models.FieldCondition:
    """Chunks that a page begins with."""
    return models.FieldCondition(key="position", match=models.MatchValue(value=0))


def where_conditions(where: Filter | None) -> list[models.Condition]:
    """A filter as Qdrant takes it; empty when it restricts nothing."""
    fields = (("path", where.paths), ("folders", where.folders)) if where else ()
    return [one_of(key, values) for key, values in fields if values]


def in_windows(windows: Sequence[Window]) -> models.Filter:
    """Chunks in any of these windows."""
    return models.Filter(
        should=[
            models.Filter(
                must=[
                    models.FieldCondition(key="path", match=models.MatchValue(value=window.path)),
                    models.FieldCondition(key="position", range=models.Range(gte=window.first, lte=window.last)),
                ]
            )
            for window in windows
        ]
    )
