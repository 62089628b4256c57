"""Which model reads: what a reply says, a remote one, and one that is being fetched."""

import math
import threading
import time

import pytest

from index.errors import (
    ModelError,
    ModelReplyError,
    ModelUnknown,
    ModelUnreachable,
    SettingError,
    WirecheckError,
)
from rag import llm, models
from rag.asking import SURE, Reply
from rag.llm import Server
from rag.models import RemoteModel, complete, load_model
from tests.openai_server import fails, says


def of(*words: str) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": word}] for word in words]


def echo(body) -> str:
    return f"said {body['messages'][0]['content']}"


@pytest.fixture(autouse=True)
def settings(monkeypatch) -> None:
    monkeypatch.delenv("WIRECHECK_MODEL", raising=False)
    monkeypatch.setattr(llm, "BACK_OFF", 0.02)


@pytest.mark.parametrize(
    ("reply", "yes"),
    [
        (Reply("Yes", ("Yes",), (math.log(0.9),)), 0.9),
        (Reply("No.", ("No", "."), (math.log(0.8), -0.1)), 0.2),
        (Reply("yes, it says so", (" yes", ","), (math.log(0.6), -0.1)), 0.6),
        (Reply("Maybe", ("Maybe",), (-0.1,)), 0.5),
        (Reply("Yes."), SURE),
        (Reply(" no"), 1 - SURE),
        (Reply(""), 0.5),
    ],
)
def test_how_likely_a_reply_says_yes(reply: Reply, yes: float) -> None:
    assert reply.yes() == pytest.approx(yes)


@pytest.fixture
def remote(openai):
    """Asks a server that follows the script."""
    return lambda *script: RemoteModel("openai/scripted", Server(openai(*script).url))


def test_before_anything_is_sent_one_thread_alone_imports_litellm(remote, monkeypatch) -> None:
    real, seen = llm.load_litellm, []
    send = llm.complete

    def load():
        seen.append("load")
        time.sleep(0.05)
        return real()

    def complete_(*args, **options):
        seen.append("send")
        return send(*args, **options)

    asked = remote(says(echo), says(echo))
    monkeypatch.setattr(llm, "load_litellm", load)
    monkeypatch.setattr(llm, "complete", complete_)
    asked.ask(of("a", "b"), max_tokens=9)
    assert seen[:2] == ["load", "send"]


def test_several_conversations_are_sent_at_once_and_answered_in_order(remote) -> None:
    together = threading.Barrier(4, timeout=20)

    def reply(body) -> str:
        together.wait()
        return echo(body)

    replies = remote(says(reply)).ask(of(*"abcd"), max_tokens=9)
    assert replies == [Reply(f"said {word}") for word in "abcd"]


def test_a_reply_that_can_not_be_used_leaves_the_others(remote) -> None:
    model = remote(says(lambda body: "" if "bad" in str(body) else echo(body)))
    assert [r.text for r in model.ask(of("a", "bad", "c"), max_tokens=9)] == [
        "said a",
        "",
        "said c",
    ]
    with pytest.raises(ModelReplyError, match="empty"):
        model.ask(of("bad", "bad"), max_tokens=9)


def test_a_model_that_is_gone_is_no_empty_reply(remote) -> None:
    def gone(exchange) -> None:
        (fails(503) if "bad" in str(exchange.request.body) else says(echo))(exchange)

    with pytest.raises(ModelUnreachable):
        remote(gone).ask(of("a", "bad"), max_tokens=9)


def test_a_model_that_thinks_first_has_room_to(remote) -> None:
    def most(body) -> str:
        return str(body["max_tokens"])

    assert remote(says(most)).ask(of("a"), max_tokens=1)[0].text == str(llm.LEAST_TOKENS)


def test_one_reply_as_text(openai) -> None:
    openai(says(" Yes. "), says(""))
    assert complete("openai/scripted", of("a")[0]) == "Yes."
    with pytest.raises(ModelReplyError):
        complete("openai/scripted", of("a")[0])


def test_no_words_of_the_model_in_the_box_are_no_reply(monkeypatch) -> None:
    class Silent:
        def ask(self, conversations, **options):
            return [Reply(" ")]

    monkeypatch.setattr(models, "load_model", lambda name: Silent())
    with pytest.raises(ModelReplyError, match="'embedded' sent an empty reply"):
        complete("embedded", of("a")[0])


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("none", SettingError, "reads and writes nothing"),
        ("embedded/other", ModelUnknown, "called 'embedded' alone"),
        ("opanai/gpt", ModelUnknown, "provider first"),
        ("embedded", ModelError, "run `wirecheck models get`"),
    ],
)
def test_a_model_that_can_not_be_had_is_one_line(monkeypatch, tmp_path, name, kind, told) -> None:
    monkeypatch.delenv("WIRECHECK_LOCAL_MODEL", raising=False)
    monkeypatch.setenv("WIRECHECK_MODEL_FOLDER", str(tmp_path))
    with pytest.raises(WirecheckError) as caught:
        load_model(name)
    assert type(caught.value) is kind
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_the_configured_model(monkeypatch) -> None:
    assert models.default_model() == "embedded"
    monkeypatch.setenv("WIRECHECK_MODEL", " ollama/llama3 ")
    assert models.default_model() == "ollama/llama3"
    monkeypatch.setenv("WIRECHECK_MODEL", " ")
    assert models.default_model() == "embedded"


class Loading:
    """Stands where `load_local` would: tells, waits for `go`, and gives a model or a fault."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault, self.go, self.asked = fault, threading.Event(), []

    def __call__(self, tell):
        if tell:
            tell("fetching", 1, 4)
            assert self.go.wait(20)
            if self.fault:
                raise self.fault
        return self

    name = "embedded"

    def ask(self, conversations, **options):
        self.asked += conversations
        return [Reply("")]


@pytest.fixture
def loading(monkeypatch):
    """Loads in the background; gives `Loading` and what `on_done` was told."""

    def start(fault: Exception | None = None) -> tuple[Loading, list[str], threading.Event]:
        local, told, done = Loading(fault), [], threading.Event()
        monkeypatch.setattr(models, "load_local", local)
        monkeypatch.setattr(models, "_fetching", models._Fetching())
        models.load_in_background(lambda problem: (told.append(problem), done.set()))
        return local, told, done

    return start


def test_until_it_is_loaded_one_is_told_how_far_it_is(loading) -> None:
    local, told, done = loading()
    until = time.monotonic() + 5
    while models._fetching.doing != "fetching, 25 %" and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(ModelError, match=r"isn't ready yet \(fetching, 25 %\): ask again"):
        load_model("embedded")
    assert load_model("ollama/llama3").name == "ollama/llama3"
    local.go.set()
    assert done.wait(5) and told == [""]
    assert load_model("embedded").ask(of("a"), max_tokens=1) == [Reply("")]


def test_it_has_read_its_instructions_before_anybody_asks(loading) -> None:
    from rag.prompts import load_prompt

    local, _, done = loading()
    local.go.set()
    assert done.wait(5)
    beginning = load_prompt("read").messages(report="-", question="-")[:-1]
    assert [conversation[:-1] for conversation in local.asked] == [beginning]


def test_why_it_failed_is_told_and_it_can_be_asked_for_again(loading) -> None:
    local, told, done = loading(ModelUnreachable("no network: mend it"))
    local.go.set()
    assert done.wait(5) and told == ["no network: mend it"]
    assert load_model("embedded").name == "embedded"
