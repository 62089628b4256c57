"""Checks over parsed clauses: denied or not, and how certain it is.

Each looks only at the clauses of the source that are about the same thing as the claim's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from index.words import stems
from rag.alignment import Parsed, Span, rival
from rag.amounts import counts_others
from rag.grammar import SPEECH, SUBJECTS, child_as
from rag.opposites import sides_of_questions

_NEGATIONS = frozenset("not n't n’t never no neither nor hardly barely".split())
_NOBODY = frozenset("nobody none nothing neither no nowhere".split())
#: Whoever does this to a thing says or sees to it that it isn't so.
_DENYING = frozenset(
    """deny refuse fail decline dispute rule prevent stop avoid forget neglect without unable
    unwilling reluctant refusal failure denial cancel abandon scrap reject prohibit forbid ban bar
    halt instead unlikely impossible false untrue wrong""".split()
)
_PLANNING = frozenset(
    """plan intend hope want aim seek urge ask offer propose threaten consider expect prepare
    demand recommend suggest need wish try attempt consider mull encourage instruct order tell call
    press pressure beg plead advise invite forecast predict project discuss proposal bid threat
    attempt effort likely ready able poised request call demand suggestion idea
    tempt eager willing hopeful aim option possibility chance""".split()
)
_PROMISING = frozenset(
    """agree promise vow pledge set due schedule slate decide vote go agreement deal promise pledge
    decision commit sure bound certain""".split()
)
_BELIEVING = frozenset(
    "allege suspect believe claim fear think accuse rumour speculate suggest assume".split()
)
_DOUBT = frozenset(
    "allegedly reportedly possibly perhaps maybe probably likely apparently supposedly".split()
)
_DONE = frozenset(
    "begin start manage continue proceed help get come go_on force finish cease happen end".split()
)
_MAY = frozenset("may might could can should must ought".split())
_WILL = frozenset("will would shall 'll 'd wo".split())
#: By how much a rival must be more alike where one sentence says both.
SAME_SENTENCE = 0.25
FACT, FUTURE, PLANNED, POSSIBLE, UNKNOWN = 3.0, 2.0, 1.5, 1.0, 0.0


# --- facts: a word with its polarity and certainty ----------------------------------------------


@dataclass(frozen=True)
class Fact:
    """A word as it is said: `side` 1 said, -1 denied or its opposite, 0 can't tell.

    `key` is the word's stem, or the question of which it is one side; `certainty` runs from 0
    (can't tell) over possible, planned and future to a fact, 3. `subject` is the span of a verb's
    subject, and `of_nobody` whether that is "nobody" or its like.
    """

    span: Span
    keys: frozenset[str]
    opposite: frozenset[str]
    side: int
    certainty: float
    word: str
    is_verb: bool
    subject: Span | None = None
    of_nobody: bool = False


def facts(text: Parsed) -> list[Fact]:
    """The words of a text's parsed sentences that can be denied or have an opposite."""
    return [_fact(at, token) for at, doc in text.docs for token in doc if _telling(token)]


def _telling(token: Any) -> bool:
    if token.pos_ in {"VERB", "ADJ", "NOUN"} or (token.lemma_ == "be" and token.dep_ == "ROOT"):
        return True
    left, right = sides_of_questions()
    return token.lower_ in left or token.lower_ in right


def _fact(at: int, token: Any) -> Fact:
    left, right = sides_of_questions()
    lemma, particle = token.lemma_.lower(), child_as(token, "prt")
    forms = [f"{lemma}_{particle.lower_}"] if particle else [token.lower_, lemma]
    to_whom = token.lemma_ == "lose" and any(c.lower_ == "to" for c in token.children)
    if to_whom or (token.lemma_ == "defeat" and token.pos_ == "VERB"):
        forms = []  # who wins and who loses is a matter of roles
    stem = next(iter(stems(token.lemma_)), lemma)
    one = {q for f in forms for q in left.get(f, ())}
    other = {q for f in forms for q in right.get(f, ())}
    spelt = next(iter(stems(token.text)), token.lower_)
    keys = {stem, spelt} | {f"+{q}" for q in one} | {f"-{q}" for q in other}
    opposite = {f"-{q}" for q in one} | {f"+{q}" for q in other}
    return Fact(
        (at + token.idx, at + token.idx + len(token)),
        frozenset(keys),
        frozenset(opposite),
        _side(token),
        certainty(token),
        token.text,
        token.pos_ in {"VERB", "AUX"},
        *_subject(at, token),
    )


def _subject(at: int, verb: Any) -> tuple[Span | None, bool]:
    """Where a verb's subject stands, and whether it is nobody."""
    found = child_as(verb, *SUBJECTS)
    if found is None:
        return None, False
    inside = list(found.subtree)
    no = found.lower_ in _NOBODY or any(c.lower_ in {"no", "neither"} for c in found.children)
    return (at + inside[0].idx, at + inside[-1].idx + len(inside[-1])), no


def _side(token: Any) -> int:
    if token.pos_ in {"VERB", "AUX"}:
        if any(c.lower_ == "whether" for c in token.children):
            return 0
        return -1 if denied(token) else 1
    head = token.head
    if any(c.i < token.i and _negates(c) for c in token.children):
        return -1
    if token.dep_ in {"attr", "acomp", "oprd"}:
        return -1 if denied(head) else 1
    if token.pos_ == "NOUN" and head.pos_ in {"VERB", "AUX"}:
        left, right = sides_of_questions()
        unsure = denied(head) or head.lemma_ in left or head.lemma_ in right
        return 0 if unsure or head.lemma_ in _DENYING else 1
    return 1


def denied(verb: Any) -> bool:
    """Whether a verb's clause says that it is not so: an odd number of denials over it."""
    count = _own_denials(verb)
    token = verb
    for _ in range(4):
        head = token.head
        if head is token:
            break
        if token.dep_ in {"xcomp", "ccomp", "pcomp", "acl", "prep"}:
            complement = token.dep_ != "ccomp" or head.lemma_ in {"think", "believe", "expect"}
            count += head.lemma_.lower() in _DENYING
            if complement and head.pos_ in {"VERB", "AUX", "ADJ"}:
                count += _own_denials(head)
        elif token.dep_ == "conj" and not _has_subject(token) and head.pos_ in {"VERB", "AUX"}:
            # What denies the first verb denies the second: "did not stop or answer".
            joined_by_or = any(c.dep_ == "cc" and c.lower_ in {"or", "nor"} for c in head.children)
            count += _own_denials(head) * joined_by_or
        else:
            break
        token = head
    return count % 2 == 1


def _negates(token: Any) -> bool:
    """Whether a word denies what it belongs to; "not only" doesn't."""
    following = token.nbor(1).lower_ if token.i + 1 < len(token.doc) else ""
    return token.lower_ in _NEGATIONS and following not in {"only", "just", "merely"}


def _own_denials(verb: Any) -> int:
    count = 0
    for child in verb.children:
        if child.dep_ == "neg" or child.lower_ in {"never", "hardly", "barely", "neither"}:
            count += _negates(child)
        elif child.dep_ in {*SUBJECTS, "dobj", "attr"}:
            count += child.lower_ in _NOBODY or any(
                c.lower_ in {"no", "neither"} and c.dep_ in {"det", "neg"} for c in child.children
            )
    if verb.dep_ == "acl" or any(c.dep_ in {"acomp", "attr"} for c in verb.children):
        count += any(c.lower_ in {"unable", "unlikely"} for c in verb.children)
    return count


def _has_subject(verb: Any) -> bool:
    return child_as(verb, *SUBJECTS) is not None


def certainty(token: Any) -> float:
    """How certain a text makes what a verb says; see `Fact`. Other words are facts."""
    if token.pos_ not in {"VERB", "AUX"}:
        return FACT
    level = _own_certainty(token)
    verb = token
    for _ in range(3):
        head = verb.head
        if head is verb or verb.dep_ not in {"xcomp", "ccomp", "acl", "pcomp", "prep", "conj"}:
            break
        if verb.dep_ == "conj":
            if not _has_subject(verb):
                level = min(level, _own_certainty(head))
        elif verb.dep_ in {"ccomp"} and head.lemma_ in SPEECH - _BELIEVING:
            break
        else:
            level = min(level, _governed(verb, head))
        verb = head
    return level


def _own_certainty(verb: Any) -> float:
    level = FACT
    for child in verb.children:
        word = child.lower_
        if child.dep_ in {"aux", "auxpass"} and word in _MAY:
            level = min(level, POSSIBLE)
        elif child.dep_ == "aux" and word in _WILL:
            level = min(level, FUTURE)
        elif child.dep_ == "mark" and word in {"if", "whether", "unless"}:
            level = min(level, POSSIBLE)
        elif child.dep_ == "advmod" and word in _DOUBT:
            level = min(level, PLANNED)
    is_now = any(c.lower_ in {"is", "are", "am", "'s", "'re"} for c in verb.children)
    progressive = verb.tag_ == "VBG" and is_now
    return UNKNOWN if progressive and level == FACT else level


def _governed(verb: Any, head: Any) -> float:
    lemma = head.lemma_.lower()
    if lemma == "order" and head.dep_ == "pobj":
        return UNKNOWN  # "in order to"
    infinitive = any(c.lower_ == "to" and c.dep_ == "aux" for c in verb.children)
    if lemma in _DONE:
        return FACT
    if verb.dep_ == "ccomp" and not infinitive:
        return PLANNED if lemma in _BELIEVING | _PLANNING - {"tell", "need"} else FACT
    if lemma in _PROMISING:
        return FUTURE
    if lemma in _PLANNING | _BELIEVING:
        return PLANNED
    return UNKNOWN if infinitive else FACT


# --- negation and modality ---------------------------------------------------------------------


def check_denial(claim: Parsed, source: Parsed) -> str:
    """What the claim says must not be denied by the source at that place, nor its opposite said."""
    said = facts(source)
    others = counts_others(claim.text, source.text)
    for fact in facts(claim):
        if fact.side == 0 or (others and any(fact.keys & f.keys for f in said)):
            continue
        instead = _opposed(claim, source, fact, said)
        if instead is not None:
            ours, theirs = _saying(fact), _saying(instead)
            return f"the source has {theirs}, the claim {ours}: the opposite"
    return ""


def _saying(fact: Fact) -> str:
    return f"“{fact.word}”" if fact.side >= 0 else f"a denial of “{fact.word}”"


def _opposed(claim: Parsed, source: Parsed, fact: Fact, said: list[Fact]) -> Fact | None:
    def agrees(other: Fact) -> bool:
        return other.side == 0 or (
            fact.side == other.side if fact.keys & other.keys else fact.side != other.side
        )

    def likeness(other: Fact) -> float:
        # Nobody is the subject of one and somebody of the other: subjects can't be alike.
        without = fact.subject if fact.of_nobody or other.of_nobody else None
        return claim.words.likeness(fact.span, source.words, other.span, without)

    about = [f for f in said if f.keys & fact.keys or f.keys & fact.opposite]
    instead = rival(agrees, likeness, about)
    if instead is None or not any(
        agrees(f) and source.in_one_sentence(instead.span, f.span) for f in about
    ):
        return instead
    # One sentence says both: rewording moves words about, so only a plain case counts.
    return rival(agrees, likeness, about, margin=SAME_SENTENCE)


def check_certainty(claim: Parsed, source: Parsed) -> str:
    """A claim must not be more certain than its source: what may be is not yet."""
    said = facts(source)
    for fact in facts(claim):
        if not fact.is_verb:
            continue

        def agrees(other: Fact, fact: Fact = fact) -> bool:
            return other.certainty == UNKNOWN or other.certainty >= fact.certainty

        def likeness(other: Fact, fact: Fact = fact) -> float:
            return claim.words.likeness(fact.span, source.words, other.span)

        about = [f for f in said if f.is_verb and f.keys & fact.keys]
        instead = rival(agrees, likeness, about)
        if instead is not None:
            level = _LEVELS[instead.certainty]
            return f"“{fact.word}” is {level} in the source, and more certain in the claim"
    return ""


_LEVELS = {
    FUTURE: "still to come",
    PLANNED: "planned, wanted or believed",
    POSSIBLE: "only possible",
    UNKNOWN: "not said to be so",
}
