"""One claim against one article: supported or not, with every check and what it saw.

from rag.verdict import as_article, check_claim
check_claim("The ferry sank on Monday.", as_article(text)).supported
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from index import Article, Passage, read_articles
from index.articles import MAX_BYTES
from index.errors import ArticleError, SettingError
from index.files import Unfit, decoded, is_visible, refuse_binary, shown
from index.formats import READERS, ROW_READERS
from rag.alignment import MAX_CLAIM
from rag.checkers import load_checker, name_of, unreadable
from rag.checks import hard_checks
from rag.cite import supporting_span
from rag.nearest import nearest_spans, nearest_text
from rag.schema import Check, Citation, citation_to_dict
from rag.verify import Checker

#: Characters of an article that are read for one claim, those nearest to it.
MOST_READ = 20_000
#: Characters of it in which the sentence that supports the claim best is looked for.
MOST_SEARCHED = 6_000
#: ID of an article that came as mere text.
GIVEN = "evidence"
_SURROGATE = re.compile("[\ud800-\udfff]")
_ENDINGS = (*READERS, *ROW_READERS)


@dataclass(frozen=True)
class Verdict:
    """Whether an article supports a claim, and why.

    `supported` is so if every one of `checks` passed and `support` (0..1) reaches `threshold`.
    `citation` is the sentence, or two, that supports it best. `note` says what else a reader
    should know, or is empty.
    """

    claim: str
    supported: bool
    support: float
    threshold: float
    checker: str
    checks: tuple[Check, ...]
    citation: Citation
    note: str = ""

    @property
    def words(self) -> str:
        """The verdict as a sentence says it."""
        if self.supported:
            return "supported"
        failed = next((c for c in self.checks if not c.passed), None)
        if failed:
            return f"not shown: {failed.detail}"
        return f"not shown: the source says only “{' '.join(self.citation.quote.split())}”"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        article = self.citation.passage.article
        return {
            "claim": self.claim,
            "supported": self.supported,
            "verdict": self.words,
            "support": self.support,
            "threshold": self.threshold,
            "meaning": meaning(self.support, self.threshold),
            "checker": self.checker,
            "checks": [asdict(c) for c in self.checks],
            "citation": {**citation_to_dict(self.citation), "sha256": article.sha256},
            "note": self.note,
        }


def check_claim(claim: str, article: Article, checker: Checker | None = None) -> Verdict:
    """Check a claim against an article as a sentence of an answer is checked against its sources.

    `checker` None is the one that is set (`rag.checkers.load_checker`). Of an article of more than
    `MOST_READ` characters, the parts nearest to the claim are read, and the note says so.
    Raises SettingError if the claim is empty or too long or no text, or the article is empty.
    """
    claim = _fit_claim(claim)
    if not any(map(is_visible, article.text)):
        raise SettingError("the evidence is empty: give a text, or a file that holds one")
    _refuse_no_text("evidence", article.text)
    checker = load_checker() if checker is None else checker
    before = unreadable(checker)
    read = nearest_text(article.text, claim, MOST_READ)
    citation = _best_citation(claim, article, checker)
    checks = tuple(hard_checks(claim, article.text, article.published))
    support = max(checker.support([(read, claim)])[0], citation.support)
    passed = all(c.passed for c in checks) and support >= checker.threshold
    note = _note(article, read, unreadable(checker) - before)
    return Verdict(
        claim, passed, support, checker.threshold, name_of(checker), checks, citation, note
    )


def _fit_claim(claim: str) -> str:
    claim = " ".join(claim.split())
    if not any(map(is_visible, claim)):
        raise SettingError("the claim is empty: give one sentence to check")
    if len(claim) > MAX_CLAIM:
        raise SettingError(
            f"the claim has {len(claim):,} characters, more than {MAX_CLAIM:,}: give one sentence"
        )
    _refuse_no_text("claim", claim)
    return claim


def _refuse_no_text(what: str, text: str) -> None:
    if _SURROGATE.search(text):  # bytes that were no UTF-8
        raise SettingError(f"the {what} is not UTF-8")
    try:
        refuse_binary(text)
    except Unfit as unfit:
        raise SettingError(f"the {what} is {unfit}") from unfit


def _best_citation(claim: str, article: Article, checker: Checker) -> Citation:
    spans = nearest_spans(article.text, claim, MOST_SEARCHED)
    cited = [supporting_span(claim, Passage(article, s, e), checker) for s, e in spans]
    return max(cited, key=lambda c: c.support)


def _note(article: Article, read: str, unread: int) -> str:
    notes = []
    if len(article.text) > MOST_READ:
        notes.append(
            f"Of the evidence's {len(article.text):,} characters, the {len(read):,} nearest to the "
            "claim were read."
        )
    if unread:
        notes.append(f"{unread} replies of the checking model could not be read as a verdict.")
    return " ".join(notes)


def meaning(support: float, threshold: float) -> str:
    """What a support figure says, in words: where it stands to the threshold.

    A quarter of the way from the threshold to the end of the scale is "just" above or below it.
    """
    if support >= threshold:
        near = support < threshold + 0.25 * (1 - threshold)
        return "just above the threshold" if near else "well above the threshold"
    near = support >= 0.75 * threshold
    return "just below the threshold" if near else "well below the threshold"


# --- evidence from outside ---------------------------------------------------------------------


def as_article(text: str, article_id: str = GIVEN) -> Article:
    """An article that is nothing but a text."""
    return Article(article_id, "", text)


def read_evidence(source: str, standard_input: Callable[[int], bytes] | None = None) -> Article:
    """The article that `source` stands for: "-" for standard input, else a file, else a text.

    A file is read as `wirecheck index` reads it, and must hold one article. What is one word and
    looks like a file's name is taken for one. Raises ArticleError or SettingError, in one line.
    """
    if source.strip() == "-":
        return as_article(_read_input(standard_input or sys.stdin.buffer.read))
    if _is_file(source):
        return _read_file(Path(source))
    return as_article(source)


def _is_file(source: str) -> bool:
    try:
        if os.path.lexists(source):
            return True
    except ValueError:  # a NUL in it
        return False
    one_word = len(source.split()) == 1
    return one_word and (os.sep in source or source.lower().endswith(_ENDINGS))


def _read_file(path: Path) -> Article:
    if path.is_dir():
        raise ArticleError(
            f"{shown(path)}: is a folder; give one file, or a text, or - for standard input"
        )
    reading = read_articles([path])
    if len(reading.articles) == 1:
        return reading.articles[0]
    if reading.articles:
        raise ArticleError(
            f"{shown(path)}: holds {len(reading.articles)} articles; give a file with one"
        )
    reason = reading.skipped[0].reason if reading.skipped else "holds no article"
    raise ArticleError(f"{shown(path)}: {reason}")


def _read_input(read: Callable[[int], bytes]) -> str:
    data = read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ArticleError(f"standard input: too large: over {MAX_BYTES:,} bytes")
    try:
        return decoded(data)[0]
    except Unfit as unfit:
        raise ArticleError(f"standard input: {unfit}") from unfit
