"""One file from disk: its bytes, and its text if it has some, or the reason why not.

Text is UTF-8, or UTF-16 or UTF-32 with a byte order mark. What is none of these is read as cp1252
if it then looks like text, and a note says so. CRLF becomes LF; nothing else changes.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
import unicodedata
from pathlib import Path

IS_LINK = "a symbolic link; links are not followed"

# UTF-32's mark begins with UTF-16's, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8_PAIRS = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_NON_ASCII = re.compile(r"[^\x00-\x7f]")
# What steers a terminal: colours, the cursor, a window's title.
_STEERS = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_STEERED = "codes that steer a terminal are left out of it"
#: What no text holds: controls, and signs that stand for none.
NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
TOO_MUCH = "too large: too much text in it"
_ALPHABETS = frozenset(("LATIN", "CYRILLIC", "GREEK"))
# Letters by their category, yet drawn as nothing.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")


class Unfit(Exception):
    """A file, or a row of it, can't be an article; the text is the reason, fit for one line."""


def file_bytes(path: Path, max_bytes: int) -> bytes:
    """All bytes of a plain file; follows no link, never waits, never reads past the limit.

    Raises Unfit if it is no plain file, larger than `max_bytes`, or can't be read.
    """
    try:
        _refuse_irregular(os.lstat(path))
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
            # Asked again of the open file: the name may have been given to another meanwhile.
            status = os.fstat(file.fileno())
            _refuse_irregular(status)
            refuse_oversized(status.st_size, max_bytes)
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise Unfit(f"unreadable: {error.strerror or error}") from error
    refuse_oversized(len(data), max_bytes)
    return data


def _refuse_irregular(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise Unfit(IS_LINK)
    if not stat.S_ISREG(status.st_mode):
        raise Unfit("not a regular file")


def refuse_oversized(size: int, max_bytes: int) -> None:
    """Raise Unfit if `size` is over the limit."""
    if size > max_bytes:
        raise Unfit(f"too large: over {max_bytes:,} bytes")


def marked_encoding(data: bytes) -> str | None:
    """The encoding that a byte order mark at the start of `data` names, if there is a mark."""
    return next((name for mark, name in _MARKS if data.startswith(mark)), None)


def decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file with LF line ends, and a note if it was not Unicode.

    Raises Unfit if it is binary or in an unknown encoding.
    """
    notes: tuple[str, ...] = ()
    encoding = marked_encoding(data) or "utf-8"
    if encoding == "utf-8" and b"\x00" in data:
        raise Unfit("binary: holds NUL bytes")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise Unfit(f"its mark says {encoding}, its bytes do not") from error
        text, notes = as_cp1252(data), ("not UTF-8, read as cp1252",)
    text, steered = unsteered(text)
    refuse_binary(text)
    return text.replace("\r\n", "\n"), (*notes, *steered)


def unsteered(text: str) -> tuple[str, tuple[str, ...]]:
    """The text without what steers a terminal, and a note if there was any."""
    bare = _STEERS.sub("", text)
    return bare, (_STEERED,) if bare != text else ()


def refuse_binary(text: str) -> None:
    """Raise Unfit if `text` holds what no report holds: NUL, escapes, many control characters."""
    controls = len(_CONTROL.findall(text))
    if "\x00" in text or "\x1b" in text or controls * 1000 > len(text):
        raise Unfit("binary: holds control characters")


def as_cp1252(data: bytes) -> str:
    """The text as cp1252, if it looks like text: mostly ASCII, and not UTF-8 gone bad.

    Raises Unfit if it does not.
    """
    high = len(data.translate(None, delete=bytes(range(0x80))))
    if 2 * sum(map(len, _UTF8_PAIRS.findall(data))) > high:
        raise Unfit("encoding: UTF-8 with damaged bytes")
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise Unfit("encoding: neither UTF-8 nor cp1252") from error
    if len(_NON_ASCII.findall(text)) * 5 > len(text):
        raise Unfit("encoding: neither UTF-8 nor, as it seems, cp1252")
    return text


def mixes_alphabets(text: str) -> bool:
    """Whether a word has letters of several alphabets, such as a Cyrillic "а" in "Gаzette"."""
    return any(
        len(_ALPHABETS & {unicodedata.name(c, "").split(" ")[0] for c in word}) > 1
        for word in re.findall(r"[^\W\d_]+", text)
    )


def is_visible(char: str) -> bool:
    """Whether a character, alone, leaves a mark on paper."""
    return unicodedata.category(char)[0] not in "ZC" and not (
        char in _BLANK_LETTERS or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char
    )


def shown(path: Path) -> str:
    """A path fit for one line of UTF-8."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(path))


def clipped(value: str) -> str:
    """A value short enough for a line of a message."""
    return value if len(value) <= 60 else value[:59] + "…"
