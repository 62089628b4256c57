"""`wirecheck eval`, from its arguments to its exit code."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rag
from eval.agreement import read_pairs
from eval.main import Parts, main, parse_bars
from eval.provenance import program_files
from index import build_index, open_index
from index.commandline import ended
from index.errors import ModelReplyError, SettingError
from rag.schema import Answer
from tests.eval.test_run import (
    BRIDGE,
    CORPUS,
    FERRY,
    ROWS,
    Corpus,
    quote,
    raising,
    right,
    stopped_at_the_second,
)
from tests.fakes import TopicEncoder


@dataclass
class Fake:
    """Stands for index and rag, and keeps what it was called with."""

    ask: Callable[[str], Answer] = right
    built: tuple[Sequence[Path], Path] | None = None
    opened: Path | None = None
    asked_with: tuple[object, str | None] | None = None

    def parts(self) -> Parts:
        return Parts(self.build, self.open, self.answer)

    def build(self, articles: Sequence[Path], directory: Path) -> SimpleNamespace:
        assert directory.parent.is_dir()
        self.built = (articles, directory)
        return SimpleNamespace(skipped=[SimpleNamespace(path="a/b.txt", reason="empty")])

    def open(self, directory: Path) -> Corpus:
        self.opened = directory
        return CORPUS

    def answer(self, question: str, *, index: object, model: str | None) -> Answer:
        self.asked_with = (index, model)
        return self.ask(question)


@pytest.fixture
def gold_file(tmp_path: Path) -> Path:
    path = tmp_path / "gold.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    return path


Captured = pytest.CaptureFixture[str]


def test_without_an_index_one_is_built_and_removed(
    gold_file: Path, tmp_path: Path, capsys: Captured
) -> None:
    fake = Fake()
    assert main(["--articles", str(tmp_path), "--questions", str(gold_file)], fake.parts()) == 0
    assert fake.built is not None
    assert fake.built == ([tmp_path], fake.opened)
    assert capsys.readouterr().err.startswith("skipped a/b.txt: empty\n")
    assert not fake.built[1].parent.exists()
    assert fake.asked_with == (CORPUS, None)


def test_the_report_holds_everything_but_the_articles_texts(
    gold_file: Path, tmp_path: Path, capsys: Captured
) -> None:
    def ask(question: str) -> Answer:
        return (
            raising(ModelReplyError("empty"))(question) if "ferry" in question else right(question)
        )

    words = f"--index there --questions {gold_file} --model m/x --report {tmp_path / 'out'}"
    fake = Fake(ask)
    assert main(words.split(), fake.parts()) == 0
    assert (fake.built, fake.opened, fake.asked_with) == (None, Path("there"), (CORPUS, "m/x"))
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert (report["format"], report["model"]) == (2, "m/x")
    assert report["judge"]["name"] == "own"
    assert 0 < report["judge"]["agreement"]["value"] < 1
    assert report["judge"]["agreement"]["n"] == len(read_pairs())
    assert report["settings"]["index"] == "there"
    assert report["settings"]["questions"] == str(gold_file)
    assert len(report["settings"]["questions_sha256"]) == 64
    assert set(report["versions"]) >= {"python", "wirecheck", "torch", "numpy", "cores"}
    assert report["summary"]["figures"]["nuggets"]["value"] == 1 / 2
    assert report["summary"]["kinds"]["unanswerable"]["figures"]["declined_right"]["n"] == 1
    first, second, third = report["questions"]
    assert first["gold"] == {**ROWS[0], "note": ""}
    assert first["answer"]["claims"][0]["citations"][0]["quote"] == BRIDGE.text[8:]
    assert first["answer"]["articles"]["bridge"] == {
        "title": "Bridge",
        "outlet": "Herald",
        "published": None,
        "url": None,
        "sha256": BRIDGE.sha256,
    }
    assert first["score"]["nuggets"] == {"hits": 1, "of": 1, "missed": []}
    assert first["values"]["citation_recall"] == 1
    assert first["values"]["copies"] is None, "these articles' copies are not known"
    assert "declined_right" not in first["values"], "it is about unanswerable questions"
    assert second["answer"]["outcome"] == "declined"
    assert (third["answer"], third["score"]["error"]) == (None, "empty")
    told = capsys.readouterr().err
    assert told.startswith("[1/3] q1: answered, 0.0 s\n") and f"report: {tmp_path}" in told


def test_bars_decide_the_exit_code(gold_file: Path, tmp_path: Path, capsys: Captured) -> None:
    words = f"--index there --questions {gold_file} --report {tmp_path} --fail-under"
    arguments = words.split()
    fake = Fake(lambda question: Answer(question, "declined"))
    assert main([*arguments, "declined_right=1, failed=0"], fake.parts()) == 0
    capsys.readouterr()
    assert main([*arguments, "nuggets=0.8,declined_wrong=0.1,words=70"], fake.parts()) == 1
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-3:] == [
        "wirecheck eval: nuggets is 0, under the bar of 0.8",
        "wirecheck eval: declined_wrong is 1, over the bar of 0.1",
        "wirecheck eval: words was not measured: no question has it (bar 70)",
    ]
    assert "something wrong in 2 of 3 questions" in printed.out
    assert (tmp_path / "report.json").exists(), "a run below its bars is reported too"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--index", "i", "--articles", "a"], "give --index or --articles, not both"),
        (["--questions", "absent.jsonl"], "can't read the gold questions absent.jsonl: "),
        (["--fail-under", "nugget=0.8"], "--fail-under: no figure 'nugget'; use one of article_"),
        (["--index", "i"], "the gold questions name 64 article"),
        (["--fresh"], "--fresh goes with --report: without it nothing is kept"),
    ],
)
def test_faults_of_usage_are_one_line_and_2(
    arguments: list[str], told: str, capsys: Captured
) -> None:
    fake = Fake(raising(AssertionError("asked")))
    assert ended(lambda: main(arguments, fake.parts())) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"wirecheck: {told}")
    assert printed.err.count("\n") == 1


def test_a_real_index_gives_rankings_passages_and_copies(tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "bridge.txt").write_text(BRIDGE.text + " The storm took the railway.")
    (articles / "ferry.txt").write_text(FERRY.text + " No bank is open at the harbour.")
    gold = tmp_path / "gold.jsonl"
    asked = {**ROWS[0], "question": "How long did the storm shut the railway?"}
    gold.write_text(json.dumps(asked))
    encoder = TopicEncoder()

    def ask(question: str, *, index: Any, model: str | None) -> Answer:
        return quote(question, index.articles["bridge"])

    parts = Parts(partial(build_index, encoder=encoder), partial(open_index, encoder=encoder), ask)
    command = ["--articles", str(articles), "--questions", str(gold), "--report", str(tmp_path)]
    assert main(command, parts) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    figures = report["summary"]["figures"]
    found = {name: figures[name]["value"] for name in figures if "@" in name}
    assert found["article_recall@1"] == found["span_found@1"] == found["span_ndcg@10"] == 1
    assert None not in found.values()
    assert figures["copies"]["value"] == 1
    assert report["settings"]["generation"] == 1
    # The index is made anew for each run, in another place: its articles are what counts.
    made: list[str] = []
    again = parts._replace(answer=lambda q, **_: made.append(q))
    assert main(command, again) == 0
    assert made == []


def test_an_interrupted_run_says_that_it_goes_on_and_does(
    gold_file: Path, tmp_path: Path, capsys: Captured
) -> None:
    asked: list[str] = []
    ask = stopped_at_the_second(asked)
    command = ["--index", "i", "--questions", str(gold_file), "--report", str(tmp_path)]
    assert ended(lambda: main(command, Fake(ask).parts())) == 130
    told = capsys.readouterr().err
    assert told.endswith("\nthe same command goes on from here\nwirecheck: stopped\n")
    assert not (tmp_path / "report.json").exists()
    assert main(command, Fake(ask).parts()) == 0
    told = capsys.readouterr().err
    assert told.startswith("1 of 3 questions were scored before, with the same settings,")
    assert "[2/3] q2: declined" in told and "[1/3]" not in told
    assert len(asked) == 4
    assert main(command, Fake(ask).parts()) == 0
    assert len(asked) == 4, "nothing is asked again"
    assert main([*command, "--fresh"], Fake(ask).parts()) == 0
    assert len(asked) == 7
    assert main([*command, "--model", "m/x"], Fake(ask).parts()) == 0
    assert len(asked) == 10, "of another model nothing is known"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nuggets", "nuggets= is no bar; write a number"),
        ("nuggets=high", "nuggets=high is no bar"),
        ("nuggets=nan", "nuggets=nan is no bar"),
        ("nuggets=-1", "nuggets=-1 is no bar"),
        ("nuggets=1.5", "nuggets=1.5 is no bar; .* from 0 to 1, as nuggets=0.8"),
        ("declined=0.5", "no figure 'declined'"),
    ],
)
def test_bars_that_are_none(text: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        parse_bars(text)


def test_all_rooms_of_the_program_count_as_the_program() -> None:
    root = Path(rag.__file__).parents[1]
    names = {p.relative_to(root).as_posix() for p in program_files(root)}
    assert {"index/formats/html.py", "rag/bundle/file.py", "rag/ask.py", "eval/main.py"} <= names
    assert {"prompts/read.txt", "rag/reader.safetensors"} <= names
    assert not [name for name in names if "__pycache__" in name]
