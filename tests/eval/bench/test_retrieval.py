import json

import pytest

from eval.bench.common import CachedEncoder
from eval.bench.retrieval import (
    BLEND,
    DENSE,
    KEYWORDS,
    Corpus,
    Question,
    all_articles,
    all_spans,
    by,
    indexed,
    news,
    pool,
    recall,
    reciprocal_rank,
    tables,
)
from index.records import Article, Hit, Passage
from index.search import Ranking
from tests.fakes import TopicEncoder


def write(folder, name, *rows):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def data(tmp_path):
    """A few rows of each benchmark, in its own form."""
    write(
        tmp_path, "clapnq_answerable_dev.jsonl",
        {"input": "who hit the harbour", "passages": [{"title": "Gale", "text": "A storm hit it ."}]},
    )  # fmt: skip
    write(
        tmp_path, "clapnq_unanswerable_dev.jsonl",
        {"input": "who runs the museum", "passages": [{"title": "Museum", "text": "It is open ."}]},
    )  # fmt: skip
    write(
        tmp_path, "ramdocs_dev.jsonl",
        {"question": "When did the bank open?", "documents": [
            {"text": "The bank opened in May.", "type": "correct"},
            {"text": "The bank opened in June.", "type": "misinfo"},
            {"text": "The bank opened on 1 May. " * 20, "type": "correct"},
        ]},
        {"question": "Nobody knows?", "documents": [{"text": "A railway.", "type": "noise"}]},
    )  # fmt: skip
    write(
        tmp_path, "multihoprag_facts.jsonl",
        {"doc_id": "d1", "url": "u", "title": "Gale at sea", "source": "Tern Daily",
         "published_at": "2025-03-01T17:01:22+00:00",
         "facts": [{"fact_id": "f1", "text": "A storm hit."}, {"fact_id": "f2", "text": "It rained."}]},
        {"doc_id": "d2", "url": "u", "title": "Vote", "source": "Moor Post",
         "published_at": "2025-03-02T17:01:22+00:00",
         "facts": [{"fact_id": "f3", "text": "The election is over."}]},
    )  # fmt: skip
    write(
        tmp_path, "multihoprag_queries_dev.jsonl",
        {"query": "What of the storm, what of the election?", "question_type": "temporal_query",
         "gold_fact_ids": ["f2", "f3"], "gold_doc_ids": ["d1", "d2"]},
        {"query": "Who?", "question_type": "null_query", "gold_fact_ids": [], "gold_doc_ids": []},
    )  # fmt: skip
    return tmp_path


def texts(corpus, ids):
    return {a.text for a in corpus.articles if a.id in ids}


def test_the_pool(data):
    corpus = pool(data)
    assert len(corpus.articles) == 6
    assert [a.id for a in corpus.articles] == sorted(a.id for a in corpus.articles)
    assert [q.kind for q in corpus.questions] == [
        "CLAPNQ answerable", "CLAPNQ unanswerable", "RAMDocs",
    ]  # fmt: skip
    assert texts(corpus, corpus.questions[0].articles) == {"A storm hit it ."}
    assert texts(corpus, corpus.questions[2].articles) == {
        "The bank opened in May.", "The bank opened on 1 May. " * 20,
    }  # fmt: skip
    titles = {a.title for a in corpus.articles}
    assert {"Gale", "Museum", "The bank opened in May."} < titles
    assert max(map(len, titles)) <= 302


def test_the_news(data):
    corpus = news(data)
    (question,) = corpus.questions
    by_title = {a.title: a for a in corpus.articles}
    gale = by_title["Gale at sea"]
    assert (gale.outlet, gale.published, gale.text) == (
        "Tern Daily", "2025-03-01", "A storm hit.\nIt rained.",
    )  # fmt: skip
    assert question.kind == "temporal"
    assert question.articles == {a.id for a in corpus.articles}
    quoted = {
        (a.title, a.text[s:e]) for i, s, e in question.spans for a in corpus.articles if a.id == i
    }
    assert quoted == {("Gale at sea", "It rained."), ("Vote", "The election is over.")}


def hit(article, rank, start=0, end=10):
    return Hit(Passage(Article(article, "T", "0123456789" * 3), start, end), 1.0, rank)


def test_measures_by_hand():
    hits = [hit("x", 1), hit("b", 2), hit("x", 3), hit("a", 4, 10, 20)]
    for gold, rank, found in (("ab", 1 / 2, 1), ("bcd", 1 / 2, 1 / 3), ("c", 0, 0)):
        question = Question("kind", "q", frozenset(gold))
        assert reciprocal_rank(hits, question) == rank
        assert recall(hits, question) == pytest.approx(found)
        assert all_articles(hits, question) == (found == 1)
    for spans, every in (({("a", 12, 15), ("b", 0, 10)}, 1), ({("a", 9, 12)}, 0)):
        assert all_spans(hits, Question("kind", "q", frozenset("ab"), frozenset(spans))) == every


STORIES = (
    Article("a", "Wet night", "The storm hit the harbour.", "Tern Daily", "2025-03-01"),
    Article("b", "Vote", "The election of the museum.", "Moor Post", "2025-03-02"),
    Article("c", "Sea", "The harbour, the harbour, the harbour.", None, None),
)


def test_searches_alone_and_together():
    """The encoder sees topics alone, the keywords every word."""
    index = indexed(Corpus("news", STORIES, (), {}), TopicEncoder())

    def ids(search, query):
        return [h.passage.article.id for h in search(query)]

    assert ids(by(index, DENSE), "harbour, wet, vote")[0] == "c"
    assert ids(by(index, KEYWORDS), "night storm")[0] == "a"
    assert set(ids(by(index, BLEND), "night storm")) == {"a", "b", "c"}
    # Nothing is named or in parts here, so the weights of that change nothing.
    assert by(index, Ranking(pairs=0))("harbour night") == by(index, BLEND)("harbour night")


def test_both_corpora_are_measured_from_end_to_end(data, monkeypatch, tmp_path):
    monkeypatch.setenv("WIRECHECK_CACHE", str(tmp_path))
    for corpus, parts in ((pool(data), 4), (news(data), 8)):
        rows = list(tables(corpus, CachedEncoder(TopicEncoder())))
        worth = rows[rows.index(f"== {corpus.name}: what each part is worth") + 1 :]
        assert len(worth) == 3 * (1 + parts + 1), "three groups: a heading, the parts, what ships"
