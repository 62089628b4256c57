"""Whether the people, places and bodies that a claim names are the source's, in their places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rag.alignment import ALIKE, Parsed, Span, fold_places, nation, rival
from rag.amounts import scores
from rag.values import find_quantities

_KINDS = {"PERSON": "person", "NORP": "people", "ORG": "body"}
_KINDS |= dict.fromkeys(("GPE", "LOC", "FAC"), "place")
#: By how much a rival must be more alike where the claimed name stands in the same sentence.
SAME_SENTENCE = 0.35
_NAMED = {*_KINDS, "PRODUCT", "EVENT", "WORK_OF_ART", "LAW"}
#: Words before a name that say what somebody is; another source may leave them out.
TITLES = frozenset(
    """mr mrs ms mx dr prof professor president minister prime premier chancellor mayor governor
    senator sir dame lord lady king queen prince princess general colonel major captain sergeant
    lieutenant admiral judge justice chief secretary chairman chairwoman chair director bishop
    archbishop pope rabbi imam sheikh sheriff detective inspector superintendent councillor
    congressman congresswoman representative ambassador deputy foreign vice""".split()
)
_LINKS = frozenset("the of and for a an in de la le el al van von der den bin & 's to on".split())
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_RUN = re.compile(
    r"[A-Z][\w&-]*(?:[\s]+(?:of|and|for|the|de|la)(?=\s+(?:the\s+)?[A-Z])|\s+[A-Z][\w&-]*)*"
)
_ACRONYM = re.compile(r"[A-Z]{2,6}s?")
_ENDING = re.compile(r"(?:ians?|eans?|ans?|eses?|ese|ish|is?|ics?|ers?)$")


@dataclass(frozen=True)
class Name:
    """A name at `span`; `parts` are its telling words, nations folded; `kind` "" if unsure."""

    span: Span
    parts: tuple[str, ...]
    kind: str = ""


def check_names(claim: Parsed, source: Parsed) -> str:
    """Every name of the claim must be one of the source's: "Brock" in "Ansel Brock".

    A first name must go with its last one, a nationality with its country, an acronym with a name
    of such initials; and where the source's nearest sentence names another of the same kind in
    that place, that one is meant.
    """
    said = names(source)
    amounts = [(q.start, q.end) for q in find_quantities(claim.text)]
    amounts += [span for *_, span in scores(claim.text)]
    for name in names(claim):
        if any(s < name.span[1] and name.span[0] < e for s, e in amounts):
            continue
        words = claim.text[slice(*name.span)]
        lacking = _lacking(name, claim, source)
        if lacking:
            there = _in_place(claim, source, name, said)
            other = f"; it says “{there}” there" if there else ""
            return f"the source does not name “{lacking}”{other}"
        instead = _contest(claim, source, name, said)
        if instead is not None:
            other = source.text[slice(*instead.span)]
            return f"the source says “{other}” there, not “{words}”"
    return ""


def _in_place(claim: Parsed, source: Parsed, name: Name, said: Sequence[Name]) -> str:
    """The name of the same kind that the source has where the claim's would be, or ""."""
    ours = {part for n in names(claim) for part in n.parts}
    others = [o for o in said if o.kind and o.kind == name.kind and not set(o.parts) & ours]
    scored = [
        (claim.words.likeness(name.span, source.words, other.span), other.span) for other in others
    ]
    likeness, span = max(scored, default=(0.0, (0, 0)))
    return source.text[slice(*span)] if likeness >= ALIKE else ""


def names(text: Parsed) -> list[Name]:
    """The names in the parsed sentences of a text."""
    return [name for at, doc in text.docs for name in _names(at, doc)]


def _names(at: int, doc: Any) -> Iterator[Name]:
    covered: set[int] = set()
    for entity in doc.ents:
        covered |= {t.i for t in entity}
        if entity.label_ in _NAMED and re.search("[A-Z]", entity.text):
            parts = name_parts(entity.text)
            if parts:
                span = (at + entity.start_char, at + entity.end_char)
                yield Name(span, parts, _KINDS.get(entity.label_, ""))
    for token in doc:
        if token.pos_ == "PROPN" and token.i not in covered and token.text[:1].isupper():
            parts = name_parts(token.text)
            if parts:
                yield Name((at + token.idx, at + token.idx + len(token)), parts)


def name_parts(text: str) -> tuple[str, ...]:
    """The telling words of a name: no titles, links or numbers.

    "President Ada Holm's" -> ("ada", "holm")
    """
    bare = re.sub(r"['’]s?\b", " ", fold_places(text))
    low = [nation(w) for w in _WORD.findall(bare) if w[:1].isupper() or w.lower() not in _LINKS]
    return tuple(w for w in low if w not in _LINKS | TITLES and not w.isdigit())


def _lacking(name: Name, claim: Parsed, source: Parsed) -> str | None:
    """The part of a name that the source lacks, or the whole if its parts belong to others."""
    words = claim.text[slice(*name.span)]
    if _is_short_form(words, source.text):
        return None
    for part in name.parts:
        if not knows(part, source.vocabulary):
            return next((w for w in words.split() if part in w.lower()), words)
    few = len(name.parts) == 2 or (name.kind == "person" and len(name.parts) == 3)
    if few and not _together(name.parts, source):
        return words
    return None


def knows(part: str, vocabulary: frozenset[str]) -> bool:
    """Whether a word of a name is among a text's words, also as nationality or country."""
    if part in vocabulary or any(p in vocabulary for p in part.split("-") if len(p) > 3):
        return True
    base = _ENDING.sub("", part)
    if len(part) > 3 and part.endswith("s") and part[:-1] in vocabulary:
        return True
    return len(part) > 3 and any(_one_nation(part, base, word) for word in vocabulary)


def _one_nation(part: str, base: str, word: str) -> bool:
    if len(word) < 4 or word[:3] != part[:3] or abs(len(word) - len(part)) > 4:
        return False
    other = _ENDING.sub("", word)
    if (base == part) == (other == word):
        return False
    shorter, longer = sorted((base, other), key=len)
    return len(shorter) > 3 and longer.startswith(shorter) and len(longer) - len(shorter) <= 2


def _together(parts: Sequence[str], source: Parsed) -> bool:
    """Whether the first and the last part stand within three words of each other."""
    low = [nation(w) for w in _WORD.findall(source.text)]
    last = [i for i, w in enumerate(low) if w == parts[-1]]
    return any(parts[0] in low[max(0, i - 3) : i + 3] for i in last)


def _is_short_form(words: str, text: str) -> bool:
    """Whether `words` is an acronym of a name in `text`, or a name whose acronym stands there."""
    bare = re.sub(r"^the\s+|['’]s?$|\.", "", words, flags=re.IGNORECASE)
    if _ACRONYM.fullmatch(bare):
        wanted = bare.rstrip("s")
        # The initials of a run of capitalised words, or within them.
        spelt = {i for m in _RUN.finditer(fold_places(text)) for i in initials(m[0])}
        return any(wanted == i or (len(wanted) > 2 and wanted in i) for i in spelt)
    return any(
        len(letters) > 1 and re.search(rf"\b{letters}\b", text) for letters in initials(bare)
    )


def initials(name: str) -> tuple[str, ...]:
    """First letters of a name's words, with and without the small ones; () of a single word."""
    found = [w for w in re.findall(r"[\w&]+", name) if w.lower() != "the"]
    if len(found) < 2:
        return ()
    begun = ["US" if w == "USA" else w if w.isupper() else w[0] for w in found]
    return "".join(b for b in begun if b.isupper()), "".join(begun).upper()


def _contest(claim: Parsed, source: Parsed, name: Name, said: Sequence[Name]) -> Name | None:
    def agrees(other: Name) -> bool:
        return same_name(name, other) or _is_short_form(words, source.text[slice(*other.span)])

    def likeness(other: Name) -> float:
        return claim.words.likeness(name.span, source.words, other.span)

    if not name.kind:
        return None
    words = claim.text[slice(*name.span)]
    ours = {part for n in names(claim) for part in n.parts}
    others = [o for o in said if agrees(o) or (o.kind == name.kind and not set(o.parts) & ours)]
    instead = rival(agrees, likeness, others)
    if instead is None or not any(
        source.in_one_sentence(instead.span, o.span) for o in said if agrees(o)
    ):
        return instead
    # Both stand in one sentence: rewording moves words about, so only a plain case counts.
    return rival(agrees, likeness, others, margin=SAME_SENTENCE)


def same_name(a: Name, b: Name) -> bool:
    """Whether two names share a telling word, as "Brock" and "Ansel Brock" do."""
    theirs = frozenset(b.parts)
    return any(knows(part, theirs) for part in a.parts)
