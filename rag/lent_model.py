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
from rag.calls import Gone, Served, Tell, call
from rag.local_model import Generated, How, LocalModel, Message, Tick


def lend(path: Path, key: bytes, load: Callable[[], LocalModel]) -> Served:
    """Let other processes ask the model that `load` gives; what that raises, they are told."""

    def answer(request: dict[str, Any] | None, tell: Tell) -> list[Generated]:
        model = load()
        return [] if request is None else model.generate(**request, tick=tell)

    return Served(path, key, answer)


class LentModel:
    """A model that another process lends; safe to share between threads."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path, self._key = path, key

    def ready(self) -> LentModel:
        """Itself; raises ModelError, in one line, if it can't be asked."""
        self._ask(None, lambda told: None)
        return self

    def generate(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        tick: Tick = lambda texts: None,
        **how: Unpack[How],
    ) -> list[Generated]:
        """See LocalModel."""
        return self._ask({"conversations": [list(c) for c in conversations], **how}, tick)

    def _ask(self, request: dict[str, Any] | None, tick: Tick) -> list[Generated]:
        try:
            generated: list[Generated] = call(self._path, self._key, request, tick)
        except Gone as error:
            raise ModelUnreachable(
                "the process that keeps the language model is gone: ask again"
            ) from error
        return generated
