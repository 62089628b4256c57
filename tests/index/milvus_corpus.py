"""One drawn corpus for tests of both engines, and an encoder whose vectors are all different."""

import hashlib
import re

import numpy as np

OUTLETS = ("Tern Daily", "Moor Post", "The Quay")
DIM = 16


class DrawnEncoder:
    """Sums a drawn direction for each word; tokens are words."""

    dim, max_tokens, special_tokens = DIM, 64, 2

    def __init__(self, fingerprint="drawn:1", dim=DIM):
        self.fingerprint, self.dim = fingerprint, dim

    def token_offsets(self, text):
        return [m.span() for m in re.finditer(r"\w+|[^\w\s]", text)]

    def encode(self, texts):
        return np.array([self.encode_query(t) for t in texts], np.float32).reshape(-1, self.dim)

    def encode_query(self, text):
        words = re.findall(r"\w+", text.lower()) or [""]
        vector = np.sum([self._direction(word) for word in words], axis=0)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def _direction(self, word):
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
        return np.random.default_rng(seed).normal(size=self.dim)


def words_drawn(rng, count):
    """Words of a made-up language, few of them often."""
    return [word(n) for n in np.minimum(rng.zipf(1.3, count), 400).tolist()]


def word(n):
    return "".join("bdkmprst"[n // 8**k % 8] + "aeiou"[n // 5**k % 5] for k in range(3))


def write(folder, count, seed=1):
    """`count` articles as text files; every ninth is a copy of the one before."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    text = ""
    for number in range(count):
        if number % 9 != 8:
            sentences = [" ".join(words_drawn(rng, 12)).capitalize() + "." for _ in range(9)]
            text = " ".join(sentences)
        put(folder, f"a{number:03}", text, OUTLETS[number % 3], f"2031-03-{1 + number % 28:02}")


def put(folder, name, text, outlet=OUTLETS[0], published="2031-03-05"):
    head = f"---\ntitle: Report {name}\noutlet: {outlet}\npublished: {published}\n---\n"
    (folder / f"{name}.txt").write_text(head + text, encoding="utf-8")


QUERIES = (
    f"{word(1)} {word(9)}",
    f"What does the Moor Post say of {word(2)} {word(30)}?",
    f"{word(3)} on 5 March 2031",
    f"{word(1)} {word(2)} {word(12)} {word(40)}, while {word(4)} {word(17)} {word(5)} {word(8)} stayed",
    "an unknownword",
)
