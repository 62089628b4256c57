"""The amounts of a text as the checks compare them: what belongs together, and what follows.

`quantities` joins what is one value in several words ("an hour and 35 minutes", "between 3 and 5
million"), `implied` adds what a careful reader takes from it: "from 6 to 8 percent" is 2 points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from index.words import STOP_WORDS
from rag.units import ORDINALS, WORDS, small_number
from rag.values import Quantity, find_quantities

_DASH = re.compile(r"(?<=\d)-(?=\d)")
_TO = re.compile(r"\s*(?:[-–—]|to|and)\s*(?:[$€£¥₹₺₴₪₽]\s?)?", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween(?:\s+\w+)?$")
_TH = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_OR_MORE = re.compile(r"\s*(?:(?:people |persons )?or (?:more|above|over|greater)\b|\+)", re.I)
_OR_LESS = re.compile(r"\s*or (?:less|fewer|under|below)\b", re.IGNORECASE)
_SCORE = re.compile(
    r"(?<![\w.,$€£–-])(\d{1,3})(?:\s?[-–]\s?(\d{1,3})|:(\d))(?![\w%–-]|[.,]\d)(?! (?:%|per))"
)
#: What is told with a score.
_GAME = re.compile(
    r"\b(?:w[io]n(?:s|ning)?|lost|los(?:es|ing|s)|beat(?:en|s|ing)?|defeat(?:ed|s)?|dr[ae]w(?:n|s)?"
    r"|le[ad]d?s?|trail\w*|scor\w+|goals?|match|game|half[- ]time|sets?|final|victory|tie[ds]?)\b",
    re.IGNORECASE,
)
RISE = frozenset(
    """rose rise rises risen rising grew grow grows grown growing growth increase increased
    increases increasing climb climbed gain gained gains jump jumped surge surged soared up higher
    more dearer raise raised raises raising advanced added""".split()
)
FALL = frozenset(
    """fell fall falls fallen falling drop dropped drops decline declined declines decrease
    decreased decreases lose lost loses slipped slid sank plunged tumbled shrank shrunk shrink
    contracted cut cuts cutting reduce reduced reduces lower lowered less fewer down cheaper off
    slump slumped slashed eased""".split()
)
_ADVERBS = frozenset("up down off more less fewer higher lower dearer cheaper".split())
_BEFORE = re.compile(r"(\w+)\s+(?:(by|of|to)\s+)?(?:(?:only|just|another|a)\s+)*$", re.IGNORECASE)
_AFTER = re.compile(r"\s*(?:points?\s+)?(\w+)")
_OF_WHAT = "(?:as|more|the|its|their|that|what|higher|larger|bigger)"
_MULTIPLES = (
    ("doubl(?:ed|es|ing)|(?:to|will|would|could|may|might) double|two-?fold"
     f"|(?:twice|double) {_OF_WHAT}", 2.0),
    ("(?:tripl|trebl)(?:ed|es?|ing)|three-?fold|thrice", 3.0),
    ("quadrupl(?:ed|es?|ing)|four-?fold", 4.0),
    ("five-?fold", 5.0), ("ten-?fold", 10.0),
    ("halv(?:ed?|es|ing)|half (?:as|the|its|their|that of)", 0.5),
)  # fmt: skip
_MULTIPLE = [(re.compile(rf"\b(?:{words})\b", re.IGNORECASE), n) for words, n in _MULTIPLES]
_TIMES = re.compile(
    rf"\b({'|'.join(WORDS)}|\d+(?:\.\d+)?)[\s-](?:times {_OF_WHAT}\b|fold\b)", re.IGNORECASE
)
_TENS = "|".join(w for w, n in WORDS.items() if n >= 20)
_ORDINAL = re.compile(
    rf"\b(?:(?:({_TENS})[\s-])?({'|'.join(ORDINALS)})|(\d{{1,4}})(?:st|nd|rd|th))\b", re.IGNORECASE
)
_FRACTION = re.compile(r"\b(?:an?|one|two|three|four)[\s-]+$", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?][\"”’)]*\s")


@lru_cache(maxsize=256)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The amounts of a text, each value once: ranges, compounds and multiples as one.

    "10-15 per cent" is a range of percentages; "doubled" is 2 of the family "times".
    """
    found = [*_multiples(text)]
    taken = bytearray(len(text))
    for start, end in [(q.start, q.end) for q in found] + [span for *_, span in scores(text)]:
        taken[start:end] = b"\1" * (end - start)
    for q in find_quantities(_DASH.sub("–", text)):
        if not _is_no_amount(text, q) and not any(taken[q.start : q.end]):
            found.append(_bounded(text, q))
    return tuple(_joined(text, sorted(found, key=lambda q: q.start)))


def _multiples(text: str) -> Iterator[Quantity]:
    for pattern, factor in _MULTIPLE:
        for match in pattern.finditer(text):
            yield Quantity(*match.span(), factor, "times")
    for match in _TIMES.finditer(text):
        yield Quantity(*match.span(), small_number(match[1]), "times")


def scores(text: str) -> list[tuple[int, int, tuple[int, int]]]:
    """Results such as "2-1", with spans: all where the text is of a game, else no ranges."""
    found = [(int(m[1]), int(m[2] or m[3]), m.span()) for m in _SCORE.finditer(text)]
    return [s for s in found if s[0] >= s[1] or _GAME.search(text)]


def _is_no_amount(text: str, quantity: Quantity) -> bool:
    """Ordinals are told apart from amounts; "she scores" counts nothing."""
    word = text[quantity.start : quantity.end].lower()
    if word == "scores":
        return text[quantity.end : quantity.end + 4].lower() != " of "
    return word[-1:].isdigit() and _TH.match(text, quantity.end) is not None


def _bounded(text: str, quantity: Quantity) -> Quantity:
    if quantity.relation == "=" and _OR_MORE.match(text, quantity.end):
        return replace(quantity, relation=">")
    if quantity.relation == "=" and _OR_LESS.match(text, quantity.end):
        return replace(quantity, relation="<")
    return quantity


def _joined(text: str, found: Sequence[Quantity]) -> list[Quantity]:
    joined: list[Quantity] = []
    for q in found:
        last = joined[-1] if joined else None
        made = _one(text, last, q) if last else None
        if made is None:
            joined.append(q)
        else:
            joined[-1:] = made
    return joined


def _one(text: str, low: Quantity, high: Quantity) -> list[Quantity] | None:
    """What two neighbours are together: a compound, a range, or two amounts of one unit."""
    between = text[low.end : high.start]
    if low.vague or high.vague or "times" in (low.family, high.family):
        return None
    units = low.family == high.family and low.family in {"time", "length"}
    if units and low.factor > high.factor and re.fullmatch(r"(?:,?\s+and)?\s+", between):
        return [replace(low, end=high.end, amount=low.amount + high.amount, factor=high.factor)]
    if low.family == "age" and not high.family and re.fullmatch(r"(?:,|,? and)\s+", between):
        return [low, replace(high, family="age")]
    if not _TO.fullmatch(between):
        return None
    united = bool(low.family and high.family)
    if not low.family or low.family == high.family:
        # "3 to 5 million euros"
        scale = high.scale if low.scale == 1 and low.plain < 1000 else 1.0
        low = replace(
            low,
            amount=low.plain * scale * high.factor,
            family=high.family,
            factor=high.factor,
            scale=high.scale,
        )
    elif not high.family and "to" in between:
        high = replace(high, amount=high.amount * low.factor, family=low.family, factor=low.factor)
    before = text[max(0, low.start - 60) : low.start].rstrip().lower()
    span = _BETWEEN.search(before) if "and" in between else not _changes(before, united)
    if low.family == high.family and low.amount < high.amount and span:
        return [replace(low, end=high.end, high=high.amount, factor=high.factor)]
    return [low, high]


def _changes(before: str, united: bool) -> bool:
    """Whether "A to B" after these words says how something changed, and is no range.

    So do "rose from A to B" and, if both have their own unit, "by A to B".
    """
    words = re.findall(r"\w+", before)
    if words[-1:] == ["by"]:
        return united
    return words[-1:] == ["from"] and bool((RISE | FALL) & set(words[-8:]))


# --- what follows from a text's amounts -------------------------------------------------------


def implied(text: str, found: Sequence[Quantity]) -> list[Quantity]:
    """What amounts of a text come to: "rose by 100 percent" doubled, "from 6 to 8" is 2 more."""
    made: list[Quantity] = []
    for q in found:
        if q.family == "times":
            made.append(replace(q, amount=100 * abs(q.amount - 1), family="percent"))
        elif q.family == "percent":
            way = direction(text, q)
            factors = [1 + way * q.amount / 100] * (way != 0) + [q.amount / 100] * (q.factor == 100)
            made += [replace(q, amount=part, family="times", factor=1.0) for part in factors]
    for part, whole in parts(text, found):
        made.append(Quantity(part.start, whole.end, 100 * part.amount / whole.amount, "percent"))
    for old, new in _changed(text, found):
        span = (min(old.start, new.start), max(old.end, new.end))
        gap = abs(new.amount - old.amount)
        points = "points" if old.family == "percent" else old.family
        made.append(Quantity(*span, gap, points, factor=old.factor))
        if old.amount > 0:
            made.append(Quantity(*span, new.amount / old.amount, "times"))
            made.append(Quantity(*span, 100 * gap / old.amount, "percent"))
    return made


def _changed(text: str, found: Sequence[Quantity]) -> Iterator[tuple[Quantity, Quantity]]:
    """Neighbours of which the text says that the one became the other: (old, new)."""
    for first, second in pairwise(found):
        between = text[first.end : second.start]
        if first.family != second.family or _SENTENCE_END.search(between):
            continue
        if re.search(r"\bfrom\s+$", text[max(0, first.start - 20) : first.start]) and re.search(
            r"\bto\s+$", between
        ):
            yield first, second
        elif re.search(r"\b(?:from|against|versus|compared with|compared to)\s+$", between):
            yield second, first


def direction(text: str, quantity: Quantity) -> int:
    """1 if the words beside an amount say that something rose by it, -1 if it fell, else 0."""
    if quantity.amount < 0:
        return -1
    before = _BEFORE.search(text[max(0, quantity.start - 40) : quantity.start])
    after = _AFTER.match(text, quantity.end)
    beside = [after[1]] if after else []
    beside += [before[1]] if before and before[2] != "to" else []
    for word in beside:
        if word.lower() in RISE | FALL:
            return 1 if word.lower() in RISE else -1
    return 0


def turned(claim: str, ours: Quantity, source: str, theirs: Quantity) -> bool:
    """Whether the same amount is said of another change: up and down, "by" it and "to" it."""
    ways = direction(claim, ours) * direction(source, theirs)
    goals = {_goal(claim, ours), _goal(source, theirs)}
    return ways < 0 or (len(goals) == 2 and "" not in goals)


def _goal(text: str, quantity: Quantity) -> str:
    """Whether something rises or falls "by", "to" or "from" an amount, or ""."""
    words = re.findall(r"\w+", text[max(0, quantity.start - 80) : quantity.start].lower())
    if not words or not (RISE | FALL) & set(words[-9:]):
        return ""
    verb = (
        words[-1] in (RISE | FALL) - _ADVERBS and text[quantity.start - 1 : quantity.start] == " "
    )
    return "by" if verb else words[-1] if words[-1] in {"by", "to", "from"} else ""


STAND_ALONE = re.compile(
    rf"\s*(?:[.,;:)]|$|(?:{'|'.join(STOP_WORDS)}|others|points?)\b)", re.IGNORECASE
)


def elided(text: str, first: Quantity, second: Quantity) -> bool:
    """Whether the second amount counts what the first does, in one sentence: "and 310 hurt"."""
    between = text[first.end : second.start]
    bare = not (second.family or second.vague) and STAND_ALONE.match(text, second.end)
    own = re.search(r"(\w+)\s+$", between)  # "killed eight people and injured 42 others"
    governed = own and own[1].lower() not in STOP_WORDS
    return bool(bare and between and not governed and not _SENTENCE_END.search(between))


def ordinals(text: str) -> list[tuple[int, tuple[int, int]]]:
    """Ordinals with their spans, fractions such as "two thirds" left out: "the 3rd" -> 3."""
    found = []
    for match in _ORDINAL.finditer(text):
        if match[2] and _FRACTION.search(text[max(0, match.start() - 8) : match.start()]):
            continue
        tens = int(WORDS[match[1].lower()]) if match[1] else 0
        value = int(match[3]) if match[3] else tens + ORDINALS[match[2].lower()]
        found.append((value, match.span()))
    return found


def parts(text: str, found: Sequence[Quantity]) -> list[tuple[Quantity, Quantity]]:
    """Counts of a counted whole: "two of the three bridges"."""
    return [
        (part, whole)
        for part, whole in pairwise(found)
        if part.amount < whole.amount
        and not (part.family or whole.family)
        and _OF_THE.fullmatch(text[part.end : whole.start])
    ]


_OF_THE = re.compile(
    r"\s+(?:out\s+)?of\s+(?:(?:the|its|their|his|her|our|those|these)\s+)?(?:\w+['’]s\s+)?", re.I
)
_OTHER = re.compile(r"\b(?:other|remaining)\s+$", re.IGNORECASE)


def miscounted(
    claim: str, ours: Sequence[Quantity], source: str, said: Sequence[Quantity]
) -> tuple[Quantity, tuple[int, int]] | None:
    """A count of the claim that is another part of the same whole, with what the source says."""
    theirs, own = parts(source, said), parts(claim, ours)
    others = _others(source, said)
    for part, whole in own:
        rivals = [(p, w) for p, w in theirs if w.amount == whole.amount]
        told = _told(claim, part.start, whole.end)
        alike = [_told(source, p.start, w.end) & told for p, w in rivals if p.amount == part.amount]
        elsewhere = [q for q in others if _told(source, q.start, q.end, 0) & told]
        if alike and not any(alike) and elsewhere and elsewhere[0].amount != part.amount:
            return part, (elsewhere[0].start, elsewhere[0].end)
        if rivals and not alike and part.amount not in {q.amount for q in others}:
            return part, (rivals[0][0].start, rivals[0][1].end)
    wholes = {w for _, w in theirs}
    free = {q.amount for q in said if q not in wholes}
    for q in ours:
        pair = next((pair for pair in theirs if pair[1].amount == q.amount and not q.family), None)
        if pair and q.amount not in free and not any(q in both for both in own):
            told = _told(claim, q.start, q.end) & _told(source, pair[0].start, pair[1].end)
            if told or claim[: q.start].lower().endswith("all "):
                return q, (pair[0].start, pair[1].end)
    return None


def _others(source: str, said: Sequence[Quantity]) -> list[Quantity]:
    """The counts of others: "the other two are open"."""
    return [q for q in said if _OTHER.search(source[max(0, q.start - 12) : q.start])]


def counts_others(claim: str, source: str) -> bool:
    """Whether a claim counts what a source calls the others, and not the part it named first."""
    said, own = quantities(source), {p.amount for p, _ in parts(claim, quantities(claim))}
    others = {q.amount for q in _others(source, said)}
    return bool(own & others - {p.amount for p, _ in parts(source, said)})


def _told(text: str, start: int, end: int, counted: int = 1) -> set[str]:
    """What is said of a count: the word before it, and those up to the clause's end.

    The `counted` first words after it say what is counted, and are left out.
    """
    clause = re.split(r"[.;:,!?]", text[end : end + 300])[0]
    words = re.findall(r"\b[a-z]{3,}\b", clause)[counted:] + re.findall(
        r"[a-z]{3,}(?=\s+$)", text[:start]
    )
    return set(words) - STOP_WORDS
