"""Examples for the adapter of the language model: a report, a question, copied words, Yes or No.

Yes is a question's own passage and answer. No is the same question over the passage of another
document that shares most words with it; a question that SQuAD 2 marks as unanswerable; and other
words of the right passage. What is copied there is the small reader's likeliest span or words of
the same kind (a number, a name, a phrase). `qa_sentence.jsonl.gz` isn't used: it tells no words,
and most of its sentences come from the same passages. A document is on one side only: trained on,
or measured on.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from eval.train.passages import (
    Nearest,
    can_be_copied,
    documents,
    question_rows,
    sides,
)
from index.words import STOP_WORDS, stems, words
from rag.read import WORDS

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
#: Share of near misses whose words are the small reader's likeliest: it takes a while for each.
READER_SHARE = 0.25
#: Examples that are measured at most, each kind of its share.
MEASURED = 300
_OUTLETS = ("Tarn Valley Post", "Harbour Wire", "Coast Courier", "Evening Lamp", "Ridge Radio")
_NUMBER = re.compile(r"(?:\d[\d.,:]*\d|\d)%?(?: (?:million|billion|percent|[a-z]{3,}s\b))?")
_NAME = re.compile(r"[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)*")
_ASKS_NUMBER = re.compile(r"\bwhen\b|\bhow (?:many|much|long|old|far|often)\b|\bwhat year\b", re.I)
_ASKS_NAME = re.compile(r"\b(?:who|whom|whose|where)\b", re.I)


#: question, texts -> the likeliest answer in each, or "".
SpanReader = Callable[[str, Sequence[str]], list[str]]


@dataclass(frozen=True)
class Example:
    """One report, one question, what is copied, and whether that answers.

    `kind` is "answer", "elsewhere", "unanswerable" or "beside". `document` numbers the one
    that the report is of, `asked_of` the one that the question was asked of;
    `answers` are the annotators' where it is right, else none.
    """

    source: str
    kind: str
    report: str
    question: str
    copied: str
    right: bool
    document: int
    asked_of: int
    answers: tuple[str, ...] = ()


# --- what is copied where nothing answers ------------------------------------------------------


def kind_of(question: str, answer: str) -> str:
    """What an answer is, or what is asked for where there is none: "number", "name", "phrase"."""
    if answer:
        if _NUMBER.search(answer):
            return "number"
        said = [w for w in answer.split() if w.lower() not in STOP_WORDS]
        return "name" if said and all(w[0].isupper() for w in said) else "phrase"
    if _ASKS_NUMBER.search(question):
        return "number"
    return "name" if _ASKS_NAME.search(question) else "phrase"


def like_spans(kind: str, size: int, sentence: str) -> list[str]:
    """Words of a sentence of that kind; phrases have `size` words, content words at both ends."""
    if kind == "number":
        return [m[0] for m in _NUMBER.finditer(sentence)]
    if kind == "name":
        found = [m[0] for m in _NAME.finditer(sentence)]
        return [f for f in found if f.lower() not in STOP_WORDS]
    said = sentence.split()
    runs = (said[n : n + size] for n in range(len(said) - size + 1))
    return [
        " ".join(run).rstrip(".,;:")
        for run in runs
        if run[0].lower() not in STOP_WORDS and run[-1].lower().rstrip(".,;:") not in STOP_WORDS
    ]


def near_miss(
    row: dict[str, Any],
    sentences: Sequence[str],
    rng: random.Random,
    reader: SpanReader | None,
    avoid: Sequence[str] = (),
) -> str:
    """Words that might be taken for the answer, of the sentence nearest to the question; or "".

    They share no word with what is to be avoided: the right answers where those are in there.
    """
    answer = row["answers"][0]["text"] if row["answers"] else ""
    taken = {w for text in avoid for w in words(text)}

    def fits(said: str) -> bool:
        return can_be_copied(said) and bool(words(said)) and not taken & set(words(said))

    if reader is not None and rng.random() < READER_SHARE:
        spans = [s for s in reader(row["question"], sentences) if fits(s)]
        if spans:
            return spans[0]
    size = min(5, max(2, len(answer.split())))
    asked = set(stems(row["question"]))
    ranked = sorted(sentences, key=lambda s: -len(asked & set(stems(s))))
    for kind in dict.fromkeys((kind_of(row["question"], answer), "name", "phrase")):
        for sentence in ranked:
            found = [s for s in like_spans(kind, size, sentence) if fits(s)]
            # What the question says itself is seldom what is copied.
            if new := [s for s in found if s.lower() not in row["question"].lower()]:
                return rng.choice(new)
    return ""


def small_reader() -> SpanReader:
    """The reader that ships, as a SpanReader: its likeliest span, and of each text its own."""
    from rag.reader import load_reader

    reader = load_reader()

    def read(question: str, texts: Sequence[str]) -> list[str]:
        found = []
        for text, reading in zip(texts, reader.read(question, texts), strict=True):
            best = reading.best_span()
            if best:
                found.append((best[0], text[best[1] : best[2]]))
        return [said for _, said in sorted(found, key=lambda pair: -pair[0])]

    return read


# --- examples ----------------------------------------------------------------------------------


@lru_cache(maxsize=20_000)
def _sentences(passage: str) -> tuple[tuple[int, int], ...]:
    from index.language import sentence_spans

    return tuple(sentence_spans(passage))


def window(passage: str, question: str, span: tuple[int, int] | None = None) -> list[str] | None:
    """The passage's sentences that a model is shown: what holds `span`, then the nearest by words.

    About as many words as the product shows of the first reports, in their order. None if no
    sentence holds `span` whole.
    """
    asked = set(stems(question))
    places = list(_sentences(passage))
    first = [p for p in places if span and p[0] <= span[0] and span[1] <= p[1]]
    if span and not first:
        return None
    rest = [p for p in places if p not in first]
    rest.sort(key=lambda p: (-len(asked & set(stems(passage[slice(*p)]))), p))
    room, kept = WORDS[0], []
    for n, place in enumerate(first + rest):
        room -= len(passage[slice(*place)].split())
        if n and room < 0:
            break
        kept.append(place)
    return [" ".join(passage[slice(*p)].split()) for p in sorted(kept)]


def report_of(passage: str, sentences: Sequence[str], rng: random.Random) -> str:
    """A report as `rag.read.Window.text` tells it, its outlet and date made up.

    Its headline is the passage's first words, as public passages have none.
    """
    date = f"20{rng.randint(15, 31)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    head = f" ({rng.choice(_OUTLETS)}, {date})" if rng.random() < 0.8 else ""
    title = " ".join(passage.split()[:8]).rstrip(" .,;:")
    return f"Report{head}: {title}\n{' ... '.join(sentences)}"


class Maker:
    """Makes the examples of one side; near misses come from that side's own passages."""

    def __init__(
        self,
        rows: Sequence[dict[str, Any]],
        document_of: dict[str, int],
        rng: random.Random,
        reader: SpanReader | None,
    ) -> None:
        """`reader` None: what is copied of near misses is found by its kind alone."""
        by_set: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            by_set[row["set"]].add(row["passage"])
        self._nearest = {name: Nearest(sorted(texts)) for name, texts in sorted(by_set.items())}
        self._document_of, self._rng, self._reader = document_of, rng, reader

    def of(self, row: dict[str, Any]) -> Iterator[Example]:
        """The examples of one question: right and wrong ones, or the one of an unanswerable."""
        passage, answers = row["passage"], [a["text"] for a in row["answers"]]
        if not answers:
            shown = window(passage, row["question"]) or []
            said = near_miss(row, shown, self._rng, self._reader)
            yield from self._made(row, "unanswerable", passage, shown, said)
            return
        start = row["answers"][0]["start"]
        own = window(passage, row["question"], (start, start + len(answers[0])))
        if own is None:
            return
        yield from self._made(row, "answer", passage, own, " ".join(answers[0].split()))
        if self._rng.random() < BESIDE:
            said = near_miss(row, own, self._rng, self._reader, answers)
            yield from self._made(row, "beside", passage, own, said)
        if self._rng.random() < ELSEWHERE and (other := self.elsewhere(row)):
            shown = window(other, row["question"]) or []
            said = near_miss(row, shown, self._rng, self._reader)
            yield from self._made(row, "elsewhere", other, shown, said)

    def elsewhere(self, row: dict[str, Any]) -> str | None:
        """The nearest passage of another document that holds none of the answers."""
        wanted = [f" {' '.join(words(a['text']))} " for a in row["answers"]]
        for passage in self._nearest[row["set"]].best(row["question"]):
            if self._document_of[passage] != self._document_of[row["passage"]]:
                told = f" {' '.join(words(passage))} "
                if not any(w in told for w in wanted):
                    return passage
        return None

    def _made(
        self, row: dict[str, Any], kind: str, passage: str, shown: Sequence[str], said: str
    ) -> Iterator[Example]:
        if said and any(said in sentence for sentence in shown):
            right = kind == "answer"
            yield Example(
                source=row["set"],
                kind=kind,
                report=report_of(passage, shown, self._rng),
                question=row["question"].strip(),
                copied=said,
                right=right,
                document=self._document_of[passage],
                asked_of=self._document_of[row["passage"]],
                answers=tuple(a["text"] for a in row["answers"]) if right else (),
            )


def examples_of(
    data: Path, leave_out: str | None, limit: int | None, reader: SpanReader | None, seed: int
) -> tuple[list[Example], list[Example]]:
    """The examples to train on, at most `limit`, and those to measure on, at most `MEASURED`."""
    rng = random.Random(seed)
    rows = question_rows(data, [*TRAINED_ON, *([leave_out] if leave_out in MEASURED_ONLY else [])])
    document_of = documents(r["passage"] for r in rows)
    trained, measured = sides(rows, document_of, leave_out)
    few = min(MEASURED, limit or MEASURED)
    return (
        _drawn(trained, document_of, limit, reader, rng),
        _drawn(measured, document_of, few, reader, rng),
    )


def _drawn(
    rows: Sequence[dict[str, Any]],
    document_of: dict[str, int],
    most: int | None,
    reader: SpanReader | None,
    rng: random.Random,
) -> list[Example]:
    asked = [r for r in rows if not r["answers"] or rng.random() < TRAINED_ON.get(r["set"], 1.0)]
    rng.shuffle(asked)
    maker = Maker(rows, document_of, rng, reader)
    made: list[Example] = []
    for row in asked:
        if most is not None and len(made) >= most:
            break
        made += maker.of(row)
    rng.shuffle(made)
    return made[:most]


def kept_examples(
    path: Path | None, settings: dict[str, Any], make: Callable[[], Sequence[list[Example]]]
) -> list[list[Example]]:
    """What `make` makes, from the file at `path` if it is there, else written to it.

    Raises SystemExit where the file was made with other settings.
    """
    if path is None:
        return list(make())
    if not path.exists():
        lists = make()
        rows = [{"list": n, **asdict(e)} for n, some in enumerate(lists) for e in some]
        lines = [json.dumps(row) + "\n" for row in ({"settings": settings}, *rows)]
        path.write_text("".join(lines), encoding="utf-8")
    first, *rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    if first["settings"] != settings:
        raise SystemExit(f"{path} was made with other options: {first['settings']}")
    kept: list[list[Example]] = [[], []]
    for row in rows:
        place = row.pop("list")
        kept[place].append(Example(**{**row, "answers": tuple(row["answers"])}))
    return kept
