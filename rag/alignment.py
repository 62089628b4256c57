"""A claim and its source, read once for all checks; and where in the source a word of it belongs.

Whether a source says "41" somewhere is not the question: it may say that 41 were hurt and 14 died.
So what a claim says at one place (a number, a date, a name, "not", who speaks) is compared with
what the source says at the place with the most alike surroundings: see `Words.likeness`.
"""

from __future__ import annotations

import datetime
import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from index.language import parse_many, sentence_spans
from index.words import STOP_WORDS, stems, unaccented
from rag.nearest import nearest_text

Span = tuple[int, int]
Item = TypeVar("Item")

MAX_CLAIM = 2000
#: How many sentences of a source are parsed: those nearest to the claim, and the ones before.
PARSED_SENTENCES = 6
#: A source is read whole up to here; of a longer one, the parts nearest to the claim are.
READ_WHOLE = 40_000
#: Up to here sentences are found with care, above by their punctuation alone.
SPLIT_WELL = 6_000
LONGEST_SENTENCE = 600

_REACH = 12
_OTHER_SIDE, _OTHER_SENTENCE = 0.75, 0.6
#: How alike a rival's surroundings must be to count (0..1), and how much more than those of the
#: best place that agrees with the claim.
ALIKE, MARGIN = 0.5, 0.12

_WORD = re.compile(r"\d+(?:[.,:]\d+)*%?|[^\W_]+(?:-\d\w*)?")
_SPLIT = re.compile(r"[^\n]{1,600}?(?:[.!?…。！？؟।][\"'”’»)]*(?=\s)|(?=\n)|\Z)|[^\n]{1,600}")
_SENTENCE_END = re.compile(r"(?<=[\w\"”’)]{2})[.!?][\"”’)]*\s|\n")
_SAME_PLACE = dict(
    row.split("=")
    for row in (
        "United States of America=America/United States=America/U.S.A.=USA/U.S.=USA/U.K.=UK/"
        "United Kingdom=Britain/Great Britain=Britain/European Union=EU/E.U.=EU/"
        "United Nations=UN/U.N.=UN"
    ).split("/")
)
_PLACES = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, _SAME_PLACE)) + r")(?!\w)")
_NATIONS = """france french/frenchman/frenchwoman britain british/briton/uk greece greek
netherlands dutch/dutchman switzerland swiss denmark danish/dane spain spanish/spaniard
poland polish/pole wales welsh/welshman ireland irish/irishman scotland scottish/scot/scots
england english/englishman finland finnish/finn sweden swedish/swede norway norwegian
philippines filipino/philippine lebanon lebanese peru peruvian cyprus cypriot belgium belgian
america american/usa/us china chinese portugal portuguese iceland icelandic/icelander
turkey turkish/turk/türkiye germany german thailand thai czechia czech slovakia slovak/slovakian
croatia croat/croatian serbia serb/serbian hungary hungarian ukraine ukrainian europe european/eu
argentina argentine/argentinian afghanistan afghan kazakhstan kazakh uzbekistan uzbek
mexico mexican canada canadian vietnam vietnamese congo congolese malta maltese nepal nepalese
palestine palestinian wales welsh burma burmese/myanmar saudi saudis un unitednations
japan japanese korea korean israel israeli iraq iraqi iran iranian syria syrian russia russian"""
_NATION = {
    form: country
    for country, forms in zip(_NATIONS.split()[::2], _NATIONS.split()[1::2], strict=True)
    for form in forms.split("/")
}


@dataclass(frozen=True)
class Words:
    """The content words of a text in order: stem and span of each, and which sentence it is in."""

    stems: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    sentences: tuple[int, ...]

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """Where each stem stands, as positions in `stems`."""
        found: dict[str, list[int]] = defaultdict(list)
        for place, stem in enumerate(self.stems):
            found[stem].append(place)
        return found

    def inside(self, span: Span) -> range:
        """The positions of the words that overlap a span of the text."""
        return range(bisect(self.ends, span[0]), bisect(self.starts, span[1] - 1))

    def likeness(self, here: Span, other: Words, there: Span, without: Span | None = None) -> float:
        """0..1: how far what surrounds `here` also surrounds `there` in another text.

        The nearer a word, the more it weighs; a word that stands farther off over there, or on the
        other side, counts less. Identical surroundings give 1.0; none at all give 0.0. Words of
        `without` are not looked for.
        """
        left_out = self.inside(without) if without else range(0)
        mine, theirs = self.inside(here), other.inside(there)
        total = found = 0.0
        for place in range(max(0, mine.start - _REACH), min(len(self.stems), mine.stop + _REACH)):
            if place in mine or place in left_out or self.stems[place][0].isdigit():
                continue
            offset = _offset(place, mine)
            total += _weight(offset)
            found += other.nearness(self.stems[place], theirs, offset)
        return found / total if total else 0.0

    def nearness(self, stem: str, theirs: range, offset: int) -> float:
        """What a word that stands at `offset` over here earns for where it stands over there."""
        places = self.places.get(stem)
        if not places:
            return 0.0
        at = bisect(places, theirs.start)
        sentence = self.sentences[min(theirs.start, len(self.sentences) - 1)]
        return max(
            (
                min(_weight(offset), _weight(max(1, abs(o) - 1)))
                * (1.0 if o * offset > 0 else _OTHER_SIDE)
                * (1.0 if self.sentences[p] == sentence else _OTHER_SENTENCE)
                for p in places[max(0, at - 2) : at + 2]
                if p not in theirs and abs(o := _offset(p, theirs)) <= _REACH + 4
            ),
            default=0.0,
        )


_NO_WORDS = Words((), (), (), ())


def _weight(offset: int) -> float:
    return float(1 / (0.5 + abs(offset)))


def _offset(place: int, span: range) -> int:
    return place - span.start if place < span.start else place - span.stop + 1


@lru_cache(maxsize=8192)
def content_words(text: str) -> Words:
    """The content words of a text, nations folded: "Turkish" and "Turkey" have one stem."""
    folded = fold_places(text)
    ends = [m.end() for m in _SENTENCE_END.finditer(folded)]
    rows = []
    for match in _WORD.finditer(folded):
        word = nation(match[0])
        if word not in STOP_WORDS:
            stem = next(iter(stems(word)), word)
            rows.append((stem, *match.span(), bisect(ends, match.start())))
    return Words(*(tuple(column) for column in zip(*rows, strict=True))) if rows else _NO_WORDS


def nation(word: str) -> str:
    """A word in lower case without accents; a nationality as its country: "Turkish" -> "turkey"."""
    low = word.lower() if word.isascii() else unaccented(word.lower())
    if low == "us" and word != "US":
        return low
    return _NATION.get(low) or (_NATION.get(low[:-1]) if low.endswith("s") else None) or low


def fold_places(text: str) -> str:
    """`text` with "U.S." and its like as one word each; no character changes its place."""
    return _PLACES.sub(lambda m: _SAME_PLACE[m[0]].ljust(len(m[0])), text)


@dataclass(frozen=True)
class Parsed:
    """A text as the checks read it. `docs` are parsed sentences with their starts in `text`."""

    text: str
    docs: tuple[tuple[int, Any], ...]
    published: datetime.date | None = None

    @cached_property
    def words(self) -> Words:
        """Its content words."""
        return content_words(self.text)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """All its words in lower case and stemmed, nations folded."""
        found = {nation(w) for w in _WORD.findall(fold_places(self.text))}
        return frozenset(found | set(self.words.stems))

    def in_one_sentence(self, a: Span, b: Span) -> bool:
        """Whether two spans stand in one of its parsed sentences."""
        start, end = min(a[0], b[0]), max(a[1], b[1])
        return any(at <= start and end <= at + len(doc.text) for at, doc in self.docs)


def read_pairs(
    pairs: Sequence[tuple[str, str, datetime.date | None]],
) -> list[tuple[Parsed, Parsed]]:
    """Claims and their sources, parsed together; the date is the one the source was published."""
    plans = [(_claim_parts(claim), _source_parts(claim, text)) for claim, text, _ in pairs]
    docs = iter(parse_many(t for plan in plans for _, parts in plan for _, t in parts))
    read = []
    for (ours, theirs), (_, _, published) in zip(plans, pairs, strict=True):
        claim = Parsed(ours[0], tuple((at, next(docs)) for at, _ in ours[1]), published)
        source = Parsed(theirs[0], tuple((at, next(docs)) for at, _ in theirs[1]), published)
        read.append((claim, source))
    return read


Parts = tuple[str, list[tuple[int, str]]]


def _claim_parts(claim: str) -> Parts:
    text = re.sub(r"\s", " ", claim[:MAX_CLAIM])
    return text, [(s, text[s:e]) for s, e in split(text)]


def _source_parts(claim: str, evidence: str) -> Parts:
    wanted = set(content_words(claim[:MAX_CLAIM]).stems)
    text = nearest_text(evidence, claim, READ_WHOLE)
    spans = split(text)
    order = sorted(range(len(spans)), key=lambda i: -_shared(wanted, text[slice(*spans[i])]))
    chosen: list[int] = []
    for i in order[: PARSED_SENTENCES - 2]:
        # A sentence before it may name who "she" is.
        chosen += [n for n in (i, i - 1) if n >= 0 and n not in chosen]
    kept = sorted(chosen[:PARSED_SENTENCES])
    return text, [(spans[i][0], text[slice(*spans[i])]) for i in kept]


def split(text: str) -> list[Span]:
    """Sentences as spans: with care in short texts, by punctuation in long ones; none too long."""
    if len(text) > SPLIT_WELL:
        return [m.span() for m in _SPLIT.finditer(text) if not m[0].isspace()]
    return [
        (a, min(a + LONGEST_SENTENCE, end))
        for start, end in sentence_spans(text)
        for a in range(start, end, LONGEST_SENTENCE)
    ]


def _shared(wanted: set[str], sentence: str) -> float:
    bag = set(content_words(sentence).stems)
    return len(wanted & bag) / (8 + len(bag))


def rival(
    agrees: Callable[[Item], bool],
    likeness: Callable[[Item], float],
    items: Sequence[Item],
    alike: float = ALIKE,
    margin: float = MARGIN,
) -> Item | None:
    """The item of a source that stands where the claim has something else, or None.

    That is the item with the most alike surroundings, if it doesn't agree with the claim, if they
    are `alike` enough, and if no item that agrees comes within `margin` of it.
    """
    scored = [(likeness(item), item) for item in items]
    agreeing = max((score for score, item in scored if agrees(item)), default=0.0)
    others = [(score, n) for n, (score, item) in enumerate(scored) if not agrees(item)]
    if not others:
        return None
    best, number = max(others)
    return scored[number][1] if best >= alike and best - agreeing > margin else None
