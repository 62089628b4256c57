"""What a generation holds, and its files: articles, passages, and what both searches need.

    articles.jsonl    an article a line
    articles.npy      for each: where its line ends, its text's length, outlet, date, hash of its ID
    outlets.json      the outlets' names
    passages.npy      for each: number of its article, start, end
    copies.npy, sketches.npy    which articles are copies of which: see `copies`
    vectors.*         see `vectors`
    keywords/*        see `keywords`

Articles and passages are read from the mapped files when somebody asks for them: a million of them
as Python objects would take gigabytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, overload
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from . import copies, keywords, vectors
from .copies import Copies
from .errors import IndexCorrupt
from .keywords import KeywordIndex
from .mapped import Data, array_file, array_in, forget
from .query import Names
from .records import Article, Passage, day_of, iso_of
from .vectors import VectorIndex

ARTICLES = "articles.jsonl"
ROWS = "articles.npy"
OUTLETS = "outlets.json"
PASSAGES = "passages.npy"
KEYWORDS = "keywords/"

_ROW = np.dtype(
    [
        ("end", "<i8"),
        ("length", "<i8"),
        ("outlet", "<i4"),  # its number in outlets.json, -1 for unknown
        ("published", "<i4"),  # yyyymmdd, 0 for unknown
        ("key", "<u8"),
    ]
)
FIELDS = ("id", "title", "text", "outlet", "published", "url")

Files = dict[str, tuple[Data, ...]]
Made = TypeVar("Made")


class _Listed(Sequence[Made]):
    """A sequence by `rows`, whose things are made when somebody asks for them."""

    rows: NDArray[Any]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, number: int) -> Made: ...
    @overload
    def __getitem__(self, number: slice) -> list[Made]: ...
    def __getitem__(self, number: int | slice) -> Made | list[Made]:
        numbers = range(len(self))[number]
        return self._at(numbers) if isinstance(numbers, int) else [*map(self._at, numbers)]

    def _at(self, number: int) -> Made:
        raise NotImplementedError


class Articles(_Listed[Article]):
    """Articles by number, from 0, each read when it is asked for.

    Two askers get the same object as long as one of them holds it. Raises IndexCorrupt where a line
    is no article; checksums are compared before, so that only a faulty writer can have made it.
    """

    def __init__(self, data: Data, rows: NDArray[Any], outlets: Sequence[str]) -> None:
        self._data = data
        self.rows = rows
        self.outlets = outlets
        self._alive: WeakValueDictionary[int, Article] = WeakValueDictionary()

    @classmethod
    def of(cls, articles: Iterable[Article]) -> Articles:
        """Keep `articles` in the form in which they are written. Raises ValueError for twin IDs."""
        lines: list[bytes] = []
        rows: list[tuple[int, int, int, int, int]] = []
        outlets: dict[str, int] = {}
        known: set[str] = set()
        end = 0
        for article in articles:
            if article.id in known:
                raise ValueError(f"two articles have the ID {article.id}")
            known.add(article.id)
            row = {name: getattr(article, name) for name in FIELDS}
            lines.append((json.dumps(row, ensure_ascii=False) + "\n").encode())
            end += len(lines[-1])
            outlet = -1
            if article.outlet:
                outlet = outlets.setdefault(article.outlet, len(outlets))
            rows.append(
                (end, len(article.text), outlet, day_of(article.published), _key(article.id))
            )
        return cls(b"".join(lines), np.array(rows, _ROW), list(outlets))

    def to_files(self) -> Files:
        """Write what `from_files` reads."""
        names = json.dumps(self.outlets, ensure_ascii=False).encode()
        return {ARTICLES: (self._data,), ROWS: array_file(self.rows), OUTLETS: (names,)}

    @classmethod
    def from_files(cls, files: Mapping[str, Data], count: int) -> Articles:
        """Read `count` articles. Raises IndexCorrupt naming the file."""
        data = files[ARTICLES]
        rows = array_in(files[ROWS], ROWS, _ROW, (count,))
        outlets = keywords.strings_in(files[OUTLETS], OUTLETS)
        ends = rows["end"]
        if (np.diff(ends, prepend=0) <= 0).any() or (ends[-1] if count else 0) != len(data):
            raise IndexCorrupt(f"{ROWS}: does not fit {ARTICLES}")
        if count and not -1 <= rows["outlet"].min() <= rows["outlet"].max() < len(outlets):
            raise IndexCorrupt(f"{ROWS}: names an outlet that is not there")
        return cls(data, rows, outlets)

    def _at(self, number: int) -> Article:
        article = self._alive.get(number)
        if article is None:
            article = self._alive[number] = self._read(number)
        return article

    def _read(self, number: int) -> Article:
        start = int(self.rows["end"][number - 1]) if number else 0
        row = self.rows[number]
        line = bytes(self._data[start : int(row["end"])])
        forget(self._data)
        try:
            article = Article(**json.loads(line))
            fits = all(isinstance(getattr(article, name), str) for name in FIELDS[:3]) and all(
                isinstance(getattr(article, name), str | None) for name in FIELDS[3:]
            )
            fits = fits and len(article.text) == row["length"]
        except (ValueError, TypeError, RecursionError) as error:
            raise IndexCorrupt(f"{ARTICLES}: holds a line that is no article") from error
        if not fits or _key(article.id) != row["key"]:
            raise IndexCorrupt(f"{ARTICLES}: holds another article than {ROWS} says")
        return article

    def find(self, article_id: str) -> tuple[int, Article] | None:
        """Find an article by its ID, and its number; None if there is none."""
        keys, order = self._by_key
        wanted = np.uint64(_key(article_id))
        first, last = np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")
        # Several IDs may have one hash.
        for number in order[first:last].tolist():
            article = self[number]
            if article.id == article_id:
                return number, article
        return None

    def number_of(self, article_id: str) -> int | None:
        """An article's number; None if there is no such article."""
        found = self.find(article_id)
        return found[0] if found else None

    @cached_property
    def _by_key(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        order = np.argsort(self.rows["key"], kind="stable")
        return self.rows["key"][order], order

    def passing(
        self, outlets: Collection[str] | None, since: str | None, until: str | None
    ) -> NDArray[np.bool_]:
        """Tell for each article whether the filters let it through.

        `outlets` are names in `casefold`; `since` and `until` ISO dates, both included. An unknown
        outlet or date passes no filter.
        """
        passing = np.ones(len(self), np.bool_)
        if outlets is not None:
            names = [name != "" and name.casefold() in outlets for name in self.outlets]
            # The last stands for number -1.
            passing &= np.array([*names, False])[self.rows["outlet"]]
        if since is not None or until is not None:
            days = self.rows["published"]
            passing &= (days >= max(day_of(since), 1)) & (days <= day_of(until or "9999-12-31"))
        return passing

    def dates(self) -> tuple[str | None, str | None]:
        """Find the first and the last date of publication; None if no article has one."""
        days = self.rows["published"][self.rows["published"] > 0]
        return (iso_of(int(days.min())), iso_of(int(days.max()))) if len(days) else (None, None)

    def problems(self) -> Iterator[str]:
        """Read all of them and tell what is wrong, a line each."""
        seen: set[str] = set()
        for number, row in enumerate(self.rows):
            try:
                article = self[number]
            except IndexCorrupt as error:
                yield f"{error} (line {number + 1})"
                continue
            if article.id in seen:
                yield f"{ARTICLES}: two articles have the ID {article.id}"
            seen.add(article.id)
            outlet = self.outlets[row["outlet"]] if row["outlet"] >= 0 else None
            if (outlet, row["published"]) != (article.outlet or None, day_of(article.published)):
                yield f"{ROWS}: outlet or date of {article.id} is not what {ARTICLES} says"


class Passages(_Listed[Passage]):
    """Passages by number, from 0; `rows` are (number of the article, start, end)."""

    def __init__(self, rows: NDArray[np.int64], articles: Articles) -> None:
        """`rows` is `(n, 3)`."""
        self.rows = rows
        self._articles = articles

    @classmethod
    def of(cls, passages: Iterable[Passage], articles: Articles) -> Passages:
        """Keep `passages` in the form in which they are written; all are of `articles`."""
        numbers = {article.id: number for number, article in enumerate(articles)}
        rows = [(numbers[p.article.id], p.start, p.end) for p in passages]
        return cls(np.array(rows, dtype=np.int64).reshape(-1, 3), articles)

    @classmethod
    def from_files(cls, files: Mapping[str, Data], articles: Articles, count: int) -> Passages:
        """Read `count` passages. Raises IndexCorrupt naming the file."""
        rows = array_in(files[PASSAGES], PASSAGES, "<i8", (count, 3))
        numbers, starts, ends = rows.T
        if count and not 0 <= numbers.min() <= numbers.max() < len(articles):
            raise IndexCorrupt(f"{PASSAGES}: names an article that is not there")
        lengths = articles.rows["length"]
        if not ((0 <= starts) & (starts < ends) & (ends <= lengths[numbers])).all():
            raise IndexCorrupt(f"{PASSAGES}: holds a span outside its article")
        return cls(rows, articles)

    def _at(self, number: int) -> Passage:
        article, start, end = self.rows[number].tolist()
        return Passage(self._articles[article], start, end)

    def of_article(self, number: int) -> NDArray[np.int64]:
        """Numbers of the passages of an article, in their order."""
        articles, order = self._by_article
        first, last = np.searchsorted(articles, [number, number + 1])
        return order[first:last]

    @cached_property
    def _by_article(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order = np.argsort(self.rows[:, 0], kind="stable")
        return self.rows[order, 0], order


class ById(Mapping[str, Article]):
    """Articles by their IDs, in the order of their numbers."""

    def __init__(self, articles: Articles) -> None:
        """Look into `articles`."""
        self._articles = articles

    def __getitem__(self, article_id: str) -> Article:
        found = self._articles.find(article_id)
        if found is None:
            raise KeyError(article_id)
        return found[1]

    def __iter__(self) -> Iterator[str]:
        return (article.id for article in self._articles)

    def __len__(self) -> int:
        return len(self._articles)


@dataclass(frozen=True)
class Contents:
    """What a generation holds. Passage number n has vector n and keyword text n.

    `fingerprint` is the encoder's, `recipe` that of `split_passages`; `copies` are by the articles'
    numbers.
    """

    articles: Articles
    copies: Copies
    passages: Passages
    vectors: VectorIndex
    keywords: KeywordIndex
    fingerprint: str
    recipe: int

    @cached_property
    def names(self) -> Names:
        """What a query may name of it."""
        table = self.articles.rows[self.passages.rows[:, 0]]
        return Names(self.articles.outlets, table["outlet"], table["published"])

    def among(self, passing: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Numbers of the passages of the articles that pass."""
        return np.flatnonzero(passing[self.passages.rows[:, 0]])

    def fetch(self, numbers: Sequence[int]) -> None:
        """Have passages at hand: those of mapped files are."""


def file_names(kind: str) -> set[str]:
    """Names of all files of a generation whose vector index is of `kind`."""
    words = (KEYWORDS + name for name in keywords.FILES)
    return {ARTICLES, ROWS, OUTLETS, PASSAGES, *copies.FILES, *vectors.FILES[kind], *words}


def to_files(contents: Contents) -> Files:
    """Write `contents` as files that `from_files` reads, each in parts."""
    return {
        **contents.articles.to_files(),
        **contents.copies.to_files(),
        PASSAGES: array_file(contents.passages.rows),
        **contents.vectors.to_files(),
        **{KEYWORDS + name: parts for name, parts in contents.keywords.to_files().items()},
    }


def from_files(files: Mapping[str, Data], description: Mapping[str, Any]) -> Contents:
    """Read a generation's files; `description` is its manifest. Raises IndexCorrupt naming one.

    This checks that no number leads outside of an array; `index.check` that each says what is so.
    """
    counts, encoder = description["counts"], description["encoder"]
    articles = Articles.from_files(files, counts["articles"])
    reports = Copies.from_files(files, counts["articles"])
    passages = Passages.from_files(files, articles, counts["passages"])
    settings = description["vectors"]
    found = VectorIndex.from_files(files, settings, encoder["dim"], counts["passages"])
    named = {name: files[KEYWORDS + name] for name in keywords.FILES}
    try:
        words = KeywordIndex.from_files(named, counts["passages"])
    except IndexCorrupt as error:
        raise IndexCorrupt(f"{KEYWORDS}{error}") from error
    made_by = encoder["fingerprint"], description["recipe"]
    return Contents(articles, reports, passages, found, words, *made_by)


def _key(article_id: str) -> int:
    digest = hashlib.sha256(article_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "little")
