"""The language model that runs on this machine, in a process of its own (`rag.model_process`).

    load_local() -> LocalModel
    LocalModel.ask(conversations, max_tokens=...) -> a Reply to each

Everything is greedy. One call runs at a time, the others wait in the order in which they came; a
call is stopped within one token. What conversations begin with alike is read once, so whoever asks
several things of one text puts that text first. A process that hangs or dies is started anew, and
its call tried once more.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from index.errors import ModelError, ModelReplyError, ModelUnreachable
from rag.asking import DEADLINE, Message, Model, Reply, Tick, no_tick
from rag.model_files import find_model, get_model
from rag.model_room import LOAD_MEMORY, Tell, need_memory

#: Seconds within which a process must be ready, and in which it must write or read something.
START_SECONDS, STALL_SECONDS = 180.0, 30.0
#: Seconds between two looks at whether a call is to stop.
_POLL = 0.05


class _Lost(Exception):
    """The model's process hangs or died."""


class LocalModel:
    """A `Model` in a process of its own; safe to share between threads. From `load_local`."""

    name, tells_likelihood = "embedded", True

    def __init__(self, folder: Path, command: Sequence[str] | None = None) -> None:
        """`folder` is as OpenVINO exports it; `command` serves it, if not our own program.

        Takes seconds. Raises ModelError if it can't be loaded.
        """
        self.folder = folder
        self._command = command or (sys.executable, "-m", "rag.model_process", str(folder))
        self._numbers = itertools.count(1)
        self._turns = _Turns()
        self._process = _Process(self._command)

    @property
    def pid(self) -> int:
        """The number of the process, for whoever measures or kills it."""
        return self._process.pid

    def close(self) -> None:
        """End the process."""
        self._process.end()

    def ask(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        begun: str = "",
        tick: Tick = no_tick,
        seconds: float = DEADLINE,
    ) -> list[Reply]:
        """See Model.

        Raises ModelReplyError where a conversation is too long, ModelUnreachable after `seconds` or
        where the process can't be kept alive, and what `tick` raises.
        """
        if not conversations:
            return []
        call = {
            "conversations": [list(c) for c in conversations],
            "max_tokens": max_tokens,
            "stop": list(stop),
            "begun": begun,
        }
        check = _checking(tick, seconds)
        with self._turns.mine(lambda: check(())):
            try:
                return self._ask(call, check)
            except _Lost:
                self._process.end()
                self._process = _Process(self._command)
            try:
                return self._ask(call, check)
            except _Lost as error:
                raise ModelUnreachable(
                    "the language model's process fails again and again: use --model none"
                ) from error

    def _ask(self, call: dict[str, Any], check: Tick) -> list[Reply]:
        number = next(self._numbers)
        process = self._process
        process.send({"id": number, **call})
        texts: Sequence[str] = [""] * len(call["conversations"])
        try:
            while True:
                row = process.receive(_POLL)
                if row is not None and row.get("id") == number:
                    if "done" in row:
                        rows = row["done"]
                        return [
                            Reply(r["text"], tuple(r["tokens"]), tuple(r["logprobs"])) for r in rows
                        ]
                    if "error" in row:
                        raise _fault(row)
                    texts = row["texts"]
                check(texts)
        except _Lost:
            raise
        except BaseException:
            process.send({"cancel": number})
            raise


def _checking(tick: Tick, seconds: float) -> Tick:
    """`tick`, which raises ModelUnreachable from `seconds` after now on."""
    until = time.monotonic() + seconds

    def check(texts: Sequence[str]) -> None:
        tick(texts)
        if time.monotonic() > until:
            raise ModelUnreachable(
                f"the language model took more than {seconds:g} seconds: ask again, or use "
                "--model none"
            )

    return check


def _fault(row: dict[str, Any]) -> ModelError:
    if row["error"] == "too long":
        return ModelReplyError(
            f"the language model reads {row['most']:,} tokens at most, and this would be "
            f"{row['tokens']:,}: ask a shorter question"
        )
    return ModelUnreachable("the language model failed: ask again, or use --model none")


class _Turns:
    """Whose turn it is: who comes first is served first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def mine(self, check: Callable[[], None]) -> Iterator[None]:
        """Within, it is one's turn; `check` is called while one waits, and may raise."""
        ticket = threading.Event()
        with self._lock:
            self._waiting.append(ticket)
            self._call_first()
        try:
            while not ticket.wait(_POLL):
                check()
            yield
        finally:
            with self._lock:
                self._waiting.remove(ticket)
                self._call_first()

    def _call_first(self) -> None:
        if self._waiting:
            self._waiting[0].set()


class _Process:
    """A running `rag.model_process`: lines of JSON go in, lines of JSON come out."""

    def __init__(self, command: Sequence[str]) -> None:
        """Starts it and waits until it is ready. Raises ModelError."""
        need_memory(LOAD_MEMORY, "load")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parent.parent,
            # Ctrl-C is for us: the process ends when its input does.
            start_new_session=True,
        )
        self._rows: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._heard = time.monotonic()
        self._sent: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()
        self._await_ready()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, row: dict[str, Any]) -> None:
        self._heard = time.monotonic()
        self._sent.put(json.dumps(row).encode() + b"\n")

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next row, or None if none came in time. Raises _Lost."""
        try:
            row = self._rows.get(timeout=seconds)
        except queue.Empty:
            if time.monotonic() - self._heard > STALL_SECONDS:
                raise _Lost from None
            return None
        if row is None:
            self._rows.put(None)  # it stays dead
            raise _Lost
        self._heard = time.monotonic()
        return row

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._sent.put(b"")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(ValueError):
                self._rows.put(json.loads(line))
        self._rows.put(None)

    def _write(self) -> None:
        # In a thread: a process that hangs doesn't read, and whoever writes to it would hang, too.
        assert self._process.stdin is not None
        with suppress(OSError):  # a dead process is noticed by its silence
            while line := self._sent.get():
                self._process.stdin.write(line)
                self._process.stdin.flush()

    def _await_ready(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                row = self._rows.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if row is None:
                break
            if row.get("ready"):
                return
        self.end()
        raise ModelError(
            "the language model can't be loaded: run `wirecheck models`, which checks its files, "
            "or use --model none"
        )


# --- the one that is loaded --------------------------------------------------------------------

_loading = threading.Lock()
_loaded: dict[Path, LocalModel] = {}
_borrowing: list[Callable[[], Model]] = []


def borrow(load: Callable[[], Model]) -> None:
    """From now on, ask the model that `load` gives in place of one of our own."""
    _borrowing[:] = [load]


def load_local(tell: Tell | None = None) -> Model:
    """The local model, ready; with `tell`, it is fetched first if it isn't here.

    Raises ModelError, in one line with the mend.
    """
    return _borrowing[0]() if _borrowing else load_own(tell)


def load_own(tell: Tell | None = None) -> LocalModel:
    """As `load_local`, in this process whatever others lend."""
    with _loading:
        folder = find_model() if tell is None else get_model(tell)
        if folder is None:
            raise ModelError("the language model isn't here: run `wirecheck models get`")
        if folder not in _loaded:
            _loaded[folder] = LocalModel(folder)
        return _loaded[folder]


def _after_fork() -> None:
    # A child that is forked off has no part in its parent's pipes.
    _loaded.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
