"""Retrieval figures by hand, and against formulas of our own and, where it is installed, ranx."""

import math
from dataclasses import replace

import pytest

from eval.figures import figure
from eval.gold import GoldQuestion, stories_of
from eval.retrieval import retrieval_scores
from index.records import Article, Passage

GOLD = GoldQuestion(
    id="q1",
    kind="multi",
    question="How long is the bridge shut?",
    answerable=True,
    reference="",
    nuggets=(("40 days", "forty days"), ("six weeks",)),
    must_cite=(("a", "b"), ("c",)),
    may_cite=("a", "b", "c"),
    forbid=(),
)
TEXTS = {
    "a": "It is shut. It will take 40 days.",
    "b": "It will take forty days. Nobody is glad.",
    "c": "It takes six weeks, or 40 days.",
    "x": "A choir sang for 40 days.",
    "y": "Ferries are full.",
}
ARTICLES = {name: Article(name, name, text) for name, text in TEXTS.items()}


def passages(name: str) -> list[Passage]:
    """A passage for each sentence."""
    article, start, found = ARTICLES[name], 0, []
    for sentence in article.text.split(". "):
        found.append(Passage(article, start, start + len(sentence)))
        start += len(sentence) + 2
    return found


#: Articles in the order x, a, y, c; passages with a nugget of a right article: 3rd and 5th.
RANKING = [passages("x")[0], passages("a")[0], passages("a")[1], passages("y")[0], passages("c")[0]]


def test_articles_by_hand() -> None:
    """Right ones: a at rank 2, c at rank 4, b nowhere."""
    found = retrieval_scores(GOLD, RANKING, ARTICLES, passages)
    assert found is not None
    article = {name: v for name, v in found.items() if name.startswith("article")}
    ideal = {1: 1, 3: 1 + 1 / math.log2(3) + 1 / 2, 5: 1 + 1 / math.log2(3) + 1 / 2}
    assert article == pytest.approx(
        {
            "article_recall@1": 0,
            "article_recall@3": 1 / 3,
            "article_recall@5": 2 / 3,
            "article_recall@10": 2 / 3,
            "article_ndcg@1": 0,
            "article_ndcg@3": 1 / math.log2(3) / ideal[3],
            "article_ndcg@5": (1 / math.log2(3) + 1 / math.log2(5)) / ideal[5],
            "article_ndcg@10": (1 / math.log2(3) + 1 / math.log2(5)) / ideal[5],
            "article_mrr@10": 1 / 2,
            # Of the groups (a or b) and (c): the second comes at rank 4.
            "article_all@1": 0,
            "article_all@3": 0,
            "article_all@5": 1,
            "article_all@10": 1,
        }
    )


def test_spans_by_hand() -> None:
    """ "40 days" is in a's second passage, at rank 3, "six weeks" in c's, at rank 5; x isn't right."""
    found = retrieval_scores(GOLD, RANKING, ARTICLES, passages)
    assert found is not None
    spans = {name: v for name, v in found.items() if name.startswith("span")}
    # Passages with a nugget: one of a, one of b (not found), one of c.
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert spans == pytest.approx(
        {
            "span_found@1": 0,
            "span_found@3": 1 / 2,
            "span_found@5": 1,
            "span_found@10": 1,
            "span_all@1": 0,
            "span_all@3": 0,
            "span_all@5": 1,
            "span_all@10": 1,
            "span_recall@1": 0,
            "span_recall@3": 1 / 3,
            "span_recall@5": 2 / 3,
            "span_recall@10": 2 / 3,
            "span_ndcg@1": 0,
            "span_ndcg@3": (1 / 2) / ideal,
            "span_ndcg@5": (1 / 2 + 1 / math.log2(6)) / ideal,
            "span_ndcg@10": (1 / 2 + 1 / math.log2(6)) / ideal,
            "span_mrr@10": 1 / 3,
        }
    )


def test_an_article_counts_where_its_first_passage_stands() -> None:
    again = [passages("a")[0], passages("a")[1], passages("b")[0], passages("c")[0]]
    found = retrieval_scores(GOLD, again, ARTICLES, passages)
    assert found is not None
    assert found["article_recall@3"] == 1
    assert found["article_ndcg@3"] == pytest.approx(1)


def test_what_is_not_found_is_0_and_what_nobody_tells_is_unknown() -> None:
    nothing = retrieval_scores(GOLD, [], ARTICLES, passages)
    assert nothing is not None and set(nothing.values()) == {0.0}
    assert retrieval_scores(GOLD, None, ARTICLES, passages) == {}
    assert retrieval_scores(replace(GOLD, may_cite=()), RANKING, ARTICLES, passages) is None
    elsewhere = replace(GOLD, nuggets=(("seven weeks",),), must_cite=())
    found = retrieval_scores(elsewhere, RANKING, ARTICLES, passages)
    assert found is not None
    assert {name.split("@")[0] for name in found} == {
        "article_recall", "article_ndcg", "article_mrr",
    }  # fmt: skip


def asked(*articles: str, **fields: object) -> GoldQuestion:
    return replace(GOLD, may_cite=articles, must_cite=(), **fields)  # type: ignore[arg-type]


def test_questions_that_share_articles_are_one_story_through_any_chain() -> None:
    questions = [asked("m", "k"), asked("z"), asked("k", "b"), asked(), asked("y", "z"), asked()]
    assert stories_of(questions) == ["b", "y", "b", None, "y", None]
    assert stories_of([]) == []


def test_an_interval_over_stories_is_as_wide_as_stories_are_few() -> None:
    """Four stories of 25 questions that agree are four observations, not a hundred."""
    values = [1.0] * 50 + [0.0] * 50
    alone = figure("mean", values)
    together = figure("mean", values, [f"s{n // 25}" for n in range(100)])
    assert (alone.value, together.value) == (0.5, 0.5)
    assert alone.low is not None and together.low is not None
    assert alone.low == pytest.approx(0.4, abs=0.03)
    # Of 4 draws of 4: none of the right two with 1/16, so the 2.5 % point is 0.
    assert together.low == 0.0
    assert figure("mean", values, ["one"] * 100).low is None
