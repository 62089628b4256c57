import json

import numpy as np
import pytest

from index.check import check_index
from index.contents import Articles, Contents
from index.copies import Copies
from index.errors import IndexMismatch, IndexMissing
from index.keywords import KeywordIndex
from index.manifest import sealed
from index.records import Article
from index.store import read, writing
from index.vectors import VectorIndex
from tests.fakes import TopicEncoder
from tests.index.corpora import index_of

STORIES = {
    "harbour": "The harbour of Brenwick reopened on Monday after a storm.",
    "vote": "An election will be held on 4 May, the speaker said.",
    "clock": "Thieves took a clock from the museum at night.",
    "bank": "The bank cut its rate.",
}


@pytest.fixture
def root(tmp_path):
    return index_of(tmp_path, STORIES).folder


def problems(root, encoder=None):
    return check_index(root, encoder or TopicEncoder()).problems


def republish(root, **parts):
    """Publish what is there with other parts, as a faulty writer might, all checksums right."""
    old = read(root).contents
    fields = {name: getattr(old, name) for name in Contents.__dataclass_fields__}
    if "articles" in parts and len(parts["articles"]) != len(old.articles):
        parts["copies"] = Copies.of(parts["articles"])
    with writing(root) as writer:
        writer.publish(Contents(**fields | parts))


def test_a_whole_index(root):
    checked = check_index(root, TopicEncoder())
    assert checked.problems == ()
    assert checked.looked_at == "generation 1: 13 files, 4 articles, 4 passages"


def test_it_changes_nothing(root):
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in root.rglob("*")}
    check_index(root, TopicEncoder())
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in root.rglob("*")} == before


def test_a_damaged_manifest(root):
    (root / "MANIFEST.json").write_text("{")
    assert problems(root) == (f"{root}/MANIFEST.json: is no JSON",)
    (root / "MANIFEST.json").unlink()
    assert problems(root) == (f"{root}/MANIFEST.json: is missing",)


def test_what_can_not_be_checked(root, tmp_path):
    with pytest.raises(IndexMissing):
        check_index(tmp_path / "nowhere")
    fields = json.loads((root / "MANIFEST.json").read_bytes())
    del fields["checksum"]
    (root / "MANIFEST.json").write_bytes(sealed(fields | {"format": 99}))
    with pytest.raises(IndexMismatch, match="format 99"):
        check_index(root)


def test_vectors_of_other_passages(root):
    """Every checksum, size and length is right; only what they mean is not."""
    rows = read(root).contents.vectors.vectors()
    republish(root, vectors=VectorIndex.build(np.roll(rows, 1, axis=0)))
    found = problems(root)
    assert len(found) == 4
    assert found[0].startswith("vectors.npy: vector 0 is not that of its passage (cosine 0.")


def test_an_index_of_another_encoder_is_checked_without_it(root):
    checked = check_index(root, TopicEncoder(fingerprint="topics:2"))
    assert checked.problems == ()
    assert "nothing embedded anew, since topics:1 made it" in checked.looked_at


def test_keywords_of_other_passages(root):
    texts = [p.text for p in read(root).contents.passages]
    republish(root, keywords=KeywordIndex.build(texts[::-1]))
    assert problems(root) == tuple(
        f"keywords: passage {n} is not listed under all of its words" for n in range(4)
    )


def test_an_article_without_passages(root):
    contents = read(root).contents
    articles = Articles.of([*contents.articles, Article("new", "New", "The railway.")])
    republish(root, articles=articles)
    assert problems(root) == ("passages.npy: article 5 has no passage",)
