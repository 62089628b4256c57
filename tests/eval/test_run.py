"""A run over gold questions: each is asked once, scored, and what breaks stops nothing."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import pytest
from pydantic import TypeAdapter

from eval.gold import GoldQuestion
from eval.metrics import Material
from eval.run import Result, System, run
from eval.scores import QuestionScore
from index.errors import IndexMissing, ModelReplyError, ModelUnknown, SettingError
from index.records import Article, Hit, Passage
from rag.schema import Answer, Citation, Claim, Evidence

BRIDGE = Article("bridge", "Bridge", "Bridge\n\nThe bridge is shut for 40 days.", outlet="Herald")
FERRY = Article("ferry", "Ferry", "Ferry\n\nThe ferry is full.")


def asked(name: str, question: str, reference: str, nuggets: str, article: str) -> dict[str, Any]:
    """A gold question about one article, or about none: that is unanswerable."""
    return {
        "id": name,
        "kind": "single" if article else "unanswerable",
        "question": question,
        "answerable": bool(article),
        "reference": reference,
        "nuggets": [[nuggets]] if nuggets else [],
        "must_cite": [[article]] if article else [],
        "may_cite": [article] if article else [],
        "forbid": [],
    }


ROWS = [
    asked("q1", "How long is it shut?", "40 days", "40 days", "bridge"),
    asked("q2", "Who built it?", "Nobody says.", "", ""),
    asked("q3", "Is the ferry full?", "Yes", "full", "ferry"),
]


@dataclass
class Corpus:
    articles: Mapping[str, Article]


CORPUS = Corpus({"bridge": BRIDGE, "ferry": FERRY})
MATERIAL = Material(CORPUS.articles)


def questions() -> list[GoldQuestion]:
    return TypeAdapter(list[GoldQuestion]).validate_python(ROWS)


def quote(question: str, article: Article) -> Answer:
    passage = Passage(article, article.text.index("The"), len(article.text))
    claim = Claim(passage.text, (Citation(passage, 1.0),), 1.0, kind="quote")
    return Answer(question, "answered", (claim,), evidence=(Evidence("E1", Hit(passage, 1.0, 1)),))


def right(question: str) -> Answer:
    if "built" in question:
        return Answer(question, "declined")
    return quote(question, FERRY if "ferry" in question else BRIDGE)


def stopped_at_the_second(asked: list[str]) -> Callable[[str], Answer]:
    """Answers rightly and keeps what it was asked; at the second question, Ctrl-C."""

    def ask(question: str) -> Answer:
        asked.append(question)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return right(question)

    return ask


def scored(ask: Callable[[str], Answer], **options: Any) -> list[QuestionScore]:
    return run(questions(), System(ask), MATERIAL, **options)


def test_each_question_is_asked_once_in_order_and_timed() -> None:
    asked: list[str] = []
    seen: list[tuple[int, int, str]] = []

    def ask(question: str) -> Answer:
        asked.append(question)
        return right(question)

    def progress(done: int, total: int, result: Result) -> None:
        seen.append((done, total, result.gold.id))

    scores = scored(ask, progress=progress)
    assert asked == [row["question"] for row in ROWS]
    assert seen == [(1, 3, "q1"), (2, 3, "q2"), (3, 3, "q3")]
    assert [row.right_outcome for row in scores] == [True, True, True]
    assert [row.story for row in scores] == ["bridge", None, "ferry"]
    for row in scores:
        assert row.seconds is not None and 0 <= row.seconds < 1


def raising(error: Exception) -> Callable[[str], Answer]:
    def ask(question: str) -> Answer:
        raise error

    return ask


def unscorable(question: str) -> Answer:
    return replace(right(question), claims=(None,))  # type: ignore[arg-type]


def not_json(question: str) -> Answer:
    return replace(right(question), trace={"score": math.nan})


def not_utf8(question: str) -> Answer:
    return replace(right(question), note="\ud800")


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (raising(ModelReplyError("the reply\nis empty")), "the reply is empty"),
        (raising(ModelUnknown("no such model")), "no such model"),
        (raising(KeyError("E7")), "KeyError: 'E7'"),
        (lambda question: "40 days", "TypeError: the answer is a str, not an Answer"),
        (unscorable, "AttributeError: "),
        (not_json, "ValueError: "),
        (not_utf8, "UnicodeEncodeError: "),
    ],
)
def test_one_bad_answer_is_wrong_and_stops_nothing(bad: Callable[[str], Answer], told: str) -> None:
    scores = scored(lambda q: bad(q) if "built" in q else right(q))
    assert [row.outcome for row in scores] == ["answered", "failed", "answered"]
    assert scores[1].error is not None and scores[1].error.startswith(told)
    assert scores[1].seconds is not None


@pytest.mark.parametrize("error", [ModelUnknown("x"), IndexMissing("x"), SettingError("x")])
def test_settings_that_cannot_work_stop_the_run_at_its_first_question(error: Exception) -> None:
    with pytest.raises(type(error)):
        scored(raising(error))


def test_articles_that_the_index_lacks_are_named_before_anything_is_asked() -> None:
    with pytest.raises(SettingError, match=r"name 2 article\(s\) that the index lacks: br.*, fe"):
        run(questions(), System(raising(AssertionError("asked"))), Material({}))
    many = replace(questions()[0], may_cite=tuple(f"a{n:02}" for n in range(12)), must_cite=())
    with pytest.raises(SettingError, match=r"name 12 .*: a00, .*, a09, \.\.\.; give"):
        run([many], System(right), Material({}))


def test_several_at_a_time_give_the_same_scores_in_the_same_order() -> None:
    many = [replace(q, id=f"{q.id}-{n}") for n in range(12) for q in questions()]
    inside, most = Lock(), [0, 0]

    def ask(question: str) -> Answer:
        with inside:
            most[0] += 1
            most[1] = max(most)
        time.sleep(0.002)
        with inside:
            most[0] -= 1
        return right(question)

    def plain(row: QuestionScore) -> dict[str, Any]:
        return {**row.to_dict(), "seconds": None, "memory_mb": None}

    one = run(many, System(right), MATERIAL)
    told: list[int] = []
    several = run(many, System(ask), MATERIAL, lambda done, *_: told.append(done), jobs=3)
    assert list(map(plain, several)) == list(map(plain, one))
    assert told == list(range(1, len(many) + 1))
    assert 2 <= most[1] <= 3


def test_a_score_survives_the_journal() -> None:
    for row in scored(lambda q: right(q) if "long" in q else raising(KeyError("x"))(q)):
        again = QuestionScore.from_dict(json.loads(json.dumps(row.to_dict())))
        assert again.to_dict() == row.to_dict()
        assert repr(again) == repr(row), "nan, tuples and all"
