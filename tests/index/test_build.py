import json
import shutil
import threading

import pytest

from index import build_index, open_index
from index.check import check_index
from index.errors import (
    ArticleError,
    IndexMismatch,
    IndexOutdated,
)
from index.keywords import keyword_tokens
from index.manifest import sealed
from index.passages import split_passages
from index.store import read
from tests.fakes import TOPICS, TopicEncoder

STORIES = {
    "harbour": "Harbour reopens\n\nThe harbour of Brenwick reopened on Monday after a storm.\n",
    "vote": "Election called\n\nAn election will be held on 4 May, the speaker said.\n",
    "clock": "Museum thieves\n\nThieves took a clock from the museum at night.\n",
}


class Corpus:
    """A folder of articles, its index, and a count of what was embedded."""

    def __init__(self, folder):
        self.folder = folder / "articles"
        self.directory = folder / "index"
        self.folder.mkdir()
        self.encoder = TopicEncoder()
        for name, text in STORIES.items():
            self.write(name, text)

    def write(self, name, text):
        (self.folder / f"{name}.txt").write_text(text)

    def build(self, **settings):
        """Build, and return the counts (added, changed, removed, unchanged, embedded)."""
        settings.setdefault("encoder", self.encoder)
        self.encoder.encoded.clear()
        self.report = build_index([self.folder], self.directory, **settings)
        report = self.report
        counts = (report.added, report.changed, report.removed, report.unchanged)
        return (*counts, report.embedded)

    def open(self):
        return open_index(self.directory, self.encoder)

    def snapshot(self):
        return {p: p.read_bytes() for p in self.directory.rglob("*") if p.is_file()}


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path)


def assert_as_if_new(corpus):
    """The updated index says the same as one made from nothing."""
    other = corpus.directory.parent / "fresh"
    build_index([corpus.folder], other, encoder=TopicEncoder())
    fresh, updated = open_index(other, corpus.encoder), corpus.open()
    assert dict(updated.articles) == dict(fresh.articles)
    assert list(updated.passages) == list(fresh.passages)
    for query in ("harbour storm", "election", "a museum in the harbour", "Tern Daily, 2025-05-01"):
        assert updated.search(query) == fresh.search(query)
    assert check_index(corpus.directory, corpus.encoder).problems == ()


def test_a_second_build_writes_nothing(corpus):
    corpus.build()
    before = corpus.snapshot()
    assert corpus.build() == (0, 0, 0, 3, 0)
    assert corpus.report.passages == 3
    after = corpus.snapshot()
    lock = corpus.directory / "LOCK"
    assert {k: v for k, v in before.items() if k != lock} == {
        k: v for k, v in after.items() if k != lock
    }


@pytest.mark.parametrize(
    ("name", "text", "counts", "embedded"),
    [
        ("bank.txt", "Bank\n\nThe bank cut.", (1, 0, 0, 3, 1), ["Bank\n\nThe bank cut."]),
        ("vote.txt", "Vote\n\nNo election.", (0, 1, 0, 2, 1), ["Vote\n\nNo election."]),
        ("harbour.txt", None, (0, 0, 1, 2, 0), []),
        ("metadata.csv", "id,published\nvote,2025-05-01\n", (0, 1, 0, 2, 0), []),
        (
            "vote.txt",
            f"---\ntitle: Storm\n---\n{STORIES['vote']}",
            (0, 1, 0, 2, 1),
            [f"Storm\n{STORIES['vote']}"],
        ),
    ],
    ids=["new", "changed", "removed", "a date alone", "another title"],
)
def test_an_update_embeds_only_what_it_must(corpus, name, text, counts, embedded):
    corpus.build()
    path = corpus.folder / name
    path.unlink() if text is None else path.write_text(text)
    assert corpus.build() == counts
    assert corpus.encoder.encoded == embedded
    assert_as_if_new(corpus)


def test_copies_are_embedded_once_and_kept_apart(corpus):
    corpus.write("vote2", STORIES["vote"])
    assert corpus.build() == (4, 0, 0, 0, 4)
    assert len(corpus.encoder.encoded) == 3
    assert {h.passage.article.id for h in corpus.open().search("election", 2)} == {"vote", "vote2"}
    corpus.write("vote3", STORIES["vote"])
    assert corpus.build() == (1, 0, 0, 4, 1)
    assert_as_if_new(corpus)


class TestCache:
    """What was embedded once is not embedded again, whatever became of the index."""

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path, monkeypatch):
        monkeypatch.setenv("WIRECHECK_CACHE", str(tmp_path / "cache"))

    def test_an_index_that_was_removed(self, corpus):
        assert corpus.build() == (3, 0, 0, 0, 3)
        assert corpus.report.cached == 0
        shutil.rmtree(corpus.directory)
        assert corpus.build() == (3, 0, 0, 0, 0)
        assert (corpus.report.cached, corpus.report.passages) == (3, 3)
        assert_as_if_new(corpus)

    def test_another_recipe_embeds_only_other_texts(self, corpus, monkeypatch):
        corpus.build()
        monkeypatch.setattr("index.build.RECIPE", 99)
        assert corpus.build() == (0, 0, 0, 3, 0)
        assert corpus.report.cached == 3

    def test_a_build_that_was_stopped_goes_on(self, corpus, monkeypatch):
        monkeypatch.setattr("index.embedding._BATCH", 1)

        class Stopped(TopicEncoder):
            def encode(self, texts):
                if len(self.encoded) == 2:
                    raise KeyboardInterrupt
                return super().encode(texts)

        with pytest.raises(KeyboardInterrupt):
            corpus.build(encoder=Stopped())
        assert corpus.build() == (3, 0, 0, 0, 1)
        assert corpus.report.cached == 2
        assert_as_if_new(corpus)

    def test_one_that_is_stopped_between_two_batches_loses_nothing(self, corpus, monkeypatch):
        monkeypatch.setattr("index.embedding._BATCH", 1)

        def stop(done, total, what):
            if what == "embedding":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            corpus.build(progress=stop)
        begun = len(corpus.encoder.encoded)
        assert corpus.build() == (3, 0, 0, 0, 3 - begun)
        assert corpus.report.cached == begun >= 1

    def test_a_cache_that_can_not_be_used_is_noted(self, corpus, monkeypatch, tmp_path):
        (tmp_path / "file").write_text("x")
        monkeypatch.setenv("WIRECHECK_CACHE", str(tmp_path / "file"))
        assert corpus.build() == (3, 0, 0, 0, 3)
        assert "the embedding cache is not used" in corpus.report.notes[0]
        assert_as_if_new(corpus)


def test_an_update_makes_anew_only_what_changed(corpus, monkeypatch):
    """Of unchanged articles nothing is split, embedded or read for keywords again."""
    corpus.build()
    corpus.write("vote", "Election off\n\nNo election will be held.\n")
    split, read = [], []
    tokens, passages = keyword_tokens, split_passages
    monkeypatch.setattr(
        "index.build.split_passages", lambda a, e: split.append(a.id) or passages(a, e)
    )
    monkeypatch.setattr("index.keywords.keyword_tokens", lambda t: read.append(t) or tokens(t))
    assert corpus.build() == (0, 1, 0, 2, 1)
    assert split == ["vote"]
    assert read == ["Election off\nElection off\n\nNo election will be held.\n"]


def test_an_index_of_an_older_version_is_made_anew_and_says_so(corpus):
    corpus.build()
    path = corpus.directory / "MANIFEST.json"
    fields = json.loads(path.read_bytes())
    del fields["checksum"]
    path.write_bytes(sealed(fields | {"format": 1}))
    with pytest.raises(IndexOutdated, match="make it anew with: wirecheck index ARTICLES"):
        corpus.open()
    assert corpus.build() == (3, 0, 0, 0, 3)
    assert "an older version made it; all is made anew" in corpus.report.notes[0]
    assert_as_if_new(corpus)


def test_a_large_index_is_approximate_and_says_so(corpus, monkeypatch):
    monkeypatch.setattr("index.vectors.EXACT_UP_TO", 300)
    topics = [f"{a} {b}" for a in TOPICS for b in TOPICS]
    for n in range(400):
        corpus.write(f"s{n}", f"Day {n}\n\nThe {topics[n % 49]} of day {n} and {topics[n % 13]}.")
    corpus.build()
    assert corpus.report.vectors.startswith("approximate: the ")
    settings = corpus.open().stats()["vectors"]
    assert settings["kind"] == "ivf" and settings["recall"] >= 0.985
    corpus.write("s7", "Day 7\n\nNothing at all.")
    assert corpus.build() == (0, 1, 0, 402, 1)
    assert corpus.open().stats()["vectors"]["trained"] == settings["trained"]
    assert check_index(corpus.directory, corpus.encoder).problems == ()


def test_long_articles_keep_all_their_vectors(corpus):
    corpus.encoder.max_tokens = 30
    text = "Log\n\n" + "".join(f"Storm {n} hit the harbour on day {n}.\n" for n in range(40))
    corpus.write("log", text)
    corpus.build()
    first = corpus.report.passages
    assert first > 10
    corpus.write("bank", "Bank\n\nThe bank is shut.")
    assert corpus.build()[-1] == 1
    assert corpus.report.passages == first + 1


def test_another_encoder_embeds_all_and_says_so(corpus):
    corpus.build()
    corpus.encoder.fingerprint = "topics:2"
    assert corpus.build() == (0, 0, 0, 3, 3)
    assert "another encoder" in corpus.report.notes[0]
    assert corpus.build() == (0, 0, 0, 3, 0)
    assert corpus.report.notes == ()


@pytest.mark.parametrize("name", ["vectors.npy", "articles.jsonl"])
def test_a_damaged_index_is_made_anew_and_says_so(corpus, name):
    corpus.build()
    path = corpus.directory / "gen-000001" / name
    path.write_bytes(path.read_bytes()[:-1])
    assert corpus.build() == (3, 0, 0, 0, 3)
    assert corpus.report.notes[0].startswith("the index was damaged and is made anew: ")
    assert name in corpus.report.notes[0]
    assert corpus.report.generation == 2
    assert_as_if_new(corpus)


def test_no_article_leaves_the_index_alone(corpus):
    corpus.build()
    before = corpus.snapshot()
    for name in STORIES:
        corpus.write(name, " ")
    with pytest.raises(ArticleError, match=r"found: 3 skipped, first .*clock\.txt: empty"):
        corpus.build()
    assert corpus.snapshot() == before


def test_nothing_is_made_where_nothing_is_read(corpus):
    with pytest.raises(ArticleError, match="no such file or folder"):
        build_index([corpus.folder / "gone"], corpus.directory, encoder=corpus.encoder)
    (corpus.folder / "empty").mkdir()
    with pytest.raises(ArticleError, match="no article found: no files there"):
        build_index([corpus.folder / "empty"], corpus.directory, encoder=corpus.encoder)
    assert not corpus.directory.exists()


def test_skipped_files_and_notes_are_reported(corpus):
    (corpus.folder / "photo.jpg").write_bytes(b"\xff\xd8")
    corpus.write("late", "---\noutlet: Tern\npublished: soon\n---\nA late story.\n")
    corpus.build()
    assert [s.reason for s in corpus.report.skipped] == [
        "ending .jpg: only .txt, .md, .html, .htm, .pdf, .jsonl, .csv are read"
    ]
    assert len(corpus.report.notes) == 1 and "'soon'" in corpus.report.notes[0]
    assert corpus.report.added + len(corpus.report.skipped) == 5


def test_an_index_among_the_articles_is_not_read(corpus):
    inside = corpus.folder / "index"
    for _ in range(2):
        report = build_index([corpus.folder], inside, encoder=corpus.encoder)
        assert report.skipped == ()


def test_a_build_that_fails_leaves_the_old_index(corpus):
    corpus.build()
    corpus.write("bank", "Bank\n\nShut.")

    class Broken(TopicEncoder):
        def encode(self, texts):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corpus.build(encoder=Broken())
    assert set(corpus.open().articles) == set(STORIES)
    assert corpus.build() == (1, 0, 0, 3, 1)


def test_progress(corpus):
    told = []
    corpus.build(progress=lambda *step: told.append(step))
    assert told == [
        (1, 0, "reading"), (2, 0, "reading"), (3, 0, "reading"),
        (3, 3, "embedding"),
    ]  # fmt: skip
    told.clear()
    corpus.write("bank", "Bank\n\nShut.")
    corpus.build(progress=lambda *step: told.append(step))
    assert told[4:] == [(4, 4, "embedding")]


def test_embedding_goes_on_while_articles_are_split(corpus, monkeypatch):
    """Each waits for the other once: in turns, neither would come to its end."""
    monkeypatch.setattr("index.embedding._BATCH", 1)
    embedding, split = threading.Event(), threading.Event()

    class Slow(TopicEncoder):
        def encode(self, texts):
            embedding.set()
            assert split.wait(10)
            return super().encode(texts)

    def last_first(article, encoder):
        if article.id == "vote":
            assert embedding.wait(10)
            split.set()
        return split_passages(article, encoder)

    monkeypatch.setattr("index.build.split_passages", last_first)
    assert corpus.build(encoder=Slow()) == (3, 0, 0, 0, 3)


class TestFormats:
    """An index of one format of an encoder, on a machine that computes in another."""

    @pytest.fixture
    def moved(self, corpus):
        corpus.encoder.fingerprint = "topics:1/int8"
        corpus.build()
        corpus.encoder.fingerprint = "topics:1/float"
        return corpus

    def made_by(self, corpus):
        return read(corpus.directory).contents.fingerprint

    def test_it_is_searched_and_not_made_anew(self, moved):
        assert moved.open().search("harbour")[0].passage.article.id == "harbour"
        assert check_index(moved.directory, moved.encoder).problems == ()
        assert moved.build() == (0, 0, 0, 3, 0)
        assert self.made_by(moved) == "topics:1/int8"
        assert "topics:1/int8 made it; these vectors agree" in moved.report.notes[0]

    def test_what_is_added_makes_it_one_of_both(self, moved):
        moved.write("bank", "Bank\n\nShut.")
        assert moved.build() == (1, 0, 0, 3, 1)
        assert self.made_by(moved) == "topics:1/float+int8"

    def test_an_index_of_before_there_were_formats_serves(self, corpus):
        corpus.build()
        corpus.encoder.fingerprint = "topics:1/int8"
        assert corpus.open().search("harbour")

    def test_another_encoder_in_the_same_format_is_another(self, moved):
        moved.encoder.fingerprint = "topics:2/int8"
        with pytest.raises(IndexMismatch, match="not topics:2/int8"):
            moved.open()
