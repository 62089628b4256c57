"""What a run depends on: settings, articles, the program's own files, versions, the machine."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Iterable
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from eval.judging import Judge
from eval.run import hash_of

#: The folders whose files decide what is answered and how it is scored.
_PROGRAM = ("index", "rag", "prompts", "eval")
#: The packages whose versions change what is measured.
_PACKAGES = (
    "wirecheck sentence-transformers transformers torch faiss-cpu pystemmer spacy litellm numpy"
).split()


def settings_of(options: argparse.Namespace, index: Any, judge: Judge) -> dict[str, Any]:
    """All that makes an answer or its score another one, JSON-ready."""
    rows = [(a.id, a.sha256, a.outlet, a.published) for a in index.articles.values()]
    return {
        "model": options.model,
        "system": options.system,
        "judge": [judge.name, getattr(judge, "fingerprint", None)],
        "articles": hash_of(sorted(rows, key=lambda row: row[0])),
        "encoder": getattr(getattr(index, "encoder", None), "fingerprint", None),
        "program": program_hash(),
        "versions": versions(),
        # Not where vectors are cached: that changes no answer.
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith("WIRECHECK_") and not name.startswith("WIRECHECK_CACHE")
        },
    }


def program_files(root: Path) -> list[Path]:
    """Every file that an answer, or a figure about it, may depend on, in a fixed order."""
    found = (p for part in _PROGRAM for p in (root / part).rglob("*") if p.is_file())
    return sorted(p for p in found if "__pycache__" not in p.parts)


def program_hash() -> str:
    """A hash of this program's files: what another version of it said is not measured again."""
    root = Path(__file__).parent.parent
    found = sha256()
    for path in program_files(root):
        found.update(f"{path.relative_to(root).as_posix()} {path.stat().st_size}\n".encode())
        # Weights, tens of megabytes, are told by their size and the hash that stands beside them.
        if path.suffix != ".safetensors":
            found.update(path.read_bytes())
    return found.hexdigest()


def versions() -> dict[str, str | int | None]:
    """Of Python and the packages, and which machine it is."""
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "processor": _processor()}
    return {"python": platform.python_version(), **installed(_PACKAGES), **machine}


def installed(names: Iterable[str]) -> dict[str, str | None]:
    """The version of each package; None of one that isn't there."""
    known = {d.name.lower().replace("_", "-"): d.version for d in metadata.distributions()}
    return {name: known.get(name) for name in names}


def _processor() -> str | None:
    """The processor's name as the system tells it; None where it doesn't."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or None
