"""Readers at work while one writer publishes generation after generation."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
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
_SPARE_DESCRIPTORS = 8

_fork = multiprocessing.get_context("fork")


def during_publications(tally: Tally) -> None:
    """Each read must be one generation, whole, and no older than what was published before it."""
    last = 100 if tally.full else 40
    root = tally.folder / "index"
    _publish(tally.seed, root, 1)
    published, reads, told = _fork.Value("i", 1), _fork.Value("i", 0), _fork.SimpleQueue()
    shared = (tally.seed, root, last, published, reads, told)
    gc.collect()
    gc.freeze()  # what is there already is not looked through again by every reader
    processes = [_fork.Process(target=_writer, args=shared)]
    processes += [_fork.Process(target=_reader, args=shared) for _ in range(_READERS)]
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


def _writer(seed: int, root: Path, last: int, published: Any, reads: Any, told: Any) -> None:
    report: dict[str, Any] = {"who": "writer", "errors": [], "most": 0, "published": 0}
    try:
        for number in range(2, last + 1):
            _publish(seed, root, number)
            published.value = number
            _wait_for(reads, number)
            report["published"] += 1
            report["most"] = max(report["most"], _on_disk(root))
    except BaseException:
        report["errors"].append(traceback.format_exc(limit=-1, chain=False))
        published.value = last  # the readers need not wait
    told.put(report)


def _wait_for(reads: Any, number: int) -> None:
    """Let the readers come to as many reads as there are generations, on a busy machine, too."""
    end = time.monotonic() + 60
    while reads.value < number and time.monotonic() < end:
        time.sleep(0.002)


def _reader(seed: int, root: Path, last: int, published: Any, reads: Any, told: Any) -> None:
    report: dict[str, Any] = {
        "who": "reader", "errors": [], "most": 0, "reads": 0, "overtaken": 0, "again": 0,
        "sights": defaultdict(set), "descriptors": [],
    }  # fmt: skip
    kept: list[tuple[Index, str]] = []
    try:
        number = 0
        while number < last and not report["errors"]:
            number = _read(seed, root, published, kept, report)
            with reads:
                reads.value += 1
    except BaseException:
        report["errors"].append(traceback.format_exc(limit=-1, chain=False))
    report["sights"] = dict(report["sights"])
    told.put(report)


def _read(seed: int, root: Path, published: Any, kept: list, report: dict[str, Any]) -> int:
    """One read, and one more look at an index that was opened generations ago; the number read."""
    before = published.value
    index = open_index(root, ENCODER)
    sight = corpus.seen(index)
    if index.generation < before:
        report["errors"].append(f"read {index.generation} when {before} was published")
    if dict(sight.texts) != texts(seed, index.generation):
        report["errors"].append(f"{index.generation} holds {[name for name, _ in sight.texts]}")
    report["reads"] += 1
    report["overtaken"] += published.value > before
    report["sights"][index.generation].add(_digest(sight))
    report["most"] = max(report["most"], _on_disk(root))
    kept.append((index, _digest(sight)))
    if len(kept) > _KEPT_OPEN:
        old, then = kept.pop(0)
        report["again"] += old.generation < index.generation - 2
        if _digest(corpus.seen(old)) != then:
            report["errors"].append(f"{old.generation} changed while it was open")
    gc.collect()
    report["descriptors"].append(len(os.listdir("/proc/self/fd")))
    return index.generation


def _digest(sight: corpus.Sight) -> str:
    return hashlib.sha256(repr(sight).encode()).hexdigest()


def _on_disk(root: Path) -> int:
    return len({name.removesuffix(".tmp") for name in corpus.generations(root)})


def _judge(tally: Tally, reports: list[dict[str, Any]], root: Path, last: int) -> None:
    sights: dict[int, set[str]] = defaultdict(set)
    for report in reports:
        for error in report["errors"]:
            tally.fail(f"{report['who']}: {error}")
        if report["most"] > 3:
            tally.fail(f"{report['who']} saw {report['most']} generations on disk")
        if report["who"] == "writer":
            tally.counts["published"] += report["published"]
            continue
        for what in ("reads", "overtaken", "again"):
            tally.counts[what] += report[what]
        for number, seen in report["sights"].items():
            sights[number] |= seen
        # From when as many are kept open as ever will be: an open index may hold its files.
        counts = report["descriptors"][_KEPT_OPEN + 1 :] or [0]
        tally.notes.append(f"a reader's descriptors: {min(counts)} to {max(counts)}")
        if max(counts) > counts[0] + _SPARE_DESCRIPTORS or counts[-1] > counts[0] + 2:
            tally.fail(f"descriptors rise: {counts[0]} at first, {max(counts)}, {counts[-1]} last")
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
