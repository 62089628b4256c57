"""What `rag/read.py` asks a model, as tokens to be learnt."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from eval.train.examples import Example
from rag.model_process import defused
from rag.prompts import load_prompt
from rag.read import MAX_TOKENS, OPENING


@dataclass(frozen=True)
class Encoded:
    """Token numbers, the last `learnt` of which are learnt."""

    ids: tuple[int, ...]
    learnt: int


class Wording:
    """A model's own words for the conversations of `rag/read.py`, without the worked turns."""

    def __init__(self, tokenizer: Any) -> None:
        """`tokenizer` must tell Yes from No by their first tokens."""
        self.tokenizer = tokenizer
        self.yes, self.no = (self._ids(w)[0] for w in ("Yes", "No"))

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
        if example.right:
            copied = self._ids(f'{example.copied}"')
            # The closing mark is one of them; what is longer would be cut off, so isn't learnt.
            if len(copied) <= MAX_TOKENS:
                made.append(Encoded((*self.copying(example), *copied), len(copied)))
        return made

    def _asked(self, example: Example) -> list[dict[str, str]]:
        turns = load_prompt("read").messages(report=example.report, question=example.question)
        return [turns[0], turns[-1]]

    def _prompt(self, messages: list[dict[str, str]]) -> str:
        safe = [{**m, "content": defused(m["content"])} for m in messages]
        return str(
            self.tokenizer.apply_chat_template(safe, tokenize=False, add_generation_prompt=True)
        )

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def padded(rows: Sequence[Sequence[int]], pad: int, side: str = "right") -> tuple[Tensor, Tensor]:
    """Token numbers and what of them counts (1) or pads (0), both `(rows, longest)`."""
    tokens = [torch.tensor(row) for row in rows]
    ids = pad_sequence(tokens, batch_first=True, padding_value=pad, padding_side=side)
    counted = [torch.ones_like(row) for row in tokens]
    return ids, pad_sequence(counted, batch_first=True, padding_side=side)


def batches(encoded: Sequence[Encoded], size: int, rng: random.Random) -> list[list[Encoded]]:
    """All of them once, in an order drawn by `rng`; what is about as long comes together."""
    mixed = rng.sample(encoded, len(encoded))
    made = []
    for start in range(0, len(mixed), 50 * size):
        some = sorted(mixed[start : start + 50 * size], key=lambda e: len(e.ids))
        made += [some[n : n + size] for n in range(0, len(some), size)]
    rng.shuffle(made)
    return made
