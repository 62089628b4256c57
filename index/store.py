"""An index on disk: immutable generations, published by renaming one small file.

    DIR/
      LOCK              held (flock) by the one writer; its pid is inside
      MANIFEST.json     see `manifest`
      gen-000007/       never changed once it has this name; `contents` tells what is in it
      gen-000008.tmp/   a writer's work; the next writer removes it if that one died

A reader takes no lock. It reads the manifest, compares every file of that generation with it and
maps them. The generation before the newest is kept for readers that are still at it. What a reader
has mapped stays readable when it is removed.
"""

from __future__ import annotations

import errno
import hashlib
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
from typing import TYPE_CHECKING, Any

from .contents import KEYWORDS, Contents, Files, from_files, to_files
from .errors import IndexBusy, IndexCorrupt, IndexMissing, IndexOutdated, IndexWriteError
from .manifest import FORMAT, MANIFEST, generation_name, generations_in, read_manifest, sealed
from .mapped import Data, checked_file

if TYPE_CHECKING:
    from .milvus.contents import MilvusGeneration

LOCK = "LOCK"

#: How often a reader begins anew because a writer was quicker.
TRIES = 20
#: Seconds between two looks at who holds the lock.
NAMED_AFTER = 0.05


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
    for _ in range(TRIES):
        manifest = read_manifest(root)
        try:
            return _generation(root, manifest)
        except IndexCorrupt:
            # A writer may have published twice meanwhile and collected what was being read.
            if read_manifest(root) == manifest:
                raise
    raise IndexCorrupt(f"{root}: changes faster than it can be read")


def _generation(root: Path, manifest: Mapping[str, Any]) -> Generation:
    folder = root / generation_name(manifest["generation"])
    entries = manifest["files"]
    for name in strangers(folder, entries):
        raise IndexCorrupt(f"{folder / name}: does not belong to this index")
    with ThreadPoolExecutor() as pool:
        mapped = pool.map(lambda name: checked_file(folder / name, entries[name]), entries)
        files = dict(zip(entries, mapped, strict=True))
    try:
        contents = from_files(files, manifest)
    except IndexCorrupt as error:
        raise IndexCorrupt(f"{folder}/{error}") from error
    sizes = {name: int(entry["size"]) for name, entry in entries.items()}
    return Generation(manifest["generation"], manifest["created"], contents, sizes)


def strangers(folder: Path, entries: Mapping[str, Any]) -> list[str]:
    """Names in a generation's folder that its manifest does not have. Raises IndexCorrupt."""
    try:
        found = {p.relative_to(folder).as_posix() for p in folder.rglob("*")}
    except OSError as error:
        raise IndexCorrupt(f"{folder}: can't be listed: {error.strerror}") from error
    return sorted(found - entries.keys() - {KEYWORDS.rstrip("/")})


def kept(root: Path, served: int) -> set[int]:
    """The generation that serves, and the one before it."""
    return {served, max((n for n in generations_in(root) if n < served), default=served)}


def stats_of(generation: Generation | MilvusGeneration) -> dict[str, Any]:
    """Count what a generation holds, JSON-ready; dates and outlets of articles that have them.

    `reports` counts near-identical copies once. `files` are their sizes in bytes, `bytes` all of
    them, of Milvus none; `vectors` is how vectors are searched.
    """
    contents: Any = generation.contents
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
        self._root = root

    def publish(self, contents: Contents) -> int:
        """Write a new generation, make it the one that serves, and return its number.

        Raises IndexWriteError if it can't be written. The one before then still serves, but for one
        case, which the text tells: the new one serves, and may not outlive a power failure.
        """
        root = self._root
        manifest_tmp = root / f"{MANIFEST}.tmp"
        with _as_write_error(root):
            before = _served(root)
            number = max([before, *generations_in(root)]) + 1
            building = root / f"{generation_name(number)}.tmp"
            try:
                entries = _write_files(building, to_files(contents))
                # Before the generation has its name: a reader that finds a generation and this
                # file, but no manifest, knows that nothing was published yet.
                _write_file(manifest_tmp, [sealed(_description(contents, number, entries))])
                _sync_folder(root)
                os.rename(building, root / generation_name(number))
                _sync_folder(root)
                os.replace(manifest_tmp, root / MANIFEST)
            except OSError:
                shutil.rmtree(building, ignore_errors=True)
                raise
        try:
            _sync_folder(root)
        except OSError as error:
            raise IndexWriteError(
                f"{root}: generation {number} serves, but the disk did not confirm it: "
                f"{error.strerror}; a power failure may bring back the one before"
            ) from error
        _collect(root, keep={before, number})
        return number


def _served(root: Path) -> int:
    try:
        return int(read_manifest(root)["generation"])
    except (IndexMissing, IndexCorrupt, IndexOutdated):
        return 0


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
    if (root / MANIFEST).exists():
        return
    _sync_path(root)
    ours = {LOCK, *map(generation_name, generations_in(root))}
    for name in sorted(set(os.listdir(root)) - ours):
        if not name.startswith(".") and not name.endswith(".tmp"):
            raise IndexWriteError(
                f"{root}: holds {name} and no index; name an empty or a new folder"
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
    """Who holds the lock: its name is in the file a moment after it has it."""
    name = ""
    for _ in range(TRIES):
        name = os.pread(lock, 200, 0).decode("utf-8", "replace").strip()
        if _is_alive(name):
            break
        time.sleep(NAMED_AFTER)
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
    unfinished = [name for name in os.listdir(root) if name.endswith(".tmp")]
    if unfinished and not (root / MANIFEST).exists():
        # Generations first, and to the disk: see the order in `publish`.
        _collect(root, keep=set())
        _sync_folder(root)
    for name in unfinished:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if served := _served(root):
        _collect(root, keep=kept(root, served))


def _collect(root: Path, keep: set[int]) -> None:
    # What can't be removed now is removed another time; it does no harm.
    with suppress(OSError):
        for number in set(generations_in(root)) - keep:
            shutil.rmtree(root / generation_name(number), ignore_errors=True)


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
            left = memoryview(part)
            while left:
                left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with path.open("rb", buffering=0) as file:
        if hashlib.file_digest(file, "sha256").digest() != written.digest():
            raise OSError(errno.EIO, f"{path.name} does not read as it was written")
    return {"size": sum(map(len, parts)), "sha256": written.hexdigest()}


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
