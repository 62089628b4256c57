"""Pairs of evidence and claim that differ in one thing, made from any articles by rule.

The public sets of entailment are thin in what newsrooms fear: the right sentence with the wrong
number. From each text true claims are made (a sentence as it stands, shortened, or two joined; a
name cut to its last part, a small number written out) and from these false ones, by exchanging one
number, date, name or speaker for another, by denying, by making what may be what will, or by
turning who did what to whom round (compare Kryscinski et al. 2020, section 3.1). What is put in
comes from the same text where it has another of the kind, which is the hardest, else from the
other texts.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from index.language import parse_many
from rag.dates import find_dates
from rag.grammar import SPEECH
from rag.values import find_quantities

#: Ways to make a claim false. Those of `NEWSROOM` have a bar of their own.
NEWSROOM = ("number", "date", "name", "negation", "speaker")
LONGEST_TEXT, WORDS = 1500, (6, 45)

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve".split()
_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_ENTITIES = {"PERSON", "GPE", "ORG", "LOC", "NORP", "FAC"}
_OPPOSITES = """rose/fell increased/decreased won/lost accepted/rejected approved/refused
before/after opened/closed began/ended supported/opposed confirmed/denied arrived/departed
more/fewer higher/lower first/last northern/southern eastern/western larger/smaller bought/sold
allowed/banned gained/lost above/below increase/decrease success/failure passed/failed
joined/left hired/fired agreed/refused with/without include/exclude including/excluding
early/late inside/outside strong/weak old/new major/minor same/different"""
_OPPOSITE = {
    word: other
    for a, b in (pair.split("/") for pair in _OPPOSITES.split())
    for word, other in ((b, a), (a, b))
}

#: Names of all texts by label.
Pool = dict[str, list[str]]
#: A claim's parse, the parse of its text, and the names of other texts.
Swap = Callable[[Any, Any, Pool, random.Random], str | None]


@dataclass(frozen=True)
class Case:
    """`label` is 1 where the evidence supports the claim, else 0; `group` names the document.

    `kind` says how a claim was made, where that is known.
    """

    evidence: str
    claim: str
    label: int
    group: str
    kind: str = ""


def make_pairs(texts: Sequence[str], rng: random.Random, per_text: int = 2) -> list[Case]:
    """About as many true pairs as false ones, `per_text` of each from every text that allows it."""
    docs = parse_many([t[:LONGEST_TEXT] for t in texts])
    pool: Pool = defaultdict(list)
    for doc in docs:
        for entity in doc.ents:
            pool[entity.label_].append(entity.text)
    bases = [(doc, claim, kind) for doc in docs for claim, kind in _true(doc, rng, per_text)]
    pairs = [Case(doc.text, claim, 1, doc.text, kind) for doc, claim, kind in bases]
    parsed = parse_many([claim for _, claim, _ in bases])
    for (doc, _, _), claim in zip(bases, parsed, strict=True):
        for kind in _order(rng):
            false = SWAPS[kind](claim, doc, pool, rng)
            if false and false != claim.text and false not in doc.text:
                pairs.append(Case(doc.text, false, 0, doc.text, kind))
                break
    return pairs


def _order(rng: random.Random) -> list[str]:
    """The ways to try: mostly those that few sentences allow first, so that none is left out."""
    kinds = list(SWAPS)
    rng.shuffle(kinds)
    common = {"negation", "name", "number"}
    return sorted(kinds, key=common.__contains__) if rng.random() < 0.7 else kinds


def _put(text: str, start: int, end: int, new: str) -> str:
    """`text` with `new` in the place of `[start, end)`."""
    return text[:start] + new + text[end:]


# --- true claims -------------------------------------------------------------------------------


def _true(doc: Any, rng: random.Random, count: int) -> Iterator[tuple[str, str]]:
    sentences = [s for s in doc.sents if WORDS[0] <= len(s) <= WORDS[1] and _whole(s.text)]
    for sentence in rng.sample(sentences, min(count, len(sentences))):
        makers = [(_shortened, "shortened"), (_reworded, "reworded"), (_joined, "joined")]
        rng.shuffle(makers)
        made = None
        if rng.random() < 0.7:
            made = next(((t, kind) for make, kind in makers if (t := make(sentence, rng))), None)
        yield made or (sentence.text.strip(), "verbatim")


def _whole(text: str) -> bool:
    return text[:1].isupper() and text.rstrip()[-1:] in ".!?" and "\n" not in text.strip()


def _shortened(sentence: Any, rng: random.Random) -> str | None:
    """Without a bracket, an apposition, a relative clause between commas, or an opening phrase."""
    text: str = sentence.text
    cuts = [m.span() for m in re.finditer(r"\s\([^()]*\)", text)]
    for token in sentence:
        if token.dep_ in {"appos", "relcl"}:
            part = list(token.subtree)
            start = part[0].idx - sentence.start_char
            end = part[-1].idx + len(part[-1]) - sentence.start_char
            if text[:start].rstrip().endswith(",") and text[end : end + 1] in {",", "."}:
                begin = len(text[:start].rstrip()) - 1
                cuts.append((begin, end + (text[end : end + 1] == ",")))
    opening = re.match(r"(?:In|On|At|During|After|By)\s[^,]{3,40},\s(?=[a-z])", text)
    if opening:
        return text[opening.end()].upper() + text[opening.end() + 1 :].strip()
    if not cuts:
        return None
    start, end = rng.choice(cuts)
    return (text[:start] + text[end:]).strip()


def _reworded(sentence: Any, rng: random.Random) -> str | None:
    """A full name as its last part, a small number in words, or "..., X said" turned round."""
    text: str = sentence.text.strip()
    made = []
    for entity in sentence.ents:
        parts = entity.text.split()
        if entity.label_ == "PERSON" and 2 <= len(parts) <= 3 and all(p.isalpha() for p in parts):
            made.append(text.replace(entity.text, parts[-1], 1))
    for match in re.finditer(r"(?<![\w.,$€£%-])(\d{1,2})(?=\s[a-z])", text):
        if int(match[1]) < len(_SMALL):
            made.append(_put(text, *match.span(), _SMALL[int(match[1])]))
    said = re.fullmatch(r"([^\"“”]+),\s((?:[A-Z][\w.-]+\s?){1,3})\s?said\.", text)
    if said:
        body = said[1] if sentence[0].ent_type_ else said[1][:1].lower() + said[1][1:]
        made.append(f"{said[2].strip()} said that {body}.")
    return rng.choice(made) if made else None


def _joined(sentence: Any, rng: random.Random) -> str | None:
    """With the sentence that follows it, if both are short."""
    after = sentence.doc[sentence.end : sentence.end + WORDS[1]]
    following = next(iter(after.sents), None) if len(after) else None
    if following is None or len(sentence) + len(following) > WORDS[1]:
        return None
    if not _whole(following.text):
        return None
    second = following.text.strip()
    if not following[0].ent_type_ and following[0].pos_ != "PROPN":
        second = second[:1].lower() + second[1:]
    return f"{sentence.text.strip().rstrip('.!?')}, and {second}"


# --- false claims ------------------------------------------------------------------------------


def _number(claim: Any, doc: Any, pool: Pool, rng: random.Random) -> str | None:
    """Another number: one of the text's, or the same one made greater or smaller."""
    text: str = claim.text
    found = [m for m in re.finditer(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w-]*\w)", text)]
    dates = [(d.start, d.end) for d in find_dates(text)]
    found = [m for m in found if not any(s < m.end() and m.start() < e for s, e in dates)]
    spelt = [
        m for m in re.finditer(r"\b(?:" + "|".join(_SMALL[2:]) + r")\b", text) if m.start() > 0
    ]
    if not found and not spelt:
        return None
    match = rng.choice(found or spelt)
    if match[0].isalpha():
        new = rng.choice([w for w in _SMALL[2:] if w != match[0]])
    else:
        said = {text[q.start : q.end] for q in find_quantities(text)}
        others = [
            m[0]
            for m in re.finditer(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w.,]*\w)", doc.text)
            if m[0] not in text and len(m[0]) <= len(match[0]) + 2 and m[0] not in said
        ]
        new = rng.choice(others) if others and rng.random() < 0.5 else _altered(match[0], rng)
    return _put(text, *match.span(), new)


def _altered(number: str, rng: random.Random) -> str:
    """One digit changed, the first never to zero; the commas stay."""
    places = [i for i, c in enumerate(number) if c.isdigit()]
    place = rng.choice(places[:2])
    digits = [d for d in "123456789" if d != number[place]]
    return _put(number, place, place + 1, rng.choice(digits))


def _date(claim: Any, doc: Any, pool: Pool, rng: random.Random) -> str | None:
    """Another weekday, month or year."""
    text: str = claim.text
    found = find_dates(text)
    if not found:
        return None
    when = rng.choice(found)
    said = text[when.start : when.end]
    for names in (_DAYS, _MONTHS):
        name = next((n for n in names if n in said), None)
        if name:
            new = said.replace(name, rng.choice([n for n in names if n != name]))
            return _put(text, when.start, when.end, new)
    year = re.search(r"(?:19|20)\d\d", said)
    if not year:
        return None
    other = str(int(year[0]) + rng.choice([-10, -3, -2, -1, 1, 2, 3, 10]))
    return _put(text, when.start, when.end, said.replace(year[0], other))


def _name(claim: Any, doc: Any, pool: Pool, rng: random.Random) -> str | None:
    """Another name of the same kind."""
    found = [e for e in claim.ents if e.label_ in _ENTITIES and e.text[:1].isupper()]
    return _exchange(rng.choice(found), claim, doc, pool, rng) if found else None


def _exchange(old: Any, claim: Any, doc: Any, pool: Pool, rng: random.Random) -> str | None:
    def others(names: list[str]) -> list[str]:
        said = set(claim.text.lower().split()) | set(old.text.lower().split())
        return [n for n in names if n[:1].isupper() and not set(n.lower().split()) & said]

    near = others([e.text for e in doc.ents if e.label_ == old.label_])
    choices = near or others(pool[old.label_])
    if not choices:
        return None
    return _put(claim.text, old.start_char, old.end_char, rng.choice(choices))


def _speaker(claim: Any, doc: Any, pool: Pool, rng: random.Random) -> str | None:
    """Somebody else says it."""
    for token in claim:
        if token.dep_ == "nsubj" and token.head.lemma_.lower() in SPEECH:
            entity = next((e for e in claim.ents if e.start <= token.i < e.end), None)
            if entity is not None and entity.label_ in {"PERSON", "ORG", "GPE"}:
                return _exchange(entity, claim, doc, pool, rng)
    return None


def _negation(claim: Any, doc: Any, pool: Pool, rng: random.Random) -> str | None:
    """Denied: "not" put in or taken out, or one word made its opposite."""
    text: str = claim.text
    opposites = [t for t in claim if t.text in _OPPOSITE]
    if opposites and rng.random() < 0.5:
        token = rng.choice(opposites)
        return _put(text, token.idx, token.idx + len(token), _OPPOSITE[token.text])
    denied = next((t for t in claim if t.dep_ == "neg" and t.lower_ == "not"), None)
    if denied is not None:
        return str(text[: denied.idx].rstrip() + text[denied.idx + len(denied) :])
    root = next((t for t in claim if t.dep_ == "ROOT"), None)
    if root is None or any(t.dep_ == "neg" for t in claim):
        return None
    helper = next((t for t in root.children if t.dep_ in {"aux", "auxpass"}), None)
    place = helper if helper is not None else root if root.lemma_ == "be" else None
    if place is not None:
        end = place.idx + len(place)
        return _put(text, end, end, " not")
    if root.tag_ == "VBD":
        return _put(text, root.idx, root.idx + len(root), f"did not {root.lemma_}")
    return None


def _modality(claim: Any, doc: Any, pool: Pool, rng: random.Random) -> str | None:
    """What may be, will be."""
    text: str = claim.text
    wanted = r"(?:plan|hope|want|aim|intend)s?|planned|wanted|asked"
    if match := re.search(r"\b(?:may|might|could)\b(?= [a-z])", text):
        return _put(text, *match.span(), "will")
    match = re.search(rf"\b(?:{wanted}) to\b", text)
    return _put(text, *match.span(), "began to") if match else None


def _roles(claim: Any, doc: Any, pool: Pool, rng: random.Random) -> str | None:
    """Who did it and to whom, exchanged: two names, one on each side of the main verb."""
    root = next((t for t in claim if t.dep_ == "ROOT"), None)
    if root is None or root.pos_ != "VERB" or root.lemma_ in {"meet", "be", "marry"}:
        return None
    named = [e for e in claim.ents if e.label_ in _ENTITIES]
    before = [e for e in named if e.root.head.i == root.i and e.root.dep_ == "nsubj"]
    after = [e for e in named if e.start > root.i and e.root.dep_ in {"dobj", "pobj"}]
    if not before or not after:
        return None
    a, b = before[0], after[0]
    text = _put(claim.text, b.start_char, b.end_char, a.text)
    return _put(text, a.start_char, a.end_char, b.text)


SWAPS: dict[str, Swap] = {
    "number": _number,
    "date": _date,
    "name": _name,
    "negation": _negation,
    "speaker": _speaker,
    "modality": _modality,
    "roles": _roles,
}
