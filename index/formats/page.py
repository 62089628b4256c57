"""The report on a web page: what a reader sees of it, without what stands around it.

trafilatura finds the report. Before that is taken off the page what it doesn't know of: what is
struck out or hidden, teasers, boxes and captions, and all articles but one. Tables become a line a
row, each value under its header, and entries of a live blog begin with their time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import lxml.html  # type: ignore[import-untyped]
from lxml.etree import ParserError  # type: ignore[import-untyped]
from trafilatura import bare_extraction
from trafilatura.metadata import extract_title

from ..files import NOT_TEXT, TOO_MUCH, Unfit
from .grids import tell_rows
from .stated import stated

_UNSHOWN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|text-decoration[\w-]*\s*:[^;]*line-through"
    r"|(?:font-size|opacity|max-height)\s*:\s*0(?:\.0*)?(?![.\d])|clip\s*:\s*rect\(\s*[01]"
    r"|(?:left|right|top|bottom|text-indent|margin-left)\s*:\s*-\d{3,}|clip-path\s*:\s*inset\(\s*(?:50|100)%"
    r"|(?<![\w-])color\s*:\s*transparent|transform\s*:\s*scale\(\s*0\s*\)"
    r"|(?<![\w-])color\s*:\s*(?P<ink>[^;!]+?)\s*(?:;[^{}]*)?background(?:-color)?\s*:\s*(?P=ink)\s*(?:;|$)",
    re.IGNORECASE,
)
_WHITE = re.compile(r"(?<![\w-])color\s*:\s*(?:white|#fff(?:fff)?)\b", re.IGNORECASE)
_NEVER_SHOWN = frozenset("script style template noscript del s strike".split())
_FURNITURE_TAGS = frozenset("nav button figcaption dialog menu".split())
_FURNITURE_ROLES = frozenset("navigation complementary banner contentinfo dialog search".split())
_FOR_MACHINES = r"sr-only|screen-?reader(?:-text)?|visually-?hidden|off-?screen"
_FURNITURE = re.compile(
    rf"(?:^|[\s_-])(?:teasers?|related|read-?(?:more|next|also)|more-on|see-also|newsletters?|sign-?up"
    r"|subscri\w+|promo\w*|recommend\w*|most-(?:read|popular)|trending|about-(?:the-)?author"
    r"|author-?(?:box|bio|info|card|profile)|bio|share|sharing|social|comments?|cookies?|consent|gdpr"
    r"|paywall|advert\w*|ads?|sponsor\w*|outbrain|taboola|captions?|credits?|breadcrumbs?|"
    rf"{_FOR_MACHINES})(?:$|[\s_-])",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# What opens a line that leads to another report, asks for something, or names a photographer.
_LEADS_AWAY = re.compile(
    r"\W*(?:read (?:more|also|next|on)|also read|related|see also|more on (?:this|the)|more from|"
    r"recommended|don.t miss|watch|listen|(?:lesen|sehen) sie (?:auch|mehr)|mehr (?:zum|dazu)|"
    r"(?:à )?(?:lire|voir) aussi|en savoir plus|(?:lea|lee|vea) (?:también|más)|le puede interesar|"
    r"leggi anche|(?:leia|veja) (?:também|mais))\b",
    re.IGNORECASE,
)
_ASKS_FOR = re.compile(
    r"\W*(?:sign up|subscribe|get (?:our|the) [\w ’']+(?:newsletter|inbox)|"
    r"follow (?:us|her|him|them)\b|"
    r"(?:photo|picture|image|foto|bild|credit|archivbild)(?:graph)?s?(?: by| credit)?\s*:)",
    re.IGNORECASE,
)
_CORRECTS = re.compile(
    r"correct(?:ion|ed)|clarif|erratum|errata|earlier version|berichtig|korrektur|rectif"
    r"|corrección",
    re.IGNORECASE,
)
_BLOCKS = frozenset("p li h1 h2 h3 h4 h5 h6 div blockquote td small".split())
_LONGEST_BOX, _LONGEST_LINE = 0.4, 200
_RULE = re.compile(r"([^{}@;]+)\{([^{}]*)\}")
_SIMPLE = re.compile(r"(?P<tag>[a-z][a-z0-9]*)?(?:(?P<kind>[.#])(?P<name>[\w-]+))?$", re.IGNORECASE)
_ENTRY = re.compile(
    r"(?:^|[\s_-])(?:live-?(?:blog-?)?|ticker-?|timeline-?|update-?)(?:post|entry|update|item|block|event)s?(?:$|[\s_-])"
    r"|live-blog-update",
    re.IGNORECASE,
)
_LIVE = re.compile(r"\blive\b|ticker|LiveBlogPosting|as it happened", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)")
_LEAST_ARTICLE = 60

Extracted = dict[str, Any]


def html(data: bytes, max_chars: int) -> Extracted:
    """The report on a page (UTF-8) as a reader sees it, a line a paragraph. Raises Unfit."""
    parser = lxml.html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        tree = lxml.html.document_fromstring(data, parser)
    except ParserError as error:
        raise Unfit("empty: no visible character") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise Unfit("its elements are nested too deep")
    fields, title = stated(tree)
    title = title or extract_title(tree) or ""
    _drop_unseen(tree)
    _drop_furniture(tree)
    notes = [] if _time_entries(tree) else _drop_other_articles(tree, title)
    for table in list(tree.iter("table")):
        tell_rows(table)
    found: Any = bare_extraction(tree, include_comments=False)
    text = NOT_TEXT.sub("", "\n".join(_lines(found.body)) if found is not None else "").strip()
    if not text:
        raise Unfit("no report found on the page")
    if len(text) > max_chars:
        raise Unfit(TOO_MUCH)
    return {"text": text, "title": " ".join(title.split()), "fields": fields, "notes": notes}


def _lines(body: Any) -> Iterator[str]:
    """The text of what trafilatura found, a line a block: its own way decodes entities twice."""
    lines = [""]

    def walk(element: Any) -> None:
        breaks = element.tag not in ("hi", "ref", "del", "graphic")
        if breaks:
            lines.append("")
        lines[-1] += element.text or ""
        for child in element:
            walk(child)
            lines[-1] += child.tail or ""
        if breaks:
            lines.append("")

    walk(body)
    return (line for text in lines if (line := " ".join(text.split())))


# --- what is no text of the report -------------------------------------------------------------


def _drop_unseen(tree: Any) -> None:
    """Drop what is not shown, or shown struck out: by its tag, its own style, or a simple rule."""
    rules = [style.text or "" for style in tree.iter("style")]
    hides = [rule for text in rules for rule in _hiding(text)]
    _drop(
        tree,
        lambda element: (
            element.tag in _NEVER_SHOWN
            or element.get("hidden") is not None
            or _UNSHOWN.search(element.get("style", "")) is not None
            or _is_white_on_white(element)
            or any(_fits(element, rule) for rule in hides)
        ),
    )


def _is_white_on_white(element: Any) -> bool:
    if not _WHITE.search(element.get("style", "")):
        return False
    around = (element, *element.iterancestors())
    return not any("background" in e.get("style", "") or e.get("bgcolor") for e in around)


def _hiding(sheet: str) -> Iterator[re.Match[str]]:
    """The selectors of a style sheet that hide, of those that name one tag, class or ID."""
    plain = re.sub(
        r"/\*.*?\*/|@media[^{]*print[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", sheet, flags=re.S
    )
    for selectors, style in _RULE.findall(plain):
        if _UNSHOWN.search(style):
            found = (_SIMPLE.match(selector.strip()) for selector in selectors.split(","))
            yield from (m for m in found if m and (m["tag"] or m["name"]))


def _fits(element: Any, rule: re.Match[str]) -> bool:
    if rule["tag"] and rule["tag"].lower() != element.tag:
        return False
    if rule["kind"] == "#":
        return bool(element.get("id") == rule["name"])
    return rule["kind"] is None or rule["name"] in element.get("class", "").split()


def _drop_furniture(tree: Any) -> None:
    """Drop boxes and lines that stand among a report's paragraphs and are none of it."""
    most = _LONGEST_BOX * len(_said(tree))

    def is_box(element: Any) -> bool:
        is_named = (
            element.tag == "form"
            or element.get("role", "") in _FURNITURE_ROLES
            or _FURNITURE.search(_named(element)) is not None
        )
        # Some pages put all that they have into a form, or into a box of such a name.
        is_small = len(_said(element)) <= most and element.find(".//h1") is None
        return element.tag in _FURNITURE_TAGS or (is_named and is_small)

    _drop(tree, is_box)
    for element in list(tree.iter("footer", "aside")):
        if _CORRECTS.search(_said(element)) and len(_said(element)) <= 2 * _LONGEST_LINE:
            element.tag = "div"  # or trafilatura drops it
    _drop(tree, lambda e: e.tag in _BLOCKS and _leads_away(e))


def _leads_away(block: Any) -> bool:
    """Whether a line takes a reader elsewhere, asks for something, or is all one link."""
    text = _said(block)
    if (
        not text
        or len(text) > _LONGEST_LINE
        or any(e.tag in _BLOCKS for e in block.iterdescendants())
    ):
        return False
    linked = sum(len(_said(link)) for link in block.iter("a"))
    if _ASKS_FOR.match(text) or (_LEADS_AWAY.match(text) and (linked or text[-1] not in ".!?")):
        return True
    return block.tag == "p" and linked >= len(text) and text[-1] not in '.!?”"'


def _drop_other_articles(tree: Any, title: str) -> list[str]:
    """Leave one of several articles: the one with the page's title, else the first of size."""
    inner = {a for outer in tree.iter("article") for a in outer.iterdescendants("article")}
    articles = [a for a in tree.iter("article") if a not in inner and _said(a)]
    if len(articles) < 2:
        return []
    longest = max(len(_said(a)) for a in articles)
    heads = ((a, [_said(h) for h in a.iter("h1", "h2", "h3")]) for a in articles)
    titled = [a for a, found in heads if any(h and h in title for h in found)]
    kept = (titled or [a for a in articles if 2 * len(_said(a)) >= longest])[0]
    others = [a for a in articles if a is not kept]
    told = sum(len(_said(a)) >= _LEAST_ARTICLE for a in others)
    for article in others:
        article.drop_tree()
    note = f"{told + 1} articles on the page: only the leading one is read"
    return [note] if told else []


def _drop(tree: Any, unwanted: Callable[[Any], bool]) -> None:
    # Pages hide html and body until their script has run.
    for element in [e for e in tree.iter("*") if e.tag not in ("html", "body") and unwanted(e)]:
        if element.getparent() is not None:
            element.drop_tree()


def _said(element: Any) -> str:
    text: str = element.text_content()
    return " ".join(text.split())


# --- live blogs --------------------------------------------------------------------------------


def _time_entries(tree: Any) -> bool:
    """Begin each entry of a live blog with its time; whether the page is one."""
    named = [e for e in tree.iter("*") if _ENTRY.search(_named(e)) and _time_of(e) is not None]
    entries = [e for e in named if not any(a in named for a in e.iterancestors())]
    if len(entries) < 2 and _LIVE.search(
        f"{_named(tree)} {' '.join(tree.xpath('//title/text() | //h1//text() | //*/@itemtype'))}"
    ):
        entries = _timed_siblings(tree)
    if len(entries) < 2:
        return False
    for entry in entries:
        time = _time_of(entry)
        stamp = _CLOCK.search(time.get("datetime") or "")
        said = f"{stamp[1]} {stamp[2]}" if stamp else _said(time)
        time.drop_tree()
        first = next((e for e in entry.iter(*_BLOCKS) if _said(e)), entry)
        while len(first) and not (first.text or "").strip() and first[0].tag in _BLOCKS:
            first = first[0]
        first.text = f"{said} {(first.text or '').lstrip(' –—:|-')}"
        entry.tag = "div"
    return True


def _named(element: Any) -> str:
    """What an element's class, ID and itemprop call it, words parted by hyphens."""
    names = [element.get(name) or "" for name in ("class", "id", "itemprop")]
    return _CAMEL.sub("-", " ".join(names))


def _time_of(element: Any) -> Any:
    return next((t for t in element.iter("time") if t.get("datetime") or _said(t)), None)


def _timed_siblings(tree: Any) -> list[Any]:
    """Elements of one parent that each hold one time of day, if there are two of them."""
    timed = [
        t
        for t in tree.iter("time")
        if _CLOCK.search(t.get("datetime") or "") or re.search(r"\d[:.]\d\d", _said(t))
    ]
    for time in timed:
        for element, parent in pairwise(time.iterancestors()):
            alike = parent.iterchildren(element.tag)
            siblings = [s for s in alike if len(s.findall(".//time")) == 1]
            if len(siblings) > 1:
                return siblings
    return []
