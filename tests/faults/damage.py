"""Damage to every file and folder of a generation and to the manifest: all refused by name.

    python -m tests.faults.damage WORK SEED FIRST LAST

is the process that does it, for the mutations of these numbers: it says on stdout, as JSON lines,
what it is about to do and what came of it, so that a crash is seen and has a name.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from index import build_index, open_index
from index.errors import IndexProblem
from tests.faults import corpus
from tests.faults.corpus import ENCODER
from tests.faults.tally import Tally

LIMIT = 2.0

_BATCH = 100
_REDRAWS = 5


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
    """Mutations by number, each on the next target, over all targets and kinds again and again."""
    work = tally.folder
    _build(tally, work)
    wanted = 2000 if tally.full else len(_targets(work / "past" / "3")) * len(_KINDS)
    plain = _outcomes(tally, work, wanted)
    bare = _outcomes(tally, work, 500 if tally.full else wanted, "-O")
    for number, outcome in bare.items():
        tally.count("with -O")
        if _but_time(plain.get(number, {})) != _but_time(outcome):
            tally.fail(f"{number}: {plain.get(number)}, but with -O: {outcome}")
    for number, outcome in plain.items():
        _judge(tally, number, outcome)
    tally.need("refused", 2000 if tally.full else wanted // 2)
    tally.need("with -O", 100)
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
    for _ in range(3):
        build_index([work / "articles"], work / "other", encoder=ENCODER)
        corpus.write(work / "articles", corpus.draw(tally.rng, "other", 6))


def _outcomes(tally: Tally, work: Path, wanted: int, *flags: str) -> dict[int, dict]:
    """What came of `wanted` mutations that changed something, by number."""
    outcomes: dict[int, dict] = {}
    number = 0
    while sum(o["changed"] for o in outcomes.values()) < wanted and number < 3 * wanted + _BATCH:
        words = [sys.executable, *flags, "-m", "tests.faults.damage", work, tally.seed]
        ended = subprocess.run(
            [*map(str, words), str(number), str(number + _BATCH)],
            capture_output=True,
            text=True,
            timeout=_BATCH * LIMIT * 3,
        )
        rows = [json.loads(line) for line in ended.stdout.splitlines()]
        outcomes.update({row["number"]: row for row in rows if "changed" in row})
        number += _BATCH
        if ended.returncode:
            last = rows[-1] if rows else {}
            tally.fail(f"crashed, {ended.returncode}, at {last}: {ended.stderr[-400:]}")
            number = last.get("number", number) + 1
    return outcomes


def _judge(tally: Tally, number: int, outcome: dict) -> None:
    if not outcome["changed"]:
        tally.count("changed nothing (not counted)")
        return
    tally.count("mutations", outcome["came"])
    where = f"{number}, {outcome['what']}: {outcome['came']} {outcome['message']}"
    if outcome["came"] != "refused" or not outcome["named"]:
        tally.fail(where)
    if outcome["seconds"] > LIMIT:
        tally.fail(f"{where}: only after {outcome['seconds']:.1f} s")


def _but_time(outcome: dict) -> dict:
    return {**outcome, "seconds": None}


def _check_an_older_manifest(tally: Tally, work: Path) -> None:
    """The manifest of the kept generation before: what a writer killed just before it left.

    Nothing tells the two apart, so it is no damage; but then that generation is served, whole.
    """
    root = work / "index"
    known = {}
    for number in (2, 3):
        index = open_index(work / "past" / str(number), ENCODER)
        known[str(index.generation)] = corpus.seen(index)
    shutil.rmtree(root)
    shutil.copytree(work / "past" / "3", root)
    for path in _loose_files(root):
        shutil.copyfile(work / "past" / "2" / path.name, path)
    found = corpus.look(root, known)
    tally.notes.append(f"the manifest of generation 2 put back: it serves generation {found}")
    if found != "2":
        tally.fail(f"the manifest of generation 2 put back: {found}")


# The process that does it


def main() -> int:
    """Do the mutations that the command line says; 0 if none took the process along."""
    work, seed, first, last = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    if corpus.look(work / "past" / "3", {}).startswith("unreadable"):
        return 1
    pristine = corpus.seen(open_index(work / "past" / "3", ENCODER))
    for number in range(first, last):
        for row in _trial(work, pristine, seed, number):
            print(json.dumps({"number": number, **row}), flush=True)
    return 0


def _trial(work: Path, pristine: corpus.Sight, seed: int, number: int) -> Iterator[dict]:
    root = work / f"damaged-{os.getpid()}"
    targets = _targets(work / "past" / "3")
    target = root / targets[number % len(targets)]
    kind = [*_KINDS][number // len(targets) % len(_KINDS)]
    what = f"{kind}: {targets[number % len(targets)]}"
    yield {"what": what}
    shutil.copytree(work / "past" / "3", root)
    before = _snapshot(root)
    for again in range(_REDRAWS):
        rng = random.Random(f"{seed} {number} {again}")
        _KINDS[kind](Place(root, target, work / "past", work / "other", rng))
        after = _snapshot(root)
        changed = {p for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
        if changed:
            break
    # Another index's manifest is whole; what is wrong is that the files are not those it names.
    to_name = set(targets) if kind.startswith("of ") and target.parent == root else changed
    came = _what_came(root, pristine, to_name)
    yield {"what": what, "changed": bool(changed), **came}
    shutil.rmtree(root)


def _what_came(root: Path, pristine: corpus.Sight, to_name: set[str]) -> dict:
    """What a reader gets, and whether its one line names one of the paths `to_name`."""
    began = time.monotonic()
    came, message = "answered as before", ""
    try:
        if corpus.seen(open_index(root, ENCODER)) != pristine:
            came = "WRONG ANSWERS"
    except IndexProblem as error:
        came, message = "refused", f"{type(error).__name__}: {error}"
    except Exception as error:
        came, message = "another error", f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - began
    named = any(Path(path).name in message for path in to_name) and "\n" not in message
    message = message.replace(str(root), "ROOT")
    return {"came": came, "message": message, "named": named, "seconds": seconds}


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


def _rewritten(change: Callable[[bytes, random.Random], bytes]) -> Callable[[Place], None]:
    def rewrite(place: Place) -> None:
        if place.target.is_file():
            place.target.write_bytes(change(place.target.read_bytes(), place.rng))

    return rewrite


def _flip(data: bytes, rng: random.Random, times: int = 1) -> bytes:
    flipped = bytearray(data)
    for _ in range(times if data else 0):
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _flip_many(data: bytes, rng: random.Random) -> bytes:
    return _flip(data, rng, rng.randint(2, 64))


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) or 1)]


def _cut_the_last(data: bytes, rng: random.Random) -> bytes:
    return data[:-1]


def _zero(data: bytes, rng: random.Random) -> bytes:
    start, end = _stretch(data, rng)
    return data[:start] + bytes(end - start) + data[end:]


def _zero_the_end(data: bytes, rng: random.Random) -> bytes:
    start, _ = _stretch(data, rng)
    return data[:start] + bytes(len(data) - start)


def _drop(data: bytes, rng: random.Random) -> bytes:
    start, end = _stretch(data, rng)
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start, end = _stretch(data, rng)
    return data[:end] + data[start:]


def _move(data: bytes, rng: random.Random) -> bytes:
    start, end = _stretch(data, rng)
    return data[start:end] + data[:start] + data[end:]


def _overwrite(data: bytes, rng: random.Random) -> bytes:
    start, end = _stretch(data, rng)
    return data[:start] + rng.randbytes(end - start) + data[end:]


def _stretch(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) or 1)
    return start, min(len(data), start + rng.choice((1, 8, 64, 512, 4096)))


def _append(data: bytes, rng: random.Random) -> bytes:
    return data + rng.randbytes(rng.choice((1, 4, 64, 4096)))


def _append_white_space(data: bytes, rng: random.Random) -> bytes:
    return data + rng.choice((b"\n", b" ", b"\t"))


def _append_zeros(data: bytes, rng: random.Random) -> bytes:
    return data + bytes(rng.choice((1, 512, 4096)))


def _emptied(data: bytes, rng: random.Random) -> bytes:
    return b""


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


def _of_another_index(place: Place) -> None:
    _put(place.other / place.inside, place.target)


def _swap_with_a_neighbour(place: Place) -> None:
    others = [p for p in place.target.parent.iterdir() if p != place.target and p.name != "LOCK"]
    if others:
        other = place.rng.choice(sorted(others))
        spare = place.root.with_name(f"{place.root.name}-spare")
        os.rename(place.target, spare)
        os.rename(other, place.target)
        os.rename(spare, other)


def _rename(place: Place) -> None:
    place.target.rename(place.target.with_name(place.target.name.swapcase()))


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
            lambda: path.write_bytes(place.rng.randbytes(place.rng.randrange(3))),
            path.mkdir,
            lambda: path.symlink_to("/dev/zero"),
            lambda: os.mkfifo(path),
        )
    )
    make()


_KINDS: dict[str, Callable[[Place], None]] = {
    **{
        change.__name__.strip("_").replace("_", " "): _rewritten(change)
        for change in (
            _flip, _flip_many, _cut, _cut_the_last, _zero, _zero_the_end, _drop, _repeat, _move,
            _overwrite, _append, _append_white_space, _append_zeros, _emptied,
        )
    },
    **{
        make.__name__.strip("_").replace("_", " "): make
        for make in (
            _remove, _of_a_generation_before, _of_another_index, _swap_with_a_neighbour, _rename,
            _become_a_folder, _become_a_file, _become_a_link, _become_a_pipe, _stranger,
        )
    },
}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
