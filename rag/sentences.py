"""An article's sentences as units of evidence: those that share one quotation stay together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from index import Article, Hit, Passage
from index.language import sentence_spans
from index.records import CUT
from index.rows import rows_of
from index.words import words

#: Sentences that share one quotation are kept together up to this many words, and characters.
UNIT_WORDS, UNIT_CHARACTERS = 60, 600
#: "CORRIN, Feb 11 (Meridian Wire) - " before a report's first sentence.
_DATELINE = re.compile(
    r"[A-Z][A-Z'’.-]+(?:[ /][A-Z][A-Z'’.-]+)*(?:, [A-Z][\w.]*)?(?: \d{1,2})?"
    r"(?:,? \([^()\n]{2,40}\))? ?[-–—]+ (?=\S)"
)
_STRAIGHT = str.maketrans("“”„‘’", '"""\'\'')


@lru_cache(maxsize=2048)
def units_of(article: Article) -> tuple[tuple[int, int], ...]:
    """The article's sentences; those that share a quotation are one, up to `UNIT_WORDS`.

    A dateline is no part of one: copies of a report differ in it.
    """
    units: list[tuple[int, int]] = []
    text = article.text
    for start, end in sentence_spans(text):
        if (not start or text[start - 1] == "\n") and (head := _DATELINE.match(text, start, end)):
            start = head.end()
        fits = units and end - units[-1][0] <= UNIT_CHARACTERS
        if fits and _continues(
            text[units[-1][0] : units[-1][1]], text[units[-1][1] : start], text[start:end]
        ):
            units[-1] = (units[-1][0], end)
        else:
            units.append((start, end))
    return tuple(units)


def _continues(before: str, gap: str, sentence: str) -> bool:
    """Whether a sentence goes on with, or stands wholly in, the quotation of the unit before it."""
    if "\n" in gap or len(before.split()) + len(sentence.split()) > UNIT_WORDS:
        return False
    if before.count("“") > before.count("”") or before.count('"') % 2 == 1:
        return True
    wholly_quoted = (
        sentence[0] in '"“'
        and sentence.rstrip()[-1] in '"”'
        and not re.search(r"[,?!][\"”]\s", sentence)
    )
    return wholly_quoted and bool(re.search(r"[\"”]", before))


def _is_title(sentence: Passage) -> bool:
    """Whether a sentence is the headline: an opening paragraph that serves as title is none."""
    title = sentence.article.title
    return not title.endswith((CUT, ".")) and sentence.text.strip() in title


def sentences_of(hits: Sequence[Hit]) -> list[Passage]:
    """The sentences that the hits' passages hold or touch, once each, without headlines.

    Nor is the header of a table one.
    """
    found: dict[tuple[str, int], Passage] = {}
    for p in (hit.passage for hit in hits):
        for start, end in units_of(p.article):
            sentence = Passage(p.article, start, end)
            if start < p.end and end > p.start and any(c.isalnum() for c in sentence.text):
                found.setdefault((p.article.id, start), sentence)
    heads = {head for sentence in found.values() if (head := header_of(sentence))}
    # A headline is no sentence of the report, unless there is nothing else.
    told = [s for s in found.values() if not _is_title(s) and s not in heads]
    return told or list(found.values())


def with_neighbours(sentence: Passage) -> Passage:
    """The sentence, or the part of one, with the one before it and the one after it."""
    spans = units_of(sentence.article)
    held = [
        i for i, (start, end) in enumerate(spans) if start < sentence.end and sentence.start < end
    ]
    if not held:
        return sentence
    first, last = spans[max(0, held[0] - 1)], spans[min(len(spans) - 1, held[-1] + 1)]
    return Passage(sentence.article, first[0], last[1])


def told(sentence: Passage) -> str:
    """The sentence's text; a row of a table with its headers."""
    row = rows_of(sentence.article.text).get(sentence.start)
    return row.told if row else sentence.text


def header_of(sentence: Passage) -> Passage | None:
    """The header over a row of a table; None for a row that holds its own, and other sentences."""
    row = rows_of(sentence.article.text).get(sentence.start)
    apart = row is not None and row.header[0] != sentence.start
    return Passage(sentence.article, *row.header) if row and apart else None


def is_row(sentence: Passage) -> bool:
    """Whether a sentence is a row of a table."""
    return sentence.start in rows_of(sentence.article.text)


def asked_cell(question: str, sentence: Passage) -> str:
    """The value of a table's row in the column that a question names; "" if it names not both.

    "How many boats did Ferrin register in 2030?" names the row of Ferrin and the column 2030.
    """
    rows = rows_of(sentence.article.text)
    row = rows.get(sentence.start)
    if row is None:
        return ""
    asked = set(words(question))
    own = set(words(" ".join(row.cells[:1])))
    shared = {n: len(set(words(name)) & asked) for n, name in enumerate(row.names) if n}
    most = max(shared.values(), default=0)
    best = [n for n, count in shared.items() if count == most > 0]
    is_named = own and own <= asked
    return row.cells[best[0]] if is_named and len(best) == 1 and best[0] < len(row.cells) else ""


def same_sentence(sentence: Passage, article: Article) -> Passage | None:
    """The sentence of another article that is the same but for white space and quotation marks."""
    wanted = folded(sentence.text)
    for start, end in units_of(article):
        if end - start == len(wanted) and folded(article.text[start:end]) == wanted:
            return Passage(article, start, end)
    return None


def folded(text: str) -> str:
    """`text` with straight quotation marks and plain spaces, as long as it was."""
    return re.sub(r"\s", " ", text.translate(_STRAIGHT))
