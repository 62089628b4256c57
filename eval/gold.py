"""Gold questions: what is asked, what a right answer holds, and which articles it may cite.

A gold file is JSON lines, one object a line, or a table (`.csv`, see `eval/gold_csv.py`) with a
column a field; `GoldQuestion` lists the fields. All but `note` are required and fields that it
doesn't name are ignored, so that others may keep remarks of their own. A row with a true `draft` is
refused: nobody has gone through it yet (`eval/make_gold.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.gold_csv import is_table, table_rows
from index.errors import SettingError

#: The mark of a row that a model or a rule made and nobody has gone through.
DRAFT = "draft"
#: single: one article says it; multi: several do; conflict: articles differ; temporal: two events
#: to be told apart; attribution: who said it; quote: the exact words; false_premise: the question
#: takes for granted what isn't so; unanswerable: no article says.
KINDS = (
    "single",
    "multi",
    "conflict",
    "temporal",
    "attribution",
    "quote",
    "false_premise",
    "unanswerable",
)


@dataclass(frozen=True)
class GoldQuestion:
    """One question and what a right answer to it looks like.

    An answer holds a nugget if one of the nugget's wordings occurs in it, and should cite at least
    one article of each group of `must_cite`. A cited article that isn't in `may_cite` is a wrong
    citation. A wording of `forbid` stands only in a wrong answer. Where `answerable` is false, the
    right outcome is to decline.
    """

    id: str
    kind: str
    question: str
    answerable: bool
    reference: str
    nuggets: tuple[tuple[str, ...], ...]
    must_cite: tuple[tuple[str, ...], ...]
    may_cite: tuple[str, ...]
    forbid: tuple[str, ...]
    note: str = ""

    @property
    def article_ids(self) -> frozenset[str]:
        """Every article that the question names."""
        return frozenset(self.may_cite).union(*self.must_cite)


def read_gold(path: str | Path) -> list[GoldQuestion]:
    """The questions of a gold file, in its order; blank lines are skipped.

    Raises SettingError, one line that names the file, the line, the field and the mend, for the
    first thing that can't be used; `gold_lines` gives all of them.
    """
    questions = []
    for item in gold_lines(path):
        if isinstance(item, SettingError):
            raise item
        questions.append(item)
    if not questions:
        raise SettingError(f"{path} holds no questions; write one JSON object a line")
    return questions


def gold_lines(path: str | Path) -> Iterator[GoldQuestion | SettingError]:
    """Each question of a gold file in its order, or what is wrong with its line.

    Raises SettingError where the file as a whole can't be read.
    """
    first_line: dict[str, int] = {}
    text = _read_text(path)
    for number, row in table_rows(text, path) if is_table(path) else _json_rows(text):
        where = f"{path}, line {number}"
        try:
            question = _question(row if isinstance(row, Mapping) else _object(row, where), where)
            if question.id in first_line:
                raise SettingError(
                    f"{where}, field 'id': {question.id!r} is the ID of line "
                    f"{first_line[question.id]} too; give each question its own"
                )
        except SettingError as problem:
            yield problem
        else:
            first_line[question.id] = number
            yield question


def _json_rows(text: str) -> Iterator[tuple[int, str]]:
    # Not splitlines(): a JSON string may hold U+2028, which that would split at.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def stories_of(questions: Sequence[GoldQuestion]) -> list[str | None]:
    """For each question the name of its story; None for one that names no article.

    Two questions are of one story if they name an article in common, or if a chain of others that
    do connects them. A story is named by the first of its articles.
    """
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = name = leader[leader[name]]
        return name

    for question in questions:
        first, *others = sorted(map(find, question.article_ids)) or [""]
        # The smallest name leads, so that the order of the questions makes no difference.
        leader.update(dict.fromkeys(others, first))
    return [find(min(q.article_ids)) if q.article_ids else None for q in questions]


def _read_text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingError(
            f"can't read the gold questions {path}: {reason}; name a JSON lines file"
        ) from error


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise SettingError(
            f"{where}: not JSON ({error.msg} at column {error.colno}); write one JSON object a line"
        ) from error
    except (ValueError, RecursionError) as error:
        raise SettingError(
            f"{where}: not JSON that can be read; write one JSON object a line"
        ) from error
    if not isinstance(row, dict):
        raise SettingError(f"{where}: is {_kind_of(row)}; write one JSON object a line")
    return row


def _question(row: Mapping[str, Any], where: str) -> GoldQuestion:
    if _value(_truth, row.get(DRAFT, False), f"{where}, field {DRAFT!r}"):
        raise SettingError(
            f"{where}, field {DRAFT!r}: nobody has gone through this draft; check and edit the "
            f"question, then take {DRAFT!r} out"
        )
    values = {}
    for name, read in _FIELDS.items():
        if name not in row:
            raise SettingError(f"{where}, field {name!r}: missing; add it")
        values[name] = _value(read, row[name], f"{where}, field {name!r}")
    note = _value(_any_text, row.get("note", ""), f"{where}, field 'note'")
    question = GoldQuestion(**values, note=note)
    _check_together(question, where)
    return question


def _value(read: Callable[[Any], Any], value: object, where: str) -> Any:
    try:
        return read(value)
    except ValueError as problem:
        raise SettingError(f"{where}: {problem}") from problem


def _check_together(question: GoldQuestion, where: str) -> None:
    if question.answerable:
        _check_answerable(question, where)
    else:
        _check_unanswerable(question, where)


def _check_unanswerable(question: GoldQuestion, where: str) -> None:
    for name in ("nuggets", "must_cite"):
        if getattr(question, name):
            raise SettingError(
                f"{where}, field {name!r}: must be [] where the question isn't answerable; "
                "empty it, or set 'answerable' to true"
            )


def _check_answerable(question: GoldQuestion, where: str) -> None:
    if not question.nuggets:
        raise SettingError(
            f"{where}, field 'nuggets': empty, but the question is answerable; "
            "say what a right answer holds"
        )
    if question.kind == "unanswerable":
        raise SettingError(
            f"{where}, field 'answerable': true, but the kind is 'unanswerable'; change one of them"
        )
    for group in question.must_cite:
        outside = [name for name in group if name not in question.may_cite]
        if outside:
            raise SettingError(
                f"{where}, field 'must_cite': {outside[0]!r} is not in 'may_cite'; add it there"
            )


def _any_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is {_kind_of(value)}; write a string")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds half of a surrogate pair; write the whole character") from error
    return value


def _text(value: object) -> str:
    text = _any_text(value)
    if not text.strip():
        raise ValueError("holds an empty string; write some words")
    return text


def _kind(value: object) -> str:
    kind = _text(value)
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; use one of {', '.join(KINDS)}")
    return kind


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is {_kind_of(value)}; write true or false")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f'is {_kind_of(value)}; write a list of strings, as ["a", "b"]')
    return tuple(_text(item) for item in value)


def _groups(value: object) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list) or not all(isinstance(item, list) for item in value):
        raise ValueError('is not a list of lists; write it as [["a", "b"], ["c"]]')
    if not all(value):
        raise ValueError("holds an empty list, which nothing can meet; fill it or take it out")
    return tuple(_texts(item) for item in value)


def _kind_of(value: object) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "null")


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "id": _text,
    "kind": _kind,
    "question": _text,
    "answerable": _truth,
    "reference": _any_text,
    "nuggets": _groups,
    "must_cite": _groups,
    "may_cite": _texts,
    "forbid": _texts,
}
