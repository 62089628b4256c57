"""Vectors of passages: made elsewhere (`spread`) while more articles are split."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType

import numpy as np

from .cache import EmbeddingCache
from .encoder import Vectors
from .passages import embedded_text
from .records import Passage
from .spread import Workers

_BATCH = 128


class Embedding:
    """Takes passages article by article and gives their vectors, those that are known uncomputed.

    The cache gets each batch as soon as it is made, also when the block is left by an exception:
    what is made anew then is at most what is being made. `embedded` counts the passages whose
    vectors the cache did not have.
    """

    def __init__(
        self, workers: Workers, cache: EmbeddingCache, told: Callable[[int], None]
    ) -> None:
        """`told` is called with the number of articles whose vectors are there."""
        self._workers, self._cache, self._told = workers, cache, told
        self._texts: list[str] = []
        self._ends: list[int] = []
        self._taken = self._sent = self._done = self._articles = 0
        self._vectors: dict[str, Vectors] = {}
        self._missing: set[str] = set()
        self._running: deque[tuple[Future[Vectors] | None, list[str], int]] = deque()
        self.embedded = 0

    def add(self, passages: Sequence[Passage]) -> None:
        """Take the new passages of the next article; it may have none."""
        self._texts += [embedded_text(passage, self._workers.encoder) for passage in passages]
        self._ends.append(self._taken + len(self._texts))
        while self._ends[-1] - self._sent >= _BATCH:
            self._send()
        while self._running and self._is_done():
            self._collect()
        self._tell()

    def send_rest(self) -> None:
        """No article follows, but something else may be done before `vectors` is asked for."""
        if self._ends and self._sent < self._ends[-1]:
            self._send()

    def vectors(self, count: int | None = None) -> Vectors:
        """The vectors of the next `count` passages, or of all that are left, `(n, dim)`.

        They are in the order of the passages; waits for them.
        """
        texts = self._texts[:count]
        if self._taken + len(texts) > self._sent:
            self.send_rest()
        while self._done < self._taken + len(texts):
            self._collect()
            self._tell()
        found = [self._vectors[text] for text in texts]
        self._texts = self._texts[len(texts) :]
        self._taken += len(texts)
        left = set(self._texts)
        self._vectors = {text: self._vectors[text] for text in self._vectors.keys() & left}
        self._missing &= left
        return np.array(found, np.float32).reshape(len(found), self._workers.encoder.dim)

    def __enter__(self) -> Embedding:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        under_way = [(f, texts) for f, texts, _ in self._running if f and not f.cancel()]
        for future, texts in under_way:
            if not future.exception():
                self._cache.put(texts, future.result())
        self._cache.close()

    def _send(self) -> None:
        while len(self._running) >= self._workers.at_once:
            self._collect()
        start = self._sent - self._taken
        texts = self._texts[start : start + _BATCH]
        self._sent += len(texts)
        asked = [t for t in dict.fromkeys(texts) if t not in self._missing]
        known = self._cache.get([t for t in asked if t not in self._vectors])
        self._vectors.update(known)
        new = [t for t in asked if t not in self._vectors]
        self._missing.update(new)
        self.embedded += sum(text in self._missing for text in texts)
        self._running.append((self._workers.submit(new) if new else None, new, self._sent))

    def _is_done(self) -> bool:
        future = self._running[0][0]
        return future is None or future.done()

    def _collect(self) -> None:
        future, texts, sent = self._running[0]
        if future is not None:
            vectors = self._workers.result(future)
            self._cache.put(texts, vectors)
            self._vectors.update(zip(texts, vectors, strict=True))
        self._running.popleft()
        self._done = sent

    def _tell(self) -> None:
        articles = bisect_right(self._ends, self._done)
        if articles > self._articles:
            self._articles = articles
            self._told(articles)
