"""What a question takes for granted, as a sentence that can be checked like any claim.

"Why did the mayor close the bridge?" takes for granted that "the mayor did close the bridge".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from index.language import parse
from index.words import stems
from rag.clauses import Fact, facts
from rag.evidence import Scored
from rag.reading import Parsed, content_words, read_pairs

_ASKING = re.compile(
    r"^\s*(?:(?:and|but|so|then),?\s+)?(?:for|in|on|at|by|to|from|until|since|with|after|under)?\s*"
    r"(?P<word>why|when|where|how|who(?:m|se)?|what|which)\b",
    re.IGNORECASE,
)
_MADE = re.compile(
    r"^\s*what\s+(?:has\s+|have\s+|had\s+)?(?:made|caused|led|prompted|forced|drove|persuaded|moved)\s+"
    r"(?P<what>\S+\s+\S.*)$",
    re.IGNORECASE,
)
#: Best sentences that are looked through for a denial, the share of its clause's words that stand
#: in the premise, and of the premise's that stand in its article.
LOOKED_AT, SHARED, ON_TOPIC = 12, 0.5, 0.75
_NOBODY = frozenset(
    content_words("nobody none nothing no one never anybody anyone people person").stems
)
_LIGHT = {"be", "have", "do", "say", "go", "come"}
_OTHER_CLAUSES = {"conj", "advcl", "ccomp", "parataxis", "relcl"}
#: Questions of these kinds ask whether or what, and take little for granted.
_PLAIN = {"is", "are", "was", "were", "do", "does", "did"}


def premise_of(question: str) -> str | None:
    """The statement that a question rests on, or None where it rests on none that rules can see.

    "How many people were hurt in the fire?" -> "people were hurt in the fire."
    """
    text = " ".join(question.split()).rstrip("?! ")
    match = _ASKING.match(text)
    if not match:
        return None
    doc = parse(text)
    if _MADE.match(text):
        return _made(doc)
    asking = next((t for t in doc if t.idx == match.start("word")), None)
    if asking is None:
        return None
    helper = _helper(doc, asking)
    counted = (
        doc[asking.i + 2 :] if doc[asking.i : asking.i + 2].text.lower() == "how many" else None
    )
    if counted is not None and (helper is None or not _subject_after(doc, helper)):
        return _sentence(counted.text)
    return _turned(doc, asking, helper) if helper is not None else _subject_asked(doc, asking)


def denials_of(question: str, sentences: Sequence[Scored]) -> list[Scored]:
    """Those of the best sentences that deny what the question takes for granted, one an article.

    Each denies the same verb of the same things: of what its clause says, `SHARED` of the content
    words stand in the premise. "Nobody was hurt in the storm" denies what "How many sailors were
    hurt in the storm?" rests on. That it is true is not said, only that a report says it.
    """
    premise = premise_of(question)
    if premise is None:
        return []
    looked = sentences[:LOOKED_AT]
    found: dict[str, Scored] = {}
    for sentence, (ours, theirs) in zip(
        looked, read_pairs([(premise, s.passage.text, None) for s in looked]), strict=True
    ):
        said = [f for f in facts(ours) if f.is_verb and f.side > 0]
        denied = [f for f in facts(theirs) if f.is_verb and f.side < 0]
        about = set(ours.words.stems) & set(stems(sentence.passage.article.text))
        on_topic = len(about) >= ON_TOPIC * len(set(ours.words.stems))
        if any(_same_matter(a, b, ours, theirs, on_topic) for a in said for b in denied):
            found.setdefault(sentence.passage.article.id, sentence)
    return list(found.values())


def _same_matter(said: Fact, denied: Fact, ours: Parsed, theirs: Parsed, on_topic: bool) -> bool:
    """Whether a verb that the premise says is the one that a sentence denies, of the same things.

    A bare denial ("Nobody was hurt.") is of whatever its article is `on_topic` of.
    """
    if not said.keys & denied.keys or denied.keys & _LIGHT:
        return False
    clause = _clause_of(denied, theirs)
    words = set(content_words(clause).stems) - denied.keys - _NOBODY
    if not words:
        return on_topic
    known = words & set(ours.words.stems)
    return len(known) >= SHARED * len(words) and bool(known)


def _clause_of(fact: Fact, text: Parsed) -> str:
    """The words that hang on a verb, itself included, without clauses that are joined to it."""
    for at, doc in text.docs:
        for token in doc:
            if (at + token.idx, at + token.idx + len(token)) == fact.span:
                joined = {
                    t.i
                    for c in token.subtree
                    if c is not token and c.dep_ in _OTHER_CLAUSES
                    for t in c.subtree
                }
                return " ".join(t.text for t in token.subtree if t.i not in joined)
    return ""


def _helper(doc: Any, asking: Any) -> Any:
    """The verb that stands before its subject: "did" in "Why did the mayor resign?"."""
    for token in doc[asking.i + 1 :]:
        if token.pos_ == "AUX" or token.lower_ in _PLAIN:
            after = doc[token.i + 1 :]
            return token if len(after) and _subject_after(doc, token) else None
        if token.pos_ == "VERB":
            return None
    return None


def _subject_after(doc: Any, helper: Any) -> tuple[int, int] | None:
    """Tokens `[start, end)` of the subject that follows the helping verb."""
    for token in doc[helper.i + 1 :]:
        if token.dep_ in {"nsubj", "nsubjpass", "expl"}:
            inside = [t.i for t in token.subtree if t.i > helper.i]
            return (min(inside), max(inside) + 1)
    return None


def _made(doc: Any) -> str | None:
    """What came about: "What made Holm leave the port?" -> "Holm did leave the port."."""
    inner = next((t for t in doc if t.dep_ in {"ccomp", "xcomp"} and t.pos_ == "VERB"), None)
    subject = next((t for t in inner.children if t.dep_ == "nsubj"), None) if inner else None
    if inner is None or subject is None:
        match = _MADE.match(doc.text)
        return _sentence(match["what"]) if match else None
    who = " ".join(t.text for t in subject.subtree)
    return _sentence(f"{who} did {doc[inner.i :].text}")


def _subject_asked(doc: Any, asking: Any) -> str | None:
    """What somebody or something did: "Who left the port?" -> "someone left the port."."""
    rest = doc[asking.i + 1 :].text.strip()
    if not rest or asking.lower_ not in {"who", "which"}:
        return None
    return _sentence(rest if asking.lower_ == "which" else f"someone {rest}")


def _turned(doc: Any, asking: Any, helper: Any) -> str | None:
    """The subject before its verb; what was asked for ("how many people") after it, or first."""
    subject = _subject_after(doc, helper)
    if subject is None:
        return None
    asked = re.sub(r"^(?:many|much|long|far|often|old)\b\s*", "", doc[asking.i + 1 : helper.i].text)
    rest = doc[subject[1] :].text.strip()
    if not rest and helper.lower_ in _PLAIN:
        return None
    return _sentence(f"{doc[subject[0] : subject[1]].text} {helper.text} {rest} {asked}")


def _sentence(text: str) -> str:
    return " ".join(text.split()) + "."
