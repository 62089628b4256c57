from pathlib import Path

import pytest

from index.engines import place_of
from index.errors import SettingError


@pytest.mark.parametrize(
    ("text", "uri", "name"),
    [
        ("milvus+http://db.example:19531/news", "http://db.example:19531", "news"),
        ("milvus+http://db.example/news", "http://db.example:19530", "news"),
        ("milvus+https://db.example/news/", "https://db.example:443", "news"),
        ("milvus+http://[::1]:7/news", "http://[::1]:7", "news"),
        ("milvus+file:/srv/news.db", "/srv/news.db", "wirecheck"),
    ],
)
def test_addresses(text, uri, name):
    place = place_of(text)
    assert (place.uri, place.name, str(place)) == (uri, name, text)
    assert place.file == (Path(uri) if uri.endswith(".db") else None)


@pytest.mark.parametrize("text", ["an/index", "/an/index", "milvus", ".wirecheck/index"])
def test_folders(text):
    assert place_of(text) == place_of(Path(text)) == Path(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("milvus+http://db.example:19530", "milvus+http://HOST:PORT/NAME"),
        ("milvus+http://db.example:19530/two words", "milvus+http://HOST:PORT/NAME"),
        ("milvus+ftp://db.example/news", "milvus+http://HOST:PORT/NAME"),
        ("milvus+http://db.example:port/news", "Port could not be cast"),
        ("milvus+file:news", "milvus+file:PATH.db"),
        ("milvus+http://me:secret@db.example/news", "WIRECHECK_MILVUS_TOKEN"),
    ],
)
def test_what_is_no_address(text, said):
    with pytest.raises(SettingError) as error:
        place_of(text)
    assert said in str(error.value) and "secret" not in str(error.value)
