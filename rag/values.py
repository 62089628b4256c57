"""Quantities in news text, with unit, scale and hedge, found and compared.

A value is compared as a value, not as words: "two and a half hours" is 2.5 hours is 150 minutes;
"10,022" is covered by "more than 10,000"; "almost three hours" is not "three hours".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from index.words import STOP_WORDS
from rag.dates import find_dates
from rag.units import (
    CODES,
    HOME,
    MONEY_WORDS,
    ORDINALS,
    REACH,
    RELATION,
    SCALES,
    SPELT_SCALES,
    SYMBOLS,
    UNIT_FAMILY,
    VAGUE,
    WORDS,
    Relation,
    is_money,
    small_number,
    words_to_number,
)

#: How far two amounts in different units may be apart, as a share: writers round.
CONVERTED = 0.02
#: The same where both are said to be about so much: "some 12 acres" are "about five hectares".
ABOUT = 0.05
#: Characters beside an amount that say how it is meant.
_NEAR = 60


def _any(words: Iterable[str]) -> str:
    """A pattern of any of the words, the longest first."""
    return "|".join(re.escape(w) for w in sorted(words, key=len, reverse=True))


#: Words for a part of a whole, and into how many parts each divides it.
_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4} | {
    word + end: n for word, n in ORDINALS.items() if 3 <= n <= 10 for end in ("", "s")
}
_WORD, _SPELT, _HEDGE = _any(WORDS), _any(SPELT_SCALES), _any(RELATION)
_SMALL = _any([w for w, n in WORDS.items() if 1 <= n <= 12])
_UNIT = _any(u for u in UNIT_FAMILY if u not in SYMBOLS and u not in MONEY_WORDS and u != "%")
# 1,50,000; 3,400.5; 3.400,5; 3'400; 61,9; 61.9
_DIGITS = r"""\d{1,2}(?:,\d\d)+,\d{3}(?![,\d]) | \d{1,3}(?:,\d{3})+(?:\.\d+)?
    | \d{1,3}(?:\.\d{3})+(?:,\d+)?(?![.\d]) | \d{1,3}(?:[\u00a0\u202f'’]\d{3})+
    | \d+,\d{1,2}(?![,\d]) | \d+(?:\.\d+)?"""
_NUMBER = rf"""(?P<digits>{_DIGITS})(?:\s?(?P<quarters>[½¼¾]))?
    | (?P<words>\b(?:(?:{_WORD})\b|an?\b(?![\s-]+(?:{_WORD})\b))
      (?:[\s-]+(?:(?:(?<=red\ )|(?<=sand\ )|(?<=lion\ ))and[\s-]+)?(?:{_WORD}|{_SPELT})\b)*)"""
_LAND = r"(?P<land>(?-i:U\.S\.|U[SK]|(?:[A-Z][a-z]+\s)?[A-Z][a-z]+))"
_MEASURE = rf"""(?:\s?(?P<sign>[%€£¥₹₺₴₪₽$])(?!\s?\d)
    |[\s-]*(?:(?P<unit>per\s?cent|{_UNIT})|(?P<code>(?-i:{_any(CODES)}))
      |(?:{_LAND}\s+)?(?P<money>{_any(MONEY_WORDS)}))(?:e?s)?(?!\w))"""
_SIGN = _any(s for s in SYMBOLS if not s.isalpha())
_AND_A_HALF = r"[\s-]+and[\s-]+a[\s-]+half\b"
_QUANTITY = re.compile(
    rf"""(?:(?<!\w)(?P<hedge>{_HEDGE})\s+)?
    (?:(?<!\w)(?P<aged>aged?\s+))?(?P<minus>(?:minus|negative)\s+|(?<![\w)%.,])[-−](?=[$€£]?\d))?
    (?:(?<!\w)(?P<currency>{_SIGN}|(?-i:{_any(CODES)}|Rs))\s?)?
    (?<![\w.,])(?<!\w-)(?:{_NUMBER})(?!(?<=ty)[\s-](?:{_any(ORDINALS)})\b)
    (?P<half1>{_AND_A_HALF})?
    (?:[\s-]?(?P<scale>{_any(SCALES)})s?\b)?
    (?P<half2>{_AND_A_HALF})?
    (?:[\s-]*(?P<old>ye?a?rs?[\s-]+old)\b|{_MEASURE}(?P<half3>{_AND_A_HALF})?)?
    (?P<below>\s+(?:below|under)\s+(?:zero|freezing)\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PART = re.compile(
    rf"""(?:(?<!\w)(?P<hedge>{_HEDGE})\s+)?(?<![\w-])(?:(?P<top>an?|{_SMALL}|\d)[\s-])?
    (?P<part>{_any(_PARTS)})\b
    (?:(?:(?:\s+of)?\s+an?[\s-]+|[\s-](?=(?:hour|mile|day)\b))
      (?:(?P<scale>{_SPELT})\b)?{_MEASURE}?)?""",
    re.VERBOSE | re.IGNORECASE,
)
_OF_WHOLE = re.compile(r"\s+(?:of\b(?!\s+(?:1\d|20)\d\d\b)|(?:the|its|their|his|her|as)\b)", re.I)
_NO_WHOLE = re.compile(r"\b(?:first|second|third|fourth|last|other|latter|this|per)\s+$", re.I)
_BY = re.compile(r"\b(?:by|in|to)\s+$", re.IGNORECASE)
_ENDING = rf"(?=\s*(?:$|[.,;:!?)]|(?:{_any(STOP_WORDS)}|last|since|compared|year)\b))"
_ENDS = re.compile(_ENDING, re.IGNORECASE)
# 3/4; one in five; one tonne in five; four out of ten
_RATIO = re.compile(
    rf"""(?<![\w./-])(?:(?P<a>\d)/(?P<b>[2-9]|10)(?![\d/])
    |(?P<c>one|1)\s(?P<noun>(?!in\b)\w+\s)?in\s(?:every\s)?(?P<d>{_WORD}|\d{{1,3}})\b
      (?!\s(?:year|month|week|day|hour|minute)s?\b)(?(noun){_ENDING}|)
    |(?P<e>{_SMALL}|\d{{1,2}})\s(?:out\sof|in)\s(?:every\s)?(?P<f>ten|10|five|5|100)\b(?!\s?%))""",
    re.VERBOSE | re.IGNORECASE,
)
_VAGUE = re.compile(rf"\b(?:{_any(VAGUE)})\b", re.IGNORECASE)
# 3pm; 4.30 p.m.; at three in the afternoon; 3 o'clock; 15:00; 15.00 Uhr; noon
_CLOCK = re.compile(
    rf"""(?<![\w:.,-])(?:(?P<at>at|by|around|before|after|until)\s+)?
    (?P<time>(?P<named>noon|midday|midnight)\b
    |(?P<hour>\d{{1,2}}(?!\d)|(?:{_SMALL})\b)(?:(?P<mark>[:.])(?P<minute>[0-5]\d)(?![\d:]|[.,]\d))?
      (?:\s?(?:(?P<half>[ap])\.?m\b\.?|(?P<uhr>Uhr|hrs)\b))?(?:\s?(?P<oclock>o['’]clock\b))?
      (?:\s+in\s+the\s+(?P<part>morning|afternoon|evening)\b)?)""",
    re.VERBOSE | re.IGNORECASE,
)
_EACH = re.compile(r"\W*\w*\s*(?:an?|per|/)\s+(?:lit|gall|share|euro|dollar)", re.IGNORECASE)


@dataclass(frozen=True)
class Quantity:
    """An amount in the base unit of its family, as found at `[start, end)` of a text.

    `family` is "" for bare counts, "age" (years), "clock" (minutes of the day), "o'clock" (the
    same, morning or afternoon left open), or one of `rag.units`, such as time (seconds) or "€".
    `factor` is what one of the unit that was written is in base units, `scale` 1e6 of "5 million",
    else 1. `vague` is set for
    "dozens", "hundreds", ...; its amount is then the least that the word covers. `high` is the
    upper end of a range.
    """

    start: int
    end: int
    amount: float
    family: str = ""
    relation: Relation = "="
    vague: bool = False
    factor: float = 1.0
    scale: float = 1.0
    high: float | None = None

    @property
    def plain(self) -> float:
        """The number as it is written, without its unit."""
        return self.amount / self.factor


def find_quantities(text: str) -> list[Quantity]:
    """Every quantity in `text`, in order; the day numbers of dates are left to dates."""
    taken = bytearray(len(text))
    for date in find_dates(text):
        taken[date.start : date.end] = b"\1" * (date.end - date.start)
    found: list[Quantity] = []
    makers = (
        (_CLOCK, _clock),
        (_PART, _part),
        (_RATIO, _ratio),
        (_VAGUE, _vague),
        (_QUANTITY, _counted),
    )
    for pattern, make in makers:
        for match in pattern.finditer(text):
            quantity = None if any(taken[slice(*match.span())]) else make(match)
            if quantity is not None:
                found.append(quantity)
                taken[quantity.start : quantity.end] = b"\1" * (quantity.end - quantity.start)
    return sorted(found, key=lambda q: q.start)


def _clock(match: re.Match[str]) -> Quantity | None:
    if match["named"]:
        minutes = 0.0 if match["named"].lower() == "midnight" else 720.0
        return Quantity(*match.span("time"), minutes, "clock")
    hour = small_number(match["hour"])
    minutes = 60 * hour + float(match["minute"] or 0)
    named = match["half"] or (match["part"] if match["at"] or match["oclock"] else None)
    if named and hour <= 12:
        late = named.lower() in {"p", "afternoon", "evening"}
        return Quantity(*match.span("time"), minutes % 720 + 720 * late, "clock")
    if hour > 24 or not (match["mark"] == ":" or match["uhr"] or match["oclock"]):
        return None
    sure = match["uhr"] or hour > 12 or match["hour"][0] == "0"
    return Quantity(*match.span("time"), minutes, "clock" if sure else "o'clock")


def _part(match: re.Match[str]) -> Quantity | None:
    """A part of a whole as a percentage, or of a unit or scale: "a quarter of an hour"."""
    word = match["part"].lower()
    part = small_number(match["top"] or "one") / _PARTS[word]
    unit = _unit(match)
    if unit or match["scale"]:
        family, factor = unit or ("", 1.0)
        scale = SCALES[match["scale"].lower()] if match["scale"] else 1.0
        return Quantity(*match.span(), part * scale * factor, family, _bent(match), factor=factor)
    before = match.string[max(0, match.start() - _NEAR) : match.start()]
    after = match.string[match.end() : match.end() + _NEAR]
    several = word.endswith("s") and word not in {"halves", "quarters"}
    by = _BY.search(before) and _ENDS.match(after)
    counted = match["top"] or word == "half"
    if part >= 1 or not counted or _NO_WHOLE.search(before):
        return None
    return _of_whole(match, part, _bent(match)) if several or by or _OF_WHOLE.match(after) else None


def _ratio(match: re.Match[str]) -> Quantity | None:
    top, under = match["a"] or match["c"] or match["e"], match["b"] or match["d"] or match["f"]
    part = small_number(top) / max(1.0, small_number(under))
    return _of_whole(match, part) if part < 1 else None


def _of_whole(match: re.Match[str], part: float, relation: Relation = "=") -> Quantity:
    return Quantity(*match.span(), 100 * part, "percent", relation, factor=100.0)


def _vague(match: re.Match[str]) -> Quantity:
    return Quantity(*match.span(), VAGUE[match.group().lower()][0], vague=True)


def _bent(match: re.Match[str]) -> Relation:
    return RELATION.get(" ".join((match["hedge"] or "").lower().split()), "=")


def _counted(match: re.Match[str]) -> Quantity | None:
    family, factor = _unit(match) or ("", 1.0)
    if match["currency"]:
        family = SYMBOLS[match["currency"].lower()]
    if match["old"] or match["aged"]:
        family = "age"
    amount = _amount(match, family)
    if amount is None:
        return None
    if match["minus"] or match["below"]:
        amount = -amount
    scaling = match["scale"] or re.split(r"[\s-]", match["words"] or "")[-1]
    scale = SCALES.get(scaling.lower(), 1.0)
    return Quantity(*match.span(), amount * factor, family, _bent(match), False, factor, scale)


def _unit(match: re.Match[str]) -> tuple[str, float] | None:
    """The family and factor of the unit that a match ends with."""
    if match["money"]:
        family = MONEY_WORDS[match["money"].lower()]
        land = (match["land"] or "").lower()
        foreign = land and family in {"$", "£"} and land not in HOME
        return (f"{land} {family}" if foreign else family), 1.0
    unit = match["sign"] or match["code"] or match["unit"]
    return UNIT_FAMILY[re.sub(r"per\s?cent", "percent", unit.lower())] if unit else None


def _amount(match: re.Match[str], family: str) -> float | None:
    """The plain number of a match; None for a lone "a", which counts nothing by itself."""
    if match["digits"]:
        value = _figure(match["digits"], match, family)
        value += {"½": 0.5, "¼": 0.25, "¾": 0.75}.get(match["quarters"] or "", 0.0)
    else:
        words = re.split(r"[\s-]+", match["words"].lower())
        if words[0] in {"a", "an"} and not (words[1:] or match["scale"] or family):
            return None
        value = words_to_number([w for w in words if w != "and"])
    scale = SCALES[match["scale"].lower()] if match["scale"] else 1.0
    value = (value + 0.5 * bool(match["half1"])) * scale
    return value + 0.5 * scale * bool(match["half2"]) + 0.5 * bool(match["half3"])


def _figure(digits: str, match: re.Match[str], family: str) -> float:
    """What figures say, with English or European commas and points."""
    digits = re.sub(r"[\u00a0\u202f'’]", "", digits)
    if re.fullmatch(r"\d+,\d{1,2}|\d{1,3}(?:\.\d{3})+,\d+", digits):
        return float(digits.replace(".", "").replace(",", "."))
    groups = re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+", digits)
    if groups and (digits.count(".") > 1 or _counts(digits, match, family)):
        return float(digits.replace(".", ""))
    return float(digits.replace(",", ""))


def _counts(digits: str, match: re.Match[str], family: str) -> bool:
    """Whether the point of "3.400" parts thousands: it counts things or money, or ends in 0."""
    if match["scale"] or (family and not is_money(family)):
        return False
    rest = match.string[match.end() : match.end() + _NEAR]
    if is_money(family):
        return not _EACH.match(rest) and (digits.endswith("0") or bool(match["money"]))
    noun = re.match(r"\s+([^\W\d_]+)", rest)
    return noun[1].lower() not in STOP_WORDS if noun else digits.endswith("0")


def comparable(a: Quantity, b: Quantity) -> bool:
    """Whether two amounts may be of one kind: a bare "3" may be hours, but is no percentage."""
    families = {a.family, b.family}
    if len(families) == 1 or families <= _CLOCKS or families <= _DEGREES:
        return True
    bare, other = (a, b) if not a.family else (b, a)
    if bare.family:
        return False
    # "2 billion dollars, and 300 million in the second quarter"
    return other.family in _LOOSE or (is_money(other.family) and bare.amount >= 1e5)


_LOOSE = {"time", "age", "length", "mass", "area", "volume", "speed", "points", "degree"}
_CLOCKS, _DEGREES = {"clock", "o'clock"}, {"degree", "celsius", "fahrenheit"}


def same_quantity(a: Quantity, b: Quantity, slack: float = 1e-6) -> bool:
    """Whether two quantities can both be said of one thing.

    Exact amounts must be equal but for `slack` (a share; more if their units differ); hedged ones
    must leave an amount open that the other allows: "more than 10,000" covers up to a quarter
    more, "about" 10 % either way, "almost" the tenth below and never the amount itself. Vague
    words equal themselves and cover the counts that `VAGUE` gives them.
    """
    if {a.family, b.family} <= _CLOCKS:
        return (a.amount - b.amount) % (720 if "o'clock" in {a.family, b.family} else 1440) == 0
    if a.family != b.family:
        if {a.family, b.family} == {"celsius", "fahrenheit"}:
            a, b = _in_celsius(a), _in_celsius(b)
        elif "" not in (a.family, b.family) and "degree" not in (a.family, b.family):
            return False
        else:
            a, b = (replace(q, amount=q.plain, factor=1.0) for q in (a, b))
    if a.factor != b.factor:
        slack = max(slack, ABOUT if a.relation == b.relation == "~" else CONVERTED)
    if a.vague == b.vague and a.relation == b.relation:
        return abs(a.amount - b.amount) <= slack * max(abs(a.amount), abs(b.amount))
    low, high = _range(a, slack)
    other_low, other_high = _range(b, slack)
    return not (a.vague and b.vague) and low < other_high and other_low < high


def _in_celsius(q: Quantity) -> Quantity:
    return q if q.family == "celsius" else replace(q, amount=(q.amount - 32) / 1.8, factor=1.8)


def _range(q: Quantity, slack: float) -> tuple[float, float]:
    if q.vague:
        return next(reach for reach in VAGUE.values() if reach[0] == q.amount)
    low, high = sorted(q.amount * factor for factor in REACH[q.relation])
    # An exact amount is a range of its own; a bound leaves out the amount that it names.
    margin = slack * abs(q.amount)
    return (low - margin, high + margin) if q.relation in "=~" else (low + margin, high - margin)
