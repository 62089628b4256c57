"""Every report is asked: the words of it that answer, and how surely they do.

    windows(found, index.cluster_of) -> the sentences of each independent report that come nearest
    read(question, windows, model)   -> a Reading of each report

The model copies words of a report, and then says whether they answer exactly this question. What it
copies is found again in the report, letter for letter but for white space, case and the shape of
quotation marks, or it isn't used. Where the model isn't sure of them, it is asked the same about
the words that the small reader marks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from index import Article, Passage
from index.errors import ModelReplyError
from index.words import length_in_words
from rag.asking import NEITHER, Model, Reply, Tick, no_tick
from rag.dates import find_dates
from rag.entries import Entry, entry_of, when_said
from rag.evidence import Found, Scored
from rag.planted import is_command
from rag.prompts import load_prompt
from rag.question import Question
from rag.sentences import is_row, told
from rag.values import find_quantities
from rag.weights import log_odds, logistic, model_weights
from rag.withdrawn import standing, stands

#: Reports that are read at once: first a few, so that something is soon known; and words that the
#: model sees of each, about.
BATCHES, WORDS = (2, 3), (110, 80)
#: Independent reports that are read.
REPORTS = sum(BATCHES)
#: Beyond the first few, a report is read only if its best sentence scores this much.
LEAST_SCORE = 0.05
#: Tokens that a model may copy.
MAX_TOKENS = 28
#: What it copies stands in quotation marks, and the first of them is given.
OPENING, STOP = '"', ('"', "\n")
#: From this "Yes" on to what the model copied, the small reader's words aren't asked about.
CLEAR = 0.75
#: The least share of what was copied that must stand in a sentence in one piece.
PIECE = 2 / 3
#: Signals that a reading answers: the logit of the model's "Yes", and the sentence's cosine, 0..1.
SIGNALS = ("yes", "cosine")
_ALIKE = {"'": "['‘’‚‛]", '"': '["“”„‟«»]', "-": "[-–—]"}
_STRAIGHT = {ord(c): mark for mark, alike in _ALIKE.items() for c in alike[1:-1] if c != mark}
#: What a match is not cut from: a word, or a number such as "9,000" or "twenty-two".
_BEFORE = r"(?<!\w)(?<!\d[.,:])(?<!ty[-–‑])"
_AFTER = r"(?!\w|[.,:]\d)(?!(?<=ty)[-–‑](?:one|two|three|four|five|six|seven|eight|nine)\b)"


@dataclass(frozen=True)
class Window:
    """What is read of one report: sentences of its first article, the likeliest first."""

    sentences: tuple[Scored, ...]

    @property
    def article(self) -> Article:
        """The article whose sentences these are."""
        return self.sentences[0].passage.article

    @property
    def text(self) -> str:
        """The report as a model sees it: head, headline, the sentences in their order."""
        when = when_said(self.sentences[0].passage)
        outlet = self.article.outlet or ""
        outlet = "" if is_command(outlet) else outlet
        head = ", ".join(filter(None, (outlet, when)))
        places = sorted((s.passage for s in self.sentences), key=lambda p: p.start)
        said = " ... ".join(" ".join(_shown(p).split()) for p in places)
        title = "" if is_command(self.article.title) else self.article.title
        return f"Report{f' ({head})' if head else ''}: {title}\n{said}"


def _shown(sentence: Passage) -> str:
    return told(sentence) if is_row(sentence) else standing(sentence)


@dataclass(frozen=True)
class Reading:
    """What one report says to the question: `words` of it, which stand in `sentence`.

    `yes` is the probability, 0..1, of the model's word that they answer; `sure` is 0..1, how surely
    they do beside the other readings' words, from `signals`, which are `SIGNALS`.
    """

    words: Passage
    sentence: Scored
    signals: tuple[float, ...]
    yes: float
    sure: float

    @property
    def article(self) -> Article:
        """The report's first article."""
        return self.words.article


#: A sentence and the words in it.
Place = tuple[Scored, Passage]
#: Told the readings so far, each time that some reports were read.
OnRead = Callable[[Sequence[Reading]], None]


def windows(
    found: Found, cluster_of: Callable[[str], int], most: Sequence[int] = WORDS
) -> list[Window]:
    """The likeliest sentences of the best reports, copies once; an entry of a live blog is one.

    `most` gives the words of a window, those of the first few reports and those of the others; a
    window has one sentence at least.
    """
    told: dict[tuple[int, Entry | None], list[Scored]] = {}
    for sentence in found.sentences:
        if not sentence.is_copy:
            report = cluster_of(sentence.passage.article.id), entry_of(sentence.passage)
            told.setdefault(report, []).append(sentence)
    return [
        Window(tuple(_within(said, most[n >= BATCHES[0]])))
        for n, said in enumerate(islice(told.values(), REPORTS))
        if n < BATCHES[0] or said[0].score >= LEAST_SCORE
    ]


def _within(sentences: Sequence[Scored], most: int) -> Iterator[Scored]:
    article, room = sentences[0].passage.article, most
    for n, sentence in enumerate(sentences):
        room -= length_in_words(told(sentence.passage))
        if n and room < 0:
            return
        if sentence.passage.article == article:
            yield sentence


def read(
    question: Question,
    reports: Sequence[Window],
    model: Model,
    on_read: OnRead = lambda readings: None,
    tick: Tick = no_tick,
) -> list[Reading]:
    """A reading of each report that has one, in the reports' order.

    Raises ModelError if the model can't be asked, and what `on_read` and `tick` raise.
    """
    readings: list[Reading] = []
    rest = iter(reports)
    for size in (*BATCHES, len(reports)):
        if batch := list(islice(rest, size)):
            readings += _read_batch(question, batch, model, tick)
            on_read(readings)
    return readings


def _read_batch(
    question: Question, batch: Sequence[Window], model: Model, tick: Tick
) -> Iterator[Reading]:
    """What the model copies of each report; where it doubts that, what the small reader marks too.

    The surer one of both is the report's reading.
    """
    shown = [load_prompt("read").messages(report=w.text, question=question.text) for w in batch]
    replies = model.ask(shown, max_tokens=MAX_TOKENS, stop=STOP, begun=OPENING, tick=tick)
    places = [anchor(_bare(reply), window) for reply, window in zip(replies, batch, strict=True)]
    best = _judged(shown, places, model, tick)
    doubted = [n for n, reading in enumerate(best) if reading is None or reading.yes < CLEAR]
    marked = [_marked(batch[n], places[n]) for n in doubted]
    again = _judged([shown[n] for n in doubted], marked, model, tick)
    for n, other in zip(doubted, again, strict=True):
        best[n] = max(filter(None, (best[n], other)), key=lambda r: r.yes, default=None)
    return filter(None, best)


def _marked(window: Window, known: Place | None) -> Place | None:
    """What the small reader takes for the answer in the likeliest sentence, if not known.

    Words within the known ones are no others: a bare number is believed sooner than the number with
    what it counts.
    """
    likeliest = window.sentences[0]
    words = Passage(window.article, *likeliest.span)
    same = known is not None and words.start < known[1].end and known[1].start < words.end
    answers = stands(words) and any(c.isalnum() for c in words.text)
    return (likeliest, words) if answers and not same else None


def _judged(
    shown: Sequence[list[dict[str, str]]], places: Sequence[Place | None], model: Model, tick: Tick
) -> list[Reading | None]:
    """A reading of each place in its report, after the model's word on it."""
    known = [(messages, place) for messages, place in zip(shown, places, strict=True) if place]
    asked = [
        [*messages, {"role": "assistant", "content": f'"{" ".join(words.text.split())}"'}]
        for messages, (_, words) in known
    ]
    if not asked:
        return [None] * len(places)
    replies = model.ask([[*a, *_confirm()] for a in asked], max_tokens=1, tick=tick)
    if all(r.yes() == NEITHER and not r.logprobs for r in replies):
        raise ModelReplyError("it said neither yes nor no, when asked whether that answers")
    verdicts = iter(replies)
    return [weighed(*place, next(verdicts).yes()) if place else None for place in places]


def _confirm() -> list[dict[str, str]]:
    return load_prompt("confirm").messages()


def _bare(reply: Reply) -> str:
    """What was copied, without the quotation marks that a model may repeat."""
    return reply.text.strip().removeprefix('"').split('"')[0].strip()


def anchor(copied: str, window: Window) -> Place | None:
    """The sentence of a window that has the copied words, and where; None if none has.

    If no sentence has all of them, the longest piece that one has, if that is most of them and
    neither a number nor a day is left out.
    """
    said = copied.split()
    for size in range(len(said), math.ceil(PIECE * len(said)) - 1, -1):
        for first in range(len(said) - size + 1):
            left = " ".join((*said[:first], *said[first + size :]))
            if find_quantities(left) or find_dates(left):
                continue
            pattern = _pattern(tuple(said[first : first + size]))
            for sentence in window.sentences:
                if pattern and (match := pattern.search(sentence.passage.text)):
                    words = _part(sentence.passage, match.span())
                    if stands(words):
                        return sentence, words
    # Of a row, which is shown as "2030: 218", the value is what stands in the report.
    _, mark, value = copied.rpartition(": ")
    return anchor(value, window) if mark else None


@lru_cache(maxsize=256)
def _pattern(said: tuple[str, ...]) -> re.Pattern[str] | None:
    """Finds these words whatever the white space, case and shape of marks; None of no words."""
    bare = " ".join(said).strip(" .,;:").translate(_STRAIGHT).split()
    if not any(c.isalnum() for word in bare for c in word):
        return None
    parts = ("".join(_ALIKE.get(c, re.escape(c)) for c in word) for word in bare)
    return re.compile(_BEFORE + r"\s+".join(parts) + _AFTER, re.I)


def _part(passage: Passage, span: tuple[int, int]) -> Passage:
    return Passage(passage.article, passage.start + span[0], passage.start + span[1])


def weighed(sentence: Scored, said: Passage, yes: float) -> Reading:
    """A reading with how sure it is."""
    signals = (log_odds(yes), sentence.signal("cosine"))
    sure = logistic(model_weights()["reading"], SIGNALS, signals)
    return Reading(said, sentence, signals, yes, sure)
