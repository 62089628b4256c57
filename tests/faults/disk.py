"""A disk that fails or is full: the writer says so, the generation before it still serves."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import corpus
from tests.faults.command import CUT, MKDIR, OPEN, RENAME, SYNC, WRITE, Ended, Point, injected, run
from tests.faults.kills import Scene, check_next_writer, points, scenes
from tests.faults.tally import Skip, Tally

_PAGE = 4096
_ERRORS = ("ENOSPC", "EIO", "EACCES", "EMFILE")
_LIE = "retval=1"
_CHANGES = (*WRITE, *SYNC, *RENAME, *MKDIR, *CUT)
_FOR_WRITING = re.compile(r"O_CREAT|O_WRONLY|O_RDWR|\.tmp")


def at_every_call(tally: Tally) -> None:
    """Each call that opens or changes something fails once, with each error in turn.

    Last, each write says that it wrote, and didn't: a disk that lies.
    """
    for scene in scenes(tally):
        calls = points(scene, tally)
        ours = [c for c in calls if str(scene.root) in c.line and c.name in (*OPEN, *_CHANGES)]
        renames = sum(call.name in RENAME for call in ours)
        faults = [(f"error={error}", call) for call in ours for error in _ERRORS]
        for fault, call in tally.some(faults, 1, by=lambda one: (one[0], one[1].name, one[1].main)):
            _fail_at(scene, tally, call, fault, renames)
        lies = [call for call in ours if call.name in WRITE and ".tmp" in call.line]
        for call in tally.some(lies, 3):
            _fail_at(scene, tally, call, _LIE, renames)
        if tally.full:
            _check_none_is_left(scene, tally, [call for call in ours if call.main])
    for name in ("write", "fsync", "openat"):
        tally.need(f"{name} failed", 60 if tally.full else 6)
    tally.need("write lied", 10 if tally.full else 4)
    tally.need("refused", 300 if tally.full else 20)
    tally.need("was old")


def _check_none_is_left(scene: Scene, tally: Tally, calls: list[Point]) -> None:
    """Past the last call of each kind, no fault lands: so all of them were tried."""
    for name, nth in {call.name: call.nth for call in calls}.items():
        scene.set()
        rule = f"error=EIO:when={nth + 9}"
        ended = injected(scene.articles, scene.root, scene.folder / "log", rule, [name])
        hit = re.search(rf".*{re.escape(str(scene.root))}.*INJECTED", ended.trace)
        if hit or not ended.done:
            tally.fail(f"{scene.name}: there was a {name} after the last, {nth}: {ended}")


def _fail_at(scene: Scene, tally: Tally, call: Point, fault: str, renames: int) -> None:
    scene.set()
    # One that a helping thread made can't be told by its number: the main thread has such a one.
    only, nth = ("", call.nth) if call.main else (call.path, 1)
    log, rule = scene.folder / "log", f"{fault}:when={nth}"
    ended = injected(scene.articles, scene.root, log, rule, [call.name], only)
    found = corpus.look(scene.root, scene.known)
    where = f"{scene.name}, {call.name} {nth} {only} {fault}"
    tally.count("runs")
    before, _, _ = ended.trace.partition("(INJECTED)")
    line = before.rpartition("\n")[2]
    if before == ended.trace:
        tally.count("missed")
    elif str(scene.root) not in line:
        tally.count("hit another file")
        if "skipped " in str(ended) and found.startswith("mixed"):
            # Calls are counted thread by thread: an article could not be read, and that was told.
            return
    else:
        tally.count(f"{call.name} failed" if fault != _LIE else "write lied")
        published = len(re.findall(rf" (?:{'|'.join(RENAME)})\(.* = 0$", before, re.M)) >= renames
        where += f" ({line.split(' ', 1)[1][:150]})"
        _judge(scene, tally, ended, where, found, changes(call.name, line), published)
    _check_whole(scene, tally, ended, where, found)


def changes(name: str, line: str) -> bool:
    """Is this call one that an index can't be written without?"""
    return name in _CHANGES or (name in OPEN and bool(_FOR_WRITING.search(line)))


def _judge(
    scene: Scene, tally: Tally, ended: Ended, where: str, found: str, must: bool, published: bool
) -> None:
    """A write that failed is told, in one line; the old generation serves until the new one does."""
    refused = ended.told_in_one_line
    tally.count("refused" if refused else "went on", f"was {found}")
    if must and not (refused and ended.error == "IndexWriteError"):
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


def full(tally: Tally) -> None:
    """A limit on the size of files, then a real file system without room or without inodes."""
    _, update = scenes(tally)
    _limited(update, tally)
    _printed_in_vain(update, tally)
    try:
        with _small_disk(tally.folder / "place") as resize:
            _filled(update, tally, resize)
    except Skip as reason:
        tally.notes.append(f"no small file system: {reason}")
    tally.need("refused", 20 if tally.full else 6)
    tally.need("was old")
    tally.need("was new")


def _limited(scene: Scene, tally: Tally) -> None:
    """No file may grow over a limit: from no byte up to the size of the largest, in steps."""
    scene.set()
    run(scene.articles, scene.root)
    largest = max(p.stat().st_size for p in scene.root.rglob("*") if p.is_file())
    limits = tally.some(range(0, largest, max(1, largest // 200)), 5)
    for limit in [*limits, largest]:
        scene.set()

        def limited(size: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        ended = run(scene.articles, scene.root, first=limited)
        found = corpus.look(scene.root, scene.known)
        _judge(scene, tally, ended, f"files up to {limit} bytes", found, limit < largest, False)
        _check_whole(scene, tally, ended, f"files up to {limit} bytes", found)


def _printed_in_vain(scene: Scene, tally: Tally) -> None:
    """The index has room, what the command prints to has none: told, and the index is made."""
    scene.set()

    def nowhere() -> None:
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)

    ended = run(scene.articles, scene.root, first=nowhere)
    tally.count("printed in vain")
    if not ended.told_in_one_line or corpus.look(scene.root, scene.known) != "new":
        tally.fail(f"printed to a full disk: {ended}")


@contextmanager
def _small_disk(place: Path) -> Iterator[object]:
    """A tmpfs at `place`, and what sets its size in pages and its inodes. Raises Skip."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place))
    try:
        yield lambda pages, inodes: _mount(
            "-o", f"remount,size={pages * _PAGE},nr_inodes={inodes}", str(place)
        )
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _mount(*words: str) -> None:
    try:
        subprocess.run(["mount", *words], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Skip("there is no mount command") from error
    except subprocess.CalledProcessError as error:
        raise Skip(error.stderr.strip()) from error


def _filled(scene: Scene, tally: Tally, resize) -> None:
    """Room for 0, 1, 2, ... more pages, then inodes, than the old generation takes."""
    ample = 100_000
    for what in ("pages", "inodes"):
        steps = range(1, 64) if tally.full else range(1, 64, 4)
        for room in steps:
            resize(ample // 10, ample)
            _empty(scene.folder / "place")
            shutil.copytree(scene.before, scene.folder / "place", dirs_exist_ok=True)
            pages, inodes = _used(scene.folder / "place")
            if what == "pages":
                resize(pages + room, ample)
            else:
                resize(ample // 10, inodes + room)
            where = f"room for {room} {what}"
            ended = run(scene.articles, scene.root)
            found = corpus.look(scene.root, scene.known)
            resize(ample // 10, ample)
            _judge(scene, tally, ended, where, found, not ended.done, False)
            tally.count(f"too few {what}" if ended.code else f"enough {what}")
            _check_whole(scene, tally, ended, where, found)
            if ended.done:
                break
    for what in ("too few pages", "enough pages", "too few inodes", "enough inodes"):
        tally.need(what)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _used(folder: Path) -> tuple[int, int]:
    status = os.statvfs(folder)
    return status.f_blocks - status.f_bfree, status.f_files - status.f_ffree
