"""The file format, on a file that the `gguf` package writes; the real one is in test_embedded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter, quants

from rag.gguf import read_gguf

NUMBERS = np.linspace(-3, 5, 2 * 3 * 64, dtype=np.float32).reshape(6, 64)
KINDS = {"q4": GGMLQuantizationType.Q4_1, "q8": GGMLQuantizationType.Q8_0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    writer = GGUFWriter(tmp_path / "small.gguf", "llama")
    writer.add_context_length(2048)
    writer.add_layer_norm_rms_eps(0.25)
    writer.add_token_list(["a", "é", "Ġthe"])
    writer.add_token_types([1, 1, 3])
    writer.add_add_bos_token(False)
    writer.add_tensor("plain", NUMBERS)
    for name, kind in KINDS.items():
        writer.add_tensor(name, quants.quantize(NUMBERS, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tmp_path / "small.gguf"


def test_metadata_of_every_kind_is_read(path: Path) -> None:
    assert read_gguf(path).metadata == {
        "general.architecture": "llama",
        "llama.context_length": 2048,
        "llama.attention.layer_norm_rms_epsilon": 0.25,
        "tokenizer.ggml.tokens": ["a", "é", "Ġthe"],
        "tokenizer.ggml.token_type": [1, 1, 3],
        "tokenizer.ggml.add_bos_token": False,
    }


def test_numbers_stored_plainly_come_back_exactly(path: Path) -> None:
    assert np.array_equal(read_gguf(path).tensor("plain").numpy(), NUMBERS)


@pytest.mark.parametrize("name", KINDS)
def test_packed_numbers_come_back_as_their_own_package_unpacks_them(path: Path, name: str) -> None:
    kind = KINDS[name]
    expected = quants.dequantize(quants.quantize(NUMBERS, kind), kind)
    assert np.allclose(read_gguf(path).tensor(name).numpy(), expected, atol=1e-6)
    assert np.abs(expected - NUMBERS).max() < 0.2


def test_a_tensor_that_is_not_there_is_a_key_error(path: Path) -> None:
    with pytest.raises(KeyError):
        read_gguf(path).tensor("other")
