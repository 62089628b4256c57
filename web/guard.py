"""The guard: refuses whatever our own page never sends, and says what a browser may do.

It stands before Gradio and before our own addresses (`routes`), so that refusals carry the same
headers and no route that a new release of Gradio adds is open before somebody wants it.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
import time
from base64 import b64decode
from binascii import Error as Base64Error
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Bytes that a request may send; and where a file is sent that is to be indexed.
MAX_BODY, MAX_FILE = 64 * 1024, 16_000_000
#: Wrong passwords that one address may send in a minute.
MAX_WRONG = 5
#: Seconds without a byte after which a request's body is waited for no longer.
MAX_PAUSE = 20.0

#: All that the page itself asks for; any other address, Gradio's or not, is not there.
PAGE_GETS = re.compile(
    r"/(|config|theme\.css|favicon\.ico|manifest\.json|(assets|static|svelte)/.+"
    r"|gradio_api/(info|startup-events|app_id|theme\.css|queue/data|heartbeat/\w+)"
    r"|desk/(corpora|questions|library|article|proof))"
)
PAGE_POSTS = re.compile(r"/gradio_api/(queue/join|run/predict|cancel|reset)|/desk/(stop|model)")
#: What is open to programs only where they are let in: functions of `api` through Gradio's API, and
#: MCP over HTTP. Of a function that isn't there, Gradio makes an error of its own.
PROGRAMS = ("ask", "search", "article")
_CALL = f"call/(?:{'|'.join(PROGRAMS)})"
_PROGRAMS_GET = re.compile(rf"/gradio_api/({_CALL}/\w+|mcp/?)")
_PROGRAMS_POST = re.compile(rf"/gradio_api/({_CALL}|mcp/?)")
#: What is open only where articles may be given on the page.
_UPLOADS = re.compile(r"/desk/(files|indexing)")
_FILES = "/desk/files"
#: Where a page listens for its cards.
_STREAM = "/gradio_api/queue/data"
#: What a proxy says of whom it asks for: read and believed in `server_of`, or not at all.
_FORWARDED = re.compile(rb"forwarded|x-forwarded-.*|x-real-ip")
#: 'unsafe-eval': Gradio compiles the (constant) template of each gr.HTML in the browser.
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Refuses what our own page never sends, and says in headers what a browser may do.

    It is the outermost part, so refusals carry the headers too. `uploads`: articles may be sent;
    `programs`: programs may ask. `streams` counts the streams that each page listens to.
    """

    def __init__(
        self,
        app: ASGIApp,
        password: str | None,
        uploads: bool,
        programs: bool,
        streams: Counter[str],
    ) -> None:
        self.app, self.password, self.uploads, self.programs = app, password, uploads, programs
        self.streams = streams
        self.wrong: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        nonce = secrets.token_urlsafe(18)
        send = _with_headers(send, nonce)
        status = self._refusal(scope, headers)
        if status:
            return await _refuse(send, status)
        scope["headers"] = [(k, v) for k, v in scope["headers"] if not _FORWARDED.fullmatch(k)]
        if scope["path"] == "/":
            # Compressed, it could not be given its nonce.
            scope["headers"] = [(k, v) for k, v in scope["headers"] if k != b"accept-encoding"]
            send = _with_nonce(send, nonce)
        with self._counted(scope):
            try:
                await self.app(scope, _in_time(receive), send)
            except ClientDisconnect:  # In the middle of a body; if anybody is there, they hear it.
                await _refuse(send, 408)

    @contextmanager
    def _counted(self, scope: Scope) -> Iterator[None]:
        """Count a stream while somebody listens to it."""
        if scope["path"] != _STREAM:
            yield
            return
        name = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
        self.streams[name] += 1
        try:
            yield
        finally:
            self.streams[name] -= 1
            self.streams += Counter()  # Without those at zero.

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> int:
        """The status with which to refuse, or 0."""
        if self.password:
            status = self._login(scope, headers.get("authorization", ""))
            if status:
                return status
        reading = scope["method"] in ("GET", "HEAD")
        if not self._is_there(scope["method"], scope["path"]):
            return 404
        # A length that was not announced can't be trusted to end.
        if "transfer-encoding" in headers:
            return 411
        length = headers.get("content-length", "0")
        most = MAX_FILE if scope["path"] == _FILES else MAX_BODY
        if not length.isdecimal() or int(length) > most:
            return 413
        return 0 if reading or _same_origin(scope, headers) else 403

    def _is_there(self, method: str, path: str) -> bool:
        """Whether this is an address that the page uses, or a program that may ask."""
        reading = method in ("GET", "HEAD")
        if not reading and method != "POST":
            return False
        if _UPLOADS.fullmatch(path):
            return self.uploads and not (reading and path == _FILES)
        if self.programs and (_PROGRAMS_GET if reading else _PROGRAMS_POST).fullmatch(path):
            return True
        return (PAGE_GETS if reading else PAGE_POSTS).fullmatch(path) is not None

    def _login(self, scope: Scope, given: str) -> int:
        """401 without the password, 429 after too many wrong ones, else 0. Any user name does."""
        address = (scope.get("client") or ("unknown",))[0]
        recent = self.wrong.get(address, deque(maxlen=MAX_WRONG))
        now = time.monotonic()
        if len(recent) == MAX_WRONG and now - recent[0] < 60:
            return 429
        if hmac.compare_digest(_password(given).encode(), (self.password or "").encode()):
            self.wrong.pop(address, None)
            return 0
        if given:
            if len(self.wrong) > 10_000:
                self.wrong.clear()
            recent.append(now)
            self.wrong[address] = recent
        return 401


def _password(authorization: str) -> str:
    """The password in a header of HTTP's basic scheme, or nothing."""
    scheme, _, packed = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(packed, validate=True).decode().partition(":")[2]
    except (Base64Error, UnicodeDecodeError):
        return ""


def _same_origin(scope: Scope, headers: dict[str, str]) -> bool:
    """Whether our own page sends this, or a program that is no browser."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin == f"{scope['scheme']}://{headers.get('host', '')}"


def _in_time(receive: Receive) -> Receive:
    """Receive a body; whoever pauses in it for longer than MAX_PAUSE counts as gone."""
    whole = False

    async def received() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), MAX_PAUSE)
        except TimeoutError:
            return {"type": "http.disconnect"}
        whole = not message.get("more_body", False)
        return message

    return received


def _with_headers(send: Send, nonce: str) -> Send:
    extra = [
        (k.encode(), v.encode())
        for k, v in {**_HEADERS, "content-security-policy": _POLICY.format(nonce=nonce)}.items()
    ]

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return sent


def _with_nonce(send: Send, nonce: str) -> Send:
    """Mark the scripts that the page was made with, so that no other inline script can run."""
    held: list[Message] = []

    async def sent(message: Message) -> None:
        if message["type"] not in ("http.response.start", "http.response.body"):
            return
        held.append(message)
        if message["type"] == "http.response.start" or message.get("more_body"):
            return
        body = b"".join(m.get("body", b"") for m in held[1:])
        body = re.sub(rb"<script(?=[\s>])", b'<script nonce="%s"' % nonce.encode(), body)
        # Gradio's would lead out of a proxy's prefix, as would the icon that a browser looks for.
        below = b'<link rel="icon" href="favicon.ico"><link rel="manifest" href="manifest.json"'
        body = body.replace(b'<link rel="manifest" href="/manifest.json"', below)
        headers = [(k, v) for k, v in held[0]["headers"] if k != b"content-length"]
        await send({**held[0], "headers": [*headers, (b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    return sent


async def _refuse(send: Send, status: int) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="Wirecheck", charset="UTF-8"'))
    if status == 429:
        headers.append((b"retry-after", b"60"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"Refused ({status}).\n".encode()})
