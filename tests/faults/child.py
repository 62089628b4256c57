"""Work in a process of its own that may be killed, starved and traced; `wirecheck index` as such.

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import index.build
import wirecheck
from tests.faults.corpus import ENCODER
from tests.faults.tally import Skip

DONE = re.compile(r"^\d+ articles in .*\n", re.MULTILINE)
_BESIDE = re.compile(r"\w+ \d+/\d+ articles|note: |skipped ")
_NOT_AT_WORK = 71
_PR_SET_PDEATHSIG = 1
_PR_SET_PTRACER = 0x59616D61
_libc = ctypes.CDLL(None, use_errno=True)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """How a child ended: `code`, negative if a signal killed it, and what it `told` us last."""

    code: int
    out: str
    err: str
    told: str
    seconds: float
    trace: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    @property
    def done(self) -> bool:
        """The command told its user that the index is made."""
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
        """A signal came while the child was not yet, or no more, at work."""
        return self.code == _NOT_AT_WORK

    def __str__(self):
        said = (self.out + self.err).strip().replace("\n", " | ")
        return f"code {self.code} {self.told}: {said[-600:]}"


class Child:
    """One piece of work; `pid` may be signalled, `ended` must be called."""

    def __init__(self, work: Callable[[Tell], int | None]):
        """Fork. `work` may tell us something, and returns its exit code."""
        self._strace = self._log = None
        self._told = mmap.mmap(-1, 4096)
        gate, self._gate = os.pipe()
        self._out, out = os.pipe()
        self._err, err = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._gate)
            self._be_the_child(gate, out, err, work)
        for descriptor in (gate, out, err):
            os.close(descriptor)

    def traced(self, log: Path, *options: str) -> Child:
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

    def go(self) -> Child:
        """Let the child run."""
        self._began = time.monotonic()
        try:
            os.write(self._gate, b"g")
        except BrokenPipeError:
            pass  # killed before it began
        return self

    def deafen(self) -> Child:
        """Close the pipe that the child prints to, as `| head` does."""
        os.close(self._out)
        self._out = None
        return self

    def kill(self) -> None:
        """Kill it with all that it started."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(self.pid, signal.SIGKILL)

    def ended(self, within: float = 120) -> Ended:
        """Wait for the end. One that takes longer than `within` seconds is killed: TimeoutError."""
        handle = os.pidfd_open(self.pid)
        on_time = bool(select.select([handle], [], [], within)[0])
        os.close(handle)
        seconds = time.monotonic() - self._began
        if not on_time:
            self.kill()
        _, status = os.waitpid(self.pid, 0)
        out, err = _all(self._out), _all(self._err)
        os.close(self._gate)
        if self._strace is not None:
            self._strace.communicate()
        trace = self._log.read_text(encoding="utf-8", errors="replace") if self._log else ""
        if not on_time:
            raise TimeoutError(f"the child still ran after {within} s: {err}")
        told = self._told[:].rstrip(b"\0").decode("utf-8", "replace")
        return Ended(os.waitstatus_to_exitcode(status), out, err, told, seconds, trace)

    def _be_the_child(self, gate: int, out: int, err: int, work: Callable) -> None:
        code = 70
        try:
            os.setpgid(0, 0)
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            _libc.prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1))
            os.dup2(out, 1)
            os.dup2(err, 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            # The campaign has a handler of its own, to tell what it counted.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.read(gate, 1)
            code = work(self._tell) or 0
            sys.stdout.flush()
        except KeyboardInterrupt:
            code = _NOT_AT_WORK
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def _tell(self, text: str) -> None:
        data = text.encode("utf-8", "replace")[: len(self._told)]
        self._told[: len(data)] = data


def _all(descriptor: int | None) -> str:
    if descriptor is None:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        return file.read().decode("utf-8", "replace")


def command(articles: Path, root: Path, encoder=ENCODER) -> Child:
    """`wirecheck index ARTICLES --index ROOT`; it tells the type of the error that ends it."""

    def work(tell: Tell) -> int:
        build = index.build.build_index

        def telling(*args, **settings):
            try:
                return build(*args, **settings, encoder=encoder)
            except BaseException as error:
                tell(type(error).__name__)
                raise

        index.build.build_index = telling
        return wirecheck.main(["index", str(articles), "--index", str(root)])

    return Child(work)


def quiet(names: Sequence[str]) -> str:
    """Names of system calls for strace, which would stop at one that this processor lacks."""
    return ",".join(f"?{name}" for name in names)
