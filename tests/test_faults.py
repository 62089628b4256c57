"""A seeded slice of every fault campaign, and the model of a disk that one of them rests on."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.__main__ import CAMPAIGNS
from tests.faults.crash import Call, Disk, Unmodelled, calls
from tests.faults.tally import Tally

ROOT = Path(__file__).parent.parent
SEED = "1"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the campaigns need Linux")


@pytest.fixture(scope="module")
def tallies(tmp_path_factory):
    """What the command counted, by campaign; its own process, which forks, has but one thread."""
    counted = tmp_path_factory.mktemp("faults") / "counted.json"
    words = [sys.executable, "-m", "tests.faults", "--seed", SEED, "--json", str(counted)]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    sys.stdout.write(ended.stdout)
    assert counted.exists(), ended.stdout + ended.stderr
    found = {tally["name"]: tally for tally in json.loads(counted.read_text())}
    assert ended.returncode == any(tally["failures"] for tally in found.values())
    return found


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_slice_of(name, tallies):
    tally = tallies[name]
    assert tally["failures"] == []
    if tally["skipped"]:
        pytest.skip(tally["skipped"])
    assert sum(tally["counts"].values()) > 10


class TestTally:
    @pytest.fixture
    def tally(self, tmp_path):
        return Tally("a name", 7, False, tmp_path)

    def test_a_fault_that_never_landed_fails_the_campaign(self, tally):
        tally.count("hit")
        tally.need("hit")
        assert tally.failures == []
        tally.need("hit", 2)
        assert tally.failures == ["hit: 1, not 2 or more: the fault did not land"]
        assert "a name, seed 7, slice: FAILED" in tally.report()

    def test_a_slice_has_some_of_each_kind_and_the_whole_has_all(self, tally, tmp_path):
        everything = [(kind, n) for kind in "abc" for n in range(9)]
        some = tally.some(everything, 2, by=lambda one: one[0])
        assert sorted(kind for kind, _ in some) == ["a", "a", "b", "b", "c", "c"]
        again = Tally("a name", 7, False, tmp_path)
        assert again.some(everything, 2, by=lambda one: one[0]) == some
        assert Tally("a name", 7, True, tmp_path).some(everything, 2) == everything


class TestDisk:
    """The states that a power failure may leave after a few calls, worked out in one's head."""

    @pytest.fixture
    def disk(self, tmp_path):
        (tmp_path / "old").write_bytes(b"old")
        self.top, self.disk = tmp_path, Disk(tmp_path)
        return self.disk

    def do(self, *steps):
        """Each step is "call argument ...": paths are given from the top, numbers are descriptors."""
        for step in steps:
            name, *words = step.split()
            self.disk.apply(getattr(self, f"_{name}")(*words))

    def _make(self, path, descriptor):
        raw = os.fsencode(self.top / path)
        return Call("openat", ("AT_FDCWD", raw, "O_WRONLY|O_CREAT", "0644"), int(descriptor))

    def _folder(self, path):
        return Call("mkdir", (os.fsencode(self.top / path), "0777"), 0)

    def _write(self, descriptor, text):
        return Call("write", (descriptor, text.encode(), str(len(text))), len(text))

    def _flush(self, descriptor):
        return Call("fsync", (descriptor,), 0)

    def _rename(self, old, new):
        return Call("rename", (os.fsencode(self.top / old), os.fsencode(self.top / new)), 0)

    def _remove(self, path):
        return Call("unlink", (os.fsencode(self.top / path),), 0)

    def states(self):
        found = [dict(tree) for tree in self.disk.states(random.Random(1))]
        return [tree for n, tree in enumerate(found) if tree not in found[:n]]

    def test_what_was_there_is_sure(self, disk):
        assert self.states() == [{"old": b"old"}]

    def test_a_new_file_may_be_lost_with_its_bytes_or_without(self, disk):
        self.do("make new 3", "write 3 abcd")
        assert disk.tree() == {"old": b"old", "new": b"abcd"}
        states = self.states()
        assert {"old": b"old"} in states
        found = {tree["new"] for tree in states if "new" in tree}
        assert found == {b"abcd", b"", b"\0\0\0\0", b"ab", b"ab\0\0"}

    def test_a_flushed_file_may_still_have_no_name(self, disk):
        self.do("make new 3", "write 3 abcd", "flush 3")
        assert self.states() == [{"old": b"old"}, {"old": b"old", "new": b"abcd"}]

    def test_a_flushed_file_in_a_flushed_folder_is_sure(self, disk):
        self.do("make new 3", "write 3 abcd", "flush 3", "make . 4", "flush 4")
        assert self.states() == [{"old": b"old", "new": b"abcd"}]

    def test_a_rename_is_never_half_done(self, disk):
        self.do("make new 3", "write 3 abcd", "flush 3", "make . 4", "flush 4", "rename new old")
        assert disk.tree() == {"old": b"abcd"}
        assert self.states() == [{"old": b"old", "new": b"abcd"}, {"old": b"abcd"}]

    def test_entries_may_come_about_in_any_order(self, disk):
        self.do("folder f", "rename old new")
        assert len(self.states()) == 4
        assert {"old": b"old", "f": None} in self.states()
        assert {"new": b"old"} in self.states()

    def test_a_flush_of_one_folder_is_none_of_another(self, disk):
        self.do("folder f", "make f/a 3", "make f 4", "flush 4")
        assert self.states() == [{"old": b"old"}, {"old": b"old", "f": None, "f/a": b""}]

    def test_a_flush_that_is_left_out(self, disk):
        self.do("make new 3", "make . 4")
        assert disk.apply(self._flush("4"), flushes=False) == ""
        assert {"old": b"old"} in self.states()

    def test_of_very_many_states_the_ends_are_among_those_drawn(self, disk):
        self.do(*(f"make file{n} {n + 3}" for n in range(12)))
        states = self.states()
        assert disk.tree() in states
        assert {"old": b"old"} in states
        assert 12 < len(states) < 2**12

    def test_what_it_can_not_follow_stops_it(self, disk):
        self.do("make new 3")
        mapped = Call("mmap", ("NULL", "9", "PROT_READ|PROT_WRITE", "MAP_SHARED", "3", "0"), 99)
        linked = Call("link", (os.fsencode(self.top / "old"), os.fsencode(self.top / "x")), 0)
        for call in (mapped, linked, Call("sync", (), 0), Call("splice", ("3", "4"), 9)):
            with pytest.raises(Unmodelled):
                disk.apply(call)
        disk.apply(Call("link", (b"/elsewhere/a", b"/elsewhere/b"), 0))


def test_calls_are_read_from_a_log():
    log = (
        '7  openat(AT_FDCWD, "\\x2f\\x61", O_RDONLY|O_CLOEXEC) = 3\n'
        "7  fsync(3 <unfinished ...>\n"
        '8  write(1, "\\x2c\\x29", 2)              = 2\n'
        "7  <... fsync resumed>)               = 0\n"
        '7  mkdir("\\x61", 0777)                 = -1 EEXIST (File exists)\n'
        "7  fsync(3)                            = ?\n"
        "7  +++ killed by SIGKILL +++\n"
    )
    assert calls(log) == [
        Call("openat", ("AT_FDCWD", b"/a", "O_RDONLY|O_CLOEXEC"), 3),
        Call("write", ("1", b",)", "2"), 2),
        Call("fsync", ("3",), 0),
    ]
    with pytest.raises(Unmodelled):
        calls('7  write(1, "\\x2c"..., 2) = 2\n')
