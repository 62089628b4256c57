"""From the file of the bundled language model, a GGUF file, to a model and a tokenizer in memory.

Only what that one file needs: Llama's architecture, and tensors stored as F32, Q4_1 or Q8_0.
`from_pretrained(gguf_file=...)` makes the same of it, weight for weight, but takes 19 seconds of
processor time, most of them for the 98,000 strings of the vocabulary; this takes one or two.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

_STRING, _ARRAY = 8, 9
_NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_F32, _Q4_1, _Q8_0 = 0, 3, 8
#: numbers in a block, and the bytes that it takes
_BLOCKS = {_F32: (1, 4), _Q4_1: (32, 20), _Q8_0: (32, 34)}
_CONTROL = 3
_WEIGHTS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


@dataclass(frozen=True)
class _Place:
    shape: tuple[int, ...]
    kind: int
    start: int

    @property
    def size(self) -> int:
        numbers, length = _BLOCKS[self.kind]
        return prod(self.shape) // numbers * length


@dataclass(frozen=True)
class GgufFile:
    """An opened GGUF file: its `metadata` by key, and its tensors by name."""

    metadata: dict[str, Any]
    places: dict[str, _Place]
    data: mmap.mmap

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name as float32, unpacked; raises KeyError where there is none."""
        import torch

        place = self.places[name]
        raw = bytearray(self.data[place.start : place.start + place.size])
        blocks = torch.frombuffer(raw, dtype=torch.uint8).reshape(-1, _BLOCKS[place.kind][1])
        unpack = {_F32: _unpack_f32, _Q4_1: _unpack_q4_1, _Q8_0: _unpack_q8_0}[place.kind]
        return unpack(blocks).reshape(place.shape)


def read_gguf(path: Path) -> GgufFile:
    """The file at `path`; nothing of its tensors is read yet.

    The file is trusted: check its hash first. A tensor of another kind raises KeyError.
    """
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    cursor = _Cursor(data, at=len(b"GGUF") + struct.calcsize("<I"))
    tensors, keys = cursor.numbers("QQ")
    metadata = {}
    for _ in range(keys):
        key = cursor.string()
        metadata[key] = cursor.value(*cursor.numbers("I"))
    entries = [cursor.tensor() for _ in range(tensors)]
    step = metadata.get("general.alignment", 32)
    base = -(-cursor.at // step) * step
    places = {name: _Place(shape, kind, base + offset) for name, shape, kind, offset in entries}
    return GgufFile(metadata, places, data)


# --- the model and the tokenizer ------------------------------------------------------------------


def build_model(gguf: GgufFile) -> LlamaForCausalLM:
    """The model of a file of Llama's architecture, ready to run."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    values = {key.removeprefix("llama."): value for key, value in gguf.metadata.items()}
    config = LlamaConfig(
        vocab_size=values["vocab_size"],
        hidden_size=values["embedding_length"],
        intermediate_size=values["feed_forward_length"],
        num_hidden_layers=values["block_count"],
        num_attention_heads=values["attention.head_count"],
        num_key_value_heads=values["attention.head_count_kv"],
        max_position_embeddings=values["context_length"],
        rms_norm_eps=values["attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": values["rope.freq_base"]},
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    # Half the memory and three times the speed of float32, where the processor has the
    # instructions; many times slower where it has not.
    wide = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    dtype = torch.bfloat16 if wide else torch.float32
    weights = {_weight_name(name): _weight(gguf, name, config).to(dtype) for name in gguf.places}
    with _no_progress_bar():
        model: Any = LlamaForCausalLM.from_pretrained(
            None, config=config, state_dict=weights, dtype=dtype
        )
    return model.eval()  # type: ignore[no-any-return]


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    import transformers

    bars: Any = transformers.utils.logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


def _weight_name(name: str) -> str:
    """What transformers call the weight that the file calls `name`."""
    if name.startswith("blk."):
        _, layer, part, kind = name.split(".")
        return f"model.layers.{layer}.{_WEIGHTS[part]}.{kind}"
    return {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
    }[name]


def _weight(gguf: GgufFile, name: str, config: Any) -> Tensor:
    """The weight, with the rows of queries and keys back in transformers' order."""
    weight = gguf.tensor(name)
    if ".attn_q." not in name and ".attn_k." not in name:
        return weight
    queries = ".attn_q." in name
    heads = config.num_attention_heads if queries else config.num_key_value_heads
    # The file has each head's rotary pairs side by side; transformers, in two halves.
    return weight.reshape(heads, -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def build_tokenizer(gguf: GgufFile) -> PreTrainedTokenizerFast:
    """The tokenizer of a file whose vocabulary is byte-level and splits digits."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    metadata = gguf.metadata
    names = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    backend = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, merges))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    kinds = metadata["tokenizer.ggml.token_type"]
    backend.add_special_tokens(
        [
            AddedToken(name, special=True, normalized=False)
            for name, kind in zip(names, kinds, strict=True)
            if kind == _CONTROL
        ]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        chat_template=metadata["tokenizer.chat_template"],
        eos_token=names[metadata["tokenizer.ggml.eos_token_id"]],
    )


# --- the format -----------------------------------------------------------------------------------


@dataclass
class _Cursor:
    """Reads one value after another."""

    data: mmap.mmap
    at: int

    def numbers(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def string(self) -> str:
        (length,) = self.numbers("Q")
        self.at += length
        return self.data[self.at - length : self.at].decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY:
            return self.numbers(_NUMBERS[kind])[0]
        inner, count = self.numbers("IQ")
        if inner in _NUMBERS:
            return list(self.numbers(f"{count}{_NUMBERS[inner]}"))
        return [self.value(inner) for _ in range(count)]

    def tensor(self) -> tuple[str, tuple[int, ...], int, int]:
        name = self.string()
        (dimensions,) = self.numbers("I")
        shape = self.numbers(f"{dimensions}Q")[::-1]  # the file names the fastest-moving one first
        kind, offset = self.numbers("IQ")
        return name, shape, kind, offset


def _unpack_f32(blocks: Tensor) -> Tensor:
    import torch

    return blocks.view(torch.float32)


def _unpack_q4_1(blocks: Tensor) -> Tensor:
    """A scale, a minimum, and 16 bytes: the low halves are numbers 0-15, the high ones 16-31."""
    import torch

    scale, least = _half(blocks[:, :2]), _half(blocks[:, 2:4])
    steps = torch.cat([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], dim=1)
    return steps * scale + least


def _unpack_q8_0(blocks: Tensor) -> Tensor:
    """A scale and 32 signed bytes."""
    import torch

    return blocks[:, 2:].contiguous().view(torch.int8) * _half(blocks[:, :2])


def _half(pairs: Tensor) -> Tensor:
    import torch

    return pairs.contiguous().view(torch.float16).float()
