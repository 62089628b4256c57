"""An index on disk: immutable generations, published by renaming one small file.

    DIR/
      LOCK              held (flock) by the one writer; its pid is inside
      MANIFEST.json     which generation serves, size and sha256 of each of its files, and a
                        checksum of its own
      gen-000007/       never changed once it has this name; `contents` tells what is in it
      gen-000008.tmp/   a writer's work; removed by the next writer if that one died

A reader takes no lock: it reads the manifest, then compares every file of that generation with it
and maps them. The generation before the newest is kept for readers that are still at it; what they
have mapped stays theirs when it is removed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import vectors
from .contents import KEYWORDS, Contents, Files, file_names, from_files, to_files
from .errors import (
    IndexBusy,
    IndexCorrupt,
    IndexMismatch,
    IndexMissing,
    IndexOutdated,
    IndexWriteError,
)
from .mapped import Data, checked_file

FORMAT = 3
LOCK = "LOCK"
MANIFEST = "MANIFEST.json"

_GENERATION = re.compile(r"gen-(\d{6,})")
_MAX_MANIFEST_BYTES = 1_000_000
_TRIES = 20
_CHUNK = 1 << 20
_WAIT = 0.05  # seconds


@dataclass(frozen=True)
class Generation:
    """Contents as published.

    `number` counts up from 1, `created` is an ISO time in UTC, `sizes` are the files' in bytes.
    """

    number: int
    created: str
    contents: Contents
    sizes: Mapping[str, int]


def read(root: Path) -> Generation:
    """Read and check the generation that serves.

    Raises IndexMissing if there is none, IndexCorrupt naming the file that is damaged, lost or not
    its own, IndexMismatch if a newer version of this program wrote it, IndexOutdated if an older.
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


def faults(root: Path) -> list[str]:
    """Tell everything that is wrong with the files at `root`, a line each; empty if nothing is.

    Raises IndexMissing, IndexMismatch, and IndexCorrupt if the manifest itself is damaged.
    """
    found: list[str] = []
    for _ in range(_TRIES):
        manifest = _manifest(root)
        found = [*_damaged(root, manifest), *_left_over(root, int(manifest["generation"]))]
        # A writer may have published meanwhile and collected what was being read.
        if not found or _manifest(root) == manifest:
            break
    return found


def _damaged(root: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    folder = root / _name(manifest["generation"])
    try:
        for name in _strangers(folder, set(manifest["files"])):
            yield f"{folder / name}: does not belong to this index"
    except IndexCorrupt as error:
        yield str(error)
    for name, entry in manifest["files"].items():
        try:
            checked_file(folder / name, entry)
        except IndexCorrupt as error:
            yield str(error)


def _left_over(root: Path, served: int) -> Iterator[str]:
    """What a writer that died left behind; the next one removes it."""
    older = sorted(number for number in _numbers(root) if number < served)
    # The one before the newest is kept on purpose.
    extra = {_name(n) for n in _numbers(root) if n > served or n in older[:-1]}
    extra |= {name for name in os.listdir(root) if name.endswith(".tmp")}
    if extra and not _is_being_written(root):
        # A writer that has ended meanwhile took its own away.
        for name in sorted(extra.intersection(os.listdir(root))):
            yield f"{root / name}: left over by a build that was stopped; the next one removes it"


def _is_being_written(root: Path) -> bool:
    import fcntl

    try:
        lock = os.open(root / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def stats_of(generation: Generation) -> dict[str, Any]:
    """Count what a generation holds, JSON-ready; dates and outlets of articles that have them.

    `reports` counts the independent ones: near-identical copies are one. `files` are their sizes in
    bytes, `bytes` all of them; `vectors` is how vectors are searched.
    """
    contents = generation.contents
    first, last = contents.articles.dates()
    return {
        "generation": generation.number,
        "created": generation.created,
        "articles": len(contents.articles),
        "reports": contents.copies.reports,
        "passages": len(contents.passages),
        "outlets": len(contents.articles.outlets),
        "first_published": first,
        "last_published": last,
        "encoder": contents.fingerprint,
        "dim": contents.vectors.dim,
        "vectors": contents.vectors.settings,
        "bytes": sum(generation.sizes.values()),
        "files": dict(generation.sizes),
    }


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
                entries = _write_files(building, to_files(contents))
                # Before the generation has its name: a reader that finds a generation and this
                # file, but no manifest, knows that nothing was published yet.
                manifest = _sealed(_description(contents, number, entries))
                _write_file(manifest_tmp, [manifest])
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
    except (IndexMissing, IndexCorrupt, IndexOutdated):
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


def _description(
    contents: Contents, number: int, entries: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "generation": number,
        "created": _now(),
        "encoder": {"fingerprint": contents.fingerprint, "dim": contents.vectors.dim},
        "recipe": contents.recipe,
        "vectors": contents.vectors.settings,
        "counts": {"articles": len(contents.articles), "passages": len(contents.passages)},
        "files": entries,
    }


def _write_files(folder: Path, files: Files) -> dict[str, dict[str, Any]]:
    (folder / KEYWORDS).mkdir(parents=True)
    entries = {name: _write_file(folder / name, parts) for name, parts in files.items()}
    _sync_folder(folder / KEYWORDS)
    _sync_folder(folder)
    return entries


def _write_file(path: Path, parts: Sequence[Data]) -> dict[str, Any]:
    """Write, flush to the disk, and read back: a full disk must not pass for done.

    Returns what the manifest says of the file.
    """
    written = hashlib.sha256()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o644)
    try:
        for part in parts:
            written.update(part)
            _write_all(descriptor, memoryview(part))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with path.open("rb", buffering=0) as file:
        if hashlib.file_digest(file, "sha256").digest() != written.digest():
            raise OSError(errno.EIO, f"{path.name} does not read as it was written")
    return {"size": sum(map(len, parts)), "sha256": written.hexdigest()}


def _write_all(descriptor: int, left: memoryview) -> None:
    while left:
        left = left[os.write(descriptor, left) :]


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
    _check_format(fields.get("format"), path)
    try:
        sizes = {name: int(entry["size"]) for name, entry in fields["files"].items()}
        numbers = [fields["generation"], fields["recipe"], fields["encoder"]["dim"]]
        numbers += [fields["counts"]["articles"], fields["counts"]["passages"]]
        kind = fields["vectors"]["kind"]
        if kind == vectors.IVF:
            numbers += [fields["vectors"][name] for name in ("cells", "probe", "trained")]
            float(fields["vectors"]["recall"])
        ok = sizes.keys() == file_names(kind) and all(type(n) is int and n >= 0 for n in numbers)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IndexCorrupt(f"{path}: lacks {error}") from error
    if not ok:
        raise IndexCorrupt(f"{path}: is no manifest of format {FORMAT}")


def _check_format(found: Any, path: Path) -> None:
    if type(found) is int and found < FORMAT:
        raise IndexOutdated(
            f"{path}: an older version of this program made this index (format {found}, now "
            f"{FORMAT}); make it anew with: wirecheck index ARTICLES --index {path.parent}"
        )
    if found != FORMAT:
        raise IndexMismatch(
            f"{path}: format {found}, this program reads {FORMAT}; "
            "update the program, or make another index"
        )


# Reading


def _generation(root: Path, manifest: Mapping[str, Any]) -> Generation:
    folder = root / _name(manifest["generation"])
    entries = manifest["files"]
    _refuse_strangers(folder, set(entries))
    with ThreadPoolExecutor() as pool:
        mapped = pool.map(lambda name: checked_file(folder / name, entries[name]), entries)
        files = dict(zip(entries, mapped, strict=True))
    try:
        contents = from_files(files, manifest)
    except IndexCorrupt as error:
        raise IndexCorrupt(f"{folder}/{error}") from error
    sizes = {name: int(entry["size"]) for name, entry in entries.items()}
    return Generation(manifest["generation"], manifest["created"], contents, sizes)


def _refuse_strangers(folder: Path, names: set[str]) -> None:
    for name in _strangers(folder, names):
        raise IndexCorrupt(f"{folder / name}: does not belong to this index")


def _strangers(folder: Path, names: set[str]) -> list[str]:
    try:
        found = {p.relative_to(folder).as_posix() for p in folder.rglob("*")}
    except OSError as error:
        raise IndexCorrupt(f"{folder}: can't be listed: {error.strerror}") from error
    return sorted(found - names - {KEYWORDS.rstrip("/")})
