"""Readers at work while one writer publishes generation after generation."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import random
import time
import traceback
from collections import defaultdict
from pathlib import Path
from typing import Any

from index import Index, build_index, open_index
from tests.faults import corpus
from tests.faults.corpus import ENCODER, Texts
from tests.faults.tally import Tally

_READERS = 4
_ARTICLES = 8
_UNTIL_ANEW = 4
_KEPT_OPEN = 3

_fork = multiprocessing.get_context("fork")


def during_publications(tally: Tally) -> None:
    """Each read must be one generation, whole, and no older than what was published before it."""
    last = 100 if tally.full else 30
    root = tally.folder / "index"
    _publish(tally.seed, root, 1)
    published, reads, told = _fork.Value("i", 1), _fork.Value("i", 0), _fork.SimpleQueue()
    shared = (tally.seed, root, last, published, reads, told)
    gc.collect()
    gc.freeze()  # what is there already is not looked through again by every reader
    works = [_writer, *[_reader] * _READERS]
    processes = [_fork.Process(target=_at_work, args=(work, told, shared[:-1])) for work in works]
    for process in processes:
        process.start()
    reports = [told.get() for _ in processes]
    for process in processes:
        process.join()
    _judge(tally, reports, root, last)


def texts(seed: int, number: int) -> Texts:
    """What generation `number` holds: an article of its own ID, and others.

    All of them are written anew in every fourth. What is not new is not split and embedded again,
    so that generations follow each other fast, and readers are overtaken.
    """
    turn = number // _UNTIL_ANEW
    found = corpus.draw(random.Random(f"{seed} {turn}"), f"at{turn}x", _ARTICLES)
    return {f"own{number}" if name == "r0" else name: text for name, text in found.items()}


def _publish(seed: int, root: Path, number: int) -> None:
    articles = root.parent / "articles"
    corpus.write(articles, texts(seed, number))
    report = build_index([articles], root, encoder=ENCODER)
    if report.generation != number:
        raise ValueError(f"published generation {report.generation}, not {number}")


def _at_work(work: Any, told: Any, shared: tuple) -> None:
    """Work in a process of its own, and tell what was seen there."""
    report: dict[str, Any] = {"errors": [], "counts": defaultdict(int), "sights": defaultdict(set)}
    try:
        work(report, *shared)
    except BaseException:
        report["errors"].append(traceback.format_exc(limit=-1, chain=False))
        shared[3].value = shared[2]  # nobody need wait for the writer
    told.put(report)


def _writer(report: Any, seed: int, root: Path, last: int, published: Any, reads: Any) -> None:
    for number in range(2, last + 1):
        _publish(seed, root, number)
        published.value = number
        report["counts"]["published"] += 1
        # The readers come to as many reads as there are generations, on a busy machine, too.
        end = time.monotonic() + 60
        while reads.value < number and time.monotonic() < end:
            time.sleep(0.002)


def _reader(report: Any, seed: int, root: Path, last: int, published: Any, reads: Any) -> None:
    kept: list[tuple[Index, str]] = []
    number = 0
    while number < last and not report["errors"]:
        number = _read(seed, root, published, kept, report)
        with reads:
            reads.value += 1


def _read(seed: int, root: Path, published: Any, kept: list, report: Any) -> int:
    """One read, and one more look at an index that was opened generations ago; the number read."""
    before = published.value
    index = open_index(root, ENCODER)
    sight = corpus.seen(index)
    if index.generation < before:
        report["errors"].append(f"read {index.generation} when {before} was published")
    if dict(sight.texts) != texts(seed, index.generation):
        report["errors"].append(f"{index.generation} holds {[name for name, _ in sight.texts]}")
    if len({name.removesuffix(".tmp") for name in corpus.generations(root)}) > 3:
        report["errors"].append(f"generations on disk: {corpus.generations(root)}")
    report["counts"]["reads"] += 1
    report["counts"]["overtaken"] += published.value > before
    report["sights"][index.generation].add(_digest(sight))
    kept.append((index, _digest(sight)))
    if len(kept) > _KEPT_OPEN:
        old, then = kept.pop(0)
        report["counts"]["again"] += old.generation < index.generation - 2
        if _digest(corpus.seen(old)) != then:
            report["errors"].append(f"{old.generation} changed while it was open")
    return index.generation


def _digest(sight: corpus.Sight) -> str:
    return hashlib.sha256(repr(sight).encode()).hexdigest()


def _judge(tally: Tally, reports: list[dict[str, Any]], root: Path, last: int) -> None:
    sights: dict[int, set[str]] = defaultdict(set)
    for report in reports:
        for error in report["errors"]:
            tally.fail(error)
        tally.counts.update(report["counts"])
        for number, seen in report["sights"].items():
            sights[number] |= seen
    for number, seen in sights.items():
        oracle = corpus.expected(texts(tally.seed, number), root.parent / "oracle")
        if seen != {_digest(oracle)}:
            tally.fail(f"generation {number} was seen in {len(seen)} ways, or not as it should be")
    tally.counts["generations seen"] = len(sights)
    tally.need("published", last - 1)
    tally.need("generations seen", last // 4)
    tally.need("reads", last)
    for what in ("overtaken", "again") if tally.full else ():
        tally.need(what)
