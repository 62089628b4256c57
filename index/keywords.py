"""Passages by the words that they share with a query (BM25): the only owner of bm25s."""

from __future__ import annotations

import io
import json
import logging
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import IndexCorrupt
from .words import stems

if TYPE_CHECKING:
    import bm25s  # type: ignore[import-untyped]

VOCABULARY = "vocabulary.json"
_ARRAYS = ("data", "indices", "indptr")
_NO_ENTRIES = {
    "data": np.zeros(0, np.float32),
    "indices": np.zeros(0, np.int32),
    "indptr": np.zeros(2, np.int64),
}
FILES = (*(f"{name}.npy" for name in _ARRAYS), VOCABULARY)

_ACRONYM = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_ACCENT = re.compile(r"[\u0300-\u036f]")
# Letters that one leaves out or writes plainly, and that do not decompose.
_PLAIN = str.maketrans({"ı": "i", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"})


def keyword_tokens(text: str) -> list[str]:
    """Stems of the content words, accents and points of acronyms left out.

    "The U.N. counted 10,022 in Elâzığ" -> ["un", "count", "10022", "elazig"]
    """
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", text)).translate(_PLAIN)
    acronyms = _ACRONYM.sub(lambda m: m[0].replace(".", "") + " ", plain)
    return stems(_THOUSANDS.sub("", acronyms))


class KeywordIndex:
    """BM25 over numbered texts, from 0; a score is above 0, higher is better, without limit."""

    def __init__(self, bm25: bm25s.BM25, count: int) -> None:
        """Use `build` or `from_files`."""
        self._bm25 = bm25
        self._count = count

    def __len__(self) -> int:
        """Count the texts."""
        return self._count

    @classmethod
    def build(cls, texts: Sequence[str]) -> KeywordIndex:
        """Index `texts` under their numbers."""
        bm25s = _bm25s()
        # The empty word comes first: texts without any word still make an index.
        vocabulary = {"": 0}
        rows = []
        for text in texts:
            tokens = keyword_tokens(text)
            rows.append([vocabulary.setdefault(token, len(vocabulary)) for token in tokens])
        bm25 = bm25s.BM25()
        if any(rows):
            bm25.index((rows, vocabulary), create_empty_token=False, show_progress=False)
        else:
            _restore(bm25, _NO_ENTRIES, [""], len(texts))
        return cls(bm25, len(texts))

    def to_files(self) -> dict[str, bytes]:
        """Write the index as the named files that `from_files` reads."""
        files = {f"{name}.npy": _npy(self._bm25.scores[name]) for name in _ARRAYS}
        words = sorted(self._bm25.vocab_dict, key=self._bm25.vocab_dict.__getitem__)
        files[VOCABULARY] = json.dumps(words, ensure_ascii=False).encode()
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], count: int) -> KeywordIndex:
        """Read what `to_files` wrote of `count` texts. Raises IndexCorrupt naming the file."""
        bm25s = _bm25s()
        arrays = {name: _array(files[f"{name}.npy"], f"{name}.npy") for name in _ARRAYS}
        words = _words(files[VOCABULARY])
        _check_shape(arrays, len(words), count)
        bm25 = bm25s.BM25()
        _restore(bm25, arrays, words, count)
        return cls(bm25, count)

    def search(
        self, query: str, k: int, among: Collection[int] | None = None
    ) -> list[tuple[int, float]]:
        """Find the `k` best texts that share a word with `query`, best first.

        `among`, if given, are the only numbers looked at. Equal scores come in the order of their
        numbers. Raises ValueError if `k` is below 1.
        """
        if k < 1:
            raise ValueError(f"k is {k}, not 1 or more")
        known = self._bm25.vocab_dict
        ids = [known[token] for token in dict.fromkeys(keyword_tokens(query)) if token in known]
        if not ids:
            return []
        scores = np.asarray(self._bm25.get_scores_from_ids(ids))
        if among is not None:
            scores = _only(scores, among)
        numbers = np.flatnonzero(scores > 0)
        best = numbers[np.argsort(-scores[numbers], kind="stable")][:k]
        return [(int(n), float(scores[n])) for n in best]


def _bm25s() -> ModuleType:
    import bm25s

    # It sets its own level to DEBUG and tells of every build.
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    module: ModuleType = bm25s
    return module


def _only(scores: NDArray[Any], among: Collection[int]) -> NDArray[Any]:
    kept = np.zeros_like(scores)
    wanted = np.fromiter(among, dtype=np.int64, count=len(among))
    kept[wanted] = scores[wanted]
    return kept


def _restore(bm25: bm25s.BM25, arrays: Mapping[str, Any], words: Sequence[str], count: int) -> None:
    bm25.scores = {**arrays, "num_docs": count}
    bm25.vocab_dict = {word: number for number, word in enumerate(words)}
    bm25.unique_token_ids_set = set(bm25.vocab_dict.values())
    bm25.nonoccurrence_array = None


def _npy(array: NDArray[Any]) -> bytes:
    target = io.BytesIO()
    np.save(target, array, allow_pickle=False)
    return target.getvalue()


def _array(data: bytes, name: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise IndexCorrupt(f"{name} is no array file") from error
    wanted = np.floating if name == "data.npy" else np.integer
    if array.ndim != 1 or not np.issubdtype(array.dtype, wanted):
        raise IndexCorrupt(f"{name} holds {array.dtype} of shape {array.shape}")
    return array


def _words(data: bytes) -> list[str]:
    try:
        words = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IndexCorrupt(f"{VOCABULARY} is no JSON") from error
    if not isinstance(words, list) or not all(isinstance(w, str) for w in words):
        raise IndexCorrupt(f"{VOCABULARY} is no list of words")
    return words


def _check_shape(arrays: Mapping[str, NDArray[Any]], words: int, count: int) -> None:
    data, indices, indptr = (arrays[name] for name in _ARRAYS)
    if len(indptr) != words + 1 or len(data) != len(indices) or not np.isfinite(data).all():
        raise IndexCorrupt("keyword arrays do not belong together")
    if indptr[0] != 0 or indptr[-1] != len(data) or (np.diff(indptr) < 0).any():
        raise IndexCorrupt("indptr.npy does not rise from 0 to the number of entries")
    if len(indices) and not 0 <= indices.min() <= indices.max() < count:
        raise IndexCorrupt("indices.npy names a passage that is not there")
