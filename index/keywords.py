"""Passages by the words that they share with a query: BM25 (Robertson et al. 1994).

The variant, its constants and its scores are those of Lucene and of the bm25s library; a test holds
them to it. Unlike bm25s, an update takes over what is known of passages that did not change.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import IndexCorrupt
from .mapped import Data, array_file, array_in, forget
from .words import stems, unaccented

VOCABULARY = "vocabulary.json"
_ARRAYS = ("starts.npy", "texts.npy", "counts.npy", "scores.npy", "lengths.npy")
_STARTS, _TEXTS, _COUNTS, _SCORES, _LENGTHS = _ARRAYS
FILES = (*_ARRAYS, VOCABULARY)

_K1 = 1.5
_B = 0.75
MAX_COUNT = 255
_SLACK = 1e-4

_ACRONYM = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def keyword_tokens(text: str) -> list[str]:
    """Stems of the content words, accents and points of acronyms left out.

    "The U.N. counted 10,022 in Elâzığ" -> ["un", "count", "10022", "elazig"]
    """
    acronyms = _ACRONYM.sub(lambda m: m[0].replace(".", "") + " ", unaccented(text))
    return stems(_THOUSANDS.sub("", acronyms))


@dataclass(frozen=True)
class _Entries:
    """Which word stands in which text how often; `counts` stop at 255."""

    words: NDArray[np.int64]
    texts: NDArray[np.int32]
    counts: NDArray[np.uint8]

    def at(self, places: NDArray[Any]) -> _Entries:
        return _Entries(self.words[places], self.texts[places], self.counts[places])


class KeywordIndex:
    """BM25 over numbered texts, from 0; a score is above 0, higher is better, without limit.

    The entries of word w are `starts[w]` to `starts[w + 1]` of `texts`, `counts` and `scores`;
    `lengths` are the texts' in words.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        starts: NDArray[np.int64],
        texts: NDArray[np.int32],
        counts: NDArray[np.uint8],
        scores: NDArray[np.float32],
        lengths: NDArray[np.int32],
    ) -> None:
        self._words = vocabulary
        self._starts, self._texts, self._counts = starts, texts, counts
        self._scores, self._lengths = scores, lengths
        self._numbers = {word: number for number, word in enumerate(vocabulary)}

    def __len__(self) -> int:
        return len(self._lengths)

    @classmethod
    def build(cls, texts: Sequence[str]) -> KeywordIndex:
        """Index `texts` under their numbers."""
        return _NOTHING.updated(np.full(len(texts), -1), texts)

    def updated(self, origins: NDArray[np.int64], fresh: Sequence[str]) -> KeywordIndex:
        """Make the index in which text n is this one's text `origins[n]`.

        Where `origins[n]` is -1 it is the next of `fresh`. No origin may come twice.
        """
        vocabulary = dict(self._numbers)
        lengths = np.zeros(len(origins), np.int32)
        kept, places = np.flatnonzero(origins >= 0), np.flatnonzero(origins < 0)
        lengths[kept] = self._lengths[origins[kept]]
        entries = _read(fresh, places, vocabulary, lengths)
        old = self._moved(origins, kept)
        entries = _Entries(
            np.concatenate([old.words, entries.words]),
            np.concatenate([old.texts, entries.texts]),
            np.concatenate([old.counts, entries.counts]),
        )
        order = np.argsort(entries.words * len(origins) + entries.texts, kind="stable")
        return _scored(entries.at(order), list(vocabulary), lengths)

    def _moved(self, origins: NDArray[np.int64], kept: NDArray[np.int64]) -> _Entries:
        """Entries of the texts that stay, under their new numbers."""
        new = np.full(len(self), -1, np.int32)
        new[origins[kept]] = kept
        texts = new[self._texts]
        return _Entries(self._entries().words, texts, self._counts).at(texts >= 0)

    def _entries(self) -> _Entries:
        words = np.repeat(np.arange(len(self._words)), np.diff(self._starts))
        return _Entries(words, self._texts, self._counts)

    def to_files(self) -> dict[str, tuple[Data, ...]]:
        """Write the index as the named files that `from_files` reads."""
        arrays: tuple[NDArray[Any], ...] = (self._starts, self._texts, self._counts)
        arrays += (self._scores, self._lengths)
        words = json.dumps(list(self._words), ensure_ascii=False).encode()
        return {**dict(zip(_ARRAYS, map(array_file, arrays), strict=True)), VOCABULARY: (words,)}

    @classmethod
    def from_files(cls, files: Mapping[str, Data], count: int) -> KeywordIndex:
        """Read what `to_files` wrote of `count` texts. Raises IndexCorrupt naming the file."""
        words = strings_in(files[VOCABULARY], VOCABULARY)
        starts = array_in(files[_STARTS], _STARTS, "<i8", (len(words) + 1,))
        texts = array_in(files[_TEXTS], _TEXTS, "<i4", (None,))
        if starts[0] != 0 or starts[-1] != len(texts) or (np.diff(starts) < 1).any():
            raise IndexCorrupt(f"{_STARTS}: does not rise from 0 to the number of entries")
        if len(texts) and not 0 <= texts.min() <= texts.max() < count:
            raise IndexCorrupt(f"{_TEXTS}: names a passage that is not there")
        forget(texts)
        counts = array_in(files[_COUNTS], _COUNTS, "u1", (len(texts),))
        scores = array_in(files[_SCORES], _SCORES, "<f4", (len(texts),))
        lengths = array_in(files[_LENGTHS], _LENGTHS, "<i4", (count,))
        return cls(words, starts, texts, counts, scores, lengths)

    def search(
        self, query: str, k: int, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Find the `k` best texts that share a word with `query`, best first; `k` is 1 or more.

        `among`, if given, are the only numbers looked at, in rising order. Equal scores come in the
        order of their numbers.
        """
        lists = self._lists(query)
        if not lists:
            return []
        if among is not None and len(among) * 16 < sum(len(one.texts) for one in lists):
            return best(among, np.sum([one.of(among) for one in lists], axis=0), k)
        scores = np.zeros(len(self), np.float32)
        for one in lists:
            scores[one.texts] += one.scores
        numbers = np.flatnonzero(scores) if among is None else among
        return best(numbers, scores[numbers], k)

    def _lists(self, query: str) -> list[_List]:
        """Entries of each word of the query, the word that can score highest first."""
        lists = []
        for token in sorted({t for t in keyword_tokens(query) if t in self._numbers}):
            number = self._numbers[token]
            at = slice(int(self._starts[number]), int(self._starts[number + 1]))
            lists.append(_List(self._texts[at], self._scores[at]))
        return sorted(lists, key=lambda one: -one.scores.max())

    def problems(self) -> Iterator[str]:
        """Look at every entry and tell what is wrong, a line each."""
        entries = self._entries()
        if not (np.diff(entries.words * len(self) + self._texts) > 0).all():
            yield f"{_TEXTS}: is not in order"
        if not (self._counts > 0).all():
            yield f"{_COUNTS}: counts a word that is not there"
        if len(self._numbers) != len(self._words):
            yield f"{VOCABULARY}: has a word twice"
        sums = np.bincount(self._texts, self._counts, len(self))
        full = np.bincount(self._texts, self._counts == MAX_COUNT, len(self)) > 0
        if not ((sums == self._lengths) | full).all():
            yield f"{_LENGTHS}: is not the number of words that are counted"
        scores = _scores(entries, np.diff(self._starts), self._lengths)
        # Written so that NaN fails it, too.
        if not (np.abs(scores - self._scores) <= _SLACK).all():
            yield f"{_SCORES}: is not what the counts give"

    def lacks(self, number: int, text: str) -> bool:
        """Tell whether `text` has a word under which text `number` is not listed."""
        for token in set(keyword_tokens(text)):
            word = self._numbers.get(token)
            if word is None:
                return True
            listed = self._texts[self._starts[word] : self._starts[word + 1]]
            if number not in listed[np.searchsorted(listed, number) :][:1]:
                return True
        return False


@dataclass(frozen=True)
class _List:
    """The texts that have a word, in order, with what it adds to their scores."""

    texts: NDArray[np.int32]
    scores: NDArray[np.float32]

    def of(self, texts: NDArray[np.int64]) -> NDArray[np.float32]:
        """What the word adds to each of `texts`; 0 to those that don't have it."""
        places = np.minimum(np.searchsorted(self.texts, texts), len(self.texts) - 1)
        return np.where(self.texts[places] == texts, self.scores[places], np.float32(0))


def best(
    numbers: NDArray[np.int64], scores: NDArray[np.float32], k: int
) -> list[tuple[int, float]]:
    """The `k` best of `numbers`, in rising order, by scores above 0; equal ones in their order."""
    least = np.partition(scores, -k)[-k] if k <= len(scores) else 0
    wanted = (scores > 0) & (scores >= least)
    numbers, scores = numbers[wanted], scores[wanted]
    order = np.argsort(-scores, kind="stable")[:k]
    return list(zip(numbers[order].tolist(), scores[order].tolist(), strict=True))


def _read(
    texts: Sequence[str],
    places: NDArray[np.int64],
    vocabulary: dict[str, int],
    lengths: NDArray[np.int32],
) -> _Entries:
    """Entries of `texts`, numbered by `places`; new words go into `vocabulary`."""
    words = array("q")
    for place, text in zip(places.tolist(), texts, strict=True):
        tokens = keyword_tokens(text)
        words.extend([vocabulary.setdefault(token, len(vocabulary)) for token in tokens])
        lengths[place] = len(tokens)
    numbers = np.repeat(places, lengths[places])
    size = len(lengths)
    pairs, counts = np.unique(np.asarray(words, np.int64) * size + numbers, return_counts=True)
    capped = np.minimum(counts, MAX_COUNT).astype(np.uint8)
    return _Entries(pairs // max(size, 1), (pairs % max(size, 1)).astype(np.int32), capped)


def _scored(
    entries: _Entries, vocabulary: Sequence[str], lengths: NDArray[np.int32]
) -> KeywordIndex:
    sizes = np.bincount(entries.words, minlength=len(vocabulary))
    scores = _scores(entries, sizes, lengths)
    used = np.flatnonzero(sizes)
    starts = np.concatenate([[0], np.cumsum(sizes[used])])
    words = [vocabulary[n] for n in used.tolist()]
    return KeywordIndex(words, starts, entries.texts, entries.counts, scores, lengths)


def _scores(
    entries: _Entries, sizes: NDArray[np.int64], lengths: NDArray[np.int32]
) -> NDArray[np.float32]:
    """BM25 of each entry: how rare the word is, times how much of the text it is."""
    if not len(entries.texts):
        return np.zeros(0, np.float32)
    rare, relative = rarity(sizes, len(lengths)), relative_length(lengths, float(lengths.mean()))
    counts = entries.counts.astype(np.float32)
    scores: NDArray[np.float32] = rare[entries.words] * share(counts, relative[entries.texts])
    return scores


def rarity(holders: NDArray[np.int64], texts: int) -> NDArray[np.float32]:
    """How rare words are that stand in `holders` of all `texts`."""
    rare: NDArray[np.float32] = np.log(1 + (texts - holders + 0.5) / (holders + 0.5)).astype("f4")
    return rare


def relative_length(lengths: NDArray[Any], mean: float) -> NDArray[np.float32]:
    """What texts of these `lengths` in words are measured by, where `mean` is the average."""
    relative: NDArray[np.float32] = (_K1 * (1 - _B + _B * lengths / mean)).astype(np.float32)
    return relative


def share(counts: NDArray[np.float32], relative: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of a text of a `relative` length is a word that it has `counts` times, 0..1."""
    return counts / (counts + relative)


_NOTHING = KeywordIndex(
    [],
    np.zeros(1, np.int64),
    np.zeros(0, np.int32),
    np.zeros(0, np.uint8),
    np.zeros(0, np.float32),
    np.zeros(0, np.int32),
)


def strings_in(data: Data, name: str) -> list[str]:
    """Read a JSON list of strings. Raises IndexCorrupt naming the file."""
    try:
        found = json.loads(bytes(data))
    except (ValueError, RecursionError) as error:
        raise IndexCorrupt(f"{name}: is no JSON") from error
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise IndexCorrupt(f"{name}: is no list of words")
    return found
