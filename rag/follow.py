"""Follow-up questions, rewritten so that each stands alone.

"And what did Doorn say?" after "What did Holm say about the bridge?" is asked onward as "What did
Doorn say about the bridge?". Rules come first; where they see that something is missing and can't
fill it in, a language model that can write may, with words of the conversation alone. What stands
alone is left as it is, and a change of topic is noticed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from index.errors import ModelError, SettingError
from index.files import Unfit, file_bytes, shown
from index.words import stems
from rag.elliptic import RULES, Rewrite
from rag.llm import can_write, complete
from rag.prompts import load_prompt
from rag.question import MAX_CHARACTERS, analyse
from rag.referents import REMEMBERED, Turn
from rag.schema import Answer
from rag.values import find_quantities

#: Of a file that holds a conversation.
MAX_BYTES = 40_000_000
NEW_TOPIC, SAME_TOPIC = "new topic", "same topic"
_PROMPTS = ("follow.system", "follow.user")
_CAPITAL = re.compile(r"\b[A-Z][\w’'-]*")
#: Words that two questions may share and be about different things.
_TOPICLESS = frozenset(
    stems("long old much many far often large high people say said report happen day year first")
)
#: Words that a rewrite may use besides those of the conversation.
_FREE = frozenset(
    stems("say says said happen happened report reports reported question outlet outlets go people")
)


@dataclass(frozen=True)
class Followed:
    """A question as it is asked onward.

    `by` is typed (left as it was), rules or model; `because` says why in words; `topic` is
    "new topic" or "same topic". `besides` are the articles that "who else" is not answered with.
    """

    text: str
    by: str
    because: str
    topic: str
    besides: frozenset[str] = frozenset()
    prompts: dict[str, str] = field(default_factory=dict)

    def trace(self, typed: str) -> dict[str, Any]:
        """What the trace of the answer says of it, JSON-ready."""
        rows: dict[str, Any] = {"topic": self.topic}
        if self.text != typed:
            rows["rewritten"] = {
                "from": typed,
                "to": self.text,
                "by": self.by,
                "because": self.because,
            }
        elif self.because:
            rows["not_rewritten"] = self.because
        if self.prompts:
            rows["prompts"] = self.prompts
        return rows


def turns_of(history: Sequence[Answer | Mapping[str, Any]]) -> tuple[Turn, ...]:
    """The last turns of a conversation, from answers or what `Answer.to_dict` made of them.

    Raises SettingError for what is no answer.
    """
    answers = [a if isinstance(a, Answer) else Answer.from_dict(dict(a)) for a in history]
    return tuple(Turn(analyse(a.asked).text, a) for a in answers[-REMEMBERED:])


def follow(question: str, turns: Sequence[Turn], model: str = "none") -> Followed:
    """The question as it stands alone after `turns`, of which there is at least one.

    Raises QuestionError for what is no question.
    """
    typed = analyse(question).text
    rewrite = next((r for rule in RULES if (r := rule(typed, turns)) is not None), None)
    if rewrite is None:
        return Followed(typed, "typed", "", _topic(typed, turns))
    if rewrite.text:
        fit = len(rewrite.text) <= MAX_CHARACTERS
        text = rewrite.text if fit else typed
        return Followed(text, "rules", rewrite.because, SAME_TOPIC, rewrite.besides)
    if can_write(model):
        return _by_model(typed, turns, model, rewrite)
    return Followed(typed, "typed", rewrite.because, SAME_TOPIC)


def _topic(question: str, turns: Sequence[Turn]) -> str:
    """Whether a question that stands alone shares a word with what was spoken of."""
    spoken = {s for t in turns for s in stems(" ".join([t.question, t.cited, t.value]))}
    return SAME_TOPIC if spoken & set(stems(question)) - _TOPICLESS else NEW_TOPIC


# --- by a language model -----------------------------------------------------------------------


def _by_model(typed: str, turns: Sequence[Turn], model: str, rewrite: Rewrite) -> Followed:
    prompts = {name: load_prompt(name).sha256 for name in _PROMPTS}
    try:
        text = proposed(typed, turns, model)
    except ModelError as error:
        return Followed(typed, "typed", f"{rewrite.because}; {error}", SAME_TOPIC, prompts=prompts)
    refused = foreign(text, typed, turns)
    if refused:
        said = f"{rewrite.because}; the model's rewrite was refused: {refused}"
        return Followed(typed, "typed", said, SAME_TOPIC, prompts=prompts)
    return Followed(text, "model", rewrite.because, SAME_TOPIC, prompts=prompts)


def proposed(typed: str, turns: Sequence[Turn], model: str) -> str:
    """What a model makes of a follow-up, on one line, untrusted. Raises ModelError."""
    rows = [{"question": t.question, "answer": t.value or t.cited} for t in turns]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    reply = complete(
        model,
        [
            {"role": "system", "content": load_prompt("follow.system").render()},
            {
                "role": "user",
                "content": load_prompt("follow.user").render(
                    conversation=lines, question=json.dumps(typed, ensure_ascii=False)
                ),
            },
        ],
        max_tokens=120,
    )
    return " ".join(reply.text.split()).strip(' "“”')


def foreign(text: str, typed: str, turns: Sequence[Turn]) -> str:
    """What is wrong with a model's rewrite, or "": it may use words of the conversation alone."""
    if not text.endswith("?") or len(text) > MAX_CHARACTERS // 4 or text.count("?") > 1:
        return "it is no single question"
    spoken = " ".join([typed, *(" ".join([t.question, t.value, t.cited]) for t in turns)])
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
    at = _next(text, 0)
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found += value if isinstance(value, list) else [value]
        at = _next(text, at)
    if not found or not all(isinstance(row, dict) for row in found):
        raise SettingError("it holds something else, or nothing")
    return found


def _next(text: str, at: int) -> int:
    """Where the next character that is not white space stands."""
    match = re.compile(r"\S").search(text, at)
    return match.start() if match else len(text)
