"""Networks that are fine-tuned from the bundled encoder and ship beside this file.

Each is `NAME.safetensors` (its own layers and heads; the embeddings stay the encoder's) with its
sha256 in `NAME.sha256`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index.encoder import bundled_folder
from index.errors import SettingError
from index.network import FLOAT, Array, Network

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

#: Attention heads of a layer.
HEADS = 12


class Tuned:
    """A network that reads two texts at once, with linear heads; safe to share between threads."""

    def __init__(self, network: Network, heads: Mapping[str, Array], tokenizer: Tokenizer) -> None:
        """`heads`: NAME.weight `(outputs, hidden)` and NAME.bias `(outputs,)` of each head."""
        self._network = network
        self._heads = heads
        self.tokenizer = tokenizer

    def hidden(self, pairs: Sequence[Encoding]) -> list[Array]:
        """The last layer of each encoded pair, `(tokens, hidden)`."""
        return self._network.hidden([p.ids for p in pairs], [p.type_ids for p in pairs])

    def head(self, hidden: Array, name: str) -> Array:
        """The logits of one head, `(..., outputs)`."""
        logits: Array = hidden @ self._heads[f"{name}.weight"].T + self._heads[f"{name}.bias"]
        return logits


def shipped_weights(name: str, package: str = "rag") -> Path:
    """The file `NAME.safetensors` of one of our packages.

    Raises SettingError when it is missing or not the one whose sha256 is recorded.
    """
    weights = Path(str(resources.files(package).joinpath(f"{name}.safetensors")))
    recorded = resources.files(package).joinpath(f"{name}.sha256").read_text("ascii").strip()
    if not weights.is_file() or hashlib.sha256(weights.read_bytes()).hexdigest() != recorded:
        raise SettingError(f"{weights} is missing or damaged; reinstall wirecheck")
    return weights


def read_tuned(*weights: Path) -> Tuned:
    """The network whose layers and heads safetensors files hold, each over those before it."""
    from tokenizers import Tokenizer

    folder = bundled_folder()
    tensors = {name: array for path in weights for name, array in _arrays(path).items()}
    layers = {n.removeprefix("encoder."): t for n, t in tensors.items() if n.startswith("encoder.")}
    heads = {n: t for n, t in tensors.items() if not n.startswith("encoder.")}
    network = Network(folder / "model.safetensors", HEADS, FLOAT, layers)
    return Tuned(network, heads, Tokenizer.from_file(str(folder / "tokenizer.json")))


def _arrays(path: Path) -> dict[str, Array]:
    """A file's arrays; numpy has no bfloat16, which is the upper half of a float32."""
    from safetensors import deserialize

    found: dict[str, Array] = {}
    for name, row in deserialize(path.read_bytes()):  # type: ignore[no-untyped-call]
        if row["dtype"] == "BF16":
            halves = np.frombuffer(row["data"], "<u2").astype(np.uint32)
            array = (halves << 16).view(np.float32)
        else:
            array = np.frombuffer(row["data"], "<f4")
        found[name] = array.reshape(row["shape"])
    return found
