"""`.txt` and `.md`: front matter, if there is some, and the text after it."""

from __future__ import annotations

import re
from functools import partial

from ..files import decoded
from .draft import FIELDS, Draft, stripped_lines, title_of

_MAX_FRONT_MATTER_LINES = 100
_KEY = re.compile(r"([A-Za-z][\w-]*)[ \t]*:(?:[ \t]+(.*))?$")


def read_plain(data: bytes, *_: object, marks: str = "") -> Draft:
    """Draft of a text file; `marks` begin a headline and are no part of it. Raises Unfit."""
    text, notes = decoded(data)
    fields, body = _front_matter(text)
    lines = (line.lstrip(marks).strip() for line in stripped_lines(body))
    return Draft(body, title_of(fields, lines), fields, notes)


read_markdown = partial(read_plain, marks="#")


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
