"""From articles on disk to an index on disk, embedding only what is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .articles import Reading, Skipped, read_articles
from .cache import EmbeddingCache, open_cache
from .chosen import agree, together
from .contents import Articles, Contents, Passages
from .copies import Copies
from .embedding import Embedding
from .encoder import SETTING as ENCODER_SETTING
from .encoder import BundledEncoder, Encoder, Vectors, load_encoder
from .engines import Address, Place, place_of
from .errors import ArticleError, IndexCorrupt, IndexMissing, IndexOutdated, SettingError
from .keywords import KeywordIndex
from .passages import RECIPE, keyword_text, made_of, split_passages
from .records import Article, Passage
from .spread import Workers, checked_place
from .store import Generation, Writer, read, writing
from .tongue import NAMES, language_of
from .vectors import VectorIndex

Progress = Callable[[int, int, str], None]

_PROBES = 256
# Articles whose language is looked at, evenly drawn.
_LANGUAGES_OF = 500


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    `added`, `changed`, `removed` and `unchanged` count articles against the index as it was, also
    where only outlet, date, address or title changed. `reports` counts near-identical copies once.
    `passages` are those of the index now; `embedded` those that had to be embedded for it, `cached`
    those whose vectors the embedding cache had. `vectors` says how the vectors are searched.
    """

    added: int
    changed: int
    removed: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    reports: int
    passages: int
    embedded: int
    cached: int
    generation: int
    vectors: str


def build_index(
    sources: Sequence[Path],
    directory: str | Place,
    *,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
    encode_on: str = "",
) -> BuildReport:
    """Make the index at `directory` hold exactly the articles in `sources`, files or folders.

    `directory` is a folder, or an address in Milvus (see `engines`).

    An article that did not change is taken over; vectors of known texts come from the cache (see
    `cache`). If nothing changed, nothing is written. `progress` is called with (done, total, what),
    where what is "reading" or "embedding"; a total of 0 is not known yet. `encode_on` tells where
    texts are embedded (see `spread`): elsewhere only by the encoder that WIRECHECK_ENCODER
    names.

    Raises ArticleError if a source is not there or no article was found, IndexBusy if another
    process is writing, IndexWriteError if the index can't be written, IndexMismatch if a newer
    version of this program wrote it, SettingError if the encoder can't be loaded or `encode_on`
    can't be used, IndexUnreachable if Milvus doesn't answer, IndexProblem if what embeds elsewhere
    died. An index that was there before still serves after any of these.
    """
    if checked_place(encode_on) and encoder is not None:
        raise SettingError("only the encoder that WIRECHECK_ENCODER names can embed elsewhere")
    tell = progress or (lambda done, total, what: None)
    place = place_of(directory)
    outside = place.file if isinstance(place, Address) else place
    reading = read_articles(
        sources, outside=outside, progress=lambda seen: tell(seen, 0, "reading")
    )
    if not reading.articles:
        raise ArticleError(_no_articles(reading))
    encoder = encoder if encoder is not None else load_encoder()
    with Workers(encoder, encode_on) as workers:
        if isinstance(place, Address):
            return _build_in_milvus(reading, place, workers, tell)
        with writing(place) as writer:
            return _build(reading, place, writer, workers, tell)


def _no_articles(reading: Reading) -> str:
    if not reading.skipped:
        return "no article found: no files there"
    first = reading.skipped[0]
    return f"no article found: {len(reading.skipped)} skipped, first {first.path}: {first.reason}"


def _unknown_language(articles: Sequence[Article], encoder: Encoder) -> Iterator[str]:
    """A line if most of the articles are in languages that the bundled encoder doesn't know."""
    if not isinstance(encoder, BundledEncoder):
        return
    looked_at = articles[:: max(1, len(articles) // _LANGUAGES_OF)]
    told = Counter(language_of(article.text) for article in looked_at)
    foreign = Counter({code: n for code, n in told.items() if code not in ("", "en")})
    if 2 * foreign.total() > told.total():
        name = NAMES[foreign.most_common(1)[0][0]]
        yield (
            f"most articles are in {name}, and the encoder that ships knows English: "
            f"{ENCODER_SETTING}=intfloat/multilingual-e5-small names one that knows it"
        )


def _build(
    reading: Reading, directory: Path, writer: Writer, workers: Workers, tell: Progress
) -> BuildReport:
    encoder = workers.encoder
    before, notes = _before(directory)
    old = _Old(before, encoder)
    cache = open_cache(encoder.fingerprint, encoder.dim)
    count = len(reading.articles)
    with Embedding(workers, cache, lambda done: tell(done, count, "embedding")) as embedding:
        plan = _planned(reading.articles, old, encoder, embedding)
        if before and old.taken and not (plan.added or plan.changed or plan.removed):
            contents, generation = before.contents, before.number
        else:
            contents = _contents(reading.articles, plan, old, encoder, embedding)
            generation = writer.publish(contents)
    anew = before is not None and not old.taken
    notes += tuple(_notes(directory, anew, contents, encoder, cache))
    return BuildReport(
        added=plan.added,
        changed=plan.changed,
        removed=plan.removed,
        unchanged=len(reading.articles) - plan.added - plan.changed,
        skipped=reading.skipped,
        notes=(*notes, *reading.notes, *_unknown_language(reading.articles, encoder)),
        reports=contents.copies.reports,
        passages=len(contents.passages),
        embedded=embedding.embedded,
        cached=len(plan.fresh) - embedding.embedded,
        generation=generation,
        vectors=str(contents.vectors),
    )


def _build_in_milvus(
    reading: Reading, address: Address, workers: Workers, tell: Progress
) -> BuildReport:
    from .milvus.build import build

    encoder = workers.encoder
    cache = open_cache(encoder.fingerprint, encoder.dim)
    count = len(reading.articles)
    built = build(
        reading.articles, address, workers, cache, lambda done: tell(done, count, "embedding")
    )
    return BuildReport(
        added=built.added,
        changed=built.changed,
        removed=built.removed,
        unchanged=count - built.added - built.changed,
        skipped=reading.skipped,
        notes=(
            *_notes(address, built.anew, built.contents, encoder, cache),
            *reading.notes,
            *_unknown_language(reading.articles, encoder),
        ),
        reports=built.contents.copies.reports,
        passages=len(built.contents.passages),
        embedded=built.embedded,
        cached=built.fresh - built.embedded,
        generation=built.contents.serving.generation,
        vectors=str(built.contents.vectors),
    )


def _notes(
    place: Place, anew: bool, contents: Any, encoder: Encoder, cache: EmbeddingCache
) -> Iterator[str]:
    if cache.note:
        yield cache.note
    if anew:
        yield f"{place}: another encoder or version made it; all is made anew"
    if contents.fingerprint != encoder.fingerprint:
        yield f"{place}: {contents.fingerprint} made it; these vectors agree"


def _before(directory: Path) -> tuple[Generation | None, tuple[str, ...]]:
    try:
        return read(directory), ()
    except IndexMissing:
        return None, ()
    except IndexOutdated:
        return None, (f"{directory}: an older version made it; all is made anew",)
    except IndexCorrupt as error:
        return None, (f"the index was damaged and is made anew: {error}",)


class _Old:
    """The index as it was: its articles and, if they fit, what was made of them (`taken`)."""

    def __init__(self, before: Generation | None, encoder: Encoder) -> None:
        contents = before.contents if before else None
        self.taken: Contents | None = None
        if contents and contents.recipe == RECIPE:
            self.taken = contents if agree(contents.fingerprint, encoder.fingerprint) else None
        self.articles = contents.articles if contents else Articles.of([])

    def spans(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of an article's passages, and their starts and ends, `(n, 2)`; none to take."""
        if self.taken is None:
            return np.zeros(0, np.int64), np.zeros((0, 2), np.int64)
        numbers = self.taken.passages.of_article(number)
        return numbers, self.taken.passages.rows[numbers, 1:]


@dataclass(frozen=True)
class _Plan:
    """The new passages: `rows` as `Passages` has them, and where each comes from.

    `origins` are numbers of old passages, -1 for a fresh one; `fresh` are those, in order. `kept`
    has for each article its old number, -1 if what was made of it can't be taken over.
    """

    rows: NDArray[np.int64]
    origins: NDArray[np.int64]
    fresh: list[Passage]
    kept: NDArray[np.int64]
    added: int
    changed: int
    removed: int


def _planned(
    articles: Sequence[Article], old: _Old, encoder: Encoder, embedding: Embedding
) -> _Plan:
    all_spans, origins = [], []
    taken = np.full(len(articles), -1)
    fresh: list[Passage] = []
    added = changed = 0
    for number, article in enumerate(articles):
        place, twin = old.articles.find(article.id) or (-1, None)
        added += twin is None
        changed += twin is not None and twin != article
        same = twin is not None and made_of(twin) == made_of(article)
        kept, spans = old.spans(place if same else -1)
        taken[number] = place if len(kept) else -1
        made: list[Passage] = []
        if not len(kept):
            made = split_passages(article, encoder)
            fresh.extend(made)
            spans = np.array([(p.start, p.end) for p in made], np.int64).reshape(-1, 2)
            kept = np.full(len(made), -1)
        all_spans.append(spans)
        origins.append(kept)
        embedding.add(made)
    embedding.send_rest()
    removed = len(old.articles) - (len(articles) - added)
    numbers = np.repeat(np.arange(len(articles)), [len(kept) for kept in origins])
    rows = np.column_stack([numbers, np.concatenate(all_spans)])
    return _Plan(rows, np.concatenate(origins), fresh, taken, added, changed, removed)


def _contents(
    articles: Sequence[Article], plan: _Plan, old: _Old, encoder: Encoder, embedding: Embedding
) -> Contents:
    """What the new generation holds; vectors come last, since they are still being made."""
    words = old.taken.keywords if old.taken else KeywordIndex.build([])
    words = words.updated(plan.origins, [keyword_text(p) for p in plan.fresh])
    table = Articles.of(articles)
    copies = Copies.of(articles, old.taken.copies if old.taken else None, plan.kept)
    return Contents(
        articles=table,
        copies=copies,
        passages=Passages(plan.rows, table),
        vectors=VectorIndex.build(
            _vectors(plan, old, embedding),
            probes=partial(_probes, articles, encoder),
            before=old.taken.vectors if old.taken else None,
        ),
        keywords=words,
        fingerprint=_fingerprint(plan, old, encoder),
        recipe=RECIPE,
    )


def _fingerprint(plan: _Plan, old: _Old, encoder: Encoder) -> str:
    """The encoder's; where old vectors stay, with the format that those are in."""
    before = old.taken.fingerprint if old.taken else encoder.fingerprint
    if before == encoder.fingerprint or not (plan.origins >= 0).any():
        return encoder.fingerprint
    return together(before, encoder.fingerprint)


def _vectors(plan: _Plan, old: _Old, embedding: Embedding) -> Vectors:
    made = embedding.vectors()
    if old.taken is None:
        return made
    kept = plan.origins >= 0
    vectors = np.empty((len(kept), made.shape[1]), np.float32)
    vectors[kept] = old.taken.vectors.vectors()[plan.origins[kept]]
    vectors[~kept] = made
    return vectors


def _probes(articles: Sequence[Article], encoder: Encoder) -> Vectors:
    """Vectors of some titles: like questions they are short, and not what passages are made of."""
    titles = [a.title for a in articles[:: max(1, len(articles) // _PROBES)][:_PROBES]]
    return np.array([encoder.encode_query(t) for t in dict.fromkeys(titles)], np.float32)
