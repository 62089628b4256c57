"""What a conversation has spoken of, so that "he", "it", "they" and "there" can be resolved.

Nothing is guessed from the world: whatever is offered stands in the last questions or in the
sentences that their answers cite.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from index.language import parse
from rag.frames import Frame, frame_of
from rag.names import TITLES
from rag.question import answer_type
from rag.schema import Answer, Claim

PEOPLE = frozenset(
    """man woman minister official leader spokesman spokeswoman spokesperson officer expert judge
    mayor politician candidate senator lawmaker president governor analyst economist columnist
    journalist reporter author witness survivor captain skipper pilot driver player coach artist
    scientist researcher doctor lawyer director manager owner member councillor ambassador general
    chief head boss nurse teacher professor challenger incumbent opponent spokesperson deputy
    investigator inspector detective chairman chairwoman negotiator coordinator clerk""".split()
)
BODIES = frozenset(
    """ministry company government police union court board agency department office party army
    hospital university bank council committee group firm club regulator authority commission
    operator airline charity school force service institute association crew team staff press
    opposition employer federation carmaker insurer brigade coastguard industry family""".split()
)
_PLACES = {"GPE", "LOC", "FAC"}
_CUT = {"relcl", "appos", "punct", "acl", "advcl", "parataxis", "cc"}
_TIMES = {"DATE", "TIME", "ORDINAL", "CARDINAL", "MONEY", "PERCENT", "QUANTITY"}
_ROLES = {"nsubj", "nsubjpass", "dobj", "pobj", "attr", "oprd", "ROOT", "conj", "dative"}
_NOT_NAMES = re.compile(
    r"\b(?:Museum|Bank|Institute|Works|Dam|Street|Valley|Board|Council|Post|University|Hospital|"
    r"School|Motors|Lines|Union|Ministry|Office|River|Bridge|Lane|Port|Hotel|Agency|Ltd|Inc|Party|"
    r"Company|Court|Authority|Association|Harbour|Harbor|Airport|Station|Wire|News|Gazette)\b"
)
#: Turns that are looked back.
REMEMBERED = 4
_LONGEST = 14


@dataclass(frozen=True)
class Referent:
    """A phrase that was spoken of: its words, the words before it ("in"), and what it may be."""

    text: str
    kinds: frozenset[str]
    plural: bool
    role: str
    preposition: str = ""
    named: bool = False
    head: str = ""


@dataclass(frozen=True)
class Turn:
    """A question that stands alone, and what it was answered with."""

    question: str
    answer: Answer

    @cached_property
    def frame(self) -> Frame | None:
        """The question's parts."""
        return frame_of(self.question)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims but for what the reports differ in: that is our words on theirs."""
        return tuple(c for c in self.answer.claims if c.kind != "difference")

    @property
    def value(self) -> str:
        """The short answer, or "" where there was none."""
        claims = self.claims
        return " ".join(claims[0].text.split()) if claims and claims[0].kind == "span" else ""

    @property
    def cited(self) -> str:
        """The sentence that the first claim cites, or "" of a declined answer."""
        claims = self.claims
        quote = claims[0].citations[0].quote if claims and claims[0].citations else ""
        return " ".join(quote.split())

    @property
    def reports(self) -> str:
        """The whole texts of the articles that the answer cites."""
        cited = {c.article_id: c for claim in self.answer.claims for c in claim.citations}
        return "\n".join(c.passage.article.text for c in cited.values())

    @cached_property
    def asked(self) -> tuple[Referent, ...]:
        """What the question speaks of, in its order; what it counts first."""
        counted = () if self.frame is None else _counted(self.frame)
        return (*counted, *referents(self.question, self.reports))

    @cached_property
    def told(self) -> tuple[Referent, ...]:
        """What the cited sentence speaks of, in its order."""
        return referents(self.cited, self.reports)

    @cached_property
    def answered(self) -> tuple[Referent, ...]:
        """The short answer as something that can be spoken of: a person, a place, a name."""
        kind = answer_type(self.question)
        kinds = {"person": "person", "place": "place", "name": "thing", "time": "time"}
        if not self.value or kind not in kinds:
            return ()
        several = re.search(r"\band\b", self.value) is not None
        found = frozenset({kinds[kind]}) | ({"group"} if kind == "name" else set())
        before = re.search(rf"\b(in|at|on|near|off)\s+{re.escape(self.value)}", self.cited)
        place = before[1] if before else "in"
        return (Referent(self.value, found, several, "answer", place, True),)


def _counted(frame: Frame) -> tuple[Referent, ...]:
    """What is counted: "How many people died in the fire?" -> "the people who died in the fire"."""
    if not frame.counted or not frame.rest:
        return ()
    noun = frame.counted
    people = re.search(r"(?:people|men|women|children|ers|ors|ists|ents|pupils)$", noun, re.I)
    if frame.helper:
        return (Referent(f"the {noun}", frozenset({"thing"}), True, "counted", head=noun),)
    link = "who" if people else "that"
    text = f"the {noun} {link} {frame.rest}"
    return (Referent(text, frozenset({"group"}), True, "counted", head=noun),)


def referents(text: str, context: str = "") -> tuple[Referent, ...]:
    """The noun phrases of a text, in their order, but for times, amounts and what is asked for.

    `context` is text that may show whether a name is a person's ("Ms Holm").
    """
    doc = parse(text)
    return tuple(_described(t, doc, context) for t in doc if _is_head(t))


def _is_head(token: Any) -> bool:
    if token.pos_ not in {"NOUN", "PROPN"} or token.dep_ not in _ROLES:
        return False
    if token.ent_type_ in _TIMES and token.pos_ != "NOUN":
        return False
    asked = any(t.tag_ in {"WDT", "WP", "WP$", "WRB"} for t in _phrase(token)[:2])
    return not asked and token.ent_type_ not in {"DATE", "TIME"}


def _phrase(token: Any) -> list[Any]:
    """The tokens of a noun phrase, without clauses and apposed words after its head."""
    cut: set[int] = set()
    for c in token.subtree:
        joined = c.dep_ == "cc" and token.dep_.startswith("nsubj")
        if c.i > token.i and c.dep_ in _CUT and not joined:
            cut |= {t.i for t in c.subtree}
    inside = [t for t in token.subtree if t.i not in cut]
    last = token.i
    for t in inside:
        if t.i > last + 1:
            break
        last = max(last, t.i)
    return [t for t in inside if t.i <= last and t.dep_ != "case"]


def _described(token: Any, doc: Any, context: str) -> Referent:
    phrase = _phrase(token)
    text = doc[phrase[0].i : phrase[-1].i + 1].text
    before = token.head.text.lower() if token.dep_ == "pobj" else ""
    several = any(c.dep_ == "conj" for c in token.children) and " and " in text
    named = any(t.pos_ == "PROPN" for t in phrase)
    return Referent(
        _definite(text, token),
        frozenset(_kinds(token, doc, context)),
        several or token.tag_ == "NNS",
        token.dep_,
        before,
        named,
        token.lemma_.lower(),
    )


def _definite(text: str, token: Any) -> str:
    """As it is spoken of again: "Burglars" -> "the burglars", "its rate" -> "the rate"."""
    if text.startswith("The "):
        return "the " + text[4:]
    if re.match(r"(?:an?|its|his|her|their|some|no|any)\s", text, re.I):
        return "the " + text.split(None, 1)[1]
    plain = token.tag_ == "NNS" and not any(c.dep_ in {"det", "poss"} for c in token.children)
    if plain and text[:1].isupper() and token.i == token.left_edge.i:
        return "the " + text[:1].lower() + text[1:]
    return text


def _kinds(token: Any, doc: Any, context: str) -> Iterator[str]:
    if token.pos_ == "PROPN":
        name = _name_at(token, doc)
        if is_person(name, token.ent_type_, context):
            yield "person"
            return
        if token.ent_type_ in _PLACES:
            yield "place"
        if token.ent_type_ in {"ORG", "GPE", "NORP"} or _NOT_NAMES.search(name):
            yield "group"
        if token.ent_type_ not in {"GPE", "ORG", "NORP", "PERSON"}:
            yield "thing"
        return
    lemma = token.lemma_.lower()
    if lemma in PEOPLE:
        yield "person"
    elif lemma in BODIES:
        yield "group"
    else:
        yield "thing"


def _name_at(token: Any, doc: Any) -> str:
    start = token.i
    while start and doc[start - 1].pos_ == "PROPN":
        start -= 1
    end = token.i + 1
    while end < len(doc) and doc[end].pos_ == "PROPN":
        end += 1
    return str(doc[start:end].text)


def is_person(name: str, label: str, context: str) -> bool:
    """Whether a name is a person's, by the parser's label, its look, and titles in `context`."""
    words = [w for w in name.split() if w.lower() not in TITLES]
    if not words or _NOT_NAMES.search(name):
        return False
    titled = "|".join(TITLES)
    if re.search(rf"\b(?i:{titled})\.?\s+(?:[A-Z]\w+\s+)?{re.escape(words[-1])}\b", context):
        return True
    last = re.escape(words[-1])
    said = rf"{last},? (?:\d|who\b|the\b|a\b|said\b|told\b)|said \S+ ?{re.escape(name)}"
    return label == "PERSON" or (len(words) == 2 and re.search(said, context) is not None)


def gender_of(name: str, context: str) -> str:
    """Says "m" or "f" where a title in `context` tells it, else ""."""
    last = name.split()[-1] if name.split() else ""
    if re.search(rf"\b(?:Ms|Mrs|Miss|Madam|Lady)\.?\s+(?:\w+\s+)?{re.escape(last)}\b", context):
        return "f"
    return "m" if re.search(rf"\bMr\.?\s+(?:\w+\s+)?{re.escape(last)}\b", context) else ""


def short_enough(found: Iterable[Referent]) -> list[Referent]:
    """Those that can stand in a question without making it unreadable."""
    return [r for r in found if len(r.text.split()) <= _LONGEST]
