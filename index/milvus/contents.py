"""An index in Milvus, as a search reads it: what `contents` is for a folder.

Every read names its level. What tells the generation is read at STRONG. Rows of a generation never
change while it serves: they are read at BOUNDED once it is older than SETTLED seconds, at STRONG
before. Articles and rows are fetched when somebody asks for them, and the last ones kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engines import Address
from ..errors import IndexCorrupt, IndexMissing
from ..lru import Lru
from ..records import Passage
from .articles import MilvusArticles
from .engine import BOUNDED, STRONG, Engine, connect
from .rows import (
    ORDINAL_BITS,
    PASSAGE,
    SERVING,
    STATS,
    Doc,
    Row,
    Serving,
    doc_key,
    number_of,
)
from .search import Filter, MilvusKeywords, MilvusNames, MilvusVectors

#: Seconds after which a generation's rows have reached every node that answers.
SETTLED = 60
_LOOKED_SECONDS = 1.0


@dataclass(frozen=True)
class MilvusGeneration:
    """A generation in Milvus, as `store.Generation` is one in a folder; of files it knows none."""

    number: int
    created: str
    contents: MilvusContents
    sizes: Mapping[str, int] = field(default_factory=dict)


def read(address: Address, patient: bool = False) -> MilvusGeneration:
    """Read which generation serves; `patient` as in `milvus.Engine`.

    Raises what `connect` does, IndexMissing if there is no index, IndexMismatch or IndexOutdated if
    another version of this program wrote it.
    """
    engine = connect(address, patient)
    serving = serving_of(engine)
    if serving is None:
        raise IndexMissing(
            f"{address}: no index is there; `wirecheck index ARTICLES --index {address}` makes it"
        )
    engine.load(engine.passages(serving.dim), engine.articles, engine.meta)
    contents = MilvusContents(engine, serving)
    return MilvusGeneration(serving.generation, serving.created, contents)


def serving_of(engine: Engine) -> Serving | None:
    """The generation that serves, at STRONG; None if none does."""
    if not engine.exists():
        return None
    engine.load(engine.meta)
    docs = engine.row_of(engine.meta, doc_key(SERVING, 0, 0))
    return Serving.of(docs[0]) if docs else None


class MilvusContents:
    """What a generation in Milvus holds, by the names that `Contents` has."""

    def __init__(self, engine: Engine, serving: Serving) -> None:
        self.engine, self.serving = engine, serving
        self.fingerprint, self.recipe = serving.fingerprint, serving.recipe
        self._looked = time.monotonic()
        self._rows: Lru[Row] = Lru(20_000)
        self.articles = MilvusArticles(self)
        self.passages = MilvusPassages(self)
        self.copies = MilvusCopies(self)
        self.vectors = MilvusVectors(self)
        self.keywords = MilvusKeywords(self)

    def generation_now(self) -> int:
        """The number of the generation that serves now. Raises IndexMissing if none does."""
        serving = serving_of(self.engine)
        if serving is None:
            raise IndexMissing(f"{self.engine.address}: no index is there")
        return serving.generation

    @property
    def level(self) -> str:
        """The level at which rows of this generation are read."""
        age = datetime.now(UTC) - datetime.fromisoformat(self.serving.created)
        return BOUNDED if age.total_seconds() > SETTLED else STRONG

    def docs(self, name: str, where: str) -> list[Doc]:
        """The documents of this generation that `where` lets through."""
        found = self.engine.docs(name, f"({self.serving.visible}) and {where}", self.level)
        self._look()
        return found

    @cached_property
    def stats(self) -> dict[str, dict[str, int]]:
        """How many articles each outlet and each day (yyyymmdd) has."""
        docs = self.docs(self.engine.meta, f"kind == {STATS}")
        if not docs:
            raise self.lost("what counts its outlets")
        found: dict[str, dict[str, int]] = json.loads(docs[0].data)
        return found

    @cached_property
    def names(self) -> MilvusNames:
        """What a query may name of it."""
        return MilvusNames(self)

    def among(self, passing: Filter) -> Filter:
        """What searches take to look only at passages of the articles that pass."""
        return passing

    def search(self, kind: str, vector: Any, limit: int, among: Filter | None) -> list[Row]:
        """The rows nearest to a vector, best first; fewer if there are fewer."""
        where = self.serving.visible if among is None else f"({self.serving.visible}) and {among}"
        fields = ["article", "born", *PASSAGE, *(["dense"] if kind == "dense" else [])]
        name = self.engine.passages(self.serving.dim)
        rows = self.engine.search(name, kind, vector, limit, where, fields, self.level)
        self._look()
        keys = [f"{number_of(row):x}" for row in rows]
        bare = ({name: row[name] for name in row if name != "dense"} for row in rows)
        by_key = dict(zip(keys, bare, strict=True))
        self._rows.of(keys, lambda missing: [by_key[key] for key in missing])
        return rows

    def rows(self, numbers: Sequence[int]) -> list[Row]:
        """The rows of passages. Raises IndexCorrupt if one isn't there."""
        return self._rows.of([f"{number:x}" for number in numbers], self._fetched)

    def _fetched(self, keys: Sequence[str]) -> list[Row]:
        numbers = [int(key, 16) for key in keys]
        places = sorted({number >> ORDINAL_BITS for number in numbers})
        found = {number_of(row): row for row in self.rows_of(places)}
        if lost := [number for number in numbers if number not in found]:
            raise self.lost(f"passage {lost[0]}")
        return [found[number] for number in numbers]

    def rows_of(self, places: Sequence[int], fields: Sequence[str] = PASSAGE) -> list[Row]:
        """The rows of all passages of some articles."""
        name = self.engine.passages(self.serving.dim)
        found = self.engine.at(name, self.serving.visible, places, fields, self.level)
        self._look()
        return found

    def fetch(self, numbers: Sequence[int]) -> None:
        """Have passages and their articles at hand, by as few reads as they take."""
        self.articles.texts([(row["article"], row["born"]) for row in self.rows(numbers)])

    def lost(self, what: str) -> IndexCorrupt:
        """The error for something that isn't there, unless the whole generation is gone."""
        self._looked = -_LOOKED_SECONDS
        self._look()
        return IndexCorrupt(f"{self.engine.address}: {what} is gone; index the articles anew")

    def _look(self) -> None:
        """See that this generation is still there: one that two updates followed may be removed.

        Raises IndexMissing if not; what was read in the meantime may lack rows.
        """
        if time.monotonic() - self._looked < _LOOKED_SECONDS:
            return
        serving = serving_of(self.engine)
        if serving is None or serving.previous > self.serving.generation:
            raise IndexMissing(
                f"{self.engine.address}: generation {self.serving.generation} is gone after two "
                "updates; open the index again"
            )
        self._looked = time.monotonic()


class MilvusPassages(Sequence[Passage]):
    """Passages by their numbers, which have gaps; iterating gives all of them in their order."""

    def __init__(self, contents: MilvusContents) -> None:
        self._contents = contents

    def __len__(self) -> int:
        return self._contents.serving.passages

    def __getitem__(self, number: Any) -> Any:
        row = self._contents.rows([int(number)])[0]
        article = self._contents.articles.texts([(row["article"], row["born"])])[0]
        return Passage(article, row["start"], row["end"])

    def __iter__(self) -> Iterator[Passage]:
        return (self[number] for rows in self.scan() for number in sorted(map(number_of, rows)))

    def scan(self) -> Iterator[list[Row]]:
        """The rows of all passages, some articles at a time, in their order."""
        contents = self._contents
        name, level = contents.engine.passages(contents.serving.dim), contents.level
        where, last = contents.serving.visible, contents.serving.last
        return contents.engine.scan(name, where, PASSAGE, last, level)

    def of_article(self, place: int) -> NDArray[np.int64]:
        """Numbers of the passages of an article, in their order."""
        return np.array(sorted(map(number_of, self._contents.rows_of([place]))), np.int64)


class MilvusCopies:
    """Which articles are copies of which, by their places."""

    def __init__(self, contents: MilvusContents) -> None:
        self._contents = contents

    @property
    def reports(self) -> int:
        """How many independent reports there are."""
        return self._contents.serving.reports

    def original_of(self, place: int) -> int:
        """The place of an article's original."""
        return self._contents.articles.head(place)[1]

    def members(self, place: int) -> list[int]:
        """Places of all articles of an article's cluster, the original first."""
        original = self.original_of(place)
        return sorted(self._contents.articles.cluster(original), key=lambda p: (p != original, p))
