"""The server of the page: how it starts and stops."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from index import build_index, open_index
from index.engines import place_of
from index.errors import SettingError
from tests.fakes import TopicEncoder
from tests.scripted_answers import ARTICLES, Scripted, Shelf, page_over
from tests.web.test_guard import ask, outcome
from web import page, server
from web.access import hosts_of

ROOT = Path(__file__).parents[2]


def test_a_taken_port_is_passed_over_only_if_none_was_asked_for():
    with server.listen("127.0.0.1", None) as first, server.listen("127.0.0.1", None) as second:
        taken, other = first.getsockname()[1], second.getsockname()[1]
        assert server.PORT <= taken < other < server.PORT + server.PORTS_TRIED
        with pytest.raises(SettingError, match=f"can't listen at 127.0.0.1, port {taken}: "):
            server.listen("127.0.0.1", taken)


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 65_536), ("127.0.0.1", -1), ("no.such.host.invalid", None)]
)
def test_what_cannot_be_listened_at_is_told_in_one_line(host, port):
    with pytest.raises(SettingError, match="can't listen at") as caught:
        server.listen(host, port)
    assert "\n" not in str(caught.value)


def test_the_address_can_be_typed_into_a_browser():
    with socket.create_server(("0.0.0.0", 0)) as listening:
        port = listening.getsockname()[1]
        assert server.address_of(listening) == f"http://127.0.0.1:{port}/"


def test_the_status_is_read_off_the_index(tmp_path):
    (tmp_path / "articles").mkdir()
    for article in ARTICLES:
        (tmp_path / "articles" / f"{article.id}.txt").write_text(article.text, encoding="utf-8")
    build_index([tmp_path / "articles"], tmp_path / "night-desk", encoder=TopicEncoder())
    opened = open_index(tmp_path / "night-desk", TopicEncoder())
    assert server.facts_of(opened, "") == page.Facts("night-desk", 4, len(opened.passages), "1")
    assert server.facts_of(opened, "sample articles").name == "sample articles"


def test_the_real_page_over_the_sample_articles_starts_answers_and_stops(tmp_path):
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "WIRECHECK_MODEL": "none"}
    process = subprocess.Popen(
        [sys.executable, ROOT / "app.py"], env=env, text=True, stderr=subprocess.PIPE
    )
    try:
        lines = []
        while not lines or "Wirecheck is at" not in lines[-1]:
            lines.append(process.stderr.readline())
            assert process.poll() is None and len(lines) < 50, lines
        with httpx.Client(base_url=re.search(r"http://\S+", lines[-1])[0], timeout=90) as client:
            assert "sample articles" in client.get("/").text
            ask(client, "/gradio_api/queue/join", "How deep is the lake?", "none")
            card = outcome(client)["output"]["data"][0]["html"]
        assert 'class="turn answered"' in card or 'class="turn declined"' in card
        assert "model none" in card
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[1]
    assert process.returncode == 0 and "Traceback" not in rest


@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_the_page_answers_at_whatever_loopback_address_it_is_served(host, monkeypatch):
    try:
        listening = server.listen(host, 0)
    except SettingError:
        pytest.skip(f"this machine has no {host}")
    running = server.server_of(page_over(Scripted(), hosts=hosts_of(host)))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        address = server.address_of(listening)
        assert httpx.get(f"{address}desk/corpora").status_code == 200
        own = {"origin": address.rstrip("/")}
        assert httpx.post(f"{address}desk/stop", json={"turn": "t"}, headers=own).is_success
    finally:
        running.should_exit = True
        thread.join(10)
        listening.close()


def small_server(log: str) -> None:
    """Serve an index that opens at once, with a private folder for files.

    Two workers answer, and note in `log` what they do (`tests.answering_worker`).
    """
    import index as package
    from web import workers

    package.open_index = lambda folder: Shelf(ARTICLES)
    workers.COMMAND = (sys.executable, "-m", "tests.answering_worker", log)
    server.serve("night-desk", "none", port=0, workers=2)


def test_with_workers_another_process_answers_and_all_end_with_the_terminal(tmp_path):
    log = tmp_path / "log"
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    code = f"from tests.web.test_server import small_server; small_server({str(log)!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=env, text=True, stderr=subprocess.PIPE
    )
    try:
        address = re.search(r"http://\S+", process.stderr.readline())[0]
        with httpx.Client(base_url=address, timeout=60) as client:
            ask(client, "/gradio_api/queue/join", "die once", "none")
            card = outcome(client)["output"]["data"][0]["html"]
        assert 'class="turn answered"' in card and "Two dockers were hurt." in card
        lines = [line.rpartition(" ") for line in log.read_text("utf-8").splitlines()]
        pids = {int(pid) for _, _, pid in lines}
        assert len([word for word, _, _ in lines if word == "die once"]) == 2
        assert len([*tmp_path.glob("wirecheck-*")]) == 1  # for files that are given
        process.send_signal(signal.SIGHUP)
        rest = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert "ended (7) and is started anew" in rest and "Traceback" not in rest
    assert not [*tmp_path.glob("wirecheck-*")]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert process.returncode == 128 + signal.SIGTERM


def test_importing_the_page_imports_no_gradio():
    code = "import app, sys; sys.exit(bool({'gradio', 'torch', 'fastapi'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


def test_workers_are_refused_over_a_file_that_one_process_alone_can_open():
    shelf = Shelf()
    shelf.folder = place_of("milvus+file:archive.db")
    with pytest.raises(SettingError, match="one process alone can open milvus"):
        server._in_workers(2, shelf, "What?", ExitStack())
