"""Building and updating an index in Milvus.

A build writes what is new as born in the next generation and marks what goes as died in it. No
reader sees that until one row, `Serving`, names the generation. One that dies before leaves rows
that nobody sees; the next build removes them, and what died before the generation before.

What changes is an article with all of its passages: a new version beside the old. Of an article
whose text stays, vectors and counts are taken from the old version.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from ..cache import EmbeddingCache
from ..chosen import agree, together
from ..copies import Copies
from ..embedding import Embedding
from ..encoder import Vectors
from ..engines import Address
from ..keywords import keyword_tokens
from ..passages import RECIPE, keyword_text, split_passages
from ..records import Article
from ..spread import Workers
from .contents import MilvusContents, serving_of
from .counts import Counts, served_docs
from .engine import STRONG, Engine, connect
from .lease import Lease
from .places import New, Old, planned
from .rows import (
    ALIVE,
    DOC,
    HEAD,
    PASSAGE,
    SKETCH,
    TEXT,
    VECTORS,
    Doc,
    Head,
    Row,
    Serving,
    article_text,
    hashes_of,
    marked,
    passage_row,
    sketch_doc,
    sketch_in,
    with_vectors,
)

#: Articles whose passages are in memory at once.
BLOCK = 500
# Blocks that are being embedded while one is written.
_AHEAD = 8
# Articles that are marked as died at once.
_DIED = 200


@dataclass(frozen=True)
class Built:
    """What a build did; as `BuildReport` tells it. `fresh` counts passages that are new."""

    added: int
    changed: int
    removed: int
    embedded: int
    fresh: int
    anew: bool
    contents: MilvusContents


@dataclass(frozen=True)
class _Block:
    """Some articles, and the rows of their passages; those that are new still lack a vector."""

    new: Sequence[New]
    rows: list[Row]


def build(
    articles: Sequence[Article],
    address: Address,
    workers: Workers,
    cache: EmbeddingCache,
    told: Callable[[int], None],
) -> Built:
    """Make the index hold exactly these articles; `told` is given the number of those done.

    Raises what `connect` does, IndexBusy if another process is writing, IndexMismatch if another
    version of this program wrote it. What served before still serves after any of these.
    """
    encoder = workers.encoder
    engine = connect(address, patient=True)
    engine.create(encoder.dim)
    engine.load(engine.passages(encoder.dim), engine.articles, engine.meta)
    served = serving_of(engine)
    with Lease(engine, encoder.dim, served.generation if served else 0) as lease:
        # Read again: another may have published since.
        update = _Update(engine, lease, serving_of(engine), workers, cache, told)
        return update.run(articles)


class _Update:
    """One build, from what serves to what will."""

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        before: Serving | None,
        workers: Workers,
        cache: EmbeddingCache,
        told: Callable[[int], None],
    ) -> None:
        self._engine, self._lease, self._before = engine, lease, before
        self._workers, self._cache, self._told = workers, cache, told
        self._encoder = encoder = workers.encoder
        self._born = lease.number
        self._passages = engine.passages(encoder.dim)
        self._takes = before is not None and before.recipe == RECIPE
        self._takes &= before is not None and agree(before.fingerprint, encoder.fingerprint)
        self._counts = Counts(engine, before, self._takes)
        self._embedded = self._fresh = 0

    def run(self, articles: Sequence[Article]) -> Built:
        """Write the next generation and let it serve; nothing if nothing changed."""
        before, engine = self._before, self._engine
        self._clean()
        old = self._old()
        twins = [old.get(article.id) for article in articles]
        hashes = [hashes_of(article) for article in articles]
        added = twins.count(None)
        same = sum(
            t is not None and t.head.whole == h[0] for t, h in zip(twins, hashes, strict=True)
        )
        changed, removed = len(articles) - added - same, len(old) - (len(articles) - added)
        if before and self._takes and not (added or changed or removed):
            return Built(0, 0, 0, 0, 0, False, MilvusContents(engine, before))
        new = planned(articles, twins, hashes, takes=self._takes, drifts=self._counts.drifts)
        copies = self._write_sketches(new)
        self._counts.begin(articles, self._encoder)
        self._write_passages([one for one in new if not one.stays], len(new))
        stay = {one.place for one in new if one.stays}
        self._bury([one.place for one in old.values() if one.place not in stay])
        self._write_heads(new, copies)
        gone, fresh = self._counts.docs(articles, self._born)
        self._upsert(engine.meta, marked(gone, self._born))
        self._upsert(engine.meta, fresh)
        serving = self._serving(copies.reports, new)
        self._lease.confirm()
        engine.upsert(engine.meta, serving.doc().rows())
        contents = MilvusContents(engine, serving)
        anew = before is not None and not self._takes
        return Built(added, changed, removed, self._embedded, self._fresh, anew, contents)

    @property
    def _never(self) -> tuple[int, ...]:
        if self._before is None:
            return tuple(range(1, self._born))
        begun = range(self._before.generation + 1, self._born)
        return (*self._before.never, *begun)

    def _clean(self) -> None:
        """Remove what nobody can see: what never served, and what two updates were ago."""
        before, engine = self._before, self._engine
        names = [self._passages, engine.articles, engine.meta]
        if self._never:
            for name in names:
                fields = (*PASSAGE, *VECTORS) if name == self._passages else DOC
                engine.delete(name, f"born in {list(self._never)}")
                last = before.last if before else 0
                for rows in engine.scan(name, f"died in {list(self._never)}", fields, last):
                    engine.upsert(name, marked(rows, ALIVE))
        if before and before.previous:
            for name in names:
                engine.delete(name, f"died <= {before.previous}")
            kept = [engine.passages(dim) for dim in (before.dim, before.previous_dim)]
            engine.drop_passages([*kept, self._passages])

    def _old(self) -> dict[str, Old]:
        if self._before is None:
            return {}
        found = {}
        for doc in served_docs(self._engine, self._before, HEAD):
            head = Head(**json.loads(doc.data))
            found[head.id] = Old(doc.article, doc.original, head)
        return found

    def _write_sketches(self, new: Sequence[New]) -> Copies:
        """Find the copies among all articles, and write the sketches of those that are new."""
        known = {
            doc.article: sketch_in(doc) for doc in served_docs(self._engine, self._before, SKETCH)
        }
        order = {place: number for number, place in enumerate(known)}
        kept = [order.get(one.old.place, -1) if one.old and one.taken else -1 for one in new]
        before = Copies.of_sketches([*known.values()])
        copies = Copies.of([one.article for one in new], before, np.array(kept, np.int64))
        docs = [
            sketch_doc(one.place, self._born, copies.sketch_of(number))
            for number, one in enumerate(new)
            if not one.stays
        ]
        self._upsert(self._engine.articles, [row for doc in docs for row in doc.rows()])
        return copies

    def _write_passages(self, new: Sequence[New], count: int) -> None:
        """Write the passages and texts of `new`, some articles at a time, of `count` in all.

        Some blocks ahead are split and being embedded while one is written.
        """
        if not new:
            self._told(count)
        stay = count - len(new)
        begun: deque[_Block] = deque()
        with Embedding(self._workers, self._cache, lambda n: self._told(stay + n)) as embedding:
            for start in range(0, len(new), BLOCK):
                begun.append(self._begun(new[start : start + BLOCK], embedding))
                if len(begun) > _AHEAD:
                    self._write_block(begun.popleft(), embedding)
            embedding.send_rest()
            while begun:
                self._write_block(begun.popleft(), embedding)
        self._embedded = embedding.embedded

    def _begun(self, articles: Sequence[New], embedding: Embedding) -> _Block:
        old = self._old_rows([one.old.place for one in articles if one.old and one.taken])
        rows: list[Row] = []
        for one in articles:
            kept = old.get(one.old.place, []) if one.old and one.taken else []
            passages = [] if one.taken else split_passages(one.article, self._encoder)
            embedding.add(passages)
            rows += [_moved(row, one) for row in kept]
            for ordinal, passage in enumerate(passages):
                words = Counter(keyword_tokens(keyword_text(passage)))
                span = passage.start, passage.end
                rows.append(passage_row((one.place, ordinal), span, one.article, words))
        return _Block(articles, rows)

    def _write_block(self, block: _Block, embedding: Embedding) -> None:
        fresh = sum("dense" not in row for row in block.rows)
        self._fresh += fresh
        vectors = iter(embedding.vectors(fresh))
        whole = [self._whole(row, vectors) for row in block.rows]
        self._counts.tally(whole, 1)
        self._upsert(self._passages, whole)
        texts = [Doc(TEXT, one.place, self._born, article_text(one.article)) for one in block.new]
        self._upsert(self._engine.articles, [row for doc in texts for row in doc.rows()])

    def _whole(self, row: Row, vectors: Iterator[Vectors]) -> Row:
        vector = np.array(row["dense"], np.float32) if "dense" in row else next(vectors)
        return with_vectors(row, self._born, self._counts.mean, vector)

    def _old_rows(self, places: Sequence[int]) -> dict[int, list[Row]]:
        """The rows of articles as they serve, in their order, with their vectors."""
        found: dict[int, list[Row]] = {}
        if self._before and places:
            fields = (*PASSAGE, "dense")
            rows = self._engine.at(self._passages, self._before.visible, places, fields, STRONG)
            for row in sorted(rows, key=lambda row: int(row["ordinal"])):
                found.setdefault(row["article"], []).append(row)
        return found

    def _bury(self, places: Sequence[int]) -> None:
        """Mark as died all that serves of the articles at these places."""
        if self._before is None:
            return
        engine, visible, fields = self._engine, self._before.visible, (*PASSAGE, *VECTORS)
        for start in range(0, len(places), _DIED):
            some = places[start : start + _DIED]
            docs = engine.at(engine.articles, visible, some, DOC, STRONG)
            self._upsert(engine.articles, marked(docs, self._born))
            if self._before.dim == self._encoder.dim:
                rows = engine.at(self._passages, visible, some, fields, STRONG)
                self._counts.tally(rows, -1 if self._takes else 0)
                self._upsert(self._passages, marked(rows, self._born))

    def _write_heads(self, new: Sequence[New], copies: Copies) -> None:
        """Write what finds an article, of those that are new and of those with another original."""
        engine = self._engine
        docs: list[Doc] = []
        gone: list[int] = []
        for number, one in enumerate(new):
            original = new[copies.original_of(number)].place
            if not one.stays or one.old is None:
                head = Head.of(one.article, self._born)
            elif one.old.original != original:
                head = one.old.head
                gone.append(one.place)
            else:
                continue
            docs.append(head.doc(one.place, original, self._born))
        if self._before and gone:
            where = f"({self._before.visible}) and kind == {HEAD}"
            old = engine.at(engine.articles, where, gone, DOC, STRONG)
            self._upsert(engine.articles, marked(old, self._born))
        self._upsert(engine.articles, [row for doc in docs for row in doc.rows()])

    def _serving(self, reports: int, new: Sequence[New]) -> Serving:
        before, encoder = self._before, self._encoder
        fingerprint = encoder.fingerprint
        keeps = self._counts.passages > self._fresh
        if before and self._takes and keeps and before.fingerprint != fingerprint:
            fingerprint = together(before.fingerprint, fingerprint)
        return Serving(
            generation=self._born,
            previous=before.generation if before else 0,
            previous_dim=before.dim if before else 0,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            fingerprint=fingerprint,
            dim=encoder.dim,
            recipe=RECIPE,
            articles=len(new),
            passages=self._counts.passages,
            reports=reports,
            length=self._counts.length,
            mean=self._counts.mean,
            buckets=self._counts.buckets,
            last=max([*(one.place for one in new), before.last if before else 0]),
            never=self._never,
        )

    def _upsert(self, name: str, rows: Sequence[Row]) -> None:
        self._lease.check()
        self._engine.upsert(name, rows)


def _moved(row: Row, new: New) -> Row:
    """The row of a passage that stays, for the article as it is now; with its vector."""
    words = Counter(json.loads(row["words"]))
    span = row["start"], row["end"]
    made = passage_row((new.place, row["ordinal"]), span, new.article, words)
    return {**made, "length": row["length"], "dense": row["dense"]}
