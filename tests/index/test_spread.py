"""Passages that are embedded elsewhere have the vectors that they would have here."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import wirecheck
from index import Article, Passage, build_index, load_encoder, open_index, spread
from index.cache import EmbeddingCache
from index.embedding import Embedding
from index.errors import IndexProblem, SettingError
from index.spread import Workers
from tests.fakes import TopicEncoder

STORIES = {
    "harbour": "Harbour reopens\n\nThe harbour of Brenwick reopened on Monday after a storm.\n",
    "vote": "Election called\n\nAn election will be held on 4 May, the speaker said.\n",
    "clock": "Museum thieves\n\nThieves took a clock from the museum at night.\n",
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WIRECHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("index.embedding._BATCH", 1)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "articles").mkdir()
    for name, text in STORIES.items():
        (tmp_path / "articles" / f"{name}.txt").write_text(text)
    return tmp_path


@pytest.fixture
def topics(monkeypatch):
    """The encoder that the setting names is one that counts topics."""
    encoder = TopicEncoder()
    monkeypatch.setattr("index.build.load_encoder", lambda: encoder)
    monkeypatch.setattr("index.spread.load_encoder", lambda name: encoder)
    spread._loaded.cache_clear()
    yield encoder
    spread._loaded.cache_clear()


def build(folder, where="", index="index"):
    return build_index([folder / "articles"], folder / index, encode_on=where)


def vectors_in(folder, index="index", encoder=None):
    return open_index(folder / index, encoder)._contents.vectors.vectors()


class Cluster:
    """What stands in for Dask and for Ray, by the names that theirs have."""

    def __init__(self, cores=2):
        self.cores, self.begun, self.ended, self.most = cores, 0, 0, 0
        self.pool = ThreadPoolExecutor(cores)
        self.under_way: list[Future] = []
        self.given: list[object] = []
        self.fails_after = 10**6

    def submit(self, function, *given):
        if len(self.under_way) >= self.fails_after:
            failed = Future()
            failed.set_exception(ConnectionError("the worker died\nand more of it"))
            return failed
        self.under_way.append(self.pool.submit(function, *given))
        self.most = max(self.most, sum(not f.done() for f in self.under_way))
        return self.under_way[-1]

    def dask(self):
        cluster = self

        class Client:
            def __init__(self, address, timeout, set_as_default):
                cluster.given += [address]

            def __enter__(self):
                cluster.begun += 1
                return self

            def __exit__(self, *_):
                cluster.ended += 1

            def nthreads(self):
                return {"tcp://one": cluster.cores} if cluster.cores else {}

            def get_executor(self, pure):
                return cluster

        module = ModuleType("distributed")
        module.Client = Client
        return module

    def ray(self):
        def init(address, **_):
            self.begun += 1
            self.given += [address]

        def remote(function):
            def call(*given):
                return SimpleNamespace(future=lambda: self.submit(function, *given))

            return SimpleNamespace(remote=call)

        def shutdown():
            self.ended += 1

        module = ModuleType("ray")
        module.is_initialized, module.init, module.shutdown = lambda: False, init, shutdown
        module.remote, module.cluster_resources = remote, lambda: {"CPU": float(self.cores)}
        return module


@pytest.fixture
def cluster(monkeypatch, topics):
    made = Cluster()
    monkeypatch.setitem(sys.modules, "distributed", made.dask())
    monkeypatch.setitem(sys.modules, "ray", made.ray())
    return made


def test_two_processes_give_the_same_vectors(folder):
    assert build(folder, "processes:2", "spread").embedded == 3
    cache = folder / "cache"
    cache.rename(folder / "other")
    assert build(folder).embedded == 3
    np.testing.assert_array_equal(vectors_in(folder, "spread"), vectors_in(folder))


def test_a_process_that_dies_ends_the_build_in_one_line():
    with Workers(load_encoder(), "processes:1") as workers:
        assert workers.result(workers.submit(["A text."])).shape == (1, 384)
        for pid in workers._submit.__self__._processes:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(IndexProblem) as error:
            workers.result(workers.submit(["Another."]))
    text = str(error.value)
    assert "embedding on processes:1 has stopped: BrokenProcessPool" in text and "\n" not in text


KILLED = """
    import sys, time
    from index import load_encoder
    from index.spread import Workers

    if __name__ == "__main__":
        workers = Workers(load_encoder(), "processes:1")
        workers.result(workers.submit(["A text."]))
        print(*workers._submit.__self__._processes, flush=True)
        time.sleep(600)
"""


def test_processes_end_with_the_one_that_began_them(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    first = subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE)
    pid = int(first.stdout.readline())
    first.kill()
    first.wait()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and not is_zombie(pid):
        assert time.monotonic() < deadline, "it goes on without the first"
        time.sleep(0.1)


def is_zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize(
    ("where", "address"),
    [("dask:tcp://head:8786", "tcp://head:8786"), ("ray:head:6379", "head:6379"), ("ray", None)],
)
def test_a_cluster_gives_the_same_vectors(folder, cluster, topics, where, address, monkeypatch):
    monkeypatch.setattr("socket.create_connection", lambda *_: SimpleNamespace(close=bool))
    assert build(folder, where, "spread").embedded == 3
    assert (cluster.begun, cluster.ended, cluster.given) == (1, 1, [address])
    assert len(cluster.under_way) == 3
    (folder / "cache").rename(folder / "other")
    build(folder)
    assert len(cluster.under_way) == 3
    spread_vectors = vectors_in(folder, "spread", topics)
    np.testing.assert_array_equal(spread_vectors, vectors_in(folder, "index", topics))


def test_an_index_in_milvus_is_embedded_there_too(folder, cluster, topics, monkeypatch):
    pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    monkeypatch.setattr("index.milvus.build.BLOCK", 1)
    monkeypatch.setattr("index.milvus.build._AHEAD", 1)
    address = f"milvus+file:{folder}/index.db"
    report = build_index([folder / "articles"], address, encode_on="ray")
    assert (report.added, report.embedded, len(cluster.under_way)) == (3, 3, 3)
    assert cluster.begun == cluster.ended == 1
    build(folder)
    found = [open_index(p, topics).search("election") for p in (address, folder / "index")]
    assert [h.passage for h in found[0]] == [h.passage for h in found[1]] != []


def test_a_text_that_was_taken_is_still_there_for_its_copy():
    encoder = TopicEncoder()
    one, two = (Article(name, "Bank", "The bank cut.") for name in "ab")
    with (
        Workers(encoder) as workers,
        Embedding(workers, EmbeddingCache(None, 0, "", encoder.dim), lambda n: None) as embedding,
    ):
        for article in (one, two, Article("c", "Vote", "No election.")):
            embedding.add([Passage(article, 0, len(article.text))])
        found = [embedding.vectors(1), embedding.vectors(1), embedding.vectors()]
    expected = encoder.encode(["Bank\nThe bank cut.", "Bank\nThe bank cut.", "No election."])
    np.testing.assert_array_equal(np.concatenate(found), expected)
    assert embedding.vectors().shape == (0, encoder.dim) and embedding.embedded == 3


def test_what_is_in_the_cache_needs_no_cluster(folder, cluster):
    build(folder)
    assert build(folder, "ray", "again").cached == 3
    assert cluster.begun == 0


def test_no_more_is_under_way_than_is_worth_it(folder, cluster, topics, monkeypatch):
    for number in range(40):
        (folder / "articles" / f"more{number}.txt").write_text(f"More\n\nNumber {number}.\n")
    encode = TopicEncoder.encode

    def slow(self, texts):
        time.sleep(0.01)
        return encode(self, texts)

    monkeypatch.setattr(TopicEncoder, "encode", slow)
    assert build(folder, "ray").embedded == 43
    assert cluster.cores < cluster.most <= cluster.cores * spread._BATCHES_A_CORE


def test_a_cluster_that_dies_leaves_the_old_index_and_what_was_embedded(folder, cluster, topics):
    build(folder)
    for number in range(3):
        (folder / "articles" / f"more{number}.txt").write_text(f"More\n\nBank {number}.\n")
    cluster.fails_after = 1
    with pytest.raises(IndexProblem) as error:
        build(folder, "dask:tcp://head:8786")
    text = str(error.value)
    assert "dask:tcp://head:8786 has stopped: ConnectionError: the worker died; see" in text
    assert "\n" not in text and "run it again" in text and cluster.ended == 1
    assert set(open_index(folder / "index", topics).articles) == set(STORIES)
    report = build(folder)
    assert (report.added, report.embedded, report.cached) == (3, 2, 1)


def test_another_encoder_there_is_refused_by_both_names(folder, cluster, monkeypatch):
    other = TopicEncoder(fingerprint="topics:2")
    monkeypatch.setattr("index.spread.load_encoder", lambda name: other)
    with pytest.raises(IndexProblem, match=r"the encoder on .* is topics:2, not topics:1"):
        build(folder, "ray")


def test_a_worker_computes_in_the_format_of_the_first_machine(monkeypatch):
    here = load_encoder()
    name, form = here.fingerprint.split("/")
    other = {"int8": "float", "float": "int8"}[form]
    spread._loaded.cache_clear()
    assert spread._loaded("", f"{name}/{other}").fingerprint == f"{name}/{other}"
    assert load_encoder().fingerprint == here.fingerprint
    spread._loaded.cache_clear()


def test_rays_own_error_is_told_by_its_cause(folder, cluster):
    class RayTaskError(Exception):
        cause = SettingError("another encoder is there")

    def submit(function, *given):
        failed = Future()
        failed.set_exception(RayTaskError("Traceback:\n..."))
        return failed

    cluster.submit = submit
    with pytest.raises(IndexProblem, match="SettingError: another encoder is there; see"):
        build(folder, "ray")


@pytest.mark.parametrize("where", ["dask:tcp://head:8786", "ray"])
def test_a_package_that_is_missing(folder, cluster, where, monkeypatch):
    kind = where.partition(":")[0]
    monkeypatch.setitem(sys.modules, {"dask": "distributed", "ray": "ray"}[kind], None)
    with pytest.raises(SettingError) as error:
        build(folder, where)
    assert f'pip install "wirecheck[{kind}]"' in str(error.value)
    assert not (folder / "index" / "CURRENT").exists()


def test_a_scheduler_that_is_not_there_or_has_no_workers(folder, cluster, monkeypatch):
    cluster.cores = 0
    with pytest.raises(
        SettingError, match=r"can't begin: ConnectionError: .* has no workers; start"
    ):
        build(folder, "dask:tcp://head:8786")

    def refused(*_, **__):
        raise OSError("Timed out trying to connect\nin a trace")

    monkeypatch.setattr(sys.modules["distributed"], "Client", refused)
    with pytest.raises(SettingError, match=r"can't begin: OSError: Timed out .* connect; start"):
        build(folder, "dask:tcp://head:8786")


def test_a_ray_that_is_not_there_is_told_at_once(folder, cluster):
    """Ray itself would try for many minutes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        where = f"ray:127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(SettingError, match="can't begin: ConnectionRefusedError"):
        build(folder, where)
    assert cluster.begun == 0


@pytest.mark.parametrize("where", ["processes", "processes:0", "dask", "spark:host", "ray:", "2"])
def test_a_place_that_is_none(folder, where, monkeypatch, capsys):
    with pytest.raises(SettingError, match="is nowhere to embed"):
        build(folder, where)
    monkeypatch.setenv("WIRECHECK_ENCODE_ON", where)
    assert wirecheck.main(["index", str(folder / "articles")]) == 2
    assert "WIRECHECK_ENCODE_ON, --encode-on" in capsys.readouterr().err


def test_the_command_takes_it_from_the_setting(folder, cluster, monkeypatch, capsys):
    monkeypatch.setenv("WIRECHECK_ENCODE_ON", "ray")
    command = ["index", str(folder / "articles"), "--index", str(folder / "index")]
    assert wirecheck.main(command) == 0
    assert "3 embedded, 0 from the cache" in capsys.readouterr().out and cluster.begun == 1


def test_an_encoder_given_in_python_embeds_here(folder):
    with pytest.raises(SettingError, match="only the encoder that WIRECHECK_ENCODER names"):
        build_index(
            [folder / "articles"], folder / "index", encoder=TopicEncoder(), encode_on="ray"
        )
