"""The questions that are suggested over the sample articles."""

import json

from web import sample


def test_the_shortest_question_of_each_kind_is_suggested(tmp_path):
    gold = tmp_path / "questions.jsonl"
    rows = [("multi", "Aaa?"), ("quote", "B?"), ("multi", "Cc?"), ("conflict", "D?"), ("odd", "E?")]
    rows += [("quote", "b"), ("quote", "b?"), ("conflict", "D")]
    gold.write_text("\n".join(json.dumps({"kind": k, "question": q}) for k, q in rows) + "\n")
    assert sample.suggested(gold) == ["D?", "Cc?", "B?"]
    assert sample.suggested(tmp_path / "none.jsonl") == []
