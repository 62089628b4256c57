"""What a language model is asked, and what it replies: the same for one here and one elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Required, TypedDict, Unpack

#: How likely the "Yes" of a model is taken to be that tells no probability.
SURE = 0.88
#: What a reply is taken for that says neither yes nor no.
NEITHER = 0.5
#: Seconds that one call may take.
DEADLINE = 120.0

Message = dict[str, str]
#: Told the texts so far now and then; what it raises stops the call.
Tick = Callable[[Sequence[str]], None]


def no_tick(texts: Sequence[str]) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Reply:
    """What a model says to one conversation.

    `tokens` and `logprobs` (natural, each 0 or less) are those of its text, or empty where the
    model doesn't tell them.
    """

    text: str
    tokens: tuple[str, ...] = ()
    logprobs: tuple[float, ...] = ()

    def yes(self) -> float:
        """0..1: how likely it says yes; NEITHER for what is neither yes nor no."""
        said = (self.tokens[0] if self.tokens else self.text).strip().lower()
        sure = math.exp(self.logprobs[0]) if self.logprobs else SURE
        if said.startswith("yes"):
            return sure
        return 1 - sure if said.startswith("no") else NEITHER


class How(TypedDict, total=False):
    """How a model is asked.

    `max_tokens` is what it may write, up to the first of `stop`, left out. `begun` is what the
    reply begins with, where the model can be made to go on from it. `seconds` (`DEADLINE`, if not
    given) is what the call may take.
    """

    max_tokens: Required[int]
    stop: Sequence[str]
    begun: str
    seconds: float


class Model(Protocol):
    """Something that reads and writes."""

    @property
    def name(self) -> str:
        """As it was asked for: "embedded", or LiteLLM's name."""

    def ask(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        tick: Tick = no_tick,
        **how: Unpack[How],
    ) -> list[Reply]:
        """A reply to each conversation; one that went wrong is empty if others didn't.

        Raises ModelError if none came, and what `tick` raises.
        """


def tells_likelihood(model: Model) -> bool:
    """Whether its "Yes" may be anything from 0 to 1, or says nothing of how sure it is."""
    return bool(getattr(model, "tells_likelihood", False))
