"""What is asked: a follow-up as it stands alone, and each of several questions by itself.

    plan("And why?", turns, model)      -> "Why will the bridge stay shut?"
    plan("Who won, and who lost?", ...) -> "Who won?", "Who lost?"
    "Which outlets mention the siren?"  -> every report that mentions the siren
    "What, according to the Gazette, ...?" -> asked within that outlet's reports
    a long letter that asks at its end   -> what it asks

A model writes the questions, in one call, and only where there is a conversation or the question
holds several. What it writes is used only if every name, number and telling word of it stands in
the conversation; else the question is asked as it was typed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from index import Article, Index
from index.errors import ModelError, SettingError
from index.files import Unfit, file_bytes, shown
from index.words import stems
from rag.asking import Model, Tick, no_tick
from rag.prompts import load_prompt
from rag.question import LONG, Question, analyse, asking_part
from rag.schema import Answer
from rag.timing import as_of_day
from rag.values import find_quantities

#: ask: answer it; mentions: list the reports that hold the words.
PartKind = Literal["ask", "mentions"]
#: Questions in one, turns of a conversation that are remembered, bytes of a file that holds one.
MAX_PARTS, REMEMBERED, MAX_BYTES = 4, 4, 40_000_000
#: Tokens that a model may write, characters of an answer that it is shown, and of what it rewrites.
MAX_TOKENS, MAX_ANSWER, MAX_REWRITTEN = 80, 300, 500
_ASKING = r"(?:how|what|who|whom|whose|when|where|why|which)\b"
_SEVERAL = re.compile(
    rf"\?\s+\w|[,;]?\s(?:and|or|then)\s+(?:also\s+)?(?:\w+\s+)?{_ASKING}|;|^\W*compare\b|"
    r"\bdiffer(?:s|ed)?\b",
    re.I,
)
_MENTIONS = re.compile(
    r"^\s*(?:which|what)\s+(?:of\s+the\s+)?(?:outlets?|papers?|newspapers?|media|reports?|"
    r"articles?|files?|sources?|agenc(?:y|ies)|broadcasters?|sites?)\s+(?:mention|report|cover|"
    r"carr(?:y|i)|writ|wrot|speak|spoke)\w*(?:\s+(?:on|of|about|that))?\s+(?P<what>.+)$"
    r"|^\s*who\s+(?:else\s+)?(?:report|mention|cover)\w*\s+(?:on\s+|about\s+|that\s+)?(?P<who>.+)$",
    re.I,
)
_ACCORDING = re.compile(
    r"(?:^\s*according\s+to\s+(?P<first>[^,]+?)\s*,\s*)"
    r"|(?:,?\s+(?:according\s+to|as\s+reported\s+by)\s+(?P<last>[^,?]+?)\s*(?=\?|$))",
    re.I,
)
_CAPITAL = re.compile(r"\b[A-Z][\w’'-]*")
#: Words that a rewrite may use besides those of the conversation.
_FREE = frozenset(
    stems("say says said happen happened report reports reported question people person time day")
)


@dataclass(frozen=True)
class Turn:
    """A question that stands alone, and what it was answered with."""

    question: str
    answer: Answer

    @property
    def told(self) -> str:
        """The answer's first sentence with what it cites; "" of a declined answer."""
        claims = [c for c in self.answer.claims if c.kind != "difference"][:1]
        texts = [t for c in claims for t in (c.text, *(q.quote for q in c.citations[:1]))]
        return " ".join(" ".join(dict.fromkeys(texts)).split())


@dataclass(frozen=True)
class Part:
    """A question of its own; `outlets`, if not empty, are those that it is asked within."""

    text: str
    kind: PartKind = "ask"
    outlets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The questions to ask, and whether a model wrote them; `because` says why not, if it tried."""

    parts: tuple[Part, ...]
    by_model: bool = False
    because: str = ""
    prompts: Mapping[str, str] = field(default_factory=dict)

    def trace(self, typed: str) -> dict[str, Any]:
        """What the trace of the answer says of it, JSON-ready."""
        rows: dict[str, Any] = {
            "parts": [
                {"text": p.text, "kind": p.kind, "outlets": list(p.outlets)} for p in self.parts
            ]
        }
        text = " ".join(p.text for p in self.parts)
        by = "model" if self.by_model else "length" if len(typed) >= LONG else ""
        if by and text != typed:
            rows["rewritten"] = {"from": typed, "to": text, "by": by}
        if self.because:
            rows["not_rewritten"] = self.because
        if self.prompts:
            rows["prompts"] = dict(self.prompts)
        return rows


def turns_of(history: Sequence[Answer | Mapping[str, Any]]) -> tuple[Turn, ...]:
    """The last turns of a conversation, from answers or what `Answer.to_dict` made of them.

    Raises SettingError for what is no answer.
    """
    answers = [a if isinstance(a, Answer) else Answer.from_dict(dict(a)) for a in history]
    return tuple(Turn(analyse(a.asked).text, a) for a in answers[-REMEMBERED:])


def plan(
    question: str,
    turns: Sequence[Turn],
    model: Model | None,
    outlets: Collection[str] = (),
    tick: Tick = no_tick,
) -> Plan:
    """The questions that `question` asks after `turns`; `outlets` are those of the corpus.

    Raises QuestionError for what is no question.
    """
    typed = asking_part(analyse(question).text)
    if not turns and not _SEVERAL.search(typed):
        return Plan((_part(typed, outlets),))
    if model is None:
        said = "a follow-up needs a language model to be understood" if turns else ""
        return Plan((_part(typed, outlets),), because=said)
    prompt = load_prompt("plan")
    sums = {"plan": prompt.sha256}
    asked = prompt.messages(conversation=_conversation(turns), question=typed)
    try:
        reply = model.ask([asked], max_tokens=MAX_TOKENS, tick=tick)[0].text
    except ModelError as error:
        return Plan((_part(typed, outlets),), because=str(error), prompts=sums)
    texts = [text for line in reply.splitlines() if (text := line.strip(' -*•"“”'))][:MAX_PARTS]
    faults = [fault for text in texts if (fault := foreign(text, typed, turns))]
    if faults or not texts:
        said = f"the model's rewrite was refused: {faults[0] if faults else 'it is empty'}"
        return Plan((_part(typed, outlets),), because=said, prompts=sums)
    parts = tuple(_part(text, outlets) for text in dict.fromkeys(texts))
    return Plan(parts, by_model=True, prompts=sums)


def _conversation(turns: Sequence[Turn]) -> str:
    lines = (f"Question: {t.question}\nAnswer: {t.told[:MAX_ANSWER] or 'not known'}" for t in turns)
    return "\n".join(lines)


def foreign(text: str, typed: str, turns: Sequence[Turn]) -> str:
    """What is wrong with a model's rewrite, or "": it may use words of the conversation alone."""
    if not text.endswith("?") or len(text) > MAX_REWRITTEN or text.count("?") > 1:
        return "it is no single question"
    spoken = " ".join([typed, *(f"{t.question} {t.told}" for t in turns)])
    known = set(stems(spoken)) | _FREE
    names = {s for m in _CAPITAL.finditer(text) for s in stems(m[0])}
    for word in text.rstrip("?").split():
        new = set(stems(word)) - known
        if new:
            what = "name" if new & names and word[:1].isupper() else "word"
            return f"the {what} “{word.strip(',.;:')}” is not in the conversation"
    amounts = {(q.amount, q.family) for q in find_quantities(spoken)}
    if any((q.amount, q.family) not in amounts for q in find_quantities(text) if q.amount != 1):
        return "a number in it is not in the conversation"
    return ""


def _part(text: str, outlets: Collection[str]) -> Part:
    """A question, as a search for mentions or within an outlet's reports, if it asks that."""
    if match := _MENTIONS.match(text):
        return Part((match["what"] or match["who"]).rstrip(" ?.!"), "mentions")
    match = _ACCORDING.search(text)
    named = _plain(match["first"] or match["last"]) if match else ""
    # The corpus's own spelling, without regard to case or "the".
    known = next((outlet for outlet in outlets if _plain(outlet) == named), None)
    if match and known:
        rest = f"{text[: match.start()]} {text[match.end() :]}".replace(" ?", "?").strip()
        return Part(rest[:1].upper() + rest[1:], outlets=(known,))
    return Part(text)


def _plain(name: str) -> str:
    return re.sub(r"^the\s+", "", " ".join(name.casefold().split()))


# --- a conversation from a file ----------------------------------------------------------------


def read_history(path: Path) -> list[Answer]:
    """Answers as `ask --json` prints them: one, a list of them, or one after the other.

    Raises SettingError, in one line, where they are not.
    """
    name = shown(path)
    try:
        text = file_bytes(path, MAX_BYTES).decode("utf-8-sig")
        return [Answer.from_dict(row) for row in _objects(text)]
    except Unfit as unfit:
        raise SettingError(f"{name}: {unfit}") from unfit
    except UnicodeDecodeError as error:
        raise SettingError(f"{name}: it is not UTF-8") from error
    except RecursionError as error:
        raise SettingError(f"{name}: nested too deep") from error
    except ValueError as error:
        raise SettingError(f"{name}: no answers of `ask --json`: not JSON, or cut off") from error
    except SettingError as error:
        raise SettingError(f"{name}: no answers of `ask --json`: {error}") from error


def _objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects that stand in a text, one after the other or in lists."""
    decoder = json.JSONDecoder()
    found: list[Any] = []
    rest = text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        found += value if isinstance(value, list) else [value]
        rest = rest[end:].lstrip()
    if not found or not all(isinstance(row, dict) for row in found):
        raise SettingError("it holds something else, or nothing")
    return found


# --- where it is asked --------------------------------------------------------------------------


def cited_before(question: Question, last: Answer) -> tuple[Article, ...]:
    """The articles that "who else" is not to be answered with."""
    if " else" not in question.text:
        return ()
    return tuple(
        {c.article_id: c.passage.article for k in last.claims for c in k.citations}.values()
    )


def asked_on(question: Question, day: date, index: Index) -> tuple[Question, str | None]:
    """The question, asked on `day` or on that of its own "as of 3 May"; and that day, if named."""
    named = as_of_day(question, index.stats()["last_published"] or "")
    return question.on(date.fromisoformat(named) if named else day), named


def narrowed(filters: dict[str, Any], part: Part) -> dict[str, Any]:
    """The caller's filters and the part's own outlets: both must hold."""
    if not part.outlets:
        return filters
    given = filters.get("outlets")
    allowed = None if given is None else {name.strip().casefold() for name in given}
    kept = [o for o in part.outlets if allowed is None or o.casefold() in allowed]
    return {**filters, "outlets": kept}
