"""The command `app` and `app.py` take the same options."""

from __future__ import annotations

import pytest

import wirecheck
from web import commands, server


@pytest.mark.parametrize("run", [commands.main, lambda words: wirecheck.main(["app", *words])])
def test_both_ways_of_opening_the_page_take_the_same_options(run, monkeypatch):
    monkeypatch.setattr(server, "serve", lambda *options: seen.append(options))
    monkeypatch.delenv("WIRECHECK_INDEX", raising=False)
    seen: list[tuple] = []
    served = ["--workers", "2", "--root-path", "/wirecheck"]
    assert run(["--host", "::1", "--port", "80", "--model", "none", *served]) == 0
    assert run([]) == 0
    assert seen == [
        (None, "none", "::1", 80, 2, "/wirecheck"),
        (None, None, "127.0.0.1", None, 0, ""),
    ]


@pytest.mark.parametrize("words", [["--index", "nowhere"], ["--host", "0.0.0.0"]])
def test_what_cannot_be_opened_is_one_line_and_exit_code_2(words, monkeypatch, capsys):
    monkeypatch.delenv("WIRECHECK_OPEN", raising=False)
    assert commands.main([*words, "--model", "none"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("wirecheck: ")
