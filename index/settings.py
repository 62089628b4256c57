"""Every setting: an environment variable whose name begins with WIRECHECK_, from `settings.csv`.

value_of("WIRECHECK_MODEL") -> "none", or "" where it isn't set
unknown()                   -> {"WIRECHECK_MODLE": "WIRECHECK_MODEL"}: what is no setting
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from .errors import SettingError

PREFIX = "WIRECHECK_"
#: What is shown in place of a secret.
HIDDEN = "(set)"
#: A week: no timer takes much more.
MOST_SECONDS = 604_800.0


@dataclass(frozen=True)
class Setting:
    """One setting: what it takes, what holds where it isn't set, and what it is for."""

    name: str
    takes: str
    default: str
    purpose: str
    secret: bool = False

    @property
    def value(self) -> str:
        """What it is set to, to be shown; "" if it isn't set."""
        value = value_of(self.name)
        return HIDDEN if value and self.secret else value


def _listed() -> tuple[Setting, ...]:
    with Path(__file__).with_name("settings.csv").open(encoding="utf-8") as file:
        return tuple(
            Setting(row["name"], row["takes"], row["default"], row["purpose"], bool(row["secret"]))
            for row in csv.DictReader(file)
        )


SETTINGS = _listed()
#: For tests and benches only: they aren't listed.
INTERNAL = frozenset({"WIRECHECK_SHOTS", "WIRECHECK_PEER_INDEX"})
_NAMES = frozenset(s.name for s in SETTINGS)


def value_of(name: str) -> str:
    """What a setting is set to, without white space around it; "" if it isn't set.

    Raises KeyError for what isn't in `SETTINGS`: a setting that nobody could find.
    """
    if name not in _NAMES:
        raise KeyError(name)
    return os.environ.get(name, "").strip()


def names_of(name: str) -> list[str]:
    """The names that a setting lists with commas between."""
    return [said.strip() for said in value_of(name).split(",") if said.strip()]


def seconds_of(name: str) -> float:
    """A setting that is a number of seconds above 0. Raises SettingError for anything else."""
    text = value_of(name) or next(s.default for s in SETTINGS if s.name == name)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_SECONDS:
        raise SettingError(f"{name}={text[:60]!r} is no number of seconds above 0")
    return seconds


def unknown() -> dict[str, str]:
    """Variables that look like settings and are none, each with the nearest setting or ""."""
    odd = sorted(n for n in os.environ if n.startswith(PREFIX) and n not in _NAMES | INTERNAL)
    near = {name: get_close_matches(name, _NAMES, n=1, cutoff=0.8) for name in odd}
    return {name: found[0] if found else "" for name, found in near.items()}


def unknown_told() -> list[str]:
    """One line for each variable that is no setting, with what may be meant."""
    return [
        f"{name} is no setting" + (f"; is {near} meant?" if near else "; see `wirecheck settings`")
        for name, near in unknown().items()
    ]
