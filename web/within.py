"""What a question is asked within: a corpus, filters of it, and the card that it follows."""

from __future__ import annotations

import json
from dataclasses import dataclass

from index.errors import SettingError
from web.render import day_of

#: Outlets that one question may be narrowed to, and characters of all filters together.
MAX_OUTLETS, MAX_FILTERS = 500, 50_000


@dataclass(frozen=True)
class Within:
    """What a question is asked within: a corpus, "" for the one served, and filters of it.

    `as_of` is the day it is asked on, None for today. `after` is the name of the card that it
    follows; "" begins a conversation.
    """

    corpus: str = ""
    outlets: tuple[str, ...] | None = None
    since: str | None = None
    until: str | None = None
    as_of: str | None = None
    after: str = ""

    @classmethod
    def parsed(cls, text: str) -> Within:
        """From the JSON that the page sends; raises SettingError if that can't be read."""
        try:
            row = json.loads(text[: MAX_FILTERS + 1] or "{}")
            outlets = row.get("outlets") or []
            days = [row.get(name) or None for name in ("since", "until", "as_of")]
            after = row.get("after") or ""
            values = [row.get("corpus") or "", after, *outlets, *(d for d in days if d)]
            well = isinstance(outlets, list) and len(outlets) <= MAX_OUTLETS
            if not well or not all(isinstance(v, str) for v in values):
                raise ValueError("not what the page sends")
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise SettingError("what to ask within can't be read; reload the page") from error
        since, until, as_of = days
        return cls(values[0], tuple(outlets) or None, since, until, as_of, after)

    @property
    def told(self) -> str:
        """The same in words; empty for all that is served."""
        days = (self.since, self.until, self.as_of)
        since, until, as_of = (day_of(d) if d else "" for d in days)
        parts = [
            "your own articles" if self.corpus else "",
            f"outlets {', '.join(self.outlets)}" if self.outlets else "",
            f"since {since}" if since else "",
            f"until {until}" if until else "",
            f"as of {as_of}" if as_of else "",
        ]
        return "; ".join(p for p in parts if p)


#: All that is served, in a conversation of its own.
ALL = Within()
