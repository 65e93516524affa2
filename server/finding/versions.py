"""Of a site with several versions, the one a question is about: the one the site shows, unless the question names another."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.models import Hit


def of_asked_version(hits: Sequence[Hit], question: str) -> list[Hit]:
    """`hits` of the versions that `question` names; where it names none, of the one the site shows; all where there is none."""
    named = {version for hit in hits if (version := hit.chunk.version) and _names(question, version)}
    kept = [hit for hit in hits if (hit.chunk.version in named if named else not hit.chunk.version)]
    return kept or list(hits)


def _names(question: str, version: str) -> bool:
    """Whether the question says `2.0` or `v2.0`, and not `12.0` or `2.0.1`."""
    return re.search(rf"(?<![\w.])v?{re.escape(version)}(?!\w|\.\d)", question, re.IGNORECASE) is not None
