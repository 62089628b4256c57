"""Train a LoRA adapter for what the language model in the box is asked in `rag/read.py`.

    python -m eval.train.model --data BENCH --model FILE.gguf --out FOLDER --device cuda
        [--examples FILE] [--leave-out SET] [--limit N] [--minutes 12]

An example is one report, one question, the words copied of it, and Yes or No. It becomes the same
two conversations that `rag/read.py` holds: copy (learnt where the answer is Yes: what is nearest to
no answer isn't worth learning), then say whether that answers. Only the system turn and the last
user turn stand before it: the worked turns of `prompts/read.txt` are about twelve times the tokens,
and they show what the adapter is to learn anyway. So whoever applies an adapter asks without them.

`eval/train/examples.py` makes the examples of BENCH's qa_span.jsonl.gz. With `--leave-out SET` all
of SET is measured on, else the `dev` split.
Measured, before and after: AUROC of the probability of Yes, its accuracy at 0.5, and F1 of the
words copied. With `--examples FILE` examples are made once: run it with `--prepare` where there is
time, and again with the same options where there is a graphics card. The same options give the same
adapter on one machine, unless time ran out at another step.

All of this was run on a handful of examples only, on a processor, with a tiny random model; the
model in the box was not trained with it, nor was a graphics card tried. No adapter ships. One would
be applied with OpenVINO GenAI, in `rag/model_process.py`:

    config = openvino_genai.AdapterConfig(openvino_genai.Adapter("FOLDER/adapter.safetensors"))
    openvino_genai.LLMPipeline(folder, "CPU", adapters=config)

It finds a layer by its name ("model.layers.0.self_attn.q_proj"), which a model exported from
transformers has. In what OpenVINO makes of a GGUF file the layers are called "MatMul_46" and the
like, so there an adapter can't find its layers: they must be named when the file is converted, or
the adapter merged into the weights before. Alpha is the rank, so what is added counts once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eval.files import data_parser
from eval.train.common import best_dtype
from eval.train.conversations import Encoded, Wording, batches, padded
from eval.train.examples import (
    MEASURED_ONLY,
    TRAINED_ON,
    Example,
    Maker,
    examples_of,
    kept_examples,
)
from eval.train.measure_model import last_logits, measure
from index import load_encoder
from rag.model_room import sha256_of
from rag.prompts import load_prompt
from rag.reader import load_reader

SEED = 20261129
#: Layers that are adapted, and the size of the file that holds what is added, at most.
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
MOST_BYTES = 25_000_000
#: Steps until the learning rate is at its highest, or a tenth of all if that is less.
WARM_UP = 20


# --- the model ---------------------------------------------------------------------------------


def load_base(name: str, device: str) -> tuple[Any, Any, str]:
    """A model and tokenizer of a GGUF file, a folder or a hub's name, and the sum of its weights.

    On a graphics card in bfloat16. The sum of several files is that of their sums; "" of a name.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = torch.bfloat16 if device == "cuda" else best_dtype()
    path = Path(name)
    found: dict[str, Any] = {"gguf_file": path.name} if path.is_file() else {}
    place = str(path.parent) if path.is_file() else name
    tokenizer = AutoTokenizer.from_pretrained(place, **found)
    model: Any = AutoModelForCausalLM.from_pretrained(place, dtype=dtype, **found)
    return model.to(device), tokenizer, sum_of(path)


def sum_of(path: Path) -> str:
    """The SHA-256 of a file, in hex; of a folder, that of its weights' sums; "" if nothing is."""
    if path.is_file():
        return sha256_of(path)
    sums = [sha256_of(p) for p in sorted(path.glob("*.safetensors"))]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def adapt(model: Any, rank: int) -> Any:
    """The model with a LoRA adapter (Hu et al. 2021) of that rank, the only part that is trained.

    Raises SystemExit where what is added would take more than `MOST_BYTES` in bfloat16.
    """
    import peft

    torch.manual_seed(SEED)
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=rank,
        lora_dropout=0.0,
        target_modules=list(LAYERS),
        task_type="CAUSAL_LM",
    )
    adapted = peft.get_peft_model(model, config)
    size = 2 * sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    if size > MOST_BYTES:
        raise SystemExit(f"rank {rank} makes {size:,} bytes, more than {MOST_BYTES:,}: take less")
    return adapted


def loss_of(model: Any, batch: Sequence[Encoded], pad: int, device: str) -> Tensor:
    """Mean over conversations of the mean negative log-probability of what is learnt: scalar.

    A verdict of one token counts as much as all the words of an answer.
    """
    ids, mask = padded([e.ids for e in batch], pad)
    learnt = torch.zeros_like(mask, dtype=torch.bool)
    weights: list[float] = []
    wanted: list[int] = []
    for n, row in enumerate(batch):
        end = len(row.ids)
        learnt[n, end - row.learnt - 1 : end - 1] = True
        wanted += row.ids[end - row.learnt :]
        weights += [1 / (row.learnt * len(batch))] * row.learnt
    logits = last_logits(model, ids.to(device), mask.to(device), learnt.to(device))
    losses = torch.nn.functional.cross_entropy(
        logits, torch.tensor(wanted, device=device), reduction="none"
    )
    return (losses * torch.tensor(weights, device=device)).sum()


def train_adapter(
    model: Any,
    encoded: Sequence[Encoded],
    pad: int,
    *,
    rate: float,
    size: int,
    epochs: int,
    until: float,
    device: str = "cpu",
) -> list[float]:
    """Train what isn't frozen; the loss of each step. Stops when `time.monotonic()` is `until`.

    The learning rate rises to `rate` and then falls in a line to nought at the last step planned,
    whatever the time: so the same options give the same weights at every step.
    """
    rng = random.Random(SEED)
    planned = [batch for _ in range(epochs) for batch in batches(encoded, size, rng)]
    kept = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(kept, lr=rate, weight_decay=0.0)
    losses: list[float] = []
    warm_up = max(1, min(WARM_UP, len(planned) // 10))
    model.train()
    for step, batch in enumerate(planned):
        if time.monotonic() >= until:
            print(f"stopped by time after {step} of {len(planned)} steps", flush=True)
            break
        left = (len(planned) - step) / len(planned)
        for group in optimizer.param_groups:
            group["lr"] = rate * min((step + 1) / warm_up, left)
        loss = loss_of(model, batch, pad, device)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(kept, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        if step % 50 == 49 or step + 1 == len(planned):
            recent = losses[-50:]
            print(
                f"step {step + 1}/{len(planned)}: loss {sum(recent) / len(recent):.4f}", flush=True
            )
    return losses


def save_adapter(model: Any, folder: Path, told: dict[str, Any]) -> Path:
    """Write `adapter.safetensors` in bfloat16, and `adapter.json`: what is told, and its sum."""
    import peft
    from safetensors.torch import save_file

    state = {
        name: tensor.detach().to("cpu", torch.bfloat16).contiguous()
        for name, tensor in sorted(peft.get_peft_model_state_dict(model).items())
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "adapter.safetensors"
    save_file(state, path)
    told = {**told, "bytes": path.stat().st_size, "sha256": sum_of(path)}
    path.with_suffix(".json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return path


# --- the program -------------------------------------------------------------------------------


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options given."""
    parser = data_parser(__doc__)
    add = parser.add_argument
    add("--model", help="a GGUF file, a folder or a name of a transformers model")
    add("--out", type=Path, required=True, help="folder for the adapter")
    add("--examples", type=Path, help="keep the examples in this file, or take them from it")
    add("--prepare", action="store_true", help="make the examples and end")
    add("--leave-out", choices=[*TRAINED_ON, *MEASURED_ONLY], help="measure on it, don't train")
    add("--limit", type=int, help="train on so many examples only")
    add("--minutes", type=float, default=12.0, help="all of it takes about so long at most")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--rank", type=int, default=8)
    add("--rate", type=float, default=2e-4, help="the highest learning rate")
    add("--batch", type=int, default=32, help="conversations of one step")
    add("--epochs", type=int, default=1)
    given = parser.parse_args(arguments)
    if not (given.examples if given.prepare else given.model):
        parser.error("--model is needed, or else --prepare with --examples")
    return given


def run(given: argparse.Namespace, until: float) -> None:
    """Make the examples, train, measure before and after, write; `until` as `train_adapter`."""
    rng, settings = random.Random(SEED), {"leave_out": given.leave_out, "limit": given.limit}

    def make() -> list[list[Example]]:
        maker = Maker(load_encoder(), load_reader(), rng)
        return examples_of(given.data, given.leave_out, given.limit, maker)

    trained, measured = kept_examples(given.examples, settings, make)
    kinds = Counter((e.source, e.kind) for e in trained)
    for (source, kind), count in sorted(kinds.items()):
        print(f"{source:28} {kind:14} {count}")
    print(f"{len(trained)} examples to train on, {len(measured)} to measure on", flush=True)
    if given.prepare:
        return
    base, tokenizer, base_sum = load_base(given.model, given.device)
    wording, began = Wording(tokenizer), time.monotonic()
    before = measure(base, wording, measured, given.batch, given.device)
    print("before:", json.dumps(before), flush=True)
    # As much again is needed at the end, and a little for writing.
    until -= 1.3 * (time.monotonic() - began)
    model = adapt(base, given.rank)
    losses = train_adapter(
        model,
        [row for example in trained for row in wording.encode(example)],
        tokenizer.pad_token_id or 0,
        rate=given.rate,
        size=given.batch,
        epochs=given.epochs,
        until=until,
        device=given.device,
    )
    after = measure(model, wording, measured, given.batch, given.device)
    print("after:", json.dumps(after), flush=True)
    told = {
        "base": Path(given.model).name,
        "base_sha256": base_sum,
        "prompts": {name: load_prompt(name).sha256 for name in ("read", "confirm")},
        "data": {f"{source}, {kind}": count for (source, kind), count in sorted(kinds.items())},
        **{name: getattr(given, name) for name in ("leave_out", "rank", "rate", "batch")},
        "steps": len(losses),
        "last_losses": [round(x, 4) for x in losses[-5:]],
        "before": before,
        "after": after,
    }
    path = save_adapter(model, given.out, told)
    print(f"{path}: {path.stat().st_size:,} bytes, sha256 {sum_of(path)}")


def main() -> None:
    """Train as the command line says."""
    began, given = time.monotonic(), options_of()
    # Without this setting the card's library adds numbers up in another order each time.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    run(given, began + 60 * given.minutes)


if __name__ == "__main__":
    main()
