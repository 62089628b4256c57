"""What goes wrong, kept to whom it happens to: told in a line, and never the end of the server."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import wraps
from typing import ParamSpec, TypeVar

from index.errors import WirecheckError

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("wirecheck.app")


def contained(function: Callable[P, T]) -> Callable[P, T]:
    """The function, which then raises nothing but what an event loop passes on to the caller.

    A panic of a native library, `SystemExit`, `StopIteration` or a cancellation would end the
    loop, or a part of it that serves everybody. Each becomes a RuntimeError with it as the cause.
    """

    @wraps(function)
    def run(*args: P.args, **options: P.kwargs) -> T:
        try:
            return function(*args, **options)
        except BaseException as error:
            ends_a_loop = isinstance(error, StopIteration | CancelledError)
            if isinstance(error, Exception) and not ends_a_loop:
                raise
            raise RuntimeError(f"{type(error).__name__}: {error}") from error

    return run


def line_of(error: BaseException | None) -> str:
    """An error as a line fit for a user, empty for none.

    Whatever Wirecheck didn't raise itself may hold paths or keys: it goes to the log alone, under
    a name by which it can be found there.
    """
    if error is None or isinstance(error, WirecheckError):
        return str(error or "")
    name = secrets.token_hex(4)
    log.error("error %s", name, exc_info=error)
    return f"Something went wrong here. The server's log tells more, under {name}."
