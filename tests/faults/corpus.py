"""Articles whose right answers are known, and what an index turns out to hold."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from index import Index, build_index, open_index
from index.errors import IndexMissing
from tests.fakes import TOPICS, TopicEncoder

MISSING = "missing"

Texts = Mapping[str, str]

_PLACES = ("Brenwick", "Tarn", "Corrin", "Halvern", "Larkmoor")
_QUERIES = (
    "a storm at the harbour",
    "election and the bank",
    "who went to the hospital by railway?",
    "museum in Tarn",
    *_PLACES,
)


class SlowEncoder(TopicEncoder):
    """A TopicEncoder that takes `pause` seconds for each batch, so that one can get in between."""

    def __init__(self, pause: float):
        super().__init__()
        self.pause = pause

    def encode(self, texts):
        time.sleep(self.pause)
        return super().encode(texts)


ENCODER = TopicEncoder()


def draw(rng: random.Random, mark: str, size: int) -> dict[str, str]:
    """`size` articles by ID; the word `mark` and the ID together stand in that one alone."""
    return {f"r{n}": _story(rng, f"{mark}r{n}") for n in range(size)}


def changed(rng: random.Random, texts: Texts, mark: str) -> dict[str, str]:
    """`texts` with some articles gone, some rewritten, some new; `mark` as in `draw`."""
    kept = {name: text for name, text in texts.items() if rng.random() < 0.85}
    fresh = {name: _story(rng, mark + name) for name in kept if rng.random() < 0.3}
    name = f"{mark}new"
    return {**kept, **fresh, name: _story(rng, mark + name)}


def _story(rng: random.Random, word: str) -> str:
    sentences = (
        f"The {rng.choice(TOPICS)} of {rng.choice(_PLACES)} and its {rng.choice(TOPICS)} "
        f"were named {rng.randint(2, 900)} times."
        for _ in range(rng.randint(1, 4))
    )
    return f"Report {word}\n\n{' '.join(sentences)}\n"


def write(folder: Path, texts: Texts) -> None:
    """Make `folder` hold these articles and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Sight:
    """All that a reader of an index sees, the answers to some queries included."""

    texts: tuple[tuple[str, str], ...]
    spans: tuple[tuple[str, int, int], ...]
    answers: tuple[tuple[tuple[str, int, str, float], ...], ...]


def seen(index: Index) -> Sight:
    """Look at an open index."""
    return Sight(
        texts=tuple(sorted((a.id, a.text) for a in index.articles.values())),
        spans=tuple((p.article.id, p.start, p.end) for p in index.passages),
        answers=tuple(
            tuple((h.passage.article.id, h.passage.start, h.passage.text, h.score) for h in hits)
            for hits in map(index.search, _QUERIES)
        ),
    )


def forget() -> None:
    """Let no run take a vector from a cache that the one before filled."""
    shutil.rmtree(os.environ["WIRECHECK_CACHE"], ignore_errors=True)


def expected(texts: Texts, folder: Path) -> Sight:
    """What an index of `texts` has to show: built undisturbed in `folder`, checked against `texts`.

    Raises ValueError if even that index doesn't hold these articles or doesn't find each by the
    word that stands in no other.
    """
    write(folder / "articles", texts)
    with patch.dict(os.environ, {"WIRECHECK_CACHE": "off"}):
        build_index([folder / "articles"], folder / "index", encoder=ENCODER)
    index = open_index(folder / "index", ENCODER)
    sight = seen(index)
    if dict(sight.texts) != dict(texts) or not all(map(len, sight.answers[:4])):
        raise ValueError("an undisturbed index doesn't hold what was indexed")
    for name, text in texts.items():
        word = text.split()[1]
        if index.search(word, 1)[0].passage.article.id != name:
            raise ValueError(f"an undisturbed index doesn't find {name} by {word}")
    shutil.rmtree(folder)
    return sight


def warm_up(folder: Path) -> None:
    """Build and search once, so that what is forked later has nothing left to import."""
    expected(draw(random.Random(1), "warm", 2), folder)


def look(root: Path, known: Mapping[str, Sight]) -> str:
    """Which of `known` the index at `root` is, MISSING, or what is wrong with it, in words."""
    try:
        found = seen(open_index(root, ENCODER))
    except IndexMissing:
        return MISSING
    except Exception as error:
        return f"unreadable: {type(error).__name__}: {error}"
    for name, sight in known.items():
        if found == sight:
            return name
    return f"mixed: holds {[name for name, _ in found.texts]}"


def generations(root: Path) -> list[str]:
    """Folders of generations at `root`, a writer's unfinished one included."""
    return sorted(p.name for p in root.glob("gen-*"))


def leftovers(root: Path) -> list[str]:
    """What dead writers left at `root`."""
    return sorted(p.name for p in root.glob("*.tmp"))


def spoil(path: Path, rng: random.Random, way: str) -> str:
    """Change a file that isn't empty, by a "byte", "cut", with "zeros" or "more"; says where."""
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    if way == "byte":
        data[at] ^= rng.randrange(1, 256)
    elif way == "cut":
        del data[at:]
    elif way == "zeros":
        was = bytes(data[at : at + 64])
        data[at : at + 64] = bytes(len(was))
        data[at] ^= not any(was)
    else:
        data += rng.choice((b"\n", b" ", bytes(512), rng.randbytes(40)))
    path.write_bytes(data)
    return f"{way} at {at}"
