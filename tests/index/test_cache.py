import multiprocessing
import sqlite3
import stat

import numpy as np
import pytest

from index import cache as module
from index.cache import open_cache
from index.errors import SettingError

DIM = 4


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("WIRECHECK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def path(folder):
    return folder / "embeddings-1.sqlite"


def opened(fingerprint="f:1", dim=DIM):
    return open_cache(fingerprint, dim)


def vectors(*numbers):
    return np.array([[n, n + 0.25, -n, 1 / 3] for n in numbers], np.float32)


def put(*numbers, **which):
    with_it = opened(**which)
    with_it.put([f"text {n}" for n in numbers], vectors(*numbers))
    with_it.close()
    return with_it


def got(*numbers, **which):
    """Which of the texts the cache knows; that it knows them rightly is asserted here."""
    cache = opened(**which)
    found = cache.get([f"text {n}" for n in numbers])
    cache.close()
    for text, vector in found.items():
        assert (vector == vectors(int(text.split()[1]))[0]).all()
        assert vector.dtype == np.float32
    return sorted(int(text.split()[1]) for text in found)


def test_what_was_put_is_found_bit_by_bit(path):
    put(1, 2, 3)
    assert got(1, 2, 3, 4) == [1, 2, 3]
    assert path.is_file()


def test_one_more_question_than_can_be_asked_at_once():
    numbers = range(module._ASKED_AT_ONCE + 1)
    put(*numbers)
    assert got(*numbers, 10**6) == list(numbers)


def test_nothing_of_another_encoder():
    put(1)
    assert got(1, fingerprint="f:2") == []
    assert got(1, dim=8) == []
    assert got(1) == [1]


def test_no_text_is_kept_and_nobody_else_may_read_it(path):
    cache = opened()
    cache.put(["the secret report"], vectors(1))
    cache.close()
    assert b"secret" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


class TestSettings:
    @pytest.mark.parametrize(("name", "value"), [("CACHE", "Off"), ("CACHE_MB", "0")])
    def test_off(self, folder, monkeypatch, name, value):
        monkeypatch.setenv(f"WIRECHECK_{name}", value)
        assert put(1).note == ""
        assert got(1) == []
        assert not folder.exists()

    @pytest.mark.parametrize("value", ["1.5", "-1", "many", "1e3"])
    def test_what_is_no_number(self, monkeypatch, value):
        monkeypatch.setenv("WIRECHECK_CACHE_MB", value)
        with pytest.raises(SettingError, match=f"WIRECHECK_CACHE_MB is '{value}'; it must be"):
            opened()

    def test_this_users_cache_folder_by_default(self, monkeypatch, tmp_path):
        monkeypatch.delenv("WIRECHECK_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
        put(1)
        assert [p.name for p in (tmp_path / "home" / "wirecheck").iterdir()] == [
            "embeddings-1.sqlite"
        ]


class TestSize:
    """Vectors of 4,000 bytes, in a cache of one megabyte."""

    LIMIT = 1_000_000

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        monkeypatch.setenv("WIRECHECK_CACHE_MB", "1")
        self.day = 100
        monkeypatch.setattr(module, "_today", lambda: self.day)

    def put(self, *numbers):
        cache = opened(dim=1000)
        cache.put([f"text {n}" for n in numbers], np.ones((len(numbers), 1000), np.float32))
        cache.close()
        assert cache.note == ""

    def got(self, *numbers):
        cache = opened(dim=1000)
        found = cache.get([f"text {n}" for n in numbers])
        cache.close()
        return {int(text.split()[1]) for text in found}

    def test_it_stays_within_bounds_and_keeps_the_newest(self, path):
        for start in range(0, 1000, 50):
            self.put(*range(start, start + 50))
            assert path.stat().st_size <= self.LIMIT
        kept = self.got(*range(1000))
        assert 150 < len(kept) < 250
        assert kept == set(range(1000 - len(kept), 1000))

    def test_what_is_used_is_not_the_first_to_go(self):
        self.put(*range(100))
        self.day += 1
        assert self.got(*range(20)) == set(range(20))
        for start in range(100, 240, 20):
            self.put(*range(start, start + 20))
        kept = self.got(*range(100))
        assert kept >= set(range(20)) and len(kept) < 90

    def test_a_smaller_limit_makes_it_smaller(self, path, monkeypatch):
        monkeypatch.setenv("WIRECHECK_CACHE_MB", "9")
        self.put(*range(1000))
        assert path.stat().st_size > 4_000_000
        monkeypatch.setenv("WIRECHECK_CACHE_MB", "1")
        self.put(1000)
        assert path.stat().st_size <= self.LIMIT
        assert 1000 in self.got(1000)


class TestDamage:
    """Whatever happens to the file, no wrong vector comes out of it and nothing is raised."""

    def test_any_byte(self, path):
        """A flip in any page: found again or not, but never another vector; then it heals."""
        numbers = range(40)
        put(*numbers)
        good = path.read_bytes()
        rng = np.random.default_rng(3)
        lost = 0
        for _ in range(150):
            at = int(rng.integers(0, len(good)))
            flipped = (
                good[:at] + bytes([good[at] ^ (1 << int(rng.integers(0, 8)))]) + good[at + 1 :]
            )
            path.write_bytes(flipped)
            lost += len(got(*numbers)) < len(numbers)
            put(*numbers)
            assert got(*numbers) == list(numbers)
        assert lost > 15

    @pytest.mark.parametrize(
        "data", [b"no database", b"", b"SQLite format 3\0", b"SQLite format 3\0" + b"\xff" * 8192]
    )
    def test_another_file_in_its_place(self, path, data):
        path.parent.mkdir()
        path.write_bytes(data)
        cache = put(1)
        assert got(1) == [1]
        assert ("was damaged and is begun anew" in cache.note) == bool(data)

    def test_an_entry_of_another_text(self, path):
        """Two vectors swapped, as a faulty disk or hand may do: both are embedded again."""
        put(1, 2, 3)
        with sqlite3.connect(path) as db:
            rows = dict(db.execute("SELECT key, vector FROM vectors").fetchall())
            one, two = list(rows)[:2]
            db.execute("UPDATE vectors SET vector = ? WHERE key = ?", (rows[two], one))
            db.execute("UPDATE vectors SET vector = ? WHERE key = ?", (rows[one], two))
        db.close()
        assert len(got(1, 2, 3)) == 1

    def test_a_folder_that_can_not_be_made(self, folder):
        folder.write_text("x")
        cache = put(1)
        assert "the embedding cache is not used: " in cache.note
        assert "\n" not in cache.note
        assert got(1) == []

    def test_a_full_disk(self, path, monkeypatch):
        put(1)
        real = module._connected

        def full(where):
            db = real(where)
            db.execute("PRAGMA max_page_count = 5")
            return db

        with monkeypatch.context() as patch:
            patch.setattr(module, "_connected", full)
            cache = opened()
            for start in range(0, 1000, 100):
                numbers = range(start, start + 100)
                cache.put([f"text {n}" for n in numbers], vectors(*numbers))
            assert "is not used: database or disk is full" in cache.note
            assert cache.get(["text 1"]) == {}
            cache.close()
        assert 1 in got(1)  # what was there is still there


class TestTogether:
    def test_a_lock_that_is_held_too_long(self, path, monkeypatch):
        put(1)
        monkeypatch.setattr(module, "_WAIT_SECONDS", 0.1)
        holder = sqlite3.connect(path)
        holder.execute("BEGIN EXCLUSIVE")
        assert "is not used: database is locked" in put(2).note
        holder.rollback()
        holder.close()
        assert put(2).note == ""
        assert got(1, 2) == [1, 2]

    def test_four_writers_at_once(self):
        context = multiprocessing.get_context("spawn")
        writers = [context.Process(target=_put_many, args=(n,)) for n in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert [w.exitcode for w in writers] == [0] * 4
        assert got(*range(400)) == list(range(400))

    def test_a_writer_that_is_killed(self):
        """What it had put before is there, and nothing is broken."""
        context = multiprocessing.get_context("spawn")
        ready = context.Event()
        for _ in range(3):
            writer = context.Process(target=_put_without_end, args=(ready,))
            writer.start()
            assert ready.wait(60)
            writer.kill()
            writer.join()
            ready.clear()
        assert got(*range(100)) == list(range(100))
        assert put(1).note == ""


def _put_many(which):
    for start in range(0, 100, 10):
        cache = put(*range(which * 100 + start, which * 100 + start + 10))
        assert cache.note == ""


def _put_without_end(ready):
    cache = opened()
    for start in range(10**6):
        numbers = range(100 * start, 100 * start + 100)
        cache.put([f"text {n}" for n in numbers], vectors(*numbers))
        if start == 20:
            ready.set()
