"""What an owner sets: who is let in, which models are offered, who may send what."""

import pytest

from index.errors import SettingError
from web import access


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "desk.example"])
def test_other_machines_are_let_in_only_on_purpose(monkeypatch, host):
    monkeypatch.delenv("WIRECHECK_OPEN", raising=False)
    with pytest.raises(SettingError, match="WIRECHECK_PASSWORD"):
        access.check_host(host, None)
    access.check_host(host, "secret")
    monkeypatch.setenv("WIRECHECK_OPEN", "1")
    access.check_host(host, None)


def test_the_models_to_choose_from_are_those_of_the_setting(monkeypatch):
    monkeypatch.delenv("WIRECHECK_MODELS", raising=False)
    assert access.offered("embedded") == ["embedded", "none"]
    monkeypatch.setenv("WIRECHECK_MODELS", "ollama/near, openai/far,,none")
    assert access.offered("embedded") == ["embedded", "ollama/near", "openai/far", "none"]
    assert access.offered("openai/far")[0] == "openai/far"
    monkeypatch.setenv("WIRECHECK_MODELS", "openai/\x1bfar")
    with pytest.raises(SettingError, match="no model's name"):
        access.offered("none")


def test_loopback_needs_no_password():
    for host in access.LOOPBACK:
        access.check_host(host, None)


def test_proxies_are_addresses_or_networks(monkeypatch):
    monkeypatch.setenv("WIRECHECK_PROXY", "127.0.0.1, 10.1.0.0/16,")
    assert access.proxies() == ["127.0.0.1", "10.1.0.0/16"]
    for wrong in ("*", "proxy.example", "10.0.0.1 10.0.0.2"):
        monkeypatch.setenv("WIRECHECK_PROXY", wrong)
        with pytest.raises(SettingError, match=r"WIRECHECK_PROXY: .* give addresses or networks"):
            access.proxies()


def test_the_setting_is_one_or_nothing(monkeypatch):
    monkeypatch.delenv("WIRECHECK_API", raising=False)
    assert not access.api_wanted()
    monkeypatch.setenv("WIRECHECK_API", "1")
    assert access.api_wanted()
    monkeypatch.setenv("WIRECHECK_API", "yes")
    with pytest.raises(SettingError, match="set 1 to let programs ask"):
        access.api_wanted()


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
    assert access.may_upload(host, password) is may
