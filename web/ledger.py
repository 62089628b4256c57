"""The table of who says what: its rows, which a template draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from index.records import Passage
from rag.ledger import counted
from rag.schema import Answer, Position, Voice
from web.render import one_line

#: The files that are one report with this one, itself among them, the original first.
CopiesOf = Callable[[str], Sequence[str]]
#: What a row's position is, where its value doesn't tell.
_STANCES = {
    "superseded": "superseded",
    "denies": "says that it is not so",
    "silent": "on the matter, but gives no value",
}


def alone(article_id: str) -> Sequence[str]:
    """The copies of an article that has none."""
    return (article_id,)


@dataclass(frozen=True)
class Row:
    """One value: the files of each report that says it, and their words and speakers by file."""

    stance: str
    value: str
    told: str
    count: str
    reports: Sequence[Sequence[str]]
    spans: Mapping[str, Passage]
    voices: Mapping[str, Voice]


def ledger_rows(answer: Answer, copies_of: CopiesOf) -> list[Row]:
    """The rows; none unless the reports differ, one denies it, or one was superseded."""
    rows = [row for row in answer.ledger if row.stance != "says"]
    values = {one_line(row.value).casefold() for row in rows if row.value}
    if len(values) < 2 and not any(row.stance in {"superseded", "denies"} for row in rows):
        return []
    return [_row(row, copies_of) for row in rows]


def _row(row: Position, copies_of: CopiesOf) -> Row:
    return Row(
        row.stance,
        row.value,
        "; ".join(filter(None, (_STANCES.get(row.stance), row.note))),
        counted(len(row.article_ids), row.reports),
        _reports(row.article_ids, copies_of),
        {c.article_id: c.passage for c in row.citations},
        {c.article_id: v for c, v in zip(row.citations, row.voices, strict=False)},
    )


def _reports(article_ids: Sequence[str], copies_of: CopiesOf) -> list[list[str]]:
    """The files of each report, the original first; reports in the order of their first mention."""
    reports: dict[str, list[str]] = {}
    for name in article_ids:
        reports.setdefault(copies_of(name)[0], []).append(name)
    return [sorted(names, key=original.__ne__) for original, names in reports.items()]
