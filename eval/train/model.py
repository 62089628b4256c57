"""Train a LoRA adapter for what the language model in the box is asked in `rag/read.py`.

    python -m eval.train.model --data BENCH --model FILE.gguf --out FOLDER --device cuda
        [--examples FILE] [--leave-out SET] [--limit N] [--minutes 12] [--claims N]

An example is one report, one question, the words copied of it, and Yes or No. It becomes the same
two conversations that `rag/read.py` holds: copy (learnt where the answer is Yes: what is nearest to
no answer isn't worth learning), then say whether that answers. Only the system turn and the last
user turn stand before it, unless `--worked`: the worked turns of `prompts/read.txt` are about
twelve times the tokens, and they show what the adapter is to learn anyway. So whoever applies an
adapter trained without them asks without them, which also spares reading them.

Yes is a question's own passage and answer. No is the same question over the passage of another
document that shares most words with it; a question that SQuAD 2 marks as unanswerable; and other
words of the right passage. What is copied there is the small reader's likeliest span or words of
the same kind (a number, a name, a phrase). `qa_sentence.jsonl.gz` isn't used: it tells no words,
and most of its sentences come from the same passages. `--claims` adds that many public pairs of
evidence and claim, asked as a question of the same form; whether they help is not known.

`BENCH` holds qa_span.jsonl.gz (and entailment_open.jsonl.gz). A document is on one side only:
trained on, or measured on. With `--leave-out SET` all of SET is measured on, else the `dev` split.
Measured, before and after: AUROC of the probability of Yes, its accuracy at 0.5, and F1 of the
words copied. With `--examples FILE` examples are made once: run it with `--prepare` where there is
time, and again with the same options where there is a graphics card. The same seed gives the same
examples and, on one machine, the same adapter, unless time ran out at another step.

All of this was run on a handful of examples only, on a processor, with a tiny random model; the
model in the box was not trained with it, nor was a graphics card tried. No adapter ships. One would
be applied with OpenVINO GenAI, in `rag/model_process.py`:

    config = openvino_genai.AdapterConfig(openvino_genai.Adapter("FOLDER/adapter.safetensors"))
    openvino_genai.LLMPipeline(folder, "CPU", adapters=config)

It finds a layer by its name ("model.layers.0.self_attn.q_proj"), which a model exported from
transformers has. In what OpenVINO makes of a GGUF file the layers are called "MatMul_46" and the
like, so there an adapter can't find its layers: they must be named when the file is converted, or
the adapter merged into the weights before. Alpha is the rank, so what is added counts once.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import log
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eval.train.checker import TRAINED_ON as CLAIM_SETS
from eval.train.measure_reader import auroc, f1
from index.words import STOP_WORDS, stems, words
from rag.prompts import load_prompt
from rag.read import MAX_TOKENS, OPENING, WORDS

SEED = 20261129
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
#: Words of a question, and of an answer, at most; passages have at least so many words.
LONGEST_QUESTION, LONGEST_ANSWER, SHORTEST = 40, 18, 8
#: Words of a sentence that make two passages one document if both have it.
SHARED = 8
#: Layers that are adapted, and the size of the file that holds what is added, at most.
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
MOST_BYTES = 25_000_000
#: Steps until the learning rate is at its highest, or a tenth of all if that is less.
WARM_UP = 20
#: Examples that are measured at most, each kind of its share.
MEASURED = 300
_OUTLETS = ("Tarn Valley Post", "Harbour Wire", "Coast Courier", "Evening Lamp", "Ridge Radio")
_NUMBER = re.compile(r"(?:\d[\d.,:]*\d|\d)%?(?: (?:million|billion|percent|[a-z]{3,}s\b))?")
_NAME = re.compile(r"[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)*")
_ENDS = re.compile(r"(?<=[.!?])\s+")
_ASKS_NUMBER = re.compile(r"\bwhen\b|\bhow (?:many|much|long|old|far|often)\b|\bwhat year\b", re.I)
_ASKS_NAME = re.compile(r"\b(?:who|whom|whose|where)\b", re.I)

#: question, texts -> the likeliest answer in each, or "".
SpanReader = Callable[[str, Sequence[str]], list[str]]


@dataclass(frozen=True)
class Example:
    """One report, one question, what is copied, and whether that answers.

    `kind` is "answer", "elsewhere", "unanswerable", "beside" or "claim". `document` numbers the one
    that the report is of, `asked_of` the one that the question was asked of, both -1 for a claim;
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


# --- questions and passages --------------------------------------------------------------------


def question_rows(data: Path, sets: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of the sets whose question, passage and first answer have a usable length."""
    kept = set(sets)
    with gzip.open(data / "qa_span.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        return [r for r in rows if r["set"] in kept and _usable(r)]


def _usable(row: dict[str, Any]) -> bool:
    short = len(row["question"].split()) <= LONGEST_QUESTION
    if not short or len(row["passage"].split()) < SHORTEST:
        return False
    return not row["answers"] or _can_be_copied(row["answers"][0]["text"])


def _can_be_copied(text: str) -> bool:
    """Whether a model can copy it whole: not too long, and nothing in it ends the copying."""
    return 0 < len(text.split()) <= LONGEST_ANSWER and '"' not in text and "\n" not in text


def documents(passages: Iterable[str]) -> dict[str, int]:
    """Passage -> number of its document; passages that share a long sentence are of one."""
    found: dict[str, int] = {}
    first: dict[str, int] = {}
    parent: list[int] = []

    def root(n: int) -> int:
        while parent[n] != n:
            n = parent[n]
        return n

    for number, passage in enumerate(dict.fromkeys(passages)):
        parent.append(number)
        found[passage] = number
        for sentence in _ENDS.split(passage):
            said = words(sentence)
            if len(said) >= SHARED:
                other = first.setdefault(" ".join(said), number)
                parent[root(number)] = root(other)
    return {passage: root(number) for passage, number in found.items()}


def sides(
    rows: Sequence[dict[str, Any]], document_of: dict[str, int], leave_out: str | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows to train on, and those to measure on; no document is on both sides."""
    measured = [r for r in rows if (r["set"] == leave_out if leave_out else r["split"] == "dev")]
    seen = {document_of[r["passage"]] for r in measured}
    trained = [r for r in rows if r["split"] == "train" and document_of[r["passage"]] not in seen]
    return trained, measured


class Nearest:
    """Passages by the words that they share with a question, rare ones counting for more."""

    def __init__(self, passages: Sequence[str]) -> None:
        """Of each passage its content words' stems are kept."""
        self._passages = passages
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, passage in enumerate(passages):
            for stem in sorted(set(stems(passage))):
                self._places[stem].append(place)

    def best(self, question: str, most: int = 20) -> Iterator[str]:
        """At most `most` passages that share a word with the question, the nearest first."""
        scores: dict[int, float] = defaultdict(float)
        for stem in sorted(set(stems(question))):
            places = self._places.get(stem, [])
            # What every tenth passage says tells them little apart, and takes most of the time.
            if len(places) <= max(10, len(self._passages) // 10):
                weight = log(1 + len(self._passages) / max(1, len(places)))
                for place in places:
                    scores[place] += weight
        ranked = sorted(scores, key=lambda place: (-scores[place], place))
        return (self._passages[place] for place in ranked[:most])


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
        return _can_be_copied(said) and bool(words(said)) and not taken & set(words(said))

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

    About `WORDS` words in all, in their order. None if no sentence holds `span` whole.
    """
    asked = set(stems(question))
    places = list(_sentences(passage))
    first = [p for p in places if span and p[0] <= span[0] and span[1] <= p[1]]
    if span and not first:
        return None
    rest = [p for p in places if p not in first]
    rest.sort(key=lambda p: (-len(asked & set(stems(passage[slice(*p)]))), p))
    room, kept = WORDS, []
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


def claim_examples(data: Path, count: int, rng: random.Random) -> list[Example]:
    """Public pairs of evidence and claim as questions; as many right as wrong, `count` in all.

    The words that are copied are the beginning of the sentence nearest to the claim.
    """
    with gzip.open(data / "entailment_open.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [r for r in map(json.loads, lines) if r["set"] in CLAIM_SETS]
    rng.shuffle(rows)
    made: dict[bool, list[Example]] = {True: [], False: []}
    for row in rows:
        right = bool(row["label"])
        if len(made[right]) < count // 2 and (example := _claim(row, rng)):
            made[right].append(example)
    return made[True] + made[False]


def _claim(row: dict[str, Any], rng: random.Random) -> Example | None:
    claim = " ".join(row["claim"].split())
    shown = window(row["evidence"], claim)
    if not shown or len(claim.split()) > LONGEST_QUESTION:
        return None
    asked = set(stems(claim))
    nearest = max(shown, key=lambda s: len(asked & set(stems(s))))
    said = " ".join(nearest.split()[:LONGEST_ANSWER]).rstrip(".,;:")
    if not _can_be_copied(said):
        return None
    question = f"Does the report say so: {claim}"
    report = report_of(row["evidence"], shown, rng)
    return Example(row["set"], "claim", report, question, said, bool(row["label"]), -1, -1)


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


# --- conversations as tokens -------------------------------------------------------------------


@dataclass(frozen=True)
class Encoded:
    """Token numbers, the last `learnt` of which are learnt."""

    ids: tuple[int, ...]
    learnt: int


class Wording:
    """A model's own words for the conversations of `rag/read.py`."""

    def __init__(self, tokenizer: Any, worked: bool) -> None:
        """`worked`: with the worked turns of the prompt before the question."""
        self.tokenizer, self._worked = tokenizer, worked
        self.yes, self.no = (self._ids(w)[0] for w in ("Yes", "No"))
        assert self.yes != self.no, "the tokenizer doesn't tell Yes from No by the first token"

    def copying(self, example: Example) -> list[int]:
        """What is read before the first copied word: the reply's quotation mark is begun."""
        return self._ids(self._prompt(self._asked(example)) + OPENING)

    def judging(self, example: Example) -> list[int]:
        """What is read before Yes or No."""
        said = {"role": "assistant", "content": f'"{example.copied}"'}
        return self._ids(
            self._prompt([*self._asked(example), said, *load_prompt("confirm").messages()])
        )

    def encode(self, example: Example) -> list[Encoded]:
        """The conversations that are learnt: copying only what is right, then the verdict."""
        before, verdict = self.judging(example), self.yes if example.right else self.no
        made = [Encoded((*before, verdict), 1)]
        if example.kind == "answer":
            copied = self._ids(f'{example.copied}"')
            # The closing mark is one of them; what is longer would be cut off, so isn't learnt.
            if len(copied) <= MAX_TOKENS:
                made.append(Encoded((*self.copying(example), *copied), len(copied)))
        return made

    def _asked(self, example: Example) -> list[dict[str, str]]:
        turns = load_prompt("read").messages(report=example.report, question=example.question)
        return turns if self._worked else [turns[0], turns[-1]]

    def _prompt(self, messages: list[dict[str, str]]) -> str:
        from rag.model_process import defused

        safe = [{**m, "content": defused(m["content"])} for m in messages]
        return str(
            self.tokenizer.apply_chat_template(safe, tokenize=False, add_generation_prompt=True)
        )

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def padded(rows: Sequence[Sequence[int]], pad: int, left: bool = False) -> tuple[Tensor, Tensor]:
    """Token numbers and what of them counts (1) or pads (0), both `(rows, longest)`."""
    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), pad)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for n, row in enumerate(rows):
        place = slice(longest - len(row), longest) if left else slice(0, len(row))
        ids[n, place], mask[n, place] = torch.tensor(row), 1
    return ids, mask


def batches(encoded: Sequence[Encoded], size: int, rng: random.Random) -> list[list[Encoded]]:
    """All of them once, in an order drawn by `rng`; what is about as long comes together."""
    mixed = rng.sample(encoded, len(encoded))
    made = []
    for start in range(0, len(mixed), 50 * size):
        some = sorted(mixed[start : start + 50 * size], key=lambda e: len(e.ids))
        made += [some[n : n + size] for n in range(0, len(some), size)]
    rng.shuffle(made)
    return made


# --- the model ---------------------------------------------------------------------------------


def load_base(name: str, device: str) -> tuple[Any, Any, str]:
    """A model and tokenizer of a GGUF file, a folder or a hub's name, and the sum of its weights.

    On a graphics card in bfloat16. The sum of several files is that of their sums; "" of a name.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from index.encoder import best_dtype

    dtype = torch.bfloat16 if device == "cuda" else best_dtype()
    path = Path(name)
    found: dict[str, Any] = {"gguf_file": path.name} if path.is_file() else {}
    place = str(path.parent) if path.is_file() else name
    tokenizer = AutoTokenizer.from_pretrained(place, **found)
    model: Any = AutoModelForCausalLM.from_pretrained(place, dtype=dtype, **found)
    return model.to(device), tokenizer, sum_of(path)


def sum_of(path: Path) -> str:
    """The SHA-256 of a file, in hex; of a folder, that of its weights' sums; "" if nothing is."""
    from rag.model_files import sha256_of

    if path.is_file():
        return sha256_of(path)
    sums = [sha256_of(p) for p in sorted(path.glob("*.safetensors"))]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def adapt(model: Any, rank: int, seed: int) -> Any:
    """The model with a LoRA adapter (Hu et al. 2021) of that rank, the only part that is trained.

    Raises SystemExit where what is added would take more than `MOST_BYTES` in bfloat16.
    """
    import peft

    torch.manual_seed(seed)
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=rank,
        lora_dropout=0.0,
        target_modules=list(LAYERS),
        task_type="CAUSAL_LM",
    )
    adapted = peft.get_peft_model(model, config)
    size = 2 * sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    if size > MOST_BYTES:
        raise SystemExit(f"rank {rank} makes {size:,} bytes, more than {MOST_BYTES:,}: take less")
    return adapted


def last_logits(model: Any, ids: Tensor, mask: Tensor, learnt: Tensor) -> Tensor:
    """`(learnt.sum(), vocabulary)` float logits where `learnt` `(rows, longest)` is set.

    Each place's logits are of the token after it. The vocabulary is large: elsewhere none are made.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = base.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    logits: Tensor = base.lm_head(hidden[learnt]).float()
    return logits


def loss_of(model: Any, batch: Sequence[Encoded], pad: int, device: str) -> Tensor:
    """Mean over conversations of the mean negative log-probability of what is learnt: scalar.

    A verdict of one token counts as much as all the words of an answer.
    """
    ids, mask = padded([e.ids for e in batch], pad)
    learnt = torch.zeros_like(mask, dtype=torch.bool)
    weights: list[float] = []
    wanted: list[int] = []
    for n, row in enumerate(batch):
        end = len(row.ids)
        learnt[n, end - row.learnt - 1 : end - 1] = True
        wanted += row.ids[end - row.learnt :]
        weights += [1 / (row.learnt * len(batch))] * row.learnt
    logits = last_logits(model, ids.to(device), mask.to(device), learnt.to(device))
    losses = torch.nn.functional.cross_entropy(
        logits, torch.tensor(wanted, device=device), reduction="none"
    )
    return (losses * torch.tensor(weights, device=device)).sum()


def train_adapter(
    model: Any,
    encoded: Sequence[Encoded],
    pad: int,
    *,
    rate: float,
    size: int,
    epochs: int,
    seed: int,
    until: float,
    device: str = "cpu",
) -> list[float]:
    """Train what isn't frozen; the loss of each step. Stops when `time.monotonic()` is `until`.

    The learning rate rises to `rate` and then falls in a line to nought at the last step planned,
    whatever the time: so the seed decides the weights of every step.
    """
    rng = random.Random(seed)
    planned = [batch for _ in range(epochs) for batch in batches(encoded, size, rng)]
    kept = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(kept, lr=rate, weight_decay=0.0)
    losses: list[float] = []
    warm_up = max(1, min(WARM_UP, len(planned) // 10))
    model.train()
    for step, batch in enumerate(planned):
        if time.monotonic() >= until:
            print(f"stopped by time after {step} of {len(planned)} steps", flush=True)
            break
        left = (len(planned) - step) / len(planned)
        for group in optimizer.param_groups:
            group["lr"] = rate * min((step + 1) / warm_up, left)
        loss = loss_of(model, batch, pad, device)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(kept, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        if step % 50 == 49 or step + 1 == len(planned):
            recent = losses[-50:]
            print(
                f"step {step + 1}/{len(planned)}: loss {sum(recent) / len(recent):.4f}", flush=True
            )
    return losses


# --- figures -----------------------------------------------------------------------------------


def sureness(
    model: Any, wording: Wording, examples: Sequence[Example], size: int, device: str
) -> list[float]:
    """0..1 for each: how likely Yes is, of Yes and No."""
    found: list[float] = []
    for start in range(0, len(examples), size):
        rows = [wording.judging(e) for e in examples[start : start + size]]
        ids, mask = padded(rows, 0)
        last = torch.zeros_like(mask, dtype=torch.bool)
        for n, row in enumerate(rows):
            last[n, len(row) - 1] = True
        logits = last_logits(model, ids.to(device), mask.to(device), last.to(device))
        pair = logits[:, [wording.yes, wording.no]]
        found += torch.softmax(pair, dim=1)[:, 0].tolist()
    return found


def copied_words(
    model: Any, wording: Wording, examples: Sequence[Example], size: int, device: str
) -> list[str]:
    """What the model copies for each, greedily, up to the closing quotation mark."""
    said: list[str] = []
    pad = wording.tokenizer.pad_token_id or 0
    for start in range(0, len(examples), size):
        rows = [wording.copying(e) for e in examples[start : start + size]]
        ids, mask = padded(rows, pad, left=True)
        written = model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            max_new_tokens=MAX_TOKENS,
            do_sample=False,
            repetition_penalty=1.0,
            pad_token_id=pad,
        )
        texts = wording.tokenizer.batch_decode(written[:, ids.shape[1] :], skip_special_tokens=True)
        said += [re.split(r'["\n]', text)[0].strip() for text in texts]
    return said


def measure(
    model: Any, wording: Wording, examples: Sequence[Example], size: int, device: str
) -> dict[str, float]:
    """AUROC of Yes over all and by kind of No, accuracy at 0.5, F1 of the words copied."""
    model.eval()
    figures: dict[str, float] = {"n": len(examples)}
    with torch.inference_mode():
        sure = sureness(model, wording, examples, size, device)
        answered = [e for e in examples if e.answers]
        said = copied_words(model, wording, answered, size, device)
    yes = [s for s, e in zip(sure, examples, strict=True) if e.right]
    for kind in ("all", *sorted({e.kind for e in examples if not e.right})):
        pairs = zip(sure, examples, strict=True)
        no = [s for s, e in pairs if not e.right and kind in ("all", e.kind)]
        if yes and no:
            figures[f"AUROC, {kind}"] = auroc(yes, no)
    if examples:
        hits = [(s > 0.5) == e.right for s, e in zip(sure, examples, strict=True)]
        figures["accuracy at 0.5"] = sum(hits) / len(hits)
    if answered:
        best = (max(f1(text, a) for a in e.answers) for text, e in zip(said, answered, strict=True))
        figures["F1 of the words"] = sum(best) / len(answered)
    return {name: round(value, 4) for name, value in figures.items()}


def save_adapter(model: Any, folder: Path, told: dict[str, Any]) -> Path:
    """Write `adapter.safetensors` in bfloat16, and `adapter.json`: what is told, and its sum."""
    import peft
    from safetensors.torch import save_file

    state = {
        name: tensor.detach().to("cpu", torch.bfloat16).contiguous()
        for name, tensor in sorted(peft.get_peft_model_state_dict(model).items())
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "adapter.safetensors"
    save_file(state, path)
    told = {**told, "bytes": path.stat().st_size, "sha256": sum_of(path)}
    path.with_suffix(".json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return path


# --- the program -------------------------------------------------------------------------------


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of the public sets")
    add("--model", help="a GGUF file, a folder or a name of a transformers model")
    add("--out", type=Path, required=True, help="folder for the adapter")
    add("--examples", type=Path, help="keep the examples in this file, or take them from it")
    add("--prepare", action="store_true", help="make the examples and end")
    add("--leave-out", choices=[*TRAINED_ON, *MEASURED_ONLY], help="measure on it, don't train")
    add("--limit", type=int, help="train on so many examples only")
    add("--minutes", type=float, default=12.0, help="all of it takes about so long at most")
    add("--claims", type=int, default=0, help="pairs of evidence and claim to train on besides")
    add("--worked", action="store_true", help="with the prompt's worked turns: 12 times the tokens")
    add("--no-reader", action="store_true", help="near misses without the small reader")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--rank", type=int, default=8)
    add("--rate", type=float, default=2e-4, help="the highest learning rate")
    add("--batch", type=int, default=32, help="conversations of one step")
    add("--epochs", type=int, default=1)
    add("--seed", type=int, default=SEED)
    given = parser.parse_args(arguments)
    if not given.prepare and not given.model:
        parser.error("--model is needed, unless --prepare")
    if given.prepare and not given.examples:
        parser.error("--prepare needs --examples: where to keep them")
    return given


def settings_of(given: argparse.Namespace) -> dict[str, Any]:
    """What decides the examples."""
    names = ("leave_out", "limit", "claims", "no_reader", "seed")
    return {name: getattr(given, name) for name in names}


def make_examples(given: argparse.Namespace) -> tuple[list[Example], list[Example]]:
    """The examples to train on and those to measure on, as the options have it."""
    reader = None if given.no_reader else small_reader()
    trained, measured = examples_of(given.data, given.leave_out, given.limit, reader, given.seed)
    if given.claims:
        trained += claim_examples(given.data, given.claims, random.Random(given.seed))
    return trained, measured


def run(given: argparse.Namespace, until: float) -> None:
    """Make the examples, train, measure before and after, write; `until` as `train_adapter`."""
    trained, measured = kept_examples(
        given.examples, settings_of(given), lambda: make_examples(given)
    )
    kinds = Counter((e.source, e.kind) for e in trained)
    for (source, kind), count in sorted(kinds.items()):
        print(f"{source:28} {kind:14} {count}")
    print(f"{len(trained)} examples to train on, {len(measured)} to measure on", flush=True)
    if given.prepare:
        return
    base, tokenizer, base_sum = load_base(given.model, given.device)
    wording, began = Wording(tokenizer, given.worked), time.monotonic()
    before = measure(base, wording, measured, given.batch, given.device)
    print("before:", json.dumps(before), flush=True)
    # As much again is needed at the end, and a little for writing.
    until -= 1.3 * (time.monotonic() - began)
    model = adapt(base, given.rank, given.seed)
    losses = train_adapter(
        model,
        [row for example in trained for row in wording.encode(example)],
        tokenizer.pad_token_id or 0,
        rate=given.rate,
        size=given.batch,
        epochs=given.epochs,
        seed=given.seed,
        until=until,
        device=given.device,
    )
    after = measure(model, wording, measured, given.batch, given.device)
    print("after:", json.dumps(after), flush=True)
    told = {
        "base": Path(given.model).name,
        "base_sha256": base_sum,
        "rank": given.rank,
        "alpha": given.rank,
        "worked_turns": given.worked,
        "prompts": {name: load_prompt(name).sha256 for name in ("read", "confirm")},
        "data": {f"{source}, {kind}": count for (source, kind), count in sorted(kinds.items())},
        "left_out": given.leave_out,
        "seed": given.seed,
        "rate": given.rate,
        "batch": given.batch,
        "steps": len(losses),
        "last_losses": [round(x, 4) for x in losses[-5:]],
        "before": before,
        "after": after,
    }
    path = save_adapter(model, given.out, told)
    print(f"{path}: {path.stat().st_size:,} bytes, sha256 {sum_of(path)}")


def main() -> None:
    """Train as the command line says."""
    began, given = time.monotonic(), options_of()
    # Without this setting the card's library adds numbers up in another order each time.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    run(given, began + 60 * given.minutes)


if __name__ == "__main__":
    main()
