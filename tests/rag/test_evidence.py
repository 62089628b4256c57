from dataclasses import replace

import numpy as np
import pytest

from index.records import Article, Hit, Passage
from rag import evidence
from rag.addressed import (
    ADDRESS_SIGNALS,
    address_weights,
    addressed,
    is_addressed,
    may_hold,
    missing_terms,
)
from rag.evidence import SIGNALS, Found, score_sentences
from rag.of_time import OTHER_TIME
from rag.question import analyse
from rag.read import SIGNALS as READING_SIGNALS
from rag.sentences import UNIT_WORDS, units_of, with_neighbours
from rag.weighing import in_time
from rag.weights import model_weights
from tests.fake_reader import PatternReader

TEXT = (
    "Arden bridge shut\n\nThe Arden bridge closed on Friday after 12 cables snapped. It is the "
    "only way over the Lune. Mayor Ansel Brock blamed the winter."
)
ARTICLE = Article("b1", "Arden bridge shut", TEXT, "Arden Echo", "2025-04-04")


class FlatEncoder:
    """Every text has the same unit vector: no signal at all."""

    def encode(self, texts):
        return np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(texts), 1))

    def encode_query(self, text):
        return self.encode([text])[0]


def hit(article: Article = ARTICLE, start: int = 0, end: int | None = None) -> Hit:
    return Hit(Passage(article, start, len(article.text) if end is None else end), 1.0, 1)


def score(question: str, pattern: str, *hits: Hit):
    reader = PatternReader({question: pattern})
    return score_sentences(analyse(question), hits or [hit()], FlatEncoder(), reader)


def test_the_sentence_that_the_reader_marks_comes_first_with_its_span():
    best = score("How many cables snapped?", r"\b12\b")[0]
    assert best.passage.text == "The Arden bridge closed on Friday after 12 cables snapped."
    assert ARTICLE.text[slice(*best.span)] == "12"
    assert best.margin == 12.0


def test_every_sentence_is_scored_once_though_passages_overlap():
    scored = score("Who blamed the winter?", "Ansel Brock", hit(), hit(start=60))
    starts = [s.passage.start for s in scored]
    assert sorted(starts) == sorted(set(starts)) and len(starts) == 3


COPIED = Article("b2", "Bridge closes", "Bridge closes\n\n" + TEXT.split("\n\n")[1] + " Rain fell.")
CLUSTERS = {"b1": 0, "b2": 0, "c1": 2}


def spread(*hits: Hit, k: int = 10, per_article: int = 2):
    kept = evidence._spread(hits, k, per_article, CLUSTERS.__getitem__)
    return [(h.passage.article.id, h.passage.start) for h in kept]


def test_a_copy_does_not_crowd_out_a_second_report():
    other = Article("c1", "", "Ansel Brock was cheered.")
    assert spread(hit(), hit(COPIED, 0, -12 + len(COPIED.text)), hit(other)) == [
        ("b1", 0),
        ("c1", 0),
    ]
    # What only the copy says is kept, but of both together no more than of one article.
    assert spread(hit(), hit(COPIED), hit(other)) == [("b1", 0), ("b2", 0), ("c1", 0)]
    assert spread(hit(start=60), hit(COPIED), hit(other), per_article=1)[-1] == ("c1", 0)
    assert ("b2", 20) not in spread(hit(start=60), hit(COPIED, 20), per_article=1)


def test_the_copies_same_sentence_follows_and_takes_no_place():
    curly = Article("b2", "", COPIED.text.replace(" 12 ", "\u00a012 "))
    scored = score("How many cables snapped?", r"\b12\b")
    articles = {"b1": ARTICLE, "b2": curly}
    both = evidence.with_copies(scored, lambda name: ("b1", "b2"), articles)
    assert [s.passage.article.id for s in both] == ["b1", "b2"] * 3
    assert [s.is_copy for s in both] == [False, True] * 3
    assert curly.text[slice(*both[1].span)] == "12" == ARTICLE.text[slice(*both[0].span)]
    found = evidence.Found(both, (), 1.0, ())
    assert [e.label for e in found.evidence(2)] == ["E1", "E2", "E3", "E4"]
    # A sentence that was found in both is one, in the place of the better one.
    twice = [
        *scored,
        *(replace(s, passage=b.passage) for s, b in zip(scored, both[1::2], strict=True)),
    ]
    assert evidence.with_copies(twice, lambda name: ("b1", "b2"), articles) == both


def test_nothing_found_is_not_addressed():
    asked = analyse("Who blamed the winter?")
    assert score_sentences(asked, [], FlatEncoder(), PatternReader({})) == []
    assert addressed(asked, [], (), PatternReader({})) == 0.0


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("Did Ansel Brock shut the Arden bridge?", ()),
        ("Did Odile Marsh shut the Arden bridge?", ("Odile Marsh",)),
        ("What happened on 4 April?", ()),
        ("What happened on 5 April?", ("5 April",)),
        ('Who said "not one stone"?', ("not one stone",)),
        ("Why did 12 cables snap?", ()),
        ("Why did 13 cables snap?", ("13",)),
    ],
)
def test_what_the_articles_do_not_mention_is_named(question, missing):
    assert missing_terms(analyse(question), [ARTICLE]) == missing


def test_neighbours_stay_within_the_article():
    scored = score("Who blamed the winter?", "Ansel Brock")
    last = max(scored, key=lambda s: s.passage.start).passage
    wide = with_neighbours(last)
    assert wide.text == "It is the only way over the Lune. Mayor Ansel Brock blamed the winter."


@pytest.mark.parametrize(
    ("text", "units"),
    [
        (
            "“We waited,” said Ada Holm. “Nobody came.” Rain fell.",
            ["“We waited,” said Ada Holm. “Nobody came.”", "Rain fell."],
        ),
        (
            '"We waited. Nobody came," said Ada Holm. Rain fell.',
            ['"We waited. Nobody came," said Ada Holm.', "Rain fell."],
        ),
        ("She left. He stayed.", ["She left.", "He stayed."]),
        ("“We waited.”\n“Nobody came.”", ["“We waited.”", "“Nobody came.”"]),
    ],
)
def test_a_quotation_is_not_cut_from_its_speaker(text, units):
    article = Article("a", "", text)
    assert [text[s:e] for s, e in units_of(article)] == units


def test_a_long_quotation_is_cut_all_the_same():
    text = "“" + " ".join(f"This is sentence number {n} of many." for n in range(40)) + "”"
    longest = max(len(text[s:e].split()) for s, e in units_of(Article("a", "", text)))
    assert longest <= UNIT_WORDS


def test_the_weights_that_ship_name_every_signal():
    assert set(model_weights()["sentence"]) == {"bias", *SIGNALS}
    for kind in ("addressed_typed", "addressed_open"):
        assert set(model_weights()[kind]) == {"bias", "threshold", *ADDRESS_SIGNALS}
    reading = model_weights()["reading"]
    assert set(reading) == {"bias", "answers", "answers_addressed", "beside", *READING_SIGNALS}
    assert 0 < reading["answers_addressed"] < reading["answers"] < 1 and 0 < reading["beside"] < 1


@pytest.mark.parametrize(
    ("asks", "text", "holds"),
    [
        ("amount", "Twelve cables snapped.", True),
        ("amount", "Cables snapped.", False),
        ("time", "It closed on Friday.", True),
        ("time", "Twelve cables snapped.", False),
        ("name", "The winter was hard, Brock said.", True),
        ("what", "Twelve cables snapped on Friday, Brock said.", False),
    ],
)
def test_what_may_hold_the_kind_of_answer_asked_for(asks, text, holds):
    assert may_hold(asks, text) is holds


def test_what_speaks_of_another_time_is_put_behind():
    old = replace(ARTICLE, id="b0", published="2019-04-04")
    pattern = r"\b12\b"
    (best, *_), (stale, *_) = (score("How many snapped?", pattern, hit(a)) for a in (ARTICLE, old))
    asked = analyse("How many cables snapped in April 2025?")
    first, second = in_time(asked, [stale, best])
    assert first == best
    assert second.passage == stale.passage and second.score == stale.score * OTHER_TIME
    assert second.margin < stale.margin


def test_what_is_surely_enough_addressed_is_told_by_the_kinds_own_bar():
    for question in ("How many cables snapped?", "Why did they snap?"):
        asked = analyse(question)
        bar = address_weights(asked)["threshold"]
        told = [is_addressed(asked, Found((), (), sure, ())) for sure in (bar, bar - 0.01)]
        assert told == [True, False]
