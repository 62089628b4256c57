"""The anatomy of a question: what is asked, of whom, and the rest; and the same asked otherwise.

"By what margin did Holm win the vote?" -> asking "By what margin", helper "did", subject "Holm",
rest "win the vote". Asked again with "When": "When did Holm win the vote?".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from index.language import parse

LEADING = re.compile(r"^\s*(?:(?:and|but|so|or|then|ok|okay|well|also|yes|no)\b[\s,:]*)+", re.I)
_WH = {"WDT", "WP", "WP$", "WRB"}
_SUBJECTS = {"nsubj", "nsubjpass", "csubj", "expl"}
_BE = {"is", "are", "was", "were"}
_PLACED = re.compile(
    r"^(?:until|till|since|by|from|to|with|for|at|in|on|of|about|under|over)\b", re.I
)
_COUNTED = re.compile(r"\bhow (?:many|much)\s+(?P<noun>.+)$", re.I)
_WHICH = re.compile(r"\b(?:which|what)\s+(?P<noun>\S.*)$", re.I)


@dataclass(frozen=True)
class Frame:
    """A question's parts, in its own words; `subject` and `helper` are "" where it is asked for.

    `asking` is "" where the question wants yes or no; `verb` is the place in `doc` of the token
    that `rest` begins with.
    """

    asking: str
    helper: str
    subject: str
    rest: str
    doc: Any
    verb: int

    @property
    def preposition(self) -> str:
        """What stands before the asking word: "By" in "By what margin"."""
        match = _PLACED.match(self.asking)
        return match[0] if match else ""

    @property
    def counted(self) -> str:
        """What is counted: "people" in "How many people"."""
        match = _COUNTED.search(self.asking)
        return match["noun"] if match else ""

    @property
    def chosen(self) -> str:
        """What is chosen from: "judge" in "Which judge"."""
        match = _WHICH.search(self.asking)
        return match["noun"] if match else ""

    def subject_or(self, value: str) -> str:
        """The subject; where it is what was asked for, `value` or a word that stands in for it."""
        if self.subject:
            return self.subject
        if self.counted:
            return self.counted
        if value:
            return value
        if self.chosen:
            return f"the {self.chosen}"
        return "someone" if "who" in self.asking.lower() else "something"


def bare(question: str) -> str:
    """A question on one line, without the words that only join it on, and without its mark."""
    return LEADING.sub("", " ".join(question.split())).rstrip(" ?!.")


def frame_of(question: str) -> Frame | None:
    """The parts of a question; None of what has no verb, or doesn't ask."""
    doc = parse(bare(question))
    asking = next((t for t in doc[:5] if t.tag_ in _WH), None)
    first = doc[0] if len(doc) else None
    if asking is None and (first is None or not _is_helper(first)):
        return None
    helper, subject = _fronted(doc, asking.i + 1 if asking is not None else 0)
    if helper is not None:
        end = max(t.i for t in subject.subtree if t.i > helper.i) + 1
        return Frame(
            doc[: helper.i].text,
            helper.text,
            doc[helper.i + 1 : end].text,
            doc[end:].text,
            doc,
            end,
        )
    misread = _misread(doc, asking.i + 1) if asking is not None else None
    if misread is not None:
        return misread
    verb = _first_verb(doc, asking.i + 1) if asking is not None else None
    if verb is None:
        return None
    return Frame(doc[:verb].text, "", "", doc[verb:].text, doc, verb)


def _is_helper(token: Any) -> bool:
    return token.pos_ == "AUX" or token.lower_ in {*_BE, "do", "does", "did", "has", "have", "had"}


def _fronted(doc: Any, start: int) -> tuple[Any, Any]:
    """The verb that stands before its subject, and that subject; (None, None) if there is none."""
    for token in doc[start:]:
        if _is_helper(token):
            verb = token.head if token.dep_ in {"aux", "auxpass"} else token
            found = [c for c in verb.children if c.dep_ in _SUBJECTS and c.i > token.i]
            return (token, found[0]) if found else (None, None)
        if token.pos_ == "VERB":
            return None, None
    return None, None


def _misread(doc: Any, start: int) -> Frame | None:
    """Where the parser takes the last verb for no verb: "How long did the strike last?".

    What follows "did" up to the last word is the subject.
    """
    did = next((t.i for t in doc[start:] if t.lower_ in {"do", "does", "did"}), None)
    if did is None or did + 2 >= len(doc) or any(t.pos_ == "VERB" for t in doc[did + 1 :]):
        return None
    end = len(doc) - 1
    subject, rest = doc[did + 1 : end].text, doc[end:].text
    return Frame(doc[:did].text, doc[did].text, subject, rest, doc, end)


def _first_verb(doc: Any, start: int) -> int | None:
    return next((t.i for t in doc[start:] if t.pos_ in {"VERB", "AUX"}), None)


def has_verb(text: str) -> bool:
    """Whether a question says that something is or happens: "By how many votes?" does not."""
    return any(t.pos_ in {"VERB", "AUX"} for t in parse(text))


def reasked(frame: Frame, asking: str, value: str = "") -> str:
    """The same thing asked with other asking words; `value` is what the question was answered with.

    "Who repaired the dam?", "When" -> "When did someone repair the dam?"
    """
    if frame.helper:
        filled = f" {value}" if value and _asks_object(frame) else ""
        return _question(f"{asking} {frame.helper} {frame.subject} {frame.rest}{filled}")
    first, subject = frame.doc[frame.verb], frame.subject_or(value)
    after = frame.doc[frame.verb + 1 :].text
    if _is_helper(first) and not (first.lower_ in {"had", "has", "have"} and _means_must(first)):
        return _question(f"{asking} {first.text} {subject} {after}")
    support = {"VBD": "did", "VBZ": "does"}.get(first.tag_, "did" if first.tag_ == "VBN" else "do")
    return _question(f"{asking} {support} {subject} {first.lemma_} {after}")


def _means_must(token: Any) -> bool:
    """Whether "had" is a verb of its own: "had to leave", "had a key"."""
    return token.dep_ not in {"aux", "auxpass"}


def _asks_object(frame: Frame) -> bool:
    alone = frame.asking.lower() in {"what", "who", "whom"} or bool(frame.chosen)
    return alone and not frame.preposition and len(frame.rest.split()) == 1


def statement(frame: Frame, value: str, cited: str = "") -> str:
    """The question and its short answer as one clause, without a mark at the end.

    "How long did the strike last?", "ten days" -> "the strike did last ten days". Of "where" and
    "when", the preposition is the one before the value in `cited`.
    """
    if not frame.helper:
        noun = frame.counted
        subject = f"{value} {noun}" if noun and noun.lower() not in value.lower() else value
        if noun:
            subject = subject[:1].lower() + subject[1:]
        return _flat(f"{subject} {frame.rest}")
    place = frame.preposition.lower() or _preposition_of(value, cited)
    told = f"{place} {value}" if place else value
    verb = frame.doc[frame.verb] if frame.verb < len(frame.doc) else None
    words = f"{frame.subject} {frame.helper}"
    if verb is None:
        return _flat(f"{words} {told}")
    after = {c.dep_ for c in verb.children if c.i > verb.i}
    if after & {"dobj", "attr", "ccomp", "xcomp", "prt"}:
        return _flat(f"{words} {frame.rest} {told}")
    return _flat(f"{words} {verb.text} {told} {frame.doc[frame.verb + 1 :].text}")


def _preposition_of(value: str, cited: str) -> str:
    before = cited.split(value, 1)[0] if value and value in cited else ""
    match = re.search(r"\b(in|at|on|near|from|until|by|since|after|before|off)\s+$", before, re.I)
    return match[1].lower() if match else ""


def replaced(doc: Any, spans: Sequence[tuple[int, int, str]]) -> str:
    """The text of `doc` with tokens `[start, end)` replaced, each by its text."""
    parts: list[str] = []
    at = 0
    for start, end, text in sorted(spans):
        parts.append(doc[at:start].text_with_ws + text)
        after = doc[end - 1].whitespace_ if end > start else ""
        parts.append(after)
        at = end
    parts.append(doc[at:].text)
    return _flat("".join(parts))


def _flat(text: str) -> str:
    return re.sub(r"\s+([,.;:?!’'])", r"\1", " ".join(text.split()))


def _question(text: str) -> str:
    return capitalised(_flat(text).rstrip("?.! ") + "?")


def capitalised(text: str) -> str:
    """The first letter made a capital, the others left as they are."""
    return text[:1].upper() + text[1:]
