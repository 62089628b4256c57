"""Citation recall and precision on worked examples of ALCE's definitions, and the other figures.

The judge of these examples knows which of the letters a claim needs: "needs ab" is supported by
evidence in which both a and b stand, "needs a|b" by one in which either does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from eval.grounding import (
    citation_precision,
    citation_recall,
    copies_per_report,
    verdicts_of,
)
from eval.judging import DeterministicJudge, Pair
from eval.scores import Verdict
from index.records import Article, Hit, Passage
from rag.schema import Answer, Citation, Claim, Evidence

ARTICLES = {
    name: Article(name, "T", f"{name} and more. He said “{name} is here”.") for name in "abcdex"
}
ELSEWHERE = Article("nowhere", "T", "a b c d")


@dataclass
class Letters:
    """Supports "needs ab" with evidence that has "a and" and "b and"; None for what is "unclear"."""

    name: str = "letters"
    asked: list[Sequence[Pair]] = field(default_factory=list)

    def judge(self, pairs: Sequence[Pair]) -> list[bool | None]:
        self.asked.append(pairs)
        return [self.one(*pair) for pair in pairs]

    def one(self, evidence: str, claim: str) -> bool | None:
        needs = claim.removeprefix("needs ").rstrip(".")
        if needs == "unclear":
            return None
        either = needs.split("|")
        return any(all(f"{letter} and" in evidence for letter in way) for way in either)


def cite(name: str) -> Citation:
    return Citation(Passage(ARTICLES[name], 0, len("a and more.")), 1.0)


def claim(needs: str, cites: str) -> Claim:
    return Claim(f"needs {needs}.", tuple(map(cite, cites)), 1.0)


def answer(*claims: Claim, evidence: str = "") -> Answer:
    found = tuple(
        Evidence(f"E{n}", Hit(cite(name).passage, 1.0, n)) for n, name in enumerate(evidence, 1)
    )
    return Answer("What?", "answered", claims, evidence=found)


def scores(*claims: Claim) -> tuple[float | None, float | None]:
    verdicts = verdicts_of(answer(*claims), ARTICLES, Letters())
    return citation_recall(verdicts), citation_precision(verdicts)


BROKEN = Citation(Passage(ELSEWHERE, 0, 3), 1.0)

#: claims, recall, precision
WORKED: dict[str, tuple[list[Claim], float, float]] = {
    "1: one sentence, its one citation supports it": ([claim("a", "a")], 1, 1),
    "2: its one citation doesn't": ([claim("a", "b")], 0, 0),
    "3: it cites nothing; without any citation precision is 0": ([claim("a", "")], 0, 0),
    # b does not support it alone, and a does without b: b is wrong.
    "4: one of two is not needed": ([claim("a", "ab")], 1, 1 / 2),
    # Neither supports it alone, and neither does without the other.
    "5: both of two are needed": ([claim("ab", "ab")], 1, 1),
    # Each supports it alone: condition A is met, whatever the rest does.
    "6: each of two is enough": ([claim("a|b", "ab")], 1, 1),
    "7: together they don't support it, so all are wrong": ([claim("abc", "ab")], 0, 0),
    # Without the fourth, d, which is not looked at nor counted: not supported.
    "8: the first three count": ([claim("d", "abcd"), claim("a", "abcd")], 1 / 2, 1 / 6),
    # A citation that can't be looked up: the sentence is not supported, and none of its is counted.
    "9: one is out of range": (
        [Claim("needs a.", (cite("a"), BROKEN), 1.0), claim("b", "b")],
        1 / 2,
        1,
    ),
    # Recall: 1, 0, 1, 0. Citations: a of 2; none of 1; b and c of 2; sentence without any.
    "10: the mean over sentences, the share of all citations": (
        [claim("a", "ax"), claim("a", "d"), claim("bc", "bc"), claim("a", "")],
        2 / 4,
        (1 + 0 + 2) / (2 + 1 + 2),
    ),
    "11: twice the same is not needed twice, but each supports alone": (
        [claim("a", "aa")],
        1,
        1,
    ),
    # a|bc of a, b, c: a alone; b not alone, and a c does without b; so for c.
    "12: one of three would do": ([claim("a|bc", "abc")], 1, 1 / 3),
}


@pytest.mark.parametrize("name", WORKED)
def test_worked_examples(name: str) -> None:
    claims, recall, precision = WORKED[name]
    assert scores(*claims) == pytest.approx((recall, precision))


@pytest.mark.parametrize(
    ("claims", "recall", "precision"),
    [
        ([], None, None),
        ([claim("unclear", "a")], math.nan, math.nan),
        ([claim("unclear", "a"), claim("a", "a")], 1, 1),
        ([claim("unclear", "ab"), claim("a", "b")], 0, 0),
        # The one without citation is judged, the other isn't: no citation has a verdict.
        ([claim("unclear", "a"), claim("a", "")], 0, math.nan),
    ],
)
def test_a_sentence_without_a_verdict_is_left_out(
    claims: list[Claim], recall: float | None, precision: float | None
) -> None:
    assert scores(*claims) == pytest.approx((recall, precision), nan_ok=True)


def test_a_citation_whose_need_is_not_known_is_left_out() -> None:
    class Hesitant(Letters):
        def one(self, evidence: str, claim: str) -> bool | None:
            # Of b alone it says nothing.
            return None if evidence == "b and more." else super().one(evidence, claim)

    verdicts = verdicts_of(answer(claim("a", "ab")), ARTICLES, Hesitant())
    assert verdicts[0].citations == (True, None)
    assert (citation_recall(verdicts), citation_precision(verdicts)) == (1, 1)


def finding(one: Claim, evidence: str = "") -> Verdict:
    return verdicts_of(answer(one, evidence=evidence), ARTICLES, Letters())[0]


def test_unsupported_misattributed_fabricated() -> None:
    assert finding(claim("a", "a")).finding == "supported"
    assert finding(claim("a", "b")).finding == "unsupported"
    assert finding(claim("a", "b"), evidence="xb").finding == "unsupported"
    found = finding(claim("a", "b"), evidence="bxa")
    assert (found.finding, found.elsewhere) == ("misattributed", "a")
    assert finding(claim("unclear", "b"), evidence="a").finding == "unscored"
    quoting = Claim("He said “z is here”.", (cite("a"),), 1.0)
    assert finding(quoting).finding == "fabricated"
    # The words stand in another article: not verbatim, but nobody made them up.
    moved = Claim("He said “b is here”.", (cite("a"),), 1.0)
    assert finding(moved).finding == "unsupported"


def test_evidence_that_cannot_be_looked_up_supports_nothing_elsewhere() -> None:
    forged = Passage(Article("a", "T", "a and b and c and d and"), 0, 20)
    one = Answer(
        "?", "answered", (claim("ab", "c"),), evidence=(Evidence("E1", Hit(forged, 1.0, 1)),)
    )
    assert verdicts_of(one, ARTICLES, Letters())[0].finding == "unsupported"


def test_a_judge_is_asked_all_sentences_at_once_and_nothing_twice() -> None:
    judge = Letters()
    verdicts_of(answer(claim("a", "a"), claim("a", "a"), claim("b", "b")), ARTICLES, judge)
    assert [len(pairs) for pairs in judge.asked] == [2]


@pytest.mark.parametrize(
    ("cited", "expected"),
    [([], None), (["a"], 1), (["a", "d"], 1), (["a", "b"], 2), (["a", "b", "c", "d"], 4 / 2)],
)
def test_files_for_each_independent_report(cited: list[str], expected: float | None) -> None:
    """a, b and c are copies of one report."""
    assert copies_per_report(cited, lambda n: ("a", "b", "c") if n in "abc" else (n,)) == expected


SOURCE = (
    "Herald: The harbour bridge will stay shut for three weeks, Ines Varga said on Monday. "
    "“Nobody was hurt,” she added; 1,200 people walked home, 45 per cent of them by night."
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("three weeks", True),
        ("The bridge will be shut for 3 weeks.", True),
        ("The bridge will be shut for four weeks.", False),
        ("Varga said: “Nobody was hurt”.", True),
        ("Varga said: “Somebody was hurt”.", False),
        ("Some 1,200 people walked home.", True),
        ("Some 200 people walked home.", False),
        ("45 percent walked by night.", True),
        ("The bridge is shut, Tobin Hask said.", False),
        ("The Herald says that the bridge is shut.", True),
        ("Ferries were full of tourists with bicycles.", False),
        ("...", None),
    ],
)
def test_the_judge_without_a_model(said: str, expected: bool | None) -> None:
    assert DeterministicJudge().judge([(SOURCE, said)]) == [expected]
