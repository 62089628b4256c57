"""What is shown while the reports are read, so that none of it is silently withdrawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from index import Passage
from rag.compare import Compared
from rag.evidence import Found
from rag.schema import NEAREST, Citation, Claim, Rejection

#: Told of each sentence as soon as it was checked.
OnJudged = Callable[[Claim | Rejection], None]
#: Why what was shown while reading is not in the answer.
OUTDONE, UNDONE = "another report answers it more surely", "no answer stood in the end"


@dataclass
class Watched:
    """The values that were shown so far, by the sentence that says each."""

    on_judged: OnJudged
    claims: dict[Citation, Claim] = field(default_factory=dict)

    def nearest(self, found: Found) -> None:
        """Show the best sentence, as such."""
        best = found.sentences[0]
        text = " ".join(best.passage.text.split())
        citation = Citation(best.passage, best.score)
        self.on_judged(Claim(text, (citation,), best.score, (), "quote", NEAREST))

    def positions(self, said: Compared) -> None:
        """Show each value that stands so far, once."""
        for side in said.sides if said.in_short else ():
            for reading in side.readings:
                citation = Citation(reading.sentence.passage, 0.0)
                if citation not in self.claims:
                    text = " ".join(reading.words.text.split())
                    shown = replace(citation, support=reading.sure)
                    self.claims[citation] = Claim(text, (shown,), reading.sure, (), "span")
                    self.on_judged(self.claims[citation])

    def withdrawn(self, claims: Sequence[Claim]) -> tuple[Rejection, ...]:
        """What was shown and is not cited by the answer, with the reason."""
        why = OUTDONE if claims else UNDONE
        return tuple(
            Rejection(claim.text, "unsure", f"{why} ({citation.article_id} said it)")
            for citation, claim in self.claims.items()
            if not cites(claims, citation.passage)
        )


def cites(claims: Sequence[Claim], sentence: Passage) -> bool:
    """Whether a claim cites this sentence, or a part of it."""
    same = (c for k in claims for c in k.citations if c.article_id == sentence.article.id)
    return any(c.start < sentence.end and sentence.start < c.end for c in same)
