"""A language model that replays: what it reads, says and writes is written by the test.

    ReplayModel(("how long", "harbour", "four days", YES))

A report that no line is for is read as its first word, and not believed.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import rag.compare
import rag.read
from rag.asking import Reply
from rag.prompts import load_prompt
from rag.weights import model_weights

YES, NO = 0.95, 0.05


class ReplayModel:
    """Reads, judges, plans and writes as it was told; `asked` has every conversation.

    `readings` are (words of the question, words of the report, what is copied, the "Yes" to it);
    the first that fits counts. `written` is what it writes, `planned` what it plans. A `fault` is
    raised instead of any reply after the first `sound` calls. `believes` are words that nobody copied
    and that it believes all the same, with its "Yes" to them. With `supports` it says how likely its "Yes"
    is, and that is the one to every written sentence.
    """

    name = "replay"

    def __init__(
        self,
        *readings: tuple[str, str, str, float],
        written: str = "",
        planned: str = "",
        fault: Exception | None = None,
        sound: int = 0,
        believes: Mapping[str, float] | None = None,
        supports: float | None = None,
    ) -> None:
        self.readings, self.written, self.planned = readings, written, planned
        self.fault, self.sound = fault, sound
        self.believes = believes or {}
        self.supports, self.tells_likelihood = supports, supports is not None
        self.calls = 0
        self.asked: list[list[dict[str, str]]] = []

    def ask(
        self, conversations: Sequence[Sequence[Mapping[str, str]]], **options: Any
    ) -> list[Reply]:
        if tick := options.get("tick"):
            tick([""] * len(conversations))
        self.asked += [list(c) for c in conversations]
        self.calls += 1
        if self.fault and self.calls > self.sound:
            raise self.fault
        return [self._reply(c) for c in conversations]

    def _reply(self, conversation: Sequence[Mapping[str, str]]) -> Reply:
        system, last = conversation[0]["content"], conversation[-1]["content"]
        if system == load_prompt("plan").turns[0][1]:
            return Reply(self.planned)
        if system == load_prompt("write").turns[0][1]:
            return Reply(self.written)
        if self.supports is not None and system == load_prompt("supported").turns[0][1]:
            return _sure(self.supports)
        if last == load_prompt("confirm").turns[-1][1]:
            _, _, copied, yes = self._line(conversation[-3]["content"])
            words = conversation[-2]["content"].strip('"')
            return _sure(
                yes if words == copied.strip('"').split('"')[0] else self.believes.get(words, NO)
            )
        return Reply(self._line(last)[2], ("…",), (-0.05,))

    def _line(self, asked: str) -> tuple[str, str, str, float]:
        """The line that fits a question to a report."""
        report, _, question = asked.partition("Question:")
        found = (r for r in self.readings if r[0] in question and r[1] in report)
        return next(found, ("", "", report.split("\n")[1].split()[0], NO))


def _sure(yes: float) -> Reply:
    said = "Yes" if yes >= 0.5 else "No"
    return Reply(said, (said,), (math.log(max(yes, 1 - yes)),))


def plain_weights(monkeypatch: Any) -> None:
    """A reading is as sure as the model's "Yes", whatever the weights that ship."""
    weights = {**dict.fromkeys(rag.read.SIGNALS, 0.0), "yes": 1.0, "bias": 0.0}
    shipped = {
        **model_weights(),
        "reading": {**weights, "answers": 0.65, "answers_addressed": 0.6, "beside": 0.7},
    }
    for module in (rag.read, rag.compare):
        monkeypatch.setattr(module, "model_weights", lambda: shipped)
