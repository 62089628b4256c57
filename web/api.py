"""Functions for programs: what Gradio's API and its MCP server offer where WIRECHECK_API=1.

    ask(question, model, outlets, since, until, as_of)   an answer, as `Answer.to_dict()` has it
    search(query, k)                                     the nearest passages, best first
    article(article_id)                                  one article, whole

Each returns JSON as text; Gradio's MCP server would send anything else in Python's notation. They
go through the page's queue, with its limits and checks. An error has one line; `ui` makes it one
that Gradio passes on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from inspect import signature
from types import NoneType
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from index.errors import SettingError
from web.contained import contained
from web.queue import accepted
from web.within import MAX_OUTLETS, Within

if TYPE_CHECKING:
    from web.queue import QuestionQueue

#: Passages that one search gives at most.
MAX_HITS = 50
#: The address that asks; "" where it isn't known.
CLIENT: ContextVar[str] = ContextVar("client", default="")
#: What an argument may be, by its annotation, and the same in words.
_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "int": ((int,), "a whole number"),
    "list[str] | None": ((list, NoneType), "a list of texts"),
}


class Api:
    """The functions, over a queue and the models that may be asked."""

    def __init__(self, queue: QuestionQueue, models: Sequence[str]) -> None:
        self.queue, self.models = queue, models

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The functions that programs may call."""
        return self.ask, self.search, self.article

    # Gradio makes descriptions of these docstrings, and MCP clients show them to their models.

    async def ask(
        self,
        question: str,
        model: str = "",
        outlets: list[str] | None = None,
        since: str = "",
        until: str = "",
        as_of: str = "",
    ) -> str:
        """Answer a question from the indexed news reports; every sentence cites what supports it.

        The answer is JSON: "outcome" (answered or declined), "text" (Markdown with [file-id]
        marks), "claims" with their citations, "rejected", "ledger" (which reports say which
        value), and "articles". It never uses outside knowledge.

        Args:
            question: The question, up to 8,000 characters.
            model: One of the models that the page offers; the first of them if left out.
            outlets: Only reports of these outlets; all if left out.
            since: Only reports published on this day or later, YYYY-MM-DD.
            until: Only reports published on this day or earlier, YYYY-MM-DD.
            as_of: As if asked on this day, YYYY-MM-DD; today if left out.

        """
        name = model or self.models[0]
        if name not in self.models:
            raise SettingError(f"no such model is offered here, only {', '.join(self.models)}")
        if outlets and len(outlets) > MAX_OUTLETS:
            raise SettingError(f"outlets has {len(outlets):,} names: give up to {MAX_OUTLETS}")
        names = tuple(outlets or ()) or None
        within = Within("", names, since or None, until or None, as_of or None)
        job = accepted(self.queue, question.strip(), name, within, CLIENT.get())
        try:
            answer = await asyncio.wrap_future(job.future)
        finally:
            job.stop()
        return _json(answer.to_dict())

    async def search(self, query: str, k: int = 10) -> str:
        """Find the passages of the indexed news reports that are nearest to a query, best first.

        A list in JSON; each passage has "article_id", "start" and "end" (characters of the
        article), "score" (higher is nearer) and "text".

        Args:
            query: What to look for, in words.
            k: How many passages, 1 to 50.

        """
        if not 1 <= k <= MAX_HITS:
            raise SettingError(f"k is {k}: give a number from 1 to {MAX_HITS}")
        hits = await run_in_threadpool(contained(self.queue.indexes[""].search), query, k=k)
        return _json([hit.to_dict() for hit in hits])

    async def article(self, article_id: str) -> str:
        """Read one of the indexed news reports whole, by the ID that citations name.

        JSON with "id", "title", "outlet", "published", "url" (null where unknown) and "text".

        Args:
            article_id: The ID, as in a citation.

        """
        found = await run_in_threadpool(contained(self.queue.indexes[""].articles.get), article_id)
        if found is None:
            raise SettingError("there is no such article")
        told = ("id", "title", "outlet", "published", "url", "text")
        return _json({name: getattr(found, name) for name in told})


def check_kinds(function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Refuse an argument of another kind than its function takes, by name, with a SettingError.

    Gradio passes on whatever JSON it was sent, and the MCP server's refusal names no argument.
    """
    for parameter in signature(function).parameters.values():
        kinds, told = _KINDS[parameter.annotation]
        if parameter.name not in given:
            continue
        value = given[parameter.name]
        texts = value if isinstance(value, list) else []
        fits = isinstance(value, kinds) and not isinstance(value, bool)
        if not fits or not all(isinstance(text, str) for text in texts):
            raise SettingError(f"{parameter.name} is {json.dumps(value)[:40]}: give {told}")


def _json(data: Any) -> str:
    """As text that can be sent: half a surrogate pair can't."""
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
