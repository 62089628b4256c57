"""Checks over parsed clauses: denied or not, who says it, how certain it is, who did it to whom.

Each looks only at the clauses of the source that are about the same thing as the claim's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from index.words import STOP_WORDS, stems
from rag.alignment import Parsed, Span, nation, rival
from rag.amounts import counts_others
from rag.schema import Check

#: Verbs of saying, as lemmas.
SPEECH = frozenset(
    """say tell claim report announce state add argue warn confirm deny insist allege blame accuse
    believe think write explain declare complain describe admit suggest note stress call suspect
    ask answer reply promise demand urge vow fear""".split()
)
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

#: Opposites: words of the two sides of one question, by lemma or as they stand.
_SIDES = """
rise increase grow climb gain jump surge soar up higher upward/fall decrease decline drop shrink
lose plunge sink slump down lower downward; win victory triumph/lose defeat loss; accept approve
pass back support endorse agree favour favor welcome/reject refuse oppose decline turn_down
block veto; before/after; open reopen launch begin start/close shut end finish stop; confirm
admit acknowledge/deny; arrive enter come join/depart leave quit exit; more greater higher
larger bigger/fewer less lower smaller; first initial/last final; north
northern/south southern; east eastern/west western; allow permit
legalise/ban forbid prohibit bar outlaw; above over exceed/below under beneath; success
succeed/failure fail; hire appoint/fire dismiss sack; with/without; include including/exclude
excluding; early earlier/late later; inside/outside; strong stronger/weak weaker; old older/new
newer young younger; major large big/minor small little; same identical/different; increase rise
growth/decrease fall decline drop; guilty convict/innocent acquit; safe/dangerous unsafe; legal
lawful/illegal unlawful; possible/impossible; true/false untrue; likely/unlikely;
public/private; alive survive/dead die; release free/arrest detain jail; remember/forget; cheap
cheaper/expensive costly dearer; raise/cut lower reduce; add/remove; improve better best/worsen
worse worst; many/few; always/never; all every/none; long longer/short shorter; high/low; ally
friend/enemy rival; attack/defend; advance/retreat;
domestic/foreign; present/absent; temporary/permanent; positive/negative; able/unable;
willing/unwilling; complete/incomplete; fast faster quick quicker/slow slower; hot hotter
warm/cold colder; full/empty; male/female; man/woman; men/women; father/mother; son/daughter;
brother/sister; husband/wife; morning/evening; summer/winter; spring/autumn; majority/minority;
maximum/minimum; optimistic/pessimistic; happy/unhappy; successful/unsuccessful
"""

_AIDES = frozenset(
    """spokesman spokeswoman spokesperson aide deputy lawyer attorney solicitor wife husband son
    daughter brother sister father mother parent office team adviser advisor ally supporter critic
    opponent rival successor predecessor campaign agent manager family assistant representative
    colleague friend neighbour neighbor partner secretary staff envoy biographer counsel""".split()
)
_BODIES = frozenset(
    """ministry company government police union court board agency department office party army
    hospital university bank council committee group firm club regulator authority commission
    operator airline charity campaign school force service institute association""".split()
)
#: Verbs of saying that mean something else where no clause hangs on them.
_OTHER_SENSES = frozenset("write call describe suspect fear report".split())
_ANYBODY = frozenset(
    "authority official police source report expert investigator prosecutor analyst".split()
)
#: Verbs of one deed: who wins against somebody beats them.
_SAME_DEED = {"win": "beat", "defeat": "beat", "overcome": "beat", "acquire": "buy"}
_SUBJECTS, _PASSIVE = ("nsubj", "csubj"), ("nsubjpass", "csubjpass")
_FREE_PARTS = ("compound", "flat", "appos", "amod", "nmod")
_EITHER_WAY = frozenset(
    """meet marry talk agree border face play draw tie speak share differ compete clash negotiate
    debate date divorce""".split()
)


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


@lru_cache(maxsize=1)
def _sides() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """For each word the questions of which it is the one side, and those of the other."""
    left: dict[str, set[str]] = {}
    right: dict[str, set[str]] = {}
    for line in _SIDES.split(";"):
        a, b = line.split("/")
        for word in a.split():
            left.setdefault(word, set()).add(line)
        for word in b.split():
            right.setdefault(word, set()).add(line)
    return left, right


def facts(text: Parsed) -> list[Fact]:
    """The words of a text's parsed sentences that can be denied or have an opposite."""
    return [_fact(at, token) for at, doc in text.docs for token in doc if _telling(token)]


def _telling(token: Any) -> bool:
    if token.pos_ in {"VERB", "ADJ", "NOUN"} or (token.lemma_ == "be" and token.dep_ == "ROOT"):
        return True
    left, right = _sides()
    return token.lower_ in left or token.lower_ in right


def _fact(at: int, token: Any) -> Fact:
    left, right = _sides()
    particle = next((c.lower_ for c in token.children if c.dep_ == "prt"), None)
    forms = (
        [f"{token.lemma_.lower()}_{particle}"]
        if particle
        else [
            token.lower_,
            token.lemma_.lower(),
        ]
    )
    to_whom = token.lemma_ == "lose" and any(c.lower_ == "to" for c in token.children)
    if to_whom or (token.lemma_ == "defeat" and token.pos_ == "VERB"):
        forms = []  # who wins and who loses is a matter of roles
    stem = next(iter(stems(token.lemma_)), token.lemma_.lower())
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
    found = next((c for c in verb.children if c.dep_ in {*_SUBJECTS, *_PASSIVE}), None)
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
        left, right = _sides()
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
            count += _shared_denials(token, head)
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
        elif child.dep_ in {*_SUBJECTS, *_PASSIVE, "dobj", "attr"}:
            count += child.lower_ in _NOBODY or any(
                c.lower_ in {"no", "neither"} and c.dep_ in {"det", "neg"} for c in child.children
            )
    if verb.dep_ == "acl" or any(c.dep_ in {"acomp", "attr"} for c in verb.children):
        count += any(c.lower_ in {"unable", "unlikely"} for c in verb.children)
    return count


def _shared_denials(token: Any, head: Any) -> int:
    """What denies the first verb denies the second: "did not stop or answer"."""
    joined_by_or = any(c.dep_ == "cc" and c.lower_ in {"or", "nor"} for c in head.children)
    return _own_denials(head) if joined_by_or else 0


def _has_subject(verb: Any) -> bool:
    return any(c.dep_ in {*_SUBJECTS, *_PASSIVE} for c in verb.children)


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
    progressive = verb.tag_ == "VBG" and any(
        c.lower_ in {"is", "are", "am", "'s", "'re"} for c in verb.children
    )
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


def check_denial(claim: Parsed, source: Parsed) -> Check:
    """What the claim says must not be denied by the source at that place, nor its opposite said."""
    said = facts(source)
    others = counts_others(claim.text, source.text)
    for fact in facts(claim):
        if fact.side == 0 or (others and any(fact.keys & f.keys for f in said)):
            continue
        instead = _opposed(claim, source, fact, said)
        if instead is not None:
            ours, theirs = _saying(fact), _saying(instead)
            detail = f"the source has {theirs}, the claim {ours}: the opposite"
            return Check("negation", False, detail)
    return Check("negation", True)


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
    if instead is None or not any(_beside(source, instead, f) and agrees(f) for f in about):
        return instead
    # One sentence says both: rewording moves words about, so only a plain case counts.
    return rival(agrees, likeness, about, margin=SAME_SENTENCE)


def _beside(source: Parsed, a: Fact, b: Fact) -> bool:
    """Whether two words stand in one sentence."""
    return any(
        at <= min(a.span[0], b.span[0]) and max(a.span[1], b.span[1]) <= at + len(doc.text)
        for at, doc in source.docs
    )


def check_certainty(claim: Parsed, source: Parsed) -> Check:
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
            detail = f"“{fact.word}” is {level} in the source, and more certain in the claim"
            return Check("modality", False, detail)
    return Check("modality", True)


_LEVELS = {
    FUTURE: "still to come",
    PLANNED: "planned, wanted or believed",
    POSSIBLE: "only possible",
    UNKNOWN: "not said to be so",
}


# --- speakers ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Speaker:
    """Who says something: `words` of the speaker itself, `around` of whom it belongs to.

    `kind` is "name", "pronoun", "body" (an institution), "role" (a common noun) or "" (unnamed).
    """

    span: Span
    words: frozenset[str]
    around: frozenset[str]
    head: str
    kind: str
    sentence: int
    shown: str
    told: frozenset[str]


def speakers(text: Parsed) -> list[Speaker]:
    """Everybody to whom the parsed sentences of a text ascribe words."""
    return [
        speaker
        for number, (at, doc) in enumerate(text.docs)
        for token in doc
        if (head := speaking(token)) is not None
        for speaker in [_speaker(head, token, at, number)]
    ]


def speaking(token: Any) -> Any | None:
    """The head of the speaker where `token` is a verb of saying, or the "to" of "according to"."""
    if token.lower_ == "to" and token.head.lower_ == "according":
        return next((c for c in token.children if c.dep_ == "pobj"), None)
    if token.lemma_.lower() not in SPEECH or token.pos_ != "VERB":
        return None
    if token.lemma_ in _OTHER_SENSES and not any(c.dep_ == "ccomp" for c in token.children):
        return None
    passive = next((c for c in token.children if c.dep_ in _PASSIVE), None)
    if passive is not None:
        by = next((c for c in token.children if c.dep_ == "agent"), None)
        return next((c for c in by.children if c.dep_ == "pobj"), None) if by else None
    own = next((c for c in token.children if c.dep_ == "nsubj"), None)
    if own is None and token.dep_ == "conj":
        own = next((c for c in token.head.children if c.dep_ == "nsubj"), None)
    if own is not None and own.lower_ in {"who", "which", "that"} and token.dep_ == "relcl":
        return token.head
    return own


def _speaker(head: Any, verb: Any, at: int, sentence: int) -> Speaker:
    own = {head, *(t for t in head.subtree if _is_part(t, head))}
    words = frozenset(w for t in own for w in _plain(t))
    around = frozenset(w for t in head.subtree for w in _plain(t)) - words
    kind = "role"
    if head.pos_ == "PRON":
        kind = "pronoun"
    elif head.lemma_.lower() in _ANYBODY:
        kind = "role"
    elif head.lemma_.lower() in _BODIES or head.ent_type_ in {"ORG", "GPE", "NORP"}:
        kind = "body"
    elif head.pos_ == "PROPN" or any(t.ent_type_ == "PERSON" for t in own):
        kind = "name"
    shown = " ".join(t.text for t in sorted(own, key=lambda t: t.i) if t.dep_ != "appos")
    return Speaker(
        (at + verb.idx, at + verb.idx + len(verb)),
        words,
        around,
        head.lemma_.lower(),
        kind,
        sentence,
        shown,
        _told(verb),
    )


def _is_part(token: Any, head: Any) -> bool:
    """Whether a token names the speaker itself and not its owner, its place or its doings."""
    while token is not head and token.i != head.i:
        if token.dep_ not in {*_FREE_PARTS, "conj"}:
            return False
        token = token.head
    return True


def _plain(token: Any) -> list[str]:
    word = nation(token.text)
    lemma = nation(token.lemma_)
    return [lemma, word] if word.isalnum() and word not in STOP_WORDS else []


def check_speaker(claim: Parsed, source: Parsed) -> Check:
    """Whoever the claim has say something must be who says it in the source."""
    theirs = speakers(source)
    bags = [_bag(doc) for _, doc in source.docs]
    for speaker in speakers(claim):
        if speaker.kind == "pronoun" or not speaker.words:
            continue
        instead = _other_speaker(claim, source, speaker, theirs, bags)
        if instead is not None:
            detail = f"in the source it is {instead.shown}, not {speaker.shown}, who says it"
            return Check("speaker", False, detail)
    return Check("speaker", True)


def _told(verb: Any) -> frozenset[str]:
    """What is said: the words of the verb's own clause, or of the sentence with "according to"."""
    if verb.pos_ != "VERB":
        return _bag(verb.doc)
    joined = {t.i for c in verb.children if c.dep_ == "conj" for t in c.subtree}
    return _bag(t for t in verb.subtree if t.i not in joined)


def _bag(doc: Any) -> frozenset[str]:
    return frozenset(w for t in doc if t.lemma_.lower() not in SPEECH for w in _plain(t)[:1])


def _other_speaker(
    claim: Parsed,
    source: Parsed,
    speaker: Speaker,
    theirs: list[Speaker],
    bags: list[frozenset[str]],
) -> Speaker | None:
    told = speaker.told - speaker.words - speaker.around

    def likeness(other: Speaker) -> float:
        return len(told & bags[other.sentence]) / len(told) if told else 0.0

    def agrees(other: Speaker) -> bool:
        return _may_be(speaker, other, bags)

    return rival(agrees, likeness, theirs)


def _may_be(ours: Speaker, theirs: Speaker, bags: list[frozenset[str]]) -> bool:
    """Whether a source's speaker is, or may be, the one that the claim names."""
    if ours.words & theirs.words:
        return theirs.head not in _AIDES - ours.words or ours.kind == "body"
    if ours.words & theirs.around:
        return ours.kind == "body"
    before = bags[max(0, theirs.sentence - 2) : theirs.sentence]
    named = any(ours.words & bag for bag in before)
    if theirs.kind == "pronoun":
        return named or not before or not any(before)
    if theirs.kind == "name" and ours.kind in {"name", "body"}:
        return ours.head in _BODIES  # one of the ministry's people may speak for the ministry
    if theirs.kind == "body" and ours.kind in {"name", "body"}:
        return False
    # "The minister said" may be Varga, if the text names her; an unnamed official is anybody's.
    return ours.kind == "role" or named or any(ours.words & bag for bag in bags)


# --- roles -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deed:
    """A verb with who does it and whom or what it is done to, as words; passives turned."""

    span: Span
    lemma: str
    doer: frozenset[str]
    others: frozenset[str]
    owner: frozenset[str]
    shown: str
    is_named: bool


def deeds(text: Parsed) -> list[Deed]:
    """The verbs of a text's parsed sentences that have a doer."""
    return [
        deed
        for at, doc in text.docs
        for token in doc
        if token.pos_ in {"VERB", "AUX"} and (deed := _deed(at, token)) is not None
    ]


def _deed(at: int, verb: Any) -> Deed | None:
    passive = next((c for c in verb.children if c.dep_ in _PASSIVE), None)
    if passive is not None:
        by = next((c for c in verb.children if c.dep_ == "agent"), None)
        doer = next((c for c in by.children if c.dep_ == "pobj"), None) if by else None
    else:
        doer = next((c for c in verb.children if c.dep_ == "nsubj"), None)
    if doer is not None and doer.lower_ in {"who", "which", "that"} and verb.dep_ == "relcl":
        doer = verb.head
    if doer is None or doer.pos_ == "PRON":
        return None
    lemma = verb.lemma_.lower()
    if lemma == "lose":  # whoever lost to them was beaten by them
        to = next((c for c in verb.children if c.lower_ == "to"), None)
        winner = next((c for c in to.children if c.dep_ == "pobj"), None) if to else None
        doer = winner or doer
        lemma = "beat" if winner else lemma
    mine = {t.i for t in doer.subtree}
    own = [t for t in doer.subtree if _is_part(t, doer) and t.dep_ != "appos"]
    words = frozenset(w for t in own for w in _plain(t))
    rest = [t for t in verb.subtree if t.i not in mine and t.pos_ in {"NOUN", "PROPN"}]
    others = frozenset(w for t in rest for w in _plain(t)) - words
    owner = frozenset(w for t in doer.subtree for w in _plain(t)) - words
    return Deed(
        (at + verb.idx, at + verb.idx + len(verb)),
        _SAME_DEED.get(lemma, lemma),
        words,
        others,
        owner,
        " ".join(t.text for t in own),
        doer.pos_ == "PROPN",
    )


def check_roles(claim: Parsed, source: Parsed) -> Check:
    """Who did it and to whom must not be exchanged, nor one's aide be taken for oneself."""
    said = deeds(source)
    for deed in deeds(claim):
        about = [d for d in said if d.lemma == deed.lemma]

        def agrees(other: Deed, deed: Deed = deed) -> bool:
            return not (_exchanged(deed, other) or _stands_in(deed, other))

        def likeness(other: Deed, deed: Deed = deed) -> float:
            ours = deed.others | deed.doer
            return len(ours & (other.others | other.doer | other.owner)) / len(ours)

        instead = rival(agrees, likeness, about) if deed.doer else None
        if instead is not None:
            verb = claim.text[slice(*deed.span)]
            detail = f"“{verb}” is said of {instead.shown} in the source, not of {deed.shown}"
            return Check("roles", False, detail)
    return Check("roles", True)


def _exchanged(ours: Deed, theirs: Deed) -> bool:
    if ours.lemma in _EITHER_WAY:
        return False
    if ours.lemma in {"be", "have", "say"} and not (ours.is_named and theirs.is_named):
        return False
    return (
        not ours.doer & theirs.doer
        and bool(ours.doer & theirs.others)
        and bool(theirs.doer & ours.others)
    )


def _stands_in(ours: Deed, theirs: Deed) -> bool:
    """Whether the source has "Brock's aide" do what the claim has Brock do."""
    return (
        ours.is_named
        and not ours.doer & theirs.doer
        and bool(ours.doer & theirs.owner)
        and bool(theirs.doer & _AIDES)
    )
