"""Each call by which `wirecheck index` touches the disk: killed there, failed, or lied to.

A kill is `kill -9`. A failure is an error of the disk, which the writer tells, while the generation
before it still serves. A lie is a write that says that it wrote, and didn't.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from index import build_index
from tests.faults import corpus
from tests.faults.child import Ended, command, quiet
from tests.faults.corpus import ENCODER, MISSING, Sight
from tests.faults.tally import Tally

# By what a process changes a disk, or comes to be able to. A name that this processor doesn't
# have is passed over ("?").
OPEN = ("open", "openat", "openat2", "creat")
WRITE = ("write", "pwrite64", "writev", "pwritev", "pwritev2")
SYNC = ("fsync", "fdatasync")
RENAME = ("rename", "renameat", "renameat2")
CHANGES = (*WRITE, *SYNC, *RENAME, "mkdir", "mkdirat", "ftruncate", "truncate", "fallocate")
CALLS = (*OPEN, *CHANGES, "unlink", "unlinkat", "rmdir", "close")
_ERRORS = ("ENOSPC", "EIO", "EACCES", "EMFILE")
_LIE = "retval=1"
_FOR_WRITING = re.compile(r"O_CREAT|O_WRONLY|O_RDWR|\.tmp")


@dataclass(frozen=True)
class Scene:
    """An index in some state, and the articles that a command is to index there.

    `before` is the folder that `root` is copied from, `root` a path in `folder` that may have
    parents that aren't there; `known` names what `root` may hold before and after.
    """

    name: str
    folder: Path
    articles: Path
    before: Path
    under: str
    known: Mapping[str, Sight]
    old: str

    @property
    def root(self) -> Path:
        return self.folder / "place" / self.under

    def set(self) -> None:
        """Put the state from before in place."""
        corpus.forget()
        place = self.folder / "place"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.before, place, symlinks=True)

    def traced(self, *options: str) -> Ended:
        """The command, run under strace."""
        child = command(self.articles, self.root)
        return child.traced(self.folder / "log", *options).go().ended()


@dataclass(frozen=True)
class Point:
    """A system call in a log of strace: its name, which one of that name in its thread, its line."""

    name: str
    nth: int
    line: str


def scenes(tally: Tally) -> list[Scene]:
    """A first build, under folders that aren't there, and an update that collects a generation."""
    rng, folder = tally.rng, tally.folder
    first, old = corpus.draw(rng, "first", 6), corpus.draw(rng, "old", 7)
    new = corpus.changed(rng, old, "new")
    sights = {k: corpus.expected(v, folder / "oracle") for k, v in (("old", old), ("new", new))}
    for name in ("empty", "built"):
        (folder / name).mkdir()
    for texts in (first, old):
        corpus.write(folder / "articles", texts)
        build_index([folder / "articles"], folder / "built" / "index", encoder=ENCODER)
    corpus.write(folder / "articles", new)
    common = {"folder": folder, "articles": folder / "articles"}
    fresh = {**common, "known": {"new": sights["new"]}, "old": MISSING}
    again = {**common, "known": sights, "old": "old"}
    return [
        Scene("first build", before=folder / "empty", under="in/a/new/index", **fresh),
        Scene("update", before=folder / "built", under="index", **again),
    ]


def points(scene: Scene, tally: Tally) -> list[Point]:
    """The first thread's calls in an undisturbed run, from the first on that touches the index.

    The other threads only read.
    """
    scene.set()
    trace = scene.traced("-y", "-e", f"trace={quiet(CALLS)}").trace
    if corpus.look(scene.root, scene.known) != "new":
        tally.fail(f"{scene.name}: the undisturbed run did not make the new index")
    first = trace.partition(" ")[0]
    counts: Counter[str] = Counter()
    found: list[Point] = []
    for line in trace.splitlines():
        if match := re.match(rf"{first} +(\w+)\(", line):
            counts[match[1]] += 1
            if found or f"{scene.root}" in line:
                found.append(Point(match[1], counts[match[1]], line))
    return found


def killed(tally: Tally) -> None:
    """SIGKILL at each call, the index as it was each time."""
    for scene in scenes(tally):
        for call in tally.some(points(scene, tally), 3, by=attrgetter("name")):
            ended, found, where = _struck(scene, tally, call, "signal=SIGKILL")
            tally.count("killed" if ended.killed else "ran through")
            if not ended.killed and not ended.done:
                tally.fail(f"{where}: neither killed nor done: {ended}")
            _check_whole(scene, tally, ended, where, found)
    tally.need("killed", 300 if tally.full else 40)
    for what in ("was old", "was new", "was missing"):
        tally.need(what)


def failed(tally: Tally) -> None:
    """Each call that opens or changes something fails once, with each error; each write lies."""
    for scene in scenes(tally):
        calls = points(scene, tally)
        ours = [c for c in calls if str(scene.root) in c.line and c.name in (*OPEN, *CHANGES)]
        renames = sum(call.name in RENAME for call in ours)
        faults = [(f"error={error}", call) for call in ours for error in _ERRORS]
        lies = [(_LIE, c) for c in ours if c.name in WRITE and ".tmp" in c.line]
        drawn = tally.some(faults, 1, by=lambda one: (one[0], one[1].name))
        for fault, call in [*drawn, *tally.some(lies, 4)]:
            _fail_at(scene, tally, call, fault, renames)
    for name in ("write", "fsync", "openat"):
        tally.need(f"{name} failed", 60 if tally.full else 6)
    tally.need("write lied", 10 if tally.full else 4)
    tally.need("refused", 300 if tally.full else 20)
    tally.need("was old")


def _struck(scene: Scene, tally: Tally, call: Point, fault: str) -> tuple[Ended, str, str]:
    """Run with a fault at a call: how it ended, what was found then, and where all that was.

    strace counts calls in each thread of its own.
    """
    scene.set()
    rule = f"inject={quiet([call.name])}:{fault}:when={call.nth}"
    ended = scene.traced("-y", "-e", f"trace={quiet(CALLS)}", "-e", rule)
    found = corpus.look(scene.root, scene.known)
    tally.count("runs", f"was {found}" if found in ("old", "new", MISSING) else "was bad")
    return ended, found, f"{scene.name}, {call.name} {call.nth} {fault}"


def _fail_at(scene: Scene, tally: Tally, call: Point, fault: str, renames: int) -> None:
    ended, found, where = _struck(scene, tally, call, fault)
    before, hit, _ = ended.trace.partition("(INJECTED)")
    line = before.rpartition("\n")[2]
    if not hit:
        tally.count("missed")
    elif str(scene.root) not in line:
        tally.count("hit another file")
        if "skipped " in str(ended) and found.startswith("mixed"):
            return  # an article could not be read, and that was told
    else:
        tally.count(f"{call.name} failed" if fault != _LIE else "write lied")
        published = len(re.findall(rf" (?:{'|'.join(RENAME)})\(.* = 0$", before, re.M)) >= renames
        where += f" ({line.split(' ', 1)[1][:150]})"
        must = call.name in CHANGES or bool(_FOR_WRITING.search(line))
        _check_told(scene, tally, ended, where, found, must, published)
    _check_whole(scene, tally, ended, where, found)


def _check_told(
    scene: Scene, tally: Tally, ended: Ended, where: str, found: str, must: bool, published: bool
) -> None:
    """A write that failed is told, in one line; the old generation serves until the new one does.

    `must`: an index can't be written without this call. `published`: the new one had its name.
    """
    refused = ended.told_in_one_line
    tally.count("refused" if refused else "went on")
    if must and not (refused and ended.told == "IndexWriteError"):
        tally.fail(f"{where}: not refused as it should be: {ended}")
    if not must and not (refused or ended.done):
        tally.fail(f"{where}: neither done nor refused in one line: {ended}")
    if refused and found != ("new" if published else scene.old):
        tally.fail(f"{where}: refused, and then it was {found}")
    if refused and found == "new" and "before still serves" in ended.err:
        tally.fail(f"{where}: it says that the old one serves, which is not so")


def _check_whole(scene: Scene, tally: Tally, ended: Ended, where: str, found: str) -> None:
    """Old or new, new if the command said so; and the next writer clears up."""
    if found not in (scene.old, "new") or (ended.done and found != "new"):
        tally.fail(f"{where}: {ended} and then it was {found}")
    check_next_writer(scene, tally, where, scene.root)


def check_next_writer(scene: Scene, tally: Tally, where: str, root: Path) -> None:
    """Another run into `root` must come through, and clear up what was left."""
    build_index([scene.articles], root, encoder=ENCODER)
    found = corpus.look(root, scene.known)
    tally.count("next runs")
    if found != "new" or corpus.leftovers(root) or len(corpus.generations(root)) > 2:
        tally.fail(f"{where}, then a new run: {found}, {sorted(os.listdir(root))}")
