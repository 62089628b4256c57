from concurrent.futures import ThreadPoolExecutor

import pytest

from index import build_index, load_encoder, open_index
from index.arguments import MAX_QUERY
from index.errors import IndexMismatch, QuestionError, SettingError
from index.search import Ranking
from tests.fakes import TOPICS, TopicEncoder
from tests.index.corpora import index_of

STORIES = {
    "dock": "---\noutlet: Tern Daily\npublished: 2025-03-01\n---\nThe harbour is open.",
    "gale": "---\noutlet: Tern Daily\npublished: 2025-03-05\n---\nThe storm hit the harbour.",
    "vote": "---\noutlet: Moor Post\npublished: 2025-03-09\n---\nThe election is over.",
    "shrug": "---\noutlet: Moor Post\n---\nThe storm was no storm at all.",
    "anon": "Nobody knows who wrote of a storm in a museum.",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return index_of(tmp_path_factory.mktemp("corpus"), STORIES)


def ids(hits):
    return [hit.passage.article.id for hit in hits]


def test_hits_are_ranked_best_first(corpus):
    hits = corpus.search("storm in the harbour")
    assert ids(hits)[0] == "gale"
    assert [h.rank for h in hits] == list(range(1, len(hits) + 1))
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    # The first of both lists has 1; its only pair of words, storm and harbour, is not there.
    assert hits[0].score == pytest.approx(1.0)
    assert all(0 <= h.score < 1 for h in hits[1:])
    assert hits[0].passage.text == "The storm hit the harbour."
    assert all(h.reasons == () for h in hits)


def test_all_passages_of_an_article_in_their_order(corpus, tmp_path):
    assert [p.text for p in corpus.passages_of("gale")] == ["The storm hit the harbour."]
    story = "".join(f"The storm took roof number {n}.\n\n" for n in range(200))
    opened = index_of(tmp_path, {"long": story, "other": story.replace("storm", "gale")})
    found = opened.passages_of("other")
    assert len(found) > 1
    assert [p.start for p in found] == sorted(p.start for p in found)
    assert found == [p for p in opened.passages if p.article.id == "other"]
    with pytest.raises(SettingError, match="has the ID 'absent'"):
        opened.passages_of("absent")


def weighed(index, **weights):
    none = {"dense": 0.5, "pairs": 0, "outlet": 0, "day": 0, "part": 0}
    return index.weighed(Ranking(**{**none, **weights}))


def scores(hits):
    return {hit.passage.article.id: hit.score for hit in hits}


def test_neighbouring_words_count(corpus):
    """ "storm hit" and "hit harbour" are neighbours in gale, of three pairs of the query."""
    query = "Which storm hit the harbour hard?"
    without = scores(weighed(corpus).search(query))
    paired = scores(weighed(corpus, pairs=0.6).search(query))
    assert paired.pop("gale") - without.pop("gale") == pytest.approx(0.6 * 2 / 3)
    assert paired == without


def test_an_outlet_that_is_named_is_raised_and_nothing_is_left_out(corpus):
    query = "What does the moor post say of the storm?"
    without = scores(weighed(corpus).search(query))
    hits = weighed(corpus, outlet=0.3).search(query)
    gained = {i: round(s - without[i], 6) for i, s in scores(hits).items()}
    assert gained == {"dock": 0, "gale": 0, "vote": 0.3, "shrug": 0.3, "anon": 0}
    reasons = {h.passage.article.id: h.reasons for h in hits}
    assert reasons["vote"] == reasons["shrug"] == ("its outlet",)
    assert reasons["gale"] == reasons["anon"] == ()


@pytest.mark.parametrize(
    ("when", "raised"),
    [
        ("on 5 March", {"gale"}),
        ("on March 9th, 2025", {"vote"}),
        ("on 2025-03-01 or 2025-03-05", {"dock", "gale"}),
        ("on 5 March 2024", set()),
        ("in March", set()),
    ],
)
def test_a_day_that_is_named_is_raised(corpus, when, raised):
    query = f"What was reported {when}?"
    without = scores(weighed(corpus).search(query))
    gained = scores(weighed(corpus, day=0.2).search(query))
    assert {i for i in gained if gained[i] > without[i] + 0.1} == raised


def test_filters_hold_whatever_the_query_names(corpus):
    hits = corpus.search("What did Tern Daily say on 1 March?", outlets=["Moor Post"])
    assert set(ids(hits)) == {"vote", "shrug"}
    hits = corpus.search("What did Tern Daily say on 1 March?", since="2025-03-05")
    assert set(ids(hits)) == {"gale", "vote"}


PARTS = (
    "Did anybody write letters about storm damage, while neighbours looked forward to an election?"
)


def test_parts_of_a_query_are_looked_for_apart(corpus):
    whole = scores(weighed(corpus).search(PARTS))
    hits = weighed(corpus, part=0.5).search(PARTS)
    first, second = PARTS.split(", while ")
    looks = [scores(weighed(corpus).search(part)) for part in (first, second)]
    for hit in hits:
        name = hit.passage.article.id
        best = max(looks, key=lambda look: look[name])
        assert hit.score == pytest.approx(whole[name] + 0.5 * best[name])
        assert hit.reasons == ((first, second)[looks.index(best)],)
    # The best of either part is in front.
    assert set(ids(hits)[:2]) == {max(look, key=look.get) for look in looks}


def test_a_part_that_names_an_outlet_raises_that_one_only(corpus):
    query = (
        "Did Tern Daily write much about the storm at sea, while Moor Post wrote upon storm damage "
        "afterwards?"
    )
    reasons = {h.passage.article.id: h.reasons for h in corpus.search(query)}
    first, second = query.split(", while ")
    assert reasons["gale"] == ("its outlet", first)
    assert reasons["shrug"] == ("its outlet", second)


def test_at_most_so_many_passages_of_an_article(tmp_path):
    stories = {"long": "Gale\n\n" + "The storm was a storm. " * 100, "short": "A storm was seen."}
    index = index_of(tmp_path, stories, TopicEncoder(max_tokens=80))
    every = index.search("storm", 50)
    assert ids(every).count("long") > 3
    one = index.search("storm", 50, per_article=1)
    assert sorted(ids(one)) == ["long", "short"]
    two = index.search("storm", 50, per_article=2)
    assert sorted(ids(two)) == ["long", "long", "short"]
    # The best of each, in the same order.
    kept = [h.passage for h in every if h.passage in {t.passage for t in two}]
    assert [h.passage for h in two] == kept
    assert [h.rank for h in two] == [1, 2, 3]


def test_k(corpus):
    assert len(corpus.search("storm", 2)) == 2
    assert len(corpus.search("storm", 99)) == len(STORIES)
    assert corpus.search("storm", 3) == corpus.search("storm", 99)[:3]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"outlets": ["Tern Daily"]}, {"dock", "gale"}),
        ({"outlets": ["tern daily ", "MOOR POST"]}, {"dock", "gale", "vote", "shrug"}),
        ({"outlets": ["Nobody's"]}, set()),
        ({"outlets": []}, set()),
        ({"since": "2025-03-05"}, {"gale", "vote"}),
        ({"until": "2025-03-05"}, {"dock", "gale"}),
        ({"since": "2025-03-02", "outlets": ["Moor Post"]}, {"vote"}),
    ],
)
def test_filters_narrow(corpus, filters, expected):
    assert set(ids(corpus.search("storm", 10, **filters))) == expected


def test_filters_and_names_look_deeper_than_the_best(tmp_path):
    """The one report of an outlet is found though 300 others fit better."""
    stories = {f"s{n}": f"The storm, part {n}. Storm!" for n in range(300)}
    odd = "---\noutlet: Moor Post\n---\nA bank had a storm in it."
    found = index_of(tmp_path, {**stories, "odd": odd})
    assert "odd" not in ids(found.search("storm", 10))
    assert ids(found.search("storm", 10, outlets={"Moor Post"})) == ["odd"]
    assert ids(found.search("storm, says Moor Post", 10))[0] == "odd"


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """600 reports in an index that is searched approximately; one in 150 is of the Moor Post."""
    stories = {}
    for n in range(600):
        outlet = "Moor Post" if n % 150 == 7 else ("Tern Daily", "Fen Herald")[n % 2]
        day = f"2025-{1 + n // 300:02}-{1 + n % 28:02}"
        text = f"Day {n}: {TOPICS[n % 7]}, {TOPICS[n % 5]} and the {TOPICS[n % 3]} number {n}."
        stories[f"r{n:03}"] = f"---\noutlet: {outlet}\npublished: {day}\n---\n{text}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("index.vectors.EXACT_UP_TO", 200)
        opened = index_of(tmp_path_factory.mktemp("large"), stories)
        assert opened.stats()["vectors"]["kind"] == "ivf"
        yield opened


@pytest.mark.parametrize(
    ("filters", "passing"),
    [
        ({}, lambda n: True),
        ({"outlets": ["tern daily"]}, lambda n: n % 2 == 0 and n % 150 != 7),
        ({"outlets": ["Moor Post"]}, lambda n: n % 150 == 7),
        ({"since": "2025-02-01"}, lambda n: n >= 300),
        ({"outlets": ["Moor Post"], "since": "2025-02-11"}, lambda n: n == 307),
        ({"outlets": ["Moor Post"], "until": "2025-01-07"}, lambda n: False),
    ],
)
def test_filters_of_an_approximate_index(large, filters, passing):
    """They never widen, and what passes is found, though next to nothing passes."""
    allowed = {f"r{n:03}" for n in range(600) if passing(n)}
    for query in ("storm", "the harbour and the bank", "railway museum number 8"):
        found = ids(large.search(query, 10, **filters))
        assert set(found) <= allowed
        assert len(found) == min(10, len(allowed))


def test_many_threads_search_one_index(large):
    """Each gets what one alone gets, while others have pages of the same files dropped."""
    queries = [f"{a} {b} number {n}" for a in TOPICS for b in TOPICS for n in (3, 8)]
    filters = [{}, {"outlets": ["Tern Daily"]}, {"since": "2025-02-01"}]
    jobs = [(query, filters[n % 3]) for n, query in enumerate(queries)]

    def search(job):
        return [(h.passage, h.passage.text, h.score) for h in large.search(job[0], 10, **job[1])]

    alone = [search(job) for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(search, jobs * 4)) == alone * 4


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "empty"),
        ("?!… --", "empty"),
        ("\u200b\u2060", "empty"),
        ("a" * (MAX_QUERY + 1), "10,001 characters"),
        (None, "NoneType, not text"),
    ],
)
def test_queries_that_are_refused(corpus, query, reason):
    with pytest.raises(QuestionError, match=reason) as caught:
        corpus.search(query)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    "query",
    ["the of and", "\ud800 storm", "storm\x00\x1b[31m", "x" * MAX_QUERY, "暴风雨"],
)
def test_odd_queries_are_just_words(corpus, query):
    assert len(corpus.search(query, 3)) == 3


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"k": 0}, "k is 0"),
        ({"k": 2.0}, r"k is 2\.0"),
        ({"k": True}, "k is True"),
        ({"k": "5"}, "k is '5'"),
        ({"per_article": 0}, "per_article is 0"),
        ({"since": "2025-3-1"}, "since is '2025-3-1'"),
        ({"until": 2025}, "until is 2025"),
        ({"since": "2025-03-02", "until": "2025-03-01"}, "since 2025-03-02 is after"),
        ({"outlets": "Tern Daily"}, "must be a list of names"),
    ],
)
def test_arguments_that_are_refused(corpus, arguments, reason):
    with pytest.raises(SettingError, match=reason):
        corpus.search("storm", **arguments)


def test_what_an_index_shows_of_itself(corpus):
    assert corpus.articles["gale"].outlet == "Tern Daily"
    assert [p.text for p in corpus.passages if p.article.id == "vote"] == ["The election is over."]
    stats = corpus.stats()
    assert stats.pop("created").startswith("20")
    folder = corpus.folder / "gen-000001"
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    sizes = {name: path.stat().st_size for name, path in files.items()}
    assert (stats.pop("files"), stats.pop("bytes")) == (sizes, sum(sizes.values()))
    assert stats == {
        "generation": 1,
        "articles": 5,
        "reports": 5,
        "passages": 5,
        "outlets": 2,
        "first_published": "2025-03-01",
        "last_published": "2025-03-09",
        "encoder": "topics:1",
        "dim": 8,
        "vectors": {"kind": "exact"},
    }


def test_the_bundled_encoder_is_the_default(corpus):
    with pytest.raises(IndexMismatch, match=r"topics:1 built it, not all-MiniLM-L6-v2:"):
        open_index(corpus.folder)


def test_the_whole_way_with_the_bundled_encoder(tmp_path):
    stories = {
        "ferry": "Boat service is back\n\nPassengers can cross the sound by ship again today.",
        "rates": "Money gets dearer\n\nThe central bank raised borrowing costs by half a point.",
        "snow": "White morning\n\nSchools stayed shut after a night of heavy snowfall.",
    }
    (tmp_path / "articles").mkdir()
    for name, text in stories.items():
        (tmp_path / "articles" / f"{name}.txt").write_text(text)
    report = build_index([tmp_path / "articles"], tmp_path / "index")
    assert (report.added, report.embedded) == (3, 3)
    opened = open_index(str(tmp_path / "index"))
    assert opened.encoder is load_encoder()
    # No word in common: only meaning can tell.
    assert ids(opened.search("When does the ferry sail?", 1)) == ["ferry"]
    assert ids(opened.search("interest rates", 1)) == ["rates"]
    assert ids(opened.search("\ud800 ferry sails", 1)) == ["ferry"]  # half a pair
    assert build_index([tmp_path / "articles"], tmp_path / "index").embedded == 0


def test_copies_of_an_article(tmp_path):
    story = (
        "The harbour of Ostvik opened again on Monday after eleven days, its master told the town. "
    )
    story += (
        "Two tugs had cleared the channel of timber that a storm had washed down the river Ulle."
    )
    rows = ["id,outlet,published", "a,Ulle Post,2031-01-03", "b,Tern Agency,2031-01-02"]
    (tmp_path / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    for name, text in {"a": story, "b": story, "c": "A museum was robbed."}.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    report = build_index([tmp_path], tmp_path / "index", encoder=TopicEncoder())
    index = open_index(tmp_path / "index", TopicEncoder())
    assert report.reports == index.stats()["reports"] == 2
    assert index.copies_of("a") == index.copies_of("b") == ("b", "a")
    assert index.copies_of("c") == ("c",)
    assert index.cluster_of("a") == index.cluster_of("b") != index.cluster_of("c")
    assert index.copies_of("b", outlets=["ulle post"]) == ("a",)
    assert index.copies_of("a", until="2031-01-02") == ("b",)
    with pytest.raises(SettingError, match="has the ID 'd'"):
        index.copies_of("d")
    # Copies are found anew when another one comes.
    (tmp_path / "d.txt").write_text(story, encoding="utf-8")
    build_index([tmp_path], tmp_path / "index", encoder=TopicEncoder())
    assert open_index(tmp_path / "index", TopicEncoder()).copies_of("d") == ("b", "a", "d")
