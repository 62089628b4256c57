"""The words that news text measures with: number words, scales, hedges, units, currencies."""

from __future__ import annotations

import math
from typing import Literal

#: How the words before an amount bend it: exactly, less than, more than, roughly, not quite, a
#: little over that amount.
Relation = Literal["=", "<", ">", "~", "-", "+"]

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
WORDS = {w: float(n) for n, w in enumerate(_ONES)} | {
    w: 10.0 * n for n, w in enumerate(_TENS, start=2)
}
ORDINALS = {
    word: n
    for n, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
        "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth "
        "twentieth".split(),
        start=1,
    )
}


def _valued(row: str) -> dict[str, float]:
    """Words with the number behind each; "_" is a space: "nautical_mile 1852 foot 0.3048"."""
    parts = row.split()
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {word.replace("_", " "): float(number) for word, number in pairs}


#: Scales that number words join in, and those that only follow a number.
SPELT_SCALES = _valued(
    "hundred 1e2 thousand 1e3 lakh 1e5 million 1e6 crore 1e7 billion 1e9 trillion 1e12 dozen 12"
)
SCALES = SPELT_SCALES | _valued(
    "k 1e3 m 1e6 mn 1e6 mln 1e6 mio 1e6 millionen 1e6 millones 1e6 b 1e9 bn 1e9 bln 1e9 mrd 1e9 "
    "milliarden 1e9 tn 1e12 trn 1e12"
)
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

_HEDGES: dict[Relation, str] = {
    "-": "almost/nearly/just under/close to/not quite/a little under/slightly less than",
    "<": "less than/fewer than/under/below/up to/at most/no more than/not more than/as much as/"
    "as many as/a maximum of/younger than/shorter than",
    "+": "just over/a little over/slightly more than",
    ">": "more than/over/above/at least/upwards of/in excess of/no fewer than/no less than/"
    "not less than/a minimum of/exceeding/older than/longer than",
    "~": "about/around/some/roughly/approximately/an estimated/estimated/circa",
}
RELATION = {word: relation for relation, words in _HEDGES.items() for word in words.split("/")}
#: relation -> the amounts that it leaves open, as factors of the amount named.
REACH: dict[Relation, tuple[float, float]] = {
    "=": (1.0, 1.0),
    "<": (0.0, 1.0),
    ">": (1.0, 1.25),
    "~": (0.9, 1.1),
    "-": (0.9, 1.0),
    "+": (1.0, 1.1),
}

#: family -> its unit words, each with what one of it is in the family's base unit.
_MEASURES = {
    "time": "second 1 minute 60 min 60 hour 3600 hr 3600 day 86400 night 86400 week 604800 "
    "fortnight 1209600 month 2629800 year 31557600 yr 31557600 decade 315576000 "
    "century 3155760000 centurie 3155760000",
    "percent": "% 1 percent 1 pct 1 prozent 1",
    "points": "percentage_point 1 percent_point 1 basis_point 0.01 bps 0.01",
    "length": "metre 1 meter 1 km 1000 kilometre 1000 kilometer 1000 centimetre 0.01 "
    "centimeter 0.01 cm 0.01 millimetre 0.001 millimeter 0.001 mm 0.001 yard 0.9144 "
    "mile 1609.344 nautical_mile 1852 foot 0.3048 feet 0.3048 ft 0.3048 inch 0.0254",
    "speed": "km/h 1 kph 1 kmh 1 kilometres_per_hour 1 kilometers_per_hour 1 mph 1.609344 "
    "miles_per_hour 1.609344 knot 1.852",
    "area": "hectare 1 acre 0.40468564224 square_kilometre 100 square_kilometer 100 sq_km 100 "
    "square_mile 258.9988 square_metre 0.0001 square_meter 0.0001 square_feet 0.0000092903",
    "volume": "litre 1 liter 1 gallon 3.785411784 cubic_metre 1000 cubic_meter 1000",
    "mass": "tonne 1000 ton 1000 kg 1 kilogram 1 kilogramme 1 kilo 1 gram 0.001 gramme 0.001 "
    "ounce 0.028349523",
    "power": "watt 1 kilowatt 1e3 kw 1e3 megawatt 1e6 mw 1e6 gigawatt 1e9 gw 1e9",
    "degree": "degree 1 ° 1",
    "celsius": "degrees_celsius 1 degree_celsius 1 celsius 1 °c 1",
    "fahrenheit": "degrees_fahrenheit 1 degree_fahrenheit 1 fahrenheit 1 °f 1",
}
#: Each is a family of its own; words that mean something else too ("won", "real") are left out.
_CURRENCIES = (
    "yen yuan rupee rouble franc lira peso shekel rand dinar dirham riyal krona zloty forint "
    "hryvnia baht ringgit rupiah naira shilling crown"
).split()


def _families(rows: str) -> dict[str, str]:
    """Words with the family of money behind each: "dollar $/AUD australian $"."""
    return dict(row.split(" ", 1) for row in rows.split("/"))


#: Currency word, symbol or code -> family of money; codes count in capitals only.
MONEY_WORDS = {word: word for word in _CURRENCIES} | _families(
    "dollar $/euro €/pound £/ruble rouble/rial riyal/kronor krona/krone krona/kroner krona"
)
CODES = _families(
    "USD $/EUR €/GBP £/CHF franc/JPY yen/CNY yuan/RMB yuan/INR rupee/PKR rupee/AUD australian $/"
    "CAD canadian $/NZD new zealand $/HKD hong kong $/SGD singapore $/SEK krona/NOK krona/"
    "DKK krona/CZK crown/PLN zloty/HUF forint/RUB rouble/UAH hryvnia/TRY lira/ILS shekel/"
    "ZAR rand/MXN peso/THB baht/IDR rupiah/MYR ringgit/NGN naira/KES shilling/AED dirham/SAR riyal"
)
SYMBOLS = _families(
    "$ $/us$ $/a$ australian $/au$ australian $/c$ canadian $/ca$ canadian $/nz$ new zealand $/"
    "hk$ hong kong $/s$ singapore $/€ €/£ £/¥ yen/₹ rupee/₺ lira/₴ hryvnia/₪ shekel/₽ rouble/"
    "rs rupee/rs. rupee"
) | {code.lower(): family for code, family in CODES.items()}
#: unit word -> (family, factor): only amounts of one family are compared.
UNIT_FAMILY = {
    unit: (family, factor)
    for family, row in _MEASURES.items()
    for unit, factor in _valued(row).items()
} | {word: (family, 1.0) for word, family in (MONEY_WORDS | SYMBOLS).items()}
#: Whose dollar or pound is meant where none is named.
HOME = {"us": "$", "u.s.": "$", "american": "$", "british": "£", "uk": "£", "sterling": "£"}


def is_money(family: str) -> bool:
    """Whether a family is one of money."""
    return family[-1:] in {"$", "£", "€"} or family in _CURRENCIES


def small_number(word: str) -> float:
    """A number in figures or in one word; "a", "an" and whatever else is 1."""
    return float(word) if word[:1].isdigit() else WORDS.get(word.lower(), 1.0)


def words_to_number(words: list[str]) -> float:
    """The number that English number words say.

    ["two", "hundred", "forty", "one"] -> 241.0
    """
    total = group = 0.0
    for word in words:
        if word in SPELT_SCALES:
            group = (group or 1.0) * SPELT_SCALES[word]
            if SPELT_SCALES[word] >= 1e3:
                total, group = total + group, 0.0
        else:
            group += WORDS.get(word, 1.0)
    return total + group
