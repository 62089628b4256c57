"""A small OpenAI-compatible server on loopback, which does what a test's script says.

    with OpenAIServer(fails(500), says("Ferries ran again. [E1]")) as server:
        ...
    server.requests[0].body["messages"]

Each request takes the next step of the script; the last step repeats.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Exchange:
    """A request, and the ways to answer it."""

    request: Request
    handler: BaseHTTPRequestHandler
    closing: threading.Event

    def send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: int = 0
    ) -> None:
        """Sends `body`, but not its last `cut` bytes, though their number is announced."""
        self.handler.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(body[: len(body) - cut])
        self.handler.close_connection = True


Step = Callable[[Exchange], None]


def says(text: str | Callable[[dict[str, Any]], str] | None, finish: str = "stop") -> Step:
    """A whole reply; `text` may be made from the request's body."""

    def step(exchange: Exchange) -> None:
        content = text(exchange.request.body) if callable(text) else text
        exchange.send(200, reply(content, finish))

    return step


def no_choices() -> Step:
    """A reply whose list of choices is empty."""
    return sends(json.dumps({**json.loads(reply("")), "choices": []}).encode())


def fails(status: int, message: str = "no", headers: dict[str, str] | None = None) -> Step:
    """An error, as OpenAI writes one."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": None}}).encode()
    return sends(body, headers, status)


def echoes_key(status: int = 401) -> Step:
    """An error that repeats the key it was given."""

    def step(exchange: Exchange) -> None:
        fails(status, f"Bad key: {exchange.request.headers['authorization']}")(exchange)

    return step


def hangs() -> Step:
    """Says nothing until the server closes."""

    def step(exchange: Exchange) -> None:
        exchange.closing.wait(60)

    return step


def drips() -> Step:
    """Sends a byte of a reply now and then, and never the last one."""

    def step(exchange: Exchange) -> None:
        exchange.send(200, b" " * 100_000, cut=100_000)
        while not exchange.closing.wait(0.05):
            exchange.handler.wfile.write(b" ")
            exchange.handler.wfile.flush()

    return step


def redirects(url: str) -> Step:
    """Points to another address."""
    return sends(b"", {"Location": url}, 307)


def cuts(text: str) -> Step:
    """A reply whose last half is missing."""
    body = reply(text, "stop")
    return lambda exchange: exchange.send(200, body, cut=len(body) // 2)


def not_json(body: bytes = b"<html>Welcome</html>") -> Step:
    """A page where JSON should be."""
    return sends(body, {"Content-Type": "text/html"})


def sends(body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> Step:
    """These very bytes."""
    return lambda exchange: exchange.send(status, body, headers)


def bomb(size: int = 300_000_000) -> Step:
    """A whole reply whose text is so long, but for packing."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    begin, end = reply("@", "stop").split(b"@")
    packed = packer.compress(begin)
    for _ in range(size // 1_000_000):
        packed += packer.compress(b"a" * 1_000_000)
    packed += packer.compress(end) + packer.flush()
    return sends(packed, {"Content-Encoding": "gzip"})


class OpenAIServer:
    """The server; use it in a `with` statement. `url` is its address, `requests` what it got."""

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> OpenAIServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(server: OpenAIServer) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.requests.append(Request(self.path, headers, json.loads(body)))
                step = server.script[min(len(server.requests), len(server.script)) - 1]
                try:
                    step(Exchange(server.requests[-1], self, server.closing))
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def reply(text: str | None, finish: str = "stop") -> bytes:
    """The body of a whole reply."""
    return json.dumps(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "scripted",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": text},
                }
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
    ).encode()
