"""What a search may be asked with."""

from __future__ import annotations

import unicodedata

from .errors import QuestionError, SettingError
from .records import iso_day

MAX_QUERY = 10_000


def check_count(name: str, value: object) -> None:
    """Raises SettingError if it is no whole number from 1 on."""
    if type(value) is not int or value < 1:
        raise SettingError(f"{name} is {value!r}; it must be a whole number from 1 on")


def checked_query(query: str) -> str:
    """A query that can be searched for. Raises QuestionError for any other."""
    if not isinstance(query, str):
        raise QuestionError(f"the query is a {type(query).__name__}, not text")
    if len(query) > MAX_QUERY:
        raise QuestionError(f"the query has {len(query):,} characters; {MAX_QUERY:,} is the limit")
    if not any(unicodedata.category(char)[0] in "LN" for char in query):
        raise QuestionError("the query is empty: it has no letter and no digit")
    # Half of a surrogate pair, as a browser may send it, would make tokenizers raise.
    return query.encode("utf-8", "replace").decode()


def checked_date(name: str, value: str | None) -> str | None:
    """An ISO date, or None. Raises SettingError for anything else."""
    if value is not None and not (isinstance(value, str) and iso_day(value)):
        raise SettingError(f"{name} is {value!r}; it must be a date like 2025-03-31")
    return value


def earlier(until: str | None, as_of: str | None) -> str | None:
    """The earlier of two days, of which either may not be given.

    Raises SettingError if one is no ISO date.
    """
    days = (checked_date("until", until), checked_date("as_of", as_of))
    return min(filter(None, days), default=None)
