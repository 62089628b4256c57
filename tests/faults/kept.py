"""Faults over what is kept beside an index: killed, damaged, starved and raced writers of it.

Each area says what is there before, what a user's program does with it, what is there after, and
which of its files may be damaged. What the program does is done in a child, which is killed.
"""

from __future__ import annotations

import gc
import os
import resource
import shutil
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import WirecheckError
from tests.faults import corpus
from tests.faults.areas import AREAS, Area
from tests.faults.child import Child, Tell
from tests.faults.tally import Skip, Tally

#: Seconds that a child may take for what takes milliseconds.
_PATIENCE = 60.0
_LIMITS = 24


def started(work: Callable[[], str | None], first: Callable[[], None] = lambda: None) -> Child:
    """`work` in a process of its own. `first` is called there before it; it sets limits."""

    def quietly(tell: Tell) -> None:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        first()
        try:
            tell(work() or "done")
        except (WirecheckError, OSError) as error:
            harm = "HARM: in several lines, " if "\n" in str(error) else ""
            tell(f"{harm}told: {error}")
        except BaseException:
            tell(f"HARM: {traceback.format_exc()[-700:]}")

    return Child(quietly).go()


def said_by(child: Child) -> str:
    """Wait: "done", "killed", what it was told in one line, what it found, or a harm."""
    try:
        ended = child.ended(_PATIENCE)
    except TimeoutError:
        return "HARM: it hangs"
    return "killed" if ended.killed else ended.told or f"HARM: it ended without a word: {ended}"


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
    child = started(area.write)
    time.sleep(tally.rng.uniform(0, longest[area]))
    child.kill()
    said = said_by(child)
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
    what = corpus.spoil(path, tally.rng, tally.rng.choice(["byte"] * 7 + ["cut", "zeros", "more"]))
    tally.count(f"{area.name} damaged")
    where = f"{area.name}, {path.name} {what}"
    found = said_by(started(area.look))
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
    said = said_by(started(area.write, first))
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
                children = [started(area.write) for _ in range(size)]
                said = [said_by(child) for child in children]
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
    said = said_by(started(area.write))
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
    found = said_by(started(area.look))
    if found not in {"old", "new", "missing"}:
        tally.fail(f"{area.name}, {where}: {found}")
    return found


@contextmanager
def _small_disk(place: Path) -> Iterator[Callable[[str], None]]:
    """A file system of its own at `place`, and what sets its options. Raises Skip."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place))
    try:
        yield lambda options: _mount("-o", f"remount,{options}", str(place))
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def _mount(*words: str) -> None:
    try:
        subprocess.run(["mount", *words], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Skip("there is no mount command") from error
    except subprocess.CalledProcessError as error:
        raise Skip(error.stderr.strip()) from error
