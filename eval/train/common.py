"""How our small networks are trained: options, the loop, and what is written."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from index.encoder import best_dtype


def training_parser(description: str, rate: float) -> argparse.ArgumentParser:
    """The options of a training script; `rate` is the highest learning rate if none is given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--limit", type=int, help="train on so many examples only")
    parser.add_argument("--rate", type=float, default=rate, help="the highest learning rate")
    parser.add_argument("--start", type=Path, help="go on from these exported weights")
    parser.add_argument(
        "--frozen",
        type=int,
        default=0,
        metavar="N",
        help="leave the first N layers as --start has them; they are not exported either",
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="CHECKPOINT",
        help="don't train: write this checkpoint's weights into --out",
    )
    return parser


def train(
    model: nn.Module,
    encoded: Sequence[dict[str, Any]],
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
