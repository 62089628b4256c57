"""Rules that fill in what a follow-up leaves out, each with the reason that a reader is told.

A rule returns None where it has nothing to say, a `Rewrite` with the new text, or one without a
text where it sees that something is missing that it can't fill in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from index.language import parse, sentence_spans
from index.words import stems
from rag.frames import (
    Frame,
    bare,
    capitalised,
    has_verb,
    reasked,
    replaced,
    statement,
)
from rag.question import analyse
from rag.referents import BODIES, PEOPLE, Referent, Turn, gender_of, is_person, short_enough
from rag.spans import SPEECH
from rag.values import find_dates


@dataclass(frozen=True)
class Rewrite:
    """A follow-up as it stands alone, or "" where that can't be said, and why."""

    text: str
    because: str
    besides: frozenset[str] = frozenset()


Rule = Callable[[str, Sequence[Turn]], Rewrite | None]

_REPORTING = r"(?:report|say|said|write|wrote|confirm|carr|mention|cover|print|publish)\w*"
_THAT = r"(?:that|this|it|so|the same(?: thing)?)"
_OUTLETS = (
    r"(?:outlets?|papers?|newspapers?|reports?|media|sources?|agenc(?:y|ies)|articles?|sites?|"
    r"broadcasters?)"
)
_WHO_ELSE = re.compile(
    rf"^(?:who else|(?:which|what) (?:other|else) {_OUTLETS}"
    rf"|(?:which|what) {_OUTLETS} (?:also|else)"
    rf"|(?:do|does|did|has|have) (?:any(?:body|one)? (?:else|other {_OUTLETS})|other {_OUTLETS})"
    r")\s+"
    rf"(?:also |have |has )?{_REPORTING}(?: {_THAT})?(?: too| as well)?$"
    rf"|^(?:is|was|has) {_THAT} (?:been )?(?:also )?(?:reported|confirmed|said|mentioned|covered) "
    rf"(?:elsewhere|by (?:others|any(?:body|one) else|(?:any )?other {_OUTLETS}))$",
    re.I,
)
_WHO_SAID = re.compile(
    rf"^who(?:\s+\w+ly)? (?:said|says|told \w+|claimed|claims|stated) {_THAT}$", re.I
)
_WHEN_WAS_THAT = re.compile(
    r"^(?P<asking>(?:since |until |till )?(?:when|where|why|how)(?: exactly)?)\s+"
    r"(?:was|is|did|does|will|has|had|would|could) (?:that|this|it)"
    r"(?:\s+(?:happen|be|occur|take place|come about|been|happened|so))?$",
    re.I,
)
#: Several sentences, or words that ask nothing, are beyond rules.
_SEVERAL_SENTENCES = re.compile(r"[.?!]\s+\S")
_ASKS = re.compile(
    r"^(?:(?:until|till|since|by|from|to|with|for|at|in|on|of|about|under|over|after|before)\s+)?"
    r"(?:when|where|why|how|who|whom|whose|which|what|is|are|was|were|do|does|did|has|have|had|"
    r"will|would|can|could|may|might|must|should|any)\b",
    re.I,
)
_TAG = re.compile(r",\s*(?:\w+n[’']t|is|are|was|were|do|does|did)\s+\w+$", re.I)
_PLAIN_FRAGMENT = re.compile(
    r"^(?:(?:why|when|where|who|how)(?: exactly| then| so| not| else)?|how come|what else|"
    r"(?:\w+\s+)?(?:when|whom|where)|"
    r"(?:\w+\s+)?(?:how (?:many|much|long|far|often|old|soon|large|high|fast)|which|what)\b.*)$",
    re.I,
)
_FRAGMENT = re.compile(
    r"^(?:(?:until|till|since|by|from|to|with|for|at|in|on|of|about|under|over)\s+)?"
    r"(?:when|where|why|how|who|whom|whose|which|what)\b",
    re.I,
)
_WHAT_ABOUT = re.compile(r"^(?:what|how)\s+about\s+(?P<what>.+)$", re.I)
_ALSO = re.compile(r"^(?:and|but|or)\b", re.I)
_PREPOSITION = re.compile(
    r"^(?P<prep>in|at|on|for|from|to|by|with|during|before|after|since|until)\s+(?P<what>.+)$", re.I
)
_MONTH = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday|today|spring|summer|autumn|winter|"
    r"(?:last|this|next) (?:week|month|year)|\d{4})\b",
    re.I,
)
_QUOTED = re.compile(r"[“\"‘](?P<words>[^“”\"]{4,200}?)[,.!?]?[”\"’](?=\s|$|,)")
_DATELINE = re.compile(r"^[A-Z][A-Z]+\b[^.!?]{0,80}? [-–—] ")
_LONGEST_CLAIM = 24
_GENERIC = frozenset(
    stems(
        """people person anybody anyone somebody someone everybody nobody thing number damage
        victim injury cause reason date time day year month week figure detail case way part
        percentage percent share amount total outlet report paper happen place"""
    )
)
_EVENTS = re.compile(
    r"(?:strike|fire|blaze|accident|crash|collision|vote|election|storm|flood|meeting|talks|theft|"
    r"attack|war|trial|study|recount|count|protest|dispute|deal|row|case|disaster|hearing|"
    r"\w+(?:tion|sion|ment))s?",
    re.I,
)


# --- who else, who said ------------------------------------------------------------------------


def who_else(typed: str, turns: Sequence[Turn]) -> Rewrite | None:
    """Asks "Who else reports that?" with what the last answer says."""
    if not _WHO_ELSE.match(bare(typed)):
        return None
    last = turns[-1]
    content = _content(last)
    if not content:
        return Rewrite("", "there was no answer that others could report")
    said = "what the last answer says, in other outlets' reports"
    return Rewrite(f"Who else reports that {content}?", said, _cited(last))


def _cited(turn: Turn) -> frozenset[str]:
    """IDs of the articles that the first claim cites."""
    claims = turn.claims
    return frozenset(c.article_id for c in claims[0].citations) if claims else frozenset()


def _content(turn: Turn) -> str:
    """What the first claim says, as a clause that can follow "that"; "" of a declined answer."""
    claims = turn.claims
    if not claims:
        return ""
    if turn.value:
        if turn.frame is not None and turn.frame.asking:
            return statement(turn.frame, turn.value, turn.cited)
        return turn.cited.rstrip(".")
    whole = _DATELINE.sub("", " ".join(claims[0].text.split()))
    start, end = sentence_spans(whole)[0]
    text = whole[start:end].rstrip(".")
    words = _core(text).split()
    return " ".join(words[:_LONGEST_CLAIM]).rstrip(" ,;")


def _core(text: str) -> str:
    """What is said in a sentence that says who says it: "the bridge is shut, police said"."""
    if _QUOTED.search(text):
        return text
    doc = parse(text)
    root = next((t for t in doc if t.dep_ == "ROOT"), None)
    inner = [c for c in root.children if c.dep_ == "ccomp"] if root is not None else []
    if root is None or root.lemma_ not in SPEECH or not inner:
        return text
    inside = [t.i for t in inner[0].subtree if t.dep_ != "mark" or t.head is not inner[0]]
    return str(doc[min(inside) : max(inside) + 1].text)


def who_said(typed: str, turns: Sequence[Turn]) -> Rewrite | None:
    """Asks "Who said that?" with the words that were said."""
    if not _WHO_SAID.match(bare(typed)):
        return None
    last = turns[-1]
    quoted = _QUOTED.search(last.cited)
    words = f"“{quoted['words']}”" if quoted else f"that {_content(last)}"
    if not last.cited:
        return Rewrite("", "there was no answer in which anything was said")
    return Rewrite(f"Who said {words}?", "“that” is what the last answer quotes")


# --- fragments ---------------------------------------------------------------------------------


def asked_again(typed: str, turns: Sequence[Turn]) -> Rewrite | None:
    """Asks the last question with other words: "Why?", "By how many votes?", "When was that?"."""
    text, last = bare(typed), turns[-1]
    match = _WHEN_WAS_THAT.match(text)
    fragment = match["asking"] if match else text
    if not match and (not _FRAGMENT.match(text) or has_verb(text) or _WHAT_ABOUT.match(text)):
        return None
    fits = _PLAIN_FRAGMENT.match(fragment) and not _SEVERAL_SENTENCES.search(typed)
    if last.frame is None or not fits or re.search(r"\bones?\b", fragment, re.I):
        return Rewrite("", f"“{text}” lacks what it asks about")
    fragment = re.sub(r"\s+(?:exactly|then|so|not)$|,.*$", "", fragment, flags=re.I)
    fragment = re.sub(r"^how come$", "why", fragment, flags=re.I)
    said = f"the last question with “{fragment}”"
    of_them = re.match(r"^how (many|much) of (?:them|those|it)$", fragment, re.I)
    if of_them:
        whole = last.frame.subject_or(last.value)
        again = f"How {of_them[1]} of {whole} {last.frame.helper} {last.frame.rest}"
        return Rewrite(" ".join(again.split()) + "?", said)
    return Rewrite(reasked(last.frame, fragment, last.value), said)


def what_about(typed: str, turns: Sequence[Turn]) -> Rewrite | None:
    """For "And Holm?", "What about the union?": the last question with something else in it."""
    text = bare(typed)
    about = _WHAT_ABOUT.match(text)
    marked = about or _ALSO.match(typed.strip()) or typed.rstrip().endswith("?")
    what = about["what"] if about else text
    if not marked or len(what.split()) > 8 or _FRAGMENT.match(what) or has_verb(what):
        return None
    last = turns[-1]
    if last.frame is None or not what or re.fullmatch(_PRONOUN_WORDS, what, re.I):
        return Rewrite("", f"“{what}” lacks what it asks about")
    what = _one_named(what, last)
    for place in (_at_time, _at_preposition, _at_subject, _at_object):
        if found := place(what, last, last.frame):
            return found
    topic = _topic(turns)
    if topic is None:
        return Rewrite("", f"“{what}” lacks what it asks about")
    return Rewrite(
        f"What about {what} {_linked(topic)}?", f"“{what}” is about {topic.text}, as before"
    )


def _one_named(what: str, last: Turn) -> str:
    """Says what one is: "the one before" -> "the strike before"."""
    things = [r.head for r in last.asked if "thing" in r.kinds and r.head]
    return re.sub(r"\bones?\b", things[0], what) if things else what


def _at_time(what: str, last: Turn, frame: Frame) -> Rewrite | None:
    if not (find_dates(what) or _MONTH.search(what)):
        return None
    doc = frame.doc
    times = [t for t in doc if t.ent_type_ in {"DATE", "TIME"} or _MONTH.fullmatch(t.text)]
    if not times:
        return Rewrite(f"{capitalised(doc.text)} {what}?", f"the last question, {what}")
    start, end = times[0].i, times[0].i + 1
    while end < len(doc) and doc[end].ent_type_ in {"DATE", "TIME"}:
        end += 1
    if _PREPOSITION.match(what) and start and doc[start - 1].pos_ == "ADP":
        start -= 1
    before = doc[start:end].text
    return _swapped(doc, start, end, what, before)


def _at_preposition(what: str, last: Turn, frame: Frame) -> Rewrite | None:
    match = _PREPOSITION.match(what)
    if not match:
        return None
    doc = frame.doc
    for token in doc:
        if token.pos_ == "ADP" and token.lower_ == match["prep"].lower():
            inside = [t.i for t in token.subtree if t.i >= token.i]
            start, end = min(inside), max(inside) + 1
            return _swapped(doc, start, end, what, doc[start:end].text)
    return Rewrite(f"{capitalised(doc.text)} {what}?", f"the last question, {what}")


def _at_subject(what: str, last: Turn, frame: Frame) -> Rewrite | None:
    """Another person or body for one, another thing for a thing."""
    if not frame.subject or frame.subject.lower() in {"i", "you", "we"}:
        return None
    subject = next((r for r in last.asked if r.text in frame.subject), None)
    acting = subject is None or bool({"person", "group", "place"} & subject.kinds)
    if _can_act(what, last.reports) != acting and not (acting and what[:1].isupper()):
        return None
    doc, verb = frame.doc, frame.verb
    start = verb - len(parse(frame.subject))
    start = next(
        (i for i in range(max(0, start - 2), verb) if doc[i:verb].text == frame.subject), start
    )
    helper = doc[start - 1]
    agreed = {"was": "were", "is": "are"}.get(helper.lower_) if _is_plural(what) else None
    spans = [(start, verb, what)] + ([(start - 1, start, agreed)] if agreed else [])
    return Rewrite(
        capitalised(replaced(doc, spans)) + "?", f"“{what}” instead of “{frame.subject}”"
    )


def _at_object(what: str, last: Turn, frame: Frame) -> Rewrite | None:
    """Another name of the same kind further on: "for the harbour", "over Holm"."""
    doc = frame.doc
    for referent in last.asked:
        alike = "person" in referent.kinds and is_person(what, "", last.reports)
        both_named = referent.named and what[:1].isupper() and "person" not in referent.kinds
        if referent.role not in {"dobj", "pobj"} or not (alike or both_named):
            continue
        for start in range(len(doc)):
            for end in range(start + 1, len(doc) + 1):
                if doc[start:end].text == referent.text:
                    return _swapped(doc, start, end, what, referent.text)
    return None


def _swapped(doc: Any, start: int, end: int, what: str, before: str) -> Rewrite:
    text = capitalised(replaced(doc, [(start, end, what)])) + "?"
    return Rewrite(text, f"“{what}” instead of “{before}”")


def _can_act(what: str, context: str) -> bool:
    head = re.sub(r"\s+(?:of|in|at|from|for)\b.*$", "", what).split()[-1].lower()
    singular = head[:-1] if head.endswith("s") else head
    named = is_person(re.sub(r"^the\s+", "", what), "", context)
    return named or bool({head, singular} & (PEOPLE | BODIES))


def _is_plural(what: str) -> bool:
    return any(t.tag_ in {"NNS", "NNPS"} for t in parse(f"They saw {what}."))


# --- pronouns, and what is left out ------------------------------------------------------------

_PERSONAL = {"he": "m", "him": "m", "his": "m", "she": "f", "her": "f", "hers": "f"}
_THINGS = frozenset("it its this that".split())
_SEVERAL = frozenset("they them their theirs these those".split())
_POSSESSIVE = frozenset("his her its their".split())
_PRONOUN_WORDS = (
    r"(?:he|him|she|her|it|they|them|this|that|these|those|others?|the others?|that one)"
)
_OWN = {"nsubj", "nsubjpass", "dobj", "pobj", "attr"}
_CLAUSES = {"relcl", "ccomp", "advcl", "conj", "acl", "xcomp", "parataxis", "pcomp"}


def filled_in(typed: str, turns: Sequence[Turn]) -> Rewrite | None:
    """Pronouns replaced, and what the question is about added where it doesn't say it."""
    text = bare(typed)
    doc = parse(text)
    if _SEVERAL_SENTENCES.search(text) or not _ASKS.match(text):
        left = next((t for t in doc if _dangles(t, doc)), None)
        return Rewrite("", f"“{left.text}” is not asked by a single question") if left else None
    spans: list[tuple[int, int, str]] = []
    reasons: list[str] = []
    for token in doc:
        if not _dangles(token, doc):
            continue
        found = _meant(token, turns, text)
        if not found and _may_be_empty(token, text):
            continue
        if not found:
            return Rewrite("", f"nothing that was spoken of fits “{token.text}”")
        spans.append((token.i, token.i + 1, found))
        reasons.append(f"“{token.text}” is {found}")
    full = replaced(doc, spans) if spans else text
    joined = text != " ".join(typed.split()).rstrip(" ?!.")
    for more in (_about, partial(_anchored, joined=joined)):
        if added := more(full, doc, turns, bool(spans)):
            full, reason = added
            reasons.append(reason)
            break
    if not reasons:
        return None
    return Rewrite(capitalised(full) + "?", "; ".join(reasons))


def _may_be_empty(token: Any, text: str) -> bool:
    """Whether "there" may only say that something is: "how many were there"."""
    counting = re.match(r"how (?:many|much)\b", text, re.I) is not None
    return counting and token.lower_ == "there" and token.head.lemma_ == "be"


def _dangles(token: Any, doc: Any) -> bool:
    """Whether a word stands for something outside of its question."""
    low = token.lower_
    tag = _TAG.search(doc.text)
    if tag and token.idx >= tag.start():
        return False
    if low == "there":
        return token.tag_ != "EX" and token.dep_ in {"advmod", "pcomp", "pobj", "npadvmod"}
    if low in {"this", "that", "these", "those"}:
        alone: bool = token.pos_ == "PRON" and token.tag_ == "DT" and token.dep_ != "det"
        return alone and not (token.i + 1 < len(doc) and doc[token.i + 1].lower_ == "of")
    if low not in _PERSONAL.keys() | _THINGS | _SEVERAL or token.pos_ != "PRON":
        return False
    return not _is_empty(token) and not _has_antecedent(token, doc)


def _is_empty(token: Any) -> bool:
    """Whether "it" stands for nothing: "how long does it take to", "is it true that"."""
    if token.lower_ != "it" or token.dep_ not in {"nsubj", "expl", "nsubjpass"}:
        return False
    clauses = {c.dep_ for c in token.head.children} & {"ccomp", "xcomp", "csubj", "advcl"}
    light = token.head.lemma_ in {"be", "take", "seem", "appear", "happen", "make", "cost"}
    return token.dep_ == "expl" or (light and bool(clauses))


def _has_antecedent(token: Any, doc: Any) -> bool:
    """Whether a noun before a pronoun can be what it stands for, in the same question.

    The subject and the object of one verb are not the same thing, so that only a possessive or a
    pronoun in another clause can mean a noun before it.
    """
    own = token.lower_ in _POSSESSIVE and token.dep_ == "poss"
    if not own and not any(a.dep_ in _CLAUSES for a in token.ancestors):
        return False
    fits = [t for t in doc[: token.i] if t.pos_ in {"NOUN", "PROPN"} and t.dep_ != "compound"]
    return any(_agrees(token.lower_, t) for t in fits)


def _agrees(pronoun: str, noun: Any) -> bool:
    person = noun.ent_type_ == "PERSON" or noun.lemma_.lower() in PEOPLE
    if pronoun in _PERSONAL:
        return person
    plural = noun.tag_ in {"NNS", "NNPS"} or any(c.dep_ == "conj" for c in noun.children)
    if pronoun in _SEVERAL:
        return plural or noun.lemma_.lower() in BODIES or noun.ent_type_ == "ORG"
    return not person and not plural


def _meant(token: Any, turns: Sequence[Turn], text: str) -> str:
    """The words that a pronoun stands for, or "" where nothing fits that `text` doesn't say."""
    low = token.lower_
    if low == "there":
        return _place(turns)
    if low in _PERSONAL:
        found = _person(_PERSONAL[low], turns, text)
    elif low in _SEVERAL:
        found = _several(turns, text)
    else:
        found = _thing(turns, text)
    if not found:
        return ""
    if low in _POSSESSIVE and token.dep_ == "poss":
        return f"{found}’" if found.endswith("s") else f"{found}’s"
    return found


def _spoken(turns: Sequence[Turn], text: str) -> Iterator[Referent]:
    """What was spoken of and isn't named in `text`, the likeliest to be meant first."""
    said = text.lower()
    return (r for r in _remembered(turns) if r.text.lower().removeprefix("the ") not in said)


def _remembered(turns: Sequence[Turn]) -> Iterator[Referent]:
    last = turns[-1]
    yield from last.answered
    yield from _ordered(last.asked)
    # Of the cited sentence, and of what was asked before, little but subjects and people is meant.
    before = [r for t in reversed(turns[:-1]) for r in (*t.answered, *_ordered(t.asked))]
    for r in (*_ordered(last.told), *before):
        if "person" in r.kinds or r.role in {"nsubj", "nsubjpass", "answer"}:
            yield r


def _ordered(found: Sequence[Referent]) -> list[Referent]:
    """Subjects first, then events, objects, and the others; in each, what names more."""
    rank = {"counted": 0.0, "nsubj": 1.0, "nsubjpass": 1.0, "dobj": 2.0}

    def order(r: Referent) -> float:
        return min(rank.get(r.role, 3.0), 1.5 if _is_event(r.head) else 3.0)

    return sorted(short_enough(found), key=order)


def _person(gender: str, turns: Sequence[Turn], text: str) -> str:
    context = "\n".join(t.reports for t in turns)
    fitting = [
        r
        for r in _spoken(turns, text)
        if "person" in r.kinds and not r.plural and gender_of(r.text, context) in {"", gender}
    ]
    named = [r for r in fitting if r.named and r.text[:1].isupper()]
    return next((r.text for r in [*named, *fitting]), "")


def _thing(turns: Sequence[Turn], text: str) -> str:
    for wanted in ({"thing"}, {"group", "place"}):
        for r in _spoken(turns, text):
            if r.kinds & wanted and "person" not in r.kinds and not r.plural and r.role != "time":
                return r.text
    return ""


def _several(turns: Sequence[Turn], text: str) -> str:
    plural = [r for r in _spoken(turns, text) if r.plural]
    groups = [r for r in _spoken(turns, text) if "group" in r.kinds]
    return next((r.text for r in [*plural, *groups]), "")


def _place(turns: Sequence[Turn]) -> str:
    """The place that "there" means, with its preposition: "in Brenova"."""
    for r in _remembered(turns):
        where = r.preposition in {"in", "at", "on", "near", "off"}
        if where and ("place" in r.kinds or (r.named and "person" not in r.kinds)):
            return f"{r.preposition} {r.text}"
    return ""


def _about(text: str, doc: Any, turns: Sequence[Turn], resolved: bool) -> tuple[str, str] | None:
    """Where "What did Doorn say" leaves out about what: about what was asked before."""
    match = re.match(r"^what(?: else| exactly)?\s+(?:did|does|do|has|have|had)\b", text, re.I)
    verb = next((t for t in doc if t.dep_ == "ROOT"), None)
    if not match or verb is None or verb.lemma_ not in SPEECH | {"say", "think", "promise"}:
        return None
    if verb.i + 1 < len(doc):
        return None
    topic = _topic(turns)
    if topic is None or topic.text.lower() in text.lower():
        return None
    return f"{text} about {topic.text}", f"“{verb.text}” what about: {topic.text}"


def _topic(turns: Sequence[Turn]) -> Referent | None:
    """What the last question is about: a thing, the one after "about" before others."""
    things = [r for r in short_enough(turns[-1].asked) if "person" not in r.kinds and r.text]
    things = [r for r in things if r.role != "counted"]
    about = [r for r in things if r.preposition in {"about", "on", "over", "regarding"}]
    plain = [r for r in _ordered(things) if "thing" in r.kinds]
    return next(iter([*about, *plain, *things]), None)


def _linked(topic: Referent) -> str:
    """A topic with a preposition that can hang it on a question: "in the strike"."""
    if topic.role == "pobj" and topic.preposition in {"in", "at", "on", "after", "during"}:
        return f"{topic.preposition} {topic.text}"
    if topic.kinds & {"group", "place"} and "thing" not in topic.kinds:
        return f"at {topic.text}"
    return f"{'in' if _is_event(topic.head) and not topic.plural else 'about'} {topic.text}"


def _is_event(noun: str) -> bool:
    return _EVENTS.fullmatch(noun) is not None


def _anchored(
    text: str, doc: Any, turns: Sequence[Turn], resolved: bool, joined: bool = False
) -> tuple[str, str] | None:
    """A question that names nothing and is about what was spoken of, with its name.

    What only "the chronometer" was asked of goes on with it if it is `joined` on: "And who ...".
    A thing of its own ("the clock") is enough to be asked about; an event ("the agreement") or
    nothing but people and amounts is not.
    """
    asked = analyse(text)
    if asked.names or asked.quoted or asked.dates:
        return None
    topic = _topic(turns)
    nouns = [t for t in doc if t.pos_ == "NOUN" and not set(stems(t.text)) <= _GENERIC]
    spoken = set(stems(f"{turns[-1].question} {turns[-1].cited} {turns[-1].reports}"))
    if topic is None or any(not set(stems(t.text)) & spoken for t in nouns):
        return None
    events = any(_is_event(t.lemma_.lower()) for t in nouns)
    if not (topic.named or _is_event(topic.head) or events or joined):
        return None
    same = next((t for t in nouns if t.lemma_.lower() == topic.head), None)
    if same is not None and not resolved:
        return _named_in_full(text, doc, same, topic)
    if set(stems(topic.text)) & set(stems(text)):
        return None
    own = any(t.dep_ in _OWN and not _is_event(t.lemma_.lower()) for t in nouns)
    if own and not resolved:
        return None
    return f"{text} {_linked(topic)}", f"it names nothing; asked of {topic.text}, as before"


def _named_in_full(text: str, doc: Any, noun: Any, topic: Referent) -> tuple[str, str] | None:
    """For "the strike", "the dock strike at Port Lune", where that says more."""
    start = min(t.i for t in noun.subtree if t.i <= noun.i)
    if len(set(stems(topic.text))) <= len(set(stems(doc[start : noun.i + 1].text))):
        return None
    full = replaced(doc, [(start, noun.i + 1, topic.text)])
    return full, f"“{doc[start : noun.i + 1].text}” is {topic.text}"


RULES: tuple[Rule, ...] = (who_else, who_said, asked_again, what_about, filled_in)
