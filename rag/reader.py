"""The reader: one small model that marks a question's answer in a passage, or says there is none.

It is the bundled encoder (all-MiniLM-L6-v2, 6 layers, hidden size 384) with its transformer layers
fine-tuned and two linear heads. It scores every token as a start and as an end of the answer, with
the first token ([CLS]) standing for "no answer here" (Devlin et al. 2019, section 4.3), and, from
that same token, whether the passage answers at all.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from index.encoder import best_dtype, bundled_folder
from index.errors import SettingError


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


#: Tokens of one window, question included, as in training; and how many two windows share.
WINDOW, STRIDE = 192, 64
#: An answer's longest length in tokens.
LONGEST = 24
BATCH_TOKENS = 8192


@dataclass(frozen=True)
class Reading:
    """What the reader saw in one passage.

    `answers` is 0..1, how surely the passage answers at all. `starts` and `ends` are the margins
    of each token's logit over "no answer" (higher is likelier, 0 is even), `offsets` the tokens'
    places in the passage as an `(n, 2)` array.
    """

    answers: float
    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray

    def best_span(self, start: int = 0, end: int | None = None) -> tuple[float, int, int] | None:
        """The likeliest answer within characters `[start, end)`: (margin, start, end), or None.

        The margin is the sum of both ends' logits over "no answer"'s; above 0 it is the likelier.
        """
        stop = end if end is not None else int(self.offsets[-1, 1]) if len(self.offsets) else 0
        inside = np.flatnonzero((self.offsets[:, 0] >= start) & (self.offsets[:, 1] <= stop))
        if not len(inside):
            return None
        sums = self.starts[inside][:, None] + self.ends[inside][None, :]
        allowed = np.triu(np.tril(np.ones_like(sums), LONGEST - 1)).astype(bool)
        first, last = np.unravel_index(np.argmax(np.where(allowed, sums, -np.inf)), sums.shape)
        return (
            float(sums[first, last]),
            int(self.offsets[inside[first], 0]),
            int(self.offsets[inside[last], 1]),
        )

    def margin(self, start: int, end: int) -> float:
        """How likely exactly the span `[start, end)` is the answer, as `best_span`'s margin."""
        inside = np.flatnonzero((self.offsets[:, 0] < end) & (self.offsets[:, 1] > start))
        if not len(inside):
            return float("-inf")
        return float(self.starts[inside[0]] + self.ends[inside[-1]])


class Reader:
    """Reads passages for a question with a trained `ReaderModel`; safe to share between threads."""

    def __init__(self, model: ReaderModel, tokenizer: Any) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """One reading for each passage, of whatever length, in their order."""
        if not passages:
            return []
        windows = self.tokenizer(
            [question[:300]] * len(passages),
            list(passages),
            truncation="only_second",
            max_length=WINDOW,
            stride=STRIDE,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        parts: list[list[Reading]] = [[] for _ in passages]
        for rows in self._batches(windows):
            for row, reading in zip(rows, self._read_windows(windows, rows), strict=True):
                parts[windows["overflow_to_sample_mapping"][row]].append(reading)
        return [_merge(part) for part in parts]

    def _batches(self, windows: Any) -> list[list[int]]:
        """Window numbers, shortest first, in batches of at most `BATCH_TOKENS` padded tokens."""
        order = sorted(range(len(windows["input_ids"])), key=lambda i: len(windows["input_ids"][i]))
        batches: list[list[int]] = [[]]
        for i in order:
            if (len(batches[-1]) + 1) * len(windows["input_ids"][i]) > BATCH_TOKENS:
                batches.append([])
            batches[-1].append(i)
        return [b for b in batches if b]

    def _read_windows(self, windows: Any, rows: list[int]) -> list[Reading]:
        longest = max(len(windows["input_ids"][i]) for i in rows)

        def padded(name: str) -> Tensor:
            return torch.tensor(
                [windows[name][i] + [0] * (longest - len(windows[name][i])) for i in rows]
            )

        kinds, mask = padded("token_type_ids"), padded("attention_mask")
        with torch.inference_mode():
            out = self.model(padded("input_ids"), mask, kinds)
        starts, ends = out["start_logits"].numpy(), out["end_logits"].numpy()
        answers = torch.sigmoid(out["answers"]).numpy()
        readings = []
        for n, i in enumerate(rows):
            offsets = np.array(windows["offset_mapping"][i])
            body = np.flatnonzero(
                (kinds[n].numpy()[: len(offsets)] == 1) & (offsets[:, 1] > offsets[:, 0])
            )
            readings.append(
                Reading(
                    float(answers[n]),
                    starts[n][body] - starts[n][0],
                    ends[n][body] - ends[n][0],
                    offsets[body],
                )
            )
        return readings


def _merge(windows: list[Reading]) -> Reading:
    """One reading of a passage from those of its windows; where two overlap, the surer counts."""
    if len(windows) == 1:
        return windows[0]
    by_token: dict[tuple[int, int], tuple[float, float]] = {}
    for reading in windows:
        rows = zip(reading.offsets, reading.starts, reading.ends, strict=True)
        for (s, e), start, end in rows:
            old = by_token.get((int(s), int(e)), (-math.inf, -math.inf))
            by_token[int(s), int(e)] = (max(old[0], float(start)), max(old[1], float(end)))
    offsets = sorted(by_token)
    return Reading(
        max(r.answers for r in windows),
        np.array([by_token[o][0] for o in offsets]),
        np.array([by_token[o][1] for o in offsets]),
        np.array(offsets),
    )


@lru_cache(maxsize=1)
def load_reader() -> Reader:
    """The reader that ships: the bundled encoder's embeddings under `rag/reader.safetensors`.

    Raises SettingError when the weights are missing or not the ones whose sha256 is recorded.
    """
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    folder = bundled_folder()
    weights = Path(str(resources.files("rag").joinpath("reader.safetensors")))
    recorded = resources.files("rag").joinpath("reader.sha256").read_text("ascii").strip()
    if not weights.is_file() or hashlib.sha256(weights.read_bytes()).hexdigest() != recorded:
        raise SettingError(f"{weights} is missing or damaged; reinstall wirecheck")
    model = ReaderModel.from_encoder_folder(folder)
    lacking, unknown = model.load_state_dict(load_file(weights), strict=False)
    if unknown or any(not name.startswith("encoder.embeddings.") for name in lacking):
        raise SettingError(f"{weights} does not fit the reader; reinstall wirecheck")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return Reader(model.to(best_dtype()), tokenizer)
