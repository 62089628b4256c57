"""Small indexes for tests."""

from index import build_index, open_index
from tests.fakes import TopicEncoder


def index_of(folder, stories, encoder=None):
    """The opened index, at `folder/index`, of text files by their names without ending."""
    encoder = encoder or TopicEncoder()
    (folder / "articles").mkdir()
    for name, text in stories.items():
        (folder / "articles" / f"{name}.txt").write_text(text)
    build_index([folder / "articles"], folder / "index", encoder=encoder)
    return open_index(folder / "index", encoder)
