"""What a power failure may leave on a disk: a model of a file system, fed with a log of strace.

Only what was flushed is sure. Of the rest, each file may have its new bytes, its old ones, zeros,
or new ones up to some sector, and each entry of a folder (a file made, renamed, removed) may have
come about or not, in any order: POSIX promises no more. A rename is never half done.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations, product
from pathlib import Path

# What the model is told of. Those of the second line it doesn't know: it stops at them.
TRACED = (
    "open", "openat", "creat", "close", "dup", "dup2", "dup3", "fcntl", "lseek", "mmap",
    "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "truncate",
    "rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir",
    "openat2", "writev", "pwritev", "pwritev2", "fallocate", "copy_file_range", "sendfile", "splice",
    "link", "linkat", "symlink", "symlinkat", "sync", "syncfs", "sync_file_range", "msync",
)  # fmt: skip

Tree = Mapping[str, bytes | None]
"""Paths from the top to bytes, or to None for a folder."""

_ALL_SUBSETS = 6
_ALL_STATES = 400
_STRING = r'"(?:\\x[0-9a-f]{2})*"(?:\.\.\.)?'
_LINE = re.compile(r"(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)")
_ARGUMENT = re.compile(rf"{_STRING}|[^,]+")


class Unmodelled(Exception):
    """A call that the model can't follow: its states would be wrong."""


@dataclass(frozen=True)
class Call:
    """A system call that succeeded; strings among `arguments` are decoded to bytes."""

    name: str
    arguments: tuple[str | bytes, ...]
    result: int

    def number(self, at: int) -> int:
        return int(self.arguments[at])


def calls(trace: str) -> list[Call]:
    """Calls that succeeded, in order, of a log that strace wrote with -f -xx."""
    begun: dict[str, str] = {}
    found = []
    for line in trace.splitlines():
        process, _, text = line.partition(" ")
        text = text.strip()
        if text.endswith("<unfinished ...>"):
            begun[process] = text.removesuffix("<unfinished ...>")
            continue
        if text.startswith("<..."):
            text = begun.pop(process, "") + text.partition("resumed>")[2]
        match = _LINE.match(text)
        if match and match[3] != "?" and int(match[3], 0) >= 0:
            arguments = tuple(_decoded(a.strip()) for a in _ARGUMENT.findall(match[2]))
            found.append(Call(match[1], arguments, int(match[3], 0)))
    return found


def _decoded(argument: str) -> str | bytes:
    if not argument.startswith('"'):
        return argument
    if argument.endswith("..."):
        raise Unmodelled("a string that strace cut off")
    return bytes.fromhex(argument[1:-1].replace("\\x", ""))


@dataclass(eq=False)
class File:
    """Bytes as programs see them, and as the disk has them for sure."""

    current: bytes = b""
    durable: bytes = b""

    def left(self) -> list[bytes]:
        """All that a power failure may leave of it, what programs see first."""
        new, old = self.current, self.durable
        if new == old:
            return [new]
        size = max(len(new), len(old))
        fresh = bytes(size)
        zeros = bytes(
            n if n == o else 0 for n, o in zip(new, old.ljust(len(new), b"\1"), strict=False)
        )
        torn = []
        for sector in (512, 4096, len(new) // 2):
            if 0 < sector < len(new):
                torn += [new[:sector] + old[sector:], new[:sector] + fresh[sector : len(new)]]
        return list(dict.fromkeys([new, old, zeros, *torn]))


@dataclass(eq=False)
class Folder:
    """Entries as programs see them, and as the disk has them for sure."""

    current: dict[str, File | Folder] = field(default_factory=dict)
    durable: dict[str, File | Folder] = field(default_factory=dict)


@dataclass(frozen=True)
class _Change:
    """An entry of `folder` that isn't flushed yet: `gone` no more, `new` there, if they're given."""

    folder: Folder
    node: File | Folder
    gone: str = ""
    new: str = ""

    def done_in(self, entries: dict[str, File | Folder]) -> None:
        if entries.get(self.gone) is self.node:
            del entries[self.gone]
        if self.new:
            entries[self.new] = self.node


@dataclass
class _Opened:
    node: File | Folder
    offset: int = 0


class Disk:
    """The tree under the folder `top`, which is as it is on the real disk now, all of it flushed."""

    def __init__(self, top: Path):
        self._top = top
        self._tree = _imported(top)
        self._opened: dict[int, _Opened] = {}
        self._changes: list[_Change] = []

    def new_process(self) -> None:
        """The next call is another process's: nothing is open."""
        self._opened = {}

    def apply(self, call: Call, *, flushes: bool = True) -> str:
        """Do what the call did; the path that it changed or flushed, or "" if it did neither.

        With `flushes` false, a flush does nothing. Raises Unmodelled.
        """
        handler = getattr(self, f"_{call.name}", None)
        if handler is None:
            return self._refuse_if_ours(call)
        if call.name in ("fsync", "fdatasync"):
            return self._flush(call) if flushes else ""
        return handler(call) or ""

    def tree(self) -> Tree:
        """As programs see it."""
        return _flat(self._tree, lambda folder: folder.current, lambda file: file.current)

    def states(self, rng: random.Random) -> Iterator[Tree]:
        """Every tree that a power failure may leave now; of very many, a part that `rng` draws."""
        subsets = list(_subsets(self._changes, rng))
        files = [f for f in self._files() if f.current != f.durable]
        contents = list(product(*(f.left() for f in files)))
        if len(subsets) * len(contents) > _ALL_STATES:
            pairs = chain(
                product(subsets, contents[:2]),
                product((subsets[0], subsets[-1]), contents),
                [(rng.choice(subsets), rng.choice(contents)) for _ in range(_ALL_STATES // 4)],
            )
        else:
            pairs = product(subsets, contents)
        for kept, held in pairs:
            yield self._left(kept, dict(zip(map(id, files), held, strict=True)))

    def _left(self, kept: Sequence[_Change], held: Mapping[int, bytes]) -> Tree:
        def entries(folder: Folder) -> Mapping[str, File | Folder]:
            found = dict(folder.durable)
            for change in kept:
                if change.folder is folder:
                    change.done_in(found)
            return found

        return _flat(self._tree, entries, lambda file: held.get(id(file), file.durable))

    def _files(self) -> list[File]:
        found: dict[int, File] = {}

        def walk(folder: Folder) -> None:
            others = [change.node for change in self._changes if change.folder is folder]
            for node in [*folder.durable.values(), *folder.current.values(), *others]:
                if isinstance(node, Folder):
                    walk(node)
                else:
                    found[id(node)] = node

        walk(self._tree)
        return list(found.values())

    # Paths and descriptors

    def _path(self, raw: str | bytes, at: str | bytes = "AT_FDCWD") -> str | None:
        """The path from the top, or None if it leads elsewhere."""
        text = os.fsdecode(raw)
        if not text.startswith("/") and at != "AT_FDCWD":
            opened = self._opened.get(int(at))
            if opened is None:
                return None
            text = f"{self._top}/{self._where(opened.node)}/{text}"
        text = os.path.normpath(text)
        if text == str(self._top):
            return ""
        return text.removeprefix(f"{self._top}/") if text.startswith(f"{self._top}/") else None

    def _where(self, wanted: File | Folder) -> str:
        found = {id(self._tree): ""}

        def walk(folder: Folder, before: str) -> None:
            for name, node in folder.current.items():
                found[id(node)] = before + name
                if isinstance(node, Folder):
                    walk(node, f"{before}{name}/")

        walk(self._tree, "")
        return found.get(id(wanted), "(removed)")

    def _node(self, path: str) -> File | Folder | None:
        node: File | Folder | None = self._tree
        for name in path.split("/") if path else ():
            node = node.current.get(name) if isinstance(node, Folder) else None
        return node

    def _parent(self, path: str) -> tuple[Folder, str]:
        above, _, name = path.rpartition("/")
        folder = self._node(above)
        if not isinstance(folder, Folder):
            raise Unmodelled(f"{path}: made in a folder that isn't there")
        return folder, name

    def _change(self, folder: Folder, node: File | Folder, gone: str = "", new: str = "") -> None:
        change = _Change(folder, node, gone, new)
        change.done_in(folder.current)
        self._changes.append(change)

    def _refuse_if_ours(self, call: Call) -> str:
        if call.name == "sync":
            raise Unmodelled("sync, which flushes everything")
        for argument in call.arguments:
            is_path = isinstance(argument, bytes) and self._path(argument) is not None
            is_opened = isinstance(argument, str) and argument.isdigit()
            if is_path or (is_opened and int(argument) in self._opened):
                raise Unmodelled(f"{call.name}{call.arguments}")
        return ""

    # Calls

    def _openat(self, call: Call) -> str:
        at, raw, flags, *_ = call.arguments
        return self._open_at(self._path(raw, at), str(flags), call.result)

    def _open(self, call: Call) -> str:
        raw, flags, *_ = call.arguments
        return self._open_at(self._path(raw), str(flags), call.result)

    def _open_at(self, path: str | None, flags: str, descriptor: int) -> str:
        self._opened.pop(descriptor, None)
        if path is None:
            return ""
        if "O_APPEND" in flags or "O_TMPFILE" in flags:
            raise Unmodelled(f"{path} opened with {flags}")
        node, changed = self._node(path), ""
        if node is None:
            node, changed = File(), path
            folder, name = self._parent(path)
            self._change(folder, node, new=name)
        elif "O_TRUNC" in flags and isinstance(node, File):
            node.current, changed = b"", path
        self._opened[descriptor] = _Opened(node)
        return changed

    def _close(self, call: Call) -> None:
        self._opened.pop(call.number(0), None)

    def _dup(self, call: Call) -> None:
        self._opened.pop(call.result, None)
        if call.number(0) in self._opened:
            self._opened[call.result] = self._opened[call.number(0)]

    _dup2 = _dup3 = _dup

    def _fcntl(self, call: Call) -> None:
        if str(call.arguments[1]).startswith("F_DUPFD"):
            self._dup(call)

    def _lseek(self, call: Call) -> None:
        if call.number(0) in self._opened:
            self._opened[call.number(0)].offset = call.result

    def _mmap(self, call: Call) -> None:
        _, _, protection, flags, descriptor, _ = map(str, call.arguments)
        writes = "PROT_WRITE" in protection and "MAP_SHARED" in flags
        if writes and int(descriptor) in self._opened:
            raise Unmodelled("a file that is written through memory")

    def _write(self, call: Call) -> str:
        opened = self._opened.get(call.number(0))
        if opened is None:
            return ""
        path = self._put(opened, call, opened.offset)
        opened.offset += call.result
        return path

    def _pwrite64(self, call: Call) -> str:
        opened = self._opened.get(call.number(0))
        return "" if opened is None else self._put(opened, call, call.number(3))

    def _put(self, opened: _Opened, call: Call, at: int) -> str:
        data = call.arguments[1]
        if not isinstance(opened.node, File) or not isinstance(data, bytes):
            raise Unmodelled(f"{call.name} to what is no file")
        old = opened.node.current.ljust(at, b"\0")
        opened.node.current = old[:at] + data[: call.result] + old[at + call.result :]
        return self._where(opened.node)

    def _ftruncate(self, call: Call) -> str:
        opened = self._opened.get(call.number(0))
        return "" if opened is None else self._cut(opened.node, call.number(1))

    def _truncate(self, call: Call) -> str:
        path = self._path(call.arguments[0])
        node = None if path is None else self._node(path)
        return "" if node is None else self._cut(node, call.number(1))

    def _cut(self, node: File | Folder, size: int) -> str:
        if not isinstance(node, File):
            raise Unmodelled("a folder cut to a size")
        node.current = node.current[:size].ljust(size, b"\0")
        return self._where(node)

    def _flush(self, call: Call) -> str:
        opened = self._opened.get(call.number(0))
        if opened is None:
            return ""
        if isinstance(opened.node, File):
            opened.node.durable = opened.node.current
        else:
            opened.node.durable = dict(opened.node.current)
            self._changes = [c for c in self._changes if c.folder is not opened.node]
        return self._where(opened.node) or "."

    _fsync = _fdatasync = _flush

    def _mkdir(self, call: Call) -> str:
        return self._make(self._path(call.arguments[0]))

    def _mkdirat(self, call: Call) -> str:
        return self._make(self._path(call.arguments[1], call.arguments[0]))

    def _make(self, path: str | None) -> str:
        if path is None:
            return ""
        folder, name = self._parent(path)
        self._change(folder, Folder(), new=name)
        return path

    def _rename(self, call: Call) -> str:
        return self._move(*map(self._path, call.arguments))

    def _renameat(self, call: Call) -> str:
        at, old, to, new, *flags = call.arguments
        if flags not in ([], ["0"], ["RENAME_NOREPLACE"]):
            raise Unmodelled(f"{call.name} with {flags}")
        return self._move(self._path(old, at), self._path(new, to))

    _renameat2 = _renameat

    def _move(self, old: str | None, new: str | None) -> str:
        if old is None and new is None:
            return ""
        if old is None or new is None or old.rpartition("/")[0] != new.rpartition("/")[0]:
            raise Unmodelled(f"{old} renamed to {new}, another folder")
        folder, name = self._parent(old)
        self._change(folder, folder.current[name], gone=name, new=new.rpartition("/")[2])
        return old

    def _unlink(self, call: Call) -> str:
        return self._remove(self._path(call.arguments[0]))

    _rmdir = _unlink

    def _unlinkat(self, call: Call) -> str:
        return self._remove(self._path(call.arguments[1], call.arguments[0]))

    def _remove(self, path: str | None) -> str:
        if path is None:
            return ""
        folder, name = self._parent(path)
        self._change(folder, folder.current[name], gone=name)
        return path


def _imported(folder: Path) -> Folder:
    entries: dict[str, File | Folder] = {}
    for path in folder.iterdir():
        if path.is_dir():
            entries[path.name] = _imported(path)
        else:
            data = path.read_bytes()
            entries[path.name] = File(data, data)
    return Folder(dict(entries), dict(entries))


def _flat(top: Folder, entries, data) -> Tree:
    found: dict[str, bytes | None] = {}

    def walk(folder: Folder, before: str) -> None:
        for name, node in entries(folder).items():
            if isinstance(node, Folder):
                found[before + name] = None
                walk(node, f"{before}{name}/")
            else:
                found[before + name] = data(node)

    walk(top, "")
    return found


def _subsets(changes: Sequence[_Change], rng: random.Random) -> Iterator[tuple[_Change, ...]]:
    """None, ..., all of the changes, each in its order; of many, those that differ most."""
    count = len(changes)
    if count <= _ALL_SUBSETS:
        for size in range(count + 1):
            yield from combinations(changes, size)
        return
    yield ()
    for n in range(count):
        yield (changes[n],)
        yield tuple(changes[: n + 1])
        yield (*changes[:n], *changes[n + 1 :])
    for _ in range(4 * count):
        yield tuple(change for change in changes if rng.random() < 0.5)
    yield tuple(changes)


def put(tree: Tree, folder: Path) -> None:
    """Make the empty `folder` hold `tree`."""
    for path, data in tree.items():
        target = folder / path
        if data is None:
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.write_bytes(data)


def taken(folder: Path) -> Tree:
    """The tree that `folder` holds."""
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*")}
    return {name: None if p.is_dir() else p.read_bytes() for name, p in found.items()}
