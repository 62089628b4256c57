"""A language model of a few thousand random weights, as a GGUF file that takes no time to convert."""

from pathlib import Path

import gguf
import numpy as np
from transformers.convert_slow_tokenizer import bytes_to_unicode

WIDTH, HEADS, INNER = 64, 2, 128
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_tiny(path: Path) -> Path:
    """Write a one-layer Qwen2 whose tokens are bytes, in 8 bits; gives `path`.

    It writes on until it is cut off: the token that ends a turn has no weight.
    """
    tokens = [*bytes_to_unicode().values(), "Ġt", *SPECIAL]
    kinds = [gguf.TokenType.NORMAL] * 257 + [gguf.TokenType.CONTROL] * len(SPECIAL)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_context_length(8192)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(["Ġ t"])
    writer.add_eos_token_id(len(tokens) - 1)
    writer.add_bos_token_id(len(tokens) - 3)
    writer.add_pad_token_id(len(tokens) - 3)
    writer.add_chat_template(TEMPLATE)
    random = np.random.default_rng(5)

    def layer(name: str, rows: int, columns: int) -> None:
        weights = random.normal(0, 0.5, (rows, columns)).astype(np.float32)
        if name == "token_embd.weight":
            weights[-len(SPECIAL) :] = 0
        packed = gguf.quantize(weights, gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    layer("token_embd.weight", len(tokens), WIDTH)
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        layer(f"blk.0.{part}.weight", WIDTH, WIDTH)
    for part in ("attn_q", "attn_k", "attn_v"):
        writer.add_tensor(f"blk.0.{part}.bias", np.zeros(WIDTH, np.float32))
    layer("blk.0.ffn_gate.weight", INNER, WIDTH)
    layer("blk.0.ffn_up.weight", INNER, WIDTH)
    layer("blk.0.ffn_down.weight", WIDTH, INNER)
    for norm in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{norm}.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
