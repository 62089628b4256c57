"""How well a model copies answers and tells right ones from wrong ones, over examples."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eval.bootstrap import auroc
from eval.train.conversations import Wording, padded
from eval.train.examples import Example
from eval.train.measure_reader import f1
from rag.read import MAX_TOKENS


def last_logits(model: Any, ids: Tensor, mask: Tensor, learnt: Tensor) -> Tensor:
    """`(learnt.sum(), vocabulary)` float logits where `learnt` `(rows, longest)` is set.

    Each place's logits are of the token after it. The vocabulary is large: elsewhere none are made.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = base.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    logits: Tensor = base.lm_head(hidden[learnt]).float()
    return logits


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
            labels = np.array([1] * len(yes) + [0] * len(no))
            figures[f"AUROC, {kind}"] = auroc(labels, np.array(yes + no))
    if examples:
        hits = [(s > 0.5) == e.right for s, e in zip(sure, examples, strict=True)]
        figures["accuracy at 0.5"] = sum(hits) / len(hits)
    if answered:
        best = (max(f1(text, a) for a in e.answers) for text, e in zip(said, answered, strict=True))
        figures["F1 of the words"] = sum(best) / len(answered)
    return {name: round(value, 4) for name, value in figures.items()}
