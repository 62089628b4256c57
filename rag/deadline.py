"""How long a question may take, and of that the language model.

ends(seconds, progress)  -> the same, but it raises QuestionError once the time is up
Timed(model, seconds)    -> the same model, which has so long for all that it is asked
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar, Unpack

from index.errors import ModelUnreachable, QuestionError
from index.settings import seconds_of
from rag.asking import DEADLINE, How, Message, Model, Reply, Tick, no_tick, tells_likelihood
from rag.models import RemoteModel

T = TypeVar("T")
#: Of a question's seconds the share that a model may take at most: the rest is for quoting.
MODEL_SHARE = 0.8


def question_seconds() -> float:
    """Seconds that a question may take. Raises SettingError if that isn't set to a number."""
    return seconds_of("WIRECHECK_SECONDS")


def too_late(seconds: float) -> QuestionError:
    """What whoever asked is told."""
    return QuestionError(
        f"the question took more than {seconds:g} seconds and was ended: ask again, or ask less"
    )


def ends(seconds: float, tell: Callable[[T], None]) -> Callable[[T], None]:
    """`tell`, which raises QuestionError from `seconds` after now on."""
    until = time.monotonic() + seconds

    def told(what: T) -> None:
        if time.monotonic() > until:
            raise too_late(seconds)
        tell(what)

    return told


class Timed:
    """A model that has so long from now on for all that it is asked in a question of `seconds`.

    That is most of them; a model elsewhere has WIRECHECK_MODEL_SECONDS, if that is less.
    """

    def __init__(self, model: Model, seconds: float) -> None:
        self.name, self.tells_likelihood = model.name, tells_likelihood(model)
        self._model, self._seconds = model, MODEL_SHARE * seconds
        if isinstance(model, RemoteModel):
            self._seconds = min(self._seconds, seconds_of("WIRECHECK_MODEL_SECONDS"))
        self._until = time.monotonic() + self._seconds

    def ask(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        tick: Tick = no_tick,
        **how: Unpack[How],
    ) -> list[Reply]:
        """See Model. Raises ModelUnreachable, too, once its time is up."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise ModelUnreachable(
                f"model {self.name!r} gave no answer within {self._seconds:g} seconds"
            )
        how["seconds"] = min(left, how.get("seconds", DEADLINE))
        return self._model.ask(conversations, tick=tick, **how)
