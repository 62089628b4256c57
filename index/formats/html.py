"""`.html` and `.htm`: the page's encoding; `extract.py` finds the report on it."""

from __future__ import annotations

import re
from contextlib import suppress

from ..files import Unfit, decoded, marked_encoding, refuse_binary
from .draft import Draft
from .extraction import Extraction, extracted_draft

_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_DECLARED_WITHIN = 2048
# Those of Python's codecs that pages use; some of the others take time that grows as a square.
_PAGE_CODEC = re.compile(
    r"iso-?8859-\d+|latin-?\d|(?:windows-|cp)(?:125\d|874|932|949)|koi8-[ru]|gb(?:2312|k|18030)"
    r"|big5|euc-(?:jp|kr)|shift[_-]jis|tis-620"
)
_CALLED_LATIN_1 = ("iso-8859-1", "iso8859-1", "latin-1", "latin1")


def read_html(data: bytes, max_chars: int, extraction: Extraction) -> Draft:
    """Draft of a page's report. Raises Unfit if there is none, or over `max_chars` of text."""
    page, notes = _decoded_page(data)
    return extracted_draft("html", page.encode("utf-8"), max_chars, extraction, notes)


def _decoded_page(data: bytes) -> tuple[str, tuple[str, ...]]:
    declared = _DECLARED.search(data[:_DECLARED_WITHIN])
    codec = declared[1].decode("ascii", "replace").lower() if declared else ""
    with suppress(UnicodeDecodeError):
        data.decode("utf-8")
        return decoded(data)
    if marked_encoding(data) or not _PAGE_CODEC.fullmatch(codec):
        return decoded(data)
    try:
        # What pages call Latin-1 is cp1252: browsers read it so.
        text = data.decode("cp1252" if codec in _CALLED_LATIN_1 else codec)
    except (UnicodeDecodeError, LookupError):
        raise Unfit(f"encoding: it declares {codec}, its bytes are something else") from None
    refuse_binary(text)
    return text.replace("\r\n", "\n"), ()
