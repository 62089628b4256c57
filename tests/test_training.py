import hashlib
from argparse import Namespace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

import rag
from eval.entailment import Entailment
from eval.judges import load_judge
from eval.train_checker import collate, initial_model
from eval.training import export, train
from rag.tuned import read_tuned, shipped_weights

READER = Path(rag.__file__).parent / "reader.safetensors"
PAIRS = [
    ("Nine people died when the ferry sank.", "Nine died.", 1.0),
    ("Nine people died when the ferry sank.", "Six died.", 0.0),
]


def test_what_is_trained_over_frozen_layers_is_exported_and_judges_over_the_readers(tmp_path):
    model = initial_model(READER)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    tokenizer = read_tuned(READER).tokenizer
    tokenizer.no_padding()
    rows = [tokenizer.encode(claim, evidence) for evidence, claim, _ in PAIRS]
    encoded = [
        {
            "input_ids": row.ids,
            "token_type_ids": row.type_ids,
            "attention_mask": [1] * len(row.ids),
            "label": label,
        }
        for row, (_, _, label) in zip(rows, PAIRS, strict=True)
    ]
    options = Namespace(out=tmp_path, epochs=3.0, rate=0.01, frozen=5, export=tmp_path / "final")
    train(model, encoded, collate(0), options, ["label"], seed=1)
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert moved and all(n.startswith(("encoder.encoder.layer.5.", "support.")) for n in moved)

    export(options, "judge")
    weights = tmp_path / "judge.safetensors"
    kept = load_file(weights)
    assert moved <= set(kept) and "encoder.encoder.layer.4.output.dense.weight" not in kept
    assert (tmp_path / "judge.sha256").read_text().strip() == hashlib.sha256(
        weights.read_bytes()
    ).hexdigest()

    pairs = [(evidence, claim) for evidence, claim, _ in PAIRS]
    model.load_state_dict({n: t.float() for n, t in kept.items()}, strict=False)
    model.eval()
    with torch.inference_mode():
        told = model(**{k: v for k, v in collate(0)(encoded).items() if k != "label"})["logits"]
    read = Entailment(read_tuned(shipped_weights("reader"), weights)).logits(pairs)
    np.testing.assert_allclose(read, told.numpy(), atol=0.1)
    judged = load_judge(f"trained:{weights}").judge(pairs)
    assert judged == [bool(logit >= 0) for logit in read]
