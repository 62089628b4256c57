"""From a file's bytes to its draft, or drafts, by the file's ending: a module each.

`extraction.py` starts `extract.py`, which alone calls the libraries for HTML and PDF.
"""

from __future__ import annotations

from collections.abc import Callable

from .draft import FIELDS, Draft, made_draft
from .extraction import Extraction, read_pdf
from .html import read_html
from .tables import ROW_READERS, Row
from .text import read_markdown, read_plain

__all__ = ["FIELDS", "READERS", "ROW_READERS", "Draft", "Extraction", "Row", "made_draft"]

#: Readers of files that hold one article; `ROW_READERS` are those of files with an article a row.
READERS: dict[str, Callable[[bytes, int, Extraction], Draft]] = {
    ".txt": read_plain,
    ".md": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
}
