"""From a file's bytes to its draft, or drafts, by the file's ending: a module each.

- `.txt`, `.md`: outlet, published, url and title may stand in front matter (`---` lines at the
  very top, `key: value` between them); else the title is the first line that isn't empty.
- `.html`, `.htm`: the report on the page; outlet, date and address only where the page's own
  metadata state them. The encoding is Unicode, else what the page declares, else cp1252.
- `.pdf`: its text, line by line as it is drawn.
- `.jsonl`, `.csv`: an article a row (`tables.py`).

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
