"""The text of a PDF."""

from __future__ import annotations

import re
from typing import Any

import pypdfium2  # type: ignore[import-untyped]

from ..files import Unfit

_DRAWN_HYPHEN = "\ufffe"  # what PDFium writes for a hyphen at a line's end, without the line's end
_WORD_CUT = re.compile(rf"(\w+){_DRAWN_HYPHEN}(\w+)")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
_UNKNOWN = re.compile(r"[\ufffd\ue000-\uf8ff]")  # the replacement sign, and private use
_TITLE_WITHIN = 5_000
_TOO_MUCH = "too large: too much text in it"


def pdf(data: bytes, max_chars: int) -> dict[str, Any]:
    """Text of a PDF in the order in which it is drawn, a line a line.

    Its title is taken from its own metadata only if the text holds it too: titles in PDFs are
    often a template's. The date it was made is not a date of publication. Raises Unfit.
    """
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
