"""A cross-encoder of two tiny layers with random weights, as sentence-transformers saves it."""

from pathlib import Path

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the ferry was sold open at storm harbour hit no . ,".split()


def write_cross_encoder(folder: Path, *labels: str) -> Path:
    """Write one into the empty `folder`, with an output for each label; where it lies."""
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    raw, saved = folder / "raw", folder / "saved"
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=48, num_labels=len(labels),
        id2label=dict(enumerate(labels)), initializer_range=0.3,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(raw)
    BertTokenizerFast(
        vocab={word: n for n, word in enumerate(WORDS)}, model_max_length=48
    ).save_pretrained(raw)
    CrossEncoder(str(raw), device="cpu", local_files_only=True).save_pretrained(str(saved))
    return saved
