"""Train the reader (`rag/reader.py`) on public questions with answer spans and answering sentences.

    python -m eval.train.reader --data BENCH_FOLDER --out FOLDER

Resumable: run it again with the same folder and it goes on from its last checkpoint. The data are
`qa_span.jsonl.gz` and `qa_sentence.jsonl.gz`; only sets whose licences allow weights to be shipped
are trained on (`TRAINED_ON`), and only their `train` splits, which are split by passage.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from eval.files import read_sets
from eval.train.common import run
from index.encoder import bundled_folder

SEED = 20251122
MAX_TOKENS = 144
#: set -> how many windows are drawn from each of its questions, on average.
TRAINED_ON = {
    "xquad_en": 2.0,
    "squad2_halfdev": 3.0,
    "squadshifts_new_wiki": 2.0,
    "qed_nq_dev": 2.0,
    "squadshifts_reddit": 0.35,
    "squadshifts_amazon_reviews": 0.3,
    "qamr_wikinews": 0.3,
    "qamr_wikipedia": 0.15,
}
#: set -> share of its answering sentences and of its other sentences that are drawn.
SENTENCE_SETS = {
    "selqa_dev": (1.0, 0.2),
    "selqa_test": (1.0, 0.2),
    "qnli_dev": (0.5, 0.5),
    "qed_nq_dev": (0.3, 0.15),
}
#: Shares of the drawn questions that are also asked where there is no answer: of the passage most
#: like their own, of their own without the sentences that answer, and of their own with a name or
#: number in the question exchanged for another of its kind.
LOOK_ALIKE_SHARE, BEREFT_SHARE, SWAPPED_SHARE = 0.1, 0.35, 0.35


class ReaderModel(nn.Module):
    """Encoder with a span head `(batch, tokens, 2)` and an answer head `(batch,)`, both logits."""

    def __init__(self, encoder: nn.Module, hidden_size: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.span = nn.Linear(hidden_size, 2)
        self.answers = nn.Linear(hidden_size, 1)

    @classmethod
    def from_encoder_folder(cls, folder: Path) -> ReaderModel:
        """A reader on the encoder at `folder`; its heads are new and untrained."""
        from safetensors.torch import load_file
        from transformers import BertConfig, BertModel

        encoder = BertModel(
            BertConfig.from_pretrained(folder, local_files_only=True), add_pooling_layer=False
        )
        state = load_file(folder / "model.safetensors")
        encoder.load_state_dict(
            {
                name: tensor
                for name, tensor in state.items()
                if not name.startswith("pooler.") and not name.endswith("position_ids")
            }
        )
        return cls(encoder, encoder.config.hidden_size)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor,
        start: Tensor | None = None,
        end: Tensor | None = None,
        label: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Logits, and the training loss when labels are given.

        `start` and `end` are token positions, 0 for no answer, -100 for unknown; `label` is 1.0
        where the passage answers and 0.0 where it does not.
        """
        hidden: Any = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        readable = (token_type_ids == 1) & (attention_mask == 1)
        readable[:, 0] = True
        spans = self.span(hidden).float().masked_fill(~readable[..., None], -1e4)
        answers = self.answers(hidden[:, 0]).float().squeeze(-1)
        found = {"start_logits": spans[..., 0], "end_logits": spans[..., 1], "answers": answers}
        if start is None or end is None or label is None:
            return found
        loss = nn.functional.binary_cross_entropy_with_logits(answers, label)
        if (start >= 0).any():
            for logits, position in ((spans[..., 0], start), (spans[..., 1], end)):
                loss = loss + nn.functional.cross_entropy(logits, position, ignore_index=-100)
        return {"loss": loss, **found}


def span_rows(path: Path, split: str, rng: random.Random) -> list[dict[str, Any]]:
    """Questions with passages; one-sentence passages (QAMR) are set among others of their set."""
    rows = read_sets(path, TRAINED_ON, split)
    sentences = {
        s: sorted({r["passage"] for r in rows if r["set"] == s})
        for s in ("qamr_wikinews", "qamr_wikipedia")
    }
    drawn = []
    for row in rows:
        times = TRAINED_ON[row["set"]]
        for _ in range(int(times) + (rng.random() < times % 1)):
            if row["set"] in sentences:
                others = rng.sample(sentences[row["set"]], rng.randint(0, 3))
                before = " ".join(others[: rng.randint(0, len(others))])
                shift = len(before) + 1 if before else 0
                after = " ".join(o for o in others if o not in before)
                passage = " ".join(p for p in (before, row["passage"], after) if p)
                answers = [{"text": a["text"], "start": a["start"] + shift} for a in row["answers"]]
                drawn.append({**row, "passage": passage, "answers": answers})
            else:
                drawn.append(row)
    return drawn


def nearest(passages: Sequence[str], questions: Sequence[str], k: int) -> list[list[str]]:
    """The `k` passages that share most words with each question (BM25)."""
    import bm25s  # type: ignore[import-untyped]

    def tokens(texts: Sequence[str]) -> Any:
        return bm25s.tokenize(list(texts), stopwords="en", show_progress=False)

    index = bm25s.BM25()
    index.index(tokens(passages), show_progress=False)
    found, _ = index.retrieve(tokens(questions), k=k, show_progress=False)
    return [[passages[int(place)] for place in row] for row in found]


def look_alikes(
    asked: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]
) -> list[tuple[dict[str, Any], str | None]]:
    """Each question with the passage of its set that is most like it and lacks its answers."""
    passages = {
        name: sorted({r["passage"] for r in rows if r["set"] == name}) for name in _sets(rows)
    }
    near: dict[str, Iterator[list[str]]] = {}
    for name in _sets(asked):
        questions = [r["question"] for r in asked if r["set"] == name]
        near[name] = iter(nearest(passages[name], questions, min(4, len(passages[name]))))
    found = []
    for row in asked:
        wanted = [a["text"].lower() for a in row["answers"]]
        others = (p for p in next(near[row["set"]]) if p != row["passage"])
        other = next((p for p in others if not any(w in p.lower() for w in wanted)), None)
        found.append((row, other))
    return found


def _sets(rows: Sequence[dict[str, Any]]) -> list[str]:
    return sorted({r["set"] for r in rows})


def hard_negatives(rows: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    """Questions with the most similar other passage (word overlap) that lacks their answer."""
    asked = [r for r in rows if r["answers"] and rng.random() < LOOK_ALIKE_SHARE]
    pairs = look_alikes(asked, rows)
    return [{**row, "passage": other, "answers": []} for row, other in pairs if other]


def bereft(rows: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    """Questions with their own passage less the sentences that hold an answer.

    What is left is on the matter, holds values of the right kind, and doesn't answer: a story that
    is reported without the detail asked for.
    """
    made = []
    for row in rows:
        if row["answers"] and rng.random() < BEREFT_SHARE:
            left = without(row["passage"], [a["text"].lower() for a in row["answers"]])
            made += [{**row, "passage": left, "answers": []}] if left else []
    return made


def without(text: str, wanted: Sequence[str]) -> str:
    """`text` less the sentences that hold one of `wanted` (lower case); "" if little is left."""
    from index.language import sentence_spans

    kept = [text[s:e] for s, e in sentence_spans(text)]
    kept = [k for k in kept if not any(w in k.lower() for w in wanted)]
    return " ".join(kept) if sum(map(len, kept)) >= 60 else ""


def swapped(rows: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    """Questions with one name, date or number exchanged for another of its kind.

    The other one comes from the same passage where that has one, which makes the hardest "no
    answer" (Rajpurkar et al. 2018, section 3), else from another question of the set.
    """
    from index.language import parse_many

    asked = [r for r in rows if r["answers"] and rng.random() < SWAPPED_SHARE]
    docs = parse_many([r["question"][:300] for r in asked])
    pool = defaultdict(list)
    for doc in docs:
        for entity in doc.ents:
            pool[entity.label_].append(entity.text)
    inside = parse_many([r["passage"][:1500] for r in asked])
    made = []
    for row, doc, passage in zip(asked, docs, inside, strict=True):
        if not doc.ents:
            continue
        old = rng.choice(list(doc.ents))
        taken = (row["question"] + " " + row["answers"][0]["text"]).lower()

        def other(names: list[str], old: Any = old, taken: str = taken) -> list[str]:
            return [n for n in names if n.lower() not in taken and old.text not in n]

        near = other([e.text for e in passage.ents if e.label_ == old.label_])
        # A name of the same passage may make a question that the passage answers, so not always.
        choices = near if near and rng.random() < 0.5 else other(pool[old.label_])
        if choices:
            new = rng.choice(choices)
            question = doc.text[: old.start_char] + new + doc.text[old.end_char :]
            made.append({**row, "question": question, "answers": []})
    return made


def sentence_rows(path: Path, split: str, rng: random.Random) -> list[dict[str, Any]]:
    """Questions with one sentence and whether it answers; no span is known."""
    drawn = []
    for row in read_sets(path, SENTENCE_SETS, split):
        if rng.random() < SENTENCE_SETS[row["set"]][0 if row["label"] else 1]:
            answers: list[Any] | None = None if row["label"] else []
            made = {"question": row["question"], "passage": row["sentence"], "answers": answers}
            drawn.append(made)
    return drawn


def encode(row: dict[str, Any], tokenizer: Any, rng: random.Random) -> dict[str, Any]:
    """One window of `MAX_TOKENS` tokens, holding the answer four times of five if there is one."""
    windows = tokenizer(
        row["question"][:150],
        row["passage"],
        truncation="only_second",
        max_length=MAX_TOKENS,
        stride=32,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    answers = row["answers"]
    places = [find_span(windows, i, answers) for i in range(len(windows["input_ids"]))]
    hold = [i for i, place in enumerate(places) if place != (0, 0)]
    lack = [i for i, place in enumerate(places) if place == (0, 0)]
    i = rng.choice(hold) if hold and (not lack or rng.random() < 0.8) else rng.choice(lack)
    start, end = places[i]
    return {
        "input_ids": windows["input_ids"][i],
        "token_type_ids": windows["token_type_ids"][i],
        "attention_mask": windows["attention_mask"][i],
        "start": start,
        "end": end,
        "label": 0.0 if (start, end) == (0, 0) else 1.0,
    }


def find_span(windows: Any, i: int, answers: list[dict[str, Any]] | None) -> tuple[int, int]:
    """Token positions of the first answer in window `i`; (0, 0) none; (-100, -100) unknown."""
    if answers is None:
        return (-100, -100)
    offsets, kinds = windows["offset_mapping"][i], windows["token_type_ids"][i]
    inside = [t for t, kind in enumerate(kinds) if kind == 1 and offsets[t][1] > offsets[t][0]]
    if not inside:
        return (0, 0)
    for answer in answers:
        begin, stop = answer["start"], answer["start"] + len(answer["text"])
        if offsets[inside[0]][0] <= begin and offsets[inside[-1]][1] >= stop:
            tokens = [t for t in inside if offsets[t][0] < stop and offsets[t][1] > begin]
            if tokens:
                return (tokens[0], tokens[-1])
    return (0, 0)


def training_rows(data: Path, rng: random.Random) -> list[dict[str, Any]]:
    """Everything that one epoch sees, in a seeded order."""
    spans = span_rows(data / "qa_span.jsonl.gz", "train", rng)
    rows = (
        spans
        + hard_negatives(spans, rng)
        + bereft(spans, rng)
        + swapped(spans, rng)
        + sentence_rows(data / "qa_sentence.jsonl.gz", "train", rng)
    )
    rng.shuffle(rows)
    return rows


def initial_model(start: Path | None) -> ReaderModel:
    """The bundled encoder with new heads, or with weights that `export` wrote."""
    from safetensors.torch import load_file

    model = ReaderModel.from_encoder_folder(bundled_folder())
    if start:
        state = {name: tensor.float() for name, tensor in load_file(start).items()}
        missing, unexpected = model.load_state_dict(state, strict=False)
        # The embeddings stay the bundled encoder's.
        wrong = [n for n in missing if not n.startswith("encoder.embeddings.")] + unexpected
        if wrong:
            raise SystemExit(f"{start} does not fit the model: {', '.join(wrong[:3])}")
    return model


def encoded_rows(
    options: argparse.Namespace, tokenizer: Any, rng: random.Random
) -> list[dict[str, Any]]:
    """The windows that are trained on."""
    rows = training_rows(options.data, rng)[: options.limit]
    return [encode(row, tokenizer, rng) for row in rows]


if __name__ == "__main__":
    run(__doc__, "reader", 1.2e-4, SEED, encoded_rows, initial_model, ["start", "end", "label"])
