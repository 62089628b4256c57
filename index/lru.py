"""What was made of texts lately, so that it is not made again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Lru(Generic[Made]):
    """The results for the `size` texts that were asked for last; safe to share between threads."""

    def __init__(self, size: int) -> None:
        """`size` is how many are kept."""
        self._size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Made] = OrderedDict()

    def of(self, texts: Sequence[str], make: Callable[[list[str]], Iterable[Made]]) -> list[Made]:
        """A result for each text, in order; `make` is given those that aren't kept, once each."""
        with self._lock:
            known = {text: self._kept[text] for text in texts if text in self._kept}
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        if fresh:
            known.update(zip(fresh, make(fresh), strict=True))
        with self._lock:
            for text, made in known.items():
                self._kept[text] = made
                self._kept.move_to_end(text)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return [known[text] for text in texts]
