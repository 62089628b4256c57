import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from index.check import faults
from index.contents import Articles, Contents, Passages
from index.copies import Copies
from index.errors import (
    IndexBusy,
    IndexCorrupt,
    IndexMismatch,
    IndexMissing,
    IndexOutdated,
    IndexWriteError,
)
from index.keywords import KeywordIndex
from index.manifest import sealed
from index.records import Article, Passage
from index.store import read, writing
from index.vectors import VectorIndex
from tests.fakes import TopicEncoder

ENCODER = TopicEncoder()


def contents(*texts):
    """One article and one passage for each text."""
    articles = Articles.of(Article(f"a{n}", f"Title {n}", text) for n, text in enumerate(texts))
    return Contents(
        articles=articles,
        copies=Copies.of(articles),
        passages=Passages.of((Passage(a, 0, len(a.text)) for a in articles), articles),
        vectors=VectorIndex.build(ENCODER.encode(texts)),
        keywords=KeywordIndex.build(texts),
        fingerprint=ENCODER.fingerprint,
        recipe=1,
    )


def publish(root, *texts):
    with writing(root) as writer:
        return writer.publish(contents(*texts))


def served(root):
    """Texts and number of the generation that serves, with proof that its parts fit together."""
    generation = read(root)
    found = generation.contents
    texts = [a.text for a in found.articles]
    assert [p.text for p in found.passages] == texts
    assert np.allclose(found.vectors.vectors(), ENCODER.encode(texts))
    assert len(found.keywords) == len(texts)
    return texts, generation.number


@pytest.fixture
def root(tmp_path):
    return tmp_path / "index"


def files_of(root, number):
    folder = root / f"gen-{number:06d}"
    return sorted(p for p in folder.rglob("*") if p.is_file())


class TestRoundTrip:
    def test_two_generations_are_kept(self, root):
        for n in range(1, 5):
            assert publish(root, f"storm {n}") == n
            assert served(root) == ([f"storm {n}"], n)
        kept = sorted(p.name for p in root.iterdir())
        assert kept == ["LOCK", "MANIFEST.json", "gen-000003", "gen-000004"]

    def test_hidden_files_beside_it_do_no_harm(self, root):
        root.mkdir()
        (root / ".gitignore").write_text("*")
        publish(root, "storm")
        assert served(root) == (["storm"], 1)


class TestMissing:
    @pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.touch()])
    def test_no_index(self, root, make):
        make(root)
        with pytest.raises(IndexMissing, match="no index there; make one with"):
            read(root)

    def test_a_lost_manifest_is_damage(self, root):
        publish(root, "storm")
        (root / "MANIFEST.json").unlink()
        with pytest.raises(IndexCorrupt, match=r"MANIFEST\.json: is missing"):
            read(root)

    def test_a_folder_of_something_else_is_left_alone(self, root):
        root.mkdir()
        (root / "thesis.doc").write_text("years of work")
        with pytest.raises(IndexWriteError, match=r"holds thesis\.doc and no index"):
            publish(root, "storm")
        assert [p.name for p in root.iterdir()] == ["thesis.doc"]

    def test_a_file_in_its_place(self, root):
        root.write_text("x")
        with pytest.raises(IndexWriteError, match="can't be written"):
            publish(root, "storm")


def test_a_file_too_many_is_refused(root):
    publish(root, "storm")
    (root / "gen-000001" / "keywords" / "extra.npy").write_bytes(b"")
    with pytest.raises(IndexCorrupt, match=r"extra\.npy: does not belong to this index"):
        read(root)


class TestManifest:
    """A manifest with a right checksum, as a newer or a hostile program may write it."""

    @pytest.fixture
    def edit(self, root):
        publish(root, "storm", "harbour")
        path = root / "MANIFEST.json"

        def change(**fields):
            old = json.loads(path.read_bytes())
            del old["checksum"]
            path.write_bytes(sealed(old | fields))

        return change

    def test_a_newer_format(self, root, edit):
        edit(format=4)
        with pytest.raises(IndexMismatch, match="format 4, this program reads 3; update") as caught:
            read(root)
        assert not isinstance(caught.value, IndexOutdated)
        with pytest.raises(IndexMismatch):
            publish(root, "election")

    def test_an_older_format(self, root, edit):
        """A reader says what to do; a writer does it."""
        edit(format=1)
        with pytest.raises(
            IndexOutdated, match=r"older .*; make it anew with: wirecheck index ART"
        ):
            read(root)
        assert publish(root, "election") == 2
        assert served(root) == (["election"], 2)

    @pytest.mark.parametrize(
        "fields",
        [
            {"files": {}},
            {"files": {"../../etc/passwd": {"size": 1, "sha256": ""}}},
            {"generation": "1"},
            {"generation": True},
            {"counts": {"articles": 2.0, "passages": 2}},
            {"encoder": {"fingerprint": "f"}},
            {"vectors": {}},
            {"vectors": {"kind": "hnsw"}},
            {"vectors": {"kind": "ivf"}},
            {"vectors": {"kind": "ivf", "cells": 4, "probe": -1, "trained": 2, "recall": 1.0}},
        ],
    )
    def test_fields_that_make_no_sense(self, root, edit, fields):
        edit(**fields)
        with pytest.raises(IndexCorrupt, match=r"MANIFEST\.json"):
            read(root)

    @pytest.mark.parametrize("data", [b"[]", b"null", b"[" * 100_000, b" " * 2_000_000])
    def test_what_is_no_manifest(self, root, data):
        publish(root, "storm")
        path = root / "MANIFEST.json"
        for written in (data, path.read_bytes() + b"\n"):
            path.write_bytes(written)
            with pytest.raises(IndexCorrupt, match=r"MANIFEST\.json"):
                read(root)


class Killed(BaseException):
    """Stands for `kill -9`: no handler of the product catches it."""


# Every call by which the store changes the disk.
CALLS = ("open", "write", "fsync", "rename", "replace", "mkdir", "unlink", "rmdir", "ftruncate")


def kill_at(monkeypatch, last):
    """From disk call number `last` on, each raises Killed; what is returned has an item a call."""
    calls = []

    def wrapped(real):
        def call(*args, **kwargs):
            calls.append(real)
            if len(calls) > last:
                raise Killed
            return real(*args, **kwargs)

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, wrapped(getattr(os, name)))
    return calls


@pytest.mark.parametrize("first", [True, False], ids=["first build", "update"])
def test_killed_at_every_disk_call(tmp_path, monkeypatch, first):
    """Whenever the writer dies, what is served is the old generation or the new, whole."""
    template = tmp_path / "template"
    if not first:
        publish(template, "storm zero")
        publish(template, "storm one")
    count = _copied(template, tmp_path / "count")
    with monkeypatch.context() as patch:
        calls = kill_at(patch, 10**9)
        publish(count, "storm two")
    outcomes = []
    for last in range(len(calls)):
        root = _copied(template, tmp_path / f"index{last}")
        with monkeypatch.context() as patch, pytest.raises(Killed):
            kill_at(patch, last)
            publish(root, "storm two")
        outcomes.append(_outcome(root))
        assert publish(root, "storm three") >= 1  # the next writer is not in the way
        assert served(root)[0] == ["storm three"]
        assert not list(root.glob("*.tmp"))
        assert len(list(root.glob("gen-*"))) <= 2
    assert set(outcomes) == ({"none", "storm two"} if first else {"storm one", "storm two"})
    assert outcomes == sorted(outcomes)  # once new, never old again


def _copied(template, root):
    if template.exists():
        shutil.copytree(template, root)
    return root


def _outcome(root):
    try:
        return served(root)[0][0]
    except IndexMissing:
        return "none"


def test_a_last_flush_that_fails_is_told_as_it_is(root, monkeypatch):
    publish(root, "storm one")
    real, manifest = os.replace, []

    def replace(old, new):
        real(old, new)
        monkeypatch.setattr(os, "fsync", fail)
        manifest.append(new.name)

    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(IndexWriteError) as caught:
        publish(root, "storm two")
    monkeypatch.undo()
    assert manifest == ["MANIFEST.json"]
    assert "generation 2 serves, but the disk did not confirm it: Input" in str(caught.value)
    assert served(root) == (["storm two"], 2)


def flushed(monkeypatch):
    """The paths that are flushed, in order."""
    paths, events = {}, []
    opened, synced = os.open, os.fsync

    def open_(path, *args):
        descriptor = opened(path, *args)
        paths[descriptor] = Path(path)
        return descriptor

    def fsync(descriptor):
        events.append(paths[descriptor])
        synced(descriptor)

    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "fsync", fsync)
    return events


def test_the_folders_that_lead_to_a_first_index_are_flushed(root, monkeypatch):
    events = flushed(monkeypatch)
    publish(root / "a" / "b", "storm")
    assert {root / "a", root, root.parent} <= set(events)
    events.clear()
    publish(root / "a" / "b", "storm two")
    assert set(events) & {root / "a", root, root.parent} == set()


def test_everything_is_flushed_before_it_gets_its_name(root, monkeypatch):
    """What a power failure may lose is only what nothing points to yet."""
    publish(root, "storm one")
    events = flushed(monkeypatch)

    def named(real):
        return lambda old, new: (events.append(f"-> {new.name}"), real(old, new))

    monkeypatch.setattr(os, "rename", named(os.rename))
    monkeypatch.setattr(os, "replace", named(os.replace))
    publish(root, "storm two")
    tmp = root / "gen-000002.tmp"
    first, second = events.index("-> gen-000002"), events.index("-> MANIFEST.json")
    files = {tmp / p.relative_to(root / "gen-000002") for p in files_of(root, 2)}
    assert len(files) == 13
    assert set(events[:first]) == files | {tmp, tmp / "keywords", root / "MANIFEST.json.tmp", root}
    assert events[first - 1] == root and events[first + 1 : second] == [root]
    assert events[second + 1 :] == [root]


def test_short_writes_are_continued(root, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    publish(root, "storm at the harbour")
    assert served(root) == (["storm at the harbour"], 1)


class TestLock:
    def test_one_writer_at_a_time(self, root):
        with writing(root), pytest.raises(IndexBusy, match=f"by process {os.getpid()} since"):
            publish(root, "storm")
        assert publish(root, "storm") == 1

    def test_readers_do_not_wait(self, root):
        publish(root, "storm")
        with writing(root):
            assert served(root) == (["storm"], 1)


class TestFaults:
    """What `--check` says of the files, where a reader stops at the first."""

    def test_what_a_stopped_build_left_is_named(self, root):
        for n in range(3):
            publish(root, f"storm {n}")
        for name in ("gen-000001", "gen-000009", "gen-000010.tmp"):
            (root / name).mkdir()
        (root / "MANIFEST.json.tmp").write_text("{")
        left = [line.split(": ")[0].rsplit("/", 1)[1] for line in faults(root)]
        assert left == ["MANIFEST.json.tmp", "gen-000001", "gen-000009", "gen-000010.tmp"]
        with writing(root):
            (root / "gen-000010.tmp").mkdir()
            assert faults(root) == []  # it is at work
        (root / "gen-000010.tmp").rmdir()
        publish(root, "storm 3")
        assert faults(root) == []

    def test_the_manifest_itself(self, root):
        with pytest.raises(IndexMissing):
            faults(root)
        publish(root, "storm")
        (root / "MANIFEST.json").write_text("{}")
        with pytest.raises(IndexCorrupt, match="checksum"):
            faults(root)
