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

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from eval.bench.common import data_and_encoder, line
from eval.files import read_lines
from index.contents import Articles, Contents, Passages
from index.copies import Copies
from index.encoder import Encoder
from index.formats.draft import title_of
from index.keywords import KeywordIndex
from index.passages import RECIPE, embedded_text, keyword_text, split_passages
from index.records import Article, Hit, Passage
from index.search import Index, Ranking
from index.store import Generation
from index.vectors import VectorIndex

K = 10
SHIPS = "what ships"
DENSE = Ranking(dense=1, pairs=0, outlet=0, day=0, part=0)
KEYWORDS = replace(DENSE, dense=0)
BLEND = replace(DENSE, dense=Ranking().dense)

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
        return sha256(f"half:{self.text}".encode()).digest()[-1] % 2 == 0


@dataclass(frozen=True)
class Corpus:
    """Articles with the questions that are asked of them, and how hits are measured."""

    name: str
    articles: tuple[Article, ...]
    questions: tuple[Question, ...]
    measures: Mapping[str, Measure]


def pool(data: Path) -> Corpus:
    """CLAPNQ and RAMDocs, as the module says."""
    articles: dict[str, Article] = {}
    questions = []

    def add(text: str, title: str | None = None) -> str:
        article = Article(
            _number(f"{title}\n{text}"), title or title_of({}, text.splitlines()), text
        )
        articles[article.id] = article
        return article.id

    for kind in ("answerable", "unanswerable"):
        for row in read_lines(data / f"clapnq_{kind}_dev.jsonl"):
            gold = frozenset(add(p["text"], p["title"]) for p in row["passages"])
            questions.append(Question(f"CLAPNQ {kind}", row["input"], gold))
    for row in read_lines(data / "ramdocs_dev.jsonl"):
        ids = [(add(d["text"]), d["type"]) for d in row["documents"]]
        if gold := frozenset(name for name, kind in ids if kind == "correct"):
            questions.append(Question("RAMDocs", row["question"], gold))
    measures = {f"MRR@{K}": reciprocal_rank, f"recall@{K}": recall}
    return Corpus("pool", _sorted(articles.values()), tuple(questions), measures)


def news(data: Path) -> Corpus:
    """MultiHop-RAG's articles and its questions that have an answer, as the module says."""
    articles, ids = [], {}
    spans: dict[str, tuple[str, int, int]] = {}
    for row in read_lines(data / "multihoprag_facts.jsonl"):
        text = "\n".join(fact["text"] for fact in row["facts"])
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
        for row in read_lines(data / "multihoprag_queries_dev.jsonl")
        if row["gold_doc_ids"]
    ]
    measures = {f"all gold articles@{K}": all_articles, f"all gold sentences@{K}": all_spans}
    return Corpus("news", _sorted(articles), tuple(questions), measures)


def _number(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:20]


def _sorted(articles: Iterable[Article]) -> tuple[Article, ...]:
    return tuple(sorted(articles, key=lambda article: article.id))


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
    found = [(h.passage.article.id, h.passage.start, h.passage.end) for h in hits]
    return float(
        all(
            any(one == name and first <= start and end <= last for one, first, last in found)
            for name, start, end in question.spans
        )
    )


# Searches


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


def by(index: Index, ranking: Ranking | None = None) -> Search:
    """Search `index` with the weights that ship, or with others."""
    weighed = index.weighed(ranking or Ranking())
    return lambda query: weighed.search(query, K)


def plain(passage: Passage, encoder: Encoder | None = None) -> str:
    """Only the passage's own text."""
    return passage.text


def without_title(passage: Passage) -> str:
    """The keywords' text without a title that the passage doesn't hold."""
    return "\n".join([*filter(None, [passage.article.outlet]), passage.text])


def without_outlet(passage: Passage) -> str:
    """The keywords' text without the outlet."""
    return keyword_text(replace(passage, article=replace(passage.article, outlet=None)))


def alone(corpus: Corpus, encoder: Encoder, ours: Index) -> dict[str, Search]:
    """Each search alone, over the text only and over what ships."""
    bare = indexed(corpus, encoder, plain, plain)
    return {
        "dense alone, text only": by(bare, DENSE),
        "keywords alone, text only": by(bare, KEYWORDS),
        "dense alone": by(ours, DENSE),
        "keywords alone": by(ours, KEYWORDS),
    }


def parts(corpus: Corpus, encoder: Encoder, ours: Index) -> dict[str, Search]:
    """What ships, less one part; outlets and days only where articles have them."""

    def changed(**texts: Callable[..., str]) -> Search:
        return by(indexed(corpus, encoder, **texts))

    found = {
        "both searches, blended": by(ours, BLEND),
        "without the title in the embedded text": changed(embed=plain),
        "without the title in the keywords": changed(words=without_title),
        "without pairs of words": by(ours, Ranking(pairs=0)),
    }
    if any(article.outlet for article in corpus.articles):
        found |= {
            "without the outlet in the keywords": changed(words=without_outlet),
            "without raising outlets that are named": by(ours, Ranking(outlet=0)),
            "without raising days that are named": by(ours, Ranking(day=0)),
            "without looking for parts": by(ours, Ranking(part=0)),
        }
    return found


# Tables


def table(
    corpus: Corpus,
    searches: Mapping[str, Search],
    measures: Iterable[str],
    groups: Mapping[str, Callable[[Question], bool]],
    against: Iterable[str] = (),
) -> Iterator[str]:
    """Lines with each search's measures over each group, and the last search less `against`."""
    hits = {n: [search(q.text) for q in corpus.questions] for n, search in searches.items()}
    for measure in measures:
        values = {
            name: np.array(list(map(corpus.measures[measure], found, corpus.questions)))
            for name, found in hits.items()
        }
        ours = values[list(searches)[-1]]
        rows = values | {f"what ships less {other}": ours - values[other] for other in against}
        for group, fits in groups.items():
            inside = np.array([fits(q) for q in corpus.questions])
            yield f"{measure}, {group}"
            yield from (line(name, row[inside]) for name, row in rows.items())


def _of_kind(kind: str) -> Callable[[Question], bool]:
    return lambda q: q.kind == kind


def tables(corpus: Corpus, encoder: Encoder) -> Iterator[str]:
    """Both measures on a corpus, by kind of question, and what each part is worth there."""
    ours = indexed(corpus, encoder)
    ships = {SHIPS: by(ours)}
    halves: dict[str, Callable[[Question], bool]] = {
        "all": lambda q: True,
        "the half chosen on": lambda q: q.chosen_on,
        "the other half": lambda q: not q.chosen_on,
    }
    kinds = {kind: _of_kind(kind) for kind in dict.fromkeys(q.kind for q in corpus.questions)}
    if "RAMDocs" in kinds:
        kinds["CLAPNQ answerable and RAMDocs"] = lambda q: q.kind != "CLAPNQ unanswerable"
    yield f"== {corpus.name}"
    singly = alone(corpus, encoder, ours)
    yield from table(corpus, singly | ships, corpus.measures, halves | kinds, singly)
    yield f"== {corpus.name}: what each part is worth"
    first = next(iter(corpus.measures))
    yield from table(corpus, parts(corpus, encoder, ours) | ships, [first], halves)


def main() -> None:
    """Print the tables."""
    data, encoder = data_and_encoder(__doc__)
    for corpus in (pool(data), news(data)):
        print(f"{len(corpus.articles)} articles, {len(corpus.questions)} questions")
        for row in tables(corpus, encoder):
            print(row, flush=True)


if __name__ == "__main__":
    main()
