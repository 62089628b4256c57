"""A connection that has so long to send the head of a request, or it is closed."""

from __future__ import annotations

from asyncio import TimerHandle, Transport

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds from the opening of a connection, or from the first byte of a further request, to the
#: end of the request's head.
MAX_HEAD = 20.0


class Connection(H11Protocol):
    """uvicorn's, which by itself waits for the rest of a head for ever."""

    _closing: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to count."""
        super().connection_made(transport)
        self._count()

    def data_received(self, data: bytes) -> None:
        """Count on, or begin to, unless the head is complete."""
        super().data_received(data)
        self._count()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count no longer."""
        super().connection_lost(exc)
        self._stop()

    def _count(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._closing is None:
            self._closing = self.loop.call_later(MAX_HEAD, self.transport.close)

    def _stop(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
