"""The one right to write an index in Milvus: a row that says who has it, and until when.

Milvus has no lock and no transaction. Who wants to write reads the row, writes its own name, waits
and reads again: of two that do so at once, the later name stands. A thread renews it. It ends by
itself, LEASE_SECONDS after its holder's last sign; at once if the holder was a process of this
machine that is gone.

What that can't guarantee: a holder that was stopped for longer than LEASE_SECONDS may write one
more batch after another took over. Its generation is in the other's `never` by then, and its rows
are not seen. The clocks of the machines that write must agree to within some seconds.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from .errors import IndexBusy, WirecheckError
from .milvus import STRONG, Engine
from .milvus_rows import LEASE, Doc, doc_key, docs_in

LEASE_SECONDS, _RENEWED_AFTER = 60.0, 15.0
# Longer than a write takes to be read by another.
_RACE_SECONDS = 0.3


class Lease:
    """Held while the block runs. `number` is that of the generation that may be written."""

    def __init__(self, engine: Engine, served: int) -> None:
        """`served` is the generation that serves, 0 for none."""
        self._engine = engine
        self._token = uuid.uuid4().hex
        self._lost = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self.number = served + 1
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._holder = f"process {os.getpid()} on {socket.gethostname()} since {now}"

    def __enter__(self) -> Lease:
        """Raises IndexBusy if somebody else holds it."""
        found = _found(self._engine)
        if _is_held(found):
            raise IndexBusy(f"{self._engine.address}: being written by {found['holder']}")
        self.number = max(self.number, int(found.get("number", 0)) + 1)
        self._write(time.time() + LEASE_SECONDS)
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
        if not self._lost and kind is None:
            self._write(0.0)
        elif not self._lost:
            self._let_go()

    def check(self) -> None:
        """Raises IndexBusy if another has taken over, or this could not be renewed."""
        if self._lost:
            raise IndexBusy(f"{self._engine.address}: {self._lost}; the generation before serves")

    def _let_go(self) -> None:
        try:
            self._write(0.0)
        except WirecheckError:
            pass  # what made the block fail is what is told; the lease ends by itself

    def _look(self) -> None:
        found = _found(self._engine)
        if found.get("token") != self._token:
            self._lost = f"{found.get('holder', 'another process')} writes it now"

    def _write(self, until: float) -> None:
        told = {"holder": self._holder, "token": self._token, "until": until}
        told |= {"number": self.number, "pid": os.getpid(), "host": socket.gethostname()}
        self._engine.upsert(self._engine.meta, Doc(LEASE, 0, 0, json.dumps(told)).rows())

    def _renew(self) -> None:
        while not self._ended.wait(_RENEWED_AFTER):
            try:
                self._look()
                if not self._lost:
                    self._write(time.time() + LEASE_SECONDS)
            except WirecheckError as error:
                self._lost = str(error)
            if self._lost:
                return


def is_being_written(engine: Engine) -> bool:
    """Whether somebody holds the lease."""
    return _is_held(_found(engine))


def _found(engine: Engine) -> dict[str, Any]:
    docs = docs_in(engine.get(engine.meta, [doc_key(LEASE, 0, 0)], STRONG))
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
