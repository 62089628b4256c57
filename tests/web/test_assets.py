"""The page's own files: they are there, and nothing in them asks another origin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from web import assets

STATIC = Path(assets.__file__).parent / "static"


@pytest.mark.parametrize("name", ["page.css", "page.js", "asked.js"])
def test_a_file_is_read_as_it_is_and_names_no_other_origin(name):
    text = assets.asset(name)
    assert text == (STATIC / name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|url\(|</(style|script)", text)


def test_the_head_holds_the_style_sheet():
    assert assets.head().startswith(f"<style>{assets.asset('page.css')}</style><link")
