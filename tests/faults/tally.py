"""What a campaign counts, what went wrong in it, and proof that its faults landed."""

from __future__ import annotations

import math
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

_SHOWN = 20


class Skip(Exception):
    """A part of a campaign can't run on this machine; the text says why."""


@dataclass
class Tally:
    """Counts and failures of one campaign.

    `full` asks for all of it, else a slice will do; `rng` is drawn from `seed` alone; `folder` is
    an empty one to work in. At the moment `until` a campaign that can end early does.
    """

    name: str
    seed: int
    full: bool
    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    skipped: str = ""
    until: float = math.inf
    rng: random.Random = field(init=False)

    def __post_init__(self):
        self.rng = random.Random(f"{self.name} {self.seed}")

    def count(self, *what: str):
        """One more of each."""
        self.counts.update(what)

    def fail(self, message: str):
        """Something that must never be: the campaign goes on, and has failed."""
        self.count("FAILED")
        self.failures.append(message)

    def need(self, what: str, at_least: int = 1):
        """Proof that the fault landed: fewer than `at_least` of `what` fail the campaign."""
        had = self.counts[what]
        if had < at_least:
            self.fail(f"{what}: {had}, not {at_least} or more: the fault did not land")

    @property
    def is_over(self) -> bool:
        """Whether its time is up."""
        return time.monotonic() > self.until

    def some(self, everything: Iterable, in_slice: int, by: Callable = lambda one: "") -> list:
        """Everything in full; else at most `in_slice` of each kind `by`, drawn by the seed."""
        if self.full:
            return list(everything)
        kinds: dict[object, list] = {}
        for one in everything:
            kinds.setdefault(by(one), []).append(one)
        return [
            one
            for kind in kinds.values()
            for one in self.rng.sample(kind, min(in_slice, len(kind)))
        ]

    def told(self) -> dict[str, object]:
        """What it counted and what failed, JSON-ready."""
        # Not by `asdict`, which before Python 3.12 counts a Counter's items instead of copying it.
        return {
            "name": self.name,
            "seed": self.seed,
            "full": self.full,
            "counts": dict(self.counts),
            "notes": self.notes,
            "failures": self.failures,
            "skipped": self.skipped,
        }

    def report(self) -> str:
        """Lines for a reader: the counts, and the first failures."""
        head = f"{self.name}, seed {self.seed}, {'full' if self.full else 'slice'}: "
        if self.skipped and not self.failures:
            return f"{head}SKIPPED: {self.skipped}"
        counted = ", ".join(f"{n} {what}" for what, n in sorted(self.counts.items()))
        lines = [head + ("FAILED" if self.failures else "passed"), f"  {counted}"]
        lines += [f"  {note}" for note in self.notes]
        lines += [f"  ! {failure}" for failure in self.failures[:_SHOWN]]
        if len(self.failures) > _SHOWN:
            lines.append(f"  ! and {len(self.failures) - _SHOWN} more")
        return "\n".join(lines)


def run_alone(tally: Tally, campaign: Callable[[Tally], object]) -> int:
    """Run it and print what it counted, when it is stopped as well; 0 if nothing failed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        campaign(tally)
    except KeyboardInterrupt:
        tally.notes.append("stopped")
    print(tally.report())
    return int(bool(tally.failures))
