"""Hard checks: what a claim may not say otherwise than the source that it cites.

Each check looks for one thing that newsrooms fear (a changed number, another date, another name, a
denial gone, the wrong speaker, may become will, sides exchanged) and says in plain words what it
saw. A check that can't tell passes. The evidence decides, never what is true in the world.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from index.words import STOP_WORDS
from rag.alignment import ALIKE, MARGIN, SPLIT_WELL, Parsed, Span, read_pairs, rival, split
from rag.amounts import (
    STAND_ALONE,
    counts_others,
    direction,
    elided,
    implied,
    miscounted,
    ordinals,
    parts,
    quantities,
    scores,
    turned,
)
from rag.clauses import check_certainty, check_denial
from rag.names import SAME_SENTENCE, check_names
from rag.roles import check_roles
from rag.schema import Check
from rag.sentences import folded
from rag.speakers import check_speaker
from rag.timing import check_dates
from rag.values import CONVERTED, Quantity, comparable, same_quantity
from rag.withdrawn import blanked, taken_back

_OPEN, _CLOSE = '"“„«', '"”“»'
_QUOTED = re.compile(rf"[{_OPEN}]([^{_OPEN}{_CLOSE}]+)(?:[{_CLOSE}]|$)")

#: "CORRIN, Feb 11 (Meridian Wire) - " before a report's first sentence.
_DATELINE = re.compile(r"^[A-Z][A-Z]+\b[^.!?]{0,80}? [-–—] ")

_INCLUSIVE = re.compile(
    r"at least|no fewer|no less|not less|upwards|minimum|up to|at most|no more|not more|maximum"
    r"|as much as|as many as|or (?:more|less|fewer)",
    re.IGNORECASE,
)
_PAIR = re.compile(r"\b(?:both|pair|couple|twins?|twice|duo|two)\b", re.IGNORECASE)


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
    parsed = read_pairs([(claim, _said(claim, text), day) for claim, text, day in full])
    return [
        [check_quotation(claim, evidence), *_read_checks(ours, theirs)]
        for (claim, evidence, _), (ours, theirs) in zip(full, parsed, strict=True)
    ]


def _said(claim: str, evidence: str) -> str:
    """The evidence without the values that it takes back, unless the claim tells or quotes that."""
    if len(evidence) > SPLIT_WELL or not taken_back(evidence) or taken_back(claim):
        return evidence
    is_quoted = claim.strip() in {evidence[start:end] for start, end in split(evidence)}
    return evidence if is_quoted else blanked(evidence)


def _read_checks(claim: Parsed, source: Parsed) -> list[Check]:
    if _is_sentence_of(claim, source):
        return [Check(name, True, "a sentence of the source") for name in READ_CHECKS]
    wrong = {name: check(claim, source) for name, check in READ_CHECKS.items()}
    return [Check(name, not detail, detail) for name, detail in wrong.items()]


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
    return " ".join(folded(text).split())


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


def check_numbers(claim: Parsed, source: Parsed) -> str:
    """Every quantity and ordinal of the claim must be the source's, as a value and at its place."""
    said, ours = quantities(source.text), quantities(claim.text)
    follows = implied(source.text, said)
    wrong = miscounted(claim.text, ours, source.text, said)
    if wrong is not None:
        return _refused(claim, (wrong[0].start, wrong[0].end), source, wrong[1])
    others = counts_others(claim.text, source.text)
    for quantity in ours:
        if others and any(quantity in pair for pair in parts(claim.text, ours)):
            continue
        if quantity.amount == 1 and not claim.text[quantity.start : quantity.end].isdigit():
            continue
        if found := _contest_number(claim, source, quantity, ours, said, follows):
            return found
    return _check_scores(claim, source) or _check_ordinals(claim, source)


def _contest_number(
    claim: Parsed,
    source: Parsed,
    quantity: Quantity,
    ours: Sequence[Quantity],
    said: Sequence[Quantity],
    follows: Sequence[Quantity],
) -> str:
    here = (quantity.start, quantity.end)
    shared: Span | None = None

    meant = [o for o in said if _same_amount(claim.text, quantity, source.text, o)]
    right = {o for o in meant if not turned(claim.text, quantity, source.text, o)}

    def likeness(other: Quantity) -> float:
        return claim.words.likeness(here, source.words, (other.start, other.end), shared)

    def told(other: Quantity) -> bool:
        """Whether another amount of the claim is rather what the source says there."""
        there = (other.start, other.end)
        return any(
            q is not quantity
            and _same_amount(claim.text, q, source.text, other)
            and claim.words.likeness((q.start, q.end), source.words, there) >= likeness(other)
            for q in ours
        )

    exact, many = replace(quantity, relation="="), quantity.family == "times"
    if any(same_quantity(exact, other, 0.1 if many else CONVERTED) for other in follows):
        return ""
    same_kind = [o for o in said if o in right or (o.family == quantity.family and not told(o))]
    same_kind += [o for o in follows if many and o.family == "times"]
    whole = [w for part, w in parts(source.text, said) if part in right]
    same_kind = [o for o in same_kind if o not in whole]
    known = not right.isdisjoint(same_kind)
    margin = SAME_SENTENCE if many else MARGIN  # what "doubled" is said of often stands far off
    instead = rival(right.__contains__, likeness, same_kind, ALIKE if known else 0.3, margin)
    if instead and any(elided(source.text, instead, o) for o in right):
        # What is counted, and who does it, is said with the earlier amount for both.
        noun = _NEXT_WORD.match(claim.text, quantity.end)
        shared = (0, noun.end() if noun else quantity.start)
        instead = rival(right.__contains__, likeness, same_kind)
    if not known and quantity.amount == 2 and not quantity.family and _PAIR.search(source.text):
        return ""
    one_unit = quantity.plain == 1 and not claim.text[quantity.start].isdigit()
    if known or one_unit or many:
        return _refused(claim, here, source, (instead.start, instead.end)) if instead else ""
    alike = [o for o in said if o.plain == quantity.plain and o.family and quantity.family]
    instead = max(alike, key=likeness, default=instead)
    return _refused(claim, here, source, (instead.start, instead.end) if instead else None)


_NEXT_WORD = re.compile(rf"\s+(?!(?:{'|'.join(STOP_WORDS)})\b)[a-z]+")


def _same_amount(claim: str, ours: Quantity, source: str, theirs: Quantity) -> bool:
    """Whether the source's amount is what the claim says, or lies in what it leaves open."""
    if not comparable(ours, theirs):
        return False
    if not _fits(claim, ours, theirs.family, {"points", "age"}):
        return False
    if not _fits(source, theirs, ours.family, {ours.family}):
        return False
    inclusive = _INCLUSIVE.search(claim[ours.start : ours.end + 12]) is not None
    if ours.high is not None or theirs.high is not None:
        return _same_range(ours, theirs)
    if ours.amount == -theirs.amount and ours.amount:
        return direction(claim, ours) == direction(source, theirs)
    bound = theirs.relation == "=" and theirs.amount == ours.amount and not theirs.vague
    return same_quantity(ours, theirs) or (bound and inclusive)


def _fits(text: str, bare: Quantity, family: str, left_out: Collection[str]) -> bool:
    """Whether a bare amount may be of a family: "22" may be an age, and is none in "22 boats"."""
    if bare.family or not family or bare.scale > 1:
        return True
    return family in left_out and STAND_ALONE.match(text, bare.end) is not None


def _same_range(ours: Quantity, theirs: Quantity) -> bool:
    low, high = theirs.amount, theirs.amount if theirs.high is None else theirs.high
    slack = CONVERTED * high if ours.factor != theirs.factor else 1e-6 * high
    if ours.high is not None:
        same = abs(ours.amount - low) <= slack and abs(ours.high - high) <= slack
        return same or (theirs.high is None and ours.amount - slack <= low <= ours.high + slack)
    if ours.relation in "<-":
        return high <= ours.amount + slack
    if ours.relation in ">+":
        return low >= ours.amount - slack
    return ours.relation == "~" and low <= ours.amount <= high


def _refused(claim: Parsed, here: Span, source: Parsed, there: Span | None) -> str:
    ours = short(claim.text[slice(*here)])
    if there is None:
        return f"the source does not say “{ours}”"
    return f"the source says “{short(source.text[slice(*there)])}”, not “{ours}”"


def _check_scores(claim: Parsed, source: Parsed) -> str:
    """A score must be the source's, and the winner's figure must come first with who won."""
    said = scores(source.text)
    if bool(_LOST.search(claim.text)) != bool(_LOST.search(source.text)):
        said += [(b, a, span) for a, b, span in said]
    for ours in scores(claim.text):
        here = ours[2]
        if ours[:2] not in [other[:2] for other in said]:
            near = [(claim.words.likeness(here, source.words, o[2]), o[2]) for o in said]
            return _refused(claim, here, source, max(near)[1] if near else None)
    return ""


_LOST = re.compile(r"\b(?:lost|loses?|losing|beaten|defeated by|went down)\b", re.IGNORECASE)


def _check_ordinals(claim: Parsed, source: Parsed) -> str:
    said = ordinals(source.text)
    counted = {q.amount for q in quantities(source.text) if not q.family}
    for value, here in ordinals(claim.text):

        def likeness(other: tuple[int, Span], here: Span = here) -> float:
            return claim.words.likeness(here, source.words, other[1])

        def agrees(other: tuple[int, Span], value: int = value) -> bool:
            return other[0] == value

        alone = any(agrees(o) and STAND_ALONE.match(source.text, o[1][1]) for o in said)
        instead = None if alone else rival(agrees, likeness, said)
        lacking = value > 2 and not any(map(agrees, said)) and value not in counted
        if instead or lacking:
            return _refused(claim, here, source, instead[1] if instead else None)
    return ""


#: Each says what a claim has otherwise than its source, "" if nothing.
READ_CHECKS: dict[str, Callable[[Parsed, Parsed], str]] = {
    "number": check_numbers,
    "date": check_dates,
    "name": check_names,
    "negation": check_denial,
    "speaker": check_speaker,
    "modality": check_certainty,
    "roles": check_roles,
}
