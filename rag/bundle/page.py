"""A bundle as one page that needs nothing else: no script, no style, font or picture from outside.

The data are in it, as JSON, so that the page can be verified like the file. It is drawn from the
data alone: the same data always give the same page, and a page that was edited is not that page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from rag.bundle.file import DATA_MARK, Bundle, Cited, bundle_in
from rag.markup import Markup, environment

#: Counts up when the same data are drawn otherwise than before.
DRAWN = "wirecheck-page/2"
_KINDS = {
    "span": "a report's own words",
    "quote": "quoted",
    "written": "written by the model, checked",
    "difference": "what the reports differ in, each value in their own words",
}
_Spot = tuple[str, int, int]


def page_of(data: Mapping[str, Any]) -> str:
    """The page of a bundle's data. Raises SettingError if they are no bundle's."""
    bundle = bundle_in(dict(data))
    cited = cited_in(bundle)
    texts: dict[str, list[tuple[str, str]]] = {}
    anchors: dict[_Spot, str] = {}
    for number, (name, article) in enumerate(bundle.articles.items(), start=1):
        spots = sorted(_spot(c) for c in cited.get(name, ()))
        texts[name] = _marked(number, article.text, spots, anchors)
    return _TEMPLATES.get_template("bundle.html").render(
        bundle=bundle,
        drawn=DRAWN,
        kinds=_KINDS,
        texts=texts,
        anchors=anchors,
        ledger=[
            (r.value, f"{r.stance} {r.note}".strip(), ", ".join(r.article_ids), r.reports)
            for r in bundle.ledger
        ],
        made=_made(bundle),
        mark=Markup(DATA_MARK),
        data=_block(data),
    )


def _block(data: Mapping[str, Any]) -> Markup:
    """The data as JSON that no reader of HTML takes for the end of the script."""
    block = json.dumps(data, ensure_ascii=True, allow_nan=False)
    for char in "<>&":
        block = block.replace(char, f"\\u{ord(char):04x}")
    return Markup(block)


def _spot(cited: Cited) -> _Spot:
    return cited.article_id, cited.start, cited.end


def cited_in(bundle: Bundle) -> dict[str, list[Cited]]:
    """By article, each span that the sentences and the ledger cite; else what is nearest."""
    rows: list[Cited] = [c for s in bundle.sentences for c in s.citations]
    rows += [c for row in bundle.ledger for c in row.citations]
    by_article: dict[str, list[Cited]] = {}
    for cited in {_spot(c): c for c in rows or bundle.evidence}.values():
        by_article.setdefault(cited.article_id, []).append(cited)
    return by_article


def _marked(
    number: int, text: str, spots: Sequence[_Spot], anchors: dict[_Spot, str]
) -> list[tuple[str, str]]:
    """The text in pieces, each with its anchor or none; spans that overlap are one piece.

    The anchor of each cited span goes into `anchors`.
    """
    pieces: list[tuple[str, str]] = []
    done = taken = 0
    for index, (start, end) in enumerate(_merged([(s, e) for _, s, e in spots], len(text))):
        anchor = f"a{number}-{index}"
        pieces += [("", text[done:start]), (anchor, text[start:end])]
        while taken < len(spots) and spots[taken][1] < end:
            anchors[spots[taken]] = anchor
            taken += 1
        done = end
    return [*pieces, ("", text[done:])]


def _merged(spans: Iterable[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted((s, min(e, length)) for s, e in spans):
        if start >= end:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _web_address(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


_TEMPLATES = environment("rag")
_TEMPLATES.tests["web_address"] = _web_address


def _made(bundle: Bundle) -> list[tuple[str, object]]:
    """How the bundle was made, a row each: what, and which."""
    return [
        ("Made", bundle.made),
        ("Model", bundle.model),
        ("Checker", bundle.checker),
        ("Index generation", bundle.index.generation),
        *((f"Prompt {name}", digest) for name, digest in bundle.prompts.items()),
        *((f"Version of {name}", number) for name, number in bundle.versions.items()),
        *((f"Setting {name}", json.dumps(v)) for name, v in bundle.settings.items()),
        ("sha256 of this bundle", bundle.sha256),
    ]
