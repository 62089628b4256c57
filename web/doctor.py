"""Whether this machine can do the work: one check a row, each with its mend where it fails."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from index.engines import Place
from index.errors import WirecheckError
from index.settings import names_of, unknown_told

#: Bytes of disk that a first start takes: the model as it comes, and in the form that is loaded.
DISK = 4_000_000_000
#: Texts that are embedded to measure the encoder, and the passages a second below which indexing a
#: thousand articles takes more than ten minutes.
TEXTS, SLOW = 32, 10
_WORDS = "The harbour was shut for four days after the barge struck the bridge. " * 6


@dataclass(frozen=True)
class Row:
    """One check: what was looked at, what was found, and the mend; "" if all is well."""

    name: str
    found: str
    mend: str = ""


def examine(index: Place | None) -> Iterator[Row]:
    """Every check, one after the other; `index` is the index that would be asked."""
    checks: tuple[tuple[str, Callable[[], Row]], ...] = (
        ("Python", _python),
        ("settings", _settings),
        ("memory", _memory),
        ("disk", _disk),
        ("language model", _model),
        ("encoder", _encoder),
        ("index", lambda: _index(index)),
        ("port", _port),
        ("model keys", _keys),
    )
    for name, check in checks:
        try:
            yield check()
        except (WirecheckError, OSError) as error:
            yield Row(name, "failed", str(error))


def _python() -> Row:
    version = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Row("Python", version, "" if good else "use Python 3.11, 3.12 or 3.13")


def _settings() -> Row:
    odd = unknown_told()
    return Row("settings", "unknown ones" if odd else "all known", "; ".join(odd))


def _memory() -> Row:
    from rag.model_files import find_model
    from rag.model_room import CONVERT_MEMORY, LOAD_MEMORY, available_memory

    free = available_memory()
    if free is None:
        return Row("memory", "this system doesn't tell")
    need = LOAD_MEMORY if find_model() else CONVERT_MEMORY
    mend = "close other programs, or use --model none" if free < need else ""
    return Row("memory", f"{_gigabytes(free)} can be had, {_gigabytes(need)} are needed", mend)


def _disk() -> Row:
    from rag.model_files import find_model, models_folder

    folder = models_folder()
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free
    short = free < DISK and not find_model()
    mend = "free some, or name another folder in WIRECHECK_MODEL_FOLDER" if short else ""
    return Row("disk", f"{_gigabytes(free)} are free at {there}", mend)


def _model() -> Row:
    from rag.model_files import damaged_files, find_model, models_folder

    folder = find_model()
    if folder is None:
        mend = "run `wirecheck models get`; until then answers are quotations"
        return Row("language model", f"not in {models_folder()}", mend)
    damaged = damaged_files(folder)
    mend = f"remove {folder} and run `wirecheck models get`" if damaged else ""
    found = f"damaged: {', '.join(damaged)}" if damaged else f"{folder}, its sums hold"
    return Row("language model", found, mend)


def _encoder() -> Row:
    from index.encoder import load_encoder

    encoder = load_encoder()
    encoder.encode([_WORDS])
    began = time.perf_counter()
    encoder.encode([f"{n} {_WORDS}" for n in range(TEXTS)])
    speed = TEXTS / (time.perf_counter() - began)
    mend = "the processor is slow or busy: indexing will take long" if speed < SLOW else ""
    return Row("encoder", f"{speed:.0f} passages a second", mend)


def _index(place: Place | None) -> Row:
    if place is None or (isinstance(place, Path) and not place.exists()):
        return Row("index", "none of your own: the page asks the sample articles")
    from index.check import check_index

    checked = check_index(place)
    mend = "index the articles anew" if checked.problems else ""
    found = "; ".join(checked.problems) or "nothing is wrong"
    return Row("index", f"{place}: {found}", mend)


def _port() -> Row:
    from web.access import HOST
    from web.server import PORT, listen

    with listen(HOST, None) as listening:
        number = listening.getsockname()[1]
    taken = f"{PORT} is taken; the page takes {number}"
    return Row("port", f"{PORT} is free" if number == PORT else taken)


def _keys() -> Row:
    from rag.models import check_model, default_model

    named = [default_model(), *names_of("WIRECHECK_MODELS")]
    problems = []
    for name in named:
        try:
            check_model(name)
        except WirecheckError as error:
            problems.append(str(error))
    return Row("model keys", f"for {', '.join(named)}", "; ".join(problems))


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def told(row: Row) -> str:
    """A row in a line, and its mend in one beneath."""
    mark = "ok  " if not row.mend else "MEND"
    line = f"{mark} {row.name:15} {row.found}"
    return f"{line}\n     {'':15} {row.mend}" if row.mend else line
