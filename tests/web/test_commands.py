"""The command `app` and `app.py` take the same options."""

from __future__ import annotations

import pytest

import wirecheck
from web import commands, server


@pytest.mark.parametrize("run", [commands.main, lambda words: wirecheck.main(["app", *words])])
def test_both_ways_of_opening_the_page_take_the_same_options(run, monkeypatch):
    monkeypatch.setattr(server, "main", lambda **options: seen.append(options) or 0)
    monkeypatch.delenv("WIRECHECK_INDEX", raising=False)
    seen: list[dict] = []
    served = ["--workers", "2", "--root-path", "/wirecheck"]
    assert run(["--host", "::1", "--port", "80", "--model", "none", *served]) == 0
    assert run([]) == 0
    assert seen == [
        {"index": None, "model": "none", "host": "::1", "port": 80, "workers": 2}
        | {"root_path": "/wirecheck"},
        {"index": None, "model": None, "host": "127.0.0.1", "port": None, "workers": 0}
        | {"root_path": ""},
    ]


def test_what_cannot_be_opened_is_one_line_and_exit_code_2(tmp_path, capsys):
    assert commands.main(["--index", str(tmp_path), "--model", "none"]) == 2
    assert capsys.readouterr().err.startswith("wirecheck: ")
