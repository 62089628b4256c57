"""The language model of one process, asked by others: each would need gigabytes for its own.

    lend(path, key, load)        in the process that has the model; `load` gives it, ready
    LentModel(path, key)         in another one: asked as a `LocalModel` is

All its rules hold for everybody together: calls come in turn, a call whose asker is gone is
stopped, a model process that dies is started anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Unpack

from index.errors import ModelUnreachable
from rag.asking import How, Message, Reply, Tick, no_tick
from rag.calls import Gone, Served, Tell, call
from rag.local_model import LocalModel


def lend(path: Path, key: bytes, load: Callable[[], LocalModel]) -> Served:
    """Let other processes ask the model that `load` gives; what that raises, they are told."""

    def answer(request: dict[str, Any] | None, tell: Tell) -> list[Reply]:
        model = load()
        return [] if request is None else model.ask(**request, tick=tell)

    return Served(path, key, answer)


class LentModel:
    """A model that another process lends, as a `Model`; safe to share between threads."""

    name, tells_likelihood = LocalModel.name, True

    def __init__(self, path: Path, key: bytes) -> None:
        self._path, self._key = path, key

    def ready(self) -> LentModel:
        """Itself; raises ModelError, in one line, if it can't be asked."""
        self._call(None, no_tick)
        return self

    def ask(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        tick: Tick = no_tick,
        **how: Unpack[How],
    ) -> list[Reply]:
        """See Model."""
        return self._call({"conversations": [list(c) for c in conversations], **how}, tick)

    def _call(self, request: dict[str, Any] | None, tick: Tick) -> list[Reply]:
        try:
            replies: list[Reply] = call(self._path, self._key, request, tick)
        except Gone as error:
            raise ModelUnreachable(
                "the process that keeps the language model is gone: ask again"
            ) from error
        return replies
