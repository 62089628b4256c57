"""Files of one article each: from a file's bytes to its draft, by the file's ending.

- `.txt`, `.md`: outlet, published, url and title may stand in front matter (`---` lines at the
  very top, `key: value` between them); else the title is the first line that isn't empty.
- `.html`, `.htm`: the report on the page; outlet, date and address only where the page's own
  metadata state them. The encoding is Unicode, else what the page declares, else cp1252.
- `.pdf`: its text, line by line as it is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .extraction import Extraction
from .files import Unfit, decoded, is_visible, marked_encoding, refuse_binary
from .records import CUT

FIELDS = ("outlet", "published", "url")

_MAX_TITLE = 300
_MAX_FRONT_MATTER_LINES = 100
_KEY = re.compile(r"([A-Za-z][\w-]*)[ \t]*:(?:[ \t]+(.*))?$")
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_DECLARED_WITHIN = 2048
# Those of Python's codecs that pages use; some of the others take time that grows as a square.
_PAGE_CODEC = re.compile(
    r"iso-?8859-\d+|latin-?\d|(?:windows-|cp)(?:125\d|874|932|949)|koi8-[ru]|gb(?:2312|k|18030)"
    r"|big5|euc-(?:jp|kr)|shift[_-]jis|tis-620"
)


@dataclass(frozen=True)
class Draft:
    """What a reader makes of a file, or of a row of one; `fields` are as found, unchecked."""

    text: str
    title: str
    fields: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_plain(data: bytes, max_chars: int, extraction: Extraction) -> Draft:
    """Draft of a plain text file. Raises Unfit if it is no text."""
    text, notes = decoded(data)
    fields, body = _front_matter(text)
    return Draft(body, _title_of(fields, _stripped_lines(body)), fields, notes)


def read_markdown(data: bytes, max_chars: int, extraction: Extraction) -> Draft:
    """Draft of a Markdown file, its marks left as they are. Raises Unfit if it is no text."""
    text, notes = decoded(data)
    fields, body = _front_matter(text)
    lines = (line.strip().lstrip("#").strip() for line in body.splitlines())
    return Draft(body, _title_of(fields, lines), fields, notes)


def read_html(data: bytes, max_chars: int, extraction: Extraction) -> Draft:
    """Draft of a page's report. Raises Unfit if there is none, or over `max_chars` of text."""
    page, notes = _decoded_page(data)
    return _extracted("html", page.encode("utf-8"), max_chars, extraction, notes)


def read_pdf(data: bytes, max_chars: int, extraction: Extraction) -> Draft:
    """Draft of a PDF. Raises Unfit if it can't be read or holds no text, or over `max_chars`."""
    return _extracted("pdf", data, max_chars, extraction, ())


READERS: dict[str, Callable[[bytes, int, Extraction], Draft]] = {
    ".txt": read_plain,
    ".md": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
}


def _title_of(fields: Mapping[str, str], lines: Iterable[str]) -> str:
    """The title among the fields, else the first line with something to see; cut if long."""
    title = fields.get("title") or next((x for x in lines if any(map(is_visible, x))), "")
    if len(title) <= _MAX_TITLE:
        return title
    return title[:_MAX_TITLE].rsplit(None, 1)[0] + f" {CUT}"


def made_draft(text: str, fields: Mapping[str, str], notes: tuple[str, ...]) -> Draft:
    """Draft of a text and of fields (FIELDS and title) that come from data or markup.

    An ISO time of publication counts as its day, as its own clock has it. Raises Unfit if `text`
    is binary.
    """
    refuse_binary(text)
    title = _title_of({"title": _one_line(fields.get("title", ""))}, _stripped_lines(text))
    stated = {name: fields.get(name, "") for name in FIELDS}
    return Draft(text, title, {**stated, "published": _day(stated["published"])}, notes)


def _stripped_lines(text: str) -> Iterable[str]:
    return map(str.strip, text.splitlines())


def _one_line(title: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in title).split())


def _day(time: str) -> str:
    try:
        return datetime.fromisoformat(time).date().isoformat()
    except ValueError:
        return time


def _extracted(
    kind: str, data: bytes, max_chars: int, extraction: Extraction, notes: tuple[str, ...]
) -> Draft:
    found = extraction.extracted(kind, data, max_chars)
    fields = {**found["fields"], "title": found["title"]}
    return made_draft(found["text"], fields, (*notes, *found["notes"]))


def _decoded_page(data: bytes) -> tuple[str, tuple[str, ...]]:
    declared = _DECLARED.search(data[:_DECLARED_WITHIN])
    codec = declared[1].decode("ascii", "replace").lower() if declared else ""
    if marked_encoding(data) or _is_utf8(data) or not _PAGE_CODEC.fullmatch(codec):
        return decoded(data)
    try:
        # What pages call Latin-1 is cp1252: browsers read it so.
        text = data.decode("cp1252" if codec in _CALLED_LATIN_1 else codec)
    except (UnicodeDecodeError, LookupError):
        raise Unfit(f"encoding: it declares {codec}, its bytes are something else") from None
    refuse_binary(text)
    return text.replace("\r\n", "\n"), ()


_CALLED_LATIN_1 = ("iso-8859-1", "iso8859-1", "latin-1", "latin1")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The fields of the block at the top and the text after it; text only, if there is none."""
    if not text.startswith("---"):
        return {}, text
    lines = text.split("\n", _MAX_FRONT_MATTER_LINES)
    rules = [n for n, line in enumerate(lines[:_MAX_FRONT_MATTER_LINES]) if line.rstrip() == "---"]
    if len(rules) < 2 or rules[0] != 0:
        return {}, text
    block = lines[1 : rules[1]]
    fields = _block_fields(block)
    # Without a key that we know it may be a story between two rules: text is never lost.
    if not fields:
        return {}, text
    return fields, "\n".join(lines[rules[1] + 1 :])


def _block_fields(block: list[str]) -> dict[str, str]:
    """Known keys with their values; none at all if a line is no line of front matter."""
    fields: dict[str, str] = {}
    for line in block:
        if not line.strip() or line.startswith(("#", " ", "\t", "- ")):
            continue
        match = _KEY.match(line.rstrip())
        if match is None:
            return {}
        key = match[1].lower()
        if key in (*FIELDS, "title") and key not in fields:
            fields[key] = _unquoted(match[2] or "")
    return fields


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1].strip()
    return value
