r"""What flows from a question to its answer.

Hit -> Evidence -> DraftClaim -> Claim(Citation...) -> Answer
                   untrusted  \-> Rejection(reason)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from index.errors import SettingError
from index.records import Article, Hit, Passage

Outcome = Literal["answered", "declined"]
#: span: a few of the source's words that answer; quote: a whole sentence of the source, verbatim;
#: written: a sentence that a language model wrote and that passed every check; difference: what
#: reports differ in, or what was corrected, said in our words around theirs.
Kind = Literal["span", "quote", "written", "difference"]
#: agrees: gives the only value; differs: one of several values; superseded: a value that its own
#: outlet replaced; silent: on the matter, but gives no value; says: a report's own sentence, where
#: no value is asked for. Earlier versions gave denies: says that what is asked about is not so.
Stance = Literal["agrees", "differs", "superseded", "denies", "silent", "says"]
#: Whose words they are: the outlet's own, a named speaker's or body's, somebody's without a name,
#: or an opinion column's.
VoiceKind = Literal["outlet", "named", "unnamed", "opinion"]
#: The remark of a sentence that is shown while the reports are read, and that is no answer yet.
NEAREST = "the nearest sentence so far: the reports are being read"


@dataclass(frozen=True)
class Evidence:
    """A sentence that may answer; `label` ("E1") is all that a model sees of its origin.

    `hit.score` is how well the sentence answers the question, 0..1, higher is better.
    """

    label: str
    hit: Hit


@dataclass(frozen=True)
class DraftClaim:
    """A sentence as drafted, with the labels it names: untrusted.

    `supports` has, for each label, how surely its words answer, 0..1, where they were read as an
    answer; it is empty otherwise.
    """

    text: str
    labels: tuple[str, ...]
    kind: Kind = "written"
    supports: tuple[float, ...] = ()


@dataclass(frozen=True)
class Check:
    """One check of a claim: its name, whether it passed, and what it saw, in plain words."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True)
class Citation:
    """The span of an article that supports a claim.

    `support` is 0..1: of a short answer, how likely its words answer the question; of a sentence,
    how likely the span entails it; 1.0 of the sentence itself.
    """

    passage: Passage
    support: float

    @property
    def article_id(self) -> str:
        """The ID of the cited file."""
        return self.passage.article.id

    @property
    def start(self) -> int:
        """Where the span begins in the article's text, in code points."""
        return self.passage.start

    @property
    def end(self) -> int:
        """Where it ends; the end is not part of it."""
        return self.passage.end

    @property
    def quote(self) -> str:
        """The words of the span, taken from the article now."""
        return self.passage.text


@dataclass(frozen=True)
class Claim:
    """One sentence of the answer, with what supports it and the checks that it passed.

    `remark` says what a reader must know of it, such as that it rests on an unnamed source; empty
    where there is nothing to say.
    """

    text: str
    citations: tuple[Citation, ...]
    support: float
    checks: tuple[Check, ...] = ()
    kind: Kind = "written"
    remark: str = ""

    @property
    def article_ids(self) -> tuple[str, ...]:
        """The files that it cites, once each."""
        return tuple(dict.fromkeys(c.article_id for c in self.citations))


@dataclass(frozen=True)
class Voice:
    """Who says something in a report: `speaker` in the report's own words, "" for the outlet."""

    kind: VoiceKind
    speaker: str = ""


@dataclass(frozen=True)
class Rejection:
    """A drafted sentence that is not shown. `reason` is a short name, `detail` says it in words."""

    text: str
    reason: str
    detail: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Position:
    """One row of the ledger: which articles say this value about the point that was asked.

    `value` is in the words of the first citation; "" where a row has none. `voices` are those of
    the citations, in their order; none where nobody looked. `reports` is how many independent
    reports these articles are, 1 or more: near-identical copies are one; as many as there are
    articles, if it isn't given. `note` says in words what a row's stance leaves open, such as what
    superseded it.
    """

    article_ids: tuple[str, ...]
    stance: Stance
    value: str
    citations: tuple[Citation, ...] = ()
    reports: int = 0
    voices: tuple[Voice, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if not self.reports:
            object.__setattr__(self, "reports", len(self.article_ids))


@dataclass(frozen=True)
class Answer:
    """What a question gets.

    `note` says in one sentence what kind of answer this is. `evidence` is what was looked at, best
    first; of a declined answer it is the nearest passages and no answer. `trace` is JSON-ready.
    """

    question: str
    outcome: Outcome
    claims: tuple[Claim, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    ledger: tuple[Position, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    note: str = ""
    trace: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Markdown: each sentence followed by its [file-id] marks; empty when declined."""
        return "\n\n".join(f"{escaped(c.text)} {marks(c)}" for c in self.claims)

    @property
    def asked(self) -> str:
        """The question that was answered: a follow-up's standalone form, else as it was typed."""
        rewritten = self.trace.get("rewritten")
        asked = rewritten.get("to") if isinstance(rewritten, dict) else None
        return asked if isinstance(asked, str) else self.question

    @property
    def articles(self) -> dict[str, Article]:
        """The articles that the answer refers to, by ID."""
        passages = [e.hit.passage for e in self.evidence]
        passages += [c.passage for claim in self.claims for c in claim.citations]
        passages += [c.passage for row in self.ledger for c in row.citations]
        return {p.article.id: p.article for p in passages}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, self-contained: the articles referred to are in it, with their hashes."""
        return {
            "question": self.question,
            "outcome": self.outcome,
            "text": self.text,
            "note": self.note,
            "claims": [_claim_to_dict(c) for c in self.claims],
            "rejected": [asdict(r) | {"labels": list(r.labels)} for r in self.rejected],
            "ledger": [
                {
                    **vars(p),
                    "article_ids": list(p.article_ids),
                    "citations": [citation_to_dict(c) for c in p.citations],
                    "voices": [asdict(v) for v in p.voices],
                }
                for p in self.ledger
            ],
            "evidence": [_evidence_to_dict(e) for e in self.evidence],
            "articles": {a.id: _article_to_dict(a) for a in self.articles.values()},
            "trace": self.trace,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Answer:
        """The answer that `to_dict` wrote.

        Raises SettingError when an article's text or a quote is not what its hash or span says.
        """
        try:
            articles = {k: _article_from_dict(k, v) for k, v in data["articles"].items()}
            return cls(
                question=data["question"],
                outcome=data["outcome"],
                note=data["note"],
                claims=tuple(_claim_from_dict(c, articles) for c in data["claims"]),
                rejected=tuple(
                    Rejection(r["text"], r["reason"], r["detail"], tuple(r["labels"]))
                    for r in data["rejected"]
                ),
                ledger=tuple(
                    Position(
                        tuple(p["article_ids"]),
                        p["stance"],
                        p["value"],
                        _citations(p["citations"], articles),
                        # Version 0.1.0 had none of these.
                        p.get("reports", 0),
                        tuple(Voice(v["kind"], v["speaker"]) for v in p.get("voices", ())),
                        p.get("note", ""),
                    )
                    for p in data["ledger"]
                ),
                evidence=tuple(_evidence_from_dict(e, articles) for e in data["evidence"]),
                trace=data["trace"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise SettingError(f"not an answer that Wirecheck wrote: {error!r}") from error


def escaped(text: str) -> str:
    """`text` on one line, with what Markdown would read as markup made literal."""
    flat = " ".join(text.split())
    return "".join("\\" + c if c in "\\`*_[]<>#|~" else c for c in flat)


def marks(claim: Claim) -> str:
    """The files that a claim cites, each in brackets."""
    return " ".join(f"[{name}]" for name in claim.article_ids)


def source_of(article: Article) -> str:
    """Who published an article, and when, as far as it is known."""
    return f"{article.outlet or 'outlet unknown'}, {article.published or 'date unknown'}"


def labelled(hits: Iterable[Hit]) -> tuple[Evidence, ...]:
    """Hits as evidence: E1, E2, ..."""
    return tuple(Evidence(f"E{n}", hit) for n, hit in enumerate(hits, start=1))


def _article_to_dict(article: Article) -> dict[str, Any]:
    told = ("title", "outlet", "published", "url", "sha256", "text")
    return {name: getattr(article, name) for name in told}


def _article_from_dict(name: str, data: dict[str, Any]) -> Article:
    article = Article(
        name, data["title"], data["text"], data["outlet"], data["published"], data["url"]
    )
    if article.sha256 != data["sha256"]:
        raise SettingError(f"the text of article {name!r} is not the text that its sha256 names")
    return article


def _passage_to_dict(passage: Passage) -> dict[str, Any]:
    at = {"start": passage.start, "end": passage.end}
    return {"article_id": passage.article.id, **at, "quote": passage.text}


def _passage_from_dict(data: dict[str, Any], articles: dict[str, Article]) -> Passage:
    passage = Passage(articles[data["article_id"]], data["start"], data["end"])
    if passage.text != data["quote"]:
        raise SettingError(
            f"a quote is not what article {passage.article.id!r} says at "
            f"{passage.start}-{passage.end}"
        )
    return passage


def citation_to_dict(citation: Citation) -> dict[str, Any]:
    """JSON-ready; `quote` has its words."""
    return {**_passage_to_dict(citation.passage), "support": citation.support}


def _citations(rows: list[dict[str, Any]], articles: dict[str, Article]) -> tuple[Citation, ...]:
    return tuple(Citation(_passage_from_dict(row, articles), row["support"]) for row in rows)


def _claim_to_dict(claim: Claim) -> dict[str, Any]:
    return {
        "text": claim.text,
        "kind": claim.kind,
        "support": claim.support,
        "citations": [citation_to_dict(c) for c in claim.citations],
        "checks": [asdict(c) for c in claim.checks],
        "remark": claim.remark,
    }


def _claim_from_dict(data: dict[str, Any], articles: dict[str, Article]) -> Claim:
    checks = tuple(Check(c["name"], c["passed"], c["detail"]) for c in data["checks"])
    return Claim(
        data["text"],
        _citations(data["citations"], articles),
        data["support"],
        checks,
        data["kind"],
        data.get("remark", ""),
    )


def _evidence_to_dict(evidence: Evidence) -> dict[str, Any]:
    hit = evidence.hit
    scored = {"score": hit.score, "rank": hit.rank}
    return {"label": evidence.label, **_passage_to_dict(hit.passage), **scored}


def _evidence_from_dict(data: dict[str, Any], articles: dict[str, Article]) -> Evidence:
    return Evidence(
        data["label"], Hit(_passage_from_dict(data, articles), data["score"], data["rank"])
    )
