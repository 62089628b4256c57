"""Articles given on the page: what is kept, what is refused, what comes of indexing them."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from index import build_index, open_index
from index.errors import SettingError
from tests.fakes import TopicEncoder
from web import uploads as uploading
from web.uploads import Uploads, checked_name

REPORT = b"Harbour crane falls\n\nTwo dockers were hurt in the harbour.\n"


BUILD = partial(build_index, encoder=TopicEncoder())
OPEN = partial(open_index, encoder=TopicEncoder())


def uploads_in(folder: Path | None, build: Callable = BUILD) -> Uploads:
    """Files given in a folder; `opened` are the indexes that were made of them."""
    opened: list = []
    made = Uploads(folder, build, OPEN, opened.append)
    made.opened = opened
    return made


@pytest.fixture
def given(tmp_path):
    return uploads_in(tmp_path / "given")


def take(given: Uploads, name: str, *pieces: bytes, most: int = 1_000) -> None:
    """Send a file in pieces."""

    async def sent() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    asyncio.run(given.take(name, sent(), most))


def index_now(given: Uploads) -> dict:
    """Index, and wait for what comes of it."""
    given.start()
    while given.indexing.state == "working":
        time.sleep(0.01)
    return given.told()


def test_what_is_given_can_be_asked_and_each_file_has_its_fate(given):
    take(given, "crane.txt", REPORT[:10], REPORT[10:])
    take(given, "empty.md", b"  \n")
    take(given, "rows.jsonl", b'{"id": "r1", "text": "A museum opened."}\n{"id": "r2"}\n')
    told = index_now(given)
    assert (told["state"], told["articles"], told["reports"]) == ("ready", 2, 2)
    places = [place for place, _ in told["skipped"]]
    assert places == ["empty.md", "rows.jsonl line 2"]
    (index,) = given.opened
    assert index.articles["crane"].text == REPORT.decode() and "r1" in index.articles


def test_a_file_of_the_same_name_takes_the_place_of_the_first(given):
    take(given, "crane.txt", REPORT)
    index_now(given)
    take(given, "crane.txt", b"Museum\n\nThe museum opened.")
    index_now(given)
    assert given.opened[-1].articles["crane"].title == "Museum"
    assert [p.name for p in given.articles.iterdir()] == ["crane.txt"]


def test_too_large_a_file_is_not_kept_nor_are_its_pieces(given):
    with pytest.raises(SettingError, match="larger than 1,000 bytes"):
        take(given, "long.txt", b"x" * 600, b"x" * 600)
    assert not [p for p in given.folder.rglob("*") if p.is_file()]


def test_there_is_room_for_so_many_files_and_bytes(given, monkeypatch):
    monkeypatch.setattr(uploading, "MAX_FILES", 1)
    take(given, "a.txt", REPORT)
    with pytest.raises(SettingError, match="no room for more"):
        take(given, "b.txt", REPORT)
    take(given, "a.txt", REPORT)
    monkeypatch.setattr(uploading, "MAX_TOTAL", 10)
    with pytest.raises(SettingError, match="10 bytes already"):
        take(given, "a.txt", REPORT)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".txt",
        ".hidden.txt",
        "../up.txt",
        "a/b.txt",
        "a\\b.txt",
        "c:x.txt",
        "a\0.txt",
        "a\u202e.txt",
        "x" * 300 + ".txt",
        "run.exe",
        "page.txt.sh",
        "half\ud800.txt",
    ],
)
def test_a_name_that_could_do_harm_is_refused(name):
    with pytest.raises(SettingError):
        checked_name(name)


def test_names_in_any_script_are_taken():
    for name in ("crane.txt", "מנוף.md", "a b (1).PDF", "metadata.csv", "x..html"):
        assert checked_name(name) == name


def test_no_folder_is_named_in_what_is_told(given):
    take(given, "empty.txt", b" ")
    told = index_now(given)
    assert told["state"] == "failed" and "empty.txt" in told["problem"]
    assert str(given.folder.parent) not in str(told)


@pytest.mark.parametrize("error", [RuntimeError("secret"), BaseException("a secret panic")])
def test_an_error_that_is_not_ours_is_told_by_its_name_in_the_log(tmp_path, error):
    def broken(*args, **options):
        if not broken.mended:
            raise error
        return BUILD(*args, **options)

    broken.mended = False
    given = uploads_in(tmp_path / "given", broken)
    told = index_now(given)
    assert "server's log" in told["problem"] and "secret" not in str(told)
    broken.mended = True
    take(given, "crane.txt", REPORT)
    assert index_now(given)["state"] == "ready"


def test_two_do_not_index_at_once(tmp_path):
    given = uploads_in(tmp_path / "given", lambda *args, **options: time.sleep(0.3))
    given.start()
    with pytest.raises(SettingError, match="being indexed"):
        given.start()


def test_a_broken_link_in_the_folder_is_no_hindrance(given):
    (given.articles / "gone.txt").symlink_to("/nowhere/at/all")
    take(given, "crane.txt", REPORT)
    assert index_now(given)["state"] == "ready" and "crane" in given.opened[-1].articles


def test_a_folder_that_went_away_is_told_in_one_line(given):
    given.articles.rmdir()
    with pytest.raises(SettingError, match="could not be kept: No such file"):
        take(given, "crane.txt", REPORT)


def test_indexing_leaves_nothing_behind_when_the_server_stops():
    begun = threading.Event()

    def slowly(articles, folder, progress):
        for n in range(500):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{n}").touch()
            begun.set()
            time.sleep(0.01)
            progress(n, 500, "embedding")

    private = uploads_in(None, slowly)
    private.start()
    assert begun.wait(10)
    private.close()
    time.sleep(0.1)
    assert not private.folder.exists()


def test_a_private_folder_goes_with_the_run_and_a_named_one_stays(given):
    private = uploads_in(None)
    assert private.folder.stat().st_mode & 0o077 == 0
    private.close()
    given.close()
    assert not private.folder.exists() and given.folder.exists()


def test_what_a_named_folder_holds_is_indexed_at_the_start(given):
    take(given, "crane.txt", REPORT)
    again = uploads_in(given.folder)
    while again.indexing.state == "working":
        time.sleep(0.01)
    assert [list(index.articles) for index in again.opened] == [["crane"]]


def test_a_folder_that_cannot_be_used_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingError, match="can't be used"):
        uploads_in(tmp_path / "file")


def test_parts_that_a_killed_run_left_are_removed_and_those_being_sent_are_not(tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    old, fresh = folder / ".part-old", folder / ".part-fresh"
    for part in (old, fresh):
        part.write_bytes(REPORT)
    os.utime(old, (1, 1))
    uploads_in(folder)
    assert not old.exists() and fresh.exists()


def test_what_is_told_of_a_file_does_not_name_the_folder(given):
    row = b'{"id": "a", "text": "Two dockers were hurt."}\n'
    take(given, "rows.jsonl", row + row)
    ((place, reason),) = index_now(given)["skipped"]
    assert place.startswith("rows.jsonl") and "ID a is taken" in reason
    assert str(given.folder) not in reason
