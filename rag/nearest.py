"""The parts of a long text that share most with a claim, found at the cost of reading it once."""

from __future__ import annotations

from itertools import pairwise

from index.language import Span, sentence_spans
from index.words import stems

#: Characters of a part, about; words of evidence that a model is given with a claim.
PART, FOCUS_WORDS = 2000, 100


def nearest_spans(text: str, claim: str, limit: int) -> list[Span]:
    """Spans `[start, end)` of `text`, in order, that share most words with `claim`.

    Together they have at most `limit` characters; a text that is no longer comes whole, as one
    span. Parts are cut where a line or a sentence ends, else at a space, else anywhere. Of parts
    that share equally many words, the first is nearest: news says what matters at the top.
    """
    if len(text) <= limit:
        return [(0, len(text))]
    wanted = frozenset(stems(claim))
    parts = list(_parts(text, min(PART, limit)))
    shared = [len(wanted.intersection(stems(text[start:end]))) for start, end in parts]
    kept: list[int] = []
    room = limit
    for n in sorted(range(len(parts)), key=lambda n: (-shared[n], n)):
        size = parts[n][1] - parts[n][0]
        if size > room:
            break
        kept.append(n)
        room -= size
    return _merged([parts[n] for n in sorted(kept)])


def nearest_text(text: str, claim: str, limit: int) -> str:
    """The same parts, as one text."""
    return "\n".join(text[start:end] for start, end in nearest_spans(text, claim, limit))


def focus(evidence: str, claim: str, words: int = FOCUS_WORDS) -> str:
    """The sentences of `evidence` that share most with `claim`, in their order, up to `words`.

    The one that shares most comes whole, however long; evidence that is short comes as it is.
    """
    if len(evidence.split()) <= words:
        return evidence
    wanted = set(stems(claim))
    spans = sentence_spans(evidence)
    shares = [len(wanted & set(stems(evidence[s:e]))) for s, e in spans]
    # A neighbour of a sentence that shares much often says who "he" is.
    ranks = [
        share + 0.25 * max(shares[max(0, n - 1)], shares[min(len(shares) - 1, n + 1)])
        for n, share in enumerate(shares)
    ]
    kept: list[int] = []
    room = words
    for n in sorted(range(len(spans)), key=lambda n: -ranks[n]):
        size = len(evidence[slice(*spans[n])].split())
        if kept and size > room:
            continue
        kept.append(n)
        room -= size
    return " ".join(evidence[slice(*spans[n])] for n in sorted(kept))


def _parts(text: str, size: int) -> list[Span]:
    cuts = [0]
    while len(text) - cuts[-1] > size:
        cuts.append(_cut(text, cuts[-1], cuts[-1] + size))
    return list(pairwise([*cuts, len(text)]))


def _cut(text: str, start: int, end: int) -> int:
    """Where to cut: in the second half of `[start, end)`, at the best place that it has."""
    half = (start + end) // 2
    for mark in ("\n", ". ", " "):
        found = text.rfind(mark, half, end)
        if found >= 0:
            return found + len(mark)
    return end


def _merged(spans: list[Span]) -> list[Span]:
    """Neighbours that touch become one."""
    merged: list[Span] = []
    for start, end in spans:
        if merged and merged[-1][1] == start:
            start = merged.pop()[0]
        merged.append((start, end))
    return merged
