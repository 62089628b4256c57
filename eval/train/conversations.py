"""What `rag/read.py` asks a model, as tokens to be learnt."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from eval.train.examples import Example
from rag.prompts import load_prompt
from rag.read import MAX_TOKENS, OPENING


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
