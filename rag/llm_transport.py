"""What a provider sends, read with a limit: a small compressed reply may be gigabytes."""

from __future__ import annotations

import ssl
import zlib
from typing import Any

import httpx

from index.errors import ModelReplyError

#: Bytes of a reply, unpacked; the longest that is used has a fiftieth of that.
MOST_BYTES = 1_000_000
#: The only packing that is undone; none is asked for.
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class BoundedTransport(httpx.AsyncHTTPTransport):
    """Raises ModelReplyError for a reply of over `MOST_BYTES`, or in a packing it doesn't know."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx; the reply comes whole and unpacked."""
        request.headers["accept-encoding"] = "identity"
        response = await super().handle_async_request(request)
        try:
            body = await _read(response)
        finally:
            await response.aclose()
        kept = [(k, v) for k, v in response.headers.multi_items() if k not in _OF_THE_WIRE]
        extensions = {k: v for k, v in response.extensions.items() if k != "network_stream"}
        return httpx.Response(
            response.status_code, headers=kept, content=body, extensions=extensions
        )


async def _read(response: httpx.Response) -> bytes:
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in _PACKED | {"identity", ""}:
        raise ModelReplyError("the model's provider packs its reply in a way that wasn't asked for")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32) if packing in _PACKED else None
    found = bytearray()
    async for chunk in response.aiter_raw():
        try:
            found += unpack.decompress(chunk, MOST_BYTES + 1 - len(found)) if unpack else chunk
        except zlib.error as error:
            raise ModelReplyError("the model's provider sent a reply that is garbled") from error
        if len(found) > MOST_BYTES:
            raise ModelReplyError(
                f"the model's provider sent over {MOST_BYTES:,} bytes: use another model"
            )
    return bytes(found)


def bound(http_handler: Any) -> None:
    """Have LiteLLM's clients read in this way; `http_handler` is its module of that name."""

    def transport(
        ssl_context: ssl.SSLContext | None = None, ssl_verify: bool | None = None, **_: Any
    ) -> BoundedTransport:
        return BoundedTransport(verify=ssl_context or ssl_verify is not False)

    http_handler.AsyncHTTPHandler.create_async_transport = staticmethod(transport)
    http_handler.AsyncHTTPTransport = BoundedTransport  # what it reaches proxies with
