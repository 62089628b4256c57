"""Faults over what is kept beside an index: killed, damaged, starved and raced writers of it.

Each area says what is there before, what a user's program does with it, what is there after, and
which of its files may be damaged. What the program does is done in a child, which is killed.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import select
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import WirecheckError
from tests.faults.areas import AREAS, Area
from tests.faults.disk import _mount
from tests.faults.tally import Skip, Tally

#: Seconds that a child may take for what takes milliseconds.
_PATIENCE = 60.0
_LIMITS = 24


class Child:
    """`work` in a process of its own; how it went is told when it ends."""

    def __init__(self, work: Callable[[], None], first: Callable[[], None] = lambda: None) -> None:
        """Fork. `first` is called in the child before it; it sets limits and the like."""
        self._told, told = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._told)
            _be_the_child(work, first, told)
        os.close(told)

    def kill(self) -> None:
        """Kill it with all that it started."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> str:
        """Wait: "done", "killed", what it was told in one line, or a harm."""
        with os.fdopen(self._told, "rb") as told:
            hangs = not select.select([told], [], [], _PATIENCE)[0]
            if hangs:
                self.kill()
            text = told.read().decode("utf-8", "replace")
        _, status = os.waitpid(self.pid, 0)
        if hangs:
            return "HARM: it hangs"
        return text or ("killed" if os.WIFSIGNALED(status) else "HARM: it ended without a word")


def _be_the_child(work: Callable[[], None], first: Callable[[], None], told: int) -> None:
    said = "done"
    try:
        os.setpgid(0, 0)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        first()
        work()
    except (WirecheckError, OSError) as error:
        said = f"told: {error}"
        if "\n" in str(error):
            said = f"HARM: told in several lines: {error}"
    except BaseException:
        said = f"HARM: {traceback.format_exc()[-700:]}"
    finally:
        os.write(told, said.encode())
        os._exit(0)


def killed(tally: Tally) -> None:
    """SIGKILL at drawn moments; what is there then is whole, and the next run is not in its way."""
    areas = list(_areas(tally))
    longest = {area: _undisturbed(area, tally) for area in areas}
    for area in areas:
        area.set()
    for _ in range(430 if tally.full else 3):
        for area in areas:
            while not tally.is_over and not _killed_once(area, tally, longest):
                pass
    _landed(tally, "killed", 3000 if tally.full else 20)


def _killed_once(area: Area, tally: Tally, longest: dict[Area, float]) -> bool:
    """Whether it was killed, and did not run through."""
    child = Child(area.write)
    time.sleep(tally.rng.uniform(0, longest[area]))
    child.kill()
    said = child.ended()
    # Most shall be killed, however busy the machine is.
    longest[area] = max(0.002, longest[area] * (1.03 if said == "killed" else 0.9))
    tally.count("runs", f"{area.name} {'killed' if said == 'killed' else 'ran through'}")
    if said not in {"killed", "done"}:
        tally.fail(f"{area.name}: {said}")
    found = _look(area, tally, said)
    tally.count(f"{area.name} was {found}")
    # The next writer often meets what the one before left, and what that one left.
    again = tally.rng.random()
    if again < 0.3:
        _again(area, tally, f"after a kill that left it {found}")
    if again < 0.3 or found == "new":
        area.set()
    return said == "killed"


def damaged(tally: Tally) -> None:
    """A byte changed, a file cut or put in another's place: told or mended, and never believed."""
    areas = list(_areas(tally))
    for area in areas:
        _undisturbed(area, tally)
    for _ in range(300 if tally.full else 3):
        for area in areas:
            if not tally.is_over:
                _damaged_once(area, tally)
    _landed(tally, "damaged", 2000 if tally.full else 20)


def _damaged_once(area: Area, tally: Tally) -> None:
    area.set()
    if area.damaged_when_made:
        _again(area, tally, "before the damage")
    path = tally.rng.choice(area.files())
    what = _damage(path, tally.rng)
    tally.count(f"{area.name} damaged")
    where = f"{area.name}, {path.name} {what}"
    found = _in_child(area.look, tally, where)
    tally.count(f"{area.name}: {found}")
    if found not in area.after_damage:
        tally.fail(f"{where}: then it was {found}")
    _again(area, tally, where)


def _landed(tally: Tally, what: str, wanted: int) -> None:
    """Add up the areas' faults; each area had some, and all together enough, if there was time."""
    each = [tally.counts[f"{area.name} {what}"] for area in AREAS]
    tally.counts[what] = sum(each)
    if tally.is_over:
        tally.notes.append(f"its time was up: {sum(each)} of {wanted}")
    elif min(each) == 0 or sum(each) < wanted:
        tally.fail(f"{what}: {each}: too few faults landed")


def starved(tally: Tally) -> None:
    """Files that may not grow, a disk without room, and one that can't be written."""
    for area in _areas(tally):
        _undisturbed(area, tally)
        largest = area.largest()
        steps = _LIMITS if tally.full else 3
        for limit in sorted({n * largest // steps for n in range(steps + 1)}):
            area.set()

            def limited(size: int = limit) -> None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

            _starve(area, tally, f"files up to {limit} bytes", limited)
        try:
            with _small_disk(area.place) as mount:
                for room in range(1, 40, 3 if tally.full else 30):
                    mount("size=64m")
                    area.set()
                    used = os.statvfs(area.place)
                    taken = used.f_blocks - used.f_bfree
                    mount(f"size={(taken + room) * used.f_frsize}")
                    _starve(area, tally, f"room for {room} pages", again=lambda: mount("size=64m"))
                mount("size=64m")
                area.set()
                mount("ro")
                _starve(area, tally, "a disk that is read only", again=lambda: mount("rw"))
                tally.count("read only")
        except Skip as reason:
            tally.notes.append(f"no small file system: {reason}")
    tally.need("told", 8)
    tally.need("went without", 5)


def _starve(
    area: Area,
    tally: Tally,
    where: str,
    first: Callable[[], None] = lambda: None,
    again: Callable[[], object] = lambda: None,
) -> None:
    said = Child(area.write, first).ended()
    tally.count("runs", said.partition(":")[0])
    if said.startswith("HARM"):
        tally.fail(f"{area.name}, {where}: {said}")
    found = _look(area, tally, f"{where}: {said}")
    if found != "new":
        tally.count("went without")
        if said == "done" and not area.optional:
            tally.fail(f"{area.name}, {where}: it said done, and then it was {found}")
    again()
    _again(area, tally, where)


def raced(tally: Tally) -> None:
    """Two and six writers at once: what is there in the end is whole."""
    for area in _areas(tally):
        for size in (2, 6) if tally.full else (3,):
            for _ in range(20 if tally.full else 1):
                area.set()
                children = [Child(area.write) for _ in range(size)]
                said = [child.ended() for child in children]
                tally.counts["writers"] += size
                tally.count("races", *(word.partition(":")[0] for word in said))
                harms = [word for word in said if word.startswith("HARM")]
                found = _look(area, tally, f"{size} at once")
                if harms or found != "new":
                    tally.fail(f"{area.name}, {size} at once: {found}, {harms or said}")
                _again(area, tally, f"{size} at once")
    tally.need("races", 20 if tally.full else 5)


# --- what all of them do -----------------------------------------------------------------------


def _areas(tally: Tally) -> Iterator[Area]:
    gc.freeze()  # what is there already is not looked through, and copied, by every child
    for made in AREAS:
        yield made(tally.folder / made.name)


def _undisturbed(area: Area, tally: Tally) -> float:
    """Do it once; the seconds that it takes."""
    area.set()
    began = time.monotonic()
    _again(area, tally, "undisturbed")
    return time.monotonic() - began


def _again(area: Area, tally: Tally, where: str) -> None:
    """A writer that nothing disturbs: it makes what it shall, and leaves nothing else."""
    area.age()
    said = Child(area.write).ended()
    if said != "done":
        tally.fail(f"{area.name}, {where}, then a new run: {said}")
    found = _look(area, tally, where)
    if found != "new" and area.optional:
        tally.count(f"{area.name} not mended")  # it goes on without
    elif found != "new":
        tally.fail(f"{area.name}, {where}, then a new run: {found}")
    if more := area.left_over():
        tally.fail(f"{area.name}, {where}, then a new run left {more}")


def _look(area: Area, tally: Tally, where: str) -> str:
    found = _in_child(area.look, tally, where)
    if found not in {"old", "new", "missing"}:
        tally.fail(f"{area.name}, {where}: {found}")
    return found


def _in_child(look: Callable[[], str], tally: Tally, where: str) -> str:
    """What `look` gives, in a process whose threads and whose end are its own."""
    place = tally.folder / "seen"
    place.unlink(missing_ok=True)
    said = Child(lambda: _write(place, look())).ended()
    if said == "done":
        return json.loads(place.read_text(encoding="utf-8"))
    return said


def _write(place: Path, seen: str) -> None:
    place.write_text(json.dumps(seen), encoding="utf-8")


def _damage(path: Path, rng: random.Random) -> str:
    """Change a file; says how."""
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    way = rng.choice(["byte"] * 7 + ["cut", "zeros", "more"])
    if way == "byte":
        data[at] ^= rng.randrange(1, 256)
    elif way == "cut":
        del data[at:]
    elif way == "zeros":
        data[at : at + 64] = bytes(len(data[at : at + 64]))
        data[at] ^= not any(path.read_bytes()[at : at + 64])
    else:
        data += rng.randbytes(40)
    path.write_bytes(data)
    return f"{way} at {at}"


@contextmanager
def _small_disk(place: Path) -> Iterator[Callable[[str], None]]:
    """A file system of its own at `place`, and what sets its options. Raises Skip."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place))
    try:
        yield lambda options: _mount("-o", f"remount,{options}", str(place))
    finally:
        _unmount(place)


def _unmount(place: Path) -> None:
    import subprocess

    subprocess.run(["umount", "-l", str(place)], check=True)
