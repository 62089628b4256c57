"""How often a sentence that answers is among the first that the evidence stage hands on.

    python -m eval.bench.sentences --data BENCH_FOLDER [--work FOLDER]

- *CLAPNQ*: the sentences that an annotator chose for the answer. Once with the gold passage given,
  once found in the pool of all CLAPNQ and RAMDocs passages, as the product finds it.
- *trecqa*, *wikiqa*: a question's candidate sentences, judged; neither was trained on. Mean average
  precision of the evidence stage, of the encoder's cosine, and of the number of words shared.
  Questions without an answering or without another sentence are left out, as is usual.

Intervals are percentile bootstrap ones over questions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from eval.bench.common import data_and_encoder, line
from eval.bench.retrieval import indexed, pool
from eval.files import read_lines, read_sets
from index import Article, Encoder, Hit, Passage
from index.words import stems
from rag.evidence import Scored, find_evidence, score_sentences
from rag.question import analyse
from rag.reader import Reader, load_reader

FIRST = 3
JUDGED = ("trecqa", "wikiqa")
#: Questions of a judged set; all of trecqa's, and wikiqa's first ones by a hash.
MOST_QUESTIONS = 400


def clapnq(data: Path) -> Iterator[tuple[str, Article, list[tuple[int, int]]]]:
    """Questions with their gold passage and the `[start, end)` of each chosen sentence in it."""
    for row in read_lines(data / "clapnq_answerable_dev.jsonl"):
        source = row["passages"][0]
        article = Article("gold", source["title"], source["text"])
        chosen = {s.strip() for o in row["output"] for s in o.get("selected_sentences", [])}
        places = [(article.text.find(s), s) for s in sorted(chosen) if s]
        spans = [(start, start + len(s)) for start, s in places if start >= 0]
        if spans:
            yield f"{row['input']}?", article, spans


def judged(data: Path, name: str) -> Iterator[tuple[str, list[str], list[bool]]]:
    """Questions of one set, each with its sentences and whether they answer."""
    groups: dict[str, dict[str, bool]] = defaultdict(dict)
    for row in read_sets(data / "qa_sentence.jsonl.gz", (name,)):
        groups[row["question"]][row["sentence"]] = bool(row["label"])
    usable = [(q, s) for q, s in sorted(groups.items()) if 0 < sum(s.values()) < len(s)]
    step = max(1, len(usable) // MOST_QUESTIONS)
    for question, sentences in usable[::step][:MOST_QUESTIONS]:
        yield question, list(sentences), list(sentences.values())


def average_precision(order: Sequence[int], right: Sequence[bool]) -> float:
    """Mean, over the right ones, of the precision at their rank; `order` is best first."""
    ranks = [rank for rank, place in enumerate(order, start=1) if right[place]]
    return sum(n / rank for n, rank in enumerate(ranks, start=1)) / len(ranks)


def rankings(
    question: str, sentences: Sequence[str], encoder: Encoder, reader: Reader
) -> dict[str, list[int]]:
    """The sentences' order, best first, by each way; the evidence stage sees them by cosine."""
    asked = set(stems(question))
    cosine = encoder.encode(list(sentences)) @ encoder.encode_query(question)
    by_cosine = [int(i) for i in np.argsort(-cosine, kind="stable")]
    shared = [len(asked & set(stems(s))) for s in sentences]
    hits = []
    for rank, place in enumerate(by_cosine, start=1):
        article = Article(str(place), "", sentences[place])
        hits.append(Hit(Passage(article, 0, len(article.text)), float(cosine[place]), rank))
    best: dict[int, float] = {}
    for scored in score_sentences(analyse(question), hits, encoder, reader):
        best.setdefault(int(scored.passage.article.id), scored.score)
    return {
        "evidence stage": sorted(by_cosine, key=lambda i: -best.get(i, 0.0)),
        "cosine": by_cosine,
        # Ties by cosine: some sets list the sentences that answer first.
        "shared words": sorted(by_cosine, key=lambda i: -shared[i]),
    }


def holds_gold(scored: Sequence[Scored], text: str, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether one of the first sentences touches a chosen one of the passage `text`."""
    return any(
        s.passage.article.text == text
        and any(s.passage.start < end and start < s.passage.end for start, end in spans)
        for s in scored[:FIRST]
    )


def clapnq_lines(data: Path, encoder: Encoder, reader: Reader) -> Iterator[str]:
    """One line with the gold passage given, one with the pool searched."""
    given, searched = [], []
    index = indexed(pool(data), encoder)
    for question, article, spans in clapnq(data):
        asked = analyse(question)
        hit = Hit(Passage(article, 0, len(article.text)), 1.0, 1)
        scored = score_sentences(asked, [hit], encoder, reader)
        given.append(holds_gold(scored, article.text, spans))
        found = find_evidence(asked, index, reader).sentences
        searched.append(holds_gold(found, article.text, spans))
    yield line(f"CLAPNQ, gold among the first {FIRST}, passage given", given)
    yield line(f"CLAPNQ, gold among the first {FIRST}, pool searched", searched)


def judged_lines(data: Path, name: str, encoder: Encoder, reader: Reader) -> Iterator[str]:
    """Mean average precision of each way, and what the evidence stage gains over the cosine."""
    values: dict[str, list[float]] = defaultdict(list)
    for question, sentences, right in judged(data, name):
        for way, order in rankings(question, sentences, encoder, reader).items():
            values[way].append(average_precision(order, right))
    columns = {way: np.array(row) for way, row in values.items()}
    for way, column in columns.items():
        yield line(f"{name}, MAP of {way}", column)
    yield line(f"{name}, gain over cosine", columns["evidence stage"] - columns["cosine"])


def main() -> None:
    """Print the rows."""
    data, encoder = data_and_encoder(__doc__)
    reader = load_reader()
    for row in clapnq_lines(data, encoder, reader):
        print(row, flush=True)
    for name in JUDGED:
        for row in judged_lines(data, name, encoder, reader):
            print(row, flush=True)


if __name__ == "__main__":
    main()
