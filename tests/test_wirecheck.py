import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from importlib.metadata import version

import pytest

import wirecheck
from index.records import Article, Passage
from rag.commands import model_bar, watching
from rag.schema import NEAREST, Citation, Claim, Rejection
from tests.replay import YES, ReplayModel

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


@pytest.fixture
def reads(plain, monkeypatch):
    """In place of the model in the box, one that reads Friday in both reports."""
    model = ReplayModel(("close", "12 cables", "Friday", YES), ("close", "Buses", "Friday", YES))
    monkeypatch.setattr("rag.models.load_model", lambda name, tell=None: model)
    return model


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
    assert ids("--as-of", "2031-02-08") == {"b1"}
    ask = ("ask", QUESTION, "--index", index, "--model", "none", "--json", "--outlet", "Wire")
    claims = json.loads(run(capsys, *ask)[1])["claims"]
    assert {c["article_id"] for claim in claims for c in claim["citations"]} == {"b2"}
    for option, name in (("--since", "since"), ("--as-of", "as_of")):
        code, _, err = run(capsys, "search", QUESTION, "--index", index, option, "soon")
        assert code == 2 and name in err and len(err.splitlines()) == 1


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


def test_a_follow_up_is_asked_as_it_stands_alone(built, capsys, tmp_path, reads):
    reads.planned = "Why did the Arden bridge close?"
    ask = ("ask", "--index", built[1])
    history = tmp_path / "history.json"
    history.write_text(run(capsys, *ask, QUESTION, "--json")[1], encoding="utf-8")
    code, out, err = run(capsys, *ask, "Why?", "--follow", history)
    assert code == 0 and err == "" and out.startswith("Asked as: Why did the Arden bridge close?")
    trace = json.loads(run(capsys, *ask, "Why?", "--follow", history, "--json")[1])["trace"]
    assert trace["rewritten"] == {"from": "Why?", "to": reads.planned, "by": "model"}


@pytest.mark.parametrize(
    ("question", "options", "said"),
    [
        (QUESTION, [], ("Friday", "[b1]")),
        (QUESTION, ["--markdown"], ("12 cables snapped. [^1]", "[^1]: “")),
        ("What is the capital of Peru?", [], ("No answer.", "Peru")),
    ],
)
def test_ask_prints_an_answer(built, capsys, question, options, said):
    code, out, _ = run(capsys, "ask", question, "--index", built[1], "--model", "none", *options)
    assert code == 0 and all(words in out for words in said)


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


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as ended:
        wirecheck.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"wirecheck {version('wirecheck')}\n"


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


def test_compare_prints_the_ledger_alone_and_as_json(built, capsys, reads):
    code, out, err = run(capsys, "compare", QUESTION, "--index", built[1])
    assert code == 0 and err == ""
    assert "agrees: Friday (2 reports)" in " ".join(out.split()) and "b1" in out and "b2" in out
    code, out, _ = run(capsys, "compare", QUESTION, "--index", built[1], "--json")
    (row, *_) = json.loads(out)
    assert code == 0 and (row["stance"], row["value"]) == ("agrees", "Friday")
    assert sorted(row["article_ids"]) == ["b1", "b2"] and len(row["voices"]) == 2


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the model is kept, with a small one in it."""
    from rag.model_files import BUNDLED, MANIFEST

    monkeypatch.setenv("WIRECHECK_MODEL_FOLDER", str(tmp_path))
    monkeypatch.setenv("WIRECHECK_DOWNLOAD", "off")
    monkeypatch.delenv("WIRECHECK_LOCAL_MODEL", raising=False)
    kept = tmp_path / BUNDLED.name
    kept.mkdir()
    files = {"openvino_model.bin": b"weights", "openvino_model.xml": b"<net/>"}
    rows = {}
    for name, data in files.items():
        (kept / name).write_bytes(data)
        rows[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = {"made of": "a test", "files": rows}
    (kept / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return kept


def test_models_lists_the_files_of_the_model_and_their_sums(folder, capsys):
    code, out, err = run(capsys, "models")
    first, *rows = out.splitlines()
    assert (code, err, first) == (0, "", str(folder))
    told = [row.split() for row in rows]
    assert [(size, name) for size, _, name in told] == [
        ("7", "openvino_model.bin"),
        ("6", "openvino_model.xml"),
    ]
    assert next(sha for _, sha, _ in told) == hashlib.sha256(b"weights").hexdigest()
    code, out, _ = run(capsys, "models", "get", "--json")
    row = json.loads(out)
    assert code == 0 and (row["folder"], row["damaged"]) == (str(folder), [])
    assert row["made of"] == "a test" and row["files"]["openvino_model.bin"]["size"] == 7


def test_a_model_that_is_not_there_is_one_line_and_exit_code_2(folder, capsys):
    shutil.rmtree(folder)
    for words in (["models"], ["models", "--json"]):
        code, out, err = run(capsys, *words)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert str(folder.parent) in err and "run `wirecheck models get`" in err
    code, out, err = run(capsys, "models", "get")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "WIRECHECK_DOWNLOAD=off forbids" in err


def test_a_damaged_file_of_the_model_is_named(folder, capsys):
    (folder / "openvino_model.bin").write_bytes(b"weighty")
    code, out, err = run(capsys, "models")
    assert code == 2 and "openvino_model.xml" in out and len(err.splitlines()) == 1
    assert f"{folder / 'openvino_model.bin'} is damaged" in err and ".xml" not in err
    code, out, err = run(capsys, "models", "--json")
    assert code == 2 and json.loads(out)["damaged"] == ["openvino_model.bin"]


@pytest.mark.parametrize("words", [["--index", "nowhere"], ["--index", "BUILT", "--as-of", "soon"]])
def test_the_model_is_not_loaded_for_what_cannot_be_asked(built, capsys, monkeypatch, words):
    loaded = []
    monkeypatch.setattr("rag.models.load_model", lambda *args: loaded.append(args))
    words = [built[1] if w == "BUILT" else w for w in words]
    code, out, err = run(capsys, "ask", QUESTION, *words)
    assert (code, out, len(err.splitlines()), loaded) == (2, "", 1, [])


def test_on_a_terminal_what_is_read_is_told_while_it_is_read(built, capsys, monkeypatch, reads):
    ask = ("ask", QUESTION, "--index", built[1])
    assert run(capsys, *ask)[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    code, out, err = run(capsys, *ask)
    first, *rest = err.splitlines()
    assert code == 0 and out.startswith("Friday [b")
    assert first.startswith("… ") and first.endswith(f"({NEAREST})") and "[b" in first
    assert {"… Friday [b1]", "… Friday [b2]"} <= set(rest)
    for shape in ("--json", "--markdown"):
        assert run(capsys, *ask, shape)[2] == ""


def test_what_is_told_on_a_terminal_cannot_steer_it(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    article = Article("b\x1b[1m", "", "\x1b[31mred")
    cited = Citation(Passage(article, 0, len(article.text)), 0.9)
    told = watching(argparse.Namespace(json=False, markdown=False))["on_judged"]
    told(Rejection("never shown", "unsure", ""))
    told(Claim(article.text, (cited,), 0.9, kind="span"))
    err = capsys.readouterr().err
    assert "\x1b" not in err and "red" in err and "never shown" not in err


def test_a_fetch_counts_on_a_terminal_and_else_tells_its_end_alone(capsys, monkeypatch):
    def fetched() -> str:
        for done in (0, 50_000_000, 100_000_000):
            model_bar("fetching", done, 100_000_000)
        return capsys.readouterr().err

    assert fetched() == "fetching: 100 % (100 of 100 MB)   \n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "fetching: 50 % (50 of 100 MB)   \r" in fetched()
