"""Articles in Milvus, each fetched when somebody asks for it; the last ones are kept."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from ..lru import Lru
from ..records import Article, day_of, iso_of
from .rows import DOC, HEAD, TEXT, Doc, Head, doc_key, docs_in, key_of
from .search import Filter

if TYPE_CHECKING:
    from .contents import MilvusContents


class MilvusArticles:
    """Articles by their places, which rise in their order, with gaps."""

    def __init__(self, contents: MilvusContents) -> None:
        self._contents = contents
        self._by_id: Lru[tuple[int, int, Head] | None] = Lru(50_000)
        self._by_place: Lru[tuple[int, int, Head]] = Lru(50_000)
        self._texts: Lru[Article] = Lru(2_000)

    def __len__(self) -> int:
        return self._contents.serving.articles

    def __getitem__(self, place: int) -> Article:
        return self.texts([(place, self.head(place)[2].born)])[0]

    def __iter__(self) -> Iterator[Article]:
        engine, serving = self._contents.engine, self._contents.serving
        where = f"({serving.visible}) and kind == {HEAD}"
        level = self._contents.level
        for rows in engine.scan(engine.articles, where, DOC, serving.last, level):
            known = [self._known(doc) for doc in docs_in(rows)]
            yield from self.texts([(place, head.born) for place, _, head in known])

    def find(self, article_id: str) -> tuple[int, Article] | None:
        """Find an article by its ID, and its place; None if there is none."""
        found = self.find_head(article_id)
        return (found[0], self.texts([(found[0], found[2].born)])[0]) if found else None

    def number_of(self, article_id: str) -> int | None:
        """An article's place; None if there is no such article."""
        found = self.find_head(article_id)
        return found[0] if found else None

    def find_head(self, article_id: str) -> tuple[int, int, Head] | None:
        """The place of an article, that of its original, and its head; None if there is none."""
        return self._by_id.of([article_id], lambda _: [self._sought(article_id)])[0]

    def _sought(self, article_id: str) -> tuple[int, int, Head] | None:
        where = f"kind == {HEAD} and key == {key_of(article_id)}"
        for doc in self._contents.docs(self._contents.engine.articles, where):
            found = self._known(doc, by_id=False)
            if found[2].id == article_id:
                return found
        return None

    def head(self, place: int) -> tuple[int, int, Head]:
        """What `find_head` gives of the article at a place. Raises IndexCorrupt if it is gone."""
        return self._by_place.of([str(place)], lambda _: [self._read_head(place)])[0]

    def _read_head(self, place: int) -> tuple[int, int, Head]:
        engine = self._contents.engine
        docs = self._contents.docs(engine.articles, f"kind == {HEAD} and article == {place}")
        if not docs:
            raise self._contents.lost(f"article {place}")
        return docs[0].article, docs[0].original, Head(**json.loads(docs[0].data))

    def cluster(self, original: int) -> list[int]:
        """Places of all articles whose original this is."""
        where = f"kind == {HEAD} and original == {original}"
        docs = self._contents.docs(self._contents.engine.articles, where)
        return [self._known(doc)[0] for doc in docs]

    def _known(self, doc: Doc, by_id: bool = True) -> tuple[int, int, Head]:
        found = doc.article, doc.original, Head(**json.loads(doc.data))
        self._by_place.of([str(doc.article)], lambda _: [found])
        if by_id:
            self._by_id.of([found[2].id], lambda _: [found])
        return found

    def texts(self, wanted: Sequence[tuple[int, int]]) -> list[Article]:
        """Articles by their places and the generations that their texts were born in."""
        return self._texts.of([f"{place:x}.{born:x}" for place, born in wanted], self._fetched)

    def _fetched(self, keys: Sequence[str]) -> list[Article]:
        engine, level = self._contents.engine, self._contents.level
        wanted = [tuple(int(part, 16) for part in key.split(".")) for key in keys]
        found: dict[tuple[int, ...], Article] = {}
        for start in range(0, len(wanted), 100):
            some = wanted[start : start + 100]
            rows = engine.get(engine.articles, [doc_key(TEXT, *one) for one in some], level)
            more = [
                doc_key(TEXT, row["article"], row["born"], piece)
                for row in rows
                for piece in range(1, row["pieces"])
            ]
            for doc in docs_in(rows + engine.get(engine.articles, more, level)):
                found[doc.article, doc.born] = Article(**json.loads(doc.data))
        if lost := [one for one in wanted if one not in found]:
            raise self._contents.lost(f"article {lost[0][0]}")
        return [found[one] for one in wanted]

    @property
    def outlets(self) -> Sequence[str]:
        """The names of all outlets."""
        return list(self._contents.stats["outlets"])

    def dates(self) -> tuple[str | None, str | None]:
        """The first and the last day of publication; None if no article has one."""
        days = [int(day) for day in self._contents.stats["days"]]
        return (iso_of(min(days)), iso_of(max(days))) if days else (None, None)

    def passing(
        self, outlets: Collection[str] | None, since: str | None, until: str | None
    ) -> Filter:
        """What the filters let through, as `Articles.passing` reads them."""
        parts, first, last = [], max(day_of(since), 1), day_of(until or "9999-12-31")
        if outlets is not None:
            keys = [key_of(name) for name in self.outlets if name.casefold() in outlets]
            parts.append(f"outlet in {keys or [-1]}")
        if since is not None or until is not None:
            parts.append(f"published >= {first} and published <= {last}")

        def passes(place: int) -> bool:
            head = self.head(place)[2]
            named = outlets is None or bool(head.outlet and head.outlet.casefold() in outlets)
            timely = (since is None and until is None) or first <= day_of(head.published) <= last
            return named and timely

        return Filter(f"({' and '.join(parts) or 'born >= 0'})", passes)
