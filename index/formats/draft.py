"""What every format's reader makes: a draft, its fields as found.

Fields may come with a file or a row; what they hold is checked later, in `index/articles.py`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from ..files import is_visible, refuse_binary, unsteered
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
    """The title among the fields, else the first line with something to see; cut if long.

    What turns, hides or joins letters is left out of it.
    """
    said = fields.get("title") or next((x for x in lines if any(map(is_visible, x))), "")
    title = " ".join("".join(map(_shown, said)).split())
    if len(title) <= _MAX_TITLE:
        return title
    return title[:_MAX_TITLE].rsplit(None, 1)[0] + f" {CUT}"


def made_draft(text: str, fields: Mapping[str, str], notes: tuple[str, ...]) -> Draft:
    """Draft of a text and of fields (FIELDS and title) that come from data or markup.

    An ISO time of publication counts as its day, as its own clock has it. Raises Unfit if `text`
    is binary.
    """
    text, steered = unsteered(text)
    refuse_binary(text)
    given = unsteered(fields.get("title", ""))[0]
    title = title_of({"title": given}, stripped_lines(text))
    stated = {name: fields.get(name, "") for name in FIELDS}
    with suppress(ValueError):
        stated["published"] = datetime.fromisoformat(stated["published"]).date().isoformat()
    return Draft(text, title, stated, (*notes, *steered))


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    return "" if unicodedata.category(char) == "Cf" else " "


def stripped_lines(text: str) -> Iterable[str]:
    """The lines of a text, each without the white space around it."""
    return map(str.strip, text.splitlines())
