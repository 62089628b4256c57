"""A bundle verified again, without any model: what in it still holds, and what has changed.

What a bundle says of itself (its hash, its spans, its quotes) only shows that it is whole: whoever
edits all of it can compute all of it anew. What can't be made to fit is a text that somebody else
holds, so its articles are compared with yours. What it says is derived from them again: sentences
that a model wrote go through the hard checks (`rag.checks`) and the checker that ships, those on a
difference are made anew from the ledger, and the ledger from what it cites (`rag.bundle.derived`).
What isn't derived is `UNVERIFIED`, and said to be so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import islice, product
from typing import Any, Literal

from index.records import Article, Passage
from rag.bundle import seal_of
from rag.bundle.derived import Ledger, reports_in, sentence_problem
from rag.bundle.file import BundleFile, Cited, Sentence, Stored
from rag.bundle.held import Find
from rag.bundle.page import DRAWN, cited_in, page_of
from rag.checkers import SHIPPED
from rag.checks import check_quotation, fold, short
from rag.cite import written_checks
from rag.sentences import with_neighbours
from rag.signal_checker import signal_checker
from rag.verify import QUICK, ModelChecker, default_checker

#: same: as it was; changed: another text, or other particulars; moved: the words stand elsewhere;
#: gone: they stand nowhere; missing: no such article; failed: the bundle contradicts itself, or a
#: check; unverified: its articles alone don't show it.
Status = Literal["same", "changed", "moved", "gone", "missing", "failed", "unverified"]
#: What no article can show, whatever the findings are.
UNVERIFIED = (
    "the question, the note, remarks, what was refused, support as a number, and how it was made"
)
#: The model's word on one and the same text differs by so much from call to call.
SLACK = 0.03
_PARTICULARS = ("title", "outlet", "published", "url")
#: Ways to put a sentence's evidence together that are tried, and places of moved words named.
_MOST_WAYS, _MOST_PLACES = 8, 3


@dataclass(frozen=True)
class Finding:
    """What became of one thing: `about` names it, `detail` says it in words."""

    about: str
    status: Status
    detail: str


@dataclass(frozen=True)
class Reverified:
    """Every finding, in a fixed order; `compared`: whether there was anything to compare with."""

    findings: tuple[Finding, ...]
    compared: bool

    @property
    def holds(self) -> bool:
        """Whether nothing changed and nothing fails."""
        return all(f.status == "same" for f in self.findings)

    @property
    def words(self) -> str:
        """The outcome in a line."""
        counts = Counter(f.status for f in self.findings if f.status != "same")
        said = ", ".join(f"{n} {status}" for status, n in counts.items())
        if not self.compared:
            said = f"{said or 'the bundle agrees with itself'}; its articles were not compared"
            said = f"{said}: give --articles or --index"
        said = said or f"nothing changed: {len(self.findings)} findings, all the same"
        return f"not verified: {UNVERIFIED}\n{said}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "holds": self.holds,
            "compared": self.compared,
            "unverified": UNVERIFIED,
            "findings": [asdict(f) for f in self.findings],
        }


def reverify(file: BundleFile, find: Find | None = None) -> Reverified:
    """Verify a bundle; `find` gives the article of an ID as it is now, or None.

    Without `find`, the bundle is compared with itself alone.
    """
    desk = _Desk(file, find)
    findings = [desk.seal(), *desk.outcome(), *desk.page()]
    for name in file.bundle.articles:
        findings += desk.article(name)
    for n, sentence in enumerate(file.bundle.sentences, start=1):
        findings.append(desk.sentence(f"sentence {n}", sentence))
    findings += desk.other_citations()
    return Reverified(tuple(findings), find is not None)


@dataclass
class _Desk:
    """A bundle on one side, articles as they are now on the other."""

    file: BundleFile
    find: Find | None
    now: dict[str, Article | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cited = cited_in(self.file.bundle)
        stored = self.file.bundle.articles.items()
        self.stored = {
            name: Article(name, a.title, a.text, a.outlet, a.published, a.url) for name, a in stored
        }
        self.ledger = Ledger(self.file.bundle.ledger, self.stored)
        if self.find is not None:
            self.now = {name: self.find(name) for name in self.file.bundle.articles}

    def seal(self) -> Finding:
        if seal_of(self.file.data) == self.file.bundle.sha256:
            return Finding("bundle", "same", "its data are those that its sha256 names")
        return Finding("bundle", "failed", "its data are not those that its sha256 names")

    def outcome(self) -> list[Finding]:
        """That it has sentences just if it says that it answers, where that isn't so."""
        answers = self.file.bundle.outcome == "answered"
        if answers == bool(self.file.bundle.sentences):
            return []
        said = "it answers without a sentence" if answers else "it has sentences and declines"
        return [Finding("bundle", "failed", said)]

    def page(self) -> list[Finding]:
        if self.file.page is None:
            return []
        if f'<meta name="generator" content="{DRAWN}">' not in self.file.page[:2000]:
            said = "was drawn by another version, so only the data in it could be verified"
            return [Finding("page", "failed", said)]
        if page_of(self.file.data) == self.file.page:
            return [Finding("page", "same", "what it shows is what its data say")]
        return [Finding("page", "failed", "what it shows is not what its data say")]

    # --- articles

    def article(self, name: str) -> list[Finding]:
        """What became of an article, and of each span that is cited from it."""
        stored = self.file.bundle.articles[name]
        about = f"article {name}"
        own = self.stored[name]
        findings = []
        if own.sha256 != stored.sha256:
            said = "the bundle's text of it is not the one that its sha256 names"
            findings.append(Finding(about, "failed", said))
        if self.find is None:
            return findings or [Finding(about, "same", "its text is the one that its sha256 names")]
        now = self.now[name]
        if now is None:
            return [*findings, Finding(about, "missing", "no article has this ID now")]
        findings += _particulars(about, stored, now)
        if now.sha256 == own.sha256:
            return findings or [Finding(about, "same", "unchanged")]
        findings.append(Finding(about, "changed", f"another text now, sha256 {now.sha256}"))
        cited = [c for c in self.cited.get(name, ()) if c.start < c.end <= len(stored.text)]
        return findings + [_place(c, stored.text, now.text) for c in cited]

    # --- sentences

    def sentence(self, about: str, sentence: Sentence) -> Finding:
        problem = self._citation_problem(sentence.citations) or self._problem(sentence)
        if problem:
            return Finding(about, "failed", problem)
        if sentence.kind == "written":
            return self._measured(about, sentence)
        if sentence.kind == "difference":
            said = "made again from the ledger, with every value, outlet and count"
            return Finding(
                about, "same", f"{said}; that the values are of one thing isn't verified"
            )
        return Finding(about, "same", "its words stand in what it cites")

    def _measured(self, about: str, sentence: Sentence) -> Finding:
        """A written sentence that passes every hard check, by its support as the checker has it."""
        other = self.file.bundle.checker
        checker = signal_checker() if other == QUICK else default_checker()
        texts = [self._around(sentence), *(text for text, _ in self._evidence(sentence))]
        most = max(checker.support([(text, sentence.text) for text in texts]))
        if most >= checker.threshold - SLACK:
            return Finding(about, "same", "passes every hard check and is supported")
        said = f"what it cites supports it only to {most:.2f}, less than {checker.threshold:.2f}"
        if other not in {SHIPPED, QUICK}:
            return Finding(about, "unverified", f"{said}; the checker {short(other)} wasn't asked")
        if other == SHIPPED and isinstance(checker, ModelChecker) and checker.without:
            return Finding(about, "unverified", f"{said}; no model took part: {checker.without}")
        return Finding(about, "failed", said)

    def _around(self, sentence: Sentence) -> str:
        """What it cites with the neighbouring sentences, as it was when the answer was made."""
        cited = ((self.stored[c.article_id], c.start, c.end) for c in sentence.citations)
        return "\n".join(with_neighbours(Passage(*place)).text for place in cited)

    def _citation_problem(self, citations: Sequence[Cited]) -> str:
        for c in citations:
            stored = self.file.bundle.articles.get(c.article_id)
            if stored is None:
                return f"it cites {c.article_id}, which is not in the bundle"
            place = f"{c.article_id}, characters {c.start} to {c.end}"
            if not c.start < c.end <= len(stored.text):
                return f"{place}: no span of that article, which has {len(stored.text):,}"
            if stored.text[c.start : c.end] != c.quote:
                return f"{place}: the article does not say “{short(c.quote)}” there"
        return ""

    def _problem(self, sentence: Sentence) -> str:
        if not sentence.citations:
            return "it cites nothing"
        failed = next((c for c in sentence.checks if not c.passed), None)
        if failed:
            return f"it was shown though a check failed: {failed.name}: {failed.detail}"
        if problem := sentence_problem(sentence, self.stored):
            return problem
        if sentence.kind == "difference":
            return self._unquoted(sentence) or self._underived(sentence)
        if sentence.kind != "written":
            first = sentence.citations[0]
            now = self._changed(first)
            held = first.quote if now is None else now.text
            if fold(sentence.text) in fold(held):
                return ""
            return f"the words “{short(sentence.text)}” are not in {first.article_id}"
        ways = [
            next((c for c in written_checks(sentence.text, *way) if not c.passed), None)
            for way in self._evidence(sentence)
        ]
        wrong = ways[0] if all(ways) else None
        return f"check {wrong.name}: {wrong.detail}" if wrong else ""

    def _unquoted(self, sentence: Sentence) -> str:
        """The value that a sentence on a difference quotes though no report says it; "" if none."""
        held = [now.text if (now := self._changed(c)) else c.quote for c in sentence.citations]
        check = check_quotation(sentence.text, "\n".join(held))
        return "" if check.passed else check.detail

    def _underived(self, sentence: Sentence) -> str:
        if any(self.row_problems):
            return "the ledger that it is made from doesn't hold"
        made = sentence.text in self.ledger.told
        return "" if made else "it is not what the ledger's rows make"

    @cached_property
    def row_problems(self) -> list[str]:
        """For each row of the ledger what is wrong with it, or ""."""
        rows = self.file.bundle.ledger
        return [self._citation_problem(row.citations) or self.ledger.problem(row) for row in rows]

    def _changed(self, cited: Cited) -> Article | None:
        """The cited article as it is now, if its text is another one."""
        now = self.now.get(cited.article_id)
        same = now is None or now.text == self.file.bundle.articles[cited.article_id].text
        return None if same else now

    def _evidence(self, sentence: Sentence) -> list[tuple[str, str | None]]:
        """Texts that the sentence was checked against, with their day where they share one.

        A sentence was checked against all of the passages that it named, and a citation is the part
        of one of them; which one is not always sure. An article that changed is read whole.
        """
        choices = []
        for c in sentence.citations:
            now = self._changed(c)
            choices.append([now.text] if now else self._passages(c))
        days = {self._day(c.article_id) for c in sentence.citations}
        day = days.pop() if len(days) == 1 else None
        ways = islice(product(*choices), _MOST_WAYS)
        return [("\n".join(dict.fromkeys(way)), day) for way in ways]

    def _passages(self, cited: Cited) -> list[str]:
        text = self.file.bundle.articles[cited.article_id].text
        around = [
            text[e.start : e.end]
            for e in self.file.bundle.evidence
            if e.article_id == cited.article_id and e.start <= cited.start and cited.end <= e.end
        ]
        return list(dict.fromkeys([*around, cited.quote]))

    def _day(self, name: str) -> str | None:
        now = self.now.get(name)
        return now.published if now else self.file.bundle.articles[name].published

    def other_citations(self) -> list[Finding]:
        """Of the ledger and the evidence only what is wrong: they are no sentences."""
        findings = []
        rows = zip(self.file.bundle.ledger, self.row_problems, strict=True)
        for n, (row, problem) in enumerate(rows, start=1):
            if problem:
                findings.append(Finding(f"ledger row {n}", "failed", problem))
            elif (count := reports_in(row, self.stored)) != row.reports:
                said = (
                    f"it counts {row.reports} independent reports; its articles alone make {count}"
                )
                findings.append(Finding(f"ledger row {n}", "unverified", said))
        for n, passage in enumerate(self.file.bundle.evidence, start=1):
            if problem := self._citation_problem([passage]):
                findings.append(Finding(f"evidence {n}", "failed", problem))
        return findings


def _particulars(about: str, stored: Stored, now: Article) -> list[Finding]:
    """What a reader is told of an article, where that is something else now."""
    pairs = [(name, getattr(stored, name), getattr(now, name)) for name in _PARTICULARS]
    told = [
        f"its {name} was “{before or 'unknown'}” and is “{after or 'unknown'}”"
        for name, before, after in pairs
        if before != after
    ]
    return [Finding(about, "changed", said) for said in told]


def _place(cited: Cited, was: str, now: str) -> Finding:
    """Where the words of a cited span stand in a text that changed."""
    about = f"quote {cited.article_id} {cited.start}-{cited.end}"
    words = was[cited.start : cited.end]
    said = f"“{short(words)}”"
    if now[cited.start : cited.end] == words:
        return Finding(about, "same", f"{said} stands where it stood")
    found = (m.start() for m in re.finditer(re.escape(words), now))
    places = list(islice(found, _MOST_PLACES + 1))
    if not places:
        return Finding(about, "gone", f"{said} is no longer in it")
    named = ", ".join(f"{p}-{p + len(words)}" for p in places[:_MOST_PLACES])
    more = " and elsewhere" if len(places) > _MOST_PLACES else ""
    return Finding(about, "moved", f"{said} now stands at {named}{more}")
