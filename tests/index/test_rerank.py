import numpy as np
import pytest

from index import build_index, open_index
from index.encoder import bundled_folder
from index.errors import SettingError
from index.rerank import CrossEncoderReranker, load_reranker
from tests.fakes import TopicEncoder
from tests.index.corpora import index_of
from tests.tiny_cross_encoder import write_cross_encoder


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    return write_cross_encoder(tmp_path_factory.mktemp("model"), "LABEL_0")


STORIES = {
    "dock": "The harbour was open.",
    "gale": "The storm hit the harbour.",
    "calm": "No storm, no harbour, no.",
    "hull": "The storm was open.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return index_of(tmp_path_factory.mktemp("corpus"), STORIES).folder


def ids(hits):
    return [hit.passage.article.id for hit in hits]


def test_none_is_set(monkeypatch, folder):
    monkeypatch.delenv("WIRECHECK_RERANKER", raising=False)
    assert load_reranker() is None
    assert load_reranker("") is None
    assert open_index(folder, TopicEncoder()).reranker is None
    monkeypatch.setenv("WIRECHECK_RERANKER", "  ")
    assert load_reranker() is None


def test_a_cross_encoder_set_by_the_environment_reorders(monkeypatch, folder, model_folder):
    plain = open_index(folder, TopicEncoder()).search("storm harbour")
    monkeypatch.setenv("WIRECHECK_RERANKER", str(model_folder))
    index = open_index(folder, TopicEncoder())
    hits = index.search("storm harbour")
    scores = load_reranker(str(model_folder)).scores("storm harbour", list(STORIES.values()))
    assert len(set(scores)) == 4
    by_hand = [name for _, name in sorted(zip(scores, STORIES, strict=True), reverse=True)]
    assert ids(hits) == by_hand
    assert sorted(ids(plain)) == sorted(by_hand) and ids(plain) != by_hand
    assert [h.score for h in hits] == pytest.approx(sorted(scores, reverse=True))
    assert [h.rank for h in hits] == [1, 2, 3, 4]
    assert ids(index.search("storm harbour", 2)) == by_hand[:2]


class Backwards:
    """Thinks a text the better the later its title is in the alphabet; keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def scores(self, query, texts):
        self.asked.append((query, list(texts)))
        return [-float(ord("z") - ord(text[0].lower())) for text in texts]


def test_any_object_with_scores_will_do(tmp_path):
    for name in ("alpha", "bravo", "carol", "delta", "echo"):
        text = f"{name}\n\n" + "The storm was no storm. " * 60
        (tmp_path / f"{name}.txt").write_text(text)
    build_index([tmp_path], tmp_path / "index", encoder=TopicEncoder(max_tokens=80))
    reranker = Backwards()
    index = open_index(tmp_path / "index", TopicEncoder(max_tokens=80), reranker)
    hits = index.search("storm", 3, per_article=1)
    assert ids(hits) == ["echo", "delta", "carol"]
    assert [h.score for h in hits] == [-21.0, -22.0, -23.0]
    ((query, texts),) = reranker.asked
    assert query == "storm"
    # A later passage is shown under its title.
    assert len(texts) > 5 and {text.split("\n")[0] for text in texts} == set(index.articles)


@pytest.mark.parametrize("name", ["/nowhere/model", "./nowhere", "~/nowhere-at-all"])
def test_a_folder_that_is_not_there(monkeypatch, name):
    monkeypatch.setenv("WIRECHECK_RERANKER", name)
    with pytest.raises(SettingError, match=rf"reranker {name}.*: no such folder"):
        load_reranker()


def test_an_encoder_is_no_reranker():
    """transformers would give it a head with random weights, and a random order would come out."""
    with pytest.raises(SettingError, match="is no cross-encoder") as caught:
        load_reranker(str(bundled_folder()))
    assert "\n" not in str(caught.value)


class Predicts:
    """Stands where a CrossEncoder would."""

    def __init__(self, raw, labels=1):
        self.num_labels = labels
        self._raw = raw

    def predict(self, pairs, show_progress_bar):
        return self._raw


@pytest.mark.parametrize(
    "raw", [np.array([1.0, np.nan]), np.array([np.inf, 0]), np.zeros((2, 3)), np.zeros(1)]
)
def test_scores_that_are_no_numbers_are_refused(raw):
    with pytest.raises(SettingError, match="reranker m gave a score that is no finite number"):
        CrossEncoderReranker("m", Predicts(raw)).scores("q", ["a", "b"])


def test_a_model_of_several_outputs_is_refused():
    with pytest.raises(SettingError, match="reranker m gives 3 numbers"):
        CrossEncoderReranker("m", Predicts(np.zeros(1), labels=3))


def test_no_texts():
    assert CrossEncoderReranker("m", Predicts(None)).scores("q", []) == []
