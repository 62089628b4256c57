"""What the checks over parsed sentences share: verbs of saying, and a phrase's own words."""

from __future__ import annotations

import re
from typing import Any

from index.words import STOP_WORDS
from rag.alignment import nation

#: Nouns for whoever acts for another, or is not that person.
AIDES = frozenset(
    """spokesman spokeswoman spokesperson aide deputy lawyer attorney solicitor wife husband son
    daughter brother sister father mother parent office team adviser advisor ally supporter critic
    opponent rival successor predecessor campaign agent manager family assistant representative
    colleague friend neighbour neighbor partner secretary staff envoy biographer counsel""".split()
)
#: Nouns for bodies that speak, and for people whom no report need name.
BODIES = frozenset(
    """ministry company government police union court board agency department office party army
    hospital university bank council committee group firm club regulator authority commission
    operator airline charity campaign school force service institute association
    federation""".split()
)
ANYBODY = frozenset("authority official source expert investigator prosecutor analyst".split())
PASSIVE = ("nsubjpass", "csubjpass")
SUBJECTS = ("nsubj", "csubj", *PASSIVE)
FREE_PARTS = ("compound", "flat", "appos", "amod", "nmod")
#: Words in quotation marks, up to the end of the text if they aren't closed.
QUOTATION = re.compile(r"[“\"„«][^“”\"„«»]*(?:[”\"»“]|$)|(?<!\w)‘[^‘]*?(?:’(?!\w)|$)")
#: Verbs of saying, as lemmas.
SPEECH = frozenset(
    """say tell claim report announce state add argue warn confirm deny insist allege blame accuse
    believe think write explain declare complain describe admit suggest note stress call suspect
    ask answer reply promise demand urge vow fear""".split()
)


def child_as(token: Any, *parts: str) -> Any | None:
    """The first word that hangs on a token as one of these parts of the sentence."""
    return next((c for c in token.children if c.dep_ in parts), None)


def doer(verb: Any) -> Any | None:
    """The head of who does it: the subject, or of a passive whom "by" names."""
    if child_as(verb, *PASSIVE):
        by = child_as(verb, "agent")
        return by and child_as(by, "pobj")
    own = child_as(verb, "nsubj")
    if own and own.lower_ in {"who", "which", "that"} and verb.dep_ == "relcl":
        return verb.head
    return own


def is_part(token: Any, head: Any) -> bool:
    """Whether a token names the speaker itself and not its owner, its place or its doings."""
    while token is not head and token.i != head.i:
        if token.dep_ not in {*FREE_PARTS, "conj"}:
            return False
        token = token.head
    return True


def plain_words(token: Any) -> list[str]:
    """A content word's lemma and form, lower case, nations as countries; [] of any other token."""
    word = nation(token.text)
    lemma = nation(token.lemma_)
    return [lemma, word] if word.isalnum() and word not in STOP_WORDS else []
