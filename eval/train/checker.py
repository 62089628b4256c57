"""Train a cross-encoder on public pairs of evidence and claim.

    python -m eval.train.checker --data BENCH_FOLDER --out FOLDER [--epochs 1]

Resumable: run it again with the same folder and it goes on from its last checkpoint. The pairs are
those of `entailment_open.jsonl.gz` whose sets are in `TRAINED_ON`, and pairs that `eval/swaps.py`
makes from the `train` passages of the reader's sets. `HELD_OUT` sets, WiCE and SummEdits are never
seen. It starts from the reader's layers, which compare a question with a passage already.

What it makes judges, and doesn't check answers: over the signals of `rag/verify.py` it gains
nothing on sets left out whole (`eval.train.fit_checker --weights FOLDER/checker.safetensors`).
Whoever has more data, or days, may find otherwise. The judge `own` was made with `--frozen 3`
(`eval/JUDGES.md`).
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from eval.files import read_lines, read_sets
from eval.judges import LONGEST_CLAIM, MAX_TOKENS
from eval.swaps import make_pairs
from eval.train.common import run
from eval.train.reader import ReaderModel
from index.encoder import bundled_folder
from index.language import sentence_spans
from rag.nearest import focus

SEED = 20251125
#: set -> share of its pairs that an epoch sees.
TRAINED_ON = {
    "bump": 1.0,
    "breaking_nli": 0.2,
    "cad_snli": 0.8,
    "conjnli": 1.0,
    "conjnli_synthetic": 0.35,
    "equate_newsnli": 2.0,
    "equate_redditnli": 1.0,
    "equate_rtequant": 1.0,
    "equate_stress": 0.5,
    "factcheck_gpt": 1.0,
    "fib_xsum": 1.0,
    "fib_cnndm": 1.0,
    "fm2": 2.0,
    "med": 0.4,
    "negnli_mnli": 0.7,
    "negnli_rte": 0.7,
    "negnli_snli": 0.5,
    "snli": 0.6,
}
HELD_OUT = ("rank19", "fever_symmetric")
SWAP_SETS = ("squad2_halfdev", "xquad_en", "squadshifts_new_wiki", "qed_nq_dev", "qamr_wikinews")
SWAPS_PER_TEXT = 5
#: No set's false pairs are more than so many times its true ones.
MOST_FALSE = 1.2
#: Evidence of fewer words is set among other sentences, for so many pairs of ten: most public pairs
#: with long evidence are false, and length must not tell.
SHORT, SET_AMONG = 45, 5

#: (evidence, claim, 1 where it is supported, else 0)
Pair = tuple[str, str, int]


class CheckerModel(nn.Module):
    """An encoder with one logit for a pair, `(batch,)`; above 0, the evidence supports it."""

    def __init__(self, encoder: nn.Module, hidden_size: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.support = nn.Linear(hidden_size, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor,
        label: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The logits, and the loss when labels (1.0 supported, 0.0 not) are given."""
        hidden: Any = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        logits = self.support(self.dropout(hidden[:, 0])).float().squeeze(-1)
        if label is None:
            return {"logits": logits}
        loss = nn.functional.binary_cross_entropy_with_logits(logits, label)
        return {"loss": loss, "logits": logits}


def public_pairs(path: Path, rng: random.Random) -> list[Pair]:
    """Pairs of the sets trained on, drawn by their shares."""
    by_set: dict[str, list[Pair]] = defaultdict(list)
    for row in read_lines(path):
        share = TRAINED_ON.get(row["set"], 0.0)
        for _ in range(int(share) + (rng.random() < share % 1)):
            by_set[row["set"]].append((row["evidence"], row["claim"], int(row["label"])))
    drawn = []
    for name, pairs in sorted(by_set.items()):
        true = sum(label for _, _, label in pairs)
        false = len(pairs) - true
        keep = min(1.0, MOST_FALSE * true / false) if true and false else 1.0
        kept = [p for p in pairs if p[2] or rng.random() < keep]
        print(f"{name}: {len(kept)} pairs, {sum(p[2] for p in kept)} supported", flush=True)
        drawn += kept
    return drawn


def swap_pairs(path: Path, rng: random.Random) -> list[Pair]:
    """Pairs made by rule; the evidence is the whole text or the claim's sentence and neighbours."""
    texts = sorted({r["passage"] for r in read_sets(path, SWAP_SETS, "train")})
    pairs = make_pairs(texts, rng, SWAPS_PER_TEXT)
    print(f"swaps: {len(pairs)} pairs, {sum(p.label for p in pairs)} supported", flush=True)
    return [(p.evidence, p.claim, p.label) for p in pairs]


def set_among(pairs: Sequence[Pair], others: Sequence[str], rng: random.Random) -> list[Pair]:
    """The pairs, half of those with short evidence with one to three other sentences around it."""
    made = []
    for evidence, claim, label in pairs:
        if len(evidence.split()) < SHORT and rng.random() < SET_AMONG / 10:
            drawn = rng.sample(others, rng.randint(1, 3))
            before = rng.randint(0, len(drawn))
            evidence = " ".join([*drawn[:before], evidence, *drawn[before:]])
        made.append((evidence, claim, label))
    return made


def sentences_of(path: Path, rng: random.Random, count: int = 3000) -> list[str]:
    """Sentences of the reader's passages, none of them long."""
    texts = sorted({r["passage"] for r in read_sets(path, SWAP_SETS, "train")})
    found = []
    for text in rng.sample(texts, min(count, len(texts))):
        spans = sentence_spans(text)
        sentence = text[slice(*rng.choice(spans))] if spans else ""
        if 4 <= len(sentence.split()) <= 40:
            found.append(sentence)
    return found


def encode(pair: Pair, tokenizer: Any, rng: random.Random) -> dict[str, Any]:
    """One pair as token numbers: the claim first, then what of the evidence is nearest to it."""
    evidence, claim, label = pair
    words = rng.choice((40, 70, 100))
    row = tokenizer(
        claim[:LONGEST_CLAIM],
        focus(evidence, claim, words),
        truncation="longest_first",
        max_length=MAX_TOKENS,
    )
    return {**row, "label": float(label)}


def initial_model(start: Path | None) -> CheckerModel:
    """The bundled encoder with the layers of exported weights: a reader's, or a checker's."""
    from safetensors.torch import load_file

    reader = ReaderModel.from_encoder_folder(bundled_folder())
    model = CheckerModel(reader.encoder, reader.answers.in_features)
    if start:
        state = {n: t.float() for n, t in load_file(start).items()}
        model.load_state_dict(state, strict=False)
    for part in model.encoder.modules():
        # Each pair is seen once, so little is learnt by heart; drawing takes a third of the time.
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return model


def encoded_pairs(
    options: argparse.Namespace, tokenizer: Any, rng: random.Random
) -> list[dict[str, Any]]:
    """The pairs that are trained on."""
    passages = options.data / "qa_span.jsonl.gz"
    pairs = public_pairs(options.data / "entailment_open.jsonl.gz", rng)
    pairs = set_among(pairs, sentences_of(passages, rng), rng)
    pairs += swap_pairs(passages, rng)
    rng.shuffle(pairs)
    return [encode(pair, tokenizer, rng) for pair in pairs[: options.limit]]


if __name__ == "__main__":
    run(__doc__, "checker", 1.5e-4, SEED, encoded_pairs, initial_model, ["label"])
