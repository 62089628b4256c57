"""Systems under test: a function, a command, an address; whatever they do, an answer or a line."""

import json
import shlex
import sys
import time
from types import SimpleNamespace

import pytest

from eval import systems
from eval.systems import answer_of, find_words, load_system
from eval.wording import citation_fault
from index.errors import ModelReplyError, ModelUnknown, ModelUnreachable, SettingError
from index.records import Article
from rag.schema import Answer
from tests.openai_server import OpenAIServer, fails, says

FERRY = Article("ferry", "Ferry", "Ferry\n\nNine people died. “It was\nthe fog,” Ellery said.")
DAM = Article("dam", "Dam", "Dam\n\nThe gate jammed on Saturday.")
ARTICLES = {"ferry": FERRY, "dam": DAM}
CORPUS = SimpleNamespace(articles=ARTICLES)
SIMPLE = {
    "text": "Nine died.",
    "citations": [{"article_id": "ferry", "quote": "Nine people died."}],
}


def quotes(answer: Answer) -> list[list[tuple[str, str]]]:
    return [[(c.article_id, c.quote) for c in claim.citations] for claim in answer.claims]


def faults(answer: Answer) -> list[str | None]:
    return [citation_fault(c, ARTICLES) for claim in answer.claims for c in claim.citations]


def test_a_simple_answer_is_one_claim_with_its_citations():
    answer = answer_of("How many?", {**SIMPLE, "confidence": 0.5}, ARTICLES)
    assert answer.trace["confidence"] == 0.5
    assert (answer.outcome, [c.text for c in answer.claims]) == ("answered", ["Nine died."])
    assert quotes(answer) == [[("ferry", "Nine people died.")]] and faults(answer) == [None]
    json.dumps(answer.to_dict(), allow_nan=False)


def test_sentences_keep_the_citations_that_their_marks_name():
    given = {
        "text": "Nine died. [ferry] The gate jammed [dam, ferry]. And more.",
        "citations": [{"article_id": "dam", "quote": "The gate jammed"}],
    }
    answer = answer_of("q", given, ARTICLES)
    assert [c.text for c in answer.claims] == ["Nine died.", "The gate jammed", "And more."]
    assert quotes(answer) == [
        [("ferry", FERRY.text)],
        [("dam", "The gate jammed"), ("ferry", FERRY.text)],
        [],
    ]


@pytest.mark.parametrize(
    "given", [{"declined": True}, {"outcome": "declined"}, {"text": " "}, "", {"claims": []}]
)
def test_no_words_is_a_declined_answer(given):
    assert answer_of("q", given, ARTICLES).outcome == "declined"


@pytest.mark.parametrize(
    ("citation", "fault"),
    [
        ({"article_id": "ferry", "quote": "Ten people died."}, "ferry: other words at 0-16"),
        ({"article_id": "nowhere", "quote": "x"}, "nowhere: no such article"),
        ("nowhere", "nowhere: no such article"),
        ({"article_id": "ferry", "quote": ""}, "ferry: no words at 0-0"),
    ],
)
def test_what_is_not_there_counts_as_not_valid(citation, fault):
    answer = answer_of("q", {"text": "A.", "citations": [citation]}, ARTICLES)
    [found] = faults(answer)
    assert found is not None and found.split(":")[0] == fault.split(":")[0]
    json.dumps(answer.to_dict(), allow_nan=False)


def test_an_answer_as_wirecheck_writes_it_is_read_back():
    answer = answer_of("q", SIMPLE, ARTICLES)
    assert answer_of("q", answer.to_dict(), ARTICLES) == answer
    assert answer_of("q", answer, ARTICLES) is answer


@pytest.mark.parametrize(
    "given",
    [
        [],
        {"claims": [{}]},
        {"text": "A.", "citations": 3},
        {"text": "A.", "confidence": "very"},
        {"ledger": []},
    ],
)
def test_what_is_no_answer_is_one_line(given):
    with pytest.raises(ModelReplyError) as caught:
        answer_of("q", given, ARTICLES, "theirs")
    assert str(caught.value).startswith("theirs ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("Nine people died.", "Nine people died."),
        ('"It was the fog," Ellery', "“It was\nthe fog,” Ellery"),
        ("nine people", None),
        ("people (died)", None),
        ("", None),
    ],
)
def test_where_words_stand(quote, found):
    span = find_words(FERRY.text, quote)
    assert (FERRY.text[slice(*span)] if span else None) == found


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "theirs.py").write_text(
        "class A:\n    b = staticmethod(lambda question: {'text': question})\n"
        "def breaks(question):\n    raise ValueError('two\\nlines')\n"
        "def quits(question):\n    raise SystemExit(3)\n"
        "value = 3\n",
        encoding="utf-8",
    )
    yield
    sys.modules.pop("theirs", None)


def test_a_function_of_the_folder_that_one_stands_in(module):
    assert load_system("theirs:A.b", CORPUS)("Who?").claims[0].text == "Who?"


@pytest.mark.parametrize(
    ("name", "told"), [("breaks", "ValueError: two lines"), ("quits", "SystemExit: 3")]
)
def test_a_function_that_raises_or_ends_the_program_is_one_line(module, name, told):
    with pytest.raises(ModelReplyError, match=f"theirs:{name} failed: {told}"):
        load_system(f"theirs:{name}", CORPUS)("Who?")


def command(code: str, *arguments: str) -> str:
    return shlex.join([sys.executable, "-c", code, *arguments])


def test_the_question_comes_on_standard_input_or_as_an_argument():
    reads = "import json, sys; print(json.dumps({'text': sys.stdin.read()}))"
    assert load_system(command(reads), CORPUS)("Who? “Ü”").claims[0].text == "Who? “Ü”"
    takes = "import json, sys; print(json.dumps({'text': sys.argv[1]}))"
    asked = "; rm -rf $HOME 'x'"
    assert load_system(command(takes, "{question}"), CORPUS)(asked).claims[0].text == asked


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("print('hello')", "printed no JSON: hello"),
        ("import sys; sys.exit('one\\ntwo')", "ended with 1: two"),
        ("raise SystemExit(4)", "ended with 4: nothing said"),
    ],
)
def test_a_command_that_breaks_is_one_line(code, told):
    with pytest.raises(ModelReplyError) as caught:
        load_system(command(code), CORPUS)("Who?")
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_a_command_that_takes_too_long_is_stopped_with_what_it_started(tmp_path):
    marker = tmp_path / "alive"
    child = f"import time; time.sleep(2); open({str(marker)!r}, 'w')"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    began = time.monotonic()
    with pytest.raises(ModelUnreachable, match="gave no answer within 1 seconds"):
        load_system(command(code), CORPUS, seconds=1)("Who?")
    assert time.monotonic() - began < 20
    time.sleep(2.5)
    assert not marker.exists()


@pytest.mark.parametrize(
    "name",
    ["", "no-such-program-here", "'unclosed", "theirs:none", "nothing_here:f", "theirs:value"],
)
def test_a_function_or_command_that_is_not_there(module, name):
    with pytest.raises(SettingError) as caught:
        load_system(name, CORPUS)("Who?")
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    from index import build_index, open_index

    folder = tmp_path_factory.mktemp("systems")
    for name, text in (("ferry", FERRY.text), ("dam", DAM.text)):
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    build_index([folder], folder / "index")
    return open_index(folder / "index")


def test_an_address_gets_our_evidence_and_its_sentences_are_not_checked(index, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    reply = "Nine hundred people died in the fog. [E1]\nIt rained. [E99]"
    with OpenAIServer(says(reply)) as server:
        answer = load_system(f"{server.url}#tiny", index)("How many people died?")
        request = server.requests[0]
    assert [c.text for c in answer.claims] == ["Nine hundred people died in the fog.", "It rained."]
    [[(article, quote)], [(missing, _)]] = quotes(answer)
    assert quote in index.articles[article].text and missing == "E99"
    assert (
        request.body["model"] == "tiny"
        and "Nine people died." in request.body["messages"][1]["content"]
    )
    assert "secret" not in json.dumps(request.headers)


@pytest.mark.parametrize(
    ("line", "text", "labels"),
    [
        ("Nine died. [E1][E2]", "Nine died.", ["E1", "E2"]),
        ("- Nine died [E1, E2].", "Nine died", ["E1", "E2"]),
        ("Nine [E1] died.", "Nine [E1] died.", []),
    ],
)
def test_a_line_cites_the_labels_that_it_ends_with(line, text, labels):
    [claim] = systems.labelled(f"{line}\n\n---\n", [])
    assert (claim.text, [c.article_id for c in claim.citations]) == (text, labels)


def test_an_address_with_a_key_of_its_own(index, monkeypatch):
    monkeypatch.setenv(systems.KEY, "theirs")
    with OpenAIServer(says("NO ANSWER")) as server:
        assert load_system(f"{server.url}#tiny", index)("Who?").outcome == "declined"
        assert server.requests[0].headers["authorization"] == "Bearer theirs"


def test_an_address_that_fails_is_an_error_of_ours(index):
    with OpenAIServer(fails(404)) as server, pytest.raises(ModelUnknown):
        load_system(f"{server.url}#tiny", index)("Who?")
    with pytest.raises(SettingError, match="say which model"):
        load_system("http://127.0.0.1:9/v1", index)
