"""The whole way, from files on disk to an answer, with scripted parts."""

import re
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

import rag
from index.errors import ModelError, ModelReplyError, QuestionError, SettingError
from rag.bundle import bundle_of
from rag.bundle.file import BundleFile, bundle_in
from rag.bundle.reverify import reverify
from rag.evidence import find_evidence
from rag.question import analyse
from rag.schema import NEAREST, Answer, Claim, Rejection
from rag.verify import default_checker
from tests.fake_reader import PatternReader
from tests.fakes import OverlapChecker, indexed
from tests.openai_server import says
from tests.replay import NO, YES, ReplayModel

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
WHY = "Why was the harbour of Lune Mills shut?"
UNKNOWN = "Why was the election in Varnholm stopped?"
PATTERNS = {DURATION: r"four days|almost six days", OPEN: r"two cranes", WHY: r"A storm"}
DAYS = (
    ("How long", "Harbour shut", "four days", YES),
    ("How long", "Storm closes", "four days", 0.9),
    ("How long", "open again", "almost six days", 0.85),
)
STORM = ("Why", "Storm closes", "A storm closed the harbour", YES)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return indexed(tmp_path_factory.mktemp("articles"), ARTICLES)


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    """The same, by two outlets, a report a day."""
    rows = ["id,outlet,published,url"]
    rows += [f"h{n},{o},2031-01-0{n}," for n, o in enumerate(("Gazette", "Wire", "Gazette"), 1)]
    return indexed(tmp_path_factory.mktemp("dated"), ARTICLES, "\n".join(rows))


@pytest.fixture(autouse=True)
def _parts(plain, monkeypatch):
    monkeypatch.setattr("rag.ask.load_reader", lambda: PatternReader(PATTERNS))
    monkeypatch.setattr("rag.ask.load_checker", OverlapChecker)


@pytest.fixture
def answered(corpus):
    def run(question: str, model="none", **more) -> Answer:
        answer = rag.answer(question, corpus, model, **more)
        check(answer, corpus)
        return answer

    return run


@pytest.fixture
def remote(openai):
    """Starts a server that says one thing; returns the model's name for it."""

    def start(*script):
        openai(*script)
        return "openai/scripted"

    return start


def check(answer: Answer, index) -> None:
    """Every claim cites what stands in its files, and JSON keeps all of it."""
    for claim in answer.claims:
        assert claim.citations
        for c in claim.citations:
            assert index.articles[c.article_id].text[c.start : c.end] == c.quote != ""
    assert Answer.from_dict(answer.to_dict()) == answer


def cited(claim: Claim) -> list[str]:
    return sorted({c.article_id for c in claim.citations})


def told(answer: Answer) -> list[tuple[str, list[str]]]:
    """The values of an answer with the files that say them."""
    return [(c.text, cited(c)) for c in answer.claims if c.kind == "span"]


def words_of(reading: dict) -> tuple[str, str]:
    return reading["article_id"], reading["words"]


def test_without_a_model_the_sentences_that_answer_best_are_quoted(answered):
    answer = answered(OPEN)
    assert answer.claims[0].kind == "quote" and "two cranes" in answer.claims[0].text
    assert "quotations" in answer.note and answer.trace["voice"] == "quote"
    assert answer.trace["model"] == "none" and "prompts" not in answer.trace
    assert answer.ledger[0].stance == "says"
    assert {c.kind for c in answered(DURATION).claims} == {"quote"}


def test_it_declines_and_says_what_it_looked_for(answered):
    answer = answered(UNKNOWN)
    assert answer.outcome == "declined" and answer.claims == () and answer.text == ""
    assert "Varnholm" in answer.note and "election" in answer.note
    assert answer.evidence and answer.trace["voice"] == "declined"


@pytest.mark.parametrize("question", ["", " ", "why " * 25_000])
def test_a_question_that_is_none_is_refused_before_any_work(question):
    with pytest.raises(QuestionError):
        rag.answer(question, index="nowhere", model="none")


def test_values_come_each_once_with_their_files_after_what_they_differ_in(answered):
    answer = answered(DURATION, ReplayModel(*DAYS))
    assert answer.claims[0].kind == "difference" and answer.claims[0].text == (
        "Reports differ: “four days” in two reports, “almost six days” in one report (citing the "
        "port union)."
    )
    assert cited(answer.claims[0]) == ["h1", "h2", "h3"]
    assert told(answer) == [("four days", ["h1", "h2"]), ("almost six days", ["h3"])]
    assert [(p.stance, p.value, sorted(p.article_ids)) for p in answer.ledger] == [
        ("differs", "four days", ["h1", "h2"]),
        ("differs", "almost six days", ["h3"]),
    ]
    assert "don't agree" in answer.note and answer.trace["voice"] == "values"


def test_the_trace_says_what_was_read_by_whom_and_how_surely(answered):
    answer = answered(DURATION, ReplayModel(*DAYS))
    assert answer.trace["model"] == "replay" and answer.trace["answer_type"] == "amount"
    assert {"read", "confirm", "write"} <= set(answer.trace["prompts"])
    assert ("h3", "almost six days") in map(words_of, answer.trace["readings"])
    assert answer.trace["confidence"] == pytest.approx(YES)


def test_words_that_no_report_has_are_never_shown(answered):
    model = ReplayModel(("How long", "Harbour shut", "nine weeks", YES), DAYS[2])
    answer = answered(DURATION, model)
    assert told(answer) == [("almost six days", ["h3"])]
    assert "nine weeks" not in str(answer.to_dict())


def test_what_the_model_does_not_believe_is_no_answer(answered):
    unsure = [(*line[:3], NO) for line in DAYS]
    answer = answered(DURATION, ReplayModel(*unsure))
    assert answer.outcome == "declined" and not answer.claims and not answer.ledger
    # The nearest are the sentences that were read, not the passages that were found.
    assert {e.hit.passage.article.id for e in answer.evidence} == {"h1", "h2", "h3"}
    assert all(re.search(r"four days|six days", e.hit.passage.text) for e in answer.evidence)
    assert not any(e.hit.passage.text.startswith("Harbour") for e in answer.evidence)
    assert answer.trace["confidence"] == pytest.approx(NO)


def test_what_the_model_half_believes_is_quoted_as_such_and_no_value_is_told(answered):
    half = [(*line[:3], 0.63) for line in DAYS]
    answer = answered(DURATION, ReplayModel(*half))
    assert answer.outcome == "answered" and answer.trace["voice"] == "quote"
    assert answer.claims and {c.kind for c in answer.claims} == {"quote"}
    assert rag.assemble.APART in {c.remark for c in answer.claims}
    assert answer.note.startswith(rag.assemble.DOUBTFUL)
    assert not any(c.remark is None or c.remark == "" for c in answer.claims)
    assert {row.value for row in answer.ledger} <= {c.text for c in answer.claims}


def test_a_claim_on_a_source_without_a_name_is_marked(tmp_path):
    text = "Talks end\n\nThe talks in the harbour took two hours, a ministry official said."
    asked = "How long did the talks take?"
    model = ReplayModel(("How long", "talks", "two hours", YES))
    answer = rag.answer(asked, indexed(tmp_path, {"t": text}), model)
    (claim,) = answer.claims
    assert claim.remark == "rests on a source without a name: a ministry official"
    assert answer.ledger[0].voices[0].kind == "unnamed"


def test_copies_are_cited_and_counted_as_one_report(tmp_path):
    story = (
        "A storm tore two gates from the lock of Harrow Mere on Sunday night, and the harbour below "
        "it was shut for nine days, lock keeper Idris Vane said. Divers found one of the gates in the "
        "reeds. The other had sunk beside the weir, where a crane of the water board lifted it out."
    )
    council = (
        "The harbour of Harrow Mere was shut for nine days after the storm, its council said, and "
        "the inns were full of skippers."
    )
    texts = {"s1": story, "s2": f"{story} Boats waited.", "s3": council}
    index = indexed(tmp_path, {id: f"{id}\n\n{text}" for id, text in texts.items()})
    asked = "How long was the harbour of Harrow Mere shut?"
    model = ReplayModel(("How long", "Harrow", "nine days", YES))
    answer = rag.answer(asked, index, model)
    check(answer, index)
    (row,) = answer.ledger
    assert (sorted(row.article_ids), row.reports) == (["s1", "s2", "s3"], 2)
    assert answer.note.endswith("Cited: 3 files, 2 independent reports.")
    read = [c for c in model.asked if c[-1]["content"].endswith(asked)]
    assert len(read) == 2
    answer = rag.answer("Which outlets mention the harbour of Harrow Mere?", index, "none")
    assert answer.note.startswith("3 files, 2 independent reports found, by")


def test_an_open_question_is_answered_in_sentences_that_are_checked_and_cited(answered):
    model = ReplayModel(STORM, written="A storm closed the harbour of Lune Mills for four days.")
    answer = answered(WHY, model)
    assert [(c.kind, cited(c)) for c in answer.claims if c.kind == "written"] == [
        ("written", ["h2"])
    ]
    assert answer.trace["voice"] == "write" and "replay" in answer.note
    sent = str(model.asked)
    assert "Lune Mills" in sent and not any(f"{id}.txt" in sent for id in ARTICLES)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ('Holm said "we lost nine ships" in the harbour.', "quotation"),
        ("A storm closed the harbour of Lune Mills for nine days.", "number"),
        ("A storm closed the harbour of Varnholm for four days.", "name"),
        ("An orchestra played waltzes near town until late.", "support"),
    ],
)
def test_what_a_model_invents_is_refused_and_the_reports_speak(answered, sentence, reason):
    answer = answered(WHY, ReplayModel(STORM, written=sentence))
    assert [(r.text, r.reason) for r in answer.rejected] == [(sentence, reason)]
    assert answer.outcome == "answered" and {c.kind for c in answer.claims} == {"quote"}
    assert "h2" in cited(answer.claims[0])


def test_good_sentences_are_kept_when_others_are_refused(answered):
    good = "A storm closed the harbour of Lune Mills for four days."
    answer = answered(WHY, ReplayModel(STORM, written=f"{good} It burned down in May."))
    assert [c.text for c in answer.claims if c.kind == "written"] == [good]
    assert len(answer.rejected) == 1


@pytest.mark.parametrize(("supports", "shown"), [(0.95, True), (0.02, False)])
def test_the_model_that_reads_has_its_word_on_what_was_written(
    answered, monkeypatch, supports, shown
):
    monkeypatch.setattr("rag.ask.load_checker", default_checker)
    good = "A storm closed the harbour of Lune Mills for four days."
    answer = answered(WHY, ReplayModel(STORM, written=good, supports=supports))
    assert answer.trace["checker"] == "bundled"
    assert [c.text for c in answer.claims if c.kind == "written"] == [good] * shown
    assert [r.reason for r in answer.rejected if r.text == good] == ["support"] * (not shown)


def test_what_was_read_and_is_not_written_is_quoted(answered):
    union = ("Why", "open again", "the port union said", 0.9)
    model = ReplayModel(STORM, union, written="A storm closed it.")
    answer = answered(WHY, model)
    quoted = [c for c in answer.claims if c.kind == "quote"]
    assert ["h3"] in map(cited, quoted) and "The other sentences" in answer.note
    assert len({e.label for e in answer.evidence}) == len(answer.evidence)


def test_a_text_that_cannot_be_used_leaves_what_was_read(answered):
    model = ReplayModel(STORM, fault=ModelReplyError("gibberish"), sound=4)
    answer = answered(WHY, model)
    assert model.calls == 5 and answer.trace["model_error"] == "gibberish"
    assert {c.kind for c in answer.claims} == {"quote"} and "h2" in cited(answer.claims[0])


def test_a_question_that_takes_too_long_is_ended_at_its_next_step(answered, monkeypatch):
    monkeypatch.setenv("WIRECHECK_SECONDS", "0.5")
    with pytest.raises(QuestionError, match=r"more than 0\.5 seconds"):
        answered(DURATION, progress=lambda step: time.sleep(0.6))


@pytest.mark.parametrize("name", ["WIRECHECK_SECONDS", "WIRECHECK_MODEL_SECONDS"])
@pytest.mark.parametrize("value", ["soon", "0", "nan"])
def test_a_deadline_must_be_a_number_of_seconds(answered, remote, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=name):
        answered(OPEN, remote(says("")))


def test_the_model_in_the_box_that_cannot_be_had_leaves_the_answer_of_none(answered, monkeypatch):
    def refuse(name, tell):
        raise ModelError("it isn't there")

    monkeypatch.setattr("rag.models.load_model", refuse)
    answer, bare = answered(OPEN, "embedded"), answered(OPEN)
    assert answer.claims == bare.claims and answer.trace["model"] == "none"
    assert answer.note == f"{bare.note} No language model read the reports: it isn't there."
    assert answer.trace["model_error"] == "it isn't there"
    monkeypatch.setattr("rag.ask.check_model", lambda name: None)
    with pytest.raises(ModelError):
        answered(OPEN, "openai/scripted")


def heard(model, question, corpus) -> tuple[Answer, list[Claim | Rejection]]:
    judged: list[Claim | Rejection] = []
    return rag.answer(question, corpus, model, on_judged=judged.append), judged


def assert_kept(answer: Answer, judged: list[Claim | Rejection]) -> None:
    """Whatever was shown is cited by the answer, among what was refused, or a nearest sentence."""
    left = {(c.article_id, c.start) for k in answer.claims for c in k.citations}
    left |= {(e.hit.passage.article.id, e.hit.passage.start) for e in answer.evidence}
    refused = {r.text for r in answer.rejected}
    for item in judged:
        shown = {(c.article_id, c.start) for c in getattr(item, "citations", ())}
        assert shown & left or item.text in refused


def test_the_nearest_sentence_comes_first_then_each_value_once_then_the_answer(corpus):
    answer, judged = heard(ReplayModel(*DAYS), DURATION, corpus)
    assert judged[0].kind == "quote" and judged[0].remark == NEAREST
    early = judged[1 : -len(answer.claims)]
    assert sorted(cited(c)[0] for c in early) == ["h1", "h2", "h3"]
    assert {c.kind for c in early} == {"span"}
    assert [c.text for c in judged[-len(answer.claims) :]] == [c.text for c in answer.claims]
    assert_kept(answer, judged)


@pytest.mark.parametrize(
    "model",
    [
        ReplayModel(*DAYS),
        ReplayModel(DAYS[2]),
        ReplayModel(*((*line[:3], NO) for line in DAYS)),
        ReplayModel(*DAYS, fault=ModelReplyError("gibberish")),
        ReplayModel(*DAYS, fault=ModelReplyError("gibberish"), sound=2),
    ],
)
def test_nothing_that_was_shown_is_silently_withdrawn(corpus, model):
    answer, judged = heard(model, DURATION, corpus)
    assert judged
    assert_kept(answer, judged)


def test_a_value_that_another_report_outdoes_is_told_as_withdrawn(corpus, monkeypatch):
    """What stood after the first reports is not what stands in the end."""
    calls = []

    def compare(question, readings, *found, real=rag.ask.compare):
        calls.append(1)
        return real(question, readings if len(calls) == 1 else readings[-1:], *found)

    monkeypatch.setattr("rag.ask.compare", compare)
    answer, judged = heard(ReplayModel(*DAYS), DURATION, corpus)
    early = [c for c in judged if isinstance(c, Claim) and c.kind == "span"][:2]
    used = {i for c in answer.claims for i in cited(c)}
    gone = [c for c in early if not set(cited(c)) & used]
    assert gone and [(r.text, r.reason) for r in answer.rejected] == [
        (c.text, "unsure") for c in gone
    ]
    assert cited(gone[0])[0] in answer.rejected[0].detail
    assert_kept(answer, judged)


def test_the_steps_are_told(answered):
    steps = []
    answered(WHY, ReplayModel(STORM, written="It was a storm."), progress=steps.append)
    assert list(dict.fromkeys(steps)) == [
        "searching 4 reports",
        "reading 3 reports",
        "reading the reports",
        "writing",
    ]
    steps.clear()
    answered(OPEN, progress=steps.append)
    assert steps == ["searching 4 reports"]


@pytest.mark.parametrize("way", ["progress", "on_judged"])
@pytest.mark.parametrize("model", ["none", ReplayModel(*DAYS)])
def test_whoever_hears_may_end_the_way_at_any_step(corpus, way, model):
    count = []
    rag.answer(OPEN, corpus, model, **{way: count.append})
    for last in range(1, len(count) + 1):
        left = iter(range(last))

        def enough(said, left=left, last=last):
            if next(left, None) == last - 1:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            rag.answer(OPEN, corpus, model, **{way: enough})


def test_parts_of_a_question_are_answered_each_and_joined(answered):
    both = f"{DURATION} {UNKNOWN}"
    answer = answered(both, ReplayModel(*DAYS, planned=f"{DURATION}\n{UNKNOWN}"))
    assert answer.outcome == "answered" and answer.question == both
    assert [text for text, _ in told(answer)] == ["four days", "almost six days"]
    assert UNKNOWN in answer.note and "don't answer" in answer.note
    assert [p["text"] for p in answer.trace["parts"]] == [DURATION, UNKNOWN]
    assert [a["outcome"] for a in answer.trace["answers"]] == ["answered", "declined"]
    assert len({e.label for e in answer.evidence}) == len(answer.evidence)
    assert set(answer.trace["prompts"]) == {"plan", "read", "confirm", "write"}


def test_parts_none_of_which_is_answered_decline_together(answered):
    other = "Who sang in the election hall?"
    answer = answered(f"{UNKNOWN} {other}", ReplayModel(planned=f"{UNKNOWN}\n{other}"))
    assert answer.outcome == "declined" and not answer.claims
    assert UNKNOWN in answer.note and other in answer.note


@pytest.mark.parametrize("model", ["none", ReplayModel(*DAYS)])
def test_every_report_that_mentions_something_is_quoted_once(answered, model):
    answer = answered("Which outlets mention the harbour of Lune Mills?", model)
    assert sorted(i for c in answer.claims for i in cited(c)) == ["h1", "h2", "h3"]
    assert {c.kind for c in answer.claims} == {"quote"} and answer.trace["voice"] == "mentions"
    assert answer.note.startswith("3 reports found")


def test_what_no_report_mentions_is_declined(answered):
    assert answered("Which outlets mention the zeppelin?").outcome == "declined"


def read_of(index, question, model=None, **filters) -> set[str]:
    """The files whose readings an answer is made of."""
    answer = rag.answer(question, index, model or ReplayModel(*DAYS), **filters)
    return {row["article_id"] for row in answer.trace.get("readings", ())}


def test_a_part_asked_within_an_outlet_sees_that_outlet_alone(dated):
    within = f"According to the Wire, {DURATION[0].lower()}{DURATION[1:]}"
    assert read_of(dated, within) == {"h2"}
    assert read_of(dated, within, outlets=["wire"]) == {"h2"}
    assert read_of(dated, within, outlets=["Gazette"]) == set()
    # Nobody's reports, where the filters leave none: not everybody's.
    assert rag.answer(within, dated, "none", outlets=["Gazette"]).outcome == "declined"


def test_outlets_and_days_narrow_what_is_read(dated):
    assert read_of(dated, DURATION, outlets=["Gazette"]) == {"h1", "h3"}
    assert read_of(dated, DURATION, since="2031-01-02") == {"h2", "h3"}
    assert read_of(dated, DURATION, until="2031-01-02") == {"h1", "h2"}


def test_as_of_a_day_later_reports_are_not_there(dated):
    assert read_of(dated, DURATION, as_of="2031-01-01") == {"h1"}
    assert read_of(dated, DURATION, as_of="2031-01-02", until="2031-01-01") == {"h1"}
    dated_question = f"As of 2 January 2031, {DURATION[0].lower()}{DURATION[1:]}"
    lines = [(line[0].lower(), *line[1:]) for line in DAYS]
    assert read_of(dated, dated_question, ReplayModel(*lines)) == {"h1", "h2"}


@pytest.fixture(scope="module")
def yearly(tmp_path_factory):
    """What one outlet reported of each year's fair, and one of the first another outlet."""
    told = {"f30": "nine", "g30": "nine", "f31": "twelve"}
    articles = {
        name: f"Harbour {name}\n\nThe storm at the harbour of Lune Mills sank {boats} boats."
        for name, boats in told.items()
    }
    rows = ["id,outlet,published,url", "f30,Gazette,2030-08-16,", "g30,Wire,2030-08-17,"]
    rows.append("f31,Gazette,2031-08-15,")
    return indexed(tmp_path_factory.mktemp("yearly"), articles, "\n".join(rows))


SANK = "How many boats did the storm at the harbour of Lune Mills sink"
BOATS = (("How many", "Harbour f31", "twelve boats", YES), ("How many", "30", "nine boats", YES))


def test_this_week_is_that_of_the_day_it_is_asked(yearly):
    now = rag.answer(f"{SANK} this week?", yearly, ReplayModel(*BOATS), as_of="2031-08-16")
    assert [c.text for c in now.claims if c.kind == "span"] == ["twelve boats"]
    assert not [c for c in now.claims if c.kind == "difference"]
    assert now.trace["time"]["periods"] == [["2031-08-11", "2031-08-17"]]
    assert "Asked as of 2031-08-16: “this week” is 2031-08-11 to 2031-08-17." in now.note
    then = rag.answer(f"{SANK} this week?", yearly, ReplayModel(*BOATS), as_of="2030-08-20")
    assert [c.text for c in then.claims if c.kind == "span"] == ["nine boats"]
    later = rag.answer(f"{SANK} this week?", yearly, ReplayModel(*BOATS), as_of="2031-09-01")
    assert [c.text for c in later.claims if c.kind == "span"] == ["twelve boats"]
    assert "No report cited here is of that time; the newest is of 2031-08-15." in later.note


def test_the_few_reports_of_the_time_are_found_among_many(tmp_path):
    many = {
        f"o{n}": f"Harbour {n}\n\nBoats the storm at the harbour of Lune Mills did sink: {n}{n}."
        for n in range(1, 61)
    }
    rows = ["id,outlet,published,url", *(f"{name},Gazette,2030-08-16," for name in many)]
    many["new"] = "News\n\nThirteen went down in the harbour."
    index = indexed(tmp_path, many, "\n".join([*rows, "new,Wire,2031-08-14,"]))

    def found(time: str) -> set[str]:
        asked = analyse(f"{SANK}{time}?").on(date(2031, 8, 16))
        evidence = find_evidence(asked, index, PatternReader({}))
        return {s.passage.article.id for s in evidence.sentences}

    assert "new" in found(" this week") and "new" not in found("")
    assert found(" this week") & many.keys() - {"new"}


def test_the_day_is_that_of_the_questions_own_as_of(yearly):
    asked = f"As of 20 August 2030, {SANK[0].lower()}{SANK[1:]} this week?"
    lines = [(line[0].lower(), *line[1:]) for line in BOATS]
    answer = rag.answer(asked, yearly, ReplayModel(*lines), as_of="2031-09-01")
    assert answer.trace["time"]["as_of"] == "2030-08-20"
    assert {c.article_id for k in answer.claims for c in k.citations} == {"f30", "g30"}


def test_without_a_day_it_is_asked_today(yearly):
    answer = rag.answer(f"{SANK} yesterday?", yearly, "none")
    assert answer.trace["time"]["as_of"] in {
        str(day.date()) for day in (datetime.now(), datetime.now() - timedelta(minutes=5))
    }


def test_the_day_changes_nothing_of_a_question_without_a_time(yearly):
    answers = [
        rag.answer(f"{SANK}?", yearly, ReplayModel(*BOATS), as_of=day)
        for day in ("2031-08-16", "2039-01-01", None)
    ]
    rows = [a.to_dict() for a in answers]
    assert all(row["trace"].pop("seconds") >= 0 for row in rows)
    assert rows[0] == rows[1] == rows[2] and "time" not in rows[0]["trace"]
    assert "twelve boats" in rows[0]["text"] and "nine boats" in rows[0]["text"]


def test_a_year_that_no_report_is_of_is_never_passed_over_in_silence(yearly):
    read = rag.answer(f"{SANK} in 2027?", yearly, ReplayModel(*BOATS))
    assert read.claims
    for answer in (read, rag.answer(f"{SANK} in 2027?", yearly, "none")):
        for claim in answer.claims:
            assert "of another time than 2027: reported on" in claim.remark
        assert answer.outcome == "declined" or "No report cited here is of that time" in answer.note
    named = rag.answer(f"{SANK} in 2030?", yearly, ReplayModel(*BOATS))
    assert [c.text for c in named.claims if c.kind == "span"] == ["nine boats"]
    assert not [c for c in named.claims if c.kind in {"span", "difference"} and c.remark]


def test_a_follow_up_is_answered_as_it_stands_alone(answered):
    first = answered(DURATION, ReplayModel(*DAYS))
    model = ReplayModel(STORM, planned=WHY, written="A storm closed the harbour.")
    answer = answered("And why?", model, history=[first])
    assert answer.question == "And why?" and answer.asked == WHY
    assert answer.trace["rewritten"] == {"from": "And why?", "to": WHY, "by": "model"}
    assert "rewritten" not in first.trace
    again = answered("And why?", model, history=[first.to_dict(), answer.to_dict()])
    assert again.asked == WHY and WHY in model.asked[-1][-1]["content"]


ELSE = "Who else reports that the harbour of Lune Mills was shut for four days?"


def test_who_else_leaves_out_what_was_cited_and_its_outlets(answered, dated):
    first = answered(DURATION, ReplayModel(DAYS[0]))
    assert {i for c in first.claims for i in cited(c)} >= {"h1"}
    alone = replace(first, claims=tuple(c for c in first.claims if cited(c) == ["h1"]))
    answer = answered("Who else?", ReplayModel(planned=ELSE), history=[alone])
    assert answer.trace["voice"] == "mentions"
    assert {i for c in answer.claims for i in cited(c)} == {"h2", "h3"}

    first = rag.answer(DURATION, dated, ReplayModel(DAYS[0]))
    alone = replace(first, claims=tuple(c for c in first.claims if cited(c) == ["h1"]))
    answer = rag.answer("Who else?", dated, ReplayModel(planned=ELSE), history=[alone])
    assert {i for c in answer.claims for i in cited(c)} == {"h2"}  # h3 is the Gazette's, too
    assert {i for c in rag.answer(ELSE, dated, "none").claims for i in cited(c)} >= {"h1", "h3"}


def test_an_unresolved_who_else_is_declined(answered):
    assert answered("Who else reports that?", history=[answered(OPEN)]).outcome == "declined"


@pytest.mark.parametrize("days", [DAYS, (DAYS[0], DAYS[2])])
@pytest.mark.parametrize("asked", [DURATION, f"{DURATION} {WHY}"])
def test_what_differs_is_made_again_from_a_bundle(corpus, dated, days, asked):
    for index in (corpus, dated):
        model = ReplayModel(*days, STORM, planned=f"{DURATION}\n{WHY}")
        answer = rag.answer(asked, index, model)
        assert "difference" in {c.kind for c in answer.claims}
        data = bundle_of(answer, {}, datetime(2031, 2, 1, tzinfo=UTC))
        found = reverify(BundleFile(bundle_in(data), data), index.articles.get)
        assert found.holds, found


def test_a_model_that_says_neither_yes_nor_no_leaves_the_quotations(answered, remote):
    answer, bare = answered(DURATION, remote(says("It was four days."))), answered(DURATION)
    assert [c.text for c in answer.claims] == [c.text for c in bare.claims]
    assert "neither yes nor no" in answer.note


def test_a_report_on_a_namesake_answers_nothing_and_the_name_is_said_to_be_missing(tmp_path):
    text = "Judge sits\n\nJudge Bo Holm sat in the harbour court. Holm is 58 years old."
    opened = indexed(tmp_path, {"h": text})
    other = rag.answer("How old is Ada Holm of the harbour court?", opened, "none")
    assert other.outcome == "declined" and "Ada Holm" in other.trace["missing"]
    assert not other.claims
    for name, sentences in (("Ada", 0), ("Bo", 2)):
        asked = analyse(f"How old is {name} Holm of the harbour court?")
        assert len(find_evidence(asked, opened, PatternReader({})).sentences) == sentences
