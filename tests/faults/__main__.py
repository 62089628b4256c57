"""`python -m tests.faults [--full] [--seed N] [CAMPAIGN ...]`: 0 if all that ran passed, else 1."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from tests.faults.tally import Skip, Tally

CAMPAIGNS = {
    "kill-calls": "calls.killed",
    "damage": "damage.every_file",
    "disk-calls": "calls.failed",
    "readers": "readers.during_publications",
    "power": "power.every_crash_state",
    "writers": "writers.together",
    "signals": "writers.stopped",
    "mixed": "mixed.reading",
    "kept-kills": "kept.killed",
    "kept-damage": "kept.damaged",
    "kept-starved": "kept.starved",
    "kept-raced": "kept.raced",
}


_MEMORY = Path("/dev/shm")
_NEEDED_BYTES = 50_000_000


def main() -> int:
    """Run the campaigns and print what each counted."""
    options = _options()
    if sys.platform != "linux":
        print("the fault campaigns need Linux")
        return 1
    _make_forkable()
    tallies = []
    for name in options.campaign or CAMPAIGNS:
        tally = _run(name, options)
        print(tally.report(), flush=True)
        tallies.append(tally.told())
    if options.json:
        options.json.write_text(json.dumps(tallies), encoding="utf-8")
    return int(any(tally["failures"] for tally in tallies))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("campaign", nargs="*", help=f"all if not given: {', '.join(CAMPAIGNS)}")
    parser.add_argument("--full", action="store_true", help="all of it, not a slice")
    parser.add_argument("--seed", type=int, default=1, help="what the faults are drawn by")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="of each of the kept-... ones, at most"
    )
    parser.add_argument("--json", type=Path, help="write what was counted to this file, too")
    options = parser.parse_args()
    unknown = set(options.campaign) - set(CAMPAIGNS)
    if unknown:
        parser.error(f"no campaign {', '.join(sorted(unknown))}")
    return options


def _make_forkable() -> None:
    """See to it that this process keeps to one thread, as a fork copies no other, and to its locks."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    from tqdm import tqdm

    tqdm.monitor_interval = 0
    tqdm.set_lock(threading.RLock())  # its own is shared: a child killed with it held would hold us
    # A background job is started deaf to Ctrl-C, and its children would be so, too.
    # Whoever is stopped still tells what it counted.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def _has_one_thread(within: float = 1) -> bool:
    """A thread that was joined may take a moment to be gone."""
    end = time.monotonic() + within
    while len(os.listdir("/proc/self/task")) > 1:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _run(name: str, options: argparse.Namespace) -> Tally:
    module, function = CAMPAIGNS[name].split(".")
    began, worked = time.monotonic(), sum(os.times()[:4])
    with tempfile.TemporaryDirectory(prefix=f"faults-{name}-", dir=_place()) as folder:
        # None of the user's files; `corpus.forget` empties it.
        os.environ["WIRECHECK_CACHE"] = os.environ["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
        tally = Tally(name, options.seed, options.full, Path(folder))
        tally.until = began + 60 * options.minutes
        campaign: Callable[[Tally], None] = getattr(
            import_module(f"tests.faults.{module}"), function
        )
        import_module("tests.faults.corpus").warm_up(tally.folder / "warm")
        try:
            campaign(tally)
        except Skip as reason:
            tally.skipped = str(reason)
        except KeyboardInterrupt:
            tally.fail("stopped before its end")
        except Exception:
            tally.fail(traceback.format_exc())
    if not _has_one_thread():
        tally.fail("this process has got threads, so what it forks may hang")
    worked = sum(os.times()[:4]) - worked
    tally.notes.append(f"{time.monotonic() - began:.0f} s, {worked:.0f} of them a processor's")
    return tally


def _place() -> Path | None:
    """Memory, where thousands of folders are made and removed in no time, if there is enough."""
    if not os.access(_MEMORY, os.W_OK):
        return None
    status = os.statvfs(_MEMORY)
    return _MEMORY if status.f_bavail * status.f_frsize > _NEEDED_BYTES else None


if __name__ == "__main__":
    sys.exit(main())
