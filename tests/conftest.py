"""Every test embeds what it says it embeds: nothing comes from this user's cache, or the network."""

import os
from contextlib import ExitStack

import pytest

from tests.openai_server import OpenAIServer

# Here and not in a fixture, so that programs that a test starts have it, too.
os.environ["WIRECHECK_CACHE"] = "off"
os.environ.setdefault("WIRECHECK_DOWNLOAD", "off")
os.environ["WIRECHECK_CHECKER"] = "signals"
if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores, so one thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def openai(monkeypatch):
    """Starts a server that follows a script; `openai/...` models ask the newest."""
    with ExitStack() as stack:

        def serve(*script):
            server = stack.enter_context(OpenAIServer(*script))
            monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789abcdef")
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            return server

        yield serve


@pytest.fixture
def plain(monkeypatch):
    """A reading is as sure as the model's "Yes", whatever the weights that ship."""
    from tests.replay import plain_weights  # late, as it imports much

    plain_weights(monkeypatch)
