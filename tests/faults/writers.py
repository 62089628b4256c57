"""Writers that meet, writers that die holding the lock, and writers that are told to stop."""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from pathlib import Path

from index import build_index
from tests.faults import corpus
from tests.faults.child import Child, Ended, command, quiet
from tests.faults.corpus import ENCODER, Sight, SlowEncoder, Texts
from tests.faults.tally import Skip, Tally

_HELD = 2.0
_STOP_WITHIN = 5.0


def together(tally: Tally) -> None:
    """2 and 8 writers at once: one goes on, the others name it; a dead one is in nobody's way."""
    for size in (2, 8):
        for turn in range(6 if tally.full else 1):
            _at_once(tally, size, turn)
    for turn in range(10 if tally.full else 2):
        _holder_killed(tally, turn)
    try:
        _nameless_holder(tally)
    except Skip as reason:
        tally.notes.append(f"not tried, a holder that has the lock and not told its name: {reason}")
    tally.need("proceeded", 2)
    tally.need("turned away", 8)
    tally.need("holders killed", 2)


def _built(tally: Tally, name: str) -> tuple[Path, Texts]:
    """A folder with an index in it, of the articles that come along; and others, in `new`."""
    corpus.forget()
    folder = tally.folder / name
    old = corpus.draw(tally.rng, "old", 4)
    corpus.write(folder / "old", old)
    build_index([folder / "old"], folder / "index", encoder=ENCODER)
    corpus.write(folder / "new", corpus.changed(tally.rng, old, "new"))
    return folder, old


def _run(folder: Path) -> Ended:
    return command(folder / "new", folder / "index").go().ended()


def _at_once(tally: Tally, size: int, turn: int) -> None:
    folder, old = _built(tally, f"{size} at once {turn}")
    root, known = folder / "index", {}
    for n in range(size):
        new = corpus.changed(tally.rng, old, f"w{n}x")
        corpus.write(folder / str(n), new)
        known[str(n)] = corpus.expected(new, folder / "oracle")
    commands = [command(folder / str(n), root, SlowEncoder(_HELD)) for n in range(size)]
    for one in commands:
        one.go()
    ended = _ended_together(commands)
    winners = [n for n, one in enumerate(ended) if one.done]
    tally.counts["proceeded"] += len(winners)
    where = f"{size} writers, turn {turn}"
    if len(winners) != 1:
        tally.fail(f"{where}: {len(winners)} of them proceeded: {[*map(str, ended)]}")
        return
    winner = winners[0]
    for n, one in enumerate(ended):
        if n != winner:
            _check_turned_away(tally, where, one, commands[winner].pid, ended[winner].seconds)
    found = corpus.look(root, known)
    if found != str(winner) or corpus.leftovers(root):
        tally.fail(f"{where}: writer {winner} said done, and then it was {found}")


def _ended_together(commands: list[Child]) -> list[Ended]:
    """How each ended, waited for as they end, so that the seconds are their own."""
    waiting = {os.pidfd_open(one.pid): one for one in commands}
    ended: dict[int, Ended] = {}
    while waiting:
        for handle in select.select([*waiting], [], [], 120)[0] or [*waiting]:
            one = waiting.pop(handle)
            os.close(handle)
            ended[one.pid] = one.ended(within=1)
    return [ended[one.pid] for one in commands]


def _check_turned_away(tally: Tally, where: str, ended: Ended, holder: int, until: float) -> None:
    """Turned away at once, in one line that names the holder."""
    tally.count("turned away")
    if not ended.told_in_one_line or ended.told != "IndexBusy":
        tally.fail(f"{where}: not turned away: {ended}")
    if f"process {holder} " not in ended.err:
        tally.fail(f"{where}: the holder is {holder}, and it says: {ended.err}")
    if ended.seconds > until - _HELD / 2:
        tally.fail(f"{where}: turned away only after {ended.seconds:.1f} of {until:.1f} s")


def _holder_killed(tally: Tally, turn: int) -> None:
    """A writer that was killed while it held the lock: the next one has it at once."""
    folder, _ = _built(tally, f"holder killed {turn}")
    where = f"a killed holder, turn {turn}"
    holder = _holder(folder)
    _check_turned_away(tally, where, _run(folder), holder.pid, 60)
    holder.kill()
    tally.count("holders killed" if holder.ended().killed else "holders not killed")
    if not (ended := _run(folder)).done:
        tally.fail(f"{where}, then: {ended}")


def _holder(folder: Path) -> Child:
    """A writer that has the lock, as it has told there."""
    holder = command(folder / "new", folder / "index", SlowEncoder(60)).go()
    _wait_for(f"process {holder.pid} ", folder / "index" / "LOCK")
    return holder


def _wait_for(text: str, path: Path) -> None:
    end = time.monotonic() + 60
    while text not in path.read_text(encoding="utf-8"):
        if time.monotonic() > end:
            raise TimeoutError(f"{path} never held {text!r}: {path.read_text()}")
        time.sleep(0.005)


def _nameless_holder(tally: Tally) -> None:
    """A holder that is held up after it took the lock and before its name is in the file.

    The name that is there is that of one that was killed; nobody must be sent to look for it.
    """
    folder, _ = _built(tally, "nameless")
    dead = _holder(folder)
    dead.kill()
    dead.ended()
    slow = f"inject={quiet(['ftruncate'])}:delay_enter=400000:when=1"
    options = ("-e", f"trace={quiet(['ftruncate', 'flock'])}", "-e", slow)
    holder = command(folder / "new", folder / "index", SlowEncoder(_HELD))
    holder.traced(folder / "log", *options).go()
    _wait_for("flock(", folder / "log")
    _check_turned_away(tally, "a nameless holder", _run(folder), holder.pid, 60)
    if not holder.ended().done:
        tally.fail("the nameless holder did not end well")


def stopped(tally: Tally) -> None:
    """SIGINT and SIGTERM at random times of a build, and an output that nobody reads."""
    folder, old = _built(tally, "stopped")
    new = corpus.changed(tally.rng, old, "new")
    corpus.write(folder / "new", new)
    known = {
        "old": corpus.expected(old, folder / "oracle"),
        "new": corpus.expected(new, folder / "oracle"),
    }
    shutil.copytree(folder / "index", folder / "before")
    unread = _set(folder).deafen().go().ended()
    if unread.code or "Traceback" in unread.err or corpus.look(folder / "index", known) != "new":
        tally.fail(f"nobody reads the output: {unread}")
    usual = _set(folder).go().ended()
    if not usual.done or corpus.look(folder / "index", known) != "new":
        tally.fail(f"nothing stopped it, but: {usual}")
    wanted = 40 if tally.full else 4
    for number in (signal.SIGINT, signal.SIGTERM):
        # On a busy machine many come too soon or too late.
        for _ in range(10 * wanted):
            _stop(tally, folder, known, number, tally.rng.uniform(0, usual.seconds))
            if tally.counts[f"stopped by {number.name}"] == wanted:
                break
        tally.need(f"stopped by {number.name}", wanted)
    tally.need("was old")


def _set(folder: Path) -> Child:
    """A writer that takes its time, where the index is as it was before."""
    corpus.forget()
    shutil.rmtree(folder / "index")
    shutil.copytree(folder / "before", folder / "index")
    return command(folder / "new", folder / "index", SlowEncoder(0.3))


def _stop(
    tally: Tally, folder: Path, known: dict[str, Sight], number: signal.Signals, delay: float
) -> None:
    root = folder / "index"
    writer = _set(folder).go()
    time.sleep(delay)
    began = time.monotonic()
    os.kill(writer.pid, number)
    ended = writer.ended()
    took = time.monotonic() - began
    found = corpus.look(root, known)
    where = f"{number.name} after {delay:.3f} s: {ended}"
    tally.count(_how_stopped(ended, number), f"was {found}")
    if took > _STOP_WITHIN:
        tally.fail(f"{where}: stopped only after {took:.1f} s")
    if _how_stopped(ended, number) == "ended in another way":
        tally.fail(where)
    if found not in ("old", "new") or (ended.done and found != "new"):
        tally.fail(f"{where}, and then it was {found}")
    build_index([folder / "new"], root, encoder=ENCODER)
    if corpus.look(root, known) != "new" or corpus.leftovers(root):
        tally.fail(f"{where}, then a new run: {sorted(os.listdir(root))}")


def _how_stopped(ended: Ended, number: signal.Signals) -> str:
    if ended.before_it_began:
        return "stopped before it began"
    if ended.code == 0 and ended.done:
        return "ran through"
    if number == signal.SIGTERM and ended.code == -signal.SIGTERM and "Traceback" not in ended.err:
        return "stopped by SIGTERM"
    if number == signal.SIGINT and ended.code == 130 and ended.said == ["wirecheck: stopped"]:
        return "stopped by SIGINT"
    return "ended in another way"
