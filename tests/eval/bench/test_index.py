import json
import re

import pytest

from eval.bench import index as bench_index

SENTENCES = [
    "The ferry to Port Sennet sails again from Monday.",
    "Two nurses were honoured at the town hall of Larkmoor.",
    "A storm tore the roof off the old railway museum.",
    "The council will vote on the harbour wall in May.",
    "Prices of bread rose by a tenth, said the bakers.",
    "The bridge is closed until its cables are replaced.",
]
QUESTIONS = ["When does the ferry sail?", "Who was honoured?", "What tore the roof?", "Why closed?"]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("WIRECHECK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "texts.txt").write_text("\n".join(SENTENCES))
    rows = [json.dumps({"question": question}) for question in QUESTIONS]
    (tmp_path / "questions.jsonl").write_text("\n".join(rows))
    return tmp_path


def test_each_row_is_printed(files, capsys):
    arguments = ["--passages", "120", "--articles", "3", "--work", str(files / "work")]
    arguments += ["--texts", str(files / "texts.txt")]
    arguments += ["--questions", str(files / "questions.jsonl")]
    assert bench_index.main(arguments) == 0
    size, update = capsys.readouterr().out.splitlines()
    assert size.startswith("      120 passages: search median ")
    assert size.endswith("recall@10 1.000")
    assert all(float(found) > 0 for found in re.findall(r"([\d.]+) (?:ms|s;)", size))
    assert re.match(r"3 articles, \d+ passages: built in .* 1 % changed \(\d passages emb", update)
    # The index is used again.
    before = (files / "work" / "passages-120" / "MANIFEST.json").read_bytes()
    assert bench_index.main([*arguments, "--articles", "0"]) == 0
    assert (files / "work" / "passages-120" / "MANIFEST.json").read_bytes() == before
