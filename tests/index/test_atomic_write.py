from collections.abc import Iterator

import pytest

from index.atomic_write import replace_file


def test_what_was_there_stays_when_a_part_fails(tmp_path):
    target = tmp_path / "report.json"
    target.write_bytes(b"before")

    def parts() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        replace_file(target, parts())
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]
