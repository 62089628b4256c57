"""The text of a PDF: page by page, a paragraph a line, without running heads and page numbers."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pypdfium2  # type: ignore[import-untyped]

from ..files import NOT_TEXT, TOO_MUCH, Unfit
from .columns import HYPHEN, Line, joined, lines_of, placed

_UNKNOWN = re.compile(r"[\ufffd\ue000-\uf8ff]")  # the replacement sign, and private use
_LIGATURES = {0xFB00 + n: s for n, s in enumerate(("ff", "fi", "fl", "ffi", "ffl", "st", "st"))}
_WORD_CUT = re.compile(rf"(\w+){HYPHEN}(\w+)")
# Words that begin a compound with a hyphen more often than they are cut from another.
_BEGINS_COMPOUND = frozenset(
    """all anti cross ex far fast first second third fourth full half hard high ill know large long
low mid middle multi much near new non north south east west off old one two three four five
six seven eight nine ten once open part post pre pro re self semi short single small so state
still top under vice wide world year twenty thirty forty fifty sixty seventy eighty ninety
well""".split()
)
_BOTH = re.compile(
    r"(?:ed|ing|term|time|year|old|day|mile|hour|run|based|wide|known|made|born|called)$"
)
_NUMBER_ALONE = re.compile(
    r"\W*(?:page|seite|página|pagina|p\.?)?\s*\d{1,4}\s*(?:(?:/|of|von|de|di)\s*\d{1,4})?\W*",
    re.IGNORECASE,
)
_MARGIN = 0.12
_TITLE_WITHIN = 5_000
#: Processor time for finding out where lines stand; pages after it are read as they are drawn.
_PLACING_SECONDS = 1.5


def pdf(data: bytes, max_chars: int) -> dict[str, Any]:
    """Text of a PDF in the order in which it is read.

    Its title is taken from its own metadata only if the text holds it too: titles in PDFs are
    often a template's. The date it was made is not a date of publication. Raises Unfit.
    """
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        reason = "encrypted: a password opens it" if locked else "damaged, or not a PDF"
        raise Unfit(reason) from error
    pages: list[list[Line]] = []
    lost: list[int] = []
    pictures: list[int] = []
    end = time.process_time() + _PLACING_SECONDS
    for number in range(len(document)):
        try:
            lines, is_picture = _page(document, number, time.process_time() < end)
        except pypdfium2.PdfiumError:
            lost.append(number + 1)
            continue
        max_chars -= sum(len(line.text) for line in lines)
        if max_chars < 0:
            raise Unfit(TOO_MUCH)
        if is_picture:
            pictures.append(number + 1)
        pages.append(lines)
    text = _clean(joined(_without_running_heads(pages)))
    title = " ".join(str(document.get_metadata_dict().get("Title", "")).split())
    stated = title if title in " ".join(text[:_TITLE_WITHIN].split()) else ""
    notes = [f"{len(lost)} of its {len(document)} pages can't be read"] if lost else []
    if pictures:
        several = len(pictures) > 1
        shown = ", ".join(map(str, pictures[:20])) + ", ..." * (len(pictures) > 20)
        notes.append(
            f"page{'s' * several} {shown} {'are' if several else 'is'} only a picture: not read"
        )
    return {"text": text, "title": stated, "fields": {}, "notes": notes}


def _page(document: Any, number: int, is_placed: bool) -> tuple[list[Line], bool]:
    """The lines of a page in reading order; whether it is a picture without any text."""
    page = document[number]
    try:
        text_page = page.get_textpage()
        try:
            text = str(text_page.get_text_range())
            if not text.strip():
                images = page.get_objects([pypdfium2.raw.FPDF_PAGEOBJ_IMAGE])
                return [], next(iter(images), None) is not None
            if is_placed and len(text) == text_page.count_chars():
                return placed(text, _boxes(text_page), page.get_height()), False
            return lines_of(text), False
        finally:
            text_page.close()
    finally:
        page.close()


def _boxes(text_page: Any) -> Any:
    """Gives left, bottom, right and top of the character at a place."""
    raw, box = pypdfium2.raw, pypdfium2.raw.FS_RECTF()

    def box_of(place: int) -> tuple[float, float, float, float]:
        raw.FPDFText_GetLooseCharBox(text_page.raw, place, box)
        return box.left, box.bottom, box.right, box.top

    return box_of


def _without_running_heads(pages: Sequence[list[Line]]) -> list[Line]:
    """All lines but page numbers, and what stands at the edge of several pages alike."""
    seen = Counter(key for page in pages for key in {_head(x) for x in page if _is_at_edge(x)})
    least = max(2, len(pages) // 4)

    def stays(page: list[Line], line: Line) -> bool:
        if not _is_at_edge(line) or len(page) < 2:
            return True
        return not _NUMBER_ALONE.fullmatch(line.text) and seen[_head(line)] < least

    return [line for page in pages for line in page if stays(page, line)]


def _is_at_edge(line: Line) -> bool:
    return line.height_share > 1 - _MARGIN or 0 <= line.height_share < _MARGIN


def _head(line: Line) -> tuple[str, int]:
    return re.sub(r"\d+", "#", " ".join(line.text.casefold().split())), round(line.height)


def _clean(drawn: str) -> str:
    if not drawn:
        raise Unfit("no text in it: damaged, or a scan that holds only pictures")
    whole = _joined_words(drawn)
    text = NOT_TEXT.sub("", whole)
    if len(whole) - len(text) + len(_UNKNOWN.findall(text)) > len(whole) // 10:
        raise Unfit("its fonts don't say which letters they draw")
    return text.translate(_LIGATURES).strip()


def _joined_words(text: str) -> str:
    """Words that were cut at the end of a line made whole again.

    The hyphen stays where it is the word's own: the text has it elsewhere too, what follows is no
    small letter, or it joins words that are written so.
    """
    hyphened = set(re.findall(r"\w+-\w+", text))
    plain = set(re.findall(r"\w+", text))

    def whole(match: re.Match[str]) -> str:
        first, second = match.groups()
        kept, cut = f"{first}-{second}", first + second
        if kept in hyphened or not second[0].islower():
            return kept
        if cut in plain:
            return cut
        known = first.lower() in _BEGINS_COMPOUND
        return kept if known and (second in plain or _BOTH.search(second)) else cut

    return _WORD_CUT.sub(whole, text).replace(HYPHEN, "-")
