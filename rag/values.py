"""Values in news text: quantities with unit, scale and hedge, and dates, found and compared.

A value is compared as a value, not as words: "two and a half hours" is 2.5 hours is 150 minutes;
"10,022" is covered by "more than 10,000"; "almost three hours" is not "three hours".
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

#: How the words before an amount bend it: exactly, less than, more than, roughly, not quite, a
#: little over that amount.
Relation = Literal["=", "<", ">", "~", "-", "+"]

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = (
    {w: float(n) for n, w in enumerate(_UNITS)}
    | {w: 10.0 * n for n, w in enumerate(_TENS, start=2)}
    | {"a": 1.0, "an": 1.0, "half": 0.5}
)
_SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
    "dozen": 12.0,
    "k": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "bn": 1e9,
    "tn": 1e12,
}
#: Amounts that are named but not counted, and the counts that they cover: [low, high).
VAGUE = {
    "several": (3.0, 12.0),
    "a handful": (2.5, 9.0),
    "dozens": (24.0, 200.0),
    "scores": (40.0, 200.0),
    "hundreds": (200.0, 2e3),
    "thousands": (2e3, 2e4),
    "tens of thousands": (2e4, 2e5),
    "hundreds of thousands": (2e5, 2e6),
    "millions": (2e6, 2e9),
    "billions": (2e9, math.inf),
}

_HEDGES: dict[Relation, tuple[str, ...]] = {
    "-": ("almost", "nearly", "just under", "close to", "not quite"),
    "<": ("less than", "fewer than", "under", "below", "up to", "at most", "no more than"),
    "+": ("just over", "a little over", "slightly more than"),
    ">": (
        "more than",
        "over",
        "above",
        "at least",
        "upwards of",
        "in excess of",
        "no fewer than",
        "no less than",
        "exceeding",
    ),
    "~": (
        "about",
        "around",
        "some",
        "roughly",
        "approximately",
        "an estimated",
        "estimated",
        "circa",
    ),
}
#: relation -> the amounts that it leaves open, as factors of the amount named.
_REACH: dict[Relation, tuple[float, float]] = {
    "=": (1.0, 1.0),
    "<": (0.0, 1.0),
    ">": (1.0, 1.25),
    "~": (0.9, 1.1),
    "-": (0.9, 1.0),
    "+": (1.0, 1.1),
}
_RELATION = {word: relation for relation, words in _HEDGES.items() for word in words}

#: Each is a family of its own; words that mean something else too ("won", "real") are left out.
_CURRENCIES = (
    "yen yuan rupee rouble franc lira peso shekel rand dinar dirham riyal krona zloty forint "
    "hryvnia baht ringgit rupiah naira shilling"
).split()
#: Families of money.
MONEY = frozenset(("$", "€", "£", "crown", *_CURRENCIES))
#: unit word -> (family, factor): only amounts of one family are compared.
_UNIT_FAMILY = {
    "second": ("time", 1.0),
    "minute": ("time", 60.0),
    "min": ("time", 60.0),
    "hour": ("time", 3600.0),
    "hr": ("time", 3600.0),
    "day": ("time", 86400.0),
    "night": ("time", 86400.0),
    "week": ("time", 604800.0),
    "month": ("time", 2629800.0),
    "year": ("time", 31557600.0),
    "decade": ("time", 315576000.0),
    "percent": ("percent", 1.0),
    "%": ("percent", 1.0),
    "pct": ("percent", 1.0),
    "percentage point": ("percent", 1.0),
    "dollar": ("$", 1.0),
    "$": ("$", 1.0),
    "usd": ("$", 1.0),
    "us$": ("$", 1.0),
    "euro": ("€", 1.0),
    "€": ("€", 1.0),
    "eur": ("€", 1.0),
    "pound": ("£", 1.0),
    "£": ("£", 1.0),
    "gbp": ("£", 1.0),
    "crown": ("crown", 1.0),
    "¥": ("yen", 1.0),
    "₹": ("rupee", 1.0),
    "₺": ("lira", 1.0),
    "₴": ("hryvnia", 1.0),
    "₪": ("shekel", 1.0),
    "₽": ("rouble", 1.0),
    "ruble": ("rouble", 1.0),
    "rial": ("riyal", 1.0),
    "kronor": ("krona", 1.0),
    "krone": ("krona", 1.0),
    "kroner": ("krona", 1.0),
    **{word: (word, 1.0) for word in _CURRENCIES},
    "metre": ("length", 1.0),
    "meter": ("length", 1.0),
    "km": ("length", 1000.0),
    "kilometre": ("length", 1000.0),
    "kilometer": ("length", 1000.0),
    "centimetre": ("length", 0.01),
    "centimeter": ("length", 0.01),
    "cm": ("length", 0.01),
    "millimetre": ("length", 0.001),
    "millimeter": ("length", 0.001),
    "mm": ("length", 0.001),
    "yard": ("length", 0.9144),
    "hectare": ("area", 1.0),
    "acre": ("area", 0.40468564224),
    "litre": ("volume", 1.0),
    "liter": ("volume", 1.0),
    "mile": ("length", 1609.344),
    "foot": ("length", 0.3048),
    "feet": ("length", 0.3048),
    "tonne": ("mass", 1000.0),
    "ton": ("mass", 1000.0),
    "kg": ("mass", 1.0),
    "kilogram": ("mass", 1.0),
    "degree": ("degree", 1.0),
}

_WORD_NUMBER = "|".join(sorted([*_UNITS, *_TENS], key=len, reverse=True))
_SCALE_WORD = "|".join(sorted(_SCALES, key=len, reverse=True))
_SPELT_SCALE = "|".join(s for s in _SCALES if len(s) > 2)
_NUMBER = rf"""
    (?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:\s?(?P<half1>½|¼|¾))?
  | (?P<words>\b(?:{_WORD_NUMBER}|a)\b
      (?:[\s-]+(?:and[\s-]+(?!a\b))?(?:{_WORD_NUMBER}|{_SPELT_SCALE})\b)*)
"""
_HEDGE = "|".join(re.escape(h) for h in sorted(_RELATION, key=len, reverse=True))
_UNIT = "|".join(
    re.escape(u) for u in sorted(_UNIT_FAMILY, key=len, reverse=True) if u.isalpha() or " " in u
)
_QUANTITY = re.compile(
    rf"""(?:(?<!\w)(?P<hedge>{_HEDGE})\s+)?
    (?:(?P<currency>US\$|[$€£¥₹₺₴₪₽])\s?)?
    (?<![\w.,])(?<!\w-)(?:{_NUMBER})
    (?:[\s-]?(?P<scale>{_SCALE_WORD})\b)?
    (?P<half>[\s-]+and[\s-]+a[\s-]+half)?
    (?:\s?(?P<percent>%)|[\s-]*(?P<unit>per\s?cent|{_UNIT})(?:e?s)?\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HALF_UNIT = re.compile(rf"\b(?:half\s+an?|an?\s+half)[\s-]+(?P<unit>{_UNIT})\b", re.IGNORECASE)
_VAGUE = re.compile(rf"\b(?:{'|'.join(sorted(VAGUE, key=len, reverse=True))})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Quantity:
    """An amount in the base unit of its family, as found at `[start, end)` of a text.

    `family` is "" for bare counts, else one of time (seconds), percent, those of `MONEY`, length
    (metres), area (hectares), volume (litres), mass (kilograms), degree. `vague` is set for
    "dozens", "hundreds", ...; its amount is then the least that the word covers.
    """

    start: int
    end: int
    amount: float
    family: str = ""
    relation: Relation = "="
    vague: bool = False


def find_quantities(text: str) -> list[Quantity]:
    """Every quantity in `text`, in order; the day numbers of dates are left to dates."""
    taken = [(d.start, d.end) for d in find_dates(text)]
    found: list[Quantity] = []
    for pattern, make in ((_HALF_UNIT, _half_unit), (_VAGUE, _vague), (_QUANTITY, _counted)):
        for match in pattern.finditer(text):
            inside = any(s < match.end() and match.start() < e for s, e in taken)
            quantity = None if inside else make(match)
            if quantity is not None:
                found.append(quantity)
                taken.append((quantity.start, quantity.end))
    return sorted(found, key=lambda q: q.start)


def _half_unit(match: re.Match[str]) -> Quantity:
    family, factor = _UNIT_FAMILY[match["unit"].lower()]
    return Quantity(match.start(), match.end(), 0.5 * factor, family)


def _vague(match: re.Match[str]) -> Quantity:
    return Quantity(match.start(), match.end(), VAGUE[match.group().lower()][0], vague=True)


def _counted(match: re.Match[str]) -> Quantity | None:
    amount = _amount(match)
    if amount is None:
        return None
    family, factor = "", 1.0
    unit = match["currency"] or match["percent"] or match["unit"]
    if unit:
        unit = re.sub(r"per\s?cent", "percent", unit.lower())
        family, factor = _UNIT_FAMILY[unit]
    relation = _RELATION.get((match["hedge"] or "").lower(), "=")
    return Quantity(match.start(), match.end(), amount * factor, family, relation)


def _amount(match: re.Match[str]) -> float | None:
    """The plain number of a match; None for a lone "a", which counts nothing by itself."""
    if match["digits"]:
        value = float(match["digits"].replace(",", "")) if len(match["digits"]) < 300 else math.inf
        value += {"½": 0.5, "¼": 0.25, "¾": 0.75}.get(match["half1"] or "", 0.0)
    else:
        words = re.split(r"[\s-]+", match["words"].lower())
        if words == ["a"] and not (match["scale"] or match["unit"]):
            return None
        value = words_to_number([w for w in words if w != "and"])
    if match["scale"]:
        value *= _SCALES[match["scale"].lower()]
    if match["half"]:
        value += 0.5 * (_SCALES[match["scale"].lower()] if match["scale"] else 1.0)
    return value


def words_to_number(words: list[str]) -> float:
    """The number that English number words say.

    ["two", "hundred", "forty", "one"] -> 241.0
    """
    total = group = 0.0
    for word in words:
        if word in _SCALES:
            scale = _SCALES[word]
            group = (group or 1.0) * scale
            if scale >= 1e3:
                total, group = total + group, 0.0
        else:
            group += _WORDS[word]
    return total + group


def same_quantity(a: Quantity, b: Quantity, slack: float = 1e-6) -> bool:
    """Whether two quantities can both be said of one thing.

    Exact amounts must be equal but for `slack` (a share); hedged ones must leave an amount open
    that the other allows: "more than 10,000" covers up to a quarter more, "about" 10 % either
    way, "almost" the tenth below and never the amount itself. Vague words equal themselves and
    cover the counts that `VAGUE` gives them.
    """
    if a.family != b.family and "" not in (a.family, b.family):
        return False
    if a.vague == b.vague and a.relation == b.relation:
        return abs(a.amount - b.amount) <= slack * max(abs(a.amount), abs(b.amount))
    low, high = _range(a, slack)
    other_low, other_high = _range(b, slack)
    return not (a.vague and b.vague) and low < other_high and other_low < high


def _range(q: Quantity, slack: float) -> tuple[float, float]:
    if q.vague:
        return next(reach for reach in VAGUE.values() if reach[0] == q.amount)
    low, high = (q.amount * factor for factor in _REACH[q.relation])
    # An exact amount is a range of its own; a bound leaves out the amount that it names.
    margin = slack * abs(q.amount)
    return (low - margin, high + margin) if q.relation in "=~" else (low + margin, high - margin)


_MONTHS = (
    "january february march april may june july august september october november december"
).split()
_MONTH_NUMBER = (
    {m: n for n, m in enumerate(_MONTHS, 1)}
    | {m[:3]: n for n, m in enumerate(_MONTHS, 1)}
    | {"sept": 9}
)
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTH = "|".join(sorted(_MONTH_NUMBER, key=len, reverse=True))
_YEAR = r"(?:1[0-9]|20)\d\d"
_DATE = re.compile(
    rf"""\b(?:(?P<day1>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month1>{_MONTH})\b\.?
        (?:,?\s+(?P<year1>{_YEAR}))?
    |(?P<month2>{_MONTH})\b\.?\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!,\d{{3}})
        (?:,?\s+(?P<year2>{_YEAR}))?
    |(?P<month3>{_MONTH})\b\.?,?\s+(?P<year3>{_YEAR})
    |(?P<iso>{_YEAR}-\d\d-\d\d)
    |(?P<year4>(?<![\d,.$€£-])(?:19|20)\d\d)(?![\d%-]|[,.]\d|\s(?:people|workers|homes|jobs))
    |(?:(?<=\b(?:in|of|by|to)\s)|(?<=\band\s)|(?<=\b(?:from|year|late)\s)|(?<=\b(?:since|until|early)\s)
        |(?<=[(–]))(?P<year5>1[0-8]\d\d)(?![\d%]|[,.]\d|\s(?!as\b|was\b|his\b)[a-z]+s\b)
    |(?P<decade>(?<![\d$€£-])(?:1[0-9]|20)\d0)s)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
# "may" and "march" are words of other kinds too: months by themselves need their capital letter.
_LONE = re.compile(
    rf"""\b(?:(?P<weekday>(?i:{"|".join(_DAYS)}))s?
    |(?P<month>{"|".join(m.capitalize() for m in _MONTHS)}))\b""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class When:
    """A date as far as the words at `[start, end)` say it; parts they don't say are None."""

    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None


def find_dates(text: str) -> list[When]:
    """Calendar dates, months with a year, years, weekdays and month names, in order.

    "Nov. 6" -> month 11, day 6; "on Monday" -> weekday 0; "in 2024" -> year 2024.
    """
    found = [when for m in _DATE.finditer(text) if (when := _calendar(m)) is not None]
    for match in _LONE.finditer(text):
        if not any(f.start < match.end() and match.start() < f.end for f in found):
            found.append(_lone(match))
    return sorted(found, key=lambda w: w.start)


def _calendar(match: re.Match[str]) -> When | None:
    part: Callable[[str], str | None] = match.groupdict().get
    if match["iso"]:
        try:
            date = datetime.date.fromisoformat(match["iso"])
        except ValueError:
            return None
        return When(match.start(), match.end(), date.year, date.month, date.day)
    month = part("month1") or part("month2") or part("month3")
    day = part("day1") or part("day2")
    year = part("year1") or part("year2") or part("year3") or part("year4")
    year = year or part("year5") or part("decade")
    return When(
        match.start(),
        match.end(),
        int(year) if year else None,
        _MONTH_NUMBER[month.lower()] if month else None,
        int(day) if day else None,
    )


def _lone(match: re.Match[str]) -> When:
    if match["weekday"]:
        return When(match.start(), match.end(), weekday=_DAYS.index(match["weekday"].lower()))
    return When(match.start(), match.end(), month=_MONTH_NUMBER[match["month"].lower()])


def same_date(a: When, b: When) -> bool:
    """Whether two dates agree in every part that both say, and both say at least one such part."""
    pairs = ((a.year, b.year), (a.month, b.month), (a.day, b.day), (a.weekday, b.weekday))
    both = [(x, y) for x, y in pairs if x is not None and y is not None]
    return bool(both) and all(x == y for x, y in both)
