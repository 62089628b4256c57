import json
import os
import shutil
import subprocess
import sys
import time

import pytest

import wirecheck

QUESTION = "When did the Arden bridge close?"
ARTICLES = {
    "b1.txt": "Arden bridge shut\n\nThe Arden bridge closed on Friday after 12 cables snapped. Mayor "
    "Ansel Brock blamed the frost.",
    "b2.txt": "Commuters stranded\n\nBuses were full on Monday, three days after the Arden bridge "
    "closed on Friday.",
    "b3.txt": "Opera opens\n\nA new soprano sang in Lune Mills to a full house.",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("articles")
    for name, text in ARTICLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    index = tmp_path_factory.mktemp("index") / "i"
    assert wirecheck.main(["index", str(folder), "--index", str(index)]) == 0
    return folder, index


def run(capsys, *argv):
    code = wirecheck.main([str(a) for a in argv])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_index_says_how_many_of_each(built, capsys):
    folder, index = built
    code, out, _ = run(capsys, "index", folder, "--index", index)
    assert code == 0 and "3 articles" in out and "0 new" in out and "0 embedded" in out


def test_index_stats(built, capsys):
    code, out, err = run(capsys, "index", "--stats", "--index", built[1], "--json")
    stats = json.loads(out)
    assert code == 0 and err == ""
    assert (stats["articles"], stats["passages"], stats["dim"]) == (3, 3, 384)
    assert stats["vectors"] == {"kind": "exact"}
    sizes = {
        str(p.relative_to(built[1] / "gen-000001")): p.stat().st_size
        for p in (built[1] / "gen-000001").rglob("*")
        if p.is_file()
    }
    assert stats["files"] == sizes and stats["bytes"] == sum(sizes.values())
    code, out, _ = run(capsys, "index", "--stats", "--index", built[1])
    assert code == 0 and "generation  1" in out and "all-MiniLM-L6-v2:" in out
    assert "articles    3, independent reports 3, published unknown to unknown, 0 outlets" in out
    assert "generation  1" in out and "every vector is compared" in out
    assert f"{sizes['vectors.npy']:,}  vectors.npy" in out


def test_index_check(built, capsys, tmp_path):
    code, out, err = run(capsys, "index", "--check", "--index", built[1])
    assert code == 0 and err == ""
    assert out == (
        f"{built[1]}: nothing is wrong; looked at generation 1: 13 files, 3 articles, 3 passages\n"
    )
    shutil.copytree(built[1], tmp_path / "damaged")
    for name in ("articles.jsonl", "vectors.npy"):
        path = tmp_path / "damaged" / "gen-000001" / name
        path.write_bytes(path.read_bytes()[:-1])
    code, out, err = run(capsys, "index", "--check", "--index", tmp_path / "damaged")
    lines = out.splitlines()
    assert code == 2 and err == "" and len(lines) == 3
    assert "articles.jsonl: " in lines[0] and "vectors.npy: " in lines[1] and "2 wrong" in lines[2]


def test_search_prints_spans_of_the_articles(built, capsys):
    code, out, _ = run(capsys, "search", QUESTION, "--index", built[1], "-k", "2", "--json")
    rows = json.loads(out)
    assert code == 0 and len(rows) == 2
    assert rows[0]["article_id"] in {"b1", "b2"} and rows[0]["score"] >= rows[1]["score"]
    for row in rows:
        text = ARTICLES[row["article_id"] + ".txt"]
        assert text[row["start"] : row["end"]] == row["text"]


def test_search_and_ask_can_be_narrowed_and_never_widen(tmp_path, capsys):
    for name, outlet, day in (("b1", "Gazette", "2031-02-07"), ("b2", "Wire", "2031-02-10")):
        front = f"---\noutlet: {outlet}\npublished: {day}\n---\n"
        (tmp_path / f"{name}.txt").write_text(front + ARTICLES[f"{name}.txt"], encoding="utf-8")
    index = tmp_path / "i"
    assert run(capsys, "index", tmp_path, "--index", index)[0] == 0

    def ids(*options):
        code, out, _ = run(capsys, "search", QUESTION, "--index", index, "--json", *options)
        assert code == 0
        return {row["article_id"] for row in json.loads(out)}

    assert ids() == {"b1", "b2"}
    assert ids("--outlet", "gazette") == {"b1"}
    assert ids("--outlet", "gazette", "--outlet", "wire") == {"b1", "b2"}
    assert ids("--since", "2031-02-08") == {"b2"} and ids("--until", "2031-02-08") == {"b1"}
    assert ids("--outlet", "Nobody's Post") == set()
    ask = ("ask", QUESTION, "--index", index, "--model", "none", "--json", "--outlet", "Wire")
    claims = json.loads(run(capsys, *ask)[1])["claims"]
    assert {c["article_id"] for claim in claims for c in claim["citations"]} == {"b2"}
    code, _, err = run(capsys, "search", QUESTION, "--index", index, "--since", "soon")
    assert code == 2 and "since" in err and len(err.splitlines()) == 1


def test_ask_prints_the_answer_with_its_files(built, capsys):
    code, out, _ = run(capsys, "ask", QUESTION, "--index", built[1], "--model", "none")
    assert code == 0 and "Friday" in out and "[b1]" in out


def test_ask_json_is_an_answer(built, capsys):
    from rag.schema import Answer

    code, out, _ = run(capsys, "ask", QUESTION, "--index", built[1], "--model", "none", "--json")
    answer = Answer.from_dict(json.loads(out))
    assert code == 0 and answer.outcome == "answered"
    for claim in answer.claims:
        for citation in claim.citations:
            assert citation.quote in ARTICLES[citation.article_id + ".txt"]


def test_a_bundle_is_written_and_verified(built, capsys, tmp_path):
    folder, index = built
    path = tmp_path / "answer.html"
    ask = ("ask", QUESTION, "--index", index, "--model", "none", "--bundle", path)
    assert run(capsys, *ask)[0] == 0
    code, out, err = run(capsys, "verify", path, "--articles", folder)
    assert code == 0 and err == "" and out.splitlines()[-1].startswith("nothing changed")
    assert run(capsys, "verify", path, "--index", index)[0] == 0

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "b1.txt").write_text(ARTICLES["b1.txt"].replace("Friday", "Sunday"), encoding="utf-8")
    code, out, _ = run(capsys, "verify", path, "--articles", copy)
    assert code == 1 and "changed  article b1: " in out and "gone     quote b1 " in out
    code, out, _ = run(capsys, "verify", path, "--articles", copy, "--json")
    assert code == 1 and not json.loads(out)["holds"]


def test_a_follow_up_is_asked_as_it_stands_alone(built, capsys, tmp_path):
    ask = ("ask", "--index", built[1], "--model", "none")
    history = tmp_path / "history.json"
    history.write_text(run(capsys, *ask, QUESTION, "--json")[1], encoding="utf-8")
    code, out, err = run(capsys, *ask, "Why?", "--follow", history)
    assert code == 0 and err == "" and out.startswith("Asked as: Why did the Arden bridge close?")
    code, out, _ = run(capsys, *ask, "Why?", "--follow", history, "--json")
    trace = json.loads(out)["trace"]
    assert json.loads(out)["question"] == "Why?" and trace["rewritten"]["by"] == "rules"
    assert run(capsys, *ask, "Who sang in Lune Mills?", "--follow", history, "--json")[1]


def test_ask_prints_markdown(built, capsys):
    code, out, _ = run(
        capsys, "ask", QUESTION, "--index", built[1], "--model", "none", "--markdown"
    )
    assert code == 0 and "Friday [^1]" in out and "[^1]: “" in out


def test_ask_declines_what_no_report_says(built, capsys):
    code, out, _ = run(
        capsys, "ask", "What is the capital of Peru?", "--index", built[1], "--model", "none"
    )
    assert code == 0 and out.startswith("No answer.") and "Peru" in out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["ask", QUESTION, "--index", "nowhere"], "nowhere"),
        (["search", QUESTION, "--index", "nowhere"], "nowhere"),
        (["index", "nowhere", "--index", "x"], "nowhere"),
        (["index", "--index", "x"], "no articles named"),
        (["index", "--check", "--index", "nowhere"], "nowhere"),
        (["index", "--stats", "--index", "nowhere"], "nowhere"),
        (["index", "--check", "articles", "--index", "x"], "take no articles"),
        (["index", "articles", "--json"], "--json goes with --stats"),
        (["ask", "", "--index", "BUILT"], "empty"),
        (["ask", "x" * 100_000, "--index", "BUILT"], "100,000 characters"),
        (["ask", QUESTION, "--index", "BUILT", "--bundle", "a.txt"], "must end in"),
        (["ask", "Why?", "--index", "BUILT", "--follow", "nowhere.json"], "nowhere.json"),
        (["ask", "Why?", "--index", "BUILT", "--follow", __file__], "not JSON"),
        (["verify", "nowhere.json"], "nowhere.json"),
        (["verify", __file__], "not JSON"),
        (["ask", QUESTION, "--index", "BUILT", "--model", "nosuch/model"], "nosuch"),
        (["ask", QUESTION, "--index", "BUILT", "--model", "openai/gpt-4o"], "OPENAI_API_KEY"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(built, capsys, monkeypatch, tmp_path, argv, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    code, out, err = run(capsys, *[built[1] if a == "BUILT" else a for a in argv])
    assert code == 2 and out == ""
    assert said in err and len(err.splitlines()) == 1 and "Traceback" not in err


@pytest.mark.parametrize(
    "argv",
    [[], ["nosuch"], ["search", "q", "-k", "0"], ["search"], ["index", "--check", "--stats"]],
)
def test_wrong_usage_is_exit_code_2(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        wirecheck.main(argv)
    assert caught.value.code == 2 and "usage" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_has_no_room_is_one_line_and_exit_code_2(built, unbuffered):
    words = [sys.executable, "-m", "wirecheck", "search", "bridge", "--index", str(built[1])]
    settings = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        ended = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, env=settings)
    assert ended.returncode == 2
    assert ended.stderr == "wirecheck: can't go on: No space left on device\n"


def test_help_is_quick_since_nothing_heavy_is_imported():
    heavy = {"torch", "litellm", "gradio", "spacy", "faiss", "transformers", "numpy"}
    code = (
        "import sys, wirecheck\ntry: wirecheck.main(['--help'])\nexcept SystemExit: pass\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    assert time.perf_counter() - began < 5


def test_compare_prints_the_ledger_alone_and_as_json(built, capsys):
    code, out, err = run(capsys, "compare", QUESTION, "--index", built[1])
    assert code == 0 and err == ""
    assert "agrees: Friday (2 reports)" in " ".join(out.split()) and "b1" in out and "b2" in out
    code, out, _ = run(capsys, "compare", QUESTION, "--index", built[1], "--json")
    (row, *_) = json.loads(out)
    assert code == 0 and (row["stance"], row["value"]) == ("agrees", "Friday")
    assert sorted(row["article_ids"]) == ["b1", "b2"] and len(row["voices"]) == 2


def test_as_of_a_day_leaves_out_what_was_published_later(tmp_path, capsys):
    rows = ["id,outlet,published,url", "b1,Arden Echo,2031-03-01,", "b2,Lune Wire,2031-03-04,"]
    for name in ("b1.txt", "b2.txt"):
        (tmp_path / name).write_text(ARTICLES[name], encoding="utf-8")
    (tmp_path / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    index = tmp_path / "index"
    assert run(capsys, "index", tmp_path, "--index", index)[0] == 0

    def found(*argv):
        code, out, _ = run(capsys, "search", "Arden bridge", "--index", index, "--json", *argv)
        return code, {row["article_id"] for row in json.loads(out)}

    assert found() == (0, {"b1", "b2"})
    assert found("--as-of", "2031-03-02") == (0, {"b1"})
    assert found("--as-of", "2031-03-05", "--until", "2031-03-01") == (0, {"b1"})
    code, _, err = run(capsys, "ask", QUESTION, "--index", index, "--as-of", "soon")
    assert code == 2 and err == ("wirecheck: as_of is 'soon'; it must be a date like 2025-03-31\n")
