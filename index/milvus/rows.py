"""What the rows of an index in Milvus hold, and which of them a generation sees.

A row is `born` in one generation and has `died` in a later one, or is `ALIVE`. A reader of
generation G sees what was born up to G and has not died by then. Generations that were begun and
never served (`Serving.never`) count for nothing, whatever their writer still writes.

An article's number is its place: they rise in the order of the articles, with gaps for those that
come between. A passage's number is its article's place and its ordinal there.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..contents import FIELDS
from ..encoder import Vectors
from ..errors import IndexCorrupt, IndexMismatch, IndexOutdated, IndexWriteError
from ..keywords import MAX_COUNT, relative_length, share
from ..passages import made_of
from ..records import Article, day_of
from ..shingles import Sketch

#: Raise it with every change of what is written.
FORMAT = 1
ALIVE = 2**62
#: Characters of ASCII in a text field: Milvus takes 65,535 bytes.
MOST_TEXT = 65_000
#: The bits of a passage's ordinal in its number.
ORDINAL_BITS = 16
#: Kinds of documents: an article, what finds it, its sketch; what serves, who writes, what a
#: generation holds in all, in how many passages words are.
TEXT, HEAD, SKETCH = 0, 1, 2
SERVING, LEASE, STATS, WORDS = 10, 11, 12, 13

#: Fields of a document and of a passage, besides `KEYS`.
KEYS = ("pk", "article", "born", "died")
DOC = ("kind", "piece", "pieces", "key", "original", "data")
PASSAGE = ("ordinal", "start", "end", "outlet", "published", "length", "words")
VECTORS = ("dense", "sparse")

# Milvus takes sparse dimensions below 2^32 - 1; 0 is for a passage without a word.
_DIMENSIONS = 2**32 - 3

Row = dict[str, Any]


@dataclass(frozen=True)
class Doc:
    """A text in ASCII under its kind and number, with what else finds it."""

    kind: int
    article: int
    born: int
    data: str
    key: int = 0
    original: int = 0
    died: int = ALIVE

    def rows(self) -> list[Row]:
        """The rows that hold it, its text in pieces of what a field takes."""
        common = {name: value for name, value in asdict(self).items() if name != "data"}
        pieces = [self.data[n : n + MOST_TEXT] for n in range(0, len(self.data), MOST_TEXT)]
        # Milvus wants a vector in every collection.
        common |= {"pieces": len(pieces), "pad": [0.0, 0.0]}
        return [
            {**common, "pk": self.row_key(number), "piece": number, "data": piece}
            for number, piece in enumerate(pieces)
        ]

    def row_key(self, piece: int = 0) -> str:
        """The primary key of one of its rows."""
        return doc_key(self.kind, self.article, self.born, piece)


def doc_key(kind: int, article: int, born: int, piece: int = 0) -> str:
    """The primary key of the row that holds a document's piece."""
    return f"{kind}.{article:x}.{born:x}.{piece:x}"


def docs_in(rows: Sequence[Row]) -> list[Doc]:
    """Put documents together, in the order of their numbers. Raises IndexCorrupt for a lost one."""
    parts: dict[tuple[int, int, int], list[Row]] = {}
    for row in sorted(rows, key=lambda r: (r["article"], r["kind"], r["born"], r["piece"])):
        parts.setdefault((row["article"], row["kind"], row["born"]), []).append(row)
    found = []
    for pieces in parts.values():
        first = pieces[0]
        if [p["piece"] for p in pieces] != list(range(first["pieces"])):
            raise IndexCorrupt(f"a piece of {first['pk']} is missing; index the articles anew")
        names = ("kind", "article", "born", "key", "original", "died")
        data = "".join(p["data"] for p in pieces)
        found.append(Doc(data=data, **{name: first[name] for name in names}))
    return found


@dataclass(frozen=True)
class Serving:
    """The generation that serves: one row, and writing it is what activates a generation.

    `previous` served before it, with vectors of `previous_dim`; `never` are those that never did.
    `length` is the words of all passages, `mean` the average with which the rows' weights were
    made, `buckets` how many documents the counts of words are spread over, `last` the largest
    place that an article ever had.
    """

    generation: int
    previous: int
    previous_dim: int
    created: str
    fingerprint: str
    dim: int
    recipe: int
    articles: int
    passages: int
    reports: int
    length: int
    mean: float
    buckets: int
    last: int
    never: tuple[int, ...] = ()

    def doc(self) -> Doc:
        """The document that makes it serve."""
        return Doc(SERVING, 0, 0, json.dumps({"format": FORMAT, **asdict(self)}))

    @classmethod
    def of(cls, doc: Doc) -> Serving:
        """Read it. Raises IndexMismatch for a newer format, IndexOutdated for an older one."""
        facts = json.loads(doc.data)
        found = facts.pop("format")
        if found > FORMAT:
            raise IndexMismatch(f"a newer version of Wirecheck wrote it (format {found})")
        if found < FORMAT:
            raise IndexOutdated("an older version of Wirecheck wrote it; index into another name")
        return cls(**{**facts, "never": tuple(facts["never"])})

    @property
    def average(self) -> float:
        """Words of a passage, on average; 1 where no passage has any."""
        return self.length / max(self.passages, 1) or 1.0

    @property
    def drift(self) -> float:
        """How many times the average with which the weights were made is off, from 1 on."""
        return max(self.average / self.mean, self.mean / self.average)

    @property
    def visible(self) -> str:
        """The filter that lets through what this generation holds."""
        born, died = f"born <= {self.generation}", f"died > {self.generation}"
        if not self.never:
            return f"{born} and {died}"
        never = list(self.never)
        return f"{born} and born not in {never} and ({died} or died in {never})"


@dataclass(frozen=True)
class Head:
    """What is known of an article without its text.

    `born` is the generation of its text and its passages, `whole` the hash of all of it, `made`
    that of what passages are made of.
    """

    id: str
    born: int
    whole: str
    made: str
    outlet: str | None
    published: str | None

    @classmethod
    def of(cls, article: Article, born: int) -> Head:
        """What is written of an article that is new in generation `born`."""
        whole, made = hashes_of(article)
        return cls(article.id, born, whole, made, article.outlet, article.published)

    def doc(self, place: int, original: int, born: int) -> Doc:
        """The document that holds it; `original` is the place of the original that it copies."""
        return Doc(HEAD, place, born, json.dumps(asdict(self)), key_of(self.id), original)


def hashes_of(article: Article) -> tuple[str, str]:
    """Hashes of all of an article, and of what its passages are made of."""
    return _hash(article_text(article)), _hash(json.dumps(made_of(article)))


def article_text(article: Article) -> str:
    """An article as a document has it."""
    return json.dumps({name: getattr(article, name) for name in FIELDS})


def key_of(text: str | None) -> int:
    """A number from 1 for a text, 0 for none; two texts may share one."""
    return (_digest(text) >> 1) or 1 if text else 0


def number_of(row: Mapping[str, Any]) -> int:
    """The number of the passage in a row."""
    return int(row["article"]) << ORDINAL_BITS | int(row["ordinal"])


def passage_row(
    place: tuple[int, int], span: tuple[int, int], article: Article, words: Counter[str]
) -> Row:
    """What a row has of a passage, but for its vectors and its generation.

    `place` is its article's and its own ordinal, `words` counts its keywords. Raises
    IndexWriteError for a passage that a row can't hold.
    """
    if place[1] >> ORDINAL_BITS:
        raise IndexWriteError(f"{article.id}: has more passages than an article in Milvus may have")
    told = json.dumps({word: min(count, MAX_COUNT) for word, count in words.items()})
    if len(told) > MOST_TEXT:
        raise IndexWriteError(f"{article.id}: a passage has more words than a row of Milvus holds")
    return {
        "article": place[0],
        "ordinal": place[1],
        "start": span[0],
        "end": span[1],
        "outlet": key_of(article.outlet),
        "published": day_of(article.published),
        "length": words.total(),
        "words": told,
    }


def with_vectors(row: Row, born: int, mean: float, vector: Vectors) -> Row:
    """The row as it is written in generation `born`; `mean` is the average length of passages."""
    key = f"{row['article']:x}.{row['ordinal']:x}.{born:x}"
    counts: dict[str, int] = json.loads(row["words"])
    relative = relative_length(np.array([row["length"]]), mean)
    weights = share(np.array([*counts.values()], np.float32), relative)
    sparse: dict[int, float] = {}
    for word, weight in zip(counts, weights.tolist(), strict=True):
        sparse[dimension(word)] = sparse.get(dimension(word), 0.0) + weight
    vectors = {"dense": vector, "sparse": sparse or {0: 1.0}}
    return {**row, "pk": key, "born": born, "died": ALIVE, **vectors}


def marked(rows: Sequence[Row], died: int) -> list[Row]:
    """The same rows as they are written, with another `died`."""
    return [{**row, "died": died, **({"pad": [0.0, 0.0]} if "data" in row else {})} for row in rows]


def sketch_doc(place: int, born: int, sketch: tuple[int, int, Sketch]) -> Doc:
    """The document that holds what `Copies.sketch_of` gave of an article."""
    words, whole, values = sketch
    told = base64.b64encode(values.astype("<u4").tobytes()).decode()
    return Doc(SKETCH, place, born, json.dumps({"words": words, "whole": whole, "sketch": told}))


def sketch_in(doc: Doc) -> tuple[int, int, Sketch]:
    """What `sketch_doc` holds."""
    found = json.loads(doc.data)
    values = np.frombuffer(base64.b64decode(found["sketch"]), "<u4")
    return found["words"], found["whole"], values


def dimension(word: str) -> int:
    """Where a word's weight stands in a sparse vector; very few words share one."""
    return 1 + _digest(word) % _DIMENSIONS


def bucket(word: str, buckets: int) -> int:
    """The document that counts a word's passages."""
    return _digest(word) % buckets


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
