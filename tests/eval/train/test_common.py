import hashlib
from argparse import Namespace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import rag
from eval.judges import Entailment, load_judge
from eval.train.checker import initial_model
from eval.train.common import export, freeze
from rag.tuned import read_tuned, shipped_weights

READER = Path(rag.__file__).parent / "reader.safetensors"
EVIDENCE = "Nine people died when the ferry sank."
CLAIMS = ("Nine died.", "Six died.")


def test_what_is_trained_over_frozen_layers_is_exported_and_judges_over_the_readers(tmp_path):
    model = initial_model(READER)
    freeze(model, 5)
    torch.manual_seed(1)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert all(n.startswith(("encoder.encoder.layer.5.", "support.")) for n in trained)
    with torch.no_grad():
        for parameter in trained.values():
            parameter.add_(0.02 * torch.randn_like(parameter))
    (tmp_path / "done").mkdir()
    save_file(model.state_dict(), tmp_path / "done" / "model.safetensors")

    export(Namespace(out=tmp_path, frozen=5, export=tmp_path / "done"), "judge")
    weights = tmp_path / "judge.safetensors"
    kept = load_file(weights)
    assert set(kept) == set(trained)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert (tmp_path / "judge.sha256").read_text().strip() == digest

    model.load_state_dict({n: t.float() for n, t in kept.items()}, strict=False)
    model.eval()
    tuned = read_tuned(shipped_weights("reader"), weights)
    read = Entailment(tuned).support([(EVIDENCE, claim) for claim in CLAIMS])
    told = []
    for claim in CLAIMS:
        row = tuned.tokenizer.encode(claim, EVIDENCE)
        given = [torch.tensor([part]) for part in (row.ids, row.attention_mask, row.type_ids)]
        with torch.inference_mode():
            told.append(float(torch.sigmoid(model(*given)["logits"])))
    np.testing.assert_allclose(read, told, atol=0.02)
    judged = load_judge(f"trained:{weights}").judge([(EVIDENCE, claim) for claim in CLAIMS])
    assert judged == [share >= 0.5 for share in read]
