"""What an owner sets: who is let in, which models are offered, who may send what."""

from __future__ import annotations

import pytest

from index.errors import SettingError
from web import settings


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "desk.example"])
def test_other_machines_are_let_in_only_on_purpose(monkeypatch, host):
    monkeypatch.delenv("WIRECHECK_OPEN", raising=False)
    with pytest.raises(SettingError, match="WIRECHECK_PASSWORD"):
        settings.check_host(host, None)
    settings.check_host(host, "secret")
    monkeypatch.setenv("WIRECHECK_OPEN", "1")
    settings.check_host(host, None)


def test_the_models_to_choose_from_are_those_of_the_setting(monkeypatch):
    monkeypatch.delenv("WIRECHECK_MODELS", raising=False)
    assert settings.offered("embedded") == ["embedded", "none"]
    monkeypatch.setenv("WIRECHECK_MODELS", "ollama/near, openai/far,,none")
    assert settings.offered("embedded") == ["embedded", "ollama/near", "openai/far", "none"]
    assert settings.offered("openai/far")[0] == "openai/far"
    monkeypatch.setenv("WIRECHECK_MODELS", "openai/\x1bfar")
    with pytest.raises(SettingError, match="no model's name"):
        settings.offered("none")


def test_loopback_needs_no_password():
    for host in settings.LOOPBACK:
        settings.check_host(host, None)


def test_the_setting_is_one_or_nothing(monkeypatch):
    monkeypatch.delenv("WIRECHECK_API", raising=False)
    assert not settings.api_wanted()
    monkeypatch.setenv("WIRECHECK_API", "1")
    assert settings.api_wanted()
    monkeypatch.setenv("WIRECHECK_API", "yes")
    with pytest.raises(SettingError, match="set 1 to let programs ask"):
        settings.api_wanted()


@pytest.mark.parametrize(
    ("host", "password", "may"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("0.0.0.0", None, False),
        ("0.0.0.0", "secret", True),
        ("desk.example", "", False),
    ],
)
def test_files_are_taken_on_loopback_or_with_a_password(host, password, may):
    assert settings.may_upload(host, password) is may
