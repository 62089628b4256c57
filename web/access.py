"""Who may come, from where and by which proxy, and what they may ask, send and choose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_network

from index.errors import SettingError
from index.settings import names_of, value_of

HOST = "127.0.0.1"
#: The last as a browser names it.
LOOPBACK = (HOST, "localhost", "::1", "[::1]")


def check_host(host: str, password: str | None) -> None:
    """Refuse to serve other machines without a password, unless told to."""
    asked_by = named_hosts() or (() if host in LOOPBACK else (host,))
    if not asked_by or password or value_of("WIRECHECK_OPEN") == "1":
        return
    raise SettingError(
        f"{asked_by[0]} would let other machines ask, with no password: set "
        "WIRECHECK_PASSWORD, or WIRECHECK_OPEN=1 if that is what you want"
    )


def hosts_of(host: str) -> Sequence[str]:
    """Names to answer to. Off loopback nobody can list them: there the password protects."""
    return (*LOOPBACK, *named_hosts()) if host in LOOPBACK else ("*",)


def named_hosts() -> tuple[str, ...]:
    """Names by which a proxy on this machine is asked for the page. Raises SettingError."""
    names = tuple(names_of("WIRECHECK_HOSTS"))
    for name in names:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name, re.IGNORECASE):
            raise SettingError(f"WIRECHECK_HOSTS: {name[:60]!r}: give names such as news.example")
    return names


def checked_root(path: str) -> str:
    """The path below which a proxy has the page, "" for none. Raises SettingError for another."""
    if not re.fullmatch(r"(/[\w.~-]+)*/?", path, re.ASCII):
        raise SettingError(f"--root-path {path[:60]!r}: give a path such as /wirecheck")
    return path.rstrip("/")


def proxies() -> list[str]:
    """Who is believed on whom a request comes from. Raises SettingError for what is no address."""
    named = names_of("WIRECHECK_PROXY")
    for name in named:
        try:
            ip_network(name)
        except ValueError as error:
            raise SettingError(f"WIRECHECK_PROXY: {error}: give addresses or networks") from error
    return named


def may_upload(host: str, password: str | None) -> bool:
    """Whether articles may be given on the page: not where anybody at all may come."""
    return (host in LOOPBACK and not named_hosts()) or bool(password)


def api_wanted() -> bool:
    """Whether programs may ask: WIRECHECK_API is 1, or 0 or not set. Raises SettingError else."""
    value = value_of("WIRECHECK_API") or "0"
    if value not in ("0", "1"):
        raise SettingError(f"WIRECHECK_API is {value!r}: set 1 to let programs ask, or 0")
    return value == "1"


def offered(chosen: str) -> list[str]:
    """The models to choose from: `chosen` first, then those of WIRECHECK_MODELS, then our own.

    Raises SettingError for what can't be a model's name. Whether one answers is tested on the page:
    its server may still have to be started.
    """
    from rag.llm import check_name

    names = names_of("WIRECHECK_MODELS")
    for name in names:
        check_name(name)
    return [*dict.fromkeys([chosen, *names, "embedded", "none"])]
