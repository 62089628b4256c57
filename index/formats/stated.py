"""What a page states of itself: outlet, date of publication, address, title.

What it merely says in its prose is not looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

_ARTICLE = re.compile(r"(Article|BlogPosting|Report)$")

# Where pages state these, the surest first.
_OUTLET = ("og:site_name", "dc.publisher", "dcterms.publisher")
_PUBLISHED = (
    "article:published_time",
    "datepublished",
    "dc.date.issued",
    "dcterms.issued",
    "dc.date",
    "dcterms.date",
    "parsely-pub-date",
    "pubdate",
    "date",
)


def stated(tree: Any) -> tuple[dict[str, str], str]:
    """Outlet, date and address that the page's metadata state, and its title."""
    meta = _meta(tree)
    articles = list(_described_articles(tree))
    canonical = [link.get("href", "") for link in tree.xpath('//link[@rel="canonical"]')]
    outlets = (*_under(meta, _OUTLET), *(_name(a.get("publisher")) for a in articles))
    dates = (
        *_under(meta, _PUBLISHED[:1]),
        _only(a.get("datePublished") for a in articles),
        _only(tree.xpath('//*[@itemprop="datePublished"]/@datetime')),
        *_under(meta, _PUBLISHED[1:]),
    )
    addresses = (*canonical, *_under(meta, ("og:url",)))
    fields = {
        "outlet": _first(outlets),
        "published": _first(dates),
        "url": _first(x for x in addresses if x.lower().startswith("http")),
    }
    headline = _only(a.get("headline") for a in articles)
    return fields, _first((*_under(meta, ("og:title",)), headline))


def _meta(tree: Any) -> dict[str, str]:
    """What the page's meta elements say, by name; the first of a name holds."""
    said: dict[str, str] = {}
    for element in tree.iter("meta"):
        content = " ".join(element.get("content", "").split())
        for attribute in ("property", "name", "itemprop"):
            name = element.get(attribute, "").strip().lower()
            if name and content:
                said.setdefault(name, content)
    return said


def _under(meta: dict[str, str], names: Iterable[str]) -> list[str]:
    return [meta[name] for name in names if name in meta]


def _described_articles(tree: Any) -> Iterator[dict[str, Any]]:
    """The articles that the page describes in JSON-LD as what it is about."""
    for script in tree.xpath('//script[@type="application/ld+json"]'):
        try:
            waiting: list[Any] = [json.loads(script.text or "", strict=False)]
        except (ValueError, RecursionError):
            continue
        while waiting:
            item = waiting.pop()
            if isinstance(item, list):
                waiting.extend(reversed(item))
            elif isinstance(item, dict):
                waiting.append(item.get("@graph"))
                kinds = item.get("@type")
                if any(_ARTICLE.search(str(k)) for k in _listed(kinds)):
                    yield item


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(value: Any) -> str:
    """The name of a publisher, who may be described or just named, alone or as one of several."""
    first = _listed(value)[0] if _listed(value) else None
    name = first.get("name") if isinstance(first, dict) else first
    return " ".join(name.split()) if isinstance(name, str) else ""


def _only(values: Iterable[Any]) -> str:
    """The one value that is stated; none if there are several: they are of several articles."""
    stated = {" ".join(value.split()) for value in values if isinstance(value, str)} - {""}
    return stated.pop() if len(stated) == 1 else ""


def _first(values: Iterable[str]) -> str:
    return next((value for value in values if value), "")
