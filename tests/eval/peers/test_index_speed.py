import gzip
import json

import pytest

from eval.peers import index_speed
from eval.peers.index_speed import OURS, SYSTEMS, cut, measured, report, write_articles


@pytest.fixture
def data(tmp_path):
    rows = [{"passage": f"Report {n} on the ferry. " * 20} for n in (1, 1, 2, 3, 4)]
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, [{"text": "short"}, *rows])).encode()))
    return path


def test_articles_are_made_of_different_texts(tmp_path, data):
    folder = tmp_path / "articles"
    size = write_articles(data, folder, 2, 2)
    first, second = (path.read_text() for path in sorted(folder.iterdir()))
    assert size == len(first) + len(second)
    assert first.startswith("Report 1 on the ferry. Report\n\nReport 1 on")
    assert "Report 2" in first and "Report 3" in second and "Report 4" in second


def test_too_few_texts_are_told(tmp_path, data):
    with pytest.raises(SystemExit, match="only enough for 2 articles of 2 texts"):
        write_articles(data, tmp_path / "articles", 3, 2)


def test_words_are_cut_evenly():
    pieces = list(cut("word " * 400))
    assert [len(piece.split()) for piece in pieces] == [180, 180, 40]


def test_the_ratio_is_against_the_fastest_other(capsys):
    def runs(*seconds):
        return [{"wall": s, "cpu": s / 2, "passages": 5, "tokens": 200.0} for s in seconds]

    found = {OURS: runs(9, 1, 2), "txtai": runs(8, 8, 8), "Haystack": runs(5, 6, 90)}
    assert report(found, {"LangChain": "no module"}, 1200, "wall") == 3.0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [
        [OURS, "600", "2.0"],
        ["Haystack", "200", "6.0"],
        ["txtai", "150", "8.0"],
    ]
    assert lines[4].startswith("LangChain   not measured: no module")
    assert lines[5] == f"{OURS} / Haystack: 3.00 (bar 2.0)"
    assert report({OURS: runs(1)}, {}, 1, "cpu") == 0.0


def test_a_run_is_a_process_of_its_own_and_one_that_fails_says_why(tmp_path, data):
    (tmp_path / "empty").mkdir()
    write_articles(data, tmp_path / "few", 1, 1)
    found = measured(OURS, tmp_path / "few", tmp_path / "few")
    assert found["passages"] >= 1 and found["wall"] > 0
    why = measured(OURS, tmp_path / "empty", tmp_path / "empty")
    assert why == "ArticleError: no article found: no files there"


def test_our_own_way_indexes_the_folder(tmp_path, data, monkeypatch):
    from tests.fakes import TopicEncoder

    monkeypatch.setattr(index_speed, "load_encoder", TopicEncoder)
    write_articles(data, tmp_path / "articles", 2, 2)
    passages = SYSTEMS[OURS].load(tmp_path)(tmp_path / "articles")
    assert {f"Report {n}" in " ".join(passages) for n in (1, 2, 3, 4)} == {True}
