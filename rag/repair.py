"""A refused sentence gets one more try before it is left out.

In this order: another piece of evidence that supports it as it stands (the citation was wrong, and
the correction is said); one rewrite by the model that wrote it, checked like any sentence; the
source's own sentence on the matter, verbatim. What was refused stays to be seen with its reason,
but for a corrected citation, whose sentence is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from index import Hit
from index.errors import ModelError
from index.words import stems
from rag.cite import Verified, supporting_span, verify_claim
from rag.schema import Check, Citation, Claim, DraftClaim, Evidence, Rejection
from rag.verify import Checker

#: Writes a refused sentence anew from one piece of evidence; "" if it can't.
Rewrite = Callable[[Rejection, Evidence], str]
WAYS = ("recited", "rewritten", "quoted", "left out")
#: A source's sentence stands in for a refused one that shares this much of its words.
QUOTE_SHARE = 0.5


@dataclass
class Repair:
    """What mending needs, and how often each of `WAYS` was taken."""

    evidence: Sequence[Evidence]
    checker: Checker
    rewrite: Rewrite | None = None

    def __post_init__(self) -> None:
        self.counts = dict.fromkeys(WAYS, 0)
        self._by_label: Mapping[str, Evidence] = {e.label: e for e in self.evidence}

    def __call__(self, verified: Verified) -> Verified:
        """The same, with refused sentences mended in their place where that can be done."""
        judged: list[Claim | Rejection] = []
        refused: list[Rejection] = []
        for item in verified.judged:
            if isinstance(item, Claim):
                judged.append(item)
                continue
            claim, way = self._mend(item, [j for j in judged if isinstance(j, Claim)])
            self.counts[way] += 1
            if claim is not None:
                judged.append(claim)
            if way != "recited":
                refused.append(_told(item, way))
        return Verified(tuple(judged), tuple(refused))

    def _mend(self, refused: Rejection, shown: Sequence[Claim]) -> tuple[Claim | None, str]:
        nearest = self._nearest(refused.text)
        claim = self._recited(refused, nearest)
        if claim is not None:
            return claim, "recited"
        cited = [e for e in nearest if e.label in refused.labels] or nearest
        if cited:
            claim = self._rewritten(refused, cited[0])
            if claim is not None and not _said(claim, shown):
                return claim, "rewritten"
            claim = self._quoted(refused, cited[0])
            if claim is not None and not _said(claim, shown):
                return claim, "quoted"
        return None, "left out"

    def _nearest(self, text: str) -> list[Evidence]:
        """The evidence, that which supports `text` most first."""
        if not self.evidence:
            return []
        supports = self.checker.support([(e.hit.passage.text, text) for e in self.evidence])
        order = sorted(range(len(supports)), key=lambda i: -supports[i])
        return [self.evidence[i] for i in order]

    def _recited(self, refused: Rejection, nearest: Sequence[Evidence]) -> Claim | None:
        for item in [e for e in nearest if e.label not in refused.labels][:2]:
            claim = verify_claim(
                DraftClaim(refused.text, (item.label,)), self._by_label, self.checker
            )
            if isinstance(claim, Claim):
                named = ", ".join(refused.labels) or "nothing"
                said = f"it cited {named}; {item.hit.passage.article.id} is what supports it"
                return replace(claim, checks=(*claim.checks, Check("citation", True, said)))
        return None

    def _rewritten(self, refused: Rejection, item: Evidence) -> Claim | None:
        if self.rewrite is None:
            return None
        try:
            text = self.rewrite(refused, item)
        except ModelError:
            return None
        if not any(c.isalnum() for c in text):
            return None
        claim = verify_claim(DraftClaim(text, (item.label,)), self._by_label, self.checker)
        return claim if isinstance(claim, Claim) else None

    def _quoted(self, refused: Rejection, item: Evidence) -> Claim | None:
        """The sentence of `item` that is nearest to the refused one, as a claim of its own."""
        span = supporting_span(refused.text, item.hit.passage, self.checker).passage
        asked = set(stems(refused.text))
        if not asked or len(asked & set(stems(span.text))) < QUOTE_SHARE * len(asked):
            return None
        quoted = Evidence(item.label, Hit(span, item.hit.score, item.hit.rank))
        text = " ".join(span.text.split())
        claim = verify_claim(
            DraftClaim(text, (item.label,), "quote"), {item.label: quoted}, self.checker
        )
        return claim if isinstance(claim, Claim) else None


def _told(refused: Rejection, way: str) -> Rejection:
    instead = {
        "rewritten": "; it was written anew",
        "quoted": "; the source's own sentence is shown instead",
    }
    return replace(refused, detail=refused.detail + instead.get(way, ""))


def _said(claim: Claim, shown: Sequence[Claim]) -> bool:
    """Whether an answer that shows these claims has this one already, by its words or its span."""

    def overlap(a: Citation, b: Citation) -> bool:
        return a.article_id == b.article_id and a.start < b.end and b.start < a.end

    return any(
        claim.text == other.text
        or (claim.kind == "quote" and any(overlap(claim.citations[0], c) for c in other.citations))
        for other in shown
    )
