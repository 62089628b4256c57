"""The whole way, from files on disk to an answer, with scripted parts."""

import re
from dataclasses import replace

import pytest

import rag
from index import Article, build_index, open_index
from index.errors import ModelKeyMissing, ModelUnreachable, QuestionError
from rag.ask import Parts, ask, reports_too
from rag.question import analyse
from rag.schema import Answer, Claim
from tests.fake_reader import PatternReader
from tests.fakes import TopicEncoder
from tests.openai_server import OpenAIServer, echoes_key, fails, says

ARTICLES = {
    "h1": "Harbour shut\n\nThe harbour of Lune Mills was shut for four days, harbour master Ada Holm "
    "said on Friday. Nobody was hurt in the storm.",
    "h2": 'Storm closes harbour\n\nA storm closed the harbour of Lune Mills for four days. "We lost '
    'two cranes," said Holm.',
    "h3": "Harbour open again\n\nThe harbour of Lune Mills was shut for almost six days, the port "
    "union said.",
    "m1": "Museum opens\n\nThe museum of Arden opened a new wing.",
}
DURATION = "How long was the harbour of Lune Mills shut?"
OPEN = "What did Ada Holm say about the cranes?"
MUSEUM = "Why was the election in Varnholm stopped?"
PATTERNS = {DURATION: r"four days|almost six days", OPEN: r"two cranes"}


class OverlapChecker:
    """Support is the share of the claim's words that the evidence has."""

    threshold = 0.6

    def support(self, pairs):
        bags = [
            (set(re.findall(r"\w+", e.lower())), re.findall(r"\w+", c.lower())) for e, c in pairs
        ]
        return [sum(w in bag for w in claim) / max(1, len(claim)) for bag, claim in bags]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("articles")
    for id, text in ARTICLES.items():
        (folder / f"{id}.txt").write_text(text, encoding="utf-8")
    build_index([folder], folder / "index", encoder=TopicEncoder())
    return open_index(folder / "index", encoder=TopicEncoder())


@pytest.fixture
def answered(corpus):
    def run(question: str, model: str = "none") -> Answer:
        parts = Parts(corpus, PatternReader(PATTERNS), OverlapChecker(), model)
        return ask(analyse(question), parts, lambda step: None, {})

    return run


@pytest.fixture
def model(monkeypatch):
    """Starts a server that says one thing; returns the model's name for it."""
    servers = []

    def start(*script):
        server = OpenAIServer(*script).__enter__()
        servers.append(server)
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789abcdef")
        return "openai/scripted", server

    yield start
    for server in servers:
        server.__exit__()


def check_citations(answer: Answer) -> None:
    for claim in answer.claims:
        assert claim.citations
        for c in claim.citations:
            assert ARTICLES[c.article_id][c.start : c.end] == c.quote != ""


def rest(answer: Answer) -> list[Claim]:
    """What follows the sentence on what the reports differ in."""
    return [c for c in answer.claims if c.kind != "difference"]


def test_without_a_model_values_come_first_each_once_with_its_files(answered):
    answer = answered(DURATION)
    check_citations(answer)
    assert answer.outcome == "answered"
    first, *others = answer.claims
    assert first.kind == "difference" and first.text == (
        "Reports differ: “four days” in two reports, “almost six days” in one report (citing the "
        "port union)."
    )
    assert {c.article_id for c in first.citations} == {"h1", "h2", "h3"}
    assert [(c.text, sorted(x.article_id for x in c.citations)) for c in others] == [
        ("four days", ["h1", "h2"]),
        ("almost six days", ["h3"]),
    ]
    assert [(p.value, sorted(p.article_ids)) for p in answer.ledger] == [
        ("four days", ["h1", "h2"]),
        ("almost six days", ["h3"]),
    ]
    assert {p.stance for p in answer.ledger} == {"differs"}
    assert "don't agree" in answer.note


def test_an_open_question_is_answered_in_the_reports_own_words(answered):
    answer = answered(OPEN)
    check_citations(answer)
    assert answer.claims[0].kind == "quote" and "two cranes" in answer.claims[0].text
    assert "quotations" in answer.note


def test_it_declines_and_says_what_it_looked_for(answered):
    answer = answered(MUSEUM)
    assert answer.outcome == "declined" and answer.claims == () and answer.text == ""
    assert "Varnholm" in answer.note and "election" in answer.note
    assert answer.evidence


def test_a_report_that_denies_what_is_taken_for_granted_is_quoted_first(answered):
    answer = answered("How many people were hurt in the storm at the harbour?")
    check_citations(answer)
    assert answer.outcome == "answered" and answer.claims[0].kind == "quote"
    assert "Nobody was hurt in the storm." in answer.claims[0].text
    assert answer.trace["premise"] == {"holds": False, "article_id": "h1"}
    assert "takes for granted" in answer.note
    assert {c.kind for c in answer.claims} == {"quote"}
    assert [(p.stance, p.article_ids) for p in answer.ledger][:1] == [("denies", ("h1",))]


def test_a_writing_model_is_cited_and_sees_no_file_id(answered, model):
    name, server = model(says("The harbour of Lune Mills was shut for four days. [E1]"))
    answer = answered(DURATION, name)
    check_citations(answer)
    assert [c.kind for c in rest(answer)] == ["written"]
    assert answer.trace["voice"] == "write" and set(answer.trace["prompts"])
    sent = str(server.requests[0].body)
    assert "E1" in sent and "Lune Mills" in sent
    assert not any(f'"{id}"' in sent or f"{id}.txt" in sent for id in ARTICLES)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("The harbour was shut for nine days. [E99]", "unknown label"),
        ("The harbour was shut for nine days.", "no label"),
        ('Holm said "we lost nine ships" in the harbour. [E1]', "quotation"),
        ("The harbour of Lune Mills was shut for nine days. [E1]", "number"),
        ("The harbour of Varnholm was shut for four days. [E1]", "name"),
        ("An orchestra played waltzes near town until late. [E1]", "support"),
    ],
)
def test_what_a_model_invents_is_refused_and_the_sources_speak(answered, model, reply, reason):
    answer = answered(DURATION, model(says(reply))[0])
    check_citations(answer)
    assert [r.reason for r in answer.rejected] == [reason]
    assert answer.rejected[0].text == re.sub(r"\s*\[E\d+\]$", "", reply)
    assert answer.outcome == "answered" and {c.kind for c in rest(answer)} == {"quote"}
    assert answer.trace["voice"] == "quote instead"


@pytest.mark.parametrize("label", ["[E99]", ""])
def test_a_true_sentence_with_a_wrong_label_is_shown_with_the_right_one(answered, model, label):
    answer = answered(DURATION, model(says(f"The harbour was shut for four days. {label}"))[0])
    check_citations(answer)
    (claim,) = rest(answer)
    assert claim.kind == "written" and not answer.rejected
    assert claim.citations[0].article_id in {"h1", "h2"}
    assert [c.name for c in claim.checks][-1] == "citation"
    assert answer.trace["repairs"]["recited"] == 1


def test_a_refused_sentence_is_written_anew_once(answered, model):
    replies = (
        says("The harbour of Lune Mills was shut for nine days. [E1]"),
        says("The harbour of Lune Mills was shut for four days."),
    )
    name, server = model(*replies)
    answer = answered(DURATION, name)
    check_citations(answer)
    assert [c.text for c in rest(answer)] == ["The harbour of Lune Mills was shut for four days."]
    assert [r.reason for r in answer.rejected] == ["number"]
    assert "anew" in answer.rejected[0].detail
    assert answer.trace["repairs"]["rewritten"] == 1
    assert "nine days" in str(server.requests[1].body)


def test_good_sentences_are_kept_when_others_are_refused(answered, model):
    reply = "The harbour of Lune Mills was shut for four days. [E1]\nIt burned down in May. [E1]"
    answer = answered(DURATION, model(says(reply))[0])
    assert len(rest(answer)) == 1 and len(answer.rejected) == 1


@pytest.mark.parametrize("step", [says(""), says(None), says("x", "content_filter")])
def test_a_reply_that_cannot_be_used_leaves_the_quotations(answered, model, step):
    answer = answered(DURATION, model(step)[0])
    assert answer.outcome == "answered" and answer.trace["model_error"]
    assert {c.kind for c in rest(answer)} == {"quote"}


def test_a_model_that_sees_no_answer_is_believed_only_so_far(answered, model):
    answer = answered(DURATION, model(says("NO ANSWER"))[0])
    assert answer.trace["model_declined"] is True
    assert {c.kind for c in rest(answer)} == {"quote"}


def test_a_model_that_cannot_be_reached_is_the_callers_to_mend(answered, model):
    with pytest.raises(ModelKeyMissing) as refused:
        answered(DURATION, model(echoes_key())[0])
    assert "canary" not in str(refused.value) and "\n" not in str(refused.value)
    with pytest.raises(ModelUnreachable):
        answered(DURATION, model(fails(503))[0])


def test_parts_of_a_question_are_answered_each_and_joined(answered):
    answer = answered(f"{DURATION} {MUSEUM}")
    check_citations(answer)
    assert answer.outcome == "answered" and answer.question == f"{DURATION} {MUSEUM}"
    assert [c.text for c in rest(answer)] == ["four days", "almost six days"]
    assert MUSEUM in answer.note and "don't answer" in answer.note
    assert [p["text"] for p in answer.trace["parts"]] == [DURATION, MUSEUM]
    assert [a["outcome"] for a in answer.trace["answers"]] == ["answered", "declined"]
    assert len({e.label for e in answer.evidence}) == len(answer.evidence)
    assert Answer.from_dict(answer.to_dict()) == answer


def test_parts_none_of_which_is_answered_decline_together(answered):
    answer = answered(f"{MUSEUM} Who sang in the election hall?")
    assert answer.outcome == "declined" and not rest(answer)
    assert MUSEUM in answer.note and "hall" in answer.note


def test_every_report_that_mentions_something_is_quoted_once(answered):
    answer = answered("Which outlets mention the harbour of Lune Mills?")
    check_citations(answer)
    assert sorted({c.article_id for x in rest(answer) for c in x.citations}) == ["h1", "h2", "h3"]
    assert {c.kind for c in rest(answer)} == {"quote"}
    assert answer.note.startswith("3 reports found")


def test_copies_are_cited_and_counted_as_one_report(tmp_path):
    story = (
        "A storm tore two gates from the lock of Harrow Mere on Sunday night, and the harbour below "
        "it was shut for nine days, lock keeper Idris Vane said. Divers found one of the gates in the "
        "reeds. The other had sunk beside the weir, where a crane of the water board lifted it out."
    )
    texts = {
        "s1": story,
        "s2": f"{story} Boats waited.",
        "s3": "The harbour of Harrow Mere was shut "
        "for nine days after the storm, its council said, and the inns were full of skippers.",
    }
    for id, text in texts.items():
        (tmp_path / f"{id}.txt").write_text(f"{id}\n\n{text}", encoding="utf-8")
    build_index([tmp_path], tmp_path / "index", encoder=TopicEncoder())
    index = open_index(tmp_path / "index", encoder=TopicEncoder())
    asked = "How long was the harbour of Harrow Mere shut?"
    parts = Parts(index, PatternReader({asked: "nine days"}), OverlapChecker(), "none")
    answer = ask(analyse(asked), parts, lambda step: None, {})
    cited = [c for claim in answer.claims for c in claim.citations]
    assert all(index.articles[c.article_id].text[c.start : c.end] == c.quote for c in cited)
    (row,) = answer.ledger
    assert (sorted(row.article_ids), row.reports) == (["s1", "s2", "s3"], 2)
    assert answer.note.endswith("Cited: 3 files, 2 independent reports.")
    mentions = "Which outlets mention the harbour of Harrow Mere?"
    answer = ask(analyse(mentions), parts, lambda step: None, {})
    assert answer.note.startswith("3 files, 2 independent reports found, by")


def test_what_no_report_mentions_is_declined(answered):
    assert answered("Which outlets mention the zeppelin?").outcome == "declined"


def test_a_part_asked_within_an_outlet_sees_that_outlet_alone(tmp_path):
    rows = ["id,outlet,published,url"]
    for id, outlet in (("h1", "Lune Gazette"), ("h3", "Harbour Wire")):
        (tmp_path / f"{id}.txt").write_text(ARTICLES[id], encoding="utf-8")
        rows.append(f"{id},{outlet},2031-01-0{id[1]},")
    (tmp_path / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    build_index([tmp_path], tmp_path / "index", encoder=TopicEncoder())
    index = open_index(tmp_path / "index", encoder=TopicEncoder())
    within = f"According to the Harbour Wire, {DURATION[0].lower()}{DURATION[1:]}"
    parts = Parts(index, PatternReader(PATTERNS), OverlapChecker(), "none")

    def cited(filters):
        answer = ask(analyse(within), parts, lambda step: None, filters)
        return {c.article_id for claim in answer.claims for c in claim.citations}

    assert cited({}) == {"h3"}
    assert cited({"outlets": ["Lune Gazette"]}) == set()


def test_before_declining_a_writing_model_may_propose_other_searches(answered, model):
    name, server = model(says("1. harbour shut\n- storm in Lune Mills\n\n"))
    answer = answered(MUSEUM, name)
    assert answer.outcome == "declined"
    assert answer.trace["searches"] == ["harbour shut", "storm in Lune Mills"]
    assert len(server.requests) == 1 and MUSEUM in str(server.requests[0].body)


def test_proposed_searches_that_cannot_be_used_leave_the_answer_as_it_was(answered, model):
    answer = answered(MUSEUM, model(says(""))[0])
    assert answer.outcome == "declined" and answer.trace["searches_error"]


def test_the_answer_survives_json(answered):
    answer = answered(DURATION)
    assert Answer.from_dict(answer.to_dict()) == answer


@pytest.mark.parametrize("question", ["", " ", "why " * 25_000])
def test_a_question_that_is_none_is_refused_before_any_work(question):
    with pytest.raises(QuestionError):
        rag.answer(question, index="nowhere", model="none")


def test_the_steps_are_told(corpus):
    told = []
    parts = Parts(corpus, PatternReader(PATTERNS), OverlapChecker(), "none")
    ask(analyse(DURATION), parts, told.append, {})
    assert told == ["searching 4 reports", "drafting", "checking 2 sentences"]


def test_sentences_that_pass_are_told_and_whoever_hears_may_end_the_way(corpus):
    told = []
    parts = Parts(corpus, PatternReader(PATTERNS), OverlapChecker(), "none", told.append)
    answer = ask(analyse(DURATION), parts, lambda step: None, {})
    assert {c.text for c in told} == {c.text for c in answer.claims} != set()

    def enough(judged):
        raise InterruptedError

    parts = Parts(corpus, PatternReader(PATTERNS), OverlapChecker(), "none", enough)
    with pytest.raises(InterruptedError):
        ask(analyse(DURATION), parts, lambda step: None, {})


# --- follow-ups


@pytest.fixture
def conversation(corpus, monkeypatch):
    """`rag.answer` on the corpus, with the parts of these tests."""
    monkeypatch.setattr("rag.ask.load_reader", lambda: PatternReader(PATTERNS))
    monkeypatch.setattr("rag.ask.load_checker", OverlapChecker)

    def run(question, *history):
        return rag.answer(question, corpus, "none", history=history)

    return run


def test_a_follow_up_is_answered_as_it_stands_alone(conversation):
    first = conversation(OPEN)
    answer = conversation("And what did she say about the storm?", first)
    check_citations(answer)
    assert answer.question == "And what did she say about the storm?"
    assert answer.asked == "What did Ada Holm say about the storm?"
    assert answer.trace["rewritten"]["by"] == "rules" and answer.trace["topic"] == "same topic"
    assert "topic" not in first.trace
    again = conversation("Why?", first.to_dict(), answer.to_dict())
    assert again.asked == "Why did Ada Holm say about the storm?"


def test_who_else_leaves_out_what_was_cited(conversation):
    first = conversation(DURATION)
    both = rest(first)[0]
    assert [c.article_id for c in both.citations] == ["h1", "h2"]
    assert conversation("Who else reports that?", first).outcome == "declined"

    alone = replace(first, claims=(replace(both, citations=both.citations[:1]),))
    answer = conversation("Who else reports that?", alone)
    check_citations(answer)
    assert answer.trace["voice"] == "mentions"
    # h3 speaks of the same harbour, but says almost six days.
    assert {c.article_id for claim in answer.claims for c in claim.citations} == {"h2"}


def test_who_else_is_another_outlet():
    held = Article("x1", "", "The harbour was shut for four days.", "Lune Post", "2031-04-04")
    same = replace(held, id="x2")
    other = replace(held, id="x3", outlet="Arden Echo")
    claim = "the harbour was shut for four days"
    assert not reports_too(claim, [held], held) and not reports_too(claim, [held], same)
    assert reports_too(claim, [held], other)
    longer = replace(other, text="The harbour was shut for nine days.")
    assert not reports_too(claim, [held], longer)


def test_a_new_topic_is_noticed(conversation):
    answer = conversation("Which museum of Arden opened a wing?", conversation(DURATION))
    assert answer.trace["topic"] == "new topic" and answer.asked == answer.question
