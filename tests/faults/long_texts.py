"""`python -m tests.faults.long_texts`: what reports of 10 to 30 KB in one sentence cost.

Each kind is indexed and asked about, with a scripted model and without one, by the parts that ship.
Prints processor seconds; 0 if none took more than `MOST`, else 1.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import rag
from index import build_index, open_index
from tests.replay import ReplayModel

MOST = 10.0
QUESTION = "How many otters did the warden of Marle count?"
KINDS = {
    "counted": ", ".join(f"{n} otters" for n in range(1800)),
    "nested quotations": "“He said ‘" * 2000 + "otters" + "’ and”" * 2000,
    "opened quotations": '"“' * 8000,
    "short quotations": " ".join(f'"Otters saw {n} boats," "he said.' for n in range(600)),
    "one word": "very " * 5000,
    "clauses": "and then, " * 2500,
    "names": " ".join(f"Ada Holm{n} and" for n in range(1500)),
    "days": ", ".join(f"{n % 28 + 1} May {1900 + n % 130}" for n in range(1500)),
    "no space": "A-B-" * 5000,
    "brackets": "(" * 10000 + ")" * 10000,
    "amounts": " and ".join(f"${n}.5m" for n in range(2000)),
    "abbreviations": "Mr. " * 5000,
}


def main() -> int:
    """Ask about each kind, both ways."""
    os.environ["WIRECHECK_CACHE"] = "off"
    longest = 0.0
    for kind, text in KINDS.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            report = f"Otters\n\nThe warden of Marle counted otters: {text}."
            (folder / "a.txt").write_text(report, encoding="utf-8")
            build_index([folder], folder / "index")
            index = open_index(folder / "index")
            read = ("How many", "Otters", "otters", 0.95)
            for model in ("none", ReplayModel(read, written="The warden counted 14 otters.")):
                began = time.process_time()
                answer = rag.answer(QUESTION, index, model)
                took = time.process_time() - began
                longest = max(longest, took)
                print(f"{kind}, {getattr(model, 'name', model)}: {took:.1f} s, {answer.outcome}")
    return int(longest > MOST)


if __name__ == "__main__":
    sys.exit(main())
