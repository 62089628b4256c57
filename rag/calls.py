"""A function of one process that other processes of this user may call, over a Unix socket.

    Served(path, key, function)                 function(request, tell) -> result
    call(path, key, request, told) -> result    `told` hears what the function tells on the way

The socket lies in a folder that is private to this user, and both sides prove that they know `key`
(`multiprocessing.connection`). Each call is a connection and a thread: whoever closes it, or dies,
ends the call at the next thing that the function tells.
"""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from pathlib import Path
from threading import Lock, Thread, Timer
from time import sleep
from typing import Any

from index.errors import WirecheckError

#: Told whatever a function says before it is done; what it raises ends the call.
Tell = Callable[[Any], None]
#: Callers that may wait to be let in.
_BACKLOG = 64
#: Seconds within which both sides have proved that they know the key.
SHAKE_SECONDS = 10.0


class Gone(Exception):
    """The process that was called isn't there, or ended before it was done."""


class Silent(Gone):
    """It is there, but says nothing any more."""


class _Unheard(Exception):
    """Raised inside a function whose caller is gone, so that it ends."""


class Served:
    """The function, served until `close` or the end of the process."""

    def __init__(self, path: Path, key: bytes, function: Callable[[Any, Tell], Any]) -> None:
        """`path` is that of the socket; one that a dead process left there is taken away."""
        path.unlink(missing_ok=True)
        self._path, self._key, self._function, self._closed = path, key, function, False
        self._listener = Listener(str(path), "AF_UNIX", backlog=_BACKLOG)
        Thread(target=self._accept, daemon=True, name="calls").start()

    def close(self) -> None:
        """Take no more calls."""
        self._closed = True
        with suppress(OSError), socket.socket(socket.AF_UNIX) as waking:
            waking.connect(str(self._path))
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection = self._listener.accept()
            except OSError:
                sleep(0.01)  # It left at the door, or there are too many open files.
                continue
            Thread(target=self._serve, args=(connection,), daemon=True, name="call").start()

    def _serve(self, connection: Connection) -> None:
        lock = Lock()

        def tell(what: Any) -> None:
            try:
                with lock:
                    connection.send(("told", what))
            except OSError as error:
                raise _Unheard from error

        # Its caller may be gone at any moment.
        with connection, suppress(AuthenticationError, OSError, EOFError):
            with _soon(connection):
                deliver_challenge(connection, self._key)
                answer_challenge(connection, self._key)
            request = connection.recv()
            try:
                row = "done", self._function(request, tell)
            except _Unheard:
                return
            except WirecheckError as error:
                row = "failed", error
            except BaseException as error:  # As in `web.contained`: panics, too.
                told = "".join(traceback.format_exception(error))
                row = "failed", RuntimeError(f"in another process: {told}")
            connection.send(row)


def call(path: Path, key: bytes, request: Any, told: Tell, silence: float | None = None) -> Any:
    """What the function served at `path` gives for `request`.

    Raises Gone, Silent if it tells nothing for more than `silence` seconds, what the function
    raises if that is ours, RuntimeError for anything else that it raises, and what `told` raises.
    """
    try:
        connection = Client(str(path), "AF_UNIX")
    except OSError as error:
        raise Gone from error
    with connection:
        try:
            with _soon(connection):
                _heard(connection, silence)
                answer_challenge(connection, key)
                deliver_challenge(connection, key)
            connection.send(request)
        except (AuthenticationError, EOFError, OSError) as error:
            raise Gone from error
        while True:
            try:
                _heard(connection, silence)
                kind, what = connection.recv()
            except (EOFError, OSError) as error:
                raise Gone from error
            if kind == "done":
                return what
            if kind == "failed":
                raise what
            told(what)


def _heard(connection: Connection, silence: float | None) -> None:
    """Wait for the other side to say something."""
    if not connection.poll(silence):
        raise Silent


@contextmanager
def _soon(connection: Connection) -> Iterator[None]:
    """Hang up if the other side stops while both shake hands, which else would wait for ever."""
    timer = Timer(SHAKE_SECONDS, _hang_up, (connection,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(connection: Connection) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as held:
        held.shutdown(socket.SHUT_RDWR)
