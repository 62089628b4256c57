"""The page's own files: they are there, and nothing in them asks another origin."""

import re
from pathlib import Path

import pytest

from rag.markup import look
from web import assets

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "web" / "static"


@pytest.mark.parametrize("name", ["page.css", "page.js", "asked.js"])
def test_a_file_is_read_as_it_is_and_names_no_other_origin(name):
    text = assets.asset(name)
    assert text == (STATIC / name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|url\(|</(style|script)", text)


def test_the_head_holds_the_style_sheets():
    assert assets.head().startswith(f"<style>{look()}{assets.asset('page.css')}</style><link")


@pytest.mark.parametrize(
    "name", ["web/static/page.css", "rag/templates/bundle.css", "eval/templates/report.css"]
)
def test_colours_and_fonts_are_those_of_the_one_style_sheet(name):
    own = (ROOT / name).read_text(encoding="utf-8")
    own = own.split("@media print")[0]
    assert not re.search(r"#[0-9a-f]{3,8}\b(?=[;, )])|font-family: (?!var|inherit)", own)
    declared = set(re.findall(r"(--[\w-]+):", look()))
    assert set(re.findall(r"var\((--[\w-]+)", own)) <= declared
