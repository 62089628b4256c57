"""Examples for the adapter of the language model: a report, a question, copied words, Yes or No.

Yes is a question's own passage and answer. No is the same question over the other passage that
shares most words with it; a question that SQuAD 2 marks as unanswerable; and other
words of the right passage. Reports are shown as the product shows them, and what is copied of a No
is what its small reader marks. `qa_sentence.jsonl.gz` isn't used: it tells no words, and most of
its sentences come from the same passages. A document is on one side only: trained on, or measured
on.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.files import read_lines, read_sets
from eval.gold import connected
from eval.train.reader import look_alikes
from index import Article, Encoder, Hit, Passage
from index.words import words
from rag.evidence import Found, score_sentences
from rag.question import analyse
from rag.read import Window, windows
from rag.reader import Reader

#: set -> share of its answerable questions; the unanswerable are all taken. QAMR asks about 35
#: questions a sentence: five or so are enough.
TRAINED_ON = {
    "squad2_halfdev": 1.0,
    "xquad_en": 1.0,
    "squadshifts_new_wiki": 1.0,
    "qed_nq_dev": 1.0,
    "squadshifts_reddit": 0.3,
    "squadshifts_amazon_reviews": 0.3,
    "qamr_wikinews": 0.15,
    "qamr_wikipedia": 0.1,
}
#: Of no stated licence: nothing that might ship is trained on it.
MEASURED_ONLY = ("tweetqa",)
#: Of answerable questions, the share that is also asked of another document, and the share that
#: also gets other words of its own passage.
ELSEWHERE, BESIDE = 0.5, 0.25
#: Examples that are measured at most, each kind of its share.
MEASURED = 300
#: Words of a question, and of an answer, at most; passages have at least so many words.
LONGEST_QUESTION, LONGEST_ANSWER, SHORTEST = 40, 18, 8
#: Words of a sentence that make two passages one document if both have it.
SHARED = 8
_ENDS = re.compile(r"(?<=[.!?])\s+")
_OUTLETS = ("Tarn Valley Post", "Harbour Wire", "Coast Courier", "Evening Lamp", "Ridge Radio")

Row = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """One report, one question, what is copied, and whether that answers.

    `kind` is "answer", "elsewhere", "unanswerable" or "beside"; `answers` are the annotators' where
    it is right, else none.
    """

    source: str
    kind: str
    report: str
    question: str
    copied: str
    right: bool
    answers: tuple[str, ...] = ()


# --- questions and their documents -------------------------------------------------------------


def question_rows(data: Path, sets: Iterable[str]) -> list[Row]:
    """The rows of the sets whose question, passage and first answer have a usable length."""
    return [r for r in read_sets(data / "qa_span.jsonl.gz", set(sets)) if _usable(r)]


def _usable(row: Row) -> bool:
    short = len(row["question"].split()) <= LONGEST_QUESTION
    if not short or len(row["passage"].split()) < SHORTEST:
        return False
    return not row["answers"] or can_be_copied(row["answers"][0]["text"])


def can_be_copied(text: str) -> bool:
    """Whether a model can copy it whole: not too long, and nothing in it ends the copying."""
    return 0 < len(text.split()) <= LONGEST_ANSWER and '"' not in text and "\n" not in text


def documents(passages: Sequence[str]) -> list[str]:
    """The document of each passage; passages that share a long sentence are of one."""
    said = ([words(s) for s in _ENDS.split(passage)] for passage in passages)
    long = [[" ".join(s) for s in sentences if len(s) >= SHARED] for sentences in said]
    found = connected([sentences or [p] for sentences, p in zip(long, passages, strict=True)])
    return [name or "" for name in found]


def sides(rows: Sequence[Row], leave_out: str | None) -> tuple[list[Row], list[Row]]:
    """The rows to train on, and those to measure on; no document is on both sides."""
    document_of = documents([r["passage"] for r in rows])
    held = [r["set"] == leave_out if leave_out else r["split"] == "dev" for r in rows]
    seen = {document for document, is_held in zip(document_of, held, strict=True) if is_held}
    trained = [
        row
        for row, document in zip(rows, document_of, strict=True)
        if row["split"] == "train" and document not in seen
    ]
    return trained, [row for row, is_held in zip(rows, held, strict=True) if is_held]


# --- examples ----------------------------------------------------------------------------------


class Maker:
    """Makes examples as the product would show them to the language model."""

    def __init__(self, encoder: Encoder, reader: Reader, rng: random.Random) -> None:
        """`encoder` and `reader` choose the sentences; `rng` draws outlets, days and shares."""
        self._encoder, self._reader, self._rng = encoder, reader, rng

    def of(self, rows: Sequence[Row], most: int | None) -> list[Example]:
        """At most `most` examples of some of the rows, mixed."""
        asked = [
            r for r in rows if not r["answers"] or self._rng.random() < TRAINED_ON.get(r["set"], 1)
        ]
        self._rng.shuffle(asked)
        made: list[Example] = []
        for row, other in look_alikes(asked, rows):
            made += self._of_one(row, other)
            if most is not None and len(made) >= most:
                break
        self._rng.shuffle(made)
        return made[:most]

    def _of_one(self, row: Row, other: str | None) -> Iterator[Example]:
        """Right and wrong ones of a question, or the one of an unanswerable one."""
        answers = tuple(a["text"] for a in row["answers"])
        own = self._window(row["question"], row["passage"])
        if not answers:
            yield from self._made(row, "unanswerable", own, near_miss(own))
            return
        yield from self._made(row, "answer", own, " ".join(answers[0].split()), answers)
        if self._rng.random() < BESIDE:
            yield from self._made(row, "beside", own, near_miss(own, answers))
        if other and self._rng.random() < ELSEWHERE:
            window = self._window(row["question"], other)
            yield from self._made(row, "elsewhere", window, near_miss(window))

    def _window(self, question: str, passage: str) -> Window:
        """The passage as a report, its outlet and date made up, its first words as headline."""
        date = f"20{self._rng.randint(15, 31)}-{self._rng.randint(1, 12):02}-15"
        known = (self._rng.choice(_OUTLETS), date) if self._rng.random() < 0.8 else (None, None)
        title = " ".join(passage.split()[:8]).rstrip(" .,;:")
        article = Article("report", title, passage, *known)
        hit = Hit(Passage(article, 0, len(passage)), 1.0, 1)
        scored = score_sentences(analyse(question), [hit], self._encoder, self._reader)
        return windows(Found(tuple(scored), (), 1.0, ()), lambda _: 0)[0]

    def _made(
        self, row: Row, kind: str, window: Window, said: str, answers: tuple[str, ...] = ()
    ) -> Iterator[Example]:
        text = window.text
        if said and said in text.partition("\n")[2]:
            asked = row["question"].strip()
            yield Example(row["set"], kind, text, asked, said, bool(answers), answers)


def near_miss(window: Window, avoid: Sequence[str] = ()) -> str:
    """What the small reader marks in the likeliest sentence where it can be copied, or "".

    It shares no word with what is to be avoided: the right answers where those are in there.
    """
    taken = {w for text in avoid for w in words(text)}
    for sentence in window.sentences:
        said = " ".join(window.article.text[slice(*sentence.span)].split())
        if can_be_copied(said) and words(said) and not taken & set(words(said)):
            return said
    return ""


def examples_of(
    data: Path, leave_out: str | None, limit: int | None, maker: Maker
) -> list[list[Example]]:
    """The examples to train on, at most `limit`, and those to measure on, at most `MEASURED`."""
    rows = question_rows(data, [*TRAINED_ON, *([leave_out] if leave_out in MEASURED_ONLY else [])])
    trained, measured = sides(rows, leave_out)
    return [maker.of(trained, limit), maker.of(measured, min(MEASURED, limit or MEASURED))]


def kept_examples(
    path: Path | None, settings: Row, make: Callable[[], list[list[Example]]]
) -> list[list[Example]]:
    """What `make` makes, from the file at `path` if it is there, else written to it.

    Raises SystemExit where the file was made with other settings.
    """
    if path is None:
        return make()
    if not path.exists():
        sides = [[asdict(example) for example in side] for side in make()]
        path.write_text(json.dumps({"settings": settings, "sides": sides}), encoding="utf-8")
    (kept,) = read_lines(path)
    if kept["settings"] != settings:
        raise SystemExit(f"{path} was made with other options: {kept['settings']}")
    return [
        [Example(**{**row, "answers": tuple(row["answers"])}) for row in side]
        for side in kept["sides"]
    ]
