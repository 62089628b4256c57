"""The one right to write an index in Milvus: a row that says who has it, and until when.

Milvus has no lock and no transaction. Who wants to write reads the row, writes its own name soon
after, waits longer than that and reads again: of those that do so at once, the last name stands. A
thread renews it, and it is read once more right before a generation is activated. It ends by
itself, LEASE_SECONDS after its holder's last sign; at once if the holder was a process of this
machine that is gone.

What that can't guarantee: a holder that was stopped for longer than LEASE_SECONDS may write one
more batch after another took over. Its generation is in the other's `never` by then, and its rows
are not seen; only where it sends the row that activates in that very moment, both may serve one
after the other. The clocks of the machines that write must agree to within some seconds.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from ..errors import IndexBusy, WirecheckError
from .engine import STRONG, Engine
from .rows import ALIVE, LEASE, Doc, doc_key

LEASE_SECONDS, _RENEWED_AFTER = 60.0, 15.0
# Who wrote its name later than this after it read begins anew; who wrote it in time waits longer
# than this before it believes that it stands.
_QUICK_SECONDS, _RACE_SECONDS, _ATTEMPTS = 2.0, 3.0, 5


class Lease:
    """Held while the block runs. `number` is that of the generation that may be written."""

    def __init__(self, engine: Engine, dim: int, served: int) -> None:
        """`served` is the generation that serves, 0 for none; `dim` the length of its vectors."""
        self._engine, self._dim = engine, dim
        self._token = uuid.uuid4().hex
        self._lost, self._until = "", 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self.number = served + 1
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._holder = f"process {os.getpid()} on {socket.gethostname()} since {now}"

    def __enter__(self) -> Lease:
        """Raises IndexBusy if somebody else holds it."""
        self.number = _unused(self._engine, self._dim, self.number)
        self._take()
        if not self._engine.address.file:
            time.sleep(_RACE_SECONDS)
        self._look()
        self.check()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        with suppress(WirecheckError):  # the lease ends by itself
            self._look()
            if not self._lost:
                self._write(0.0)

    def _take(self) -> None:
        """Write the own name soon after reading that there is no other."""
        for _ in range(_ATTEMPTS):
            began = time.monotonic()
            found = _found(self._engine)
            mine = found.get("token") == self._token
            if _is_held(found) and not mine:
                raise IndexBusy(f"{self._engine.address}: being written by {found['holder']}")
            self.number = max(self.number, int(found.get("number", 0)) + (not mine))
            self._write(time.time() + LEASE_SECONDS)
            if self._engine.address.file or time.monotonic() - began < _QUICK_SECONDS:
                return
        raise IndexBusy(f"{self._engine.address}: too slow to tell who may write; try again")

    def confirm(self) -> None:
        """Raises IndexBusy unless the row says, now, that this holds it."""
        self._look()
        self.check()

    def check(self) -> None:
        """Raises IndexBusy if another has taken over, or this could not be renewed."""
        if self._lost:
            raise IndexBusy(
                f"{self._engine.address}: {self._lost}; the generation before still serves"
            )

    def _look(self) -> None:
        found = _found(self._engine)
        if found.get("token") != self._token:
            self._lost = f"{found.get('holder', 'another process')} writes it now"

    def _write(self, until: float) -> None:
        told = {"holder": self._holder, "token": self._token, "until": until}
        told |= {"number": self.number, "pid": os.getpid(), "host": socket.gethostname()}
        self._engine.upsert(self._engine.meta, Doc(LEASE, 0, 0, json.dumps(told)).rows())
        self._until = until

    def _renew(self) -> None:
        while not self._ended.wait(_RENEWED_AFTER):
            try:
                self._look()
                if not self._lost:
                    self._write(time.time() + LEASE_SECONDS)
            except WirecheckError:
                # A busy engine may answer the next time; until the end nobody else may write.
                if time.time() > self._until - _RENEWED_AFTER:
                    self._lost = "the right to write could not be renewed"
            if self._lost:
                return


def is_being_written(engine: Engine) -> bool:
    """Whether somebody holds the lease."""
    return _is_held(_found(engine))


def _found(engine: Engine) -> dict[str, Any]:
    docs = engine.row_of(engine.meta, doc_key(LEASE, 0, 0))
    found: dict[str, Any] = json.loads(docs[0].data) if docs else {}
    return found


def _is_held(found: dict[str, Any]) -> bool:
    if float(found.get("until", 0)) <= time.time():
        return False
    if found["host"] != socket.gethostname():
        return True
    try:
        os.kill(int(found["pid"]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is there, and another user's
    return True


def _unused(engine: Engine, dim: int, born: int) -> int:
    """The first number from `born` on of which there is no row: a build may have been stopped."""
    names = [engine.passages(dim), engine.articles, engine.meta]
    while True:
        used = f"born >= {born} or (died >= {born} and died < {ALIVE})"
        rows = [row for name in names for row in engine.query(name, used, (), STRONG, 1)]
        if not rows:
            return born
        deaths = [row["died"] for row in rows if row["died"] < ALIVE]
        born = 1 + max([born, *(row["born"] for row in rows), *deaths])
