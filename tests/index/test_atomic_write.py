import threading
from collections.abc import Iterator

import pytest

from index.atomic_write import replace_file


def test_two_who_write_one_file_at_a_time_leave_one_of_the_two_whole(tmp_path):
    target, meet = tmp_path / "report.json", threading.Barrier(2, timeout=10)
    failed: list[BaseException] = []

    def parts(letter: bytes) -> Iterator[bytes]:
        yield letter
        meet.wait()
        yield letter

    def write(letter: bytes) -> None:
        try:
            replace_file(target, parts(letter))
        except BaseException as error:
            meet.abort()
            failed.append(error)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failed
    assert target.read_bytes() in (b"aa", b"bb")
    assert list(tmp_path.iterdir()) == [target]


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
