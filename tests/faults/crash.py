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

#: What the model is told of. Those of the second part it doesn't know: it stops at them.
TRACED = (
    "open", "openat", "close", "write", "pwrite64", "fsync", "fdatasync", "ftruncate",
    "rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir",
    "creat", "openat2", "dup", "dup2", "dup3", "writev", "pwritev", "pwritev2", "truncate",
    "fallocate", "copy_file_range", "sendfile", "splice", "link", "linkat", "symlink", "symlinkat",
    "sync", "syncfs", "sync_file_range", "msync",
)  # fmt: skip

Tree = Mapping[str, bytes | None]
"""Paths from the top to bytes, or to None for a folder."""

_ALL_SUBSETS = 6
_ALL_STATES = 400
_STRING = r'"(?:\\x[0-9a-f]{2})*"(?:\.\.\.)?'
_LINE = re.compile(r"(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)")
_ARGUMENT = re.compile(rf"{_STRING}|[^,]+")
#: Calls with a folder before each path are told as those without.
_AT = {"openat": "open", "mkdirat": "mkdir", "unlinkat": "unlink", "rmdir": "unlink"}
_AT |= {"renameat": "rename", "renameat2": "rename", "fdatasync": "fsync"}


class Unmodelled(Exception):
    """A call that the model can't follow: its states would be wrong."""


@dataclass(frozen=True)
class Call:
    """A system call that succeeded; strings among `arguments` are decoded to bytes."""

    name: str
    arguments: tuple[str | bytes, ...]
    result: int


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
        zeros = bytes(
            n if n == o else 0 for n, o in zip(new, old.ljust(len(new), b"\1"), strict=False)
        )
        torn = []
        for sector in (512, 4096, len(new) // 2):
            if 0 < sector < len(new):
                torn += [new[:sector] + old[sector:], new[:sector] + bytes(len(new) - sector)]
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
        name = _AT.get(call.name, call.name)
        if name in ("open", "mkdir", "unlink", "rename"):
            return self._on_paths(name, call)
        opened = self._opened.get(_number(call, 0))
        if name == "close":
            self._opened.pop(_number(call, 0), None)
        elif name in ("write", "pwrite64", "ftruncate", "fsync"):
            if opened is None or (name == "fsync" and not flushes):
                return ""
            return {"fsync": self._flush, "ftruncate": self._cut}.get(name, self._put)(opened, call)
        elif name == "sync" or opened or self._is_ours(call):
            raise Unmodelled(f"{call.name}{call.arguments}")
        return ""

    def tree(self) -> Tree:
        """As programs see it."""
        return _flat(self._tree, lambda folder: folder.current, lambda file: file.current)

    def states(self, rng: random.Random) -> Iterator[Tree]:
        """Every tree that a power failure may leave now; of very many, a part that `rng` draws."""
        subsets = list(_subsets(self._changes, rng))
        files = [f for f in self._files() if f.current != f.durable]
        contents = list(product(*(f.left() for f in files)))
        pairs = product(subsets, contents)
        if len(subsets) * len(contents) > _ALL_STATES:
            pairs = chain(
                product(subsets, contents[:2]),
                product((subsets[0], subsets[-1]), contents),
                [(rng.choice(subsets), rng.choice(contents)) for _ in range(_ALL_STATES // 4)],
            )
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

    # Paths

    def _paths(self, call: Call) -> list[str]:
        """The paths that a call names, each from the root of the real disk."""
        found = []
        for n, raw in enumerate(call.arguments):
            if isinstance(raw, bytes):
                text, at = os.fsdecode(raw), call.arguments[n - 1] if n else ""
                if not text.startswith("/") and str(at).isdigit() and int(at) in self._opened:
                    text = f"{self._top}/{self._where(self._opened[int(at)].node)}/{text}"
                found.append(os.path.normpath(text))
        return found

    def _is_ours(self, call: Call) -> bool:
        return any(self._path(full) is not None for full in self._paths(call))

    def _path(self, full: str) -> str | None:
        """The path from the top, or None if it leads elsewhere."""
        if full == str(self._top):
            return ""
        return full.removeprefix(f"{self._top}/") if full.startswith(f"{self._top}/") else None

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

    def _change(self, folder: Folder, node: File | Folder, gone: str = "", new: str = "") -> None:
        change = _Change(folder, node, gone, new)
        change.done_in(folder.current)
        self._changes.append(change)

    # Calls

    def _on_paths(self, name: str, call: Call) -> str:
        path, *others = map(self._path, self._paths(call))
        if name == "open":
            self._opened.pop(call.result, None)
        if path is None:
            if self._is_ours(call):
                raise Unmodelled(f"{call.name}{call.arguments}")
            return ""
        above, _, entry = path.rpartition("/")
        folder = self._node(above)
        if not isinstance(folder, Folder):
            raise Unmodelled(f"{path}: in a folder that isn't there")
        if name == "open":
            return self._open(folder, path, entry, call)
        if name == "mkdir":
            self._change(folder, Folder(), new=entry)
        elif name == "unlink":
            self._change(folder, folder.current[entry], gone=entry)
        else:
            place, _, other = (others[0] or "").rpartition("/")
            if place != above or "RENAME_EXCHANGE" in call.arguments:
                raise Unmodelled(f"{path} renamed to {others[0]}")
            self._change(folder, folder.current[entry], gone=entry, new=other)
        return path

    def _open(self, folder: Folder, path: str, entry: str, call: Call) -> str:
        flags = next(str(a) for a in call.arguments if str(a).startswith("O_"))
        if "O_APPEND" in flags or "O_TMPFILE" in flags:
            raise Unmodelled(f"{path} opened with {flags}")
        node, changed = self._node(path), ""
        if node is None:
            node, changed = File(), path
            self._change(folder, node, new=entry)
        elif "O_TRUNC" in flags and isinstance(node, File):
            node.current, changed = b"", path
        self._opened[call.result] = _Opened(node)
        return changed

    def _put(self, opened: _Opened, call: Call) -> str:
        data = call.arguments[1]
        if not isinstance(opened.node, File) or not isinstance(data, bytes):
            raise Unmodelled(f"{call.name} to what is no file")
        at = _number(call, 3) if call.name == "pwrite64" else opened.offset
        old = opened.node.current.ljust(at, b"\0")
        opened.node.current = old[:at] + data[: call.result] + old[at + call.result :]
        if call.name == "write":
            opened.offset += call.result
        return self._where(opened.node)

    def _cut(self, opened: _Opened, call: Call) -> str:
        size = _number(call, 1)
        opened.node.current = opened.node.current[:size].ljust(size, b"\0")
        return self._where(opened.node)

    def _flush(self, opened: _Opened, call: Call) -> str:
        node = opened.node
        if isinstance(node, File):
            node.durable = node.current
        else:
            node.durable = dict(node.current)
            self._changes = [c for c in self._changes if c.folder is not node]
        return self._where(node) or "."


def _number(call: Call, at: int) -> int:
    """An argument as a number; -1 if it is none."""
    text = str(call.arguments[at]) if len(call.arguments) > at else ""
    return int(text) if text.isdigit() else -1


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
