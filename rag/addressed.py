"""Whether what was found addresses a question at all, and what of the question no article holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from index import Article, Passage
from index.words import words
from rag.dates import find_dates, same_date
from rag.question import Question
from rag.reader import Reader
from rag.sentences import is_row, told, with_neighbours
from rag.values import find_quantities
from rag.weights import logistic, model_weights

if TYPE_CHECKING:
    from rag.evidence import Found, Scored

#: What says whether the question is answered at all, each 0..1 but the margin: logits / 10.
#: Of the best sentence: the reader's word for its passage and for it alone, its cosine, how far
#: it and its neighbours cover the question, and whether it holds a value of the type asked for.
#: Of any: the reader's word for one of the `REREAD` best with its neighbours, the cosine, the
#: margin. And the share of the question's names, numbers and dates that no article found holds.
ADDRESS_SIGNALS = tuple(
    "passage_answers alone_answers context_answers cosine best_cosine context_coverage typed "
    "best_margin missing_share".split()
)
#: Best sentences that are read once more, by themselves and with their neighbours.
REREAD = 4
#: Fewer letters than this of a name must agree for "Turkish" to stand for "Turkey".
_STEM_LETTERS = 4
#: A capital letter that does not begin a sentence.
_CAPITALISED = re.compile(r"(?<![.!?“\"] )(?<!^)\b[A-Z][\w’'-]+")


def addressed(
    question: Question, sentences: Sequence[Scored], missing: Sequence[str], reader: Reader
) -> float:
    """0..1: how surely the best sentence found answers the question; 0 where none was found."""
    if not sentences:
        return 0.0
    signals = address_signals(question, sentences, missing, reader)
    return logistic(address_weights(question), ADDRESS_SIGNALS, signals)


def is_addressed(question: Question, found: Found) -> bool:
    """Whether what was found answers surely enough to be shown.

    A question that asks for a value has weights and a threshold of its own: a wrong value misleads
    more than a sentence that is quoted whole.
    """
    return found.addressed >= address_weights(question)["threshold"]


def address_weights(question: Question) -> dict[str, float]:
    """The weights of "addressed" for questions of this kind."""
    typed = question.asks in {"amount", "time", "name"}
    return model_weights()["addressed_typed" if typed else "addressed_open"]


def may_hold(asks: str, text: str) -> bool:
    """Whether a text has anything of the kind asked for: a number, a day, a name; else False."""
    if asks == "amount":
        return bool(find_quantities(text))
    if asks == "time":
        return bool(find_dates(text))
    return asks == "name" and _CAPITALISED.search(text) is not None


def address_signals(
    question: Question, sentences: Sequence[Scored], missing: Sequence[str], reader: Reader
) -> tuple[float, ...]:
    """`ADDRESS_SIGNALS`; the reader looks once more at the best sentences."""
    best, top = sentences[0], [s.passage for s in sentences[:REREAD]]
    alone, *wide = reader.read(question.text, [told(top[0]), *(_in_context(p) for p in top)])
    named = len(question.names) + len(question.numbers) + len(question.dates)
    return (
        best.signal("passage_answers"),
        alone.answers,
        max(reading.answers for reading in wide),
        best.signal("cosine"),
        max(s.signal("cosine") for s in sentences),
        best.signal("context_coverage"),
        best.signal("typed"),
        max(s.margin for s in sentences) / 10,
        len(missing) / named if named else 0.0,
    )


def _in_context(sentence: Passage) -> str:
    """A sentence with its neighbours; a row of a table with its headers and the title instead."""
    if is_row(sentence):
        return f"{sentence.article.title}\n{told(sentence)}"
    return with_neighbours(sentence).text


def missing_terms(question: Question, articles: Iterable[Article]) -> tuple[str, ...]:
    """Names, numbers, dates and quoted words of the question that none of the articles holds."""
    texts = list({a.id: f"{a.title}\n{a.text}" for a in articles}.values())
    published = [a.published for a in articles if a.published]
    present = {w for text in texts for w in words(text)}
    heads = {w[:_STEM_LETTERS] for w in present}
    lost = [
        name
        for name in question.names
        if not any(
            w in present or (len(w) > _STEM_LETTERS and w[:_STEM_LETTERS] in heads)
            for w in words(name)
            if not w.isdigit()
        )
    ]
    dates = [d for text in texts for d in find_dates(text)]
    dates += [d for day in published for d in find_dates(day)]
    lost += [
        question.text[d.start : d.end]
        for d in question.dates
        if not any(same_date(d, other) for other in dates)
    ]
    lost += [n for n in question.numbers if not all(w in present for w in words(n))]
    folded = " ".join(" ".join(texts).lower().split())
    lost += [q for q in question.quoted if q.lower() not in folded]
    return tuple(dict.fromkeys(lost))
