"""Every setting stands in one table, and nothing else passes for one."""

import re
from pathlib import Path

import pytest

import wirecheck
from index.settings import HIDDEN, INTERNAL, SETTINGS, unknown, value_of

ROOT = Path(__file__).parents[1]


def test_every_setting_that_the_code_names_is_in_the_table():
    files = [
        *ROOT.glob("*.py"),
        *(p for d in ("index", "rag", "eval", "web") for p in (ROOT / d).rglob("*.py")),
    ]
    files.remove(ROOT / "index" / "settings.py")
    named = {n for p in files for n in re.findall(r"WIRECHECK_[A-Z_]*[A-Z]", p.read_text("utf-8"))}
    assert named <= {s.name for s in SETTINGS} | INTERNAL


def test_the_docs_have_the_same_table():
    page = (ROOT / "docs" / "page-and-api.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `(WIRECHECK_\w+)`", page, re.M))
    assert listed == {s.name for s in SETTINGS} | INTERNAL


def test_a_value_has_no_white_space_around_and_a_typo_is_an_error(monkeypatch):
    monkeypatch.setenv("WIRECHECK_MODEL", " none ")
    assert value_of("WIRECHECK_MODEL") == "none"
    monkeypatch.delenv("WIRECHECK_MODEL")
    assert value_of("WIRECHECK_MODEL") == ""
    with pytest.raises(KeyError):
        value_of("WIRECHECK_MODLE")


def test_what_is_no_setting_is_told_with_the_nearest(monkeypatch, capsys):
    monkeypatch.setenv("WIRECHECK_MODLE", "none")
    monkeypatch.setenv("WIRECHECK_QQQQ", "1")
    assert unknown() == {"WIRECHECK_MODLE": "WIRECHECK_MODEL", "WIRECHECK_QQQQ": ""}
    assert wirecheck.main(["settings"]) == 0
    told = capsys.readouterr()
    assert "WIRECHECK_MODLE is no setting; is WIRECHECK_MODEL meant?" in told.err
    assert "WIRECHECK_QQQQ is no setting; see `wirecheck settings`" in told.err


@pytest.mark.parametrize("words", [["settings"], ["settings", "--json"]])
def test_settings_are_listed_and_a_secret_is_not_shown(words, monkeypatch, capsys):
    monkeypatch.setenv("WIRECHECK_PASSWORD", "hunter2")
    monkeypatch.setenv("WIRECHECK_INDEX", "/some/where")
    assert wirecheck.main(words) == 0
    out = capsys.readouterr().out
    assert all(s.name in out for s in SETTINGS)
    assert HIDDEN in out and "hunter2" not in out and "/some/where" in out
