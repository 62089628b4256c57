"""Power failures while an index is written: every state that the disk may then be in.

The command runs under strace, once undisturbed and once again after it was killed; a model of a
file system (`crash`) replays what it did and gives, after each call, the states in which the disk
may be found. Each is put on the real disk and looked at. Then each flush is left out in turn: if no
state is bad then, either it is not needed or this campaign is blind.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import corpus
from tests.faults.calls import RENAME, SYNC, Scene, check_next_writer, points, scenes
from tests.faults.child import DONE, quiet
from tests.faults.crash import TRACED, Call, Disk, Tree, calls, put, taken
from tests.faults.tally import Tally

_TRACE = ("-xx", "-s", "100000000", "-e", f"trace={quiet(TRACED)}")


@dataclass
class Story:
    """What one or two runs of the command did, from the state that `disk()` begins with."""

    scene: Scene
    runs: tuple[tuple[Call, ...], ...]
    verdicts: dict[frozenset, str] = field(default_factory=dict)

    def disk(self) -> Disk:
        self.scene.set()
        return Disk(self.scene.folder / "place")

    def steps(self, disk: Disk, without: int | None = None) -> Iterator[tuple[int, Call, str]]:
        """Replay, with the call of number `without` left out if it is a flush.

        Gives number, call and path of each call that changes or flushes something, or tells the
        user that the index is made.
        """
        number = 0
        for run in self.runs:
            disk.new_process()
            for call in run:
                path = disk.apply(call, flushes=number != without)
                if path or _tells(call):
                    yield number, call, path
                number += 1


def every_crash_state(tally: Tally) -> None:
    """All states of all stories; then the flushes."""
    needed: dict[str, bool] = {}
    for story in _stories(tally):
        _check_states(story, tally)
        for flush, is_needed in _flushes(story, tally):
            needed[flush] = needed.get(flush, False) or is_needed
    for flush, is_needed in needed.items():
        tally.count("flushes left out", "flushes missed" if is_needed else "flushes not missed")
        if not is_needed and tally.full:
            tally.fail(f"left out, and no state was bad: flush of {flush}")
    tally.need("states", 800 if tally.full else 80)
    tally.need("flushes missed", 12 if tally.full else 3)


def _stories(tally: Tally) -> Iterator[Story]:
    """First builds and updates; and a second run after one that was killed at a flush or rename."""
    for scene in scenes(tally):
        yield Story(scene, _recorded(scene, tally, ()))
        stops = points(scene, tally) if tally.full else ()
        for stop in (call for call in stops if call.name in (*SYNC, *RENAME)):
            killed = f"inject={stop.name}:signal=SIGKILL:when={stop.nth}"
            yield Story(scene, _recorded(scene, tally, ("-e", killed), ()))


def _recorded(scene: Scene, tally: Tally, *runs: tuple[str, ...]) -> tuple[tuple[Call, ...], ...]:
    """What each run of the command does, one after the other, with these options of strace."""
    scene.set()
    disk, recorded = Disk(scene.folder / "place"), []
    for options in runs:
        ended = scene.traced(*_TRACE, *options)
        tally.count("runs killed" if ended.killed else "runs let through")
        recorded.append(tuple(calls(ended.trace)))
    _check_the_model(disk, tuple(recorded), scene, tally)
    return tuple(recorded)


def _check_the_model(disk: Disk, runs: tuple, scene: Scene, tally: Tally) -> None:
    """What the model has come to must be what the real disk holds."""
    for run in runs:
        disk.new_process()
        for call in run:
            disk.apply(call)
    if disk.tree() != taken(scene.folder / "place"):
        tally.fail(f"{scene.name}: the model of the disk came to something else than the disk")


def _tells(call: Call) -> bool:
    """Does it print that the index is made?"""
    if call.name != "write" or call.arguments[0] != "1":
        return False
    return bool(DONE.match(bytes(call.arguments[1]).decode() + "\n"))


def _states(story: Story, tally: Tally, without: int | None = None) -> Iterator[tuple]:
    """(where, legal outcomes, tree) of all states, each once."""
    disk = story.disk()
    told, met = False, set()
    legal = (story.scene.old, "new")
    for number, call, path in story.steps(disk, without):
        told = told or _tells(call)
        for tree in disk.states(tally.rng):
            key = (_key(tree), told)
            if key not in met:
                met.add(key)
                yield f"after {number}, {call.name} {path}", ("new",) if told else legal, tree


def _key(tree: Tree) -> frozenset:
    """The tree but for LOCK, which no reader looks at."""
    return frozenset((p, data) for p, data in tree.items() if not p.endswith("/LOCK"))


def _check_states(story: Story, tally: Tally) -> None:
    states = list(_states(story, tally))
    tally.count("stories")
    tally.counts["states that there are"] += len(states)
    for where, legal, tree in tally.some(states, 50):
        found = _verdict(story, tree)
        tally.count("states", f"was {found}" if found in ("old", "new", "missing") else "was bad")
        if found not in legal:
            tally.fail(f"{story.scene.name}, {where}: {found}, not {' or '.join(legal)}")
    for where, _, tree in tally.some(states, 4) if len(story.runs) == 1 else ():
        check_next_writer(story.scene, tally, f"{story.scene.name}, {where}", _put(story, tree))


def _verdict(story: Story, tree: Tree) -> str:
    key = _key(tree)
    if key not in story.verdicts:
        story.verdicts[key] = corpus.look(_put(story, tree), story.scene.known)
    return story.verdicts[key]


def _put(story: Story, tree: Tree) -> Path:
    folder = story.scene.folder / "crashed"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    put(tree, folder)
    return folder / story.scene.under


def _flushes(story: Story, tally: Tally) -> Iterator[tuple[str, bool]]:
    """Each flush of the last run by what it flushes after what, and if it would be missed."""
    first = sum(map(len, story.runs[:-1]))
    flushes, last = [], "nothing"
    for number, call, path in story.steps(story.disk()):
        if call.name not in SYNC:
            last = f"{call.name} {_plain(path)}"
        elif number >= first and path:
            flushes.append((number, f"{_plain(path)} after {last}"))
    # A state that the flush doesn't forbid is no proof that it would be missed.
    known = {(_key(tree), *legal) for _, legal, tree in _states(story, tally)}
    for number, name in tally.some(flushes, 2):
        yield (
            name,
            any(
                _verdict(story, tree) not in legal
                for _, legal, tree in _states(story, tally, without=number)
                if (_key(tree), *legal) not in known
            ),
        )


def _plain(path: str) -> str:
    return re.sub(r"gen-\d+", "gen-N", path)
