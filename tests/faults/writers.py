"""Writers that meet, writers that die holding the lock, and writers that are told to stop."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from index import build_index
from tests.faults import corpus
from tests.faults.command import Command, Ended, quiet, run
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
    """A folder with an index in it, of the articles that come along."""
    corpus.forget()
    folder = tally.folder / name
    old = corpus.draw(tally.rng, "old", 4)
    corpus.write(folder / "old", old)
    build_index([folder / "old"], folder / "index", encoder=ENCODER)
    return folder, old


def _at_once(tally: Tally, size: int, turn: int) -> None:
    folder, old = _built(tally, f"{size} at once {turn}")
    root = folder / "index"
    known, commands = {}, []
    for n in range(size):
        new = corpus.changed(tally.rng, old, f"w{n}x")
        corpus.write(folder / str(n), new)
        known[str(n)] = corpus.expected(new, folder / "oracle")
    for n in range(size):
        commands.append(Command(folder / str(n), root, encoder=SlowEncoder(_HELD)))
    for command in commands:
        command.go()
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


def _ended_together(commands: list[Command]) -> list[Ended]:
    """How each ended, waited for as they end, so that the seconds are their own."""
    waiting = {os.pidfd_open(command.pid): command for command in commands}
    ended: dict[int, Ended] = {}
    while waiting:
        for handle in select.select([*waiting], [], [], 120)[0] or [*waiting]:
            command = waiting.pop(handle)
            os.close(handle)
            ended[command.pid] = command.ended(within=1)
    return [ended[command.pid] for command in commands]


def _check_turned_away(tally: Tally, where: str, ended: Ended, holder: int, until: float) -> None:
    """Turned away at once, in one line that names the holder."""
    tally.count("turned away")
    if not ended.told_in_one_line or ended.error != "IndexBusy":
        tally.fail(f"{where}: not turned away: {ended}")
    if f"process {holder} " not in ended.err:
        tally.fail(f"{where}: the holder is {holder}, and it says: {ended.err}")
    if ended.seconds > until - _HELD / 2:
        tally.fail(f"{where}: turned away only after {ended.seconds:.1f} of {until:.1f} s")


def _holder_killed(tally: Tally, turn: int) -> None:
    """A writer that was killed while it held the lock: the next one has it at once."""
    folder, old = _built(tally, f"holder killed {turn}")
    root, where = folder / "index", f"a killed holder, turn {turn}"
    corpus.write(folder / "new", corpus.changed(tally.rng, old, "new"))
    holder = Command(folder / "new", root, encoder=SlowEncoder(60)).go()
    _wait_for_name(root, holder.pid)
    _check_turned_away(tally, where, run(folder / "new", root), holder.pid, 60)
    os.kill(holder.pid, signal.SIGKILL)
    tally.count("holders killed" if holder.ended().killed else "holders not killed")
    ended = run(folder / "new", root)
    if not ended.done:
        tally.fail(f"{where}, then: {ended}")


def _wait_for_name(root: Path, pid: int) -> None:
    _wait_for(f"process {pid} ", root / "LOCK")


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
    folder, old = _built(tally, "nameless")
    root = folder / "index"
    corpus.write(folder / "new", corpus.changed(tally.rng, old, "new"))
    dead = Command(folder / "new", root, encoder=SlowEncoder(60)).go()
    _wait_for_name(root, dead.pid)
    os.kill(dead.pid, signal.SIGKILL)
    dead.ended()
    slow = f"inject={quiet(['ftruncate'])}:delay_enter=400000:when=1"
    options = ("-e", f"trace={quiet(['ftruncate', 'flock'])}", "-e", slow)
    holder = Command(folder / "new", root, encoder=SlowEncoder(_HELD))
    holder.traced(folder / "log", *options).go()
    _wait_for("flock(", folder / "log")
    _check_turned_away(tally, "a nameless holder", run(folder / "new", root), holder.pid, 60)
    if not holder.ended().done:
        tally.fail("the nameless holder did not end well")
    tally.count("nameless holders")


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
    _unread(tally, folder, known)
    usual = _unstopped(tally, folder, known)
    for number in (signal.SIGINT, signal.SIGTERM):
        for _ in range(60 if tally.full else 8):
            _stop(tally, folder, known, number, tally.rng.uniform(0, usual))
    if tally.full:
        _stop_the_real_one(tally)
    tally.need("stopped by SIGINT", 4)
    tally.need("stopped by SIGTERM", 4)
    tally.need("was old")


def _reset(folder: Path) -> Path:
    corpus.forget()
    shutil.rmtree(folder / "index")
    shutil.copytree(folder / "before", folder / "index")
    return folder / "index"


def _unread(tally: Tally, folder: Path, known: dict[str, Sight]) -> None:
    root = _reset(folder)
    ended = Command(folder / "new", root).deafen().go().ended()
    found = corpus.look(root, known)
    tally.count("ended unread")
    if ended.code or "Traceback" in ended.err or found != "new":
        tally.fail(f"nobody reads the output: {ended}, and then it was {found}")


def _unstopped(tally: Tally, folder: Path, known: dict[str, Sight]) -> float:
    root = _reset(folder)
    ended = Command(folder / "new", root, encoder=SlowEncoder(0.3)).go().ended()
    if not ended.done or corpus.look(root, known) != "new":
        tally.fail(f"nothing stopped it, but: {ended}")
    return ended.seconds


def _stop(
    tally: Tally, folder: Path, known: dict[str, Sight], number: signal.Signals, delay: float
) -> None:
    root = _reset(folder)
    command = Command(folder / "new", root, encoder=SlowEncoder(0.3)).go()
    time.sleep(delay)
    began = time.monotonic()
    os.kill(command.pid, number)
    ended = command.ended()
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


def _stop_the_real_one(tally: Tally) -> None:
    """The command as a user starts it, with the encoder that ships."""
    folder = tally.folder / "real"
    old = corpus.draw(tally.rng, "old", 40)
    new = corpus.changed(tally.rng, old, "new")
    for name, texts in (("old", old), ("new", new)):
        corpus.write(folder / name, texts)
    began = time.monotonic()
    _real(["index", str(folder / "old"), "--index", str(folder / "before")])
    usual = time.monotonic() - began
    for number in (signal.SIGINT, signal.SIGTERM):
        for _ in range(6):
            _stop_real(tally, folder, {"old": old, "new": new}, number, usual)


def _real(words: list[str]) -> str:
    command = [sys.executable, "-m", "wirecheck", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _stop_real(
    tally: Tally, folder: Path, texts: dict[str, Texts], number: signal.Signals, usual: float
) -> None:
    shutil.rmtree(folder / "index", ignore_errors=True)
    shutil.copytree(folder / "before", folder / "index")
    delay = tally.rng.uniform(0.2 * usual, usual)
    words = ["index", str(folder / "new"), "--index", str(folder / "index")]
    process = subprocess.Popen(
        [sys.executable, "-m", "wirecheck", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(delay)
    process.send_signal(number)
    began = time.monotonic()
    _, err = process.communicate()
    took = time.monotonic() - began
    where = f"the real command, {number.name} after {delay:.1f} s: code {process.returncode} {err}"
    tally.count(f"real: code {process.returncode}")
    if took > _STOP_WITHIN or "Traceback" in err:
        tally.fail(f"{where}: {took:.1f} s")
    if process.returncode not in (0, 130, -number):
        tally.fail(where)
    hits = json.loads(_real(["search", "a report", "--index", str(folder / "index"), "--json"]))
    found = {
        name
        for name, held in texts.items()
        if hits
        and all(held.get(h["article_id"], "")[h["start"] : h["end"]] == h["text"] for h in hits)
    }
    if not found or (process.returncode == 0 and "new" not in found):
        tally.fail(f"{where}, and then it held {hits}")
