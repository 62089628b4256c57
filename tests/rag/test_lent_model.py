"""One model for several processes, and the calls between processes that it stands on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.connection import Listener, deliver_challenge
from pathlib import Path
from threading import Thread

import pytest

from index.errors import ModelReplyError, ModelUnreachable, SettingError
from rag import calls, local_model, model_room, models
from rag.asking import Reply
from rag.calls import Gone, Served, Silent, call
from rag.lent_model import LentModel, lend
from rag.local_model import LocalModel
from tests.rag.test_local_model import FAKE, of

KEY = b"a key that both know"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path() -> Iterator[Path]:
    """Where a socket may lie: a path that is short enough for one."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "socket")


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def elsewhere(code: str, **options) -> subprocess.Popen[str]:
    """Run this in another process."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", code]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env, **options)


# --- calls -------------------------------------------------------------------------------------


def test_what_it_raises_is_raised_if_it_is_ours_and_else_told_to_the_log(path):
    def fails(request, tell):
        raise request

    with closing(Served(path, KEY, fails)):
        with pytest.raises(SettingError, match=r"^give another$"):
            call(path, KEY, SettingError("give another"), print)
        # Also what would end a thread, or looks like a caller that is gone.
        for error in (ValueError("x"), SystemExit(3), BrokenPipeError("x"), EOFError("x")):
            with pytest.raises(RuntimeError, match=f"(?s)another process.*{type(error).__name__}"):
                call(path, KEY, error, print)


def test_nobody_is_let_in_without_the_key_and_the_next_who_knows_it_is(path):
    asked = []
    with closing(Served(path, KEY, lambda request, tell: asked.append(request))):
        with pytest.raises(Gone):
            call(path, b"another", "stranger", print)
        call(path, KEY, "friend", print)
    assert asked == ["friend"]


def test_a_caller_that_stops_at_the_door_keeps_nobody_waiting(path):
    with closing(Served(path, KEY, lambda request, tell: request)):
        with socket.socket(socket.AF_UNIX) as stopped:
            stopped.connect(str(path))
            assert call(path, KEY, "next", print, silence=20) == "next"


def test_one_that_stops_while_hands_are_shaken_is_gone(path, monkeypatch):
    monkeypatch.setattr(calls, "SHAKE_SECONDS", 0.2)
    with Listener(str(path), "AF_UNIX") as listener:
        held = []

        def half() -> None:
            held.append(listener.accept())
            deliver_challenge(held[0], KEY)

        Thread(target=half, daemon=True).start()
        begun = time.monotonic()
        with pytest.raises(Gone):
            call(path, KEY, "hello", print)
        with pytest.raises(Gone):  # Nobody even accepts this one.
            call(path, KEY, "hello", print)
        assert time.monotonic() - begun < 10


def test_one_that_is_stopped_is_silent(path):
    code = (
        "import sys; from pathlib import Path; from rag.calls import Served\n"
        f"Served(Path({str(path)!r}), {KEY!r}, lambda request, tell: sys.stdin.read())\n"
        "print('up', flush=True); import time; time.sleep(60)"
    )
    other = elsewhere(code, stdin=subprocess.PIPE)
    try:
        assert other.stdout.readline() == "up\n"
        with pytest.raises(Silent):
            call(path, KEY, "waits for ever", print, 0.2)
        other.send_signal(signal.SIGSTOP)
        until(lambda: ") T " in Path(f"/proc/{other.pid}/stat").read_text())
        with pytest.raises(Silent):
            call(path, KEY, "is not even let in", print, 0.2)
    finally:
        other.kill()
        other.communicate()


# --- the model ---------------------------------------------------------------------------------


@pytest.fixture
def lent(tmp_path, path, monkeypatch) -> Iterator[tuple[LocalModel, Path]]:
    """A model whose process is a script, lent; and its log."""
    monkeypatch.setattr(model_room, "available_memory", lambda: None)
    script, log = tmp_path / "fake.py", tmp_path / "log"
    script.write_text(FAKE, encoding="utf-8")
    model = LocalModel(tmp_path, [sys.executable, str(script), str(log)])
    with closing(model), closing(lend(path, KEY, lambda: model)):
        yield model, log


def words_in(log: Path) -> list[str]:
    return log.read_text("utf-8").split()


def asks(path: Path, word: str) -> subprocess.Popen[str]:
    """Another process that asks the model; it prints what is said."""
    code = (
        "from pathlib import Path; from rag.lent_model import LentModel\n"
        f"model = LentModel(Path({str(path)!r}), {KEY!r}).ready()\n"
        f"said = model.ask([[{{'role': 'user', 'content': {word!r}}}]], max_tokens=9)\n"
        "print(said[0].text, flush=True)"
    )
    return elsewhere(code)


def test_two_processes_ask_one_model(lent, path):
    _, log = lent
    others = [asks(path, "one"), asks(path, "two")]
    assert [other.communicate(timeout=30)[0] for other in others] == ["said one\n", "said two\n"]
    told = []
    (said,) = LentModel(path, KEY).ask(of("long"), max_tokens=9, tick=told.append)
    assert said == Reply("said long", ("said long",), (-0.5,))
    assert len({tuple(texts) for texts in told}) > 3
    assert words_in(log)[0] == "start" and sorted(words_in(log)[1:]) == ["long", "one", "two"]


def test_a_model_that_is_killed_comes_back_and_the_call_at_it_is_answered(lent, path):
    model, log = lent
    asked = asks(path, "long")
    until(lambda: "long" in words_in(log))
    killed = model.pid
    os.kill(killed, signal.SIGKILL)
    assert asked.communicate(timeout=30)[0] == "said long\n"
    assert model.pid != killed and words_in(log) == ["start", "long", "start", "long"]
    assert LentModel(path, KEY).ask(of("next"), max_tokens=9)[0].text == "said next"


def test_a_process_that_dies_while_it_asks_holds_up_nobody(lent, path):
    _, log = lent
    asked = asks(path, "long")
    until(lambda: "long" in words_in(log))
    asked.kill()
    asked.wait()
    assert LentModel(path, KEY).ask(of("next"), max_tokens=9)[0].text == "said next"
    assert words_in(log) == ["start", "long", "cancel", "1", "next"]


def test_what_goes_wrong_is_what_the_model_itself_would_tell(lent, path):
    asked = LentModel(path, KEY)
    with pytest.raises(ModelReplyError, match="reads 6,000 tokens at most"):
        asked.ask(of("too-long"), max_tokens=9)
    with pytest.raises(ModelUnreachable, match="fails again and again"):
        asked.ask(of("die"), max_tokens=9)
    with pytest.raises(ModelUnreachable, match=r"took more than 0\.1 seconds"):
        asked.ask(of("long"), max_tokens=9, seconds=0.1)


def test_without_who_keeps_the_model_there_is_a_line(path):
    with pytest.raises(ModelUnreachable, match="keeps the language model is gone: ask again"):
        LentModel(path, KEY).ready()


def test_a_borrowed_model_is_the_one_in_the_box(lent, path, monkeypatch):
    monkeypatch.setattr(local_model, "_borrowing", [])
    local_model.borrow(LentModel(path, KEY).ready)
    (reply,) = models.load_model("embedded").ask(of("hello"), max_tokens=9)
    assert (reply.text, reply.logprobs) == ("said hello", (-0.5,))
