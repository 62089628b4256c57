"""Runs of words that two texts share, whatever an editor did to their spelling.

A shingle is `SHINGLE` words in a row. Articles, case, punctuation, accents' encodings and what
outlets spell differently (per cent and percent, labour and labor, twelve and 12) do not count. A
sketch is the shingles whose hash is 0 modulo `SAMPLED`. A shingle is in every sketch or in none, so
two sketches tell how much of one text stands in the other (containment; Broder 1997, "On the
resemblance and containment of documents").
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from .records import Article

SHINGLE = 4
SAMPLED = 8

Hashes = NDArray[np.uint64]
Sketch = NDArray[np.uint32]

# Scripts without spaces between words: Thai to Burmese, Khmer, kana and Han; each sign is a word.
_SIGN = "\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_SIGN += "\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_SIGN}]|[^\W_{_SIGN}]+")
_PERCENT = re.compile(r"%|\bper\s+cent\b")
_NUMBERS = dict(
    zip(
        "zero one two three four five six seven eight nine ten eleven twelve".split(),
        map(str, range(13)),
        strict=True,
    )
)
_DROPPED = frozenset({"a", "an", "the"})
_SPELLINGS = (
    (re.compile(r"(?<=\w\w)z(?=e[drs]?$|ing$|ation)"), "s"),
    (re.compile(r"(?<=\w\w)our"), "or"),
    (re.compile(r"(?<=\w\w)tre(?=s?$)"), "ter"),
    (re.compile(r"(?<=\w)mme(?=s?$)"), "m"),
    (re.compile(r"ll(?=ed$|ing$|ers?$)"), "l"),
)
# Odd numbers without a pattern: a word counts differently at each place of a shingle.
_PLACES = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)


@dataclass(frozen=True)
class Words:
    """An article's words as they are compared, without its headline.

    `hashes` are those of all words, `(n,)`; `numeric` tells which words are numbers, `(n,)`.
    """

    hashes: Hashes
    numeric: NDArray[np.bool_]

    @cached_property
    def shingles(self) -> Hashes:
        """Hash of the shingle that begins at each word, `(n - 3,)`; none of fewer words."""
        count = len(self.hashes) - SHINGLE + 1
        if count < 1:
            return np.zeros(0, np.uint64)
        mixed = np.zeros(count, np.uint64)
        for place, factor in enumerate(_PLACES):
            mixed += (self.hashes[place : place + count] ^ factor) * factor
        # The last steps of splitmix64: after them the low bits depend on all others.
        mixed ^= mixed >> np.uint64(30)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(27)
        mixed *= np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Hashes of the words that are numbers."""
        return frozenset(self.hashes[self.numeric].tolist())

    @property
    def whole(self) -> int:
        """Hash of all of it, 0 for a text without a word; alike for texts that say the same."""
        if not len(self.hashes):
            return 0
        return int.from_bytes(hashlib.sha256(self.hashes.tobytes()).digest()[:8], "little") or 1

    @property
    def sketch(self) -> Sketch:
        """The sampled shingles, each once, in ascending order."""
        return np.unique(self._sampled()[1])

    def without(self, furniture: Sketch) -> Words:
        """The words but for stretches of which every sampled shingle, two or more, is furniture."""
        places, values = self._sampled()
        is_furniture = np.isin(values, furniture)
        kept = np.ones(len(self.hashes), np.bool_)
        edges = np.flatnonzero(np.diff(is_furniture, prepend=False, append=False))
        for first, end in edges.reshape(-1, 2).tolist():
            if end - first > 1:
                # What stands before the first sampled shingle, or after the last, is of its kind.
                start = places[first] if first else 0
                stop = places[end - 1] + SHINGLE if end < len(places) else len(kept)
                kept[start:stop] = False
        return self if kept.all() else Words(self.hashes[kept], self.numeric[kept])

    def _sampled(self) -> tuple[NDArray[np.int64], Sketch]:
        places = np.flatnonzero(self.shingles % SAMPLED == 0)
        return places, (self.shingles[places] >> np.uint64(32)).astype(np.uint32)


def words_of(article: Article) -> Words:
    """Read an article's words; those of its headline only if there are no others."""
    found = _words(_body(article)) or _words(article.text)
    known = [word for word in map(_known, found) if word[0]]
    hashes = np.array([number for number, _ in known], np.uint64)
    return Words(hashes, np.array([numeric for _, numeric in known], np.bool_))


def covered(words: Words, other: Words) -> NDArray[np.bool_]:
    """For each word whether it lies in a shingle that the other text has, too; `(n,)`."""
    found = np.zeros(len(words.hashes), np.bool_)
    shared = np.isin(words.shingles, other.shingles)
    for place in range(SHINGLE):
        found[place : place + len(shared)] |= shared
    return found


def _body(article: Article) -> str:
    """The text without the headline: each outlet writes its own."""
    text = article.text.lstrip()
    return text.removeprefix(article.title) if article.title else text


def _words(text: str) -> list[str]:
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _WORD.findall(_PERCENT.sub(" percent ", plain.casefold()))


@lru_cache(maxsize=1 << 18)
def _known(word: str) -> tuple[int, bool]:
    """A word's hash, 0 for one that does not count, and whether it is a number."""
    if word in _DROPPED:
        return 0, False
    spelt = _NUMBERS.get(word, word)
    if len(spelt) > 4:
        for pattern, instead in _SPELLINGS:
            spelt = pattern.sub(instead, spelt)
    digest = hashlib.blake2b(spelt.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1, spelt.isdecimal()
