"""Vectors of passages: made in a thread of their own while more articles are split."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np

from .cache import EmbeddingCache
from .encoder import Encoder, Vectors
from .passages import embedded_text
from .records import Passage

_BATCH = 128


class Embedding:
    """Takes passages article by article and gives their vectors, those that are known uncomputed.

    The cache gets each batch as soon as it is made, also when the block is left by an exception:
    what is made anew then is at most the batch at hand. `embedded` counts the passages whose
    vectors the cache did not have.
    """

    def __init__(
        self, encoder: Encoder, cache: EmbeddingCache, told: Callable[[int], None]
    ) -> None:
        """`told` is called with the number of articles whose vectors are there."""
        self._encoder, self._cache, self._told = encoder, cache, told
        self._texts: list[str] = []
        self._ends: list[int] = []
        self._sent = self._done = self._articles = 0
        self._vectors: dict[str, Vectors] = {}
        self._missing: set[str] = set()
        self._running: deque[tuple[Future[Vectors], list[str], int]] = deque()
        self._worker = ThreadPoolExecutor(1, "embedding")
        self.embedded = 0

    def add(self, passages: Sequence[Passage]) -> None:
        """Take the new passages of the next article; it may have none."""
        self._texts += [embedded_text(passage, self._encoder) for passage in passages]
        self._ends.append(len(self._texts))
        while len(self._texts) - self._sent >= _BATCH:
            self._send()
        while self._running and self._running[0][0].done():
            self._collect()
        self._tell()

    def send_rest(self) -> None:
        """No article follows, but something else may be done before `vectors` is asked for."""
        if self._sent < len(self._texts):
            self._send()

    def vectors(self) -> Vectors:
        """All vectors, in the order of the passages, `(n, dim)`; waits for them."""
        self.send_rest()
        while self._running:
            self._collect()
            self._tell()
        found = [self._vectors[text] for text in self._texts]
        return np.array(found, np.float32).reshape(len(found), self._encoder.dim)

    def __enter__(self) -> Embedding:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._worker.shutdown(cancel_futures=True)
        while self._running:
            future, texts, _ = self._running.popleft()
            if not future.cancelled() and not future.exception():
                self._cache.put(texts, future.result())
        self._cache.close()

    def _send(self) -> None:
        texts = self._texts[self._sent : self._sent + _BATCH]
        self._sent += len(texts)
        asked = [t for t in dict.fromkeys(texts) if t not in self._missing]
        known = self._cache.get([t for t in asked if t not in self._vectors])
        self._vectors.update(known)
        new = [t for t in asked if t not in self._vectors]
        self._missing.update(new)
        self.embedded += sum(text in self._missing for text in texts)
        self._running.append((self._worker.submit(self._encoder.encode, new), new, self._sent))

    def _collect(self) -> None:
        future, texts, sent = self._running[0]
        vectors = future.result()
        self._cache.put(texts, vectors)
        self._running.popleft()
        self._vectors.update(zip(texts, vectors, strict=True))
        self._done = sent

    def _tell(self) -> None:
        articles = bisect_right(self._ends, self._done)
        if articles > self._articles:
            self._articles = articles
            self._told(articles)
