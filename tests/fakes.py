"""Stand-ins that ship for tests: whatever they return can be worked out in one's head."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from index import Index, build_index, open_index
from index.encoder import Vectors
from index.records import Article, Passage

TOPICS = ("harbour", "election", "storm", "bank", "hospital", "railway", "museum")


def at(article: Article, words: str) -> Passage:
    """The words where they first stand in an article."""
    start = article.text.index(words)
    return Passage(article, start, start + len(words))


class TopicEncoder:
    """Counts topic words: "harbour harbour storm" -> (2, 0, 1, 0, 0, 0, 0, 0), at unit length.

    The last of the `len(TOPICS) + 1` numbers is 1 for a text without a topic. A topic counts where
    a word begins with it ("storms"), in either case. Tokens are words and single punctuation
    marks; two special ones are added, as a real model does. `encoded` keeps every text that was
    embedded as a passage, in order.
    """

    dim = len(TOPICS) + 1
    special_tokens = 2

    def __init__(self, *, max_tokens: int = 256, fingerprint: str = "topics:1") -> None:
        """`fingerprint` plays another encoder, `max_tokens` one that reads less."""
        self.fingerprint = fingerprint
        self.max_tokens = max_tokens
        self.encoded: list[str] = []

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Words and punctuation marks."""
        return [m.span() for m in re.finditer(r"\w+|[^\w\s]", text)]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Count topics, `(n, dim)`."""
        self.encoded.extend(texts)
        return np.array([self._vector(t) for t in texts], dtype=np.float32).reshape(-1, self.dim)

    def encode_query(self, text: str) -> Vectors:
        """Count topics, `(dim,)`."""
        return self._vector(text)

    def _vector(self, text: str) -> Vectors:
        counts = [len(re.findall(rf"\b{topic}", text.lower())) for topic in TOPICS]
        vector = np.array([*counts, not any(counts)], dtype=np.float32)
        return vector / np.linalg.norm(vector)


class OverlapChecker:
    """Support is the share of the claim's words that the evidence has; `asked` keeps all pairs."""

    name = "overlap"

    def __init__(self, threshold: float = 0.6) -> None:
        self.threshold = threshold
        self.asked: list[tuple[str, str]] = []

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """A share for each pair of evidence and claim."""
        self.asked += pairs
        words = [[re.findall(r"\w+", text.lower()) for text in pair] for pair in pairs]
        return [sum(w in said for w in claim) / max(1, len(claim)) for said, claim in words]


def indexed(folder: Path, texts: Mapping[str, str], metadata: str = "") -> Index:
    """An index of these texts by their IDs, which are written into `folder`, by a TopicEncoder."""
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    if metadata:
        (folder / "metadata.csv").write_text(metadata, encoding="utf-8")
    build_index([folder], folder / "index", encoder=TopicEncoder())
    return open_index(folder / "index", encoder=TopicEncoder())
