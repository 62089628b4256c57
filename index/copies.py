"""Near-identical copies: a wire story that several outlets print is one report.

Pairs of articles whose sketches share much (see `shingles`) are compared by their texts
(`likeness`). Every member of a cluster is like its longest one, so that a chain of small changes
doesn't join what has nothing in common.

    copies.npy      for each article: number of its cluster's original, words, hash of all of them,
                    where its sketch ends
    sketches.npy    the sketches, one after another

An update makes sketches of new and changed texts alone, and clusters of all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import IndexCorrupt
from .mapped import Data, array_file, array_in
from .records import Article
from .shingles import Sketch, Words, covered, words_of

COPIES = "copies.npy"
SKETCHES = "sketches.npy"
FILES = (COPIES, SKETCHES)

#: A copy shares this part of its words, in the same runs, with the longer text; and with the
#: longest text of its cluster.
SAME, SAME_AS_LONGEST = 0.65, 0.4
#: The longer text shares this part of its words, or of its beginning if the copy was cut. A
#: round-up does not: it holds whole reports, but each elsewhere.
MUTUAL = 0.5
#: A text of fewer words is a copy only of one with the very same words.
LEAST_WORDS = 20
#: A copy with this many numbers shares this part of them. Reports made from one template (weather,
#: results, prices) differ in nearly all, an update in a few.
NUMBERS, SAME_NUMBERS = 4, 0.5
#: Pairs are compared if their sketches share this part: far less than what proves a copy.
SKETCH_SHARE = 0.3
#: A shingle in this many articles is a copy's, or stands under everything that an outlet prints. It
#: is a copy's if a third of its holders have this part of their sketch in common with as many, or
#: half as many.
COMMON, COMMON_SHARE = 4, 0.5
#: In larger groups each member is compared only with the longest and with the next.
LARGE = 32

_ROW = np.dtype([("original", "<i4"), ("words", "<i4"), ("whole", "<u8"), ("end", "<i8")])
_CACHED_WORDS = 4096
_CHECKED = 64

Numbers = NDArray[np.int64]


def clusters_of(articles: Sequence[Article]) -> list[int]:
    """For each article the place of its report's original; its own if it is no copy.

    The original is the earliest published, else the longest, else the first by ID. The order of the
    articles does not matter; their IDs must differ.
    """
    originals: list[int] = Copies.of(articles).originals.tolist()
    return originals


def likeness(longer: Words, shorter: Words, least: float = SAME) -> float:
    """The share of the shorter text's words that stand in the longer, 0..1; 0 if it is no copy."""
    if longer.whole == shorter.whole:
        return 1.0
    if len(shorter.hashes) < LEAST_WORDS:
        return 0.0
    share = float(covered(shorter, longer).mean())
    theirs = covered(longer, shorter)
    mutual = min(MUTUAL, least)
    is_cut = theirs[: len(shorter.hashes)].mean() >= mutual
    if share < least or not (is_cut or theirs.mean() >= mutual):
        return 0.0
    same = len(shorter.numbers & longer.numbers)
    if len(shorter.numbers) >= NUMBERS and same < SAME_NUMBERS * len(shorter.numbers):
        return 0.0
    return share


class Copies:
    """Which articles of an index are copies of which, with the sketches that tell it."""

    def __init__(self, rows: NDArray[Any], sketches: Sketch) -> None:
        self._rows = rows
        self._sketches = sketches

    @classmethod
    def of(
        cls, articles: Sequence[Article], before: Copies | None = None, kept: Numbers | None = None
    ) -> Copies:
        """Find the copies among `articles`.

        `kept` has for each article the number of the same text and title in `before`, or -1. Only
        for the latter a sketch is made.
        """
        sketches = []
        for number, article in enumerate(articles):
            old = -1 if before is None or kept is None else int(kept[number])
            if before is not None and old >= 0:
                sketches.append(before.sketch_of(old))
            else:
                words = words_of(article)
                sketches.append((len(words.hashes), words.whole, words.sketch))
        found = cls.of_sketches(sketches)
        found._rows["original"] = _originals(found, articles)
        return found

    @classmethod
    def of_sketches(cls, sketches: Sequence[tuple[int, int, Sketch]]) -> Copies:
        """What `of` takes as `before`: for each article what `sketch_of` gave of it."""
        rows = np.zeros(len(sketches), _ROW)
        for number, (words, whole, _) in enumerate(sketches):
            rows[number] = number, words, whole, 0
        rows["end"] = np.cumsum([len(sketch) for *_, sketch in sketches])
        return cls(rows, np.concatenate([np.zeros(0, np.uint32), *(s for *_, s in sketches)]))

    def sketch_of(self, number: int) -> tuple[int, int, Sketch]:
        """An article's words, the hash of all of them, and its sketch."""
        row = self._rows[number]
        return int(row["words"]), int(row["whole"]), self._sketch(number)

    def to_files(self) -> dict[str, tuple[Data, ...]]:
        """Write what `from_files` reads."""
        return {COPIES: array_file(self._rows), SKETCHES: array_file(self._sketches)}

    @classmethod
    def from_files(cls, files: Mapping[str, Data], count: int) -> Copies:
        """Read those of `count` articles. Raises IndexCorrupt naming the file."""
        rows = array_in(files[COPIES], COPIES, _ROW, (count,))
        sketches = array_in(files[SKETCHES], SKETCHES, "<u4", (None,))
        ends, originals = rows["end"], rows["original"]
        if (np.diff(ends, prepend=0) < 0).any() or (ends[-1] if count else 0) != len(sketches):
            raise IndexCorrupt(f"{COPIES}: does not fit {SKETCHES}")
        if count and not 0 <= originals.min() <= originals.max() < count:
            raise IndexCorrupt(f"{COPIES}: names an article that is not there")
        if (originals[originals] != originals).any():
            raise IndexCorrupt(f"{COPIES}: names a copy as an original")
        return cls(rows, sketches)

    @property
    def originals(self) -> NDArray[np.int32]:
        """For each article the number of its report's original, `(n,)`."""
        originals: NDArray[np.int32] = self._rows["original"]
        return originals

    def original_of(self, number: int) -> int:
        """The number of an article's original."""
        return int(self.originals[number])

    @property
    def reports(self) -> int:
        """How many independent reports there are: clusters, not articles."""
        return int((self.originals == np.arange(len(self._rows))).sum())

    def members(self, number: int) -> list[int]:
        """Numbers of all articles of an article's cluster, the original first."""
        originals, order = self._by_original
        wanted = int(self.originals[number])
        first, last = np.searchsorted(originals, [wanted, wanted + 1])
        others: list[int] = order[first:last].tolist()
        return sorted(others, key=lambda n: (n != wanted, n))

    @cached_property
    def _by_original(self) -> tuple[NDArray[np.int32], Numbers]:
        order = np.argsort(self.originals, kind="stable")
        return self.originals[order], order

    def problems(self, articles: Sequence[Article]) -> Iterator[str]:
        """Find all copies anew, and some sketches, and tell what differs, a line each."""
        if not len(articles):
            return
        for number in np.unique(np.linspace(0, len(articles) - 1, _CHECKED).astype(int)).tolist():
            words, row = words_of(articles[number]), self._rows[number]
            same = (len(words.hashes), words.whole) == (row["words"], row["whole"])
            if not same or not np.array_equal(words.sketch, self._sketch(number)):
                yield f"{SKETCHES}: sketch {number} is not that of article {number + 1}"
        wrong = np.flatnonzero(_originals(self, articles) != self.originals)
        for number in wrong.tolist():
            yield f"{COPIES}: article {number + 1} is put with other copies than its own"

    def _sketch(self, number: int) -> Sketch:
        start = int(self._rows["end"][number - 1]) if number else 0
        return self._sketches[start : int(self._rows["end"][number])]

    def pairs(self, rank: Numbers) -> tuple[Numbers, Sketch]:
        """Pairs that may be copies, `(n, 2)`, as places in the order that `rank` gives.

        The second result are the shingles that are furniture: what stands under all reports.
        """
        owners = np.repeat(rank, np.diff(self._rows["end"], prepend=0))
        order = np.lexsort((owners, self._sketches))
        values, owners = self._sketches[order], owners[order]
        telling = _is_telling(values, owners)
        furniture = np.unique(values[~telling])
        values, owners = values[telling], owners[telling]
        first, second, counts = _counted(values, owners, len(rank))
        of = np.bincount(owners, minlength=len(rank))
        alike = counts >= SKETCH_SHARE * np.minimum(of[first], of[second])
        near = np.column_stack([first[alike], second[alike]])
        # Those whose very words are the same, of which the shortest may have no sketch at all.
        whole = self._rows["whole"][np.argsort(rank)]
        order = np.argsort(whole, kind="stable")
        same = (np.diff(whole[order]) == 0) & (whole[order][1:] != 0)
        twins = np.column_stack([order[:-1][same], order[1:][same]])
        return np.unique(np.concatenate([near, twins]), axis=0), furniture

    def longest_first(self, articles: Sequence[Article]) -> list[int]:
        """Numbers of the articles by length; among those of one length as for originals."""
        lengths = self._rows["words"].tolist()
        order = sorted((-length, *_age(articles[n]), n) for n, length in enumerate(lengths))
        return [n for *_, n in order]


def _age(article: Article) -> tuple[str, int, str]:
    """What comes first is the original; a date that is not known comes last."""
    return article.published or "9999-99-99", -len(article.text), article.id


def _originals(copies: Copies, articles: Sequence[Article]) -> NDArray[np.int32]:
    order = copies.longest_first(articles)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    pairs, furniture = copies.pairs(rank)
    longest = _clusters(
        pairs, len(order), lambda p: words_of(articles[order[p]]).without(furniture)
    )
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place, first in enumerate(longest):
        members[first].append(order[place])
    originals = np.empty(len(order), np.int32)
    for numbers in members.values():
        originals[numbers] = min(numbers, key=lambda n: _age(articles[n]))
    return originals


def _clusters(pairs: Numbers, count: int, words_at: Callable[[int], Words]) -> list[int]:
    """For each of `count` articles, longest first, the place of its cluster's longest.

    An article joins the cluster of the earlier one that it is most like, if it is like that
    cluster's longest, too.
    """
    words = lru_cache(_CACHED_WORDS)(words_at)
    earlier: defaultdict[int, list[int]] = defaultdict(list)
    for first, second in pairs.tolist():
        earlier[second].append(first)
    longest = list(range(count))
    for place in sorted(earlier):
        likely = [(-likeness(words(other), words(place)), other) for other in earlier[place]]
        for share, other in sorted(likely):
            head = longest[other]
            if share < 0 and (
                head == other or likeness(words(head), words(place), SAME_AS_LONGEST)
            ):
                longest[place] = head
                break
    return longest


def _is_telling(values: Sketch, owners: Numbers) -> NDArray[np.bool_]:
    """Whether each value tells a copy; `values` are in order, each with its article."""
    if not len(values):
        return np.zeros(0, np.bool_)
    starts = np.flatnonzero(np.diff(values, prepend=values[:1] + np.uint32(1)))
    sizes = np.diff(starts, append=len(values))
    held = np.repeat(sizes, sizes)  # by how many articles
    share = _share_as_common(owners, held)
    group = np.repeat(np.arange(len(starts)), sizes)
    of_copies = np.bincount(group, share >= COMMON_SHARE) * 3 >= sizes
    telling: NDArray[np.bool_] = np.repeat(of_copies | (sizes < COMMON), sizes)
    return telling


def _share_as_common(owners: Numbers, held: Numbers) -> NDArray[np.float64]:
    """Of each value's owner, the share of its values that at least half as many articles hold."""
    most = int(held.max()) + 1
    keys = np.sort(owners * most + held)
    ends = np.searchsorted(keys, (owners + 1) * most)
    as_common = ends - np.searchsorted(keys, owners * most + (held + 1) // 2)
    shares: NDArray[np.float64] = as_common / np.bincount(owners)[owners]
    return shares


def _counted(values: Sketch, owners: Numbers, count: int) -> tuple[Numbers, Numbers, Numbers]:
    """Pairs of owners, the smaller first, and how many values each was seen to share."""
    starts = np.flatnonzero(np.diff(values, prepend=values[:1] + np.uint32(1)))
    sizes = np.repeat(np.diff(starts, append=len(values)), np.diff(starts, append=len(values)))
    found = [np.zeros(0, np.int64)]
    for step in range(1, LARGE):
        near = (values[step:] == values[:-step]) & ((sizes[step:] <= LARGE) | (step == 1))
        found.append(owners[:-step][near] * count + owners[step:][near])
    large = np.flatnonzero(sizes > LARGE)
    if len(large):
        heads = starts[np.searchsorted(starts, large, side="right") - 1]
        away = large - heads > 1  # the next to the first was seen above
        found.append(owners[heads[away]] * count + owners[large[away]])
    pairs, counts = np.unique(np.concatenate(found), return_counts=True)
    return pairs // count, pairs % count, counts
