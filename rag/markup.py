"""HTML from templates, for the page, the bundle and the report: one way, and one way to escape.

It lies in `rag` because `rag`, `eval` and `web` make HTML, and the two others may import `rag`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

__all__ = ["Markup", "environment", "look", "plainly"]

_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROL = (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0))
_UNSEEN = dict.fromkeys((*_CONTROL, *_TURNING, *range(0xD800, 0xE000)), "\ufffd")


def plainly(text: str) -> str:
    """Escaped; control characters and those that turn the direction of writing are shown as �."""
    return html.escape(text.translate(_UNSEEN))


@cache
def look() -> str:
    """The style sheet that all our HTML shares: its colours, type and spacing."""
    return files("rag").joinpath("templates", "look.css").read_text(encoding="utf-8")


@cache
def environment(
    package: str, escape: Callable[[str], str] = plainly, folded: bool = False
) -> Environment:
    """The templates in the folder `templates` of a package.

    Every value that a template prints goes through `escape`, unless a template of ours made it. A
    name that a template doesn't know is an error. `folded`: see `Folded`. Each template knows
    `look`, the style sheet.
    """

    def printed(value: Any) -> Markup:
        return value if isinstance(value, Markup) else Markup(escape(str(value)))

    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printed,
        extensions=[Folded] if folded else [],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.globals["look"] = Markup(look())
    return made


class Folded(Extension):
    """Line breaks of a template, with the spaces around them, make no text.

    Beside a tag or a statement they vanish; between two words, or two attributes, they are a space.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The source of a template on one line."""
        beside = re.sub(r"(?<=[>}])\s*\n\s*|\s*\n\s*(?=[<{]|$)", "", source)
        return re.sub(r"\s*\n\s*", " ", beside)
