import io
import json
import time

import pytest

import wirecheck
from index import Hit, Passage
from index.errors import ArticleError, SettingError
from rag.cite import verify_claim
from rag.schema import Claim, DraftClaim, Evidence
from rag.verdict import as_article, check_claim, meaning, read_evidence
from tests.fakes import OverlapChecker

REPORT = (
    "Ferry crews end strike\n\nFerry crews at Larkmoor ended their strike on Tuesday after nine "
    'days, harbour master Edda Quill said. "We are back at work," she told reporters.\n\nRain is '
    "expected on the coast."
)
HEAD = "---\noutlet: The Larkmoor Gazette\npublished: 2025-03-12\n---\n"
TRUE = "Ferry crews at Larkmoor ended their strike after nine days."
FALSE = "Ferry crews at Larkmoor ended their strike after eleven days."
SILENT = "The mayor of the town will resign."


def verdict(claim, text=REPORT):
    return check_claim(claim, as_article(text), OverlapChecker())


def test_a_true_claim():
    found = verdict(TRUE)
    assert found.supported and found.words == "supported" and found.note == ""
    assert all(c.passed for c in found.checks) and found.support >= found.threshold == 0.6
    assert "after nine days" in found.citation.quote and "Rain" not in found.citation.quote


def test_a_changed_number():
    found = verdict(FALSE)
    assert not found.supported and found.support >= found.threshold
    failed = [c for c in found.checks if not c.passed]
    assert failed and found.words == f"not shown: {failed[0].detail}"
    assert "eleven days" in found.words


def test_what_the_source_does_not_say():
    found = verdict(SILENT)
    assert not found.supported and found.support < found.threshold
    assert all(c.passed for c in found.checks)
    assert found.words.startswith("not shown: the source says only “")
    assert " ".join(found.citation.quote.split()) in found.words


@pytest.mark.parametrize("claim", [TRUE, FALSE, SILENT, 'She said "we are back".', "Edda Quill"])
def test_it_is_the_check_that_an_answer_goes_through(claim):
    article = as_article(REPORT)
    evidence = {"E1": Evidence("E1", Hit(Passage(article, 0, len(REPORT)), 1.0, 1))}
    judged = verify_claim(DraftClaim(claim, ("E1",)), evidence, OverlapChecker())
    assert isinstance(judged, Claim) is verdict(claim).supported


def test_spans_and_json():
    found = verdict(TRUE)
    row = json.loads(json.dumps(found.to_dict()))
    cited = row["citation"]
    assert REPORT[cited["start"] : cited["end"]] == cited["quote"]
    assert cited["sha256"] == as_article(REPORT).sha256
    assert row["verdict"] == "supported" and row["checker"] == "overlap"
    assert {c["name"] for c in row["checks"]} >= {"quotation", "number", "date", "name"}


@pytest.mark.parametrize(
    ("support", "said"),
    [(1.0, "well above"), (0.62, "just above"), (0.6, "just above"), (0.59, "just below"), (0, "well below")],
)  # fmt: skip
def test_meaning(support, said):
    assert meaning(support, 0.6).startswith(said)


@pytest.mark.parametrize(
    "claim", ["", "  \n", "\u200b", "x" * 2001, "Quill \x1b[31m", "Quill \udc80"]
)
def test_bad_claims(claim):
    with pytest.raises(SettingError) as caught:
        verdict(claim)
    assert "\n" not in str(caught.value) and str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["", " \n", "\u200b\u200b", "a\x00b", "a \udc80"])
def test_bad_evidence(text):
    with pytest.raises(SettingError):
        verdict(TRUE, text)


def test_a_million_characters():
    filler = "It rained on Monday, 3 May, and 14 of 20 boats stayed in the port of Arden.\n" * 7000
    began = time.process_time()
    found = verdict(TRUE, filler + REPORT + "\n" + filler)
    assert time.process_time() - began < 10
    assert found.supported and "after nine days" in found.citation.quote
    assert found.note.startswith("Of the evidence's 1,0")


def test_a_file_is_read_as_an_article(tmp_path):
    (tmp_path / "ferry.txt").write_text(HEAD + REPORT)
    article = read_evidence(str(tmp_path / "ferry.txt"))
    assert (article.id, article.outlet, article.published) == (
        "ferry",
        "The Larkmoor Gazette",
        "2025-03-12",
    )
    assert article.text == REPORT


def test_a_text_and_standard_input():
    assert read_evidence(REPORT).text == REPORT
    assert read_evidence("-", io.BytesIO(REPORT.encode()).read).text == REPORT
    for data in (b"\x00\x01", b"\xff\xfe\x00", b"x" * 5_000_001):
        with pytest.raises(ArticleError, match="standard input: "):
            read_evidence("-", io.BytesIO(data).read)


def test_files_that_are_no_article(tmp_path):
    (tmp_path / "binary.txt").write_bytes(b"\x00\x01\x02")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "two.jsonl").write_text('{"text": "a b"}\n{"text": "c d"}\n')
    (tmp_path / "report.doc").write_text("x")
    for name in ("binary.txt", "empty.txt", "two.jsonl", "report.doc", "missing.txt", "."):
        with pytest.raises(ArticleError) as caught:
            read_evidence(str(tmp_path / name))
        assert "\n" not in str(caught.value)
    with pytest.raises(ArticleError, match=r"missing\.txt: no such file"):
        read_evidence("missing.txt")


@pytest.mark.parametrize(("claim", "code"), [(TRUE, 0), (FALSE, 1)])
def test_the_command(monkeypatch, capsys, tmp_path, claim, code):
    monkeypatch.setattr("rag.verdict.load_checker", OverlapChecker)
    (tmp_path / "ferry.txt").write_text(HEAD + REPORT)
    options = ["check", "--claim", claim, "--evidence", str(tmp_path / "ferry.txt")]
    assert wirecheck.main(options) == code
    said = capsys.readouterr().out
    assert said.startswith("Supported" if code == 0 else "Not shown: ")
    assert "number: passed" in said if code == 0 else "number: failed: " in said
    assert "checker overlap" in said and "of 0.60" in said and "The Larkmoor Gazette" in said
    assert wirecheck.main([*options, "--json"]) == code
    row = json.loads(capsys.readouterr().out)
    assert row["supported"] is (code == 0) and row["citation"]["article_id"] == "ferry"


def test_escapes_never_reach_the_terminal(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("rag.verdict.load_checker", OverlapChecker)
    (tmp_path / "ferry.txt").write_text(REPORT + "\n\u202egulls circled over Arden\u202c")
    path = str(tmp_path / "ferry.txt")
    assert wirecheck.main(["check", "--claim", "gulls circled over", "--evidence", path]) == 0
    said = capsys.readouterr().out
    assert "\u202e" not in said and "gulls circled" in said


@pytest.mark.parametrize(
    ("claim", "evidence", "setting"),
    [("", REPORT, ""), (TRUE, "missing.txt", ""), (TRUE, REPORT, "/nowhere/model")],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, monkeypatch, claim, evidence, setting):
    monkeypatch.setenv("WIRECHECK_CHECKER", setting)
    assert wirecheck.main(["check", "--claim", claim, "--evidence", evidence]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1 and said.err.startswith("wirecheck: ")
