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
from eval.wording import f1
from rag.read import MAX_TOKENS


def last_logits(model: Any, ids: Tensor, mask: Tensor, learnt: Tensor) -> Tensor:
    """`(learnt.sum(), vocabulary)` float logits where `learnt` `(rows, longest)` is set.

    Each place's logits are of the token after it. The vocabulary is large: elsewhere none are made.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = base.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    logits: Tensor = base.lm_head(hidden[learnt]).float()
    return logits


def sureness(model: Any, wording: Wording, examples: Sequence[Example], device: str) -> list[float]:
    """0..1 for each: how likely Yes is, of Yes and No."""
    rows = [wording.judging(e) for e in examples]
    ids, mask = padded(rows, 0)
    last = torch.zeros_like(mask, dtype=torch.bool)
    last[torch.arange(len(rows)), mask.sum(dim=1) - 1] = True
    logits = last_logits(model, ids.to(device), mask.to(device), last.to(device))
    shares: list[float] = torch.softmax(logits[:, [wording.yes, wording.no]], dim=1)[:, 0].tolist()
    return shares


def copied_words(
    model: Any, wording: Wording, examples: Sequence[Example], device: str
) -> list[str]:
    """What the model copies for each, greedily, up to the closing quotation mark."""
    pad = wording.tokenizer.pad_token_id or 0
    ids, mask = padded([wording.copying(e) for e in examples], pad, "left")
    written = model.generate(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        max_new_tokens=MAX_TOKENS,
        do_sample=False,
        repetition_penalty=1.0,
        pad_token_id=pad,
    )
    texts = wording.tokenizer.batch_decode(written[:, ids.shape[1] :], skip_special_tokens=True)
    return [re.split(r'["\n]', text)[0].strip() for text in texts]


def measure(
    model: Any, wording: Wording, examples: Sequence[Example], size: int, device: str
) -> dict[str, float]:
    """AUROC of Yes over all and by kind of No, accuracy at 0.5, F1 of the words copied."""
    model.eval()
    answered = [e for e in examples if e.answers]
    sure: list[float] = []
    said: list[str] = []
    with torch.inference_mode():
        for start in range(0, len(examples), size):
            sure += sureness(model, wording, examples[start : start + size], device)
        for start in range(0, len(answered), size):
            said += copied_words(model, wording, answered[start : start + size], device)
    right, shares = np.array([e.right for e in examples]), np.array(sure)
    figures: dict[str, float] = {"n": len(examples), "AUROC, all": auroc(right, shares)}
    for kind in sorted({e.kind for e in examples if not e.right}):
        among = right | np.array([e.kind == kind for e in examples])
        figures[f"AUROC, {kind}"] = auroc(right[among], shares[among])
    figures["accuracy at 0.5"] = float(np.mean((shares > 0.5) == right))
    best = [max(f1(text, a) for a in e.answers) for text, e in zip(said, answered, strict=True)]
    figures["F1 of the words"] = float(np.mean(best))
    return {name: round(value, 4) for name, value in figures.items()}
