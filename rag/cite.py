"""From a draft to proven claims: labels become citations, and every check decides what is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from index import Passage
from index.language import sentence_spans
from index.words import stems
from rag.alignment import read_pairs
from rag.asserted import check_asserted
from rag.checks import check_quotation, fold, hard_checks
from rag.schema import Check, Citation, Claim, DraftClaim, Evidence, Rejection
from rag.sentences import header_of, with_neighbours
from rag.verify import Checker, quick

#: Reasons for which a drafted sentence is refused, as readers see them.
NO_LABEL, UNKNOWN_LABEL = "no label", "unknown label"
NOT_VERBATIM, UNSUPPORTED = "not verbatim", "support"
REPEATED, TOO_MANY = "repeated", "too many"
#: Written sentences that an answer may have.
MOST_WRITTEN = 4
#: Sentences and pairs of a passage that a checker is asked about; few passages have as many.
MOST_CANDIDATES = 40


@dataclass(frozen=True)
class Verified:
    """A draft's sentences, judged, in their order."""

    judged: tuple[Claim | Rejection, ...]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the checks let through."""
        return tuple(j for j in self.judged if isinstance(j, Claim))

    @property
    def rejected(self) -> tuple[Rejection, ...]:
        """What they refused."""
        return tuple(j for j in self.judged if isinstance(j, Rejection))


def verify(
    drafts: Sequence[DraftClaim],
    evidence: Sequence[Evidence],
    checker: Checker,
    on_judged: Callable[[Claim | Rejection], None] = lambda judged: None,
) -> Verified:
    """Check every drafted sentence against the evidence it names; `on_judged` is told of each."""
    by_label = {e.label: e for e in evidence}
    judged: list[Claim | Rejection] = []
    for draft in drafts:
        told = [j for j in judged if isinstance(j, Claim) and j.kind == "written"]
        extra = _superfluous(draft, told)
        judged.append(extra or _under_headers(verify_claim(draft, by_label, checker)))
        on_judged(judged[-1])
    return Verified(tuple(judged))


def _superfluous(draft: DraftClaim, told: Sequence[Claim]) -> Rejection | None:
    """Why a written sentence is one too many beside those that are told; None if it isn't."""
    if draft.kind != "written":
        return None
    words = set(stems(draft.text))
    if any(words == set(stems(claim.text)) for claim in told):
        return _refuse(draft, REPEATED, "it was said already")
    if len(told) == MOST_WRITTEN:
        return _refuse(draft, TOO_MANY, f"{MOST_WRITTEN} sentences were written before it")
    return None


def written_checks(claim: str, evidence: str, published: str | None) -> list[Check]:
    """The hard checks of a written sentence, and whether its source says it itself."""
    checks = hard_checks(claim, evidence, published)
    ((ours, theirs),) = read_pairs([(claim, evidence, None)])
    return [*checks, check_asserted(ours, theirs)]


def _under_headers(judged: Claim | Rejection) -> Claim | Rejection:
    """A claim that cites rows of a table cites their headers, too: nobody could read them else."""
    if isinstance(judged, Rejection):
        return judged
    heads = [(header_of(c.passage), c.support) for c in judged.citations]
    more = {head: Citation(head, support) for head, support in heads if head}
    return replace(judged, citations=(*judged.citations, *more.values()))


def verify_claim(
    draft: DraftClaim, evidence: Mapping[str, Evidence], checker: Checker
) -> Claim | Rejection:
    """A claim with its citations and the checks that it passed, or why it is refused."""
    unknown = [label for label in draft.labels if label not in evidence]
    if unknown:
        return _refuse(
            draft, UNKNOWN_LABEL, f"it cites {', '.join(unknown)}, which is not among the evidence"
        )
    if not draft.labels:
        return _refuse(draft, NO_LABEL, "it names no evidence")
    passages = [evidence[label].hit.passage for label in draft.labels]
    if draft.kind == "difference":
        return _verify_difference(draft, passages)
    if draft.kind != "written":
        return _verify_verbatim(draft, passages, checker)
    wider = [with_neighbours(p) for p in passages]
    around = "\n".join(p.text for p in wider)
    checks = written_checks(draft.text, "\n".join(p.text for p in passages), _published(passages))
    cited = [supporting_span(draft.text, p, checker) for p in passages]
    if any(c.name == "name" and not c.passed for c in checks):
        # "She said so" names nobody; the sentences beside it do, and are cited with it.
        checks = written_checks(draft.text, around, _published(passages))
        cited = [Citation(p, c.support) for p, c in zip(wider, cited, strict=True)]
    failed = next((c for c in checks if not c.passed), None)
    if failed:
        return _refuse(draft, failed.name, failed.detail)
    joint = checker.support([(around, draft.text)])[0]
    if len(cited) == 1:
        cited = [replace(cited[0], support=joint)]
    if joint < checker.threshold:
        return _refuse(
            draft,
            UNSUPPORTED,
            f"the evidence supports it only to {joint:.2f}, less than {checker.threshold:.2f}",
        )
    checks.append(Check(UNSUPPORTED, True, f"{joint:.2f}"))
    return Claim(draft.text, tuple(cited), joint, tuple(checks), draft.kind)


def _published(passages: Sequence[Passage]) -> str | None:
    """The day on which the cited articles were published, if it is known and the same for all."""
    days = {p.article.published for p in passages}
    return days.pop() if len(days) == 1 else None


def _verify_verbatim(
    draft: DraftClaim, passages: Sequence[Passage], checker: Checker
) -> Claim | Rejection:
    """A short answer or a quoted sentence: the first cited passage must hold its very words.

    Further passages may say the same in other words ("2.5 hours"); a whole sentence must be
    supported by each, a short answer's values were compared when it was drafted.
    """
    first, *others = passages
    if fold(draft.text) not in fold(first.text):
        return _refuse(draft, NOT_VERBATIM, f"its words are not in {first.article.id}")
    if draft.kind == "span":
        kept = _cited(draft, passages)
    else:
        checker = quick(checker)
        supports = checker.support([(p.text, draft.text) for p in others])
        also = [Citation(p, s) for p, s in zip(others, supports, strict=True)]
        kept = (Citation(first, 1.0), *(c for c in also if c.support >= checker.threshold))
    check = Check("verbatim", True, first.article.id)
    return Claim(draft.text, kept, max(c.support for c in kept), (check,), draft.kind)


def _verify_difference(draft: DraftClaim, passages: Sequence[Passage]) -> Claim | Rejection:
    """What reports differ in: every value that it quotes must stand in what it cites.

    Which values are one and how many reports give each was counted when it was drafted.
    """
    check = check_quotation(draft.text, "\n".join(p.text for p in passages))
    if not check.passed:
        return _refuse(draft, NOT_VERBATIM, check.detail)
    cited = _cited(draft, passages)
    support = min(c.support for c in cited)
    return Claim(draft.text, cited, support, (Check("verbatim", True),), "difference")


def _cited(draft: DraftClaim, passages: Sequence[Passage]) -> tuple[Citation, ...]:
    """The sentences of readings, each as likely an answer as its reading."""
    return tuple(Citation(p, s) for p, s in zip(passages, draft.supports, strict=True))


def supporting_span(claim: str, passage: Passage, checker: Checker) -> Citation:
    """The sentence, or pair of neighbouring sentences, of a passage that supports a claim best.

    A checker that is slow may name a quicker one, or say by `most_candidates` how many it will be
    asked about: those that share most words with the claim.
    """
    checker = quick(checker)
    spans = sentence_spans(passage.text)
    spans += [(a[0], b[1]) for a, b in pairwise(spans)]
    most: int = getattr(checker, "most_candidates", MOST_CANDIDATES)
    if len(spans) > most:
        wanted = set(stems(claim))
        shared = [len(wanted.intersection(stems(passage.text[s:e]))) for s, e in spans]
        nearest = sorted(range(len(spans)), key=lambda i: (-shared[i], spans[i][1] - spans[i][0]))
        spans = [spans[i] for i in sorted(nearest[:most])]
    if not spans:
        return Citation(passage, checker.support([(passage.text, claim)])[0])
    supports = checker.support([(passage.text[s:e], claim) for s, e in spans])
    # A pair must add something over its best sentence to be worth the longer quote.
    best = max(
        range(len(spans)), key=lambda i: supports[i] - 0.02 * (spans[i][1] - spans[i][0] > 300)
    )
    start, end = spans[best]
    return Citation(
        Passage(passage.article, passage.start + start, passage.start + end), supports[best]
    )


def _refuse(draft: DraftClaim, reason: str, detail: str) -> Rejection:
    return Rejection(draft.text, reason, detail, draft.labels)
