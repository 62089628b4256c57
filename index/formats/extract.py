"""The text of an HTML or PDF file: a program of its own, the only owner of their libraries.

`extraction.py` starts it by its path and hands it one file after another: a line of JSON
(`kind`, `bytes`, `max_chars`, `seconds`), then the bytes. It answers each with a line of JSON:
`text`, `title`, `fields` (outlet, published, url, where the page states them) and `notes`, or
`unfit` with the reason. A crash of these libraries, an endless loop or a bomb of memory ends this
process and not the run. It imports nothing of `index`, so that it starts quickly.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import sys
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

_MEMORY = 2 << 30
_DRAWN_HYPHEN = "\ufffe"  # what PDFium writes for a hyphen at a line's end, without the line's end
_WORD_CUT = re.compile(rf"(\w+){_DRAWN_HYPHEN}(\w+)")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
_UNKNOWN = re.compile(r"[\ufffd\ue000-\uf8ff]")  # the replacement sign, and private use
_TITLE_WITHIN = 5_000
_TOO_MUCH = "too large: too much text in it"
_ARTICLE = re.compile(r"(Article|BlogPosting|Report)$")
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|(?:font-size|opacity)\s*:\s*0(?:\.0*)?(?![.\d])",
    re.IGNORECASE,
)
_NEVER_SHOWN = ("script", "style", "template", "noscript")

# Where pages state these, the surest first. What a page merely says in its prose is not looked at.
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

Extracted = dict[str, Any]


class Unfit(Exception):
    """The file can't be an article; the text is the reason."""


def main() -> None:
    """Answer one request after another until the other side closes."""
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not mix with the answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _limit(resource.RLIMIT_AS, _MEMORY)
    _limit(resource.RLIMIT_CORE, 0)
    requests: BinaryIO = sys.stdin.buffer
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["bytes"])
        answers.write(json.dumps(_answer(request, data)).encode() + b"\n")
        answers.flush()


def _answer(request: dict[str, Any], data: bytes) -> Extracted:
    try:
        return READERS[request["kind"]](data, request["max_chars"], request["seconds"])
    except Unfit as unfit:
        return {"unfit": str(unfit)}
    except MemoryError:
        return {"unfit": "it takes too much memory to read"}
    except Exception as error:
        return {"unfit": f"it can't be read: {type(error).__name__}"}


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (soft, hard))


def _limit_work(seconds: int) -> None:
    """From here on, `seconds` of processor time; the kernel ends the process after them."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + seconds)


def pdf(data: bytes, max_chars: int, seconds: int) -> Extracted:
    """Text of a PDF in the order in which it is drawn, a line a line.

    Its title is taken from its own metadata only if the text holds it too: titles in PDFs are
    often a template's. The date it was made is not a date of publication. Raises Unfit.
    """
    import pypdfium2  # type: ignore[import-untyped]

    _limit_work(seconds)
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        reason = "encrypted: a password opens it" if locked else "damaged, or not a PDF"
        raise Unfit(reason) from error
    pages: list[str] = []
    lost: list[int] = []
    for number in range(len(document)):
        try:
            page = _page_text(document, number)
        except pypdfium2.PdfiumError:
            lost.append(number + 1)
            continue
        max_chars -= len(page)
        if max_chars < 0:
            raise Unfit(_TOO_MUCH)
        pages.append(page)
    text = _clean("\n".join(filter(None, pages)))
    title = " ".join(str(document.get_metadata_dict().get("Title", "")).split())
    stated = title if title in " ".join(text[:_TITLE_WITHIN].split()) else ""
    notes = [f"{len(lost)} of its {len(document)} pages can't be read"] if lost else []
    return {"text": text, "title": stated, "fields": {}, "notes": notes}


def _page_text(document: Any, number: int) -> str:
    page = document[number]
    try:
        text_page = page.get_textpage()
        try:
            return str(text_page.get_text_range()).replace("\r\n", "\n").strip()
        finally:
            text_page.close()
    finally:
        page.close()


def _clean(drawn: str) -> str:
    if not drawn:
        raise Unfit("no text in it: damaged, or a scan that holds only pictures")
    joined = _joined_words(drawn)
    text = _NOT_TEXT.sub("", joined)
    if len(joined) - len(text) + len(_UNKNOWN.findall(text)) > len(joined) // 10:
        raise Unfit("its fonts don't say which letters they draw")
    return text.strip()


def _joined_words(text: str) -> str:
    """Words that were cut at the end of a line made whole again.

    The hyphen stays where it is the word's own: the text has it elsewhere too, or what follows
    is no small letter.
    """
    hyphened = set(re.findall(r"\w+-\w+", text))

    def joined(match: re.Match[str]) -> str:
        whole = f"{match[1]}-{match[2]}"
        return whole if whole in hyphened or not match[2][0].islower() else match[1] + match[2]

    return _WORD_CUT.sub(joined, text).replace(_DRAWN_HYPHEN, "-")


def html(data: bytes, max_chars: int, seconds: int) -> Extracted:
    """The report on a page (UTF-8), without what stands around it and what isn't shown.

    Not shown are scripts, comments, and what an attribute or a style of its own hides; the rules
    of a style sheet are not worked out. Raises Unfit.
    """
    import lxml.html  # type: ignore[import-untyped]
    from lxml.etree import ParserError  # type: ignore[import-untyped]
    from trafilatura import extract
    from trafilatura.metadata import extract_title

    _limit_work(seconds)
    parser = lxml.html.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        tree = lxml.html.document_fromstring(data, parser)
    except ParserError as error:
        raise Unfit("empty: no visible character") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise Unfit("its elements are nested too deep")
    fields, title = _stated(tree)
    title = title or extract_title(tree) or ""
    _drop_hidden(tree)
    text = _NOT_TEXT.sub("", extract(tree, include_comments=False) or "").strip()
    if not text:
        raise Unfit("no report found on the page")
    if len(text) > max_chars:
        raise Unfit(_TOO_MUCH)
    return {"text": text, "title": " ".join(title.split()), "fields": fields, "notes": []}


def _drop_hidden(tree: Any) -> None:
    hidden = [
        element
        for element in tree.iter("*")
        if element.tag not in ("html", "body")  # pages hide these until their script has run
        and (
            element.tag in _NEVER_SHOWN
            or element.get("hidden") is not None
            or _HIDDEN.search(element.get("style", ""))
        )
    ]
    for element in hidden:
        if element.getparent() is not None:
            element.drop_tree()


def _stated(tree: Any) -> tuple[dict[str, str], str]:
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


READERS = {"html": html, "pdf": pdf}

if __name__ == "__main__":
    main()
