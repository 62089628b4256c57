"""What one question got: the rows from which every figure is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from eval.judging import Grade

#: supported: by what is cited, together; misattributed: not by that, but by another article that
#: was retrieved; fabricated: words in quotation marks stand in no article; unsupported: any other
#: sentence that isn't supported; unscored: the judge gave no verdict.
Finding = Literal["supported", "misattributed", "unsupported", "fabricated", "unscored"]


@dataclass(frozen=True)
class Found:
    """`hits` of `of`, and the names of those that were not hit; `of` is at least 1."""

    hits: int
    of: int
    missed: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Hits of all, 0..1, higher is better."""
        return self.hits / self.of


@dataclass(frozen=True)
class Verdict:
    """What the judge said of one sentence of an answer; None where it gave no verdict.

    `supported` is whether its first three citations, together, support it; `citations` whether
    each of them is correct, as ALCE counts (`eval.grounding`), none if the sentence cites nothing
    that can be looked up. `elsewhere` is the article that supports a misattributed sentence.
    """

    finding: Finding
    supported: bool | None
    citations: tuple[bool | None, ...]
    elsewhere: str = ""


@dataclass(frozen=True)
class QuestionScore:
    """What one question got; None wherever there is nothing to measure.

    `story` names the story that the question is about, None for one of its own.

    `nuggets` are those in the answer's text or its valid citations' quotes, `nuggets_in_text` those
    in its text alone; both None where the question isn't answerable. `must_cite` counts groups
    with a cited article; `may_cite` counts the cited articles that may be. `valid_citations` counts
    citations, of claims and of the ledger, that name an article and a span whose words they quote.
    `unverbatim` holds the claims with words in quotation marks that no article they cite has.
    `forbidden` holds the wordings of a wrong answer that it has. `words` are those of the claims.
    `answer_type` is what the system took the question to ask for, None for no typed value;
    `short_answer` says whether the first claim but for a difference, if it is a span, holds a
    nugget. `differs` says whether the answer says that reports differ. `refused` counts
    drafted sentences that weren't shown, by reason. `memory_mb` is the process's highest resident
    memory so far, in 10^6 bytes.

    `retrieval` are the figures of `eval.retrieval` by name: None where no article is right to find,
    without those that couldn't be computed. `verdicts` are the judge's, sentence by sentence, of an
    answer that has any. `copies` is how many files are cited for each independent report, 1 or
    more, nan where nobody knows what is a copy. `confidence` is how sure the system was, higher is
    surer; nan where an answer came without it. `grade` compares the answer with the reference;
    UNREADABLE where the grader's reply was no grade, None where nobody graded.
    """

    id: str
    kind: str
    answerable: bool
    outcome: Literal["answered", "declined", "failed"]
    story: str | None = None
    nuggets: Found | None = None
    nuggets_in_text: Found | None = None
    must_cite: Found | None = None
    may_cite: Found | None = None
    valid_citations: Found | None = None
    unverbatim: tuple[str, ...] | None = None
    forbidden: tuple[str, ...] | None = None
    words: int | None = None
    answer_type: str | None = None
    short_answer: bool | None = None
    differs: bool | None = None
    refused: Mapping[str, int] | None = None
    retrieval: Mapping[str, float] | None = None
    verdicts: tuple[Verdict, ...] | None = None
    copies: float | None = None
    confidence: float | None = None
    grade: Grade | Literal["UNREADABLE"] | None = None
    seconds: float | None = None
    memory_mb: float | None = None
    error: str | None = None

    @property
    def right_outcome(self) -> bool:
        """Answered if answerable, declined if not; a failure never is."""
        return self.outcome == ("answered" if self.answerable else "declined")

    @property
    def complete(self) -> bool:
        """Answerable and answered, with every nugget and no wording of a wrong answer."""
        whole = self.nuggets is not None and self.nuggets.hits == self.nuggets.of
        return self.answerable and self.outcome == "answered" and whole and not self.forbidden

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; nan becomes None, and `unknown` names the fields that had it."""
        row = asdict(self)
        unknown = [name for name, value in row.items() if value != value]
        return {**row, **dict.fromkeys(unknown), "unknown": unknown}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> QuestionScore:
        """The score that `to_dict` wrote. Raises KeyError or ValueError otherwise."""
        return _READ.validate_python({**row, **dict.fromkeys(row["unknown"], float("nan"))})


_READ = TypeAdapter(QuestionScore)


def faults(row: QuestionScore) -> list[str]:
    """What is wrong with a question's answer, the gravest first, each in a few words."""
    if row.error is not None:
        return [f"failed: {row.error}"]
    if row.answerable and row.outcome == "declined":
        return ["declined"]
    return [
        *([] if row.right_outcome else ["answered, should have declined"]),
        *_lacks("invalid citation", row.valid_citations),
        *(f"not verbatim: {text}" for text in row.unverbatim or ()),
        *(f"says what is wrong: {wording}" for wording in row.forbidden or ()),
        *_lacks("lacks", row.nuggets),
        *_lacks("doesn't cite", row.must_cite),
        *_lacks("wrongly cites", row.may_cite),
    ]


def _lacks(what: str, found: Found | None) -> list[str]:
    if found is None or not found.missed:
        return []
    return [f"{what} {', '.join(found.missed)} ({found.hits}/{found.of})"]
