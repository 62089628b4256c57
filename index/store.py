"""An index on disk: immutable generations, published by renaming one small file.

    DIR/
      LOCK              held (flock) by the one writer; its pid is inside
      MANIFEST.json     which generation serves, size and sha256 of each of its files, and a
                        checksum of its own
      gen-000007/       never changed once it has this name
        articles.jsonl  passages.npy  vectors.faiss  keywords/...
      gen-000008.tmp/   a writer's work; removed by the next writer if that one died

A reader takes no lock: it reads the manifest, then that generation, and checks all of it. The one
before the newest is kept for readers that are still at it.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from . import keywords
from .errors import (
    IndexBusy,
    IndexCorrupt,
    IndexMismatch,
    IndexMissing,
    IndexWriteError,
)
from .keywords import KeywordIndex
from .records import Article, Passage
from .vectors import VectorIndex

FORMAT = 1
LOCK = "LOCK"
MANIFEST = "MANIFEST.json"

_ARTICLES = "articles.jsonl"
_PASSAGES = "passages.npy"
_VECTORS = "vectors.faiss"
_KEYWORDS = "keywords/"
_FILES = (_ARTICLES, _PASSAGES, _VECTORS, *(_KEYWORDS + name for name in keywords.FILES))
_GENERATION = re.compile(r"gen-(\d{6,})")
_MAX_MANIFEST_BYTES = 1_000_000
_TRIES = 20
_WAIT = 0.05  # seconds


@dataclass(frozen=True)
class Contents:
    """What a generation holds. Passage number n has vector n and keyword text n.

    `fingerprint` is the encoder's; `recipe` is of `split_passages`.
    """

    articles: tuple[Article, ...]
    passages: tuple[Passage, ...]
    vectors: VectorIndex
    keywords: KeywordIndex
    fingerprint: str
    recipe: int


@dataclass(frozen=True)
class Generation:
    """Contents as published: `number` counts up from 1, `created` is an ISO time in UTC."""

    number: int
    created: str
    contents: Contents


def read(root: Path) -> Generation:
    """Read and check the generation that serves.

    Raises IndexMissing if there is none, IndexCorrupt naming the file that is damaged, lost or not
    its own, IndexMismatch if a newer version of this program wrote it.
    """
    for _ in range(_TRIES):
        manifest = _manifest(root)
        try:
            return _generation(root, manifest)
        except IndexCorrupt:
            # A writer may have published twice meanwhile and collected what was being read.
            if _manifest(root) == manifest:
                raise
    raise IndexCorrupt(f"{root}: changes faster than it can be read")


@contextmanager
def writing(root: Path) -> Iterator[Writer]:
    """Hold the one right to write at `root`, which is created if it isn't there.

    Raises IndexBusy if another process holds it, IndexWriteError if `root` can't be written or is
    a folder of something else.
    """
    with _as_write_error(root):
        _make_root(root)
        lock = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        _take_lock(lock, root)
        with _as_write_error(root):
            _sync_folder(root)  # a writer may have published, and died before it did this
            _clear_leftovers(root)
        yield Writer(root)
    finally:
        os.close(lock)


class Writer:
    """The one that may publish; from `writing`."""

    def __init__(self, root: Path) -> None:
        """Use `writing`."""
        self._root = root

    def publish(self, contents: Contents) -> int:
        """Write a new generation, make it the one that serves, and return its number.

        Raises IndexWriteError if it can't be written; then the one before still serves, but for
        one case, which the text tells: the new one serves, and may not outlive a power failure.
        """
        root = self._root
        manifest_tmp = root / f"{MANIFEST}.tmp"
        with _as_write_error(root):
            before = _served(root)
            number = max([before, *_numbers(root)]) + 1
            building = root / f"{_name(number)}.tmp"
            try:
                entries = _write_files(building, _file_bytes(contents))
                # Before the generation has its name: a reader that finds a generation and this
                # file, but no manifest, knows that nothing was published yet.
                manifest = _sealed(_description(contents, number, entries))
                _write_file(manifest_tmp, manifest)
                _sync_folder(root)
                os.rename(building, root / _name(number))
                _sync_folder(root)
                os.replace(manifest_tmp, root / MANIFEST)
            except OSError:
                shutil.rmtree(building, ignore_errors=True)
                raise
        _confirm(root, number)
        _collect(root, keep={before, number})
        return number


def _name(number: int) -> str:
    return f"gen-{number:06d}"


def _numbers(root: Path) -> list[int]:
    found = (_GENERATION.fullmatch(entry) for entry in os.listdir(root))
    return [int(match[1]) for match in found if match]


def _served(root: Path) -> int:
    try:
        return int(_manifest(root)["generation"])
    except (IndexMissing, IndexCorrupt):
        return 0


# Writing


@contextmanager
def _as_write_error(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise IndexWriteError(
            f"{root}: can't be written: {reason}; what was there before still serves"
        ) from error


def _make_root(root: Path) -> None:
    if not root.is_dir():
        root.mkdir(parents=True)
    if not (root / MANIFEST).exists():
        _sync_path(root)
    others = [name for name in sorted(os.listdir(root)) if not _is_ours(name)]
    if others and not (root / MANIFEST).exists():
        raise IndexWriteError(
            f"{root}: holds {others[0]} and no index; name an empty or a new folder"
        )


def _is_ours(name: str) -> bool:
    return (
        name.startswith(".")
        or name in (LOCK, MANIFEST)
        or name.endswith(".tmp")
        or _GENERATION.fullmatch(name) is not None
    )


def _take_lock(lock: int, root: Path) -> None:
    import fcntl  # not there on Windows, where reading an index still works

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise IndexWriteError(f"{root}: can't be locked: {error.strerror}") from error
        raise IndexBusy(f"{root}: being written by {_holder(lock)}") from error
    with _as_write_error(root):
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"process {os.getpid()} since {_now()}\n".encode(), 0)


def _holder(lock: int) -> str:
    """Who holds the lock, which one does for a moment before one's name is in the file."""
    name = ""
    for _ in range(_TRIES):
        name = os.pread(lock, 200, 0).decode("utf-8", "replace").strip()
        if _is_alive(name):
            break
        time.sleep(_WAIT)
    return name or "another process"


def _is_alive(name: str) -> bool:
    pid = re.match(r"process ([1-9]\d{0,8}) ", name)
    if pid is None:
        return False
    with suppress(PermissionError):
        try:
            os.kill(int(pid[1]), 0)
        except ProcessLookupError:
            return False
    return True


def _clear_leftovers(root: Path) -> None:
    leftovers = [name for name in os.listdir(root) if name.endswith(".tmp")]
    if leftovers and not (root / MANIFEST).exists():
        # Generations first, and to the disk: see the order in `publish`.
        _collect(root, keep=set())
        _sync_folder(root)
    for name in leftovers:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if served := _served(root):
        before = max((n for n in _numbers(root) if n < served), default=served)
        _collect(root, keep={before, served})


def _collect(root: Path, keep: set[int]) -> None:
    # What can't be removed now is removed another time; it does no harm.
    with suppress(OSError):
        for number in _numbers(root):
            if number not in keep:
                shutil.rmtree(root / _name(number), ignore_errors=True)


def _file_bytes(contents: Contents) -> dict[str, bytes]:
    files = {
        _ARTICLES: _articles_bytes(contents.articles),
        _PASSAGES: _passages_bytes(contents),
        _VECTORS: contents.vectors.to_bytes(),
    }
    return files | {_KEYWORDS + k: v for k, v in contents.keywords.to_files().items()}


def _articles_bytes(articles: Sequence[Article]) -> bytes:
    rows = (json.dumps(asdict(article), ensure_ascii=False) + "\n" for article in articles)
    return "".join(rows).encode()


def _passages_bytes(contents: Contents) -> bytes:
    numbers = {article.id: number for number, article in enumerate(contents.articles)}
    rows = [(numbers[p.article.id], p.start, p.end) for p in contents.passages]
    target = io.BytesIO()
    np.save(target, np.array(rows, dtype=np.int64).reshape(-1, 3), allow_pickle=False)
    return target.getvalue()


def _description(
    contents: Contents, number: int, entries: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "generation": number,
        "created": _now(),
        "encoder": {"fingerprint": contents.fingerprint, "dim": contents.vectors.dim},
        "recipe": contents.recipe,
        "counts": {"articles": len(contents.articles), "passages": len(contents.passages)},
        "files": entries,
    }


def _write_files(folder: Path, files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    (folder / _KEYWORDS).mkdir(parents=True)
    entries = {}
    for name, data in files.items():
        _write_file(folder / name, data)
        entries[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    _sync_folder(folder / _KEYWORDS)
    _sync_folder(folder)
    return entries


def _write_file(path: Path, data: bytes) -> None:
    """Write, flush to the disk, and read back: a full disk must not pass for done."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o644)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if path.read_bytes() != data:
        raise OSError(errno.EIO, f"{path.name} does not read as it was written")


def _confirm(root: Path, number: int) -> None:
    """Flush the manifest's new place to the disk."""
    try:
        _sync_folder(root)
    except OSError as error:
        raise IndexWriteError(
            f"{root}: generation {number} serves, but the disk did not confirm it: "
            f"{error.strerror}; a power failure may bring back the one before"
        ) from error


def _sync_path(root: Path) -> None:
    """Flush all folders above: a writer may have made any of them, and died before it did this."""
    for folder in root.absolute().parents:
        try:
            _sync_folder(folder)
        except OSError as error:
            # One that can't be read or flushed was not made by a writer.
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EINVAL, errno.EROFS):
                raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# The manifest. Its checksum is made this way in every format, so that damage is told from novelty.


def _sealed(fields: Mapping[str, Any]) -> bytes:
    return json.dumps({**fields, "checksum": _checksum(fields)}, indent=1).encode()


def _checksum(fields: Mapping[str, Any]) -> str:
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _manifest(root: Path) -> dict[str, Any]:
    path = root / MANIFEST
    try:
        is_there = path.is_file()
    except OSError as error:
        raise IndexCorrupt(f"{path}: can't be read: {error.strerror}") from error
    if not is_there:
        raise _no_manifest(root)
    data, fields = _parsed_manifest(path)
    if fields.pop("checksum", None) != _checksum(fields):
        raise IndexCorrupt(f"{path}: its checksum is wrong")
    _check_manifest(fields, path)
    if data != _sealed(fields):  # white space, which the checksum does not cover
        raise IndexCorrupt(f"{path}: its bytes are not those that were written")
    return fields


def _no_manifest(root: Path) -> IndexMissing | IndexCorrupt:
    with suppress(OSError):
        if _numbers(root) and not (root / f"{MANIFEST}.tmp").exists():
            return IndexCorrupt(f"{root / MANIFEST}: is missing")
    return IndexMissing(f"{root}: no index there; make one with: wirecheck index ARTICLES")


def _parsed_manifest(path: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            raise IndexCorrupt(f"{path}: is too large")
        data = path.read_bytes()
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IndexCorrupt(f"{path}: is no JSON") from error
    except OSError as error:
        raise IndexCorrupt(f"{path}: can't be read: {error.strerror}") from error
    if not isinstance(fields, dict):
        raise IndexCorrupt(f"{path}: is no manifest")
    return data, fields


def _check_manifest(fields: Mapping[str, Any], path: Path) -> None:
    if fields.get("format") != FORMAT:
        raise IndexMismatch(
            f"{path}: format {fields.get('format')}, this program reads {FORMAT}; "
            "update the program, or make another index"
        )
    try:
        sizes = {name: int(entry["size"]) for name, entry in fields["files"].items()}
        numbers = [fields["generation"], fields["recipe"], fields["encoder"]["dim"]]
        numbers += [fields["counts"]["articles"], fields["counts"]["passages"]]
        ok = sizes.keys() == set(_FILES) and all(type(n) is int and n >= 0 for n in numbers)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IndexCorrupt(f"{path}: lacks {error}") from error
    if not ok:
        raise IndexCorrupt(f"{path}: is no manifest of format {FORMAT}")


# Reading


def _generation(root: Path, manifest: Mapping[str, Any]) -> Generation:
    folder = root / _name(manifest["generation"])
    _refuse_strangers(folder)
    files = {n: _checked_bytes(folder / n, e) for n, e in manifest["files"].items()}
    return Generation(manifest["generation"], manifest["created"], _read(folder, files, manifest))


def _read(folder: Path, files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> Contents:
    counts, encoder = manifest["counts"], manifest["encoder"]
    with _naming(folder / _ARTICLES):
        articles = _read_articles(files[_ARTICLES], counts["articles"])
    with _naming(folder / _PASSAGES):
        passages = _read_passages(files[_PASSAGES], articles, counts["passages"])
    with _naming(folder / _VECTORS):
        vectors = VectorIndex.from_bytes(files[_VECTORS], encoder["dim"], counts["passages"])
    with _naming(folder / _KEYWORDS):
        named = {name: files[_KEYWORDS + name] for name in keywords.FILES}
        words = KeywordIndex.from_files(named, counts["passages"])
    return Contents(articles, passages, vectors, words, encoder["fingerprint"], manifest["recipe"])


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except IndexCorrupt as error:
        raise IndexCorrupt(f"{path}: {error}") from error


def _refuse_strangers(folder: Path) -> None:
    try:
        found = {p.relative_to(folder).as_posix() for p in folder.rglob("*")}
    except OSError as error:
        raise IndexCorrupt(f"{folder}: can't be listed: {error.strerror}") from error
    for name in sorted(found - set(_FILES) - {_KEYWORDS.rstrip("/")}):
        raise IndexCorrupt(f"{folder / name}: does not belong to this index")


def _checked_bytes(path: Path, entry: Mapping[str, Any]) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size != entry["size"]:
                raise IndexCorrupt(f"{path}: {status.st_size} bytes, not {entry['size']}")
            data = file.read(entry["size"] + 1)
    except FileNotFoundError as error:
        raise IndexCorrupt(f"{path}: is missing") from error
    except OSError as error:
        raise IndexCorrupt(f"{path}: can't be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise IndexCorrupt(f"{path}: its bytes are not those that were written")
    return data


def _read_articles(data: bytes, count: int) -> tuple[Article, ...]:
    try:
        rows = [json.loads(line) for line in data.split(b"\n")[:-1]]
        articles = tuple(Article(**row) for row in rows)
    except (ValueError, TypeError, RecursionError) as error:
        raise IndexCorrupt("holds a line that is no article") from error
    if not all(map(_has_right_types, articles)):
        raise IndexCorrupt("holds an article with a field of a wrong type")
    if len(articles) != count or len({a.id for a in articles}) != count:
        raise IndexCorrupt(f"holds {len(articles)} articles, not {count} different ones")
    return articles


def _has_right_types(article: Article) -> bool:
    needed = (article.id, article.title, article.text)
    known = (article.outlet, article.published, article.url)
    return all(isinstance(v, str) for v in needed) and all(
        v is None or isinstance(v, str) for v in known
    )


def _read_passages(data: bytes, articles: Sequence[Article], count: int) -> tuple[Passage, ...]:
    try:
        rows = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise IndexCorrupt("is no array file") from error
    if rows.dtype != np.int64 or rows.shape != (count, 3):
        raise IndexCorrupt(f"holds {rows.dtype} of shape {rows.shape}, not int64 of {(count, 3)}")
    numbers, starts, ends = rows.T
    if count and not 0 <= numbers.min() <= numbers.max() < len(articles):
        raise IndexCorrupt("names an article that is not there")
    lengths = np.array([len(a.text) for a in articles], dtype=np.int64)
    if not ((0 <= starts) & (starts < ends) & (ends <= lengths[numbers])).all():
        raise IndexCorrupt("holds a span outside its article")
    return tuple(Passage(articles[n], s, e) for n, s, e in rows.tolist())
