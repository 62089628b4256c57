import pytest

from index import Article
from rag.compare import compare
from rag.entries import entries_of, is_later, when_said
from rag.ledger import ledger_of
from rag.question import analyse
from rag.read import windows
from rag.weighing import as_of_last_entry
from tests.fake_reader import found, reading, scored
from tests.fakes import at
from tests.replay import YES

FIRST = "The ferry is aground off Orm and 40 people are aboard."
THEN = "The pilot says 31 people are aboard."
LAST = "Now 12 people are aboard."
BLOGS = {
    "newest first": f"2041-05-01 09:30 {LAST}\n2041-05-01 08:00\n{THEN}\n2041-05-01 06:15 {FIRST}",
    "newest last": f"2041-05-01 23:15 {FIRST}\n\n2041-05-02 00:30: {LAST}",
    "no day": f"6.15 am {FIRST}\n8.00 am: {THEN}\n1.30 pm {LAST}",
    "Markdown": f"## 06:15 – {FIRST}\n## 08:00 – {THEN}\n**13:30** {LAST}",
    "German": f"13:30 Uhr: {LAST}\n8:00 Uhr: {THEN}\n6:15 Uhr: {FIRST}",
}


@pytest.mark.parametrize("text", BLOGS.values(), ids=BLOGS)
def test_entries_of_a_live_blog_newest_first_or_last(text):
    article = Article("live", "Ferry aground", f"Ferry aground\n{text}", "Orm Radio", "2041-05-01")
    assert len(entries_of(article)) == text.count("aboard")
    assert is_later(at(article, LAST), at(article, FIRST))
    assert not is_later(at(article, FIRST), at(article, LAST))
    assert when_said(at(article, "Ferry aground")) == "2041-05-01"
    assert when_said(at(article, LAST))[-5:] in {"09:30", "00:30", "13:30"}


@pytest.mark.parametrize(
    "text",
    [
        "The ferry sank.\n7.30 metres of water stood in the dock.\nIt was 9.15 in the evening.",
        "06:15 The first.\n05:10 The second.\n09:40 The third.",
        "12.5 % of the boats sank.\n13.5 % were damaged.\n14.5 % are safe.",
        "06:15 The only one.",
        "2041-05-01 was a Friday.\n2041-05-02 was not.",
    ],
)
def test_what_is_no_live_blog(text):
    assert entries_of(Article("a", "A", text)) == ()


ASKED = analyse("How many people are aboard the ferry?")


def blog(*said):
    article = Article("live", "Ferry aground", BLOGS["newest first"], "Orm Radio", "2041-05-01")
    return [reading(scored(article, s), w, YES) for s, w in said]


def test_the_newest_entry_wins_and_the_older_ones_are_told_as_superseded(plain):
    said = blog((FIRST, "40 people"), (THEN, "31 people"), (LAST, "12 people"))
    told = compare(ASKED, said, [r.sentence for r in said])
    assert [side.text for side in told.standing] == ["12 people"] and not told.differ
    rows = ledger_of(told, lambda name: 0)
    assert [(r.stance, r.value) for r in rows[:2]] == [
        ("agrees", "12 people"),
        ("superseded", "40 people"),
    ]
    assert "“12 people” on 2041-05-01 09:30" in rows[1].note


def test_without_a_model_an_older_entry_on_the_same_comes_later():
    sentences = [r.sentence for r in blog((FIRST, "40 people"), (LAST, "12 people"))]
    ranked = as_of_last_entry(ASKED, sentences)
    assert [s.passage.text for s in ranked] == [LAST, FIRST]


def test_each_entry_is_read_by_itself():
    sentences = [r.sentence for r in blog((FIRST, "40 people"), (THEN, "31 people"))]
    read = windows(found(*sentences), lambda name: 0)
    assert [w.text.split("\n")[0] for w in read] == [
        "Report (Orm Radio, 2041-05-01 06:15): Ferry aground",
        "Report (Orm Radio, 2041-05-01 08:00): Ferry aground",
    ]
