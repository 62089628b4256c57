"""Several questions in one: split by rules into parts that are searched and answered by themselves.

    "Compare what Holm and Doorn said about the bridge"
        -> "What did Holm say about the bridge?", "What did Doorn say about the bridge?"
    "Who won the vote, and how long did the count take?"  -> two questions
    "Which outlets mention the siren?"                    -> every report that mentions the siren
    "What happened before the strike?"                    -> the same, and a search for "the strike"

Where no rule fits, a question is its own only part. Nothing is guessed: a second half that can't
be understood by itself ("and who spoke for it?") is not split off.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from index.language import parse

#: ask: answer it; mentions: list the reports that hold the words.
PartKind = Literal["ask", "mentions"]
#: Parts of one question at most; what is beyond stays with the last one.
MAX_PARTS = 4


@dataclass(frozen=True)
class Part:
    """A question of its own and the `reason` for which it was split off ("" if it was not).

    `outlets`, if not empty, are those of the corpus that the part asks within; `also` are texts
    that are searched for beside its own.
    """

    text: str
    reason: str = ""
    kind: PartKind = "ask"
    outlets: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


_ASKING = r"(?:how|what|who|whom|whose|when|where|why|which)\b"
_JOINED = re.compile(rf"(?:\?\s+|\s*[,;]?\s+and\s+(?:also\s+)?|;\s+)(?={_ASKING})", re.I)
_SPEECH = (
    r"(?:say|said|says|tell|told|claim|claims|claimed|report|reports|reported|write|writes|wrote|"
    r"think|thinks|thought|announce|announced|promise|promised|demand|demanded)"
)
_COMPARED = (
    # Compare what A and B said about X
    re.compile(
        rf"^\s*(?:please\s+)?compare\s+(?:what|how)\s+(?P<names>.+?)\s+(?P<verb>{_SPEECH})\b"
        r"(?P<rest>.*)$",
        re.I,
    ),
    # What did A and B say about X?
    re.compile(
        rf"^\s*what\s+(?:did|do|does)\s+(?P<names>.+?\s+and\s+.+?)\s+(?:each\s+)?"
        rf"(?P<verb>{_SPEECH})\b(?P<rest>.*)$",
        re.I,
    ),
    # How do A and B differ on X?  Where do the accounts of A and B differ?
    re.compile(
        r"^\s*(?:how|where|on what)\s+(?:did|do|does)\s+"
        r"(?:the\s+(?:accounts|reports|versions|figures)\s+(?:of|in|by|from)\s+)?"
        r"(?P<names>.+?\s+and\s+.+?)\s+(?P<verb>differ|disagree)\b(?P<rest>.*)$",
        re.I,
    ),
)
_MENTIONS = re.compile(
    r"^\s*(?:which|what)\s+(?:of\s+the\s+)?(?:outlets?|papers?|newspapers?|media|reports?|"
    r"articles?|files?|sources?|agenc(?:y|ies)|broadcasters?|sites?)\s+"
    r"(?:mention|mentions|mentioned|report|reports|reported|cover|covers|covered|carry|carries|"
    r"carried|write|writes|wrote|speak|speaks|spoke)(?:\s+(?:on|of|about|that))?\s+(?P<what>.+)$"
    r"|^\s*who\s+(?:else\s+)?(?:reports?|reported|mentions?|mentioned|covers?|covered)\s+"
    r"(?:on\s+|about\s+|that\s+)?(?P<who>.+)$",
    re.I,
)
_ANCHOR = re.compile(
    r"^\s*what\s+(?:else\s+)?(?:happened|took\s+place|occurred|was\s+said|was\s+known|changed)\s+.*?"
    r"\b(?P<order>before|after|since|until|between)\s+(?P<anchor>.+)$",
    re.I,
)
_ACCORDING = re.compile(
    r"(?:^\s*according\s+to\s+(?P<first>[^,]+?)\s*,\s*)"
    r"|(?:,?\s+(?:according\s+to|as\s+reported\s+by)\s+(?P<last>[^,?]+?)\s*(?=\?|$))",
    re.I,
)
_PRONOUNS = {
    "it",
    "its",
    "he",
    "him",
    "his",
    "she",
    "her",
    "they",
    "them",
    "their",
    "this",
    "that",
    "these",
    "those",
    "there",
    "then",
}


def split(text: str, outlets: Collection[str] = ()) -> tuple[Part, ...]:
    """The parts of a question; one, with its own text, where no rule fits.

    `outlets` are those of the corpus: a part that names one is asked within its reports alone.
    """
    for rule in (_mentions, _compared, _after_anchor, _within, _joined):
        if parts := rule(text, outlets):
            return parts
    return (Part(text),)


def _mentions(text: str, outlets: Collection[str]) -> tuple[Part, ...]:
    match = _MENTIONS.match(text)
    if not match:
        return ()
    wanted = (match["what"] or match["who"]).rstrip(" ?.!")
    return (Part(wanted, f"reports that mention {wanted}", "mentions"),)


def _compared(text: str, outlets: Collection[str]) -> tuple[Part, ...]:
    match = next((m for p in _COMPARED if (m := p.match(text))), None)
    if not match:
        return ()
    names = _listed(match["names"])
    if len(names) < 2:
        return ()
    about = _about(match["rest"])
    return tuple(_one_side(name, about, outlets) for name in names[:MAX_PARTS])


def _one_side(name: str, about: str, outlets: Collection[str]) -> Part:
    """What one person, body or outlet of a comparison says."""
    reason = f"compared: {name}"
    known = outlet_named(name, outlets)
    if known and about:
        return Part(f"What about {about}?", reason, outlets=(known,))
    return Part(f"What did {name} say{f' about {about}' if about else ''}?", reason)


def _about(rest: str) -> str:
    bare = rest.strip(" ?.!,")
    return re.sub(r"^(?:about|on|of|over|regarding|concerning)\s+", "", bare, flags=re.I)


def _after_anchor(text: str, outlets: Collection[str]) -> tuple[Part, ...]:
    match = _ANCHOR.match(text)
    if not match:
        return ()
    anchor = match["anchor"].rstrip(" ?.!")
    reason = f"{match['order'].lower()}: {anchor}"
    return (Part(text, reason, also=(anchor,)),)


def _within(text: str, outlets: Collection[str]) -> tuple[Part, ...]:
    """Ask "according to the Gazette, ..." within that outlet's reports, if it is an outlet."""
    match = _ACCORDING.search(text)
    known = match and outlet_named(match["first"] or match["last"], outlets)
    if not match or not known:
        return ()
    rest = f"{text[: match.start()]} {text[match.end() :]}".replace(" ?", "?").strip()
    return (Part(rest[:1].upper() + rest[1:], f"within {known}", outlets=(known,)),)


def _joined(text: str, outlets: Collection[str]) -> tuple[Part, ...]:
    places = [m.end() for m in _JOINED.finditer(text)]
    starts = [0, *places]
    pieces = [
        re.sub(r"[\s,;?]+(?:and(?:\s+also)?)?\s*$", "", text[s:e], flags=re.I).strip() + "?"
        for s, e in zip(starts, [*places, len(text)], strict=True)
    ]
    if len(pieces) < 2 or not all(_stands_alone(p) for p in pieces):
        return ()
    if len(pieces) > MAX_PARTS:
        pieces = [*pieces[: MAX_PARTS - 1], text[starts[MAX_PARTS - 1] :]]
    return tuple(Part(p, "asked together") for p in pieces)


def _stands_alone(piece: str) -> bool:
    """Whether a piece has a verb and something that it is about, and no pronoun for it."""
    doc = parse(piece)
    if any(t.lower_ in _PRONOUNS and t.pos_ in {"PRON", "ADV"} for t in doc):
        return False
    about = any(t.pos_ in {"NOUN", "PROPN"} and t.lower_ not in {"time", "way"} for t in doc)
    asks = re.match(_ASKING, piece.strip(), re.I) is not None
    return about and any(t.pos_ in {"VERB", "AUX"} for t in doc) and asks


def _listed(names: str) -> list[str]:
    """The items of "A, B and C"; names that themselves hold "and" can't be told and are split."""
    items = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", names.strip())
    bare = (re.sub(r"^(?:both|each of)\s+", "", i, flags=re.I).strip() for i in items)
    return [i for i in bare if i]


def outlet_named(name: str, outlets: Collection[str]) -> str | None:
    """The corpus's own spelling of an outlet that `name` is, without regard to case or "the"."""
    wanted = _plain(name)
    return next((o for o in outlets if _plain(o) == wanted), None)


def _plain(name: str) -> str:
    return re.sub(r"^the\s+", "", " ".join(name.casefold().split()))


def described(parts: Sequence[Part]) -> list[dict[str, object]]:
    """The parts as the trace shows them, JSON-ready."""
    return [
        {
            "text": p.text,
            "reason": p.reason,
            "kind": p.kind,
            "outlets": list(p.outlets),
            "also": list(p.also),
        }
        for p in parts
    ]
