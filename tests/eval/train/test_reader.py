import random

from eval.train import reader as train_reader
from eval.train.reader import bereft, swapped

PASSAGE = (
    "The bridge at Ostry was shut for nine days after a barge struck it. Lene Doorn, the mayor, "
    "blamed the skipper. Repairs in Arden cost 40,000 crowns, and Ada Holm paid for them."
)


def row(question, answer):
    answers = [{"text": answer, "start": PASSAGE.index(answer)}] if answer else []
    return {"set": "made", "question": question, "passage": PASSAGE, "answers": answers}


def test_a_bereft_passage_lacks_every_sentence_that_answers(monkeypatch):
    monkeypatch.setattr(train_reader, "BEREFT_SHARE", 1.0)
    rows = [row("How long was the bridge shut?", "nine days"), row("Who sang?", None)]
    (made,) = bereft(rows, random.Random(1))
    assert made["answers"] == [] and made["question"] == rows[0]["question"]
    assert "nine days" not in made["passage"] and "Repairs in Arden" in made["passage"]


def test_what_is_left_after_a_short_passage_is_no_example(monkeypatch):
    monkeypatch.setattr(train_reader, "BEREFT_SHARE", 1.0)
    short = {**row("How long?", "nine days"), "passage": "It was shut for nine days. It rained."}
    assert bereft([short], random.Random(1)) == []


def test_a_swapped_name_is_of_the_same_kind_and_not_the_answer(monkeypatch):
    monkeypatch.setattr(train_reader, "SWAPPED_SHARE", 1.0)
    rows = [
        row("Whom did Lene Doorn blame for the damage?", "skipper"),
        row("What did Ada Holm pay for in the end?", "Repairs"),
    ]
    made = swapped(rows, random.Random(3))
    assert made and all(m["answers"] == [] for m in made)
    for new in made:
        assert new["question"] not in {r["question"] for r in rows}
        assert ("Lene Doorn" in new["question"]) != ("Ada Holm" in new["question"])
