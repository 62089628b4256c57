"""How well what is right is found: a system's ranking against the gold articles and their spans.

Two rankings are judged, both best first: of articles, each where its first passage stands, and of
passages. A right article is one of the gold question's `may_cite`; a right passage is one of such
an article in which a nugget's wording stands.

    recall@k   share of the right articles, or passages, among the first k
    ndcg@k     normalised discounted cumulative gain of the first k (Järvelin and Kekäläinen 2002)
    mrr@10     1 / rank of the first right one, 0 if it isn't among ten
    all@k      articles: 1 if each group of `must_cite` has one among the first k, else 0
    span_found@k, span_all@k   share of the nuggets that stand in the first k passages of right
               articles, and 1 if all of them do, else 0; of the nuggets that such an article has
               in so many words

The first three are ir-measures' (R, nDCG, RR). All are 0..1, higher is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import ir_measures

from eval.figures import UNSCORED, Measure, Value
from eval.gold import GoldQuestion
from eval.scores import QuestionScore
from eval.wording import any_holds
from index.records import Article, Passage

CUTS = (1, 3, 5, 10)
#: Passages that are asked for: enough for ten articles, and none of the figures looks at more.
RANKED = 100

Rank = Callable[[str], Sequence[Passage]]
PassagesOf = Callable[[str], Sequence[Passage]]

_THEIRS = {f"recall@{k}": ir_measures.R @ k for k in CUTS}
_THEIRS |= {f"ndcg@{k}": ir_measures.nDCG @ k for k in CUTS}
_THEIRS["mrr@10"] = ir_measures.RR @ 10


def retrieval_scores(
    gold: GoldQuestion,
    ranking: Sequence[Passage] | None,
    articles: Mapping[str, Article],
    passages_of: PassagesOf | None = None,
) -> dict[str, float] | None:
    """The figures by name, without those that can't be computed; None where nothing is to be found.

    `ranking` is best first, None for a system that gives none: then nothing can be computed.
    `passages_of` are all passages that an article was split into; without it, what depends on how
    many right passages there are can't be.
    """
    if not gold.answerable or not gold.may_cite:
        return None
    if ranking is None:
        return {}
    order = list(dict.fromkeys(p.article.id for p in ranking))
    found = {f"article_{n}": v for n, v in _judged(gold.may_cite, order).items()}
    for k in CUTS if gold.must_cite else ():
        among = set(order[:k])
        found[f"article_all@{k}"] = float(all(not among.isdisjoint(g) for g in gold.must_cite))
    return {**found, **_spans(gold, ranking, articles, passages_of)}


def _spans(
    gold: GoldQuestion,
    ranking: Sequence[Passage],
    articles: Mapping[str, Article],
    passages_of: PassagesOf | None,
) -> dict[str, float]:
    texts = [articles[name].text for name in gold.may_cite if name in articles]
    nuggets = [w for w in gold.nuggets if any_holds(texts, w)]
    if not nuggets:
        return {}
    at = [_place(gold, ranking, wordings) for wordings in nuggets]
    found: dict[str, float] = {}
    for k in CUTS:
        hits = sum(place < k for place in at)
        found[f"span_found@{k}"] = hits / len(at)
        found[f"span_all@{k}"] = float(hits == len(at))
    if passages_of is not None:
        every = (p for name in dict.fromkeys(gold.may_cite) for p in passages_of(name))
        right = [_key(p) for p in every if any(any_holds([p.text], w) for w in nuggets)]
        # None where each nugget is cut in two by the passages' borders.
        if right:
            judged = _judged(right, list(dict.fromkeys(map(_key, ranking))))
            found.update({f"span_{name}": value for name, value in judged.items()})
    return found


def _judged(right: Iterable[str], order: Sequence[str]) -> dict[str, float]:
    """ir-measures' figures of one ranking; scores fall with the rank, so that none are tied."""
    qrels = {"q": dict.fromkeys(right, 1)}
    run = {"q": {name: float(-rank) for rank, name in enumerate(order)}}
    values = {m.measure: m.value for m in ir_measures.iter_calc(_THEIRS.values(), qrels, run)}
    return {name: float(values[measure]) for name, measure in _THEIRS.items()}


def _place(gold: GoldQuestion, ranking: Sequence[Passage], wordings: Sequence[str]) -> int:
    """How many passages stand before the first that has the nugget; all of them if none has."""
    for place, passage in enumerate(ranking):
        if passage.article.id in gold.may_cite and any_holds([passage.text], wordings):
            return place
    return max(len(ranking), CUTS[-1])


def _key(passage: Passage) -> str:
    return f"{passage.article.id}:{passage.start}-{passage.end}"


def _value(name: str) -> Value:
    def value(row: QuestionScore) -> float | None:
        return None if row.retrieval is None else row.retrieval.get(name, UNSCORED)

    return value


_WORDS = {
    "article_recall": "right articles among the first {k}",
    "article_ndcg": "nDCG of the first {k} articles",
    "article_all": "every group of articles among the first {k}",
    "article_mrr": "1 / rank of the first right article",
    "span_found": "nuggets in the first {k} passages",
    "span_all": "every nugget in the first {k} passages",
    "span_recall": "passages with a nugget among the first {k}",
    "span_ndcg": "nDCG of the first {k} passages",
    "span_mrr": "1 / rank of the first passage with a nugget",
}


MEASURES = tuple(
    Measure(f"{stem}@{k}", title.format(k=k), _value(f"{stem}@{k}"), table="retrieval")
    for stem, title in _WORDS.items()
    for k in ((10,) if stem.endswith("mrr") else CUTS)
)
