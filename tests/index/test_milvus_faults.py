"""What goes wrong with an index in Milvus is told in one line, and no reader sees half of it."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from concurrent import futures
from pathlib import Path

import pytest

from index import build_index, open_index
from index.check import check_index
from index.engines import place_of
from index.errors import (
    IndexBusy,
    IndexCorrupt,
    IndexMissing,
    IndexUnreachable,
    SettingError,
)
from tests.index import milvus_corpus as corpus
from tests.index.test_milvus import told

pytest.importorskip("pymilvus", reason="pymilvus is not installed: uv sync --extra milvus")
pytest.importorskip("milvus_lite", reason="milvus-lite is not installed: uv sync --extra milvus")

ENCODER = corpus.DrawnEncoder()
A, B = corpus.word(1), corpus.word(9)
QUERY = corpus.QUERIES[0]


@pytest.fixture(autouse=True)
def no_cache(monkeypatch):
    monkeypatch.setenv("WIRECHECK_CACHE", "off")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    corpus.write(folder / "articles", 12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WIRECHECK_CACHE", "off")
        build(folder, f"milvus+file:{folder}/index.db")
    return folder


@pytest.fixture
def place(made, tmp_path):
    """A copy of one index for each test: the folder of its articles, and its address."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path, f"milvus+file:{tmp_path}/index.db"


def build(folder, address):
    return build_index([folder / "articles"], address, encoder=ENCODER)


def opened(address):
    return open_index(address, ENCODER)


def problems(address):
    return check_index(address, ENCODER).problems


def test_a_check_finds_nothing_wrong(place):
    assert problems(place[1]) == ()


@pytest.mark.parametrize(
    ("collection", "where", "said"),
    [
        ("passages", "article > 0 and ordinal == 1", "passages are there, not"),
        ("articles", "kind == 0", "is gone"),
        ("articles", "kind == 1", "11 articles are there, not 12"),
        ("meta", "kind == 13", "words are not those of the passages"),
    ],
)
def test_a_check_finds_what_is_lost(place, collection, where, said):
    contents = opened(place[1])._contents
    engine = contents.engine
    names = {"passages": engine.passages(corpus.DIM)}
    name = names.get(collection) or getattr(engine, collection)
    victim = engine.query(name, where, ["pk"], "Strong")[0]["pk"]
    engine.delete(name, f'pk in ["{victim}"]')
    assert any(said in problem for problem in problems(place[1]))


def test_a_check_finds_another_passages_vector(place):
    contents = opened(place[1])._contents
    engine, name = contents.engine, contents.engine.passages(corpus.DIM)
    fields = ("ordinal", "start", "end", "outlet", "published", "length", "words")
    row = engine.query(name, "article > 0", (*fields, "dense", "sparse"), "Strong")[0]
    vector = ENCODER.encode_query("something else")
    engine.upsert(name, [{**row, "dense": vector}])
    assert any("is not that of its passage" in problem for problem in problems(place[1]))


def stopped_before(monkeypatch, step):
    """Let builds end at a step: an exception that nothing of ours raises."""
    from index.milvus import build as milvus_build

    def end(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(milvus_build._Update, step, end)
        yield


@pytest.mark.parametrize("step", ["_bury", "_write_heads", "_serving"])
def test_a_build_that_is_stopped_changes_nothing(place, monkeypatch, step):
    folder, address = place
    before = told(opened(address), QUERY)
    corpus.put(folder / "articles", "a003", f"{A} {B} and nothing else.")
    corpus.put(folder / "articles", "new", f"{A} {B} is new.")
    for _ in stopped_before(monkeypatch, step):
        with pytest.raises(KeyboardInterrupt):
            build(folder, address)
    there = opened(address)
    assert there.generation == 1 and told(there, QUERY) == before
    assert "left over by a build that was stopped" in problems(address)[0]
    report = build(folder, address)
    assert (report.added, report.changed) == (1, 1)
    build_index([folder / "articles"], folder / "index", encoder=ENCODER)
    for query in corpus.QUERIES:
        assert told(opened(address), query) == told(open_index(folder / "index", ENCODER), query)
    assert problems(address) == ()


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from index import build_index
    from index.milvus import build as milvus_build
    from tests.index.milvus_corpus import DrawnEncoder, put

    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    articles = Path(sys.argv[1])
    build_index([articles], sys.argv[2], encoder=DrawnEncoder())
    put(articles, "new", sys.argv[3])
    milvus_build._Update._serving = die
    build_index([articles], sys.argv[2], encoder=DrawnEncoder())
"""


def test_a_build_that_is_killed_changes_nothing(tmp_path):
    """In another process, which is killed with all that it holds of the file."""
    corpus.write(tmp_path / "articles", 4)
    address = f"milvus+file:{tmp_path}/index.db"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", textwrap.dedent(KILLED), tmp_path / "articles", address]
    killed = subprocess.run(
        [*command, f"{A} {B} is new."], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert killed.returncode == -signal.SIGKILL
    there = opened(address)
    assert there.generation == 1 and "new" not in there.articles
    assert not [h for h in there.search(f"{A} {B}") if h.passage.article.id == "new"]
    assert build(tmp_path, address).added == 1
    assert "new" in opened(address).articles and problems(address) == ()


def test_one_writer_at_a_time(place, monkeypatch):
    from index.milvus import build as milvus_build

    folder, address = place
    corpus.put(folder / "articles", "new", f"{A} {B} is new.")
    seen = []

    def meanwhile(self, *given):
        with pytest.raises(IndexBusy) as error:
            build(folder, address)
        seen.append(str(error.value))
        return real(self, *given)

    real = milvus_build._Update._serving
    monkeypatch.setattr(milvus_build._Update, "_serving", meanwhile)
    assert build(folder, address).generation == 2
    assert f"{address}: being written by process {os.getpid()} on " in seen[0]


def test_who_lost_the_right_to_write_publishes_nothing(place, monkeypatch):
    """The first was stopped for long; the second took over; the first goes on."""
    from index.milvus import build as milvus_build
    from index.milvus import lease as milvus_lease

    folder, address = place
    corpus.put(folder / "articles", "late", f"{A} {B} is late.")

    def long_stopped(self, *given):
        monkeypatch.setattr(milvus_build._Update, "_write_heads", real)
        monkeypatch.setattr(milvus_lease, "_is_held", lambda found: False)
        (folder / "articles" / "late.txt").unlink()
        corpus.put(folder / "articles", "other", f"{A} {B} is other.")
        assert build(folder, address).generation == 3
        self._lease._look()
        with pytest.raises(IndexBusy):
            self._lease.check()
        # What it still sends is of a generation that never serves.
        monkeypatch.setattr(self._lease, "check", lambda: None)
        real(self, *given)
        raise KeyboardInterrupt

    real = milvus_build._Update._write_heads
    monkeypatch.setattr(milvus_build._Update, "_write_heads", long_stopped)
    with pytest.raises(KeyboardInterrupt):
        build(folder, address)
    there = opened(address)
    assert there.generation == 3 and there._contents.serving.never == (2,)
    assert "other" in there.articles and "late" not in there.articles
    assert {h.passage.article.id for h in there.search(f"{A} {B} is late")} >= {"other"}
    assert not [h for h in there.search(f"{A} {B}", 50) if h.passage.article.id == "late"]


def test_another_process_has_the_file(tmp_path):
    """milvus-lite locks its folder; a lock taken twice in one process is refused as well."""
    (tmp_path / "index.db").mkdir()
    with (tmp_path / "index.db" / "LOCK").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        address = f"milvus+file:{tmp_path}/index.db"
        with pytest.raises(IndexBusy) as error:
            opened(address)
    assert "another process has it open" in one_line(error, address)


def test_it_listens_on_this_machine_alone(place):
    from index.milvus import engine

    opened(place[1])
    port = int(engine._servers[place_of(place[1]).uri].rpartition(":")[2])
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            address, number = line.split()[1].split(":")
            if int(number, 16) == port and line.split()[3] == "0A":
                found.append(address)
    # 127.0.0.1, written backwards; as IPv6 after ::ffff:.
    assert found and {address[-8:] for address in found} == {"0100007F"}


def one_line(error, address):
    text = str(error.value)
    assert text.startswith(address) and "\n" not in text
    return text


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"milvus+http://127.0.0.1:{free.getsockname()[1]}/news"
    began = time.monotonic()
    with pytest.raises(IndexUnreachable) as error:
        opened(address)
    assert time.monotonic() - began < 5
    assert "doesn't answer" in one_line(error, address)


def test_somebody_listens_and_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"milvus+http://127.0.0.1:{silent.getsockname()[1]}/news"
        began = time.monotonic()
        with pytest.raises(IndexUnreachable) as error:
            opened(address)
    assert time.monotonic() - began < 5
    assert "doesn't answer" in one_line(error, address)


@pytest.fixture
def guarded():
    """A server that lets nobody in."""
    import grpc
    from pymilvus.grpc_gen import milvus_pb2_grpc

    class Guard(milvus_pb2_grpc.MilvusServiceServicer):
        def Connect(self, request, context):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check")

    server = grpc.server(futures.ThreadPoolExecutor(2))
    milvus_pb2_grpc.add_MilvusServiceServicer_to_server(Guard(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"milvus+http://127.0.0.1:{port}/news"
    server.stop(0)


def test_a_wrong_token(guarded, monkeypatch):
    monkeypatch.setenv("WIRECHECK_MILVUS_TOKEN", "secret-token")
    with pytest.raises(IndexUnreachable) as error:
        opened(guarded)
    text = one_line(error, guarded)
    assert "refuses the token; set WIRECHECK_MILVUS_TOKEN" in text and "secret" not in text


def test_a_server_and_what_is_told_when_it_goes_away(made, tmp_path):
    """milvus-lite as a server by itself: the way that an index in a real Milvus goes."""
    from milvus_lite.adapter.grpc.server import start_server_in_thread

    server, database, port = start_server_in_thread(str(tmp_path / "served"))
    address = f"milvus+http://127.0.0.1:{port}/news"
    build(made, address)
    there = opened(address)
    assert there.stats()["vectors"] == {"kind": "milvus", "index": "HNSW"}
    assert told(there, QUERY) == told(opened(f"milvus+file:{made}/index.db"), QUERY)
    server.stop(0).wait()
    database.close()
    began = time.monotonic()
    with pytest.raises(IndexUnreachable) as error:
        there.search(corpus.QUERIES[1])
    assert time.monotonic() - began < 5
    assert "doesn't answer" in one_line(error, address)


def test_no_index_of_that_name(tmp_path):
    address = f"milvus+file:{tmp_path}/none.db"
    with pytest.raises(IndexMissing) as error:
        opened(address)
    assert f"wirecheck index ARTICLES --index {address}" in one_line(error, address)


def test_a_collection_is_gone(place):
    there = opened(place[1])
    engine = there._contents.engine
    engine._client.drop_collection(engine.passages(corpus.DIM))
    with pytest.raises(IndexCorrupt) as error:
        opened(place[1])
    assert "collection of the index is gone" in one_line(error, place[1])


def test_without_pymilvus_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(SettingError) as error:
        opened("milvus+http://db.example/news")
    assert 'pip install "wirecheck[milvus]"' in str(error.value) and "\n" not in str(error.value)


def test_the_commands(place, capsys):
    from wirecheck import main

    _, address = place
    assert main(["index", "--check", "--index", address]) == 0
    assert "nothing is wrong; looked at generation 1: 12 articles" in capsys.readouterr().out
    assert main(["index", "--stats", "--index", address]) == 0
    out = capsys.readouterr().out
    assert "generation  1, made" in out and "on disk" not in out and "by Milvus (FLAT)" in out
    assert main(["search", A, "--index", "milvus+http://host"]) == 2
    assert "milvus+http://HOST:PORT/NAME" in capsys.readouterr().err
