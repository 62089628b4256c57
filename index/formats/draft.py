"""What every format's reader makes: a draft, its fields as found.

Fields may come with a file or a row; what they hold is checked later, in `index/articles.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from ..files import is_visible, refuse_binary
from ..records import CUT

FIELDS = ("outlet", "published", "url")

_MAX_TITLE = 300


@dataclass(frozen=True)
class Draft:
    """What a reader makes of a file, or of a row of one; `fields` are as found, unchecked."""

    text: str
    title: str
    fields: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def title_of(fields: Mapping[str, str], lines: Iterable[str]) -> str:
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
    said = "".join(c if c.isprintable() else " " for c in fields.get("title", ""))
    title = title_of({"title": " ".join(said.split())}, stripped_lines(text))
    stated = {name: fields.get(name, "") for name in FIELDS}
    with suppress(ValueError):
        stated["published"] = datetime.fromisoformat(stated["published"]).date().isoformat()
    return Draft(text, title, stated, notes)


def stripped_lines(text: str) -> Iterable[str]:
    """The lines of a text, each without the white space around it."""
    return map(str.strip, text.splitlines())
