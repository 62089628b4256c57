"""A bundle as one page that needs nothing else: no script, no style, font or picture from outside.

The data are in it, as JSON, so that the page can be verified like the file. It is drawn from the
data alone: the same data always give the same page, and a page that was edited is not that page.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rag.bundle.file import DATA_MARK, Bundle, Cited, Sentence, Stored, bundle_in
from rag.schema import Kind

#: Counts up when the same data are drawn otherwise than before.
DRAWN = "wirecheck-page/1"
_KINDS: dict[Kind, str] = {
    "span": "a report's own words",
    "quote": "quoted",
    "written": "written by the model, checked",
    "difference": "what the reports differ in, each value in their own words",
}
_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROL = (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0))
_UNSEEN = dict.fromkeys((*_CONTROL, *_TURNING), "\ufffd")
_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fdfdfb; --quiet: #5a5a5a;
  --line: #c9c9c4; --mark: #ffe9a8; --link: #0b4f8a; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --paper: #16181a; --quiet: #a9adb1;
  --line: #45494d; --mark: #5c4a10; --link: #8fc4f5; } }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 44rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 Georgia, "Times New Roman", serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin-top: 2.5rem;
  border-top: 1px solid var(--line); padding-top: 1rem; } h3 { font-size: 1rem; }
.quiet, footer { color: var(--quiet); font-size: .875rem; }
blockquote { margin: .5rem 0 .5rem 1rem; padding-left: .75rem; border-left: 3px solid var(--line); }
.sentence { font-size: 1.1rem; margin: 1.5rem 0 .25rem; }
a { color: var(--link); } a:focus-visible { outline: 2px solid var(--link); }
mark { background: var(--mark); color: inherit; text-decoration: underline; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem .3rem 0;
  border-bottom: 1px solid var(--line); }
.text { white-space: pre-wrap; }
code { font-size: .8125rem; }
@media print { :root { --ink: #000; --paper: #fff; --quiet: #333; --line: #999; --mark: #eee;
  --link: #000; } body { max-width: none; padding: 0; } blockquote, tr { break-inside: avoid; } }
"""


def page_of(data: Mapping[str, Any]) -> str:
    """The page of a bundle's data. Raises SettingError if they are no bundle's."""
    bundle = bundle_in(dict(data))
    cited = cited_in(bundle)
    texts = {
        name: _marked(n, article.text, cited.get(name, ()))
        for n, (name, article) in enumerate(bundle.articles.items(), start=1)
    }
    anchors = {spot: anchor for text in texts.values() for spot, anchor in text.anchors.items()}
    body = [
        f'<h1 dir="auto">{_text(bundle.question)}</h1>',
        _asked(bundle),
        *(_sentence(s, bundle, anchors) for s in bundle.sentences),
        f'<p dir="auto">{_text(bundle.note)}</p>' if bundle.note else "",
        _refused(bundle),
        _ledger(bundle),
        _articles(bundle, texts),
        _made(bundle),
    ]
    block = json.dumps(data, ensure_ascii=True, allow_nan=False)
    for char in "<>&":
        block = block.replace(char, f"\\u{ord(char):04x}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        f'<meta name="generator" content="{DRAWN}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(bundle.question)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + f"\n<script{DATA_MARK}>{block}</script>\n</body>\n</html>\n"
    )


def _text(text: object) -> str:
    """Escaped; control characters and those that turn the direction of writing are shown as �."""
    return html.escape(str(text).translate(_UNSEEN), quote=True)


# --- the answer --------------------------------------------------------------------------------


def _asked(bundle: Bundle) -> str:
    parts = [] if bundle.outcome == "answered" else ["<p><strong>No answer.</strong></p>"]
    if bundle.asked != bundle.question:
        parts.append(f'<p class="quiet" dir="auto">Asked as: {_text(bundle.asked)}</p>')
    return "\n".join(parts)


def _sentence(sentence: Sentence, bundle: Bundle, anchors: Mapping[_Spot, str]) -> str:
    checks = ", ".join(f"{c.name} {'passed' if c.passed else 'FAILED'}" for c in sentence.checks)
    return "\n".join(
        [
            f'<p class="sentence" dir="auto">{_text(sentence.text)}</p>',
            f'<p class="quiet">{_text(_KINDS[sentence.kind])}'  # type: ignore[index]
            + (f"; checks: {_text(checks)}" if checks else "")
            + "</p>",
            *(_quote(c, bundle, anchors) for c in sentence.citations),
        ]
    )


def _quote(cited: Cited, bundle: Bundle, anchors: Mapping[_Spot, str]) -> str:
    anchor = anchors.get(_spot(cited))
    file = f"<code>{_text(cited.article_id)}</code>"
    linked = f'<a href="#{anchor}">{file}</a>' if anchor else file
    source = _source(bundle.articles.get(cited.article_id))
    return (
        f'<blockquote dir="auto">“{_text(cited.quote)}”<br><span class="quiet">{source}, '
        f"{linked}, characters {cited.start}–{cited.end}</span></blockquote>"
    )


def _source(article: Stored | None) -> str:
    if article is None:
        return "not in this bundle"
    return _text(f"{article.outlet or 'outlet unknown'}, {article.published or 'date unknown'}")


def _refused(bundle: Bundle) -> str:
    rows = [
        f'<li dir="auto">{_text(r.text)} <span class="quiet">({_text(r.reason)}: '
        f"{_text(r.detail)})</span></li>"
        for r in bundle.refused
    ]
    return f"<h2>Not shown: {len(rows)}</h2>\n<ul>{''.join(rows)}</ul>" if rows else ""


def _ledger(bundle: Bundle) -> str:
    if not bundle.ledger:
        return ""
    head = ("Value", "Position", "Files", "Independent reports")
    rows = [
        (r.value, f"{r.stance} {r.note}".strip(), ", ".join(r.article_ids), r.reports)
        for r in bundle.ledger
    ]
    return f"<h2>Who says what</h2>\n{_table(rows, head)}"


def _table(rows: Iterable[Sequence[object]], head: Sequence[str] = ()) -> str:
    top = "".join(f'<th scope="col">{_text(h)}</th>' for h in head)
    body = "".join(
        "<tr>" + "".join(f'<td dir="auto">{_text(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{body}</tbody></table>"


# --- the articles ------------------------------------------------------------------------------

_Spot = tuple[str, int, int]


@dataclass(frozen=True)
class _Marked:
    """An article's text as HTML, with the anchor of each cited span in it."""

    html: str
    anchors: dict[_Spot, str]


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


def _marked(number: int, text: str, cited: Iterable[Cited]) -> _Marked:
    """The text with its cited spans marked; spans that overlap are one mark."""
    spots = sorted(_spot(c) for c in cited)
    parts: list[str] = []
    anchors: dict[_Spot, str] = {}
    done = taken = 0
    for index, (start, end) in enumerate(_merged([(s, e) for _, s, e in spots], len(text))):
        anchor = f"a{number}-{index}"
        parts += [_text(text[done:start]), f'<mark id="{anchor}">{_text(text[start:end])}</mark>']
        while taken < len(spots) and spots[taken][1] < end:
            anchors[spots[taken]] = anchor
            taken += 1
        done = end
    return _Marked("".join([*parts, _text(text[done:])]), anchors)


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


def _articles(bundle: Bundle, texts: Mapping[str, _Marked]) -> str:
    parts = ["<h2>The reports, as they were</h2>"] if bundle.articles else []
    for name, article in bundle.articles.items():
        parts.append(
            f'<h3 dir="auto">{_text(article.title)}</h3>\n<p class="quiet">{_source(article)}, '
            f"<code>{_text(name)}</code>{_address(article.url)}<br>sha256 "
            f'<code>{_text(article.sha256)}</code></p>\n<div class="text" dir="auto">'
            f"{texts[name].html}</div>"
        )
    return "\n".join(parts)


def _address(url: str | None) -> str:
    if not url:
        return ""
    try:
        safe = urlsplit(url).scheme in ("http", "https")
    except ValueError:
        safe = False
    shown = _text(url)
    return f', <a href="{shown}" rel="noopener noreferrer">{shown}</a>' if safe else f", {shown}"


def _made(bundle: Bundle) -> str:
    rows: list[tuple[str, object]] = [
        ("Made", bundle.made),
        ("Model", bundle.model),
        ("Checker", bundle.checker),
        ("Index generation", bundle.index.generation),
        *((f"Prompt {name}", digest) for name, digest in bundle.prompts.items()),
        *((f"Version of {name}", number) for name, number in bundle.versions.items()),
        *((f"Setting {name}", json.dumps(v)) for name, v in bundle.settings.items()),
        ("sha256 of this bundle", bundle.sha256),
    ]
    return (
        f"<h2>How this was made</h2>\n{_table(rows)}\n<footer><p>To verify: "
        "<code>wirecheck verify FILE --articles FOLDER</code></p></footer>"
    )
