"""Whether the book holds the answer at all: a calibrated guess instead of a cosine somebody liked.

Two signs are weighed, each comparable between books and models:

- words: the best place's lexical score as a share of what a place with every word of the question would get. Words the book
  does not have weigh most, so a question about something else cannot score high;
- meaning: the best place's cosine in standard deviations above that of two chunks of this book that have nothing to do with
  each other. Cosines of one model start at 0.2, of another at 0.7; this does not.

The weights are of a logistic regression over 360 questions their book answers and 390 asked of a foreign book (English
speeches, reports, papers, API documentation, a course; all-MiniLM-L6-v2). At `ENOUGH`, out of these:

|                                     | words and meaning | words alone |
|-------------------------------------|-------------------|-------------|
| answered by the book, but declined  | 2 %               | 3 %         |
| foreign, and declined               | 94 %              | 88 %        |
| the answer cut out of the book, and declined | 13 %     | 17 %        |
| area under the curve, foreign       | 0.99              | 0.98        |

With each book left out of the fit in turn, 0 to 8 % were declined wrongly. The third row is the limit of any such sign: what is
left of the book speaks of the same things, and only reading it tells that the answer is missing. That is left to the model.
"""

from __future__ import annotations

import math

ENOUGH = 0.3
"""Support from which on a question counts as answerable: a wrong refusal costs more than a needless list of sections."""
ENOUGH_WITH_UNKNOWN = 0.8
"""The same where the question has a word that is nowhere in the book: what it names may not be in it at all."""
ENOUGH_WITH_UNKNOWN_NAME = 0.95
"""The same where that word is a name: written with a capital or a digit."""
WORDS_AND_MEANING = (-6.34, 9.92, 2.09)
"""Intercept, words, meaning."""
WORDS_ALONE = (-5.76, 13.99)


def support(words: float, meaning: float | None) -> float:
    """How likely the book holds the answer, 0 to 1, when it does for half of the questions asked.

    `words`: 0 (none found) to about 1 (all found together); `meaning`: standard deviations, None without dense search.
    """
    intercept, slope, dense_slope = (*WORDS_ALONE, 0.0) if meaning is None else WORDS_AND_MEANING
    evidence = intercept + slope * words + dense_slope * (meaning or 0.0)
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, evidence))))
