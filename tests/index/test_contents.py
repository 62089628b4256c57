import json

import numpy as np
import pytest

from index.contents import ARTICLES, OUTLETS, ROWS, Articles, ById, Passages
from index.errors import IndexCorrupt
from index.records import Article, Passage
from tests.index.corpora import array_bytes, files_of

REPORTS = [
    Article(
        "dock", "Dock", "The harbour is open. 😀", "Tern Daily", "2025-03-01", "http://t.example"
    ),
    Article("é", "Line\u2028 “x”", "Storm\n", "Moor Post", "2025-03-09"),
    Article("shrug", "", "No storm.", "tern daily"),
    Article("anon", "Who", "Nobody knows.", None, "0987-12-31"),
]


@pytest.fixture(params=["made", "read back"])
def articles(request):
    made = Articles.of(REPORTS)
    return made if request.param == "made" else Articles.from_files(files_of(made), len(made))


class TestArticles:
    def test_they_are_as_they_were(self, articles):
        assert list(articles) == REPORTS
        assert len(articles) == 4
        assert articles[-1] == REPORTS[3]
        assert articles[1:3] == REPORTS[1:3]
        with pytest.raises(IndexError):
            articles[4]
        assert list(articles.problems()) == []

    def test_one_object_as_long_as_it_is_held(self, articles):
        held = articles[1]
        assert articles[1] is held

    def test_by_id(self, articles):
        found = ById(articles)
        assert found["é"] == REPORTS[1]
        assert "shrug" in found and "nobody" not in found
        assert found.get("nobody") is None
        assert list(found) == [a.id for a in REPORTS]
        assert dict(found) == {a.id: a for a in REPORTS}
        with pytest.raises(KeyError):
            found["nobody"]

    def test_two_of_one_id_are_refused(self):
        with pytest.raises(ValueError, match="two articles have the ID dock"):
            Articles.of([REPORTS[0], REPORTS[1], REPORTS[0]])

    def test_dates(self, articles):
        assert articles.dates() == ("0987-12-31", "2025-03-09")
        assert Articles.of(REPORTS[2:3]).dates() == (None, None)
        assert Articles.of([]).dates() == (None, None)

    def test_none_at_all(self):
        nothing = Articles.from_files(files_of(Articles.of([])), 0)
        assert list(nothing) == [] and nothing.find("dock") is None
        assert nothing.passing(set(), None, None).shape == (0,)


def changed(rows, field, value):
    rows = rows.copy()
    rows[field][1] = value
    return array_bytes(rows)


GOOD = {"id": "a", "title": "t", "text": "storm", "outlet": None, "published": None, "url": None}


class TestDamage:
    """What a faulty writer may have sealed with right checksums."""

    @pytest.mark.parametrize(
        ("field", "value", "reason"),
        [
            ("end", -1, "does not fit articles.jsonl"),
            ("end", 10**9, "does not fit articles.jsonl"),
            ("outlet", 3, "names an outlet that is not there"),
            ("outlet", -2, "names an outlet that is not there"),
        ],
    )
    def test_numbers_that_lead_outside(self, field, value, reason):
        made = Articles.of(REPORTS)
        files = files_of(made) | {ROWS: changed(made.rows, field, value)}
        with pytest.raises(IndexCorrupt, match=f"articles.npy: {reason}"):
            Articles.from_files(files, 4)

    def test_a_file_of_another_length(self):
        files = files_of(Articles.of(REPORTS))
        with pytest.raises(IndexCorrupt, match=r"articles\.npy: does not fit"):
            Articles.from_files(files | {ARTICLES: files[ARTICLES] + b"\n"}, 4)
        with pytest.raises(IndexCorrupt, match=r"outlets\.json: is no list"):
            Articles.from_files(files | {OUTLETS: b"{}"}, 4)
        with pytest.raises(IndexCorrupt, match=r"articles\.npy: holds"):
            Articles.from_files(files, 5)

    @pytest.mark.parametrize(
        "row",
        [
            *({**GOOD, **more} for more in ({"text": 5}, {"outlet": 5}, {"surprise": 5})),
            *({**GOOD, **more} for more in ({"id": "b"}, {"text": "storms"})),
            *({"id": "a"}, ["a"], "a"),
        ],
    )
    def test_lines_that_are_not_the_article(self, row):
        made = Articles.of([Article("a", "t", "storm")])
        data = json.dumps(row).encode() + b"\n"
        rows = made.rows.copy()
        rows["end"] = len(data)
        files = files_of(made) | {ARTICLES: data}
        files[ROWS] = array_bytes(rows)
        read = Articles.from_files(files, 1)
        with pytest.raises(IndexCorrupt, match=r"articles\.jsonl: holds a"):
            read[0]
        (problem,) = read.problems()
        assert problem.startswith("articles.jsonl: holds a") and problem.endswith("(line 1)")

    @pytest.mark.parametrize(("field", "value"), [("outlet", 0), ("published", 20250101)])
    def test_rows_that_say_something_else(self, field, value):
        made = Articles.of(REPORTS)
        files = files_of(made) | {ROWS: changed(made.rows, field, value)}
        assert list(Articles.from_files(files, 4).problems()) == [
            "articles.npy: outlet or date of é is not what articles.jsonl says"
        ]


def passages_in(rows, count=None):
    rows = np.array(rows)
    files = {"passages.npy": array_bytes(rows)}
    articles = Articles.of([Article("a", "t", "storm")])
    return Passages.from_files(files, articles, len(rows) if count is None else count)


class TestPassages:
    def test_they_are_made_when_asked_for(self):
        articles = Articles.of(REPORTS)
        made = [Passage(REPORTS[0], 4, 11), Passage(REPORTS[0], 0, 3), Passage(REPORTS[2], 0, 9)]
        passages = Passages.of(made, articles)
        assert list(passages) == made
        assert (passages[-1], passages[1:]) == (made[2], made[1:])
        assert passages[0].text == "harbour"
        assert [passages.of_article(n).tolist() for n in range(4)] == [[0, 1], [], [2], []]
        with pytest.raises(IndexError):
            passages[3]

    @pytest.mark.parametrize(
        ("spans", "reason"),
        [
            ([[0, 0, 6]], "span outside"),
            ([[0, 2, 2]], "span outside"),
            ([[0, -1, 2]], "span outside"),
            ([[1, 0, 2]], "article that is not there"),
            ([[0, 0]], "shape"),
            ([[0.0, 0.0, 1.0]], "float64"),
        ],
    )
    def test_spans_that_are_refused(self, spans, reason):
        assert len(passages_in([[0, 0, 5]])) == 1
        with pytest.raises(IndexCorrupt, match=f"passages.npy: .*{reason}"):
            passages_in(spans)
