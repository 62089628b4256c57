"""How often the answer is among what the language model is given, by the words that it is given.

    python -m eval.bench.handed_on --data BENCH_FOLDER [--work FOLDER]

The corpora of `eval.bench.retrieval`, with passages of SQuAD-like sets mixed in as distractors:
CLAPNQ's questions rest on sentences that were marked, MultiHop-RAG's on facts of several articles.
"Some" is whether one of those stands whole in what a model is given, "share" how many of them do.
No model is asked: the windows are made as the product makes them, then with fewer and more words,
and of whole passages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from eval.bench.common import data_and_encoder, line
from eval.bench.retrieval import Corpus, indexed, news, pool
from eval.files import read_lines, read_sets
from index import Article, Passage
from index.search import Index
from index.words import length_in_words
from rag.evidence import Found, find_evidence
from rag.question import analyse
from rag.read import WORDS, Window, windows
from rag.reader import load_reader
from rag.sentences import told

DISTRACTORS = 1000

#: Of what was found, the passages that a model would see.
Way = Callable[[Found, Index], list[Passage]]


@dataclass(frozen=True)
class Case:
    """A question, and the texts that its answer rests on, each with its article's ID."""

    text: str
    gold: tuple[tuple[str, str], ...]


def distractors(data: Path, count: int) -> list[Article]:
    """Passages of SQuAD-like sets, an article each, chosen by a hash of their text."""
    rows = read_sets(data / "qa_span.jsonl.gz", {"squadshifts_new_wiki"})
    texts = {row["passage"] for row in rows}
    keyed = sorted((sha256(t.encode()).hexdigest()[:20], t) for t in texts)
    return [Article(key, " ".join(t.split()[:8]), t) for key, t in keyed[:count]]


def clapnq_cases(data: Path, corpus: Corpus) -> list[Case]:
    """CLAPNQ's answerable questions, with the sentences that their answers rest on."""
    ids = {a.text: a.id for a in corpus.articles}
    cases = []
    for row in read_lines(data / "clapnq_answerable_dev.jsonl"):
        name = ids[row["passages"][0]["text"]]
        said = row["output"][0]["selected_sentences"]
        cases.append(Case(row["input"], tuple((name, s) for s in said if s.strip())))
    return [c for c in cases if c.gold]


def news_cases(corpus: Corpus) -> list[Case]:
    """MultiHop-RAG's questions with an answer, with the facts that those rest on."""
    texts = {a.id: a.text for a in corpus.articles}
    return [
        Case(q.text, tuple((name, texts[name][a:b]) for name, a, b in sorted(q.spans)))
        for q in corpus.questions
    ]


def share(case: Case, seen: Sequence[Passage]) -> float:
    """0..1: the share of the gold that stands whole in what is seen of its article."""
    texts = {
        name: _folded(" ".join(p.text for p in seen if p.article.id == name))
        for name in {p.article.id for p in seen}
    }
    return float(np.mean([_folded(text) in texts.get(name, "") for name, text in case.gold]))


def _folded(text: str) -> str:
    return " ".join(text.split())


def ways() -> Mapping[str, Way]:
    """What ships, last, and what stands beside it."""
    return {
        "half of the words": _sized(0.5),
        "twice the words": _sized(2.0),
        "first passages whole, to 900 words": _passages,
        "what ships": _sized(1.0),
    }


def _sized(times: float) -> Way:
    most = [int(times * n) for n in WORDS]
    return lambda found, index: _said(windows(found, index.cluster_of, most))


def _said(made: Iterable[Window]) -> list[Passage]:
    return [s.passage for window in made for s in window.sentences]


def _passages(found: Found, index: Index) -> list[Passage]:
    room, kept = 900, []
    for hit in found.nearest:
        room -= length_in_words(hit.passage.text)
        if room < 0:
            break
        kept.append(hit.passage)
    return kept


def rows_of(name: str, cases: Sequence[Case], index: Index) -> Iterator[str]:
    """Two lines a way: means with their intervals, and the words that a model is given."""
    reader = load_reader()
    found = [find_evidence(analyse(case.text), index, reader) for case in cases]
    yield f"{name}: {len(cases)} questions, {len(index.articles)} articles"
    for title, way in ways().items():
        seen = [way(one, index) for one in found]
        words = np.mean([sum(length_in_words(told(p)) for p in some) for some in seen])
        values = np.array([share(c, s) for c, s in zip(cases, seen, strict=True)])
        yield f"{line(f'{title}: some', np.ceil(values))}, {words:.0f} words"
        yield f"{line(f'{title}: share', values)}"


def main() -> None:
    """Print the tables."""
    data, encoder = data_and_encoder(__doc__)
    more = distractors(data, DISTRACTORS)
    pooled, reported = pool(data), news(data)
    asked = ((pooled, clapnq_cases(data, pooled)), (reported, news_cases(reported)))
    for corpus, cases in asked:
        mixed = replace(corpus, articles=(*corpus.articles, *more))
        for row in rows_of(corpus.name, cases, indexed(mixed, encoder)):
            print(row, flush=True)


if __name__ == "__main__":
    main()
