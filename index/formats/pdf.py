"""`.pdf`: handed to `extract.py` as it is."""

from __future__ import annotations

from .draft import Draft
from .extraction import Extraction, extracted_draft


def read_pdf(data: bytes, max_chars: int, extraction: Extraction) -> Draft:
    """Draft of a PDF. Raises Unfit if it can't be read or holds no text, or over `max_chars`."""
    return extracted_draft("pdf", data, max_chars, extraction, ())
