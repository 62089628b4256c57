"""What a run leaves behind on the disk: report.json, and report.html to look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.report_page import page_parts
from index.atomic_write import replace_file
from index.errors import SettingError

FILE_NAME, PAGE_NAME = "report.json", "report.html"
REPORT_FORMAT = 2


def write_reports(
    folder: Path, head: Mapping[str, Any], records: Callable[[], Iterable[Mapping[str, Any]]]
) -> list[Path]:
    """Write report.json and report.html into `folder`, each whole or not at all; their paths.

    `head` is all but the questions, whose records `records` gives, one at a time: a run of any
    length needs no more memory for it.
    """
    for name, parts in ((FILE_NAME, _json_parts), (PAGE_NAME, page_parts)):
        # An answer holds no half of a surrogate pair (see `run`), but an error may.
        encoded = (text.encode("utf-8", "replace") for text in parts(head, records()))
        replace_file(folder / name, encoded)
    return [folder / FILE_NAME, folder / PAGE_NAME]


def _json_parts(head: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    whole = json.dumps(head, ensure_ascii=False, indent=1, allow_nan=False)
    yield whole.removesuffix("\n}") + ',\n "questions": ['
    for number, record in enumerate(records):
        text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False)
        yield ("," if number else "") + "\n" + text
    yield "\n ]\n}\n"


def read_report(path: str | Path) -> dict[str, Any]:
    """What `write_reports` wrote, by the file's path or its folder's.

    Raises SettingError, one line, for what is no report of this version.
    """
    file = Path(path) / FILE_NAME if Path(path).is_dir() else Path(path)
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(
            f"can't read the report {file}: {error.strerror}; name a report.json or its folder"
        ) from error
    except ValueError:
        report = None
    if not isinstance(report, dict) or report.get("format") != REPORT_FORMAT:
        raise SettingError(
            f"{file} is no report that this version's `wirecheck eval --report` wrote; run it again"
        )
    return report
