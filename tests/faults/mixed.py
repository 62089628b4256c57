"""500 files of all kinds, one in ten of them bad: no good one is lost, every bad one is named."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from eval.run import peak_memory_mb
from index.articles import MAX_BYTES, MAX_PACKED_BYTES, read_articles
from tests.faults.tally import Tally
from tests.sample_files import LOCK, MORE, PICTURE, drawn_pdf, page, pdf_file

#: Seconds that one file may take, and megabytes that reading may take at any time.
PER_FILE, MEMORY = 60, 2_500

_WAYS = (".html", ".htm", ".pdf", ".csv", ".jsonl", ".txt", ".md")
# Of 500 files: 150 pages, 100 PDFs, 100 tables, 150 texts.
_SHARES = (75, 75, 100, 50, 50, 75, 75)


def reading(tally: Tally) -> None:
    """Write the files, read them, and compare what came of each."""
    facts: dict[Path, str] = {}
    bad: list[Path] = []
    parts = [ending for ending, n in zip(_WAYS, _SHARES, strict=True) for _ in range(n)]
    for number, ending in enumerate(tally.some(parts, 10, str)):
        path = tally.folder / f"{number % 7}" / f"file{number}{ending}"
        path.parent.mkdir(exist_ok=True)
        if number % 10 == 9:
            bad.append(path)
            name, spoil = tally.rng.choice(_SPOILT[ending])
            tally.count(f"{ending} {name}")
            spoil(path, tally)
        else:
            facts[path] = f"The port of Kell{number} counted {number + 100} boats on Sunday."
            path.write_bytes(_GOOD[ending](facts[path]))
            tally.count("good")
    _compare(tally, facts, bad)
    tally.need("good", 40)
    tally.need("named", len(bad))


def _compare(tally: Tally, facts: dict[Path, str], bad: list[Path]) -> None:
    times = [time.monotonic()]
    found = read_articles([tally.folder], progress=lambda seen: times.append(time.monotonic()))
    slowest = max(b - a for a, b in pairwise(times))
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    used = max(peak_memory_mb() or 0.0, children)
    tally.notes.append(
        f"{times[-1] - times[0]:.1f} s, the slowest file {slowest:.1f} s, {used:.0f} MB"
    )
    if slowest > PER_FILE or used > MEMORY:
        tally.fail(f"a file took {slowest:.0f} s, reading {used:.0f} MB")
    texts = [article.text for article in found.articles]
    lines = [f"{s.path}: {s.reason}" for s in found.skipped] + list(found.notes)
    for path, fact in facts.items():
        told = sum(fact in " ".join(text.split()) for text in texts)
        if told != 1:
            tally.fail(f"{path.name}: its report is there {told} times")
        if any(line.startswith(str(path)) for line in lines):
            tally.fail(f"{path.name} is a good one, and something is said of it")
    for path in bad:
        said = [line for line in lines if line.startswith(f"{path}:") or f"{path} line" in line]
        if not said or any("\n" in line or not line.isprintable() for line in said):
            tally.fail(f"{path.name} is a bad one: {said or 'nothing is said of it'}")
        tally.count("named")


def _rows(fact: str) -> list[dict[str, str]]:
    return [{"title": "Boats", "text": fact}, {"title": "Ferry", "text": MORE}]


_GOOD: dict[str, Callable[[str], bytes]] = {
    ".html": lambda fact: page(f"<p>{fact}</p><p>{MORE}</p>").encode(),
    ".htm": lambda fact: page(f"<div><p>{MORE}</p><p>{fact}</p></div>").encode("utf-16"),
    ".pdf": lambda fact: pdf_file(["Boats at the ports", fact], [MORE]),
    ".csv": lambda fact: f'title,text\nBoats,"{fact}"\nFerry,"{MORE}"\n'.encode(),
    ".jsonl": lambda fact: "\n".join(map(json.dumps, _rows(fact))).encode(),
    ".txt": lambda fact: f"Boats at the ports\n\n{fact}\n{MORE}\n".encode(),
    ".md": lambda fact: f"---\noutlet: Tern\n---\n# Boats\n\n{fact}\n".encode("utf-8-sig"),
}


def _bytes(data: bytes) -> Callable[[Path, Tally], None]:
    def write(path: Path, tally: Tally) -> None:
        path.write_bytes(data)

    return write


def _huge(limit: int) -> Callable[[Path, Tally], None]:
    def write(path: Path, tally: Tally) -> None:
        with path.open("wb") as file:
            file.truncate(limit + 1)

    return write


def _noise(path: Path, tally: Tally) -> None:
    path.write_bytes(tally.rng.randbytes(5_000))


def _link(path: Path, tally: Tally) -> None:
    path.symlink_to(os.devnull)


_PDF = pdf_file([MORE])
_SPOILT = {
    ".html": [("noise", _noise), ("empty", _bytes(b"")), ("huge", _huge(MAX_BYTES))],
    ".htm": [
        ("deep", _bytes(b"<div>" * 100_000 + b"x")),
        ("no report", _bytes(b"<html><body><nav>Home</nav></body></html>")),
    ],
    ".pdf": [
        ("cut", _bytes(_PDF[: len(_PDF) // 2])),
        ("locked", _bytes(pdf_file([MORE], trailer=LOCK))),
        ("picture", _bytes(drawn_pdf([(0, 0, 1, PICTURE)]))),
        ("noise", _noise),
        ("huge", _huge(MAX_PACKED_BYTES)),
    ],
    ".csv": [
        ("no text", _bytes(b"name,number\na,1\n")),
        ("torn", _bytes(b'title,text\nBoats,"never closed\n')),
        ("huge", _huge(MAX_PACKED_BYTES)),
    ],
    ".jsonl": [
        ("not JSON", _bytes(b'{"text": NaN}\n')),
        ("nested", _bytes(b"[" * 200_000 + b"\n")),
        ("list", _bytes(b'["a"]\n')),
    ],
    ".txt": [
        ("NUL", _bytes(b"a\0b")),
        ("noise", _noise),
        ("huge", _huge(MAX_BYTES)),
        ("link", _link),
        ("steering", _bytes(b"Boats\n\n\x1b]0;x\x07The tug sank \x1b[31mtoday\x1b[0m.\n")),
    ],
    ".md": [("blank", _bytes("\u200b\n\u2060 \n".encode())), ("half", _bytes(b"\xff\xfea"))],
}
