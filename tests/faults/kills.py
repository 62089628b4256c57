"""`kill -9` while an index is written: at every call that touches the disk, and at any time."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from index import build_index
from tests.faults import corpus
from tests.faults.command import (
    CALLS,
    Command,
    Ended,
    Point,
    injected,
    points_in,
    quiet,
    run,
)
from tests.faults.corpus import ENCODER, MISSING, Sight
from tests.faults.tally import Tally

_SLOW = corpus.SlowEncoder(0.02)


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


def after_a_kill(scene: Scene, tally: Tally, rule: str, *names: str) -> Scene:
    """The same, where a writer was killed before: by `rule` at one of the calls `names`."""
    scene.set()
    ended = injected(scene.articles, scene.root, scene.folder / "log", rule, names)
    if not ended.killed:
        tally.fail(f"{scene.name}: no {names} to be killed at by {rule}: {ended}")
    kept = scene.folder / f"{scene.name} killed"
    shutil.copytree(scene.folder / "place", kept, symlinks=True)
    return replace(scene, name=f"{scene.name} after one killed at {names[0]}", before=kept)


def at_every_call(tally: Tally) -> None:
    """SIGKILL at each call of the command that touches the disk, the index as it was each time."""
    first, update = scenes(tally)
    leftover = after_a_kill(first, tally, "signal=SIGKILL:when=2", "rename")
    half = after_a_kill(update, tally, "signal=SIGKILL:when=4", "fsync")
    for scene, in_slice in ((first, 2), (update, 3), (leftover, 1), (half, 1)):
        calls = [call for call in points(scene, tally) if call.main]
        for call in tally.some(calls, in_slice, by=attrgetter("name")):
            _kill_at(scene, tally, call.name, call.nth)
        if tally.full:
            _go_on_to_the_end(scene, tally, calls)
    for name in ("openat", "write", "fsync", "close") if tally.full else ():
        tally.need(f"killed at {name}", 40)
    tally.need("killed", 150 if tally.full else 30)
    for what in ("was old", "was new", "was missing"):
        tally.need(what)


def points(scene: Scene, tally: Tally) -> list[Point]:
    """Every call of an undisturbed run, from the first on that touches the index."""
    scene.set()
    log = scene.folder / "log"
    command = Command(scene.articles, scene.root)
    ended = command.traced(log, "-y", "-e", f"trace={quiet(CALLS)}").go().ended()
    if corpus.look(scene.root, scene.known) != "new":
        tally.fail(f"{scene.name}: the undisturbed run did not make the new index")
    calls = points_in(ended.trace)
    first = next(n for n, call in enumerate(calls) if call.path == str(scene.root))
    return calls[first:]


def _kill_at(scene: Scene, tally: Tally, name: str, nth: int) -> bool:
    scene.set()
    rule = f"signal=SIGKILL:when={nth}"
    ended = injected(scene.articles, scene.root, scene.folder / "log", rule, [name])
    tally.count("runs", *(("killed", f"killed at {name}") if ended.killed else ["ran through"]))
    _judge(scene, tally, ended, f"{scene.name}, killed at {name} {nth}")
    return ended.killed


def _go_on_to_the_end(scene: Scene, tally: Tally, calls: list[Point]) -> None:
    """Past the last call that the undisturbed run showed, until the command ends by itself."""
    for name, last in {call.name: call.nth for call in calls}.items():
        for nth in range(last + 1, last + 10):
            if not _kill_at(scene, tally, name, nth):
                break
        else:
            tally.fail(f"{scene.name}: no end of {name}")


def _judge(scene: Scene, tally: Tally, ended: Ended, where: str) -> None:
    """Old or new, whole; new if the command said so; and the next writer isn't in the way."""
    found = corpus.look(scene.root, scene.known)
    tally.count(f"was {found}" if found in ("old", "new", MISSING) else "was bad")
    if found not in (scene.old, "new"):
        tally.fail(f"{where}: {found}")
    if ended.done:
        tally.count("said done")
    if (ended.done or not ended.killed) and found != "new":
        tally.fail(f"{where}: {ended} and then it was {found}")
    check_next_writer(scene, tally, where, scene.root)


def check_next_writer(scene: Scene, tally: Tally, where: str, root: Path) -> None:
    """Another run into `root` must come through, and clear up what was left."""
    build_index([scene.articles], root, encoder=ENCODER)
    found = corpus.look(root, scene.known)
    tally.count("next runs")
    if found != "new" or corpus.leftovers(root) or len(corpus.generations(root)) > 2:
        tally.fail(f"{where}, then a new run: {found}, {sorted(os.listdir(root))}")


def at_any_time(tally: Tally) -> None:
    """SIGKILL at random times during whole builds, in one directory, the articles ever changing."""
    articles, root = tally.folder / "articles", tally.folder / "index"
    texts = corpus.draw(tally.rng, "start", 5)
    old: Sight | None = None
    corpus.write(articles, texts)
    longest = run(articles, tally.folder / "first", encoder=_SLOW).seconds
    for cycle in range(1, 501 if tally.full else 25):
        texts = corpus.changed(tally.rng, texts, f"c{cycle}x")
        if len(texts) > 14:
            texts = dict(tally.rng.sample(sorted(texts.items()), 5))
        corpus.write(articles, texts)
        new = corpus.expected(texts, tally.folder / "oracle")
        ended = _killed_after(tally.rng.uniform(0, longest), articles, root)
        old = _check_cycle(tally, f"cycle {cycle}", ended, root, old, new)
        # How long a build takes depends on what else the machine does: most shall be killed.
        longest *= 1.03 if ended.killed else 0.8
    _check_the_last(tally, articles, root)
    tally.need("killed", tally.counts["cycles"] * (8 if tally.full else 5) // 10)
    tally.need("was old")
    tally.need("was new")


def _check_cycle(
    tally: Tally, where: str, ended: Ended, root: Path, old: Sight | None, new: Sight
) -> Sight | None:
    """Old or new, and new if the command said so or ended by itself; what there is now."""
    found = corpus.look(root, {"new": new} | ({"old": old} if old else {}))
    tally.count("cycles", "killed" if ended.killed else "ran through")
    tally.count(f"was {found}" if found in ("old", "new", MISSING) else "was bad")
    if found not in ("old" if old else MISSING, "new"):
        tally.fail(f"{where}: {found}")
    if (ended.done or not ended.killed) and found != "new":
        tally.fail(f"{where}: {ended} and then it was {found}")
    if len(corpus.leftovers(root)) > 2:
        tally.fail(f"{where}: leftovers pile up: {corpus.leftovers(root)}")
    return new if found == "new" else old


def _killed_after(delay: float, articles: Path, root: Path) -> Ended:
    command = Command(articles, root, encoder=_SLOW).go()
    end = time.monotonic() + delay
    while time.monotonic() < end and not _is_over(command.pid):
        time.sleep(min(0.002, max(0, end - time.monotonic())))
    os.kill(command.pid, signal.SIGKILL)  # not waited for yet, so the pid is still its own
    return command.ended()


def _is_over(pid: int) -> bool:
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return ended is not None


def _check_the_last(tally: Tally, articles: Path, root: Path) -> None:
    ended = run(articles, root)
    left = corpus.leftovers(root)
    if not ended.done or left or len(corpus.generations(root)) > 2:
        tally.fail(f"the run after the last: {ended}; left over: {left}")
