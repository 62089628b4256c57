"""From articles on disk to an index on disk, embedding only what is new."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .articles import Reading, Skipped, read_articles
from .encoder import Encoder, Vectors, load_encoder
from .errors import ArticleError, IndexCorrupt, IndexMissing
from .keywords import KeywordIndex
from .passages import RECIPE, embedded_text, keyword_text, split_passages
from .records import Article, Passage
from .store import Contents, Generation, Writer, read, writing
from .vectors import VectorIndex

Progress = Callable[[int, int, str], None]

_BATCH = 64


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    `added`, `changed`, `removed` and `unchanged` count articles against the index as it was;
    `changed` also counts those of which only outlet, date, address or title changed. `passages`
    are those of the index now, `embedded` those that had to be embedded for it.
    """

    added: int
    changed: int
    removed: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    passages: int
    embedded: int
    generation: int


def build_index(
    sources: Sequence[Path],
    directory: Path,
    *,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Make the index at `directory` hold exactly the articles in `sources`, files or folders.

    What is no longer there is dropped. Passages of an article whose text and title the index
    knows keep their vectors. If nothing changed, nothing is written. `progress` is called with
    (done, total, what), where what is "reading", "splitting" or "embedding"; a total of 0 means
    that it is not known yet.

    Raises ArticleError if a source is not there or no article was found, IndexBusy if another
    process is writing, IndexWriteError if the index can't be written, IndexMismatch if a newer
    version of this program wrote it, SettingError if the encoder can't be loaded. An index that
    was there before still serves after any of these.
    """
    tell = progress or (lambda done, total, what: None)
    reading = read_articles(
        sources, outside=directory, progress=lambda seen: tell(seen, 0, "reading")
    )
    if not reading.articles:
        raise ArticleError(_no_articles(reading))
    encoder = encoder if encoder is not None else load_encoder()
    with writing(directory) as writer:
        return _build(reading, directory, writer, encoder, tell)


def _no_articles(reading: Reading) -> str:
    if not reading.skipped:
        return "no article found: no files there"
    first = reading.skipped[0]
    return f"no article found: {len(reading.skipped)} skipped, first {first.path}: {first.reason}"


def _build(
    reading: Reading, directory: Path, writer: Writer, encoder: Encoder, tell: Progress
) -> BuildReport:
    before, notes = _before(directory)
    kept = _Kept(before, encoder)
    changes = _changes(before, reading.articles)
    if before is None or not kept.fits or any(changes[name] for name in _WRITES):
        contents, embedded = _contents(reading.articles, kept, encoder, tell)
        generation = writer.publish(contents)
    else:
        contents, embedded, generation = before.contents, 0, before.number
    if before is not None and not kept.fits:
        notes = (f"{directory}: another encoder or version made it; all is embedded anew",)
    return BuildReport(
        **changes,
        skipped=reading.skipped,
        notes=(*notes, *reading.notes),
        passages=len(contents.passages),
        embedded=embedded,
        generation=generation,
    )


_WRITES = ("added", "changed", "removed")


def _before(directory: Path) -> tuple[Generation | None, tuple[str, ...]]:
    try:
        return read(directory), ()
    except IndexMissing:
        return None, ()
    except IndexCorrupt as error:
        return None, (f"the index was damaged and is made anew: {error}",)


def _changes(before: Generation | None, articles: Sequence[Article]) -> dict[str, int]:
    old = {a.id: a for a in before.contents.articles} if before else {}
    common = [a for a in articles if a.id in old]
    unchanged = sum(a == old[a.id] for a in common)
    return {
        "added": len(articles) - len(common),
        "changed": len(common) - unchanged,
        "removed": len(old) - len(common),
        "unchanged": unchanged,
    }


class _Kept:
    """Passages whose vectors can be taken over, by what they were made of: text and title."""

    def __init__(self, before: Generation | None, encoder: Encoder) -> None:
        made_of = before and (before.contents.fingerprint, before.contents.recipe)
        self.fits = made_of == (encoder.fingerprint, RECIPE)
        self._vectors: Vectors = np.zeros((0, encoder.dim), np.float32)
        self._numbers: dict[tuple[str, str], dict[str, list[int]]] = {}
        self._passages: tuple[Passage, ...] = ()
        if before is not None and self.fits:
            self._vectors = before.contents.vectors.vectors()
            self._passages = before.contents.passages
            for number, passage in enumerate(self._passages):
                a = passage.article
                by_article = self._numbers.setdefault((a.sha256, a.title), {})
                by_article.setdefault(a.id, []).append(number)

    def of(self, article: Article) -> list[tuple[Passage, Vectors]] | None:
        """The article's passages with their vectors, or None if it is not known."""
        twins = self._numbers.get((article.sha256, article.title))
        if twins is None:
            return None
        numbers = next(iter(twins.values()))
        spans = (self._passages[n] for n in numbers)
        passages = (Passage(article, p.start, p.end) for p in spans)
        return list(zip(passages, self._vectors[numbers], strict=True))


def _contents(
    articles: Sequence[Article], kept: _Kept, encoder: Encoder, tell: Progress
) -> tuple[Contents, int]:
    """What the new generation holds, and how many of its passages were embedded for it."""
    passages: list[Passage] = []
    vectors: dict[int, Vectors] = {}
    for done, article in enumerate(articles, start=1):
        known = kept.of(article)
        if known is None:
            passages.extend(split_passages(article, encoder))
        for passage, vector in known or ():
            vectors[len(passages)] = vector
            passages.append(passage)
        tell(done, len(articles), "splitting")
    fresh = {n: embedded_text(p, encoder) for n, p in enumerate(passages) if n not in vectors}
    vectors.update(_embedded(fresh, encoder, tell))
    rows = np.array([vectors[n] for n in range(len(passages))], dtype=np.float32)
    contents = Contents(
        articles=tuple(articles),
        passages=tuple(passages),
        vectors=VectorIndex.build(rows),
        keywords=KeywordIndex.build([keyword_text(p) for p in passages]),
        fingerprint=encoder.fingerprint,
        recipe=RECIPE,
    )
    return contents, len(fresh)


def _embedded(texts: Mapping[int, str], encoder: Encoder, tell: Progress) -> dict[int, Vectors]:
    """Vectors by number; like lengths go together, and what several copies say goes once."""
    numbers: dict[str, list[int]] = {}
    for number, text in texts.items():
        numbers.setdefault(text, []).append(number)
    waiting = sorted(numbers, key=len)
    vectors: dict[int, Vectors] = {}
    for start in range(0, len(waiting), _BATCH):
        batch = waiting[start : start + _BATCH]
        for text, vector in zip(batch, encoder.encode(batch), strict=True):
            vectors.update(dict.fromkeys(numbers[text], vector))
        tell(len(vectors), len(texts), "embedding")
    return vectors
