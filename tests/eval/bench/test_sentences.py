import gzip
import json

import pytest

from eval.bench.sentences import average_precision, clapnq, holds_gold, judged
from index import Article, Passage
from rag.evidence import Scored


def test_average_precision_is_the_mean_precision_at_the_right_ones():
    assert average_precision([2, 0, 1], [True, False, True]) == pytest.approx(1.0)
    assert average_precision([1, 0, 2], [True, False, True]) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_chosen_sentences_are_found_in_their_passage(tmp_path):
    row = {
        "input": "when did the dam leak",
        "passages": [{"title": "Dam", "text": "It stood. It leaked in May. It rained."}],
        "output": [{"selected_sentences": ["It leaked in May. ", "Not there."]}],
    }
    empty = {**row, "output": [{"selected_sentences": ["Not there."]}]}
    lines = "\n".join(json.dumps(r) for r in (row, empty))
    (tmp_path / "clapnq_answerable_dev.jsonl").write_text(lines, encoding="utf-8")
    ((question, article, spans),) = list(clapnq(tmp_path))
    assert question == "when did the dam leak?"
    assert [article.text[s:e] for s, e in spans] == ["It leaked in May."]


def test_questions_with_only_right_or_only_wrong_sentences_are_left_out(tmp_path):
    rows = [("a", 1), ("a", 0), ("b", 0), ("c", 1)]
    with gzip.open(tmp_path / "qa_sentence.jsonl.gz", "wt", encoding="utf-8") as out:
        for n, (question, label) in enumerate(rows):
            row = {"set": "news", "question": question, "sentence": f"s{n}", "label": label}
            out.write(json.dumps(row) + "\n")
    assert list(judged(tmp_path, "news")) == [("a", ["s0", "s1"], [True, False])]


def test_gold_counts_only_among_the_first_three_and_in_its_own_passage():
    article = Article("p", "", "One. Two. Three. Four.")
    other = Article("q", "", "One. Two.")
    places = [(0, 4), (5, 9), (10, 16), (17, 22)]
    scored = [Scored(Passage(article, s, e), (), 1.0, (s, e), 0.0) for s, e in places]
    assert holds_gold(scored, article.text, [(10, 16)])
    assert not holds_gold(scored, article.text, [(17, 22)])
    assert not holds_gold(
        [Scored(Passage(other, 0, 4), (), 1.0, (0, 4), 0.0)], article.text, [(0, 4)]
    )
