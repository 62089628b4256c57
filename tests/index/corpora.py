"""Small indexes for tests, and the bytes of their parts."""

from index import build_index, open_index
from index.mapped import array_file
from tests.fakes import TopicEncoder


def index_of(folder, stories, encoder=None):
    """The opened index, at `folder/index`, of text files by their names without ending."""
    encoder = encoder or TopicEncoder()
    (folder / "articles").mkdir()
    for name, text in stories.items():
        (folder / "articles" / f"{name}.txt").write_text(text)
    build_index([folder / "articles"], folder / "index", encoder=encoder)
    return open_index(folder / "index", encoder)


def array_bytes(array):
    """An array as a file holds it."""
    return b"".join(bytes(part) for part in array_file(array))


def files_of(part):
    """The files of a part of an index, by name."""
    return {name: b"".join(map(bytes, pieces)) for name, pieces in part.to_files().items()}
