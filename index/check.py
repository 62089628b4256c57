"""Verify an index from the disk up: each byte against the manifest, each number against the texts.

Opening an index compares its bytes with what was written. This says everything that is wrong
instead of the first thing, and looks also at whether what was written is right.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .chosen import agree
from .contents import Contents
from .encoder import Encoder, load_encoder
from .engines import Address, Place, place_of
from .errors import IndexCorrupt
from .manifest import generation_name, generations_in, read_manifest
from .mapped import checked_file
from .passages import embedded_text, keyword_text
from .store import LOCK, TRIES, kept, read, strangers

SAMPLE = 64
EMBEDDED_SAMPLE = 16
# Another processor's format moves a vector less than this; another passage's is far off.
LEAST_COSINE = 0.98
_SLACK = 1e-3


@dataclass(frozen=True)
class Checked:
    """What a check found: a line for each thing that is wrong, and one on what was looked at."""

    problems: tuple[str, ...]
    looked_at: str


def check_index(place: str | Place, encoder: Encoder | None = None) -> Checked:
    """Check the index at `place`, all of it; changes nothing, and a writer may be at work.

    `encoder` embeds some passages anew, the bundled one if not given; an index that another encoder
    made is checked without that. Raises IndexMissing if there is none, IndexMismatch if another
    version of this program made it; of one in Milvus IndexUnreachable and IndexBusy, too.
    """
    root = place_of(place)
    if isinstance(root, Address):
        from .milvus.check import check

        return check(root, encoder if encoder is not None else load_encoder())
    try:
        problems = faults(root)
        if problems:
            return Checked(tuple(problems), "the files, not at what is in them")
        generation = read(root)
    except IndexCorrupt as error:
        return Checked((str(error),), "no more than this")
    encoder = encoder if encoder is not None else load_encoder()
    contents = generation.contents
    same = agree(encoder.fingerprint, contents.fingerprint)
    found = list(_wrong(contents))
    if not found:
        found += _not_found(contents)
        found += _wrong_vectors(contents, encoder) if same else ()
    told = (
        f"generation {generation.number}: {len(generation.sizes)} files, "
        f"{len(contents.articles)} articles, {len(contents.passages)} passages"
    )
    if not same:
        told += f"; nothing embedded anew, since {contents.fingerprint} made it"
    return Checked(tuple(found), told)


def _wrong(contents: Contents) -> Iterator[str]:
    broken = list(contents.articles.problems())
    yield from broken
    if not broken:
        yield from contents.copies.problems(contents.articles)
    yield from contents.vectors.problems()
    yield from (f"keywords/{problem}" for problem in contents.keywords.problems())
    with_passages = np.unique(contents.passages.rows[:, 0])
    for number in np.setdiff1d(np.arange(len(contents.articles)), with_passages).tolist():
        yield f"passages.npy: article {number + 1} has no passage"


def _not_found(contents: Contents) -> Iterator[str]:
    """Search for some passages by their own vectors and their own words."""
    for number in _sample(contents, SAMPLE):
        vector = np.array(contents.vectors.vectors()[number])
        nearest = contents.vectors.search(vector, 1)
        # Another passage may say the same: something as near as itself must be found.
        if not nearest or nearest[0][1] < float(vector @ vector) - _SLACK:
            yield f"vectors: passage {number} is not found by its own vector"
        if contents.keywords.lacks(number, keyword_text(contents.passages[number])):
            yield f"keywords: passage {number} is not listed under all of its words"


def _wrong_vectors(contents: Contents, encoder: Encoder) -> Iterator[str]:
    numbers = _sample(contents, EMBEDDED_SAMPLE)
    texts = [embedded_text(contents.passages[n], encoder) for n in numbers]
    cosines = (encoder.encode(texts) * contents.vectors.vectors()[numbers]).sum(axis=1)
    for number, cosine in zip(numbers, cosines.tolist(), strict=True):
        # Written so that NaN fails it, too.
        if not cosine >= LEAST_COSINE:
            yield f"vectors.npy: vector {number} is not that of its passage (cosine {cosine:.3f})"


def _sample(contents: Contents, count: int) -> list[int]:
    """Numbers of some passages, evenly over all, the first and the last among them."""
    last = len(contents.passages) - 1
    return sorted({int(n) for n in np.linspace(0, last, min(count, last + 1))})


def faults(root: Path) -> list[str]:
    """Tell everything that is wrong with the files at `root`, a line each; empty if nothing is.

    Raises IndexMissing, IndexMismatch, and IndexCorrupt if the manifest itself is damaged.
    """
    found: list[str] = []
    for _ in range(TRIES):
        manifest = read_manifest(root)
        found = [*_damaged(root, manifest), *_left_over(root, int(manifest["generation"]))]
        # A writer may have published meanwhile and collected what was being read.
        if not found or read_manifest(root) == manifest:
            break
    return found


def _damaged(root: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    folder = root / generation_name(manifest["generation"])
    try:
        for name in strangers(folder, manifest["files"]):
            yield f"{folder / name}: does not belong to this index"
    except IndexCorrupt as error:
        yield str(error)
    for name, entry in manifest["files"].items():
        try:
            checked_file(folder / name, entry)
        except IndexCorrupt as error:
            yield str(error)


def _left_over(root: Path, served: int) -> Iterator[str]:
    """What a writer that died left behind; the next one removes it."""
    extra = {generation_name(n) for n in set(generations_in(root)) - kept(root, served)}
    extra |= {name for name in os.listdir(root) if name.endswith(".tmp")}
    if extra and not _is_being_written(root):
        # A writer that has ended meanwhile took its own away.
        for name in sorted(extra.intersection(os.listdir(root))):
            yield f"{root / name}: left over by a build that was stopped; the next one removes it"


def _is_being_written(root: Path) -> bool:
    import fcntl

    try:
        lock = os.open(root / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False
