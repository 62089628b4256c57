"""An index in Milvus through TLS: whom it trusts, and that the token arrives and is never told."""

import asyncio
import base64
import shutil
import ssl
import subprocess
import threading
import time
from contextlib import suppress

import pytest

from index import build_index, open_index
from index.errors import IndexProblem, IndexUnreachable
from tests.index import milvus_corpus as corpus

pytest.importorskip("pymilvus", reason="pymilvus is not installed: uv sync --extra milvus")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: uv sync --extra milvus")
if shutil.which("openssl") is None:
    pytest.skip("openssl makes the certificate", allow_module_level=True)

ENCODER = corpus.DrawnEncoder()
SECRET = "reader:hunter2"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that signs itself, for 127.0.0.1: (its file, that of its key)."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command.split(), "-keyout", key, "-out", cert, *name], check=True, capture_output=True
    )
    return cert, key


class Proxy(threading.Thread):
    """Takes TLS at a port of its own, and passes on what is inside."""

    def __init__(self, certificate, target):
        super().__init__(daemon=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.context.set_alpn_protocols(["h2"])
        self.target, self.port, self.passed = target, 0, 0
        self.loop, self.ready = asyncio.new_event_loop(), threading.Event()

    def run(self):
        self.loop.run_until_complete(self._begin())
        self.loop.run_forever()

    async def _begin(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()

    async def _serve(self, reader, writer):
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(self._pass(reader, inner_writer), self._pass(inner_reader, writer))

    async def _pass(self, reader, writer):
        with suppress(OSError):
            while data := await reader.read(65536):
                self.passed += len(data)
                writer.write(data)
                await writer.drain()
            writer.close()


@pytest.fixture
def proxied(certificate, tmp_path, monkeypatch):
    """milvus-lite behind TLS; it notes the authorization of each call: (address, proxy, noted)."""
    import grpc
    from milvus_lite.adapter.grpc import server as lite

    noted = []

    class Noting(grpc.ServerInterceptor):
        def intercept_service(self, go_on, call):
            noted.append(dict(call.invocation_metadata).get("authorization"))
            return go_on(call)

    make = grpc.server
    monkeypatch.setattr(
        grpc, "server", lambda pool, **options: make(pool, interceptors=[Noting()], **options)
    )
    monkeypatch.setenv("WIRECHECK_CACHE", "off")
    server, database, port = lite.start_server_in_thread(str(tmp_path / "served"))
    proxy = Proxy(certificate, port)
    proxy.start()
    assert proxy.ready.wait(10)
    yield f"milvus+https://127.0.0.1:{proxy.port}/news", proxy, noted
    proxy.loop.call_soon_threadsafe(proxy.loop.stop)
    server.stop(0).wait()
    database.close()


def test_a_certificate_that_nobody_known_signed(proxied):
    address, *_ = proxied
    began = time.monotonic()
    with pytest.raises(IndexUnreachable) as error:
        open_index(address, ENCODER)
    assert time.monotonic() - began < 5
    text = str(error.value)
    assert text.startswith(f"{address}: its certificate isn't trusted") and "\n" not in text
    assert "set WIRECHECK_MILVUS_CA" in text


def test_with_its_authority_all_goes_through_tls_and_the_token_arrives(
    proxied, certificate, tmp_path, monkeypatch, capfd
):
    address, proxy, noted = proxied
    monkeypatch.setenv("WIRECHECK_MILVUS_CA", str(certificate[0]))
    monkeypatch.setenv("WIRECHECK_MILVUS_TOKEN", SECRET)
    corpus.write(tmp_path / "articles", 2)
    report = build_index([tmp_path / "articles"], address, encoder=ENCODER)
    hits = open_index(address, ENCODER).search(corpus.QUERIES[0])
    assert report.added == 2 and hits and proxy.passed > 10_000
    sent = base64.b64encode(SECRET.encode()).decode()
    assert noted and set(noted) == {sent}
    told = "".join(capfd.readouterr()) + repr(report)
    assert "hunter2" not in told and sent not in told


def test_an_authority_that_is_not_there(proxied, tmp_path, monkeypatch):
    monkeypatch.setenv("WIRECHECK_MILVUS_CA", str(tmp_path / "none.pem"))
    with pytest.raises(IndexProblem, match=r"No such file or directory: .*none.pem"):
        open_index(proxied[0], ENCODER)
