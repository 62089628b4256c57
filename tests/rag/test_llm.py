"""The border to models elsewhere, against a server of our own."""

import asyncio
import logging
import subprocess
import sys
import time
import traceback
import tracemalloc
import zlib

import pytest

import tests.openai_server as does
from index.errors import (
    ModelKeyMissing,
    ModelReplyError,
    ModelUnknown,
    ModelUnreachable,
    SettingError,
    WirecheckError,
)
from rag import llm
from rag.llm import Server, check_remote, complete
from tests.openai_server import OpenAIServer, Step, fails, says

KEY = "sk-canary-7f3a9c"
MODEL = "openai/scripted"
TOO_LONG = "This model's maximum context length is 10 tokens"
MESSAGES = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "How long did the talks last?"},
]


@pytest.fixture(autouse=True)
def no_keys_but_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        "AZURE_API_KEY",
        "OPENAI_API_BASE",
        "OLLAMA_API_BASE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(llm, "BACK_OFF", 0.02)


@pytest.fixture(autouse=True, scope="session")
def warm() -> None:
    """The first call takes seconds of imports, which no deadline here should have to bear."""
    with OpenAIServer(says("Yes.")) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)
        patch.setenv("OPENAI_BASE_URL", server.url)
        complete(MODEL, MESSAGES, deadline=120)


@pytest.fixture
def ask(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    """Asks a server that follows `script`; sees to it that no key shows and nothing is printed."""

    def ask(
        *script: Step, deadline: float = 20.0, **options
    ) -> tuple[str | Exception, OpenAIServer]:
        with OpenAIServer(*script) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            try:
                outcome: str | Exception = complete(MODEL, MESSAGES, deadline=deadline, **options)
            except WirecheckError as error:
                outcome = error
                assert KEY not in "".join(traceback.format_exception(error))
        assert KEY not in caplog.text
        assert capfd.readouterr() == ("", "")
        return outcome, server

    return ask


def test_a_reply_comes_back_with_what_it_took(ask) -> None:
    outcome, _ = ask(says("  Two and a half hours. [E1]\n"), max_tokens=77)
    assert outcome == "Two and a half hours. [E1]"


def test_the_provider_gets_the_messages_and_nothing_but_what_it_needs(ask) -> None:
    _, server = ask(says("Yes. [E1]"), max_tokens=77)
    [request] = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "scripted",
        "messages": MESSAGES,
        "max_tokens": 77,
        "temperature": 0,
    }


def test_it_can_be_called_where_a_loop_runs_already(monkeypatch: pytest.MonkeyPatch) -> None:
    async def page() -> str:
        return complete(MODEL, MESSAGES, deadline=5)

    with OpenAIServer(says("Yes.")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert asyncio.run(page()) == "Yes."


def test_a_server_of_ones_own_is_asked_instead_and_gets_no_key_of_the_providers() -> None:
    with OpenAIServer(says("Yes.")) as server:
        assert complete(MODEL, MESSAGES, server=Server(server.url)) == "Yes."
        assert complete(MODEL, MESSAGES, server=Server(server.url, "theirs")) == "Yes."
    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer none", "Bearer theirs"]


@pytest.mark.parametrize(
    ("script", "kind", "requests", "word"),
    [
        ([says("")], ModelReplyError, 1, "empty"),
        ([says(None)], ModelReplyError, 1, "empty"),
        ([does.no_choices()], ModelReplyError, 1, "nothing in it"),
        ([says("The talks", finish="length")], ModelReplyError, 1, "cut off"),
        ([says("ha" * 10_001)], ModelReplyError, 1, "cut off"),
        ([says("", finish="content_filter")], ModelReplyError, 1, "withheld"),
        ([does.echoes_key(401)], ModelKeyMissing, 1, "OPENAI_API_KEY"),
        ([does.echoes_key(404)], ModelUnknown, 1, "knows no model"),
        ([does.echoes_key(400)], ModelReplyError, 1, "malformed"),
        ([fails(400, TOO_LONG)], ModelReplyError, 1, "too long"),
        ([fails(413)], ModelReplyError, 1, "too long"),
        ([does.echoes_key(429)], ModelUnreachable, 3, "asked too much"),
        ([does.echoes_key(500)], ModelUnreachable, 3, "(3 tries)"),
        ([does.cuts("The talks lasted two hours.")], ModelUnreachable, 3, "can't be reached"),
        ([does.not_json()], ModelUnreachable, 3, "is failing"),
        ([does.not_json(b"[]")], ModelUnreachable, 3, "is failing"),
        ([fails(500), fails(400)], ModelReplyError, 2, "malformed"),
    ],
)
def test_a_fault_becomes_one_line_of_ours(ask, script, kind, requests, word) -> None:
    error, server = ask(*script)
    assert type(error) is kind and len(server.requests) == requests
    assert word in str(error) and repr(MODEL) in str(error) and "\n" not in str(error)
    assert ":" in str(error)  # what is wrong: the mend


def test_a_small_reply_that_unpacks_to_gigabytes_is_not_read(ask) -> None:
    tracemalloc.start()
    error, server = ask(does.bomb(50_000_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert type(error) is ModelReplyError and "1,000,000 bytes" in str(error)
    assert len(server.requests) == 1 and peak < 20_000_000
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("body", "packing", "word"),
    [
        (b"x" * 1_000_001, "identity", "1,000,000 bytes"),
        (b"no gzip", "gzip", "garbled"),
        (b"whatever", "br", "wasn't asked for"),
    ],
)
def test_a_reply_that_is_too_large_or_oddly_packed_is_not_read(ask, body, packing, word) -> None:
    error, _ = ask(does.sends(body, {"Content-Encoding": packing}))
    assert type(error) is ModelReplyError and word in str(error)


def test_a_reply_that_is_packed_though_nobody_asked_is_unpacked(ask) -> None:
    packed = zlib.compress(does.reply("Two hours."))
    done, _ = ask(does.sends(packed, {"Content-Encoding": "deflate"}))
    assert done == "Two hours."


def test_what_the_provider_said_is_kept_as_the_cause_without_the_key(ask) -> None:
    error, _ = ask(does.echoes_key(401))
    assert "AuthenticationError" in str(error.__cause__)
    assert "Bad key: Bearer [OPENAI_API_KEY]" in str(error.__cause__)
    assert error.__context__ is None


@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_passing_fault_is_overcome(ask, status: int) -> None:
    outcome, server = ask(fails(status), says("Two hours."))
    assert (outcome, len(server.requests)) == ("Two hours.", 2)


@pytest.mark.parametrize(
    ("value", "least", "requests"),
    [
        ("0.3", 0.3, 2),
        ("120", 0.0, 1),
        ("Wed, 05 Mar 2098 10:00:00 GMT", 0.0, 1),
        ("Wed, 05 Mar 2003 10:00:00 -0000", 0.0, 2),
        ("-3", 0.0, 2),
        ("soon", 0.0, 2),
    ],
)
def test_retry_after_is_honoured_if_it_fits_the_deadline(ask, value, least, requests) -> None:
    start = time.monotonic()
    outcome, server = ask(fails(429, headers={"Retry-After": value}), says("Yes."), deadline=6)
    assert least <= time.monotonic() - start < 4
    assert len(server.requests) == requests
    assert isinstance(outcome, str if requests == 2 else ModelUnreachable)


@pytest.mark.parametrize("script", [[does.hangs()], [does.drips()], [fails(500), does.hangs()]])
def test_the_deadline_ends_what_does_not_end(ask, script) -> None:
    start = time.monotonic()
    error, server = ask(*script, deadline=0.5)
    assert type(error) is ModelUnreachable and "within 0.5 seconds" in str(error)
    assert 0.4 < time.monotonic() - start < 2.5
    assert len(server.requests) == len(script)


def test_a_redirect_is_not_followed(ask) -> None:
    with OpenAIServer(says("Gotcha.")) as elsewhere:
        error, server = ask(does.redirects(f"{elsewhere.url}/chat/completions"))
    assert type(error) is ModelUnreachable
    assert (len(server.requests), len(elsewhere.requests)) == (1, 0)


def test_litellms_own_log_stays_silent(capfd, caplog) -> None:
    logging.getLogger("LiteLLM").error("Bad key: %s", KEY)
    assert KEY not in caplog.text and capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("model", "kind", "word"),
    [
        ("", SettingError, "no model's name"),
        ("openai/a\nb", SettingError, "no model's name"),
        ("opanai/gpt", ModelUnknown, "provider first"),
        ("openai/", ModelUnknown, "provider first"),
        ("x" * 5000, ModelUnknown, "xxx..."),
        ("anthropic/some-model", ModelKeyMissing, "set ANTHROPIC_API_KEY"),
        ("gemini/some-model", ModelKeyMissing, "GOOGLE_API_KEY or GEMINI_API_KEY"),
    ],
)
def test_a_name_that_cannot_work_is_refused_before_any_work(model, kind, word) -> None:
    with pytest.raises(WirecheckError) as caught:
        check_remote(model)
    assert type(caught.value) is kind
    assert word in str(caught.value) and "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    with pytest.raises(kind):
        complete(model, MESSAGES)


@pytest.mark.parametrize("model", [MODEL, "gpt-4o", "ollama/llama3", "bedrock/anything"])
def test_a_name_that_may_work_passes(model: str) -> None:
    check_remote(model)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_key_that_is_not_set_or_blank_is_missing(monkeypatch, value: str | None) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    if value is not None:
        monkeypatch.setenv("OPENAI_API_KEY", value)
    with pytest.raises(ModelKeyMissing, match="'openai/scripted' needs a key: set OPENAI_API_KEY"):
        complete(MODEL, MESSAGES)


def test_litellm_is_loaded_only_for_a_model_that_needs_it() -> None:
    code = (
        "import sys; from rag import llm, models; llm.check_name('openai/x');"
        "models.check_model('embedded'); models.check_model('none'); models.default_model();"
        "heavy = {'litellm', 'torch', 'transformers', 'httpx', 'openvino', 'openvino_genai',"
        "'huggingface_hub'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
