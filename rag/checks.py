"""Hard checks: what a claim may not say otherwise than the source that it cites.

Each check looks for one thing that newsrooms fear (a changed number, another date, another name, a
denial gone, the wrong speaker, may become will, sides exchanged) and says in plain words what it
saw. A check that can't tell passes. The evidence decides, never what is true in the world.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from rag.alignment import Parsed, Span, read_pairs, rival
from rag.clauses import check_certainty, check_denial, check_roles, check_speaker
from rag.names import check_names
from rag.schema import Check
from rag.timing import check_dates
from rag.values import Quantity, find_quantities, same_quantity

_OPEN, _CLOSE = '"“„«', '"”“»'
_QUOTED = re.compile(rf"[{_OPEN}]([^{_OPEN}{_CLOSE}]+)(?:[{_CLOSE}]|$)")
_STRAIGHT = str.maketrans("“”„‘’", '"""\'\'')

#: "CORRIN, Feb 11 (Meridian Wire) - " before a report's first sentence.
_DATELINE = re.compile(r"^[A-Z][A-Z]+\b[^.!?]{0,80}? [-–—] ")

_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
_ORDINAL = re.compile(rf"\b(?:({'|'.join(_ORDINALS)})|(\d{{1,4}})(?:st|nd|rd|th))\b", re.IGNORECASE)
_FRACTION = re.compile(r"\b(?:an?|one|two|three|four)[\s-]+$", re.IGNORECASE)
_DASH = re.compile(r"(?<=\d)-(?=\d)")
_BETWEEN = re.compile(r"\s*(?:[-–—]|to|and|or)\s*(?:[$€£¥₹₺₴₪₽]\s?)?", re.IGNORECASE)
_TH = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_OR_MORE = re.compile(r"\s*(?:or (?:more|above|over|greater)\b|\+)", re.IGNORECASE)
_INCLUSIVE = re.compile(
    r"at least|no fewer|no less|upwards|up to|at most|no more|or more", re.IGNORECASE
)
_PAIR = re.compile(r"\b(?:both|pair|couple|twins?|twice|double[ds]?|duo|two)\b", re.IGNORECASE)
_LOOSE_UNITS = {"time", "length", "mass", "degree"}


def hard_checks(claim: str, evidence: str, published: str | None = None) -> list[Check]:
    """Every hard check of a claim against the text that it cites, in a fixed order.

    `published` is the ISO date of the article that the evidence is from, if it is known: with it,
    "on Monday" and "3 May" can be compared. Bad dates count as unknown. Evidence may be of any
    length; of more than 40,000 characters, the sentences nearest to the claim are read (words in
    quotation marks are looked for in all of it).
    """
    return hard_checks_many([(claim, evidence, published)])[0]


def hard_checks_many(
    pairs: Sequence[tuple[str, str] | tuple[str, str, str | None]],
) -> list[list[Check]]:
    """`hard_checks` of many (claim, evidence) or (claim, evidence, published), parsed at once."""
    full = [(p[0], p[1], _date(p[2] if len(p) > 2 else None)) for p in pairs]
    parsed = read_pairs(full)
    return [
        [check_quotation(claim, evidence), *_read_checks(ours, theirs)]
        for (claim, evidence, _), (ours, theirs) in zip(full, parsed, strict=True)
    ]


def _read_checks(claim: Parsed, source: Parsed) -> list[Check]:
    if _is_sentence_of(claim, source):
        return [Check(name, True, "a sentence of the source") for name in READ_CHECKS]
    return [check(claim, source) for check in READ_CHECKS.values()]


def _is_sentence_of(claim: Parsed, source: Parsed) -> bool:
    said = fold(claim.text)
    sentences = [fold(doc.text) for _, doc in source.docs]
    return any(said in {sentence, _DATELINE.sub("", sentence)} for sentence in sentences)


def _date(text: str | None) -> datetime.date | None:
    try:
        date = datetime.date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
    return date if date and 1500 < date.year < 2500 else None


def fold(text: str) -> str:
    """`text` with white space runs as one space and curly quotes as straight ones; nothing else."""
    return " ".join(text.translate(_STRAIGHT).split())


def short(text: str) -> str:
    """`text` on one line, cut to 60 characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:57] + "..."


# --- quotation ---------------------------------------------------------------------------------


def check_quotation(claim: str, evidence: str) -> Check:
    """Words in quotation marks must stand in the evidence, letter for letter."""
    source = fold(evidence)
    for quoted in _QUOTED.findall(claim):
        if fold(quoted).strip(" ,.") not in source:
            return Check("quotation", False, f"the words “{short(quoted)}” are not in the source")
    return Check("quotation", True)


# --- numbers -----------------------------------------------------------------------------------


def check_numbers(claim: Parsed, source: Parsed) -> Check:
    """Every quantity and ordinal of the claim must be the source's, as a value and at its place."""
    said, ours = quantities(source.text), quantities(claim.text)
    ranges = _ranges(claim.text, ours)
    for quantity in ours:
        if quantity.amount == 1 and not claim.text[quantity.start : quantity.end].isdigit():
            continue
        if any(quantity in pair and _within(pair, said) for pair in ranges):
            continue
        found = _contest_number(claim, source, quantity, said)
        if found is not None:
            return Check("number", False, found)
    return _check_ordinals(claim, source)


def _contest_number(
    claim: Parsed, source: Parsed, quantity: Quantity, said: Sequence[Quantity]
) -> str | None:
    here = (quantity.start, quantity.end)
    ours = short(claim.text[slice(*here)])
    inclusive = _INCLUSIVE.search(claim.text[quantity.start : quantity.end + 8]) is not None

    def agrees(other: Quantity) -> bool:
        if not comparable(quantity, other):
            return False
        bound = other.relation == "=" and other.amount == quantity.amount and not other.vague
        return same_quantity(quantity, other) or (bound and inclusive)

    def likeness(other: Quantity) -> float:
        return claim.words.likeness(here, source.words, (other.start, other.end))

    if not any(agrees(other) for other in said):
        if quantity.amount == 2 and _PAIR.search(source.text):
            return None
        instead = rival(agrees, likeness, [o for o in said if o.family == quantity.family], 0.3)
        return _instead(source, ours, (instead.start, instead.end) if instead else None)
    same_kind = [o for o in said if o.family == quantity.family or agrees(o)]
    instead = rival(agrees, likeness, same_kind)
    return _instead(source, ours, (instead.start, instead.end)) if instead else None


def _instead(source: Parsed, ours: str, there: Span | None) -> str:
    if there is None:
        return f"the source does not say “{ours}”"
    return f"the source says “{short(source.text[slice(*there)])}”, not “{ours}”"


def quantities(text: str) -> list[Quantity]:
    """`find_quantities`, with both ends of "10-15 per cent" as percentages."""
    found = [q for q in find_quantities(_DASH.sub("–", text)) if not _is_no_amount(text, q)]
    for n, q in enumerate(found):
        if q.relation == "=" and _OR_MORE.match(text, q.end):
            found[n] = replace(q, relation=">")
    for n, (low, high) in enumerate(pairwise(found)):
        between = text[low.end : high.start]
        if high.family and not low.family and _BETWEEN.fullmatch(between):
            factor = _factor(text, high)
            found[n] = Quantity(
                low.start, low.end, low.amount * factor, high.family, low.relation, low.vague
            )
    return found


def _is_no_amount(text: str, quantity: Quantity) -> bool:
    """Ordinals are told apart from amounts; "she scores" counts nothing."""
    word = text[quantity.start : quantity.end].lower()
    if word == "scores":
        return text[quantity.end : quantity.end + 4].lower() != " of "
    return word[-1:].isdigit() and _TH.match(text, quantity.end) is not None


def _factor(text: str, quantity: Quantity) -> float:
    """What one of the quantity's unit is, in the base unit of its family and scale."""
    plain = re.search(r"\d+(?:[.,]\d+)*", text[quantity.start : quantity.end])
    number = float(plain[0].replace(",", "")) if plain and len(plain[0]) < 300 else 0.0
    return quantity.amount / number if number else 1.0


def comparable(a: Quantity, b: Quantity) -> bool:
    """Whether two amounts may be of one kind: a bare "3" may be hours, but is no percentage."""
    return a.family == b.family or (
        "" in (a.family, b.family) and bool({a.family, b.family} & _LOOSE_UNITS)
    )


def _ranges(text: str, found: Sequence[Quantity]) -> list[tuple[Quantity, Quantity]]:
    """Neighbouring quantities that are the two ends of one: "between 10 and 15", "10-15"."""
    return [
        (a, b)
        for a, b in pairwise(found)
        if a.amount < b.amount
        and (link := _BETWEEN.fullmatch(text[a.end : b.start]))
        and (
            link[0].strip().lower() not in {"and", "or"}
            or text[: a.start].rstrip().lower().endswith("between")
        )
    ]


def _within(ends: tuple[Quantity, Quantity], said: Sequence[Quantity]) -> bool:
    low, high = ends
    return any(
        low.amount <= q.amount <= high.amount and not q.vague and comparable(low, q) for q in said
    )


def _check_ordinals(claim: Parsed, source: Parsed) -> Check:
    said = ordinals(source.text)
    for value, here in ordinals(claim.text):

        def likeness(other: tuple[int, Span], here: Span = here) -> float:
            return claim.words.likeness(here, source.words, other[1])

        def agrees(other: tuple[int, Span], value: int = value) -> bool:
            return other[0] == value

        ours = short(claim.text[slice(*here)])
        instead = rival(agrees, likeness, said)
        lacking = value > 2 and not any(map(agrees, said)) and not _counts(source, value)
        if instead or lacking:
            return Check("number", False, _instead(source, ours, instead[1] if instead else None))
    return Check("number", True)


def _counts(source: Parsed, value: int) -> bool:
    return any(q.amount == value and not q.family for q in quantities(source.text))


def ordinals(text: str) -> list[tuple[int, Span]]:
    """Ordinals with their spans, fractions such as "two thirds" left out: "the 3rd" -> 3."""
    found = []
    for match in _ORDINAL.finditer(text):
        if match[1] and _FRACTION.search(text[max(0, match.start() - 8) : match.start()]):
            continue
        value = _ORDINALS.index(match[1].lower()) + 1 if match[1] else int(match[2])
        found.append((value, match.span()))
    return found


READ_CHECKS: dict[str, Callable[[Parsed, Parsed], Check]] = {
    "number": check_numbers,
    "date": check_dates,
    "name": check_names,
    "negation": check_denial,
    "speaker": check_speaker,
    "modality": check_certainty,
    "roles": check_roles,
}
