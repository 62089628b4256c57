"""How well passages are found: what ships against each search alone, and what each part is worth.

    python -m eval.bench.retrieval --data BENCH_FOLDER [--work FOLDER]

Two corpora, each indexed as the product does it:

- *pool*: all CLAPNQ passages and RAMDocs documents, an article each; the gold of a CLAPNQ question
  is the passage that it was asked about, of a RAMDocs question every document marked correct.
  Measures: reciprocal rank of the first gold hit among ten, and the share of the gold among them.
- *news*: the articles of MultiHop-RAG, each the evidence sentences that are known of it, with
  outlet, date and title; questions with an answer. Measures: whether all gold articles are among
  the first ten hits; and whether all gold sentences are.

Articles are numbered by a hash of their text, so that no order of the source breaks a tie. A
question belongs to the half that was chosen on or to the other by a hash of its text. Intervals
are percentile bootstrap ones over questions, as in `eval.metrics`. The same data give the same
output, letter for letter, on the same processor.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.figures import RESAMPLES, SEED
from index.contents import Articles, Contents, Passages
from index.copies import Copies
from index.encoder import Encoder, Vectors, load_encoder
from index.keywords import KeywordIndex
from index.passages import RECIPE, embedded_text, keyword_text, split_passages
from index.records import CUT, Article, Hit, Passage
from index.search import Index, Ranking
from index.store import Generation
from index.vectors import VectorIndex

K = 10
DENSE = Ranking(dense=1, pairs=0, outlet=0, day=0, part=0)
KEYWORDS = replace(DENSE, dense=0)
BLEND = replace(DENSE, dense=Ranking().dense)
_FUSION, _FUSED_DEPTH = 60, 50
_MAX_TITLE = 300

Scores = NDArray[np.float64]
Search = Callable[[str], Sequence[Hit]]
Measure = Callable[[Sequence[Hit], "Question"], float]


@dataclass(frozen=True)
class Question:
    """A question with its gold: IDs of articles, and spans (article ID, start, end)."""

    kind: str
    text: str
    articles: frozenset[str]
    spans: frozenset[tuple[str, int, int]] = frozenset()

    @property
    def chosen_on(self) -> bool:
        """Whether it belongs to the half that settings were chosen on."""
        return hashlib.sha256(f"half:{self.text}".encode()).digest()[-1] % 2 == 0


@dataclass(frozen=True)
class Corpus:
    """Articles with the questions that are asked of them."""

    articles: tuple[Article, ...]
    questions: tuple[Question, ...]


def pool(data: Path) -> Corpus:
    """CLAPNQ and RAMDocs, as the module says."""
    articles: dict[str, Article] = {}
    questions = []

    def add(text: str, title: str | None = None) -> str:
        article = Article(_number(f"{title}\n{text}"), title or _first_words(text), text)
        articles[article.id] = article
        return article.id

    for kind in ("answerable", "unanswerable"):
        for row in _rows(data / f"clapnq_{kind}_dev.jsonl"):
            gold = [add(p["text"], p["title"]) for p in row["passages"]]
            questions.append(Question(f"CLAPNQ {kind}", row["input"], frozenset(gold)))
    for row in _rows(data / "ramdocs_dev.jsonl"):
        ids = [add(d["text"]) for d in row["documents"]]
        kinds = [d["type"] for d in row["documents"]]
        gold = [i for i, kind in zip(ids, kinds, strict=True) if kind == "correct"]
        if gold:
            questions.append(Question("RAMDocs", row["question"], frozenset(gold)))
    return Corpus(_sorted(articles.values()), tuple(questions))


def news(data: Path) -> Corpus:
    """MultiHop-RAG's articles and its questions that have an answer, as the module says."""
    articles, ids = [], {}
    spans: dict[str, tuple[str, int, int]] = {}
    for row in _rows(data / "multihoprag_facts.jsonl"):
        facts = [fact["text"] for fact in row["facts"]]
        text = "\n".join(facts)
        outlet, day = row["source"], row["published_at"][:10]
        article = Article(_number(row["title"] + text), row["title"], text, outlet, day, row["url"])
        articles.append(article)
        ids[row["doc_id"]] = article.id
        start = 0
        for fact in row["facts"]:
            spans[fact["fact_id"]] = (article.id, start, start + len(fact["text"]))
            start += len(fact["text"]) + 1
    questions = [
        Question(
            row["question_type"].removesuffix("_query"),
            row["query"],
            frozenset(ids[i] for i in row["gold_doc_ids"]),
            frozenset(spans[i] for i in row["gold_fact_ids"]),
        )
        for row in _rows(data / "multihoprag_queries_dev.jsonl")
        if row["gold_doc_ids"]
    ]
    return Corpus(_sorted(articles), tuple(questions))


# Measures


def reciprocal_rank(hits: Sequence[Hit], question: Question) -> float:
    """1 / rank of the first gold hit, 0 if there is none."""
    return next((1 / h.rank for h in hits if h.passage.article.id in question.articles), 0.0)


def recall(hits: Sequence[Hit], question: Question) -> float:
    """Share of the gold articles that were hit."""
    return len(question.articles & {h.passage.article.id for h in hits}) / len(question.articles)


def all_articles(hits: Sequence[Hit], question: Question) -> float:
    """1 if all gold articles were hit, else 0."""
    return float(recall(hits, question) == 1)


def all_spans(hits: Sequence[Hit], question: Question) -> float:
    """1 if each gold span lies in a hit, else 0."""
    return float(all(any(_holds(h.passage, span) for h in hits) for span in question.spans))


def interval(values: Scores) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean."""
    drawn = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _holds(passage: Passage, span: tuple[str, int, int]) -> bool:
    article, start, end = span
    return passage.article.id == article and passage.start <= start and end <= passage.end


# Searches


class CachedEncoder:
    """An encoder that keeps what it embedded in a file, by the hash of the text."""

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        """Read what an earlier run kept in `folder`, which is made if it isn't there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._encoder = encoder
        self._file = folder / f"vectors-{encoder.fingerprint.split(':')[-1]}.npz"
        self._vectors: dict[str, Vectors] = {}
        self._new = 0
        if self._file.exists():
            with np.load(self._file, allow_pickle=False) as kept:
                self._vectors = dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder."""
        keys = [_number(text) for text in texts]
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if self._lacks(key)}
        waiting = sorted(fresh, key=lambda key: len(fresh[key]))
        for start in range(0, len(waiting), 64):
            batch = waiting[start : start + 64]
            self._vectors.update(
                zip(batch, self._encoder.encode([fresh[key] for key in batch]), strict=True)
            )
        self._new += len(fresh)
        return np.array([self._vectors[key] for key in keys], np.float32)

    def encode_query(self, text: str) -> Vectors:
        """See Encoder."""
        key = _number(f"query\n{text}")
        if self._lacks(key):
            self._vectors[key] = self._encoder.encode_query(text)
            self._new += 1
        return self._vectors[key]

    def save(self) -> None:
        """Keep it for the next run."""
        if self._new:
            keys = np.array(list(self._vectors))
            np.savez(self._file, keys=keys, vectors=np.array(list(self._vectors.values())))
            self._new = 0

    def _lacks(self, key: str) -> bool:
        return key not in self._vectors


def indexed(
    corpus: Corpus,
    encoder: Encoder,
    embed: Callable[[Passage, Encoder], str] = embedded_text,
    words: Callable[[Passage], str] = keyword_text,
) -> Index:
    """Index a corpus in memory; `embed` and `words` say what each search sees of a passage."""
    passages = [p for article in corpus.articles for p in split_passages(article, encoder)]
    articles = Articles.of(corpus.articles)
    contents = Contents(
        articles=articles,
        copies=Copies.of(articles),
        passages=Passages.of(passages, articles),
        vectors=VectorIndex.build(encoder.encode([embed(p, encoder) for p in passages])),
        keywords=KeywordIndex.build([words(p) for p in passages]),
        fingerprint=encoder.fingerprint,
        recipe=RECIPE,
    )
    return Index(Path(), Generation(1, "", contents, {}), encoder)


def by(index: Index, ranking: Ranking) -> Search:
    """Search `index` with other weights."""
    index = index.weighed(ranking)
    return lambda query: index.search(query, K)


def by_rank_fusion(index: Index) -> Search:
    """Reciprocal rank fusion (Cormack et al. 2009) of both searches, for comparison."""
    lists = [index.weighed(ranking) for ranking in (DENSE, KEYWORDS)]

    def search(query: str) -> list[Hit]:
        scores: dict[Passage, float] = {}
        for one in lists:
            for hit in one.search(query, _FUSED_DEPTH):
                scores[hit.passage] = scores.get(hit.passage, 0.0) + 1 / (_FUSION + hit.rank)
        best = sorted(scores, key=lambda p: (-scores[p], p.article.id, p.start))[:K]
        return [Hit(passage, scores[passage], rank) for rank, passage in enumerate(best, start=1)]

    return search


def plain(passage: Passage, encoder: Encoder | None = None) -> str:
    """Only the passage's own text."""
    return passage.text


def dated(passage: Passage, encoder: Encoder) -> str:
    """What is embedded, under outlet and date."""
    known = filter(None, [passage.article.outlet, passage.article.published])
    return "\n".join([*known, embedded_text(passage, encoder)])


def title_once(passage: Passage) -> str:
    """The keywords' text with each title once."""
    title = passage.article.title
    text = keyword_text(passage)
    return text.replace(f"{title}\n", "", 1) if not title.endswith(CUT) else text


def without_title(passage: Passage) -> str:
    """The keywords' text without a title that the passage doesn't hold."""
    return "\n".join([*filter(None, [passage.article.outlet]), passage.text])


def without_outlet(passage: Passage) -> str:
    """The keywords' text without the outlet."""
    return keyword_text(replace(passage, article=replace(passage.article, outlet=None)))


def with_date(passage: Passage) -> str:
    """The keywords' text with the date."""
    return "\n".join([*filter(None, [passage.article.published]), keyword_text(passage)])


# Tables


def table(
    title: str,
    corpus: Corpus,
    searches: Mapping[str, Search],
    measures: Mapping[str, Measure],
    groups: Mapping[str, Callable[[Question], bool]],
    against: Sequence[str] = (),
) -> Iterator[str]:
    """Lines with each search's measures over each group, and the last search less `against`."""
    yield f"== {title}"
    results = {
        name: {m: _scored(corpus, search, f) for m, f in measures.items()}
        for name, search in searches.items()
    }
    for group, fits in groups.items():
        inside = np.array([fits(q) for q in corpus.questions])
        for measure in measures:
            yield f"{measure}, {group}, n={int(inside.sum())}"
            for name in searches:
                yield _line(name, results[name][measure][inside])
            ours = results[list(searches)[-1]][measure][inside]
            for other in against:
                yield _line(f"what ships less {other}", ours - results[other][measure][inside])


def _scored(corpus: Corpus, search: Search, measure: Measure) -> Scores:
    return np.array([measure(search(q.text), q) for q in corpus.questions])


def _line(name: str, values: Scores) -> str:
    low, high = interval(values)
    return f"  {name:44} {values.mean():6.3f} [{low:.3f}, {high:.3f}]"


HALVES: dict[str, Callable[[Question], bool]] = {
    "the half chosen on": lambda q: q.chosen_on,
    "the other half": lambda q: not q.chosen_on,
}


def pool_tables(corpus: Corpus, encoder: Encoder) -> Iterator[str]:
    """Both measures on the pool, and what each part is worth there."""
    ours = indexed(corpus, encoder)
    bare = indexed(corpus, encoder, plain, plain)
    alone = {
        "dense alone, text only": by(bare, DENSE),
        "keywords alone, text only": by(bare, KEYWORDS),
        "dense alone": by(ours, DENSE),
        "keywords alone": by(ours, KEYWORDS),
    }
    ships = {"what ships": by(ours, Ranking())}
    yield from table(
        "pool",
        corpus,
        {**alone, **ships},
        {f"MRR@{K}": reciprocal_rank, f"recall@{K}": recall},
        {
            "all": lambda q: True,
            **HALVES,
            "CLAPNQ answerable and RAMDocs": lambda q: q.kind != "CLAPNQ unanswerable",
            "CLAPNQ answerable": lambda q: q.kind == "CLAPNQ answerable",
            "CLAPNQ unanswerable": lambda q: q.kind == "CLAPNQ unanswerable",
            "RAMDocs": lambda q: q.kind == "RAMDocs",
        },
        list(alone),
    )
    parts = {
        "both searches, by reciprocal rank": by_rank_fusion(ours),
        "both searches, blended": by(ours, BLEND),
        "without the title in the embedded text": by(indexed(corpus, encoder, plain), Ranking()),
        "without the title in the keywords": by(
            indexed(corpus, encoder, words=without_title), Ranking()
        ),
        "with the title once in the keywords": by(
            indexed(corpus, encoder, words=title_once), Ranking()
        ),
        "without pairs of words": by(ours, replace(Ranking(), pairs=0)),
    }
    yield from table(
        "pool: what each part is worth",
        corpus,
        {**parts, **ships},
        {f"MRR@{K}": reciprocal_rank},
        {"all": lambda q: True, **HALVES},
    )


def news_tables(corpus: Corpus, encoder: Encoder) -> Iterator[str]:
    """Both measures on the news, and what each part is worth there."""
    ours = indexed(corpus, encoder)
    bare = indexed(corpus, encoder, plain, plain)
    alone = {
        "dense alone, text only": by(bare, DENSE),
        "keywords alone, text only": by(bare, KEYWORDS),
        "dense alone": by(ours, DENSE),
        "keywords alone": by(ours, KEYWORDS),
    }
    ships = {"what ships": by(ours, Ranking())}
    kinds = dict.fromkeys(q.kind for q in corpus.questions)
    yield from table(
        "news",
        corpus,
        {**alone, **ships},
        {f"all gold articles@{K}": all_articles, f"all gold sentences@{K}": all_spans},
        {
            "all": lambda q: True,
            **HALVES,
            **{kind: lambda q, kind=kind: q.kind == kind for kind in kinds},  # type: ignore[misc]
        },
        list(alone),
    )
    parts = {
        "both searches, by reciprocal rank": by_rank_fusion(ours),
        "both searches, blended": by(ours, BLEND),
        "without the title in the embedded text": by(indexed(corpus, encoder, plain), Ranking()),
        "with outlet and date in the embedded text": by(indexed(corpus, encoder, dated), Ranking()),
        "without the title in the keywords": by(
            indexed(corpus, encoder, words=without_title), Ranking()
        ),
        "with the title once in the keywords": by(
            indexed(corpus, encoder, words=title_once), Ranking()
        ),
        "without the outlet in the keywords": by(
            indexed(corpus, encoder, words=without_outlet), Ranking()
        ),
        "with the date in the keywords": by(indexed(corpus, encoder, words=with_date), Ranking()),
        "without pairs of words": by(ours, replace(Ranking(), pairs=0)),
        "without raising outlets that are named": by(ours, replace(Ranking(), outlet=0)),
        "without raising days that are named": by(ours, replace(Ranking(), day=0)),
        "without looking for parts": by(ours, replace(Ranking(), part=0)),
    }
    yield from table(
        "news: what each part is worth",
        corpus,
        {**parts, **ships},
        {f"all gold articles@{K}": all_articles},
        {"all": lambda q: True, **HALVES},
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the benchmark files")
    parser.add_argument("--work", type=Path, default=Path(".wirecheck/bench"), help="cache")
    options = parser.parse_args()
    encoder = CachedEncoder(load_encoder(), options.work)
    for tables, corpus in ((pool_tables, pool(options.data)), (news_tables, news(options.data))):
        print(f"{len(corpus.articles)} articles, {len(corpus.questions)} questions")
        for line in tables(corpus, encoder):
            print(line, flush=True)
        encoder.save()


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _number(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _first_words(text: str) -> str:
    """The title that a file of this text would have: its first line, cut as `articles` cuts it."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= _MAX_TITLE else f"{line[:_MAX_TITLE].rsplit(None, 1)[0]} {CUT}"


def _sorted(articles: Any) -> tuple[Article, ...]:
    return tuple(sorted(articles, key=lambda article: article.id))


if __name__ == "__main__":
    main()
