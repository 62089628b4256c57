"""What `wirecheck doctor` finds, and the mend that it names."""

import socket
from pathlib import Path

import pytest

import rag.model_room as model_room
import wirecheck
from index import build_index
from web import doctor, server
from web.doctor import examine, told


@pytest.fixture(autouse=True)
def _no_model(monkeypatch, tmp_path):
    monkeypatch.setenv("WIRECHECK_MODEL_FOLDER", str(tmp_path / "models" / "here"))
    monkeypatch.setenv("WIRECHECK_MODEL", "none")


def rows(index=None):
    return {row.name: row for row in examine(index)}


def test_all_is_looked_at_and_a_missing_model_has_its_mend(capsys):
    found = rows()
    assert list(found) == [
        *("Python", "settings", "memory", "disk", "language model"),
        *("encoder", "index", "port", "model keys"),
    ]
    assert "wirecheck models get" in found["language model"].mend
    assert "passages a second" in found["encoder"].found
    assert wirecheck.main(["doctor", "--index", "nowhere"]) == 1
    assert "MEND language model" in capsys.readouterr().out


def test_too_little_memory_or_disk_is_told(monkeypatch):
    monkeypatch.setattr(model_room, "available_memory", lambda: 1_000_000_000)
    monkeypatch.setattr(doctor, "DISK", 10**18)
    found = rows()
    assert "--model none" in found["memory"].mend and "1.0 GB" in found["memory"].found
    assert "WIRECHECK_MODEL_FOLDER" in found["disk"].mend
    monkeypatch.setattr(model_room, "available_memory", lambda: None)
    assert not rows()["memory"].mend


def test_a_setting_that_is_none_and_a_key_that_is_missing_are_told(monkeypatch):
    monkeypatch.setenv("WIRECHECK_MODLE", "x")
    monkeypatch.setenv("WIRECHECK_MODELS", "openai/gpt-4o")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found = rows()
    assert "WIRECHECK_MODEL" in found["settings"].mend
    assert "OPENAI_API_KEY" in found["model keys"].mend


def test_a_taken_port_is_told_with_the_one_that_is_free(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(server, "PORT", taken.getsockname()[1])
        assert "is taken; the page takes" in rows()["port"].found


def test_a_damaged_index_has_its_mend(tmp_path: Path):
    (tmp_path / "a.txt").write_text("A barge struck the bridge at Ostry.", "utf-8")
    build_index([tmp_path / "a.txt"], tmp_path / "index")
    assert not rows(tmp_path / "index")["index"].mend
    for file in (tmp_path / "index").rglob("*"):
        if file.is_file() and file.stat().st_size > 100:
            file.write_bytes(file.read_bytes()[:50])
    assert rows(tmp_path / "index")["index"].mend


def test_a_row_is_a_line_and_a_mend_a_line_beneath():
    assert told(doctor.Row("disk", "full")) == "ok   disk            full"
    assert told(doctor.Row("disk", "full", "free some")).splitlines()[1].strip() == "free some"
