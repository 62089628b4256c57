from dataclasses import replace

import pytest

from index.records import Article
from rag.cite import Verified
from rag.compare import compare
from rag.prompts import load_prompt
from rag.question import analyse
from rag.schema import Claim, DraftClaim, Rejection
from rag.write import (
    MAX_QUOTES,
    MAX_VALUES,
    MAX_WORDS,
    MOST_CITED,
    NEAR,
    NEAR_SHARE,
    WRITING_SENTENCES,
    best_sentences,
    marked,
    mentions,
    nearest,
    on_point,
    quotations,
    sentences_of,
    values,
    written,
)
from tests.fake_reader import found, reading, scored
from tests.replay import NO, YES, ReplayModel

LONG = "How long was the harbour shut?"
WHY = "Why was the harbour shut?"


class Words:
    """Support is 1 where the evidence has all words of the claim, else 0."""

    threshold = 0.5

    def support(self, pairs):
        return [float(set(claim.split()) <= set(evidence.split())) for evidence, claim in pairs]


pytestmark = pytest.mark.usefixtures("plain")


def said(name, text, words, sure=YES, outlet=None, day=None):
    return reading(scored(Article(name, "", text, outlet, day)), words, sure)


def compared(question, *readings):
    return compare(analyse(question), readings, [r.sentence for r in readings])


def test_each_value_is_said_once_in_the_reports_words_with_every_report_that_says_it():
    readings = (
        said("a", "It was shut for four\n days.", "four\n days"),
        said("b", "It was shut for 96 hours.", "96 hours", 0.9),
        said("c", "It was open.", "open", NO),
    )
    draft = values(compared(LONG, *readings), hash)
    assert draft.claims == (DraftClaim("four days", ("E1", "E2"), "span", (YES, 0.9)),)
    assert [e.hit.passage.article.id for e in draft.evidence] == ["a", "b"]
    assert [e.hit.score for e in draft.evidence] == [r.sentence.score for r in readings[:2]]


def test_no_more_values_than_a_reader_can_compare():
    many = "one two three four five six seven eight".split()
    readings = [said(w, f"It lasted {w} weeks.", f"{w} weeks") for w in many]
    spans = [c for c in values(compared(LONG, *readings), hash).claims if c.kind == "span"]
    assert len(spans) == MAX_VALUES


def test_a_value_with_quotation_marks_of_its_own_gets_no_others():
    assert marked("four  days") == "“four days”"
    assert marked('the "Dorrit"') == 'the "Dorrit"' and marked("the “Dorrit”") == "the “Dorrit”"


STORM = said("a", "The harbour was shut after a storm.", "after a storm", outlet="Lune Wire")
CRANE = said("b", "A storm broke the crane of the harbour .", "broke the crane", 0.9)


def test_each_written_sentence_cites_what_supports_it():
    model = ReplayModel(written="The harbour was shut after a storm. A storm broke the crane")
    draft = written(analyse(WHY), compared(WHY, STORM, CRANE), model, Words())
    assert [(c.text, c.labels, c.kind) for c in draft.claims] == [
        ("The harbour was shut after a storm.", ("E1",), "written"),
        ("A storm broke the crane", ("E2",), "written"),
    ]
    assert [e.hit.passage.article.id for e in draft.evidence] == ["a", "b"]


def test_a_sentence_that_tells_nothing_that_was_read_is_off_the_point():
    found = compared(WHY, STORM, CRANE)
    judged = [Claim(text, (), 0.9) for text in ("It burned.", "A storm came with snow.")]
    burned, storm = on_point(analyse(WHY), Verified(tuple(judged)), found).judged
    assert isinstance(burned, Rejection) and burned.reason == "off the point"
    assert storm == judged[1]


def test_a_sentence_that_tells_what_is_asked_is_on_the_point():
    asked = analyse("Did a storm shut the harbour?")
    found = compared(
        asked.text, said("a", "It blew, and the quay was empty.", "the quay was empty")
    )
    verified = Verified(
        (Claim("A storm shut the harbour.", (), 0.9), Claim("A storm came.", (), 0.9))
    )
    told, other = on_point(asked, verified, found).judged
    assert isinstance(told, Claim) and isinstance(other, Rejection)


def test_a_full_stop_that_nobody_said_stands_outside_the_marks():
    heard = said("a", "“We heard the storm, not the siren,” said Ada Holm.", "the storm")
    model = ReplayModel(written='Ada Holm said: "We heard the storm, not the siren."')
    (claim,) = written(analyse(WHY), compared(WHY, heard), model, Words()).claims
    assert claim.text == 'Ada Holm said: "We heard the storm, not the siren".'


def test_what_repeats_the_prompt_names_no_evidence():
    example = load_prompt("write").turns[-2][1].splitlines()[0]
    said = f"Report (Wire): A storm closed the harbour.\n{WHY}\n{example}"
    claims = written(analyse(WHY), compared(WHY, STORM), ReplayModel(written=said), Words()).claims
    assert claims[0].text == "A storm closed the harbour." and claims[0].labels
    assert len(claims) > 2 and {c.labels for c in claims[1:]} == {()}


def test_a_written_sentence_cites_no_more_than_a_few():
    same = [said(n, "The harbour was shut after a storm.", "after a storm") for n in "abcde"]
    model = ReplayModel(written="The harbour was shut after a storm.")
    (claim,) = written(analyse(WHY), compared(WHY, *same), model, Words()).claims
    assert len(claim.labels) == MOST_CITED


def test_the_model_sees_the_sentences_that_were_read_with_their_outlets_and_no_file_id():
    unread = said("zz9", "The port slept.", "slept", NO)
    named = replace(CRANE.sentence.passage.article, id="xx7")
    model = ReplayModel(written="")
    crane = reading(scored(named), "broke the crane", 0.9)
    written(analyse(WHY), compared(WHY, STORM, crane, unread), model, Words())
    (sent,) = model.asked
    assert sent[:-1] == load_prompt("write").messages(question="", evidence="")[:-1]
    assert sent[-1]["content"] == (
        "Report (Lune Wire): The harbour was shut after a storm.\n"
        f"Report: A storm broke the crane of the harbour .\n\nQuestion: {WHY}"
    )
    many = [said(f"a{n}", f"Storm number {n} came.", "came") for n in range(WRITING_SENTENCES + 2)]
    written(analyse(WHY), compared(WHY, *many), model, Words())
    assert model.asked[-1][-1]["content"].count("Report:") == WRITING_SENTENCES


@pytest.mark.parametrize(
    ("reply", "sentences"),
    [
        ("The strike lasted four days. [E2]", ["The strike lasted four days."]),
        ("- Two died [1].\n- Nine were hurt.", ["Two died.", "Nine were hurt."]),
        ("It rained. [Lune Wire] It snowed.", ["It rained.", "It snowed."]),
        ("[E1]\n\n***", []),
        ("", []),
    ],
)
def test_a_reply_is_read_by_sentences_without_marks_of_its_own(reply, sentences):
    assert list(sentences_of(reply)) == sentences


def test_sentences_are_quoted_whole_each_once():
    one = scored(Article("a", "", "The  mayor\nleft."))
    twin = scored(Article("b", "", "The mayor left."))
    other = scored(Article("c", "", "It rained."))
    claims = quotations([one, twin, other]).claims
    assert [(c.text, c.kind) for c in claims] == [
        ("The mayor left.", "quote"),
        ("It rained.", "quote"),
    ]


def best(*rows: tuple[str, str, float]):
    """What is quoted of sentences as (article ID, text, score), best first."""
    return best_sentences(found(*(scored(Article(i, "", t), score=s) for i, t, s in rows))).claims


def test_the_nearest_sentences_are_few_and_none_much_worse_than_the_first():
    many = [scored(Article(f"a{n}", "", f"Word{n}."), score=0.9) for n in range(NEAR + 2)]
    copy = replace(scored(Article("b", "", "Word0."), score=0.9), is_copy=True)
    assert nearest(found(many[0], copy, *many[1:])) == many[:NEAR]
    weak = scored(Article("c", "", "Weak."), score=0.9 * NEAR_SHARE - 0.01)
    assert nearest(found(many[0], weak)) == many[:1]


def test_the_best_sentences_are_quoted_and_much_worse_ones_are_not():
    claims = best(("a", "The vote was lost.", 0.9), ("b", "Rain fell.", 0.3), ("c", "Snow.", 0.6))
    assert claims == (
        DraftClaim("The vote was lost.", ("E1",), "quote"),
        DraftClaim("Snow.", ("E3",), "quote"),
    )


def test_copies_of_a_sentence_are_one_quotation_with_both_files():
    text = "The mayor left because the vote was lost."
    (claim,) = best(("a", text, 0.9), ("b", text, 0.9))
    assert claim.labels == ("E1", "E2")


def test_quotations_stay_short():
    rows = [(f"a{n}", f"Reason number {n} " + f"word{n} " * 30, 0.9) for n in range(6)]
    texts = [c.text for c in best(*rows)]
    assert sum(len(t.split()) for t in texts) <= MAX_WORDS
    assert len(best(*((f"a{n}", f"Word{n}.", 0.9) for n in range(6)))) == MAX_QUOTES


def test_each_report_is_quoted_where_it_mentions_the_words_best_and_copies_together():
    article = Article("a", "", "A siren rang. The siren of Upper Tarn rang all night.")
    first = scored(article, "A siren rang.", signal=0.6)
    second = scored(article, "The siren of Upper Tarn rang all night.", signal=0.9)
    copy = scored(Article("b", "", "The siren of Upper Tarn rang all night!"), signal=0.8)
    far = scored(Article("c", "", "A bell rang."), signal=0.4)
    draft = mentions(found(first, second, copy, far), {"coverage": 0.5})
    assert [(c.text, c.labels) for c in draft.claims] == [
        ("The siren of Upper Tarn rang all night.", ("E1", "E2"))
    ]
    assert {e.hit.passage.article.id for e in draft.evidence} == {"a", "b"}
