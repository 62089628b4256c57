import hashlib
import resource

import numpy as np
import pytest

from index.errors import IndexCorrupt
from index.mapped import array_file, array_in, checked_file, forget


def written(path, data):
    path.write_bytes(data)
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def joined(array):
    return b"".join(bytes(part) for part in array_file(array))


class TestFiles:
    @pytest.mark.parametrize("data", [b"", b"x", b"storm" * 100_000])
    def test_a_file_as_it_was_written(self, tmp_path, data):
        entry = written(tmp_path / "a", data)
        assert bytes(checked_file(tmp_path / "a", entry)) == data

    def test_it_outlives_its_name(self, tmp_path):
        mapped = checked_file(tmp_path / "a", written(tmp_path / "a", b"storm"))
        (tmp_path / "a").unlink()
        assert bytes(mapped) == b"storm"


PAIRS = np.dtype([("a", "<i8"), ("b", "<i4")])


class TestArrays:
    @pytest.mark.parametrize(
        "array",
        [
            np.arange(12, dtype=np.int64).reshape(4, 3),
            np.zeros((0, 3), np.float32),
            np.zeros(0, np.uint8),
            np.array([(1, 2), (3, 4)], PAIRS),
            np.arange(12, dtype=np.float32).reshape(4, 3)[:, ::2],
        ],
    )
    def test_what_is_written_is_read(self, tmp_path, array):
        data = joined(array)
        again = array_in(data, "a.npy", array.dtype, array.shape)
        assert again.dtype == array.dtype and (again == array).all()
        assert not again.flags.writeable
        (tmp_path / "a.npy").write_bytes(data)
        assert (np.load(tmp_path / "a.npy", allow_pickle=False) == array).all()  # plain .npy

    def test_nothing_is_copied(self):
        data = joined(np.arange(1000))
        assert np.shares_memory(
            array_in(data, "a", "<i8", (1000,)), np.frombuffer(data, dtype=np.uint8)
        )

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "is no array file"),
            (b"\x93NUMPY\x01\x00\xff\xff{", "is no array file"),
            (b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16, "is no array file"),
            (b"\x93NUMPY\x02\x00" + joined(np.arange(3))[8:], "is no array file"),
            (joined(np.arange(3))[:-1], "is no array file of its size"),
            (joined(np.arange(3)) + b"x", "is no array file of its size"),
            (joined(np.arange(4)), r"holds int64 of shape \(4,\), not int64 of \(3,\)"),
            (joined(np.zeros(3)), "holds float64"),
            (joined(np.zeros((3, 1), np.int64)), "holds int64 of shape"),
            (joined(np.arange(3, dtype=">i8")), "holds >i8"),
        ],
    )
    def test_anything_else_is_refused_by_name(self, data, reason):
        with pytest.raises(IndexCorrupt, match=f"^b.npy: {reason}"):
            array_in(data, "b.npy", "<i8", (3,))


def test_what_was_read_is_given_back(tmp_path):
    """Reading 64 MB makes the process that much larger, until they are forgotten."""
    data = joined(np.ones(16_000_000, np.float32))
    entry = written(tmp_path / "a", data)
    del data
    array = array_in(checked_file(tmp_path / "a", entry), "a", "<f4", (None,))
    before = _resident()
    assert array.sum() == 16_000_000
    grown = _resident() - before
    forget(array)
    assert grown > 50_000_000
    assert _resident() - before < 10_000_000
    assert array[-1] == 1


def _resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
