import codecs
import os
from pathlib import Path

import pytest

from index.files import Unfit, clipped, decoded, file_bytes, is_visible, mixes_alphabets, shown

STORY = "Ferry runs again\n\nThe Sound ferry sailed on Monday after nine days in dock.\n"


@pytest.mark.parametrize(
    ("data", "text", "note"),
    [
        (STORY.encode(), STORY, ""),
        (codecs.BOM_UTF8 + STORY.encode(), STORY, ""),
        (STORY.encode("utf-16"), STORY, ""),
        (STORY.encode("utf-32"), STORY, ""),
        (b"One\r\ntwo\r\n\r\nthree\rfour", "One\ntwo\n\nthree\rfour", ""),
        (
            "The old café “Zoë” now asks 5 € for tea".encode("cp1252"),
            "The old café “Zoë” now asks 5 € for tea",
            "not UTF-8, read as cp1252",
        ),
        (b"A stray mark\x02 " + b"in a long report. " * 80, None, ""),
    ],
)
def test_texts_are_kept_as_they_are(data, text, note):
    assert decoded(data) == (data.decode() if text is None else text, (note,) if note else ())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary"),
        (b"Nul\x00 in text", "binary"),
        (b"Escape \x1b\n in a long text " + b"word " * 1000, "binary"),
        (STORY.encode("utf-16-le"), "binary"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8a", "its mark says utf-16"),
        ("Паром снова ходит".encode("cp1251"), "encoding"),
        ("‘Right’ — ‘left’ ".encode() + b"\xff", "encoding: UTF-8 with damaged bytes"),
        (b"\xed\xa0\x80 lone surrogate " + "é".encode(), "encoding"),
    ],
)
def test_what_is_no_text_is_unfit(data, reason):
    with pytest.raises(Unfit, match=f"^{reason}"):
        decoded(data)


def _link(target):
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_link("/etc/passwd"), "a symbolic link"),
        (_link("nowhere"), "a symbolic link"),
        (os.mkfifo, "not a regular file"),
        (os.mkdir, "not a regular file"),
        (lambda path: None, "unreadable: No such file"),
    ],
)
def test_what_is_no_plain_file_is_unfit_without_waiting(tmp_path, make, reason):
    make(tmp_path / "a")
    with pytest.raises(Unfit, match=f"^{reason}"):
        file_bytes(tmp_path / "a", 100)


def test_a_link_put_in_place_at_the_last_moment_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "a").symlink_to("/etc/passwd")
    (tmp_path / "plain").write_bytes(b"x")
    plain = (tmp_path / "plain").lstat()
    monkeypatch.setattr(os, "lstat", lambda path: plain)
    with pytest.raises(Unfit, match=r"^unreadable"):
        file_bytes(tmp_path / "a", 100)


@pytest.mark.parametrize(
    "char", "\u200b\u200d\u2060\ufe0f\u00ad\u3164\u2800 \n\u00a0\U000e0041\U000e0100"
)
def test_characters_that_leave_no_mark(char):
    assert not is_visible(char) and all(map(is_visible, "aé漢🙂.\u0301"))


def test_paths_and_values_in_messages():
    assert shown(Path("a\nb\x1b\udcff.txt")) == "a\\nb\\x1b\\udcff.txt"
    assert clipped("x" * 60) == "x" * 60
    assert clipped("x" * 61) == "x" * 59 + "…"


@pytest.mark.parametrize(
    "code",
    [
        "\x1b[31m",
        "\x1b[2J\x1b[H",
        "\x1b]0;own title\x07",
        "\x1b]8;;https://a.example\x1b\\",
        "\x1bc",
        "\x9b1m",
    ],
)
def test_what_steers_a_terminal_is_left_out_and_the_rest_is_read(code):
    text, notes = decoded(f"The ferry {code}sails again{code}.\n".encode())
    assert text == "The ferry sails again.\n"
    assert notes == ("codes that steer a terminal are left out of it",)


@pytest.mark.parametrize(
    ("text", "mixes"),
    [
        ("Tern Gаzette", True),
        ("Τern Daily", True),
        ("Tern Gazette", False),
        ("Газета Терн and Tern", False),
        ("Çevre Ærø Łódź", False),
        ("北の港 3", False),
    ],
)
def test_a_word_of_several_alphabets(text, mixes):
    assert mixes_alphabets(text) == mixes
