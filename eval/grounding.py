"""How well an answer's sentences are grounded in what they cite.

Citation recall and precision are ALCE's (Gao et al. 2023, `compute_autoais`), with a judge in the
place of its entailment model:

- Of a sentence, the first three citations count. It is supported if they support it together. A
  sentence that cites nothing isn't, nor is one with a citation that can't be looked up; the
  citations of the latter aren't counted.
- *Citation recall* of an answer is the share of its sentences that are supported.
- *Citation precision* is the share of its citations that are correct. Of a sentence that isn't
  supported, none is; of one with a single citation, that one is; of one with several, each but
  those that don't support it alone while the others do without them. An answer without any
  citation that counts has 0.

A sentence without a verdict is left out of both, with its citations. Evidence is the cited span
after the name of its outlet, where ALCE has the whole passage after its title.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from operator import attrgetter

from eval.figures import UNSCORED, Measure, Value, share_of
from eval.judging import Judge, Pair, Remembering
from eval.scores import Finding, QuestionScore, Verdict
from eval.wording import citation_fault, fold, quoted_words
from index.records import Article, Passage
from rag.schema import Answer, Citation, Claim

#: Citations of a sentence that count, as in ALCE.
MOST_CITATIONS = 3

CopiesOf = Callable[[str], Sequence[str]]
Ask = Callable[[Sequence[Pair]], Sequence[bool | None]]


def verdicts_of(
    answer: Answer, articles: Mapping[str, Article], judge: Judge
) -> tuple[Verdict, ...]:
    """The verdict on each sentence of an answer, in their order."""
    ask: Ask = Remembering(judge.judge)
    # In one call, which is what a model is fastest at; each sentence then takes what it needs.
    cited = ((_counted(claim, articles), claim) for claim in answer.claims)
    ask([_pair(counted, claim) for counted, claim in cited if counted])
    return tuple(_verdict(claim, answer, articles, ask) for claim in answer.claims)


def evidence_of(passage: Passage) -> str:
    """What a judge is shown of a cited passage: its outlet, where known, and its words."""
    outlet = passage.article.outlet
    return f"{outlet}:\n{passage.text}" if outlet else passage.text


def citation_recall(verdicts: Sequence[Verdict]) -> float | None:
    """Share of the sentences that are supported, 0..1; None of none, nan where none was judged."""
    known = [v.supported for v in verdicts if v.supported is not None]
    return _share(known, bool(verdicts))


def citation_precision(verdicts: Sequence[Verdict]) -> float | None:
    """Share of the citations that are correct, 0..1; 0 where none counts, None of no sentence."""
    if not verdicts:
        return None
    counted = [c for v in verdicts for c in v.citations]
    if not counted:
        return 0.0 if any(v.supported is not None for v in verdicts) else UNSCORED
    return _share([c for c in counted if c is not None], True)


def _share(known: Sequence[bool], asked: bool) -> float | None:
    if known:
        return sum(known) / len(known)
    return UNSCORED if asked else None


def copies_per_report(cited: Collection[str], copies_of: CopiesOf | None) -> float | None:
    """Files cited for each independent report, 1 or more; nan where copies aren't known.

    None where nothing is cited. 3 files that are copies of one report, and 1 other: 4 / 2.
    """
    if not cited:
        return None
    if copies_of is None:
        return UNSCORED
    return len(cited) / len({frozenset(copies_of(name)) for name in cited})


def _counted(claim: Claim, articles: Mapping[str, Article]) -> tuple[Citation, ...]:
    """The citations that count; none if one of them all can't be looked up."""
    if any(citation_fault(c, articles) is not None for c in claim.citations):
        return ()
    return claim.citations[:MOST_CITATIONS]


def _pair(citations: Sequence[Citation], claim: Claim) -> Pair:
    return "\n".join(evidence_of(c.passage) for c in citations), claim.text


def _verdict(claim: Claim, answer: Answer, articles: Mapping[str, Article], ask: Ask) -> Verdict:
    cited = _counted(claim, articles)
    supported = ask([_pair(cited, claim)])[0] if cited else False
    correct = _correct(claim, cited, supported, ask)
    if _is_fabricated(claim, articles):
        return Verdict("fabricated", supported, correct)
    if supported is not False:
        return Verdict("supported" if supported else "unscored", supported, correct)
    elsewhere = _elsewhere(claim, answer, articles, ask)
    finding: Finding = "misattributed" if elsewhere else "unsupported"
    return Verdict(finding, supported, correct, elsewhere)


def _correct(
    claim: Claim, cited: Sequence[Citation], supported: bool | None, ask: Ask
) -> tuple[bool | None, ...]:
    if not supported or len(cited) == 1:
        return (supported,) * len(cited)
    alone = ask([_pair([c], claim) for c in cited])
    found: list[bool | None] = []
    for place, supports in enumerate(alone):
        if supports is False:
            others = [c for n, c in enumerate(cited) if n != place]
            without = ask([_pair(others, claim)])[0]
            found.append(None if without is None else not without)
        else:
            found.append(supports)
    return tuple(found)


def _is_fabricated(claim: Claim, articles: Mapping[str, Article]) -> bool:
    """Whether words in the claim's quotation marks stand in no article at all."""
    cited = [articles[c.article_id] for c in claim.citations if c.article_id in articles]
    # What is cited first: else every article would be read for every quotation.
    searched = (*cited, *articles.values())
    return any(
        not any(quote in fold(article.text) for article in searched)
        for quote in quoted_words(claim.text)
    )


def _elsewhere(claim: Claim, answer: Answer, articles: Mapping[str, Article], ask: Ask) -> str:
    """The first article of the answer's evidence that supports the claim and isn't cited; or ""."""
    cited = {c.article_id for c in claim.citations}
    others = [e.hit.passage for e in answer.evidence if e.hit.passage.article.id not in cited]
    others = [p for p in others if citation_fault(Citation(p, 1.0), articles) is None]
    found = ask([(evidence_of(p), claim.text) for p in others])
    return next((p.article.id for p, is_so in zip(others, found, strict=True) if is_so), "")


def _of_verdicts(count: Callable[[Sequence[Verdict]], float | None]) -> Value:
    return lambda row: None if row.verdicts is None else count(row.verdicts)


def _finding(name: Finding) -> Value:
    def share(verdicts: Sequence[Verdict]) -> float | None:
        judged = [v.finding == name for v in verdicts if v.finding != "unscored"]
        return _share(judged, bool(verdicts))

    return _of_verdicts(share)


def _unverbatim(row: QuestionScore) -> int | None:
    return None if row.unverbatim is None else len(row.unverbatim)


_measure = partial(Measure, table="grounding")
MEASURES = (
    _measure(
        "citation_recall", "sentences that what they cite supports", _of_verdicts(citation_recall)
    ),
    _measure(
        "citation_precision",
        "citations that support, or are needed",
        _of_verdicts(citation_precision),
    ),
    _measure(
        "unsupported",
        "sentences supported nowhere that it looked",
        _finding("unsupported"),
        "lower",
    ),
    _measure(
        "misattributed",
        "sentences that another article supports",
        _finding("misattributed"),
        "lower",
    ),
    _measure(
        "fabricated", "sentences that quote what no article says", _finding("fabricated"), "lower"
    ),
    _measure(
        "valid_citations", "citations with a real article and span", share_of("valid_citations")
    ),
    _measure(
        "unverbatim",
        "sentences whose quoted words aren't there",
        _unverbatim,
        "lower",
        "count",
        "sum",
    ),
    _measure("must_cite", "groups of articles cited that must be", share_of("must_cite")),
    _measure("may_cite", "cited articles that support a right answer", share_of("may_cite")),
    _measure(
        "copies", "files cited for each independent report", attrgetter("copies"), "lower", "ratio"
    ),
)
