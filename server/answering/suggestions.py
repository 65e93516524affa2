"""Where a reader may go on from an answer: sections near it that it did not cite. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from server.english import is_announcing, is_generic
from server.finding.passages import Passage

MAX_SUGGESTIONS = 3


def suggest(passages: Sequence[Passage], cited: Collection[int]) -> tuple[str, ...]:
    """Titles of up to three sections: first those inside what was cited, then those of the other passages."""
    cited_headings = {passage.heading_path[-1] for passage in passages if passage.n in cited and passage.heading_path}
    # The sections merged into the chunks cited, without the page's own title.
    merged = [section.heading_path for passage in passages if passage.n in cited for section in passage.chunk.sections]
    inside = [path[-1] for path in merged if len(path) > 1]
    others = [passage.heading_path[-1] for passage in passages if passage.n not in cited and len(passage.heading_path) > 1]
    told = [title for title in dict.fromkeys(inside + others) if not (is_generic(title) or is_announcing(title))]
    return tuple([title for title in told if title not in cited_headings][:MAX_SUGGESTIONS])
