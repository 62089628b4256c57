"""How our small networks are trained: options, the loop, and what is written."""

from __future__ import annotations

import argparse
import hashlib
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from index.encoder import bundled_folder

Encoded = Sequence[dict[str, Any]]


def best_dtype() -> torch.dtype:
    """Choose bfloat16 where the processor multiplies it natively, else float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text("ascii", "replace")
    except OSError:
        flags = ""
    native = "avx512_bf16" in flags or "amx_bf16" in flags
    return torch.bfloat16 if native else torch.float32


def run(
    doc: str | None,
    name: str,
    rate: float,
    seed: int,
    encoded_of: Callable[[argparse.Namespace, Any, random.Random], Encoded],
    model_of: Callable[[Path | None], nn.Module],
    labels: Sequence[str],
) -> None:
    """A training script: its options, and then training, or writing `NAME.safetensors`.

    `rate` is the highest learning rate if none is given. `encoded_of` gives the rows of token
    numbers and `labels`, of the options, a tokenizer and the seeded chance; `model_of` the model
    that goes on from exported weights, if they are given.
    """
    options = _parser(doc, rate).parse_args()
    if options.export:
        export(options, name)
        return

    from transformers import AutoTokenizer

    torch.manual_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(bundled_folder(), local_files_only=True)
    tokenizer.model_max_length = 100_000
    encoded = encoded_of(options, tokenizer, random.Random(seed))
    print(f"{len(encoded)} rows, {sum(len(r['input_ids']) for r in encoded)} tokens", flush=True)
    batch = partial(tokenizer.pad, return_tensors="pt")
    train(model_of(options.start), encoded, batch, options, labels, seed)


def _parser(doc: str | None, rate: float) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path)
    add("--out", type=Path, required=True)
    add("--epochs", type=float, default=1.0)
    add("--limit", type=int, help="train on so many examples only")
    add("--rate", type=float, default=rate, help="the highest learning rate")
    add("--start", type=Path, help="go on from these exported weights")
    add(
        "--frozen",
        type=int,
        default=0,
        metavar="N",
        help="leave the first N layers as --start has them; they are not exported either",
    )
    add(
        "--export",
        type=Path,
        metavar="CHECKPOINT",
        help="don't train: write this checkpoint's weights into --out",
    )
    return parser


def train(
    model: nn.Module,
    encoded: Encoded,
    collate: Any,
    options: argparse.Namespace,
    labels: Sequence[str],
    seed: int,
) -> None:
    """Train all that isn't frozen, from the last checkpoint in `options.out` if there is one."""
    from transformers import Trainer, TrainingArguments

    freeze(model, options.frozen)
    arguments = TrainingArguments(
        output_dir=str(options.out),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=32,
        learning_rate=options.rate,
        warmup_steps=100,
        weight_decay=0.01,
        lr_scheduler_type="linear",
        # Where the processor only imitates bfloat16, it takes several times as long.
        bf16=best_dtype() is torch.bfloat16,
        use_cpu=True,
        seed=seed,
        logging_steps=50,
        save_steps=200,
        save_total_limit=2,
        report_to=[],
        remove_unused_columns=False,
        train_sampling_strategy="group_by_length",
        dataloader_num_workers=0,
        label_names=list(labels),
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=encoded, data_collator=collate)
    trainer.train(resume_from_checkpoint=any(options.out.glob("checkpoint-*")))
    trainer.save_model(str(options.out / "final"))


def freeze(model: nn.Module, layers: int) -> None:
    """Leave the embeddings and the first `layers` layers as they are."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not name.startswith(_frozen(layers))


def _frozen(layers: int) -> tuple[str, ...]:
    """How the names of parameters begin that stay as they are: the embeddings always do."""
    return ("encoder.embeddings.", *(f"encoder.encoder.layer.{n}." for n in range(layers)))


def export(options: argparse.Namespace, name: str) -> None:
    """Write what training changed, as `NAME.safetensors` in bfloat16, with its sha256 beside it.

    What stayed frozen is the bundled encoder's own, or that of `--start`, and is left out.
    """
    from safetensors.torch import load_file, save_file

    kept = {
        key: tensor.to(torch.bfloat16).contiguous()
        for key, tensor in load_file(options.export / "model.safetensors").items()
        if not key.startswith(_frozen(options.frozen))
    }
    path = options.out / f"{name}.safetensors"
    save_file(kept, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (options.out / f"{name}.sha256").write_text(digest + "\n", encoding="ascii")
    print(f"{path}: {path.stat().st_size:,} bytes, sha256 {digest}")
