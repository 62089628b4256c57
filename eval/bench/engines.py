"""A folder, milvus-lite and a server beside each other: the same results, seconds, memory.

    python -m eval.bench.engines [--passages 1000 100000] [--vectors 1000000]
                                 [--server http://127.0.0.1:19530] [--seconds 3600]

Articles of one passage each, of drawn words, with drawn vectors: neither splitting nor the encoder
is measured. `--vectors` writes and searches vectors alone, but not in milvus-lite. Each build is a
process of its own; its memory is the most that it held, without that of a server. One that takes
longer than `--seconds` is ended, and how far it came is told.

A server before 2.4 has no sparse vectors, which find words: there the search by vectors and the
filters are compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.common import apart, limited
from index import Article, Index, Passage, build_index, open_index
from index.encoder import Encoder, Vectors
from index.engines import Address, place_of
from index.milvus.engine import STRONG, Engine, connect
from index.milvus.rows import with_vectors
from index.vectors import VectorIndex, nearest

DIM, WORDS, VOCABULARY, OUTLETS, DAYS = 384, 80, 50_000, 20, 1_000
QUERIES, HITS = 20, 10
NARROWED: tuple[dict[str, Any], ...] = ({}, {"outlets": ["Outlet 3"]}, {"since": "2032-09-01"})
_ROWS, _BLOCK = 50_000, 2_000
#: Vectors of an encoder lie near a space of fewer dimensions; what leads away is a third as long.
_LATENT, _NOISE = 24, 0.3

Told = Callable[[int], None]
Answer = tuple[list[tuple[str, float]], float]


class DrawnEncoder:
    """A drawn unit vector for each text."""

    fingerprint, dim, max_tokens, special_tokens = "drawn:3", DIM, 100_000, 2

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """One token: no passage is too long."""
        return [(0, len(text))]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder."""
        return np.array([self.encode_query(text) for text in texts], np.float32).reshape(-1, DIM)

    def encode_query(self, text: str) -> Vectors:
        """See Encoder."""
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        vector: Vectors = drawn_vectors(np.random.default_rng(seed), 1)[0]
        return vector


@lru_cache(maxsize=1)
def _latent() -> Vectors:
    rows = np.random.default_rng(0).standard_normal((_LATENT, DIM), np.float32)
    return np.asarray(rows / np.sqrt(_LATENT), np.float32)


def drawn_vectors(rng: np.random.Generator, count: int) -> Vectors:
    """Unit vectors that are near each other as those of an encoder are."""
    rows = rng.standard_normal((count, _LATENT), np.float32) @ _latent()
    rows = rows + _NOISE * rng.standard_normal((count, DIM), np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def drawn(rng: np.random.Generator, count: int) -> str:
    """Words of which few are often, as in any text."""
    numbers = np.exp(rng.uniform(0, np.log(VOCABULARY), count)).astype(int)
    return " ".join(f"w{n}x" for n in numbers.tolist())


def write(folder: Path, count: int) -> None:
    """`count` articles as files of rows."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for start in range(0, count, _ROWS):
        with (folder / f"rows{start:08}.jsonl").open("w") as file:
            for number in range(start, min(start + _ROWS, count)):
                day = np.datetime64("2030-01-01") + number % DAYS
                row = {"id": f"r{number:08}", "title": f"Report {number}", "published": str(day)}
                row |= {"outlet": f"Outlet {number % OUTLETS}", "text": drawn(rng, WORDS)}
                file.write(json.dumps(row) + "\n")


def built(told: Told, articles: str, place: str) -> None:
    """Build an index of articles."""
    from index import build
    from index.milvus import build as milvus_build
    from index.milvus import counts as milvus_counts

    def whole(article: Article, encoder: Encoder) -> list[Passage]:
        return [Passage(article, 0, len(article.text))]

    modules: list[Any] = [build, milvus_build, milvus_counts]
    for module in modules:
        module.split_passages = whole
    os.environ["WIRECHECK_CACHE"] = "off"
    address = place_of(place)
    if isinstance(address, Address):
        _adapt(told, has_words(address))
    done = 0

    def tell(now: int, total: int, what: str) -> None:
        nonlocal done
        if what == "embedding" and not isinstance(address, Address):
            told(now - done)
            done = now

    build_index([Path(articles)], place, encoder=DrawnEncoder(), progress=tell)


def has_words(address: Address) -> bool:
    """Whether an engine has sparse vectors: any but a server before 2.4."""
    if address.file:
        return True
    version = connect(address)._client.get_server_version(timeout=10)
    return tuple(int(n) for n in re.findall(r"\d+", version)[:2]) >= (2, 4)


def _adapt(told: Told, words: bool) -> None:
    """Tell how many passages are written in Milvus; without `words` write no sparse vectors."""
    from index.milvus import build as milvus_build

    changed: list[Any] = [Engine, milvus_build]
    write, make = Engine.upsert, Engine._made

    def fitting(row: dict[str, Any]) -> dict[str, Any]:
        return row if words else {name: row[name] for name in row if name != "sparse"}

    def upsert(self: Engine, name: str, rows: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(rows), _BLOCK):
            some = [fitting(row) for row in rows[start : start + _BLOCK]]
            write(self, name, some)
            told(len(some) if name == self.passages(DIM) else 0)

    changed[0].upsert = upsert
    changed[0]._made = lambda self, name, kinds, vectors: make(self, name, kinds, fitting(vectors))
    if not words:
        changed[1].VECTORS = ("dense",)


def compared(places: Sequence[str], words: bool) -> list[dict[str, Any]]:
    """Ask two indexes the same; the seconds of each, and how many first tens are the same.

    With `words` as a reader would ask, else by vectors alone.
    """
    rng = np.random.default_rng(2)
    asked = [(drawn(rng, 6), filters) for _ in range(QUERIES) for filters in NARROWED]
    answers = _answers if words else _nearest
    found = []
    for place in places:
        index = open_index(place, DrawnEncoder())
        list(answers(index, [("warm", {})]))
        found.append(list(answers(index, asked)))
    pairs = list(zip(*found, strict=True))
    every = len(NARROWED)
    return [{"filters": f, **_row(pairs[n::every])} for n, f in enumerate(NARROWED)]


def _row(pairs: Sequence[Sequence[Answer]]) -> dict[str, Any]:
    named = [[{name for name, _ in found} for found, _ in pair] for pair in pairs]
    return {
        "same": sum(one[0] == other[0] for one, other in pairs),
        "asked": len(pairs),
        "shared": statistics.mean(len(a & b) / max(1, len(a)) for a, b in named),
        "seconds": [statistics.median(pair[n][1] for pair in pairs) for n in (0, 1)],
    }


def _answers(index: Index, asked: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[Answer]:
    for query, filters in asked:
        began = time.perf_counter()
        hits = index.search(query, HITS, **filters)
        spent = time.perf_counter() - began
        yield [(h.passage.article.id, round(h.score, 4)) for h in hits], spent


def _nearest(index: Index, asked: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[Answer]:
    for query, filters in asked:
        vector = DrawnEncoder().encode_query(query)
        began = time.perf_counter()
        among = index._among(filters.get("outlets"), filters.get("since"), None)
        hits = index._contents.vectors.search(vector, HITS, among)
        spent = time.perf_counter() - began
        yield [(index.passages[n].article.id, round(score, 4)) for n, score in hits], spent


def vectors_alone(told: Told, place: str, count: int) -> dict[str, Any]:
    """Write drawn vectors and search them; what the ten nearest are, and the time of both."""
    began, used = time.perf_counter(), time.process_time()
    address = place_of(place)
    search = _in_milvus if isinstance(address, Address) else _in_folder
    ask = search(told, address, count)
    found: dict[str, Any] = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - used,
        "answers": [],
    }
    for vector in drawn_vectors(np.random.default_rng(2), QUERIES + 1):
        began = time.perf_counter()
        numbers = ask(vector)
        found["answers"].append(([(str(n), 0.0) for n in numbers], time.perf_counter() - began))
    return found


def _blocks(count: int) -> Iterator[tuple[int, Vectors]]:
    rng = np.random.default_rng(1)
    for start in range(0, count, _BLOCK):
        yield start, drawn_vectors(rng, min(_BLOCK, count - start))


def _in_folder(told: Told, place: Any, count: int) -> Callable[[Vectors], list[int]]:
    rows = np.empty((count, DIM), np.float32)
    for start, block in _blocks(count):
        rows[start : start + len(block)] = block
        told(len(block))
    index = VectorIndex.build(rows)
    return lambda vector: [number for number, _ in index.search(vector, HITS)]


def _in_milvus(told: Told, address: Any, count: int) -> Callable[[Vectors], list[int]]:
    _adapt(told, has_words(address))
    engine = connect(address, patient=True)
    name = engine.passages(DIM)
    engine.create(DIM)
    engine.load(name)
    empty = dict.fromkeys(("ordinal", "start", "end", "outlet", "published", "length"), 0)
    for start, block in _blocks(count):
        given = [{"article": start + n, **empty, "words": "{}"} for n in range(len(block))]
        rows = [with_vectors(row, 1, 1.0, v) for row, v in zip(given, block, strict=True)]
        engine.upsert(name, rows)
    fields = ("article", "dense")

    def ask(vector: Vectors) -> list[int]:
        rows = engine.search(name, "dense", vector.tolist(), 38, "born <= 1", fields, STRONG)
        found = nearest(np.array([row["dense"] for row in rows], np.float32), vector, HITS)
        return [int(rows[place]["article"]) for place, _ in found]

    return ask


def measure(places: dict[str, str], count: int, articles: str, seconds: float) -> None:
    """Build an index in each place, ask each what the folder is asked, and print lines."""
    whole = []
    for name, place in places.items():
        found = limited(seconds, built, articles, place)
        _print_built(name, count, found)
        whole += [name] * ("why" not in found)
    for name in whole[1:] if "folder" in whole else []:
        words = apart(has_words, place_of(places[name]))
        if not words:
            print(f"{name} has no sparse vectors: only vectors and filters are compared")
        for row in apart(compared, [places["folder"], places[name]], words):
            _print_compared(count, str(row["filters"] or "no filter"), name, row)


def measure_vectors(places: dict[str, str], count: int, seconds: float) -> None:
    """Write vectors alone in each place, search them, and print lines."""
    answers = {}
    for name, place in places.items():
        found = limited(seconds, vectors_alone, place, count)
        _print_built(name, count, found)
        if "why" not in found:
            answers[name] = found["answers"][1:]  # the first warms it up
    for name in list(answers)[1:] if "folder" in answers else []:
        pairs = list(zip(answers["folder"], answers[name], strict=True))
        _print_compared(count, "vectors alone", name, _row(pairs))


def _print_built(name: str, count: int, found: dict[str, Any]) -> None:
    what = (
        f"{found['why']} at {found['passages']:,} passages"
        if "why" in found
        else (
            f"built in {found['seconds']:.1f} s ({found['cpu']:.1f} s of processor time), "
            f"{found['megabytes']:,.0f} MB"
        )
    )
    print(f"{count:>9,} passages, {name}: {what}", flush=True)


def _print_compared(count: int, what: str, name: str, row: dict[str, Any]) -> None:
    local, there = row["seconds"]
    print(
        f"{count:>9,} passages, {what}: {row['same']} of {row['asked']} first tens the same, "
        f"{row['shared']:.3f} of their passages; a search takes {local:.4f} s in the folder, "
        f"{there:.4f} s in {name}",
        flush=True,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], prog="python -m eval.bench.engines"
    )
    parser.add_argument("--passages", type=int, nargs="*", default=[1_000, 100_000])
    parser.add_argument("--vectors", type=int, nargs="*", default=[])
    parser.add_argument("--server", metavar="http://HOST:PORT", help="a Milvus besides")
    parser.add_argument("--seconds", type=float, default=3600.0, help="the most that a build takes")
    options = parser.parse_args(argv)
    for number, count in enumerate([*options.passages, *options.vectors]):
        with tempfile.TemporaryDirectory(prefix="wirecheck-engines-") as made:
            places = {"folder": f"{made}/index", "milvus-lite": f"milvus+file:{made}/index.db"}
            if options.server:
                places["server"] = f"milvus+{options.server}/bench_{os.getpid()}_{number}"
            if number >= len(options.passages):
                del places["milvus-lite"]
                measure_vectors(places, count, options.seconds)
            else:
                write(Path(made) / "articles", count)
                measure(places, count, f"{made}/articles", options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
