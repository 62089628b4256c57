"""What a bundle says in our words, made again from the articles that it cites.

A sentence on a difference and a row of the ledger quote values and say who gives them, how many
reports that is, and what superseded what. Whether two values are of one thing isn't told here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from index.copies import clusters_of
from index.language import sentence_spans
from index.records import Article, Passage
from rag.assemble import APART, UNREAD
from rag.asserted import SPOKEN, reports
from rag.bundle.file import Cited, LedgerRow, Sentence
from rag.checks import fold, short
from rag.ledger import gone_note, remark_of
from rag.planted import REMARK, planted
from rag.schema import Voice
from rag.sentences import units_of
from rag.voice import is_opinion, voice_of
from rag.write import MAX_SIDES, difference_told, side_told, update_told

Articles = Mapping[str, Article]
#: Rows without a value: who is silent, and, of earlier versions, who denies what is asked about.
_VALUELESS = frozenset({"silent", "denies"})
_GAVE = re.compile(r" gave “(.*)” on .* \((.*)\)$", re.DOTALL)


class Ledger:
    """The rows of a bundle beside its articles; their spans are looked at by whoever asks."""

    def __init__(self, rows: Sequence[LedgerRow], articles: Articles) -> None:
        self.rows = rows
        self.articles = articles
        self._cited: dict[str, list[Passage]] = {}
        for cited in (c for row in rows for c in row.citations if c.article_id in articles):
            self._cited.setdefault(cited.article_id, []).append(_passage(cited, articles))

    @cached_property
    def told(self) -> frozenset[str]:
        """Every sentence on a difference that the rows make. None may lack an article."""
        return frozenset([*self._updates(), *self._differences()])

    def _updates(self) -> Iterator[str]:
        for row in self.rows:
            if row.stance == "superseded":
                old = _passage(row.citations[0], self.articles)
                for new, words in self._later(row):
                    yield update_told(row.value, old, words, new)

    def _differences(self) -> Iterator[str]:
        differing = [r for r in self.rows if r.stance == "differs"]
        for dated in (False, True):
            sides = [self._side(row, dated) for row in differing]
            for first in range(len(sides)):
                for last in range(first + 2, min(first + MAX_SIDES, len(sides)) + 1):
                    yield difference_told(sides[first:last], dated)

    def _side(self, row: LedgerRow, dated: bool) -> str:
        said = [self.articles[name] for name in row.article_ids]
        newest = max((a.published or "" for a in said), default="")
        voices = [Voice(v.kind, v.speaker) for v in row.voices]
        outlets = [a.outlet for a in said]
        return side_told(row.value, row.reports, outlets, newest if dated else "", voices)

    def _later(self, row: LedgerRow) -> Iterator[tuple[Passage, str]]:
        """The sentences that may have superseded a row's value, with their words for the new."""
        match = _GAVE.search(row.note)
        for new in self._cited.get(match[2], ()) if match else ():
            words = match[1] if match else ""
            if gone_note(words, new) == row.note and fold(words) in fold(new.text):
                yield new, words

    def problem(self, row: LedgerRow) -> str:
        """What a row says that its citations, whose spans hold, don't; "" if nothing."""
        if set(row.article_ids) != {c.article_id for c in row.citations}:
            return "its files are not those that it cites"
        if not row.citations:
            return "it cites nothing"
        if row.value and row.stance == "silent":
            return "it is silent and has a value"
        quote = row.citations[0].quote
        if row.stance not in _VALUELESS and not (row.value and fold(row.value) in fold(quote)):
            return f"the words “{short(row.value)}” are not in {row.citations[0].article_id}"
        if row.stance == "superseded" and not any(self._later(row)):
            return "no report that it holds superseded the value"
        if row.stance != "superseded" and row.note:
            return "it has a note that its articles don't give"
        return _voice_problem(row, self.articles)


def reports_in(row: LedgerRow, articles: Articles) -> int:
    """How many independent reports a row's files are, if no other file links two of them."""
    return len(set(clusters_of([articles[n] for n in dict.fromkeys(row.article_ids)])))


def _voice_problem(row: LedgerRow, articles: Articles) -> str:
    """Whom a row names that its articles don't; exactly so for its first citation."""
    if not row.voices:
        return ""
    if len(row.voices) != len(row.citations):
        return "it doesn't say of each citation who speaks"
    first = _passage(row.citations[0], articles)
    heard = Voice(row.voices[0].kind, row.voices[0].speaker)
    if row.value and heard not in {voice_of(first, at) for at in _places(row.value, first)}:
        return f"{first.article.id} doesn't say that “{short(heard.speaker)}” says so"
    for voice, cited in zip(row.voices, row.citations, strict=True):
        if fold(voice.speaker) not in fold(articles[cited.article_id].text):
            return f"{cited.article_id} has no “{short(voice.speaker)}”"
    return ""


def _places(words: str, passage: Passage) -> Iterator[tuple[int, int]]:
    """Where words stand in a passage, as `[start, end)` of the article, however they are spaced."""
    pattern = r"\s+".join(map(re.escape, words.split()))
    for match in re.finditer(pattern, passage.text):
        yield passage.start + match.start(), passage.start + match.end()


def sentence_problem(sentence: Sentence, articles: Articles) -> str:
    """What a sentence, whose spans hold, is that the program shows of no article; "" if nothing."""
    if not any(c.isalnum() for c in sentence.text):
        return "it says nothing"
    if sentence.kind in {"span", "quote"}:
        first = _passage(sentence.citations[0], articles)
        # A part of a sentence may say what the whole of it denies.
        if (first.start, first.end) not in units_of(first.article):
            return f"it cites a part of a sentence of {first.article.id}"
        if sentence.kind == "quote" and fold(sentence.text) != fold(first.text):
            return f"it is not the whole sentence of {first.article.id}"
    if sentence.kind == "written":
        cited = (_passage(c, articles) for c in sentence.citations)
        if torn := next((p for p in cited if not _of_whole_sentences(p)), None):
            return f"it cites a part of a sentence of {torn.article.id}"
    return remark_problem(sentence, articles)


def _of_whole_sentences(passage: Passage) -> bool:
    """Whether a span begins and ends where sentences do."""
    text, starts, ends = passage.article.text, set[int](), set[int]()
    for start, end in units_of(passage.article):
        if start < passage.end and passage.start < end:
            inner = sentence_spans(text[start:end])
            starts |= {start, *(start + a for a, _ in inner)}
            ends |= {end, *(start + b for _, b in inner)}
    return passage.start in starts and passage.end in ends


def remark_problem(sentence: Sentence, articles: Articles) -> str:
    """A remark that is none of those that the program makes, or that names whom nobody cites."""
    if sentence.remark in {"", UNREAD, APART}:
        return ""
    cited = [_passage(c, articles) for c in sentence.citations]
    if sentence.remark in {REMARK, SPOKEN}:
        is_so = any(map(planted, cited)) if sentence.remark == REMARK else not reports(cited[0])
        return "" if is_so else f"the remark “{sentence.remark}” isn't so"
    if sentence.remark == remark_of([Voice("opinion")]):
        opinion = all(is_opinion(articles[c.article_id]) for c in sentence.citations)
        return "" if opinion else f"the remark “{sentence.remark}” isn't so"
    kind, _, names = sentence.remark.partition(": ")
    held = fold("\n".join(c.quote for c in sentence.citations))
    if f"{kind}: " == remark_of([Voice("unnamed", "")]):
        if names and all(fold(name) in held for name in names.split(", ")):
            return ""
    return f"the remark “{short(sentence.remark)}” is not what its citations give"


def _passage(cited: Cited, articles: Articles) -> Passage:
    return Passage(articles[cited.article_id], cited.start, cited.end)
