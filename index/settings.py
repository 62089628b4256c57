"""Every setting: an environment variable whose name begins with WIRECHECK_.

value_of("WIRECHECK_MODEL") -> "none", or "" where it isn't set
unknown()                   -> {"WIRECHECK_MODLE": "WIRECHECK_MODEL"}: what is no setting
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches

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


SETTINGS = (
    Setting(
        "WIRECHECK_INDEX",
        "a folder, or an address of Milvus",
        ".wirecheck/index; the page asks the sample articles",
        "the index where --index is left out",
    ),
    Setting(
        "WIRECHECK_MILVUS_TOKEN",
        "a token, or user:password",
        "none",
        "lets Wirecheck into an index in Milvus",
        secret=True,
    ),
    Setting(
        "WIRECHECK_MILVUS_CA",
        "a file of certificates (PEM)",
        "the usual authorities",
        "whom Wirecheck trusts for an index at milvus+https",
    ),
    Setting(
        "WIRECHECK_MODEL",
        "embedded, none or a LiteLLM name",
        "embedded",
        "the language model where --model is left out",
    ),
    Setting(
        "WIRECHECK_MODELS",
        "names with commas between",
        "none",
        "further models that the page offers",
    ),
    Setting("WIRECHECK_SECONDS", "a number above 0", "300", "seconds that a question may take"),
    Setting(
        "WIRECHECK_MODEL_SECONDS",
        "a number above 0",
        "30",
        "seconds that a language model elsewhere may take for all of an answer",
    ),
    Setting(
        "WIRECHECK_LOCAL_MODEL",
        "a GGUF file, a folder, or OWNER/MODEL",
        "the model in the box",
        "another model as `embedded`",
    ),
    Setting(
        "WIRECHECK_MODEL_FOLDER",
        "a folder",
        "this user's cache folder",
        "where language models are kept",
    ),
    Setting("WIRECHECK_DOWNLOAD", "off", "the model is fetched", "no language model is fetched"),
    Setting(
        "WIRECHECK_CHECKER",
        "bundled, llm:MODEL, or a CrossEncoder's name or folder",
        "bundled",
        "what says how far evidence supports a claim",
    ),
    Setting(
        "WIRECHECK_CHECKER_THRESHOLD",
        "0 to 1",
        "0.5; for bundled its calibrated one",
        "the support that a claim needs",
    ),
    Setting(
        "WIRECHECK_ENCODER",
        "bundled, or a model's name or folder",
        "bundled",
        "what embeds passages and questions",
    ),
    Setting(
        "WIRECHECK_ENCODE_ON",
        "processes:N, dask:ADDRESS, ray or ray:ADDRESS",
        "the process of `wirecheck index` alone",
        "where `wirecheck index` embeds if --encode-on is left out",
    ),
    Setting(
        "WIRECHECK_RERANKER",
        "a CrossEncoder's name or folder",
        "none",
        "has the last word on the order of passages",
    ),
    Setting(
        "WIRECHECK_CACHE", "a folder, or off", "this user's cache folder", "where vectors are kept"
    ),
    Setting(
        "WIRECHECK_CACHE_MB",
        "a whole number; 0 keeps none",
        "2000",
        "how large that may grow, in MB",
    ),
    Setting(
        "WIRECHECK_PASSWORD",
        "text",
        "none",
        "the page asks for it; it may then be served on any address",
        secret=True,
    ),
    Setting("WIRECHECK_OPEN", "1", "not open", "serve other machines without a password"),
    Setting(
        "WIRECHECK_PROXY",
        "addresses or networks with commas between",
        "none",
        "proxies before the page, which are believed on whom they ask for",
    ),
    Setting(
        "WIRECHECK_HOSTS",
        "names with commas between",
        "none",
        "names by which a proxy on this machine is asked for the page",
    ),
    Setting("WIRECHECK_API", "1 or 0", "0", "programs may ask"),
    Setting(
        "WIRECHECK_FILES",
        "a folder",
        "a private one that goes with the server",
        "where files that are dropped on the page are kept",
    ),
    Setting(
        "WIRECHECK_SYSTEM_KEY",
        "a key",
        "none",
        "the key for an address that `eval --system` asks",
        secret=True,
    ),
)
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
