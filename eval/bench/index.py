"""How fast and how large an index is, and how much of a build an update takes.

    python -m eval.bench.index --passages 1000 100000 1000000 --work FOLDER
        [--texts FILE] [--questions FILE] [--articles 2000]

Run by hand, on a machine that has nothing else to do. For each number of passages an index is made
and opened in a process of its own: time to open; median and 95th percentile of a search, encoding
the question included; the processor time of a search without encoding, which takes the same
whatever the size, for all passages, for one outlet of 40 and for half of the dates; resident
memory; and how many of the 10 nearest vectors are found, against comparing all. Then an index of
--articles articles is built, and built again with one article in a hundred changed. Indexes stay
in FOLDER and are used again.

A million passages are not embedded: texts are put together from the sentences of the sample
articles (or the lines of --texts), and vectors are drawn around those of these sentences, each
moved by half the difference of two others: that is, in the directions in which real ones differ.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.bench.common import CachedEncoder, apart
from eval.files import read_lines
from eval.run import SAMPLE_ARTICLES, SAMPLE_QUESTIONS
from index import build_index, load_encoder, open_index, read_articles
from index.contents import Articles, Contents, Passages
from index.copies import Copies
from index.encoder import Vectors
from index.keywords import KeywordIndex
from index.language import sentence_spans
from index.passages import RECIPE
from index.records import Article
from index.store import read, writing
from index.vectors import VectorIndex

PER_ARTICLE = 4
OUTLETS = 40
DAYS = 700
WORDS = (30, 60)
RARE = 300_000
BLOCK = 50_000
SEARCHES = 200


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line for each size, and one for the update."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--passages", type=int, nargs="*", default=[1000, 100_000, 1_000_000])
    parser.add_argument("--articles", type=int, default=2000, help="of the update; 0 leaves it out")
    parser.add_argument("--work", type=Path, required=True, help="folder for the indexes")
    parser.add_argument("--texts", type=Path, help="a sentence a line; else the sample articles'")
    parser.add_argument("--questions", type=Path, default=SAMPLE_QUESTIONS)
    options = parser.parse_args(argv)
    questions = [row["question"] for row in read_lines(options.questions)]
    options.work.mkdir(parents=True, exist_ok=True)
    sentences = _sentences(options.texts)
    for count in options.passages:
        folder = options.work / f"passages-{count}"
        if not (folder / "MANIFEST.json").exists():
            _make(folder, count, sentences, questions)
        _print_size(count, apart(_measured, folder, questions), _recall(folder, questions))
    if options.articles:
        _print_update(_update(options.work / "update", options.articles, sentences))
    return 0


# Made


def _sentences(path: Path | None) -> list[str]:
    if path is not None:
        lines = path.read_text(encoding="utf-8").splitlines()
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    articles = read_articles([SAMPLE_ARTICLES]).articles
    found = (a.text[start:end].strip() for a in articles for start, end in sentence_spans(a.text))
    return sorted({sentence for sentence in found if sentence})


def _make(folder: Path, count: int, sentences: Sequence[str], questions: Sequence[str]) -> None:
    encoder = CachedEncoder(load_encoder())
    began = time.perf_counter()
    rows = _drawn(encoder.encode(sentences), count)
    texts = list(_texts(sentences, count))
    keywords = KeywordIndex.build(texts)
    probes = encoder.encode(questions[::2])
    vectors = VectorIndex.build(rows, probes=lambda: probes)
    articles, spans = _articles(texts)
    contents = Contents(
        articles=articles,
        copies=Copies.of(articles),
        passages=Passages(spans, articles),
        vectors=vectors,
        keywords=keywords,
        fingerprint=encoder.fingerprint,
        recipe=RECIPE,
    )
    with writing(folder) as writer:
        writer.publish(contents)
    seconds = time.perf_counter() - began
    print(f"{count:,} passages: made in {seconds:.0f} s; {vectors}", file=sys.stderr, flush=True)


def _drawn(real: Vectors, count: int) -> Vectors:
    rng = np.random.default_rng(1)
    rows = np.empty((count, real.shape[1]), np.float32)
    for start in range(0, count, BLOCK):
        at, one, other = rng.integers(0, len(real), (3, min(BLOCK, count - start)))
        block = real[at] + 0.5 * (real[one] - real[other])
        rows[start : start + BLOCK] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return rows


def _texts(sentences: Sequence[str], count: int) -> Iterator[str]:
    """Texts of 30 to 60 words or a little more; rare numbers, so that there are many words."""
    rng = random.Random(1)
    for _ in range(count):
        wanted, said = rng.randint(*WORDS), [f"Report {rng.randrange(RARE)}."]
        while sum(len(part.split()) for part in said) < wanted:
            said.append(rng.choice(sentences))
        yield " ".join(said)


def _articles(texts: Sequence[str]) -> tuple[Articles, NDArray[np.int64]]:
    made: list[Article] = []
    spans: list[tuple[int, int, int]] = []
    for number, start in enumerate(range(0, len(texts), PER_ARTICLE)):
        parts, at = texts[start : start + PER_ARTICLE], 0
        for part in parts:
            spans.append((number, at, at + len(part)))
            at += len(part) + 1
        day = number * 37 % DAYS
        published = f"{2024 + day // 350}-{1 + day % 350 // 30:02}-{1 + day % 28:02}"
        outlet = f"Outlet {number % OUTLETS}"
        made.append(Article(f"r{number:07}", parts[0][:40], " ".join(parts), outlet, published))
    return Articles.of(made), np.array(spans, np.int64)


# Measured


def _measured(folder: Path, questions: Sequence[str]) -> dict[str, Any]:
    encoder = load_encoder()
    encoder.encode_query("warm")
    before = _resident()
    began = time.perf_counter()
    opened = open_index(folder, encoder)
    seconds = time.perf_counter() - began
    opened.search("warm")
    times = _times(opened.search, questions)
    after = _resident()
    opened.encoder = CachedEncoder(encoder)
    _times(opened.search, questions)
    searches: dict[str, Callable[[str], object]] = {
        "all": opened.search,
        "few": partial(opened.search, outlets=["Outlet 7"]),
        "half": partial(opened.search, since="2025-01-01"),
    }
    work = {
        name: statistics.median(_times(search, questions, time.thread_time))
        for name, search in searches.items()
    }
    return {
        "open": seconds,
        "median": statistics.median(times),
        "p95": float(np.quantile(times, 0.95)),
        **work,
        "before": before,
        "after": after,
        "filtered": _resident(),
    }


def _times(
    search: Callable[[str], object],
    questions: Sequence[str],
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    times = []
    for question in [*questions] * max(1, SEARCHES // len(questions)):
        began = clock()
        search(question)
        times.append(clock() - began)
    return times


def _recall(folder: Path, questions: Sequence[str]) -> float:
    """Share of the 10 nearest that are found, for the questions that no cell was measured with."""
    contents = read(folder).contents
    queries = CachedEncoder(load_encoder()).encode(questions[1::2])
    rows = contents.vectors.vectors()
    best = np.full((len(queries), 10), -2, np.float32)
    for start in range(0, len(rows), BLOCK):
        scores = np.concatenate([best, queries @ rows[start : start + BLOCK].T], axis=1)
        best = -np.partition(-scores, 9, axis=1)[:, :10]
    shares = []
    for query, scores in zip(queries, best, strict=True):
        found = [score for _, score in contents.vectors.search(query, 10)]
        shares.append(sum(score >= scores.min() - 1e-5 for score in found) / 10)
    return float(np.mean(shares))


def _resident() -> int:
    """Resident memory of this process in bytes, mapped files included."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def _print_size(count: int, found: dict[str, Any], recall: float) -> None:
    print(
        f"{count:>9,} passages: search median {1000 * found['median']:.1f} ms, p95 "
        f"{1000 * found['p95']:.1f}; processor time without encoding {1000 * found['all']:.1f}, "
        f"one outlet {1000 * found['few']:.1f}, half of the dates {1000 * found['half']:.1f}; "
        f"opened in {1000 * found['open']:.1f} ms; resident {found['after'] / 1e6:,.0f} MB, "
        f"{(found['after'] - found['before']) / count:,.0f} bytes a passage over the "
        f"{found['before'] / 1e6:,.0f} MB before, {found['filtered'] / 1e6:,.0f} MB after filtered "
        f"searches; recall@10 {recall:.3f}",
        flush=True,
    )


def _update(folder: Path, articles: int, sentences: Sequence[str]) -> dict[str, Any]:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "articles").mkdir(parents=True)
    os.environ["WIRECHECK_CACHE"] = str(folder / "cache")
    rng = random.Random(1)
    for number in range(articles):
        _write(folder, number, sentences, rng)
    load_encoder().encode(["warm"])
    sentence_spans("Warm. Enough.")
    full = _build(folder)
    for number in range(0, articles, 100):
        _write(folder, number, sentences, rng)
    again = _build(folder)
    return {"articles": articles, "full": full, "again": again, "nothing": _build(folder)}


def _write(folder: Path, number: int, sentences: Sequence[str], rng: random.Random) -> None:
    paragraphs = [
        " ".join(f"{rng.choice(sentences)} ({rng.randrange(10_000)})" for _ in range(4))
        for _ in range(5)
    ]
    text = "\n\n".join([f"Report {number}", *paragraphs])
    (folder / "articles" / f"r{number:06}.txt").write_text(text, encoding="utf-8")


def _build(folder: Path) -> dict[str, float]:
    began, used = time.perf_counter(), time.process_time()
    report = build_index([folder / "articles"], folder / "index")
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - used,
        "passages": report.passages,
        "embedded": report.embedded,
    }


def _print_update(found: dict[str, Any]) -> None:
    full, again, nothing = found["full"], found["again"], found["nothing"]
    print(
        f"{found['articles']:,} articles, {full['passages']:,} passages: built in "
        f"{full['seconds']:.1f} s; with 1 % changed ({again['embedded']} passages embedded) in "
        f"{again['seconds']:.2f} s, {100 * again['seconds'] / full['seconds']:.1f} % of it "
        f"({100 * again['cpu'] / full['cpu']:.1f} % of its processor time); with nothing changed "
        f"in {nothing['seconds']:.2f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
