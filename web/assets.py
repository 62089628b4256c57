"""The page's style sheet and scripts: files in `static`, trusted and constant, each read once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from rag.markup import look

_ICON = (
    '<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns=\'http://www.w3.org/2000/svg\' '
    "viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='6' fill='%231d5468'/%3E%3Cpath "
    "d='M8 17l6 6 11-14' fill='none' stroke='%23fff' stroke-width='4'/%3E%3C/svg%3E\">"
)


@cache
def asset(name: str) -> str:
    """The text of a file in `static`."""
    return files("web").joinpath("static", name).read_text(encoding="utf-8")


def head() -> str:
    """What stands in the page's head: its style sheet and its icon.

    As `css=`, Gradio would prefix every selector; those that begin above its container would break.
    """
    return f"<style>{look()}{asset('page.css')}</style>{_ICON}"
