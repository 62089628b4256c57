"""Gold questions: what is asked, what a right answer holds, and which articles it may cite.

A gold file is JSON lines, one object a line, or a table (`.csv`, see `eval/gold_csv.py`) with a
column a field; `GoldQuestion` lists the fields. All but `note` are required and fields that it
doesn't name are ignored, so that others may keep remarks of their own. A row with a true `draft` is
refused: nobody has gone through it yet (`eval/make_gold.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, StrictBool, TypeAdapter, ValidationError

from eval.gold_csv import is_table, table_rows
from index.errors import SettingError

#: The mark of a row that a model or a rule made and nobody has gone through.
DRAFT = "draft"
#: single: one article says it; multi: several do; conflict: articles differ; temporal: two events
#: to be told apart; attribution: who said it; quote: the exact words; false_premise: the question
#: takes for granted what isn't so; unanswerable: no article says.
Kind = Literal[
    "single",
    "multi",
    "conflict",
    "temporal",
    "attribution",
    "quote",
    "false_premise",
    "unanswerable",
]
KINDS: tuple[str, ...] = get_args(Kind)


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("holds an empty string; write some words")
    return text


def _writable(text: str) -> str:
    text.encode()  # Half of a surrogate pair could stand in no report.
    return text


Text = Annotated[str, AfterValidator(_writable)]
Words = Annotated[Text, AfterValidator(_not_empty)]
Group = Annotated[tuple[Words, ...], Field(min_length=1)]


@dataclass(frozen=True)
class GoldQuestion:
    """One question and what a right answer to it looks like.

    An answer holds a nugget if one of the nugget's wordings occurs in it, and should cite at least
    one article of each group of `must_cite`. A cited article that isn't in `may_cite` is a wrong
    citation. A wording of `forbid` stands only in a wrong answer. Where `answerable` is false, the
    right outcome is to decline.
    """

    id: Words
    kind: Kind
    question: Words
    answerable: StrictBool
    reference: Text
    nuggets: tuple[Group, ...]
    must_cite: tuple[Group, ...]
    may_cite: tuple[Words, ...]
    forbid: tuple[Words, ...]
    note: Text = ""

    @property
    def article_ids(self) -> frozenset[str]:
        """Every article that the question names."""
        return frozenset(self.may_cite).union(*self.must_cite)


_ROW = TypeAdapter(GoldQuestion)


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
        try:
            question = _question(row)
            if question.id in first_line:
                raise ValueError(
                    f", field 'id': {question.id!r} is the ID of line {first_line[question.id]} "
                    "too; give each question its own"
                )
        except ValueError as problem:
            yield SettingError(f"{path}, line {number}{problem}")
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
    return connected([question.article_ids for question in questions])


def connected(groups: Sequence[Collection[str]]) -> list[str | None]:
    """For each group the first of all names to which shared names lead; None of an empty one."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = name = leader[leader[name]]
        return name

    for group in groups:
        first, *others = sorted(map(find, group)) or [""]
        # The smallest name leads, so that the order of the groups makes no difference.
        leader.update(dict.fromkeys(others, first))
    return [find(min(group)) if group else None for group in groups]


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


def _question(row: str | Mapping[str, Any]) -> GoldQuestion:
    """A question from a line of JSON, or a row of a table; raises ValueError, what is wrong."""
    if isinstance(row, str):
        try:
            row = json.loads(row)
        except (ValueError, RecursionError) as error:
            raise ValueError(f": not JSON ({error}); write one JSON object a line") from error
    if not isinstance(row, Mapping):
        raise ValueError(": is no object; write one JSON object a line")
    if row.get(DRAFT, False) is not False:
        raise ValueError(
            f", field {DRAFT!r}: nobody has gone through this draft; check and edit the question, "
            f"then take {DRAFT!r} out"
        )
    try:
        question = _ROW.validate_python(row)
    except ValidationError as error:
        first = error.errors()[0]
        told = first["msg"].removeprefix("Value error, ")
        raise ValueError(f", field {first['loc'][0]!r}: {told}") from error
    for name, told in _contradictions(question):
        raise ValueError(f", field {name!r}: {told}")
    return question


def _contradictions(question: GoldQuestion) -> Iterator[tuple[str, str]]:
    """Fields that don't go with the others, and what to do about each."""
    if not question.answerable:
        for name in ("nuggets", "must_cite"):
            if getattr(question, name):
                yield name, "must be [] where the question isn't answerable"
        return
    if not question.nuggets:
        yield "nuggets", "empty, but the question is answerable; say what a right answer holds"
    if question.kind == "unanswerable":
        yield "answerable", "true, but the kind is 'unanswerable'; change one of them"
    for name in (name for group in question.must_cite for name in group):
        if name not in question.may_cite:
            yield "must_cite", f"{name!r} is not in 'may_cite'; add it there"
