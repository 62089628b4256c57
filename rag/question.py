"""What a question asks for, as far as its form says."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from index.errors import QuestionError
from index.language import parse, sentence_spans
from index.tongue import is_common, language_of
from index.words import stems, words
from rag.dates import When, find_dates
from rag.grammar import SPEECH
from rag.relative import Meant, meant_time
from rag.values import find_quantities

MAX_CHARACTERS = 8000
#: From this many characters on, what asks is looked for among what is told besides.
LONG = 400
#: Of a sentence that never ends, so many of its last characters are asked.
LONGEST = 1000
#: amount: how many, how long; time: when; name: who, where, which; what: by what the reports say;
#: open: why, how, whether, what somebody said.
Asks = Literal["amount", "time", "name", "what", "open"]

_AMOUNT = re.compile(
    r"\b(?:what|which)\b(?:\W+\w+){0,4}?\W+(?:number|percentage|per ?cent|share|proportion|total|"
    r"toll|tally|count|amount|sum|cost|price|fee|fine|salary|budget|age|rate|size|depth|height|"
    r"length|width|weight|speed|distance|temperature|magnitude|margin|turnout|population)s?\b",
    re.I,
)
_TIME = re.compile(
    r"\b(?:what|which)\W+(?:(?:is|was)\W+the\W+)?(?:day|date|year|month|weekday|time|hour)\b", re.I
)
_WORDS = (
    "how what which who whom whose when where why did does do is are was were has have can will"
)
_ASKS = re.compile(rf"[?？؟](?!\S)|[か？]。?$|^(?:{'|'.join(_WORDS.split())})\b", re.I)
_WANTS = re.compile(r"\b(?:tell me|my question|want to know|like to know|find out)\b", re.I)
_LEAD_IN = re.compile(rf"^[^:?]{{3,100}}:\s+(?=(?:{'|'.join(_WORDS.split())})\b)", re.I)
_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|this|that|there)\b", re.I
)
# The same of German, Spanish, French, Italian, Portuguese; Japanese, Chinese; Arabic.
_ASKS_ABROAD: dict[Asks, str] = {
    "time": r"\b(?:wann|seit wann|bis wann|an welchem tag|cuándo|qué día|quand|quel jour|quando"
    r"|che giorno|que dia)\b|いつ|何[月時年曜]|何日[にか]ら?、|什么时候|何时|哪[天年]|متى",
    "amount": r"\b(?:wie (?:viele?|lange|hoch|alt|weit|groß|schwer|teuer|tief|oft)|wieviele?"
    r"|cuánt[oa]s?|qué (?:porcentaje|edad|cantidad)|combien|quel (?:âge|pourcentage)"
    r"|quant[oiae]s?|che percentuale|que (?:percentagem|porcentagem|idade))\b"
    r"|何[^をがは、]{0,5}(?:人|日|本|台|個|枚|円|回|件|歳|隻|年|週|%|パーセント|メートル|キロ|トン)"
    r"|いくつ|いくら|どれ(?:くらい|ほど|だけ)|多少|几|كم",
    "name": r"\b(?:wer|wen|wem|wessen|wo|wohin|woher|welche[rsnm]?|quién(?:es)?|dónde|cuál(?:es)?"
    r"|qui|où|quel(?:le)?s?|chi|dove|quale|quali|quem|onde|qual|quais)\b"
    r"|誰|だれ|どこ|どの|どちら|谁|哪里|哪儿|哪|(?:^|\s)(?:من|أين|أي)\s",
    "what": r"^\W*(?:was|qué|que|quoi|che cosa|cosa|o que)\b|何|什么|ماذا|^ما\s",
}
_QUOTED = re.compile(r"[\"“]([^\"“”]{2,})[\"”]")
_ENTITIES = frozenset("PERSON ORG GPE LOC FAC NORP EVENT PRODUCT WORK_OF_ART LAW".split())
_AMOUNTS = frozenset("DATE TIME CARDINAL MONEY PERCENT ORDINAL".split())
_CONTENT = frozenset("NOUN PROPN VERB ADJ ADV NUM".split())
_ASKING = frozenset(
    """what which who whom whose where when why how many much long say tell give do be have happen
    accord report mention other""".split()
)


@dataclass(frozen=True)
class Question:
    """A question as typed, and what can be read off it.

    `terms` are its content words' lemmas, lower case; `names` its proper names; `quoted` the words
    that it puts in quotation marks. `of_speaker` if it asks who says something, `of_several` if it
    asks for several things by name: then several answers are no difference. `meant` is the time
    that it tells from the day it is asked, as in "this week"; None if it tells none so. The words
    of that are no `terms`, `dates` or `numbers`: no report need have them.
    """

    text: str
    asks: Asks
    terms: tuple[str, ...]
    names: tuple[str, ...]
    dates: tuple[When, ...]
    quoted: tuple[str, ...]
    of_speaker: bool = False
    of_several: bool = False
    meant: Meant | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        """The quantities in the question, as typed; a plain "one" seldom counts and is left out."""
        return tuple(
            self.text[q.start : q.end]
            for q in find_quantities(self.text)
            if q.amount != 1.0 and not (self.meant and self.meant.holds((q.start, q.end)))
        )

    def on(self, day: datetime.date) -> Question:
        """The same question, asked on `day`."""
        meant = meant_time(self.text, day)
        if meant is None:
            return self
        times = set(stems(" ".join(meant.words)))
        terms = tuple(t for t in self.terms if not set(stems(t)) & times)
        dates = tuple(d for d in self.dates if not meant.holds((d.start, d.end)))
        return replace(self, terms=terms, dates=dates, meant=meant)


def analyse(text: str) -> Question:
    """Read a question. Raises QuestionError when it is empty, too long or not text."""
    if not isinstance(text, str):
        raise QuestionError(f"a question must be text, not {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:
        raise QuestionError(
            f"the question has {len(text):,} characters; ask in at most {MAX_CHARACTERS:,}"
        )
    clean = " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())
    if not any(c.isalnum() for c in clean):
        raise QuestionError("the question is empty; type what you want to know")
    language = language_of(clean)
    if language not in ("", "en"):
        return _foreign(clean, language)
    doc = parse(clean)
    asking = next((t for t in doc if t.tag_ in {"WP", "WP$", "WDT", "WRB"}), None)
    return Question(
        text=clean,
        asks=_asks(clean, asking),
        terms=_terms(doc),
        names=_names(doc),
        dates=tuple(find_dates(clean)),
        quoted=tuple(_QUOTED.findall(clean)),
        of_speaker=_of_speaker(asking),
        of_several=_of_several(asking),
    )


def _foreign(text: str, language: str) -> Question:
    """A question that isn't in English: what kind it is, its words, its dates and quoted words."""
    kinds = (kind for kind, words in _ASKS_ABROAD.items() if re.search(words, text, re.I))
    asks: Asks = next(kinds, "open")
    told = dict.fromkeys(w for w in words(text) if not is_common(w, language))
    quoted = tuple(_QUOTED.findall(text))
    return Question(text, asks, tuple(told), (), tuple(find_dates(text)), quoted)


def asking_part(text: str) -> str:
    """What a long question asks: its last sentences in a row that ask, or else its last one.

    The sentence before them belongs to them where they point back to it. A shorter one than `LONG`
    is itself.
    """
    if len(text) < LONG:
        return text
    told = [s for a, b in sentence_spans(text) for s in re.split(r"(?<=[?？؟]) ", text[a:b])]
    asks = [n for n, sentence in enumerate(told) if _ASKS.search(sentence)]
    wants = [n for n, sentence in enumerate(told) if _WANTS.search(sentence)]
    last = (asks or wants or [len(told) - 1])[-1]
    first = last
    while first - 1 in asks:
        first -= 1
    part = _LEAD_IN.sub("", " ".join(told[first : last + 1]))
    if first and _POINTS_BACK.search(part) and not _names(parse(part)):
        part = f"{told[first - 1]} {part}"
    return part if len(part) <= LONGEST else part[-LONGEST:].partition(" ")[2] or part[-LONGEST:]


def _asks(text: str, asking: Any) -> Asks:
    """The first asking word decides; "how" with what it is a degree of asks for an amount."""
    if asking is None:
        return "open"
    word = asking.lower_
    after = asking.nbor() if asking.i + 1 < len(asking.doc) else None
    if word == "how":
        return "amount" if after is not None and after.pos_ in {"ADJ", "ADV"} else "open"
    if word in {"when", "who", "whom", "whose", "where"}:
        return "time" if word == "when" else "name"
    if word in {"what", "which"}:
        rest = text[asking.idx :]
        if _TIME.match(rest):
            return "time"
        if _AMOUNT.match(rest):
            return "amount"
        if asking.dep_ == "det" or word == "which":
            return "name"
        return "open" if asking.head.lemma_.lower() in SPEECH else "what"
    return "open"


def _of_speaker(asking: Any) -> bool:
    if asking is None or asking.lower_ not in {"who", "which", "whose", "what"}:
        return False
    doer = asking if asking.dep_ in {"nsubj", "nsubjpass"} else asking.head
    return doer.dep_ in {"nsubj", "nsubjpass"} and doer.head.lemma_.lower() in SPEECH


def _of_several(asking: Any) -> bool:
    return asking is not None and asking.dep_ == "det" and asking.head.tag_ in {"NNS", "NNPS"}


def _terms(doc: Any) -> tuple[str, ...]:
    lemmas = [t.lemma_.lower() for t in doc if t.pos_ in _CONTENT]
    telling = (w for w in lemmas if w not in _ASKING and any(c.isalnum() for c in w))
    return tuple(dict.fromkeys(telling))


def _names(doc: Any) -> tuple[str, ...]:
    """Named entities and maximal runs of proper nouns, but for dates and amounts."""
    found = [s.text for s in doc.ents if s.label_ in _ENTITIES]
    run: list[str] = []
    for token in [*doc, None]:
        if token is not None and token.pos_ == "PROPN" and token.ent_type_ not in _AMOUNTS:
            run.append(token.text)
        elif run:
            found.append(" ".join(run))
            run = []
    bare = [re.sub(r"^[Tt]he\s+|['’]s$", "", name).strip() for name in found]
    return tuple(dict.fromkeys(n for n in bare if n and n.lower() not in _ASKING))
