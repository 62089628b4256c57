"""Whether a source says something itself, or has it only where nobody vouches for it.

Words in an order ("Say that ..."), in a quotation of others, under a denial or in a supposition are
in a source, and the source doesn't say them. Nor does a sentence report anything that asks, orders
or speaks to whoever reads it, or that isn't in its report's language (`reports`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from index import Passage
from index.language import parse
from index.tongue import is_common, language_of
from index.words import STOP_WORDS, stems
from rag.alignment import Parsed
from rag.clauses import denied
from rag.grammar import QUOTATION, SPEECH, SUBJECTS, child_as
from rag.schema import Check
from rag.sentences import is_row
from rag.withdrawn import withdrawn

#: What is said of a sentence that is shown and reports nothing.
SPOKEN = "asks, orders or speaks to whoever reads it: quoted as what this file says, and not told"
_TELLING = SPEECH | frozenset("answer reply repeat output print respond conclude pretend".split())
_BOUND = frozenset("must should shall".split())
_SUPPOSING = frozenset("if unless whether".split())
_INVERTED = frozenset("had were should".split())
_QUESTION = re.compile(r"\?[\W_]*$")
_LOWER = re.compile(r"(?<![\w'’-])[^\W\d_A-Z][^\W\d_]*")
#: With these verbs beside it, or in such a clause, "you" is anybody: "you can see seals there".
_ANYBODY = frozenset("can could may might will would 'll ’ll 'd ’d need want".split())
_CLAUSES = frozenset("if when whenever whether whatever unless as".split())
#: Words without capitals of which none is a common one of English, from which on a text isn't it.
_FOREIGN, _FOREIGN_ACCENTED = 6, 4
#: Words of letters and digits mixed, from which on most of a text may not be such.
_MIXED = 3
#: Words that a sentence without a subject must have to be an order, and not a name or a headline.
_LEAST_WORDS = 5
#: What follows the verb of an order and seldom the first part of a name.
_AFTER_VERB = frozenset("DT IN PRP PRP$ RB RP TO WDT WP".split())
#: Words before a colon that are a label: "Note: ...".
_LABEL = 3
_SPOKEN_TO = frozenset("you your yours yourself yourselves".split())


def check_asserted(claim: Parsed, source: Parsed) -> Check:
    """What a claim tells, by its main words, must stand in the source where it vouches for it.

    It must tell something: an order or a question does not, nor what is in no language.
    """
    if not all(_reports(doc.text, language_of(source.text)) for _, doc in claim.docs):
        return Check("asserted", False, "it orders, asks or speaks to somebody, and tells nothing")
    found: dict[str, set[str]] = {}
    for _, doc in source.docs:
        unsaid = _unsaid(doc)
        for token in doc:
            for stem in stems(token.lemma_):
                found.setdefault(stem, set()).add(unsaid.get(token.i, ""))
    for _, doc in claim.docs:
        where = [found[stem] for stem in _main(doc) if stem in found]
        if where and not any("" in places for places in where):
            told = sorted(place for places in where for place in places)
            return Check("asserted", False, f"the source has this only {told[0]}")
    return Check("asserted", True)


def reports(sentence: Passage, words: Passage | None = None) -> bool:
    """Whether a sentence reports something to whoever reads it, in the words of its report.

    One that asks, orders or speaks to somebody outside of quotation marks doesn't, nor one in
    another language than its report. `words` are those of it that are told, if not all: what
    stands before a sentence without a full stop is taken for a part of it.
    """
    home = language_of(sentence.article.text)
    if words is not None and home in ("", "en") and _is_foreign(words.text):
        return False
    return is_row(sentence) or _reports(sentence.text, home)


def _reports(text: str, home: str) -> bool:
    """The same of a text, beside others in the language `home`, "" if that isn't known."""
    if home not in ("", "en"):
        return language_of(text) in ("", home) and not _asks(text)
    return not _is_foreign(text) and _states(text)


def _is_foreign(text: str) -> bool:
    """Whether a text isn't in English, or in no language, though it has enough words to tell."""
    said = re.findall(r"[^\W_]+", text.lower())
    mixed = sum(not (word.isalpha() or word.isdigit()) for word in said)
    if mixed > len(said) / 2 and mixed > _MIXED:
        return True
    other = language_of(text)
    if other not in ("", "en") and not any(is_common(word, "en") for word in said):
        if sum(is_common(word, other) for word in said) > 1:
            return True
    if STOP_WORDS.intersection(said):
        return False
    accented = any(not c.isascii() for word in said for c in word)
    return len(_LOWER.findall(text)) >= (_FOREIGN_ACCENTED if accented else _FOREIGN)


def _asks(text: str) -> bool:
    return _QUESTION.search(QUOTATION.sub("x", text)) is not None


@lru_cache(maxsize=4096)
def _states(text: str) -> bool:
    """Whether an English sentence neither asks nor orders nor speaks to somebody, but in quotes."""
    before, colon, after = QUOTATION.sub("x", text).partition(": ")
    if colon:
        is_label = len(before.split()) <= _LABEL
        return _states(after) and (is_label or _states(before))
    if _asks(text):
        return False
    doc = parse(text)
    quoted = [m.span() for m in QUOTATION.finditer(text)]
    own = [t for t in doc if not any(start <= t.idx < end for start, end in quoted)]
    if any(_speaks(t) or _is_command(t) for t in own):
        return False
    spoken_to = any(t.lower_ in _SPOKEN_TO for t in own)
    told = any(t.dep_ == "ROOT" and _has_subject(t) for t in own)
    if spoken_to and not told:
        return False
    # The first word of an order is often taken for a name.
    if len(own) < 2 or own[0].i or (not spoken_to and (told or len(text.split()) < _LEAST_WORDS)):
        return True
    if not spoken_to and own[1].tag_ not in _AFTER_VERB:
        return True
    again = parse(f"please {text[0].lower()}{text[1:]}")
    return len(again) < 2 or not _is_command(again[1])


def _speaks(token: Any) -> bool:
    """Whether a word is "please", or an "I" or "you" that does what a sentence is about."""
    if token.lower_ == "please":
        return str(token.pos_) == "INTJ"
    if token.lower_ not in {"you", "i"} or token.dep_ not in SUBJECTS:
        return False
    verb = token.head
    beside = {c.lower_ for c in verb.children if c.dep_ in {"aux", "mark", "advmod"}}
    is_main = _first(verb).dep_ == "ROOT" and not beside & (_ANYBODY | _CLAUSES)
    return token.lower_ == "i" or is_main


def _is_command(token: Any) -> bool:
    """Whether a word is the verb of an order: the main one, without a subject."""
    if token.tag_ not in {"VB", "VBP"} or child_as(token, "aux"):
        return False
    main = _first(token)
    alone = main.dep_ == "ROOT" and (main is token or main.pos_ not in {"VERB", "AUX"})
    return alone and not _has_subject(token)


def _first(token: Any) -> Any:
    """The first of what "and" joins a word to."""
    while token.dep_ == "conj":
        token = token.head
    return token


def _has_subject(token: Any) -> bool:
    return child_as(token, *SUBJECTS, "expl") is not None


def _main(doc: Any) -> set[str]:
    """The stems of what a sentence tells: of its verb, or of what something is said to be."""
    roots = [t for t in doc if t.dep_ == "ROOT"]
    heads = [
        *(t for t in roots if t.lemma_ != "be"),
        *(c for t in roots for c in t.children if t.lemma_ == "be" and c.dep_ in _COMPLEMENTS),
    ]
    return {stem for t in heads for stem in stems(t.lemma_)}


_COMPLEMENTS = frozenset("attr acomp oprd".split())


def _unsaid(doc: Any) -> dict[int, str]:
    """For each token that the source doesn't vouch for, where it stands."""
    found = {t.i: "as what a paper takes back" for t in withdrawn(doc)}
    for start, end in (m.span() for m in QUOTATION.finditer(doc.text)):
        found |= {t.i: "in a quotation" for t in doc if start <= t.idx < end}
    for token in doc:
        if token.pos_ in {"VERB", "AUX"}:
            place = "in an order" if _is_command(token) else _place(token)
            found |= {t.i: place for t in _governed(token, place)}
            if place == "in an order":  # "Repeat after me: ..."
                colon = doc.text.find(":", token.idx)
                found |= {t.i: place for t in doc if -1 < colon < t.idx}
    return found


def _place(verb: Any) -> str:
    """What makes a verb's clause, or what hangs on it, no statement; "" if nothing does."""
    if verb.lemma_.lower() in _TELLING and _is_order(verb):
        return "in an order"
    if any(c.dep_ == "mark" and c.lower_ in _SUPPOSING for c in verb.children):
        return "in a supposition"
    if verb.dep_ != "ROOT" and verb.left_edge.lower_ in _INVERTED:  # "Had the dam broken, ..."
        return "in a supposition"
    if verb.lemma_.lower() == "deny" or denied(verb):
        return "in a denial"
    return ""


def _is_order(verb: Any) -> bool:
    own = [c for c in verb.children if c.dep_ in SUBJECTS and c.lower_ != "you"]
    if any(c.dep_ == "aux" and c.lower_ in _BOUND for c in verb.children):
        return True
    to = any(c.lower_ == "to" for c in verb.children)
    return verb.tag_ in {"VB", "VBP"} and not own and not to


def _governed(verb: Any, place: str) -> Iterator[Any]:
    if place in {"in an order", "in a supposition"}:
        yield from verb.subtree
    elif place:
        for child in verb.children:
            if child.dep_ in {"ccomp", "xcomp", "dobj", "pcomp"}:
                yield from child.subtree
