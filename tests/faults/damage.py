"""Damage to every file and folder of a generation and to the manifest: all refused by name."""

from __future__ import annotations

import os
import random
import shutil
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from index import build_index, open_index
from index.errors import IndexProblem
from tests.faults import corpus
from tests.faults.child import Child, Tell
from tests.faults.corpus import ENCODER
from tests.faults.tally import Tally

#: Seconds after which a damage must be told, and after which nobody waits any more.
LIMIT, PATIENCE = 2.0, 20.0


@dataclass(frozen=True)
class Place:
    """Where a mutation works: `target` in the index `root`, and copies to take bytes from.

    `past` holds the index as each generation found it, "1", "2", ...; `other` is another index.
    """

    root: Path
    target: Path
    past: Path
    other: Path
    rng: random.Random

    @property
    def inside(self) -> str:
        """The target's path from the root, which begins with its generation's folder, or not."""
        return self.target.relative_to(self.root).as_posix()


def every_file(tally: Tally) -> None:
    """Each kind of damage to each target; in full again and again, as the seed draws it."""
    work = tally.folder
    _build(tally, work)
    pristine = corpus.seen(open_index(work / "past" / "3", ENCODER))
    targets = _targets(work / "past" / "3")
    for _ in range(10 if tally.full else 1):
        for kind in _KINDS:
            for target in targets:
                _damaged(tally, work, pristine, kind, target)
    tally.need("refused", 2000 if tally.full else 150)
    _check_an_older_manifest(tally, work)


def _build(tally: Tally, work: Path) -> None:
    """Three generations, a copy of the index after each, and another index of the same size."""
    texts = corpus.draw(tally.rng, "one", 6)
    for number in (1, 2, 3):
        corpus.write(work / "articles", texts)
        build_index([work / "articles"], work / "index", encoder=ENCODER)
        shutil.copytree(work / "index", work / "past" / str(number))
        texts = {**texts, "r0": corpus.draw(tally.rng, f"again{number}", 1)["r0"]}
        corpus.write(work / "articles", corpus.draw(tally.rng, "other", 6))
        build_index([work / "articles"], work / "other", encoder=ENCODER)


def _damaged(tally: Tally, work: Path, pristine: corpus.Sight, kind: str, target: str) -> None:
    root = work / "damaged"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(work / "past" / "3", root)
    before = _snapshot(root)
    _KINDS[kind](Place(root, root / target, work / "past", work / "other", tally.rng))
    after = _snapshot(root)
    changed = {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
    if not changed:
        tally.count("changed nothing (not counted)")
        return
    # Another index's manifest is whole; what is wrong is that the files are not those it names.
    a_manifest = kind.startswith("of ") and (root / target).parent == root
    to_name = set(_targets(work / "past" / "3")) if a_manifest else changed
    began = time.monotonic()
    # In a process of its own: what is cut may end it while it reads.
    ended = Child(partial(_read, root, pristine)).go().ended(PATIENCE)
    seconds = time.monotonic() - began
    came, _, message = ended.told.partition(": ")
    tally.count("mutations", came or f"crashed, {ended.code}")
    named = any(Path(path).name in message for path in to_name) and "\n" not in message
    if came != "refused" or not named or seconds > LIMIT:
        tally.fail(f"{kind}: {target}: after {seconds:.1f} s {came or ended}: {message}")


def _read(root: Path, pristine: corpus.Sight, tell: Tell) -> None:
    """What a reader gets of the index."""
    try:
        same = corpus.seen(open_index(root, ENCODER)) == pristine
        tell("answered as before: " if same else "WRONG ANSWERS: ")
    except IndexProblem as error:
        tell(f"refused: {error}")
    except Exception as error:
        tell(f"another error: {type(error).__name__}: {error}")


def _check_an_older_manifest(tally: Tally, work: Path) -> None:
    """The manifest of the kept generation before: what a writer killed just before it left.

    Nothing tells the two apart, so it is no damage; but then that generation is served, whole.
    """
    root = work / "index"
    known = {n: corpus.seen(open_index(work / "past" / n, ENCODER)) for n in ("2", "3")}
    for path in _loose_files(root):
        shutil.copyfile(work / "past" / "2" / path.name, path)
    found = corpus.look(root, known)
    tally.notes.append(f"the manifest of generation 2 put back: it serves generation {found}")
    if found != "2":
        tally.fail(f"the manifest of generation 2 put back: {found}")


def _targets(root: Path) -> list[str]:
    """The loose files beside the generations (LOCK aside), and all that the newest one holds."""
    newest = root / corpus.generations(root)[-1]
    paths = [*_loose_files(root), newest, *sorted(newest.rglob("*"))]
    return [path.relative_to(root).as_posix() for path in paths]


def _loose_files(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_file() and p.name != "LOCK")


def _snapshot(root: Path) -> dict[str, tuple[int, object]]:
    found = {}
    for path in root.rglob("*"):
        kind = stat.S_IFMT(path.lstat().st_mode)
        if kind == stat.S_IFREG:
            held: object = path.read_bytes()
        else:
            held = os.readlink(path) if kind == stat.S_IFLNK else None
        found[path.relative_to(root).as_posix()] = (kind, held)
    return found


# Kinds of damage. One that doesn't fit its target (bytes of a folder) changes nothing.


def _rewritten(change: Callable[[bytes], bytes]) -> Callable[[Place], None]:
    def rewrite(place: Place) -> None:
        if place.target.is_file():
            place.target.write_bytes(change(place.target.read_bytes()))

    return rewrite


def _spoilt(way: str) -> Callable[[Place], None]:
    def spoil(place: Place) -> None:
        if place.target.is_file() and place.target.stat().st_size:
            corpus.spoil(place.target, place.rng, way)

    return spoil


def _remove(place: Place) -> None:
    if place.target.is_dir():
        shutil.rmtree(place.target)
    else:
        place.target.unlink()


def _put(source: Path, target: Path) -> None:
    """Make `target` a copy of `source`, if that exists."""
    if source.is_dir():
        shutil.rmtree(target)
        shutil.copytree(source, target)
    elif source.is_file():
        shutil.copyfile(source, target)


def _of_a_generation_before(place: Place) -> None:
    generation, _, rest = place.inside.partition("/")
    if place.target.is_file() and not rest:
        _put(place.past / "1" / generation, place.target)  # names files that are collected
    else:
        _put(place.root / corpus.generations(place.root)[-2] / rest, place.target)


def _swap_with_a_neighbour(place: Place) -> None:
    others = [p for p in place.target.parent.iterdir() if p != place.target and p.name != "LOCK"]
    if others:
        other = place.rng.choice(sorted(others))
        spare = place.root.with_name(f"{place.root.name}-spare")
        os.rename(place.target, spare)
        os.rename(other, place.target)
        os.rename(spare, other)


def _become_a_folder(place: Place) -> None:
    if place.target.is_file():
        place.target.unlink()
        place.target.mkdir()


def _become_a_file(place: Place) -> None:
    if place.target.is_dir():
        shutil.rmtree(place.target)
        place.target.write_bytes(place.rng.randbytes(64))


def _become_a_link(place: Place) -> None:
    """To the very same bytes: but who may change those?"""
    if place.target.is_file() and place.target.parent != place.root:
        place.target.unlink()
        place.target.symlink_to(place.past / "3" / place.inside)


def _become_a_pipe(place: Place) -> None:
    _remove(place)
    os.mkfifo(place.target)


def _stranger(place: Place) -> None:
    """A file, folder, link or pipe of an unused name in the target or beside it."""
    folder = place.target if place.target.is_dir() else place.target.parent
    if folder == place.root:
        folder = place.root / corpus.generations(place.root)[-1]
    path = folder / place.rng.choice(("extra.npy", "x" * 200, ".hidden", "é😀", "a b", "MANIFEST"))
    make: Callable[[], object] = place.rng.choice(
        (
            lambda: path.write_bytes(b"a"),
            path.mkdir,
            lambda: path.symlink_to("/dev/zero"),
            lambda: os.mkfifo(path),
        )
    )
    make()


_KINDS: dict[str, Callable[[Place], None]] = {
    "a byte changed": _spoilt("byte"),
    "cut": _spoilt("cut"),
    "zeros in it": _spoilt("zeros"),
    "more at its end": _spoilt("more"),
    "without its last byte": _rewritten(lambda data: data[:-1]),
    "bytes in another order": _rewritten(lambda data: data[9:] + data[:9]),
    "emptied": _rewritten(lambda data: b""),
    "removed": _remove,
    "of a generation before": _of_a_generation_before,
    "of another index": lambda place: _put(place.other / place.inside, place.target),
    "swapped with a neighbour": _swap_with_a_neighbour,
    "renamed": lambda place: place.target.rename(
        place.target.with_name(place.target.name.swapcase())
    ),
    "a folder in its place": _become_a_folder,
    "a file in its place": _become_a_file,
    "a link in its place": _become_a_link,
    "a pipe in its place": _become_a_pipe,
    "a stranger beside it": _stranger,
}
