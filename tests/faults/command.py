"""`wirecheck index ARTICLES --index DIR` in a child that may be killed, starved and traced.

The child is forked from a process that has imported everything and has one thread, so it takes
milliseconds to start, and what strace sees of it is its own work and no import. It waits for `go`.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import index.build
import wirecheck
from tests.faults.corpus import ENCODER
from tests.faults.tally import Skip

# By what a process changes a disk, or comes to be able to. A name that this processor doesn't
# have is passed over ("?").
OPEN = ("open", "openat", "openat2", "creat")
WRITE = ("write", "pwrite64", "writev", "pwritev", "pwritev2")
SYNC = ("fsync", "fdatasync")
RENAME = ("rename", "renameat", "renameat2")
MKDIR = ("mkdir", "mkdirat")
REMOVE = ("unlink", "unlinkat", "rmdir")
CUT = ("ftruncate", "truncate", "fallocate")
CALLS = (*OPEN, *WRITE, *SYNC, *RENAME, *MKDIR, *REMOVE, *CUT, "close")

_BESIDE = re.compile(r"\w+ \d+/\d+ articles|note: |skipped ")
DONE = re.compile(r"^\d+ articles in .*\n", re.MULTILINE)

_NOT_IN_THE_COMMAND = 71
_PR_SET_PDEATHSIG = 1
_PR_SET_PTRACER = 0x59616D61
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Ended:
    """How a command ended: `code`, negative if a signal killed it, and `error`, by its type."""

    code: int
    out: str
    err: str
    error: str
    seconds: float
    trace: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def done(self) -> bool:
        """It told its user that the index is made."""
        return bool(DONE.search(self.out))

    @property
    def said(self) -> list[str]:
        """Lines on stderr beside progress, notes and skipped files."""
        return [x for x in self.err.splitlines() if x and not _BESIDE.match(x)]

    @property
    def told_in_one_line(self) -> bool:
        """It refused as a command should: code 2, and one line that is its own on stderr."""
        in_one = len(self.said) == 1 and self.said[0].startswith("wirecheck: ")
        return self.code == 2 and in_one and not self.done

    @property
    def before_it_began(self) -> bool:
        """A signal came while the child was not yet, or no more, in the command."""
        return self.code == _NOT_IN_THE_COMMAND

    def __str__(self):
        said = (self.out + self.err).strip().replace("\n", " | ")
        return f"code {self.code} {self.error}: {said[-600:]}"


class Command:
    """One run of the command; `pid` may be signalled, `ended` must be called."""

    def __init__(
        self,
        articles: Path,
        root: Path,
        *,
        encoder=ENCODER,
        first: Callable[[], object] = lambda: None,
    ):
        """Fork. `first` is called in the child before the command; it holds limits and the like."""
        self._strace = None
        self._log = None
        self._error = mmap.mmap(-1, 80)
        gate, self._gate = os.pipe()
        self._out, out = os.pipe()
        self._err, err = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            # The campaign has one of its own, to tell what it counted.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.close(self._gate)
            self._be_the_child(gate, out, err, ["index", str(articles), "--index", str(root)],
                               encoder, first)  # fmt: skip
        for descriptor in (gate, out, err):
            os.close(descriptor)

    def traced(self, log: Path, *options: str) -> Command:
        """Let strace follow the child, with `options`, writing to `log`. Raises Skip."""
        if not shutil.which("strace"):
            raise Skip("strace is not installed")
        words = ["strace", "-f", *options, "-o", str(log), "-p", str(self.pid)]
        self._log = log
        self._strace = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        first = self._strace.stderr.readline()
        if "attached" not in first:
            os.kill(self.pid, signal.SIGKILL)
            self.go().ended()
            raise Skip(f"strace can't trace here: {first.strip()}")
        return self

    def go(self) -> Command:
        """Let the child run."""
        self._began = time.monotonic()
        try:
            os.write(self._gate, b"g")
        except BrokenPipeError:
            pass  # killed before it began
        return self

    def deafen(self) -> Command:
        """Close the pipe that the child prints to, as `| head` does."""
        os.close(self._out)
        self._out = None
        return self

    def ended(self, within: float = 120) -> Ended:
        """Wait for the end. A child that takes longer than `within` seconds is killed: TimeoutError."""
        handle = os.pidfd_open(self.pid)
        on_time = bool(select.select([handle], [], [], within)[0])
        os.close(handle)
        seconds = time.monotonic() - self._began
        if not on_time:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        out, err = _all(self._out), _all(self._err)
        os.close(self._gate)
        trace = self._end_of_trace()
        if not on_time:
            raise TimeoutError(f"the command still ran after {within} s: {err}")
        error = self._error[:].rstrip(b"\0").decode()
        return Ended(os.waitstatus_to_exitcode(status), out, err, error, seconds, trace)

    def _end_of_trace(self) -> str:
        if self._strace is None:
            return ""
        self._strace.communicate()
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _be_the_child(self, gate, out, err, words, encoder, first):
        code = 70
        try:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            _libc.prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1))
            os.dup2(out, 1)
            os.dup2(err, 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            index.build.build_index = self._telling(index.build.build_index, encoder)
            os.read(gate, 1)
            first()
            code = wirecheck.main(words)
            sys.stdout.flush()
        except KeyboardInterrupt:
            code = _NOT_IN_THE_COMMAND
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def _telling(self, build, encoder):
        """`build_index` with `encoder`, leaving its error's name where the parent can see it."""

        def telling(*args, **settings):
            try:
                return build(*args, **settings, encoder=encoder)
            except BaseException as error:
                name = type(error).__name__.encode()
                self._error[: len(name)] = name
                raise

        return telling


def run(articles: Path, root: Path, **settings) -> Ended:
    """Run the command to its end, untraced."""
    return Command(articles, root, **settings).go().ended()


def injected(
    articles: Path, root: Path, log: Path, rule: str, names: Sequence[str], path: str = ""
) -> Ended:
    """Run the command with strace's injection `rule` (as "error=EIO:when=3") for calls `names`.

    What `rule` counts is counted in each thread of its own. With `path`, only calls that name it
    are counted, hit and logged.
    """
    calls = quiet(names)
    options = ["-y", "-e", f"trace={quiet(CALLS)}", "-e", f"inject={calls}:{rule}"]
    options += ["-P", path] if path else []
    return Command(articles, root).traced(log, *options).go().ended()


def quiet(names: Sequence[str]) -> str:
    """Names of system calls for strace, which would stop at one that this processor lacks."""
    return ",".join(f"?{name}" for name in names)


@dataclass(frozen=True)
class Point:
    """A system call in a log of strace: its name, which one of that name in its thread, its line.

    `path` is the last that it names, if it names one; `main` says if the first thread called it.
    """

    name: str
    nth: int
    line: str
    path: str
    main: bool


def points_in(trace: str) -> list[Point]:
    """The system calls in a log that strace wrote with -f -y, in order."""
    counts: Counter[tuple[str, str]] = Counter()
    points: list[Point] = []
    first = trace.partition(" ")[0]
    for line in trace.splitlines():
        if match := re.match(r"(\d+) +(\w+)\(", line):
            thread, name = match.groups()
            counts[thread, name] += 1
            paths = re.findall(r'[<"](/[^">]*)[">]', line)
            path = paths[-1] if paths else ""
            points.append(Point(name, counts[thread, name], line, path, thread == first))
    return points


def _all(descriptor: int | None) -> str:
    if descriptor is None:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        return file.read().decode("utf-8", "replace")
