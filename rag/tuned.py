"""Networks that are fine-tuned from the bundled encoder and ship beside this file.

Each is `NAME.safetensors` (its own layers and heads; the embeddings stay the encoder's) with its
sha256 in `NAME.sha256`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.bert import Bert
from index.encoder import best_dtype, bundled_folder
from index.errors import SettingError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from torch import Tensor

#: Attention heads of a layer.
HEADS = 12


class Tuned:
    """A network that reads two texts at once, with linear heads; safe to share between threads."""

    def __init__(self, network: Bert, heads: Mapping[str, Tensor], tokenizer: Tokenizer) -> None:
        """`heads`: NAME.weight `(outputs, hidden)` and NAME.bias `(outputs,)` of each head."""
        self._network = network
        self._heads = {name: tensor.float() for name, tensor in heads.items()}
        self.tokenizer = tokenizer

    def hidden(self, pairs: Sequence[Encoding]) -> list[Tensor]:
        """The last layer of each encoded pair, `(tokens, hidden)` float32. Call without grad."""
        return self._network.hidden([p.ids for p in pairs], [p.type_ids for p in pairs])

    def head(self, hidden: Tensor, name: str) -> Tensor:
        """The logits of one head, `(..., outputs)`."""
        from torch.nn import functional

        return functional.linear(hidden, self._heads[f"{name}.weight"], self._heads[f"{name}.bias"])


def load_tuned(name: str) -> Tuned:
    """The network called `name`, from beside this file. Raises as `shipped_weights` does."""
    return read_tuned(shipped_weights(name))


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
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    folder = bundled_folder()
    tensors: dict[str, Any] = {n: t for path in weights for n, t in load_file(path).items()}
    layers = {n.removeprefix("encoder."): t for n, t in tensors.items() if n.startswith("encoder.")}
    heads = {n: t for n, t in tensors.items() if not n.startswith("encoder.")}
    network = Bert(folder / "model.safetensors", HEADS, best_dtype(), layers)
    return Tuned(network, heads, Tokenizer.from_file(str(folder / "tokenizer.json")))
