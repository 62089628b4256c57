import gzip
import json
import os

import pytest

from eval.peers import index_speed
from eval.peers.index_speed import (
    ALONE,
    OURS,
    SYSTEMS,
    Indexed,
    measured,
    need_all,
    report,
    write_articles,
)


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


def test_a_ratio_is_between_two_runs_of_one_turn(capsys):
    def runs(*seconds):
        return [
            {"wall": s, "cpu": s / 2, "memory": s * 100, "passages": 5, "tokens": 200.0}
            for s in seconds
        ]

    found = {OURS: runs(9, 1, 2), "txtai": runs(8, 8, 8), "Haystack": runs(5, 6, 90)}
    failed = {"LangChain": "no module"}
    report(found | {"LangChain": runs(1)}, failed, 1200, "wall")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines[1:4]] == [
        [OURS, "600", "2.0", "200"],
        ["Haystack", "200", "6.0", "600"],
        ["txtai", "150", "8.0", "800"],
    ]
    assert lines[4].startswith("LangChain        not measured: no module")
    assert lines[5:] == [
        f"{OURS} / Haystack: 6.00 (0.56 to 45.00)",
        f"{OURS} / txtai: 4.00 (0.89 to 8.00)",
    ]


def test_the_systems_take_turns_with_the_cache_off(tmp_path, data, monkeypatch, capsys):
    asked = []

    def played(name, folder, few):
        asked.append((name, os.environ["WIRECHECK_CACHE"]))
        return {"wall": 2.0 if name == OURS else 4.0, "cpu": 1, "memory": 1} | dict.fromkeys(
            ("passages", "tokens"), 1
        )

    for name in ("WIRECHECK_CACHE", "HF_HUB_OFFLINE", "HAYSTACK_TELEMETRY_ENABLED"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(index_speed, "measured", played)
    monkeypatch.setattr(
        "sys.argv", ["index_speed", "--data", str(data), "--articles", "1", "--joined", "1"]
    )
    index_speed.main()
    names = [*SYSTEMS]
    assert asked == [(name, "off") for name in (*names, *reversed(names), *names)]
    assert f"{OURS} / {ALONE}: 2.00 (2.00 to 2.00)" in capsys.readouterr().out


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
    found = SYSTEMS[OURS].load(tmp_path)(tmp_path / "articles")
    assert found.vectors == len(found.passages)
    assert {f"Report {n}" in " ".join(found.passages) for n in (1, 2, 3, 4)} == {True}


def test_a_run_that_leaves_something_out_is_none():
    need_all(Indexed(["a b", "b c"], 2), ["a b c"])
    with pytest.raises(ValueError, match="1 of 2 passages were embedded"):
        need_all(Indexed(["a b", "b c"], 1), ["a b c"])
    with pytest.raises(ValueError, match="passages hold 2 of 3 characters"):
        need_all(Indexed(["a b"], 1), ["a b", "c"])
