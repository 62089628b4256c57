"""Which of its two formats the bundled encoder computes in: what is fastest on this machine.

That is measured at the first start, which takes a second, and kept in this user's cache folder.
Another processor, or another version of OpenVINO, is measured anew.

The same encoder in two formats gives vectors that agree (`agree`): an index of one serves, and is
updated, on a machine that computes in the other. Its fingerprint, NAME:HASH/FORMAT, then tells
both.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from .atomic_write import replace_file
from .cache import cache_folder
from .network import FLOAT, INT8, Network

_NAME = "encoder-1.json"
#: How many times as fast INT8 must be: it is less exact, and a busy machine measures badly.
_WORTH = 1.2
_ROWS, _TOKENS, _ROUNDS = 8, 128, 3


def chosen_format(load: Callable[[str], Network]) -> str:
    """FLOAT or INT8; `load` makes the network of a format, to be measured."""
    folder, machine = cache_folder(), _machine()
    kept = _kept(folder / _NAME) if folder else {}
    if kept.get("machine") == machine and kept.get("format") in (FLOAT, INT8):
        return str(kept["format"])
    speeds = measured({form: load(form) for form in (FLOAT, INT8)})
    form = INT8 if speeds[INT8] > _WORTH * speeds[FLOAT] else FLOAT
    if folder:
        told = {"machine": machine, "format": form, "tokens a second": speeds}
        with suppress(OSError):  # measured again the next time
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(folder / _NAME, [json.dumps(told, indent=1).encode()])
    return form


def agree(one: str, other: str) -> bool:
    """Whether vectors of these two fingerprints can be compared: one encoder, in any format.

    Those of the bundled one have a cosine of 0.9987 on average between its formats.
    """
    return one.partition("/")[0] == other.partition("/")[0]


def together(*fingerprints: str) -> str:
    """The fingerprint of vectors that agree: the formats of all of them, with a plus between."""
    named = (f.partition("/")[2].split("+") for f in fingerprints)
    forms = sorted({form or FLOAT for forms in named for form in forms})
    return f"{fingerprints[0].partition('/')[0]}/{'+'.join(forms)}"


def measured(networks: Mapping[str, Network]) -> dict[str, float]:
    """Tokens a second of each, the best of three rounds in turns after one that doesn't count."""
    rows = [[1000 + n] * _TOKENS for n in range(_ROWS)]
    best = dict.fromkeys(networks, 0.0)
    for turn in range(_ROUNDS + 1):
        for form, network in networks.items():
            start = time.perf_counter()
            network.means(rows)
            speed = _ROWS * _TOKENS / (time.perf_counter() - start)
            best[form] = max(best[form], speed) if turn else 0.0
    return {form: round(speed) for form, speed in best.items()}


def _kept(path: Path) -> dict[str, object]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


def _machine() -> str:
    """What the speeds depend on, as a hash."""
    try:
        lines = Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines()
        told = {row for row in lines if row.startswith(("model name", "flags", "Features"))}
    except OSError:
        told = {platform.machine(), platform.processor()}
    parts = [version("openvino"), str(os.cpu_count()), *sorted(told)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
