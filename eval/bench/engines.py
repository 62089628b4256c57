"""A folder beside milvus-lite: the same results, seconds a search, seconds and memory to build.

    python -m eval.bench.engines [--passages 1000 100000] [--million]

Articles of one passage each, of drawn words, with drawn vectors: neither splitting nor the encoder
is measured. Each build is a process of its own; its memory is the most that it held.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.common import apart
from eval.run import peak_memory_mb
from index import Article, Index, Passage, build_index, open_index
from index.encoder import Encoder, Vectors

DIM, WORDS, VOCABULARY, OUTLETS, DAYS = 384, 80, 50_000, 20, 1_000
QUERIES, HITS = 20, 10
_ROWS = 50_000


class DrawnEncoder:
    """A drawn unit vector for each text."""

    fingerprint, dim, max_tokens, special_tokens = "drawn:1", DIM, 100_000, 2

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """One token: no passage is too long."""
        return [(0, len(text))]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder."""
        return np.array([self.encode_query(text) for text in texts], np.float32).reshape(-1, DIM)

    def encode_query(self, text: str) -> Vectors:
        """See Encoder."""
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        vector = np.random.default_rng(seed).standard_normal(DIM, np.float32)
        return np.asarray(vector / np.linalg.norm(vector), np.float32)


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


def built(articles: str, place: str) -> dict[str, float]:
    """Build an index, in a process of its own; seconds, those of the processor, and megabytes."""
    from index import build
    from index.milvus import build as milvus_build
    from index.milvus import counts as milvus_counts

    def whole(article: Article, encoder: Encoder) -> list[Passage]:
        return [Passage(article, 0, len(article.text))]

    modules: list[Any] = [build, milvus_build, milvus_counts]
    for module in modules:
        module.split_passages = whole
    os.environ["WIRECHECK_CACHE"] = "off"
    began, used = time.perf_counter(), time.process_time()
    build_index([Path(articles)], place, encoder=DrawnEncoder())
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - used,
        "megabytes": peak_memory_mb() or 0.0,
    }


def compared(places: Sequence[str]) -> list[dict[str, Any]]:
    """Ask both indexes the same; the seconds of each, and how many first tens are the same."""
    indexes = [open_index(place, DrawnEncoder()) for place in places]
    rng = np.random.default_rng(2)
    queries = [drawn(rng, 6) for _ in range(QUERIES)]
    narrowed: list[dict[str, Any]] = [{}, {"outlets": ["Outlet 3"]}, {"since": "2032-09-01"}]
    asked = [(query, filters) for query in queries for filters in narrowed]
    for index in indexes:
        index.search("warm")
    found = [list(_answers(index, asked)) for index in indexes]
    return [
        {
            "filters": filters,
            "same": sum(one[0] == other[0] for one, other in pairs),
            "asked": len(pairs),
            "seconds": [statistics.median(pair[n][1] for pair in pairs) for n in (0, 1)],
        }
        for number, filters in enumerate(narrowed)
        for pairs in [list(zip(*found, strict=True))[number :: len(narrowed)]]
    ]


def _answers(
    index: Index, asked: Sequence[tuple[str, dict[str, Any]]]
) -> Iterator[tuple[list[tuple[str, float]], float]]:
    for query, filters in asked:
        began = time.perf_counter()
        hits = index.search(query, HITS, **filters)
        spent = time.perf_counter() - began
        yield [(h.passage.article.id, round(h.score, 4)) for h in hits], spent


def measure(count: int) -> None:
    """Build both, ask both, and print a line for each."""
    with tempfile.TemporaryDirectory(prefix="wirecheck-engines-") as made:
        folder = Path(made)
        write(folder / "articles", count)
        places = {"folder": f"{folder}/index", "milvus-lite": f"milvus+file:{folder}/index.db"}
        for name, place in places.items():
            found = apart(built, f"{folder}/articles", place)
            print(
                f"{count:>9,} passages, {name}: built in {found['seconds']:.1f} s "
                f"({found['cpu']:.1f} s of processor time), {found['megabytes']:,.0f} MB",
                flush=True,
            )
        for row in apart(compared, list(places.values())):
            local, there = row["seconds"]
            print(
                f"{count:>9,} passages, {row['filters'] or 'no filter'}: {row['same']} of "
                f"{row['asked']} first tens the same; a search takes {local:.4f} s in the folder, "
                f"{there:.4f} s in milvus-lite",
                flush=True,
            )


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m eval.bench.engines")
    parser.add_argument("--passages", type=int, nargs="*", default=[1_000, 100_000])
    parser.add_argument("--million", action="store_true", help="1,000,000 besides")
    options = parser.parse_args()
    for count in [*options.passages, *[1_000_000] * options.million]:
        measure(count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
