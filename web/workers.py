"""Processes that answer the page's questions, so that one that dies takes no page with it.

    with Workers(2, index, "What happened?") as workers:
        QuestionQueue(workers.answer, index, at_once=2)

The page's own process keeps queue, uploads, answers for follow-ups and the language model; the
workers (`web.worker`) search, read, compare and check. What was asked of one that dies is asked of
another, once. Each worker that ends is started anew, and one that hangs is ended.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

from index.errors import QuestionError
from rag.calls import Gone, Silent, call
from rag.deadline import question_seconds, too_late
from web.worker import READY, Errand

if TYPE_CHECKING:
    from rag.schema import Answer, Claim, Rejection

ROOT = Path(__file__).parent.parent
COMMAND = (sys.executable, "-m", "web.worker")
#: Seconds for which a question waits for a worker that can be asked.
PATIENCE = 120.0
#: Seconds before a worker that ended is started anew, and if it was never ready.
PAUSE, LONG_PAUSE = 0.2, 10.0
#: Workers that one question is given to, if they die.
TRIES = 2
#: Bytes of a folder for temporary files in which sockets of workers have room.
LONGEST = 60
#: Seconds beyond those of a question after which a worker that tells nothing is taken to hang.
SILENT = 5.0


def _private_folder() -> Path:
    """A folder for sockets, whose addresses may have 107 bytes: a deep TMPDIR is passed over."""
    deep = len(os.fsencode(tempfile.gettempdir())) > LONGEST
    return Path(tempfile.mkdtemp(prefix="wirecheck-workers-", dir="/tmp" if deep else None))


class Workers:
    """A number of workers, kept alive until `close`; safe to share between threads."""

    def __init__(
        self, number: int, index: Any, question: str, command: Sequence[str] | None = None
    ) -> None:
        """Each answers `question` from `index` before it counts as ready."""
        self.key = secrets.token_bytes(32)
        #: Private to this user: only its own processes may ask.
        self.folder = _private_folder()
        #: Where the language model is to be lent.
        self.model_socket = self.folder / "model"
        self.seconds = question_seconds()
        self._first, self._command = (str(index.folder), question), command or COMMAND
        self._changed, self._closed = Condition(), False
        #: Questions at each worker that can be asked, by its socket.
        self._busy: dict[Path, int] = {}
        self._processes: dict[Path, subprocess.Popen[bytes]] = {}
        for n in range(1, number + 1):
            name = f"worker-{n}"
            Thread(target=self._keep, args=(name,), daemon=True, name=name).start()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that can be asked, for whoever measures or kills them."""
        with self._changed:
            return [self._processes[path].pid for path in self._busy]

    def close(self) -> None:
        """End all workers."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            processes = [*self._processes.values()]
        for process in processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def answer(
        self,
        question: str,
        index: Any,
        model: str,
        *,
        progress: Callable[[str], None],
        on_judged: Callable[[Claim | Rejection], None],
        **options: Any,
    ) -> Answer:
        """As `rag.answer`, in a worker. Raises QuestionError, too, if the workers die of it."""
        request = {"question": question, "folder": str(index.folder), "model": model, **options}
        judged: list[Claim | Rejection] = []

        def told(row: tuple[str, Any]) -> None:
            kind, what = row
            if kind == "progress":
                progress(what)
            elif what not in judged:  # Asked anew, the same is found.
                judged.append(what)
                on_judged(what)

        for _ in range(TRIES):
            with self._one(progress) as path:
                try:
                    silence = self.seconds + SILENT
                    answer: Answer = call(path, self.key, request, told, silence)
                    return answer
                except Silent:
                    self._end(path)
                    raise too_late(self.seconds) from None
                except Gone:
                    self._end(path)
            progress("asking anew: the process that was at it ended")
        raise QuestionError("the process that was at this question ended, twice: ask again")

    @contextmanager
    def _one(self, progress: Callable[[str], None]) -> Iterator[Path]:
        """The worker with the least to do, once there is one."""
        until = time.monotonic() + PATIENCE
        with self._changed:
            while not self._changed.wait_for(lambda: self._busy, 1.0):
                progress("waiting for a process that answers")
                if self._closed or time.monotonic() > until:
                    raise QuestionError("no process is there that answers: see the server's log")
            path = min(self._busy, key=lambda path: self._busy[path])
            self._busy[path] += 1
        try:
            yield path
        finally:
            with self._changed:
                if path in self._busy:
                    self._busy[path] -= 1

    def _end(self, path: Path) -> None:
        """Ask this one no more; if it lives, it can't be asked, and ends."""
        with self._changed:
            self._busy.pop(path, None)
            if path in self._processes:
                self._processes[path].kill()

    def _keep(self, name: str) -> None:
        """Start this worker, again and again; each time it has another socket."""
        for turn in itertools.count(1):
            path = self.folder / f"{name}-{turn}"
            process = self._start(path)
            assert process.stdout is not None
            ready = READY in process.stdout.readline().decode()
            with self._changed:
                if ready:
                    self._busy[path] = 0
                    self._changed.notify_all()
            code = process.wait()
            with self._changed:
                self._busy.pop(path, None)
                del self._processes[path]
                if self._closed:
                    return
                sys.stderr.write(f"wirecheck: {name} ended ({code}) and is started anew\n")
                self._changed.wait_for(lambda: self._closed, PAUSE if ready else LONG_PAUSE)
            path.unlink(missing_ok=True)

    def _start(self, path: Path) -> subprocess.Popen[bytes]:
        errand = Errand(str(path), str(self.model_socket), self.key.hex(), *self._first)
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            # Ctrl-C is for the page: a worker ends when its input does.
            start_new_session=True,
        )
        with self._changed:
            self._processes[path] = process
            closed = self._closed
        if closed:
            process.kill()
        assert process.stdin is not None
        try:
            process.stdin.write(errand.line())
            process.stdin.flush()
        except OSError:
            pass  # Dead already, which is noticed by its silence.
        return process
