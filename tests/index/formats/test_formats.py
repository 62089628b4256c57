import pytest

from index.files import Unfit
from index.formats import READERS, made_draft

STORY = "Ferry runs again\n\nThe Sound ferry sailed on Monday after nine days in dock.\n"


class Recording:
    """Stands in for the process that extracts: keeps what it is handed, returns what it is told."""

    def __init__(self, **found):
        self.found = {"text": "Text", "title": "", "fields": {}, "notes": [], **found}
        self.asked = []

    def extracted(self, kind, data, max_chars):
        self.asked.append((kind, data, max_chars))
        return self.found


def read(ending, content, extraction=None):
    data = content if isinstance(content, bytes) else content.encode()
    return READERS[ending](data, 1000, extraction)


@pytest.mark.parametrize(
    ("ending", "content", "title"),
    [
        (".txt", "\n  \n\t Late snow closes pass \nMore.", "Late snow closes pass"),
        (".txt", "\u200b\u2060\nReal title\nMore.", "Real title"),
        (".txt", "## Not markdown\nMore.", "## Not markdown"),
        (".md", "## Late snow\nMore.", "Late snow"),
        (".md", "#\n\n# \nSnow #3\nMore.", "Snow #3"),
        (".md", "###", ""),
        (".txt", "---\ntitle: 'From the block'\n---\nFrom the text\n", "From the block"),
        (".txt", "word " * 80, "word " * 59 + "…"),
    ],
)
def test_titles(ending, content, title):
    assert read(ending, content).title == title


BLOCK = '---\noutlet: Tern Daily\nPublished: 2025-02-28\nurl: "https://tern.example/a?b"\n'


@pytest.mark.parametrize(
    ("content", "known", "text"),
    [
        (BLOCK + "---\nBody\n", ("Tern Daily", "2025-02-28", "https://tern.example/a?b"), "Body\n"),
        (BLOCK + "tags:\n  - sea\n- ice\n# note\n\nlayout: x\n---\nB", ("Tern Daily",), "B"),
        (BLOCK.replace("\n", "\r\n") + "---\r\nBody", ("Tern Daily", "2025-02-28"), "Body"),
        (BLOCK + "Body without an end\n", (None, None, None), None),
        (BLOCK + "a line that is no field\n---\nBody", (None, None, None), None),
        ("---\nWhat the minister said: nothing\n---\nBody", (None, None, None), None),
        ("---\nBreaking: storm\n---\nBody", (None, None, None), None),
        ("---\n\nA story between rules\n\n---\n", (None, None, None), None),
        ("\n" + BLOCK + "---\nBody", (None, None, None), None),
        ("--- \noutlet: A\n---\t\nB", ("A",), "B"),
        ("---\noutlet: A\noutlet: B\nurl:\n---\nC", ("A", None, None), "C"),
        ("---\noutlet: A\n" + "x: y\n" * 200 + "---\nB", (None,), None),
    ],
)
def test_front_matter(content, known, text):
    draft = read(".txt", content)
    found = tuple(draft.fields.get(name) or None for name in ("outlet", "published", "url"))
    assert found[: len(known)] == known
    assert draft.text == (content if text is None else text)
    assert draft.notes == ()


def test_a_note_tells_of_another_encoding():
    assert read(".txt", "A café".encode("cp1252")).notes == ("not UTF-8, read as cp1252",)


@pytest.mark.parametrize(
    ("page", "codec"),
    [
        ("<p>Žižkov</p>", "utf-8"),
        ("<p>Žižkov</p>", "utf-16"),
        ('<meta charset="windows-1250">Žižkov', "cp1250"),
        ("<meta charset=koi8-r>Паром", "koi8-r"),
        ("<?xml version='1.0' encoding='Shift_JIS'?>渡し船", "shift_jis"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=gbk">渡船', "gbk"),
        # What pages call Latin-1 has cp1252's quotation marks and dashes.
        ("<meta charset=iso-8859-1>“Zoë” – €", "cp1252"),
        ("<p>a long way to the “Zoë”</p>", "cp1252"),
        # UTF-8 that declares something else is UTF-8.
        ("<meta charset=iso-8859-1>“Zoë”", "utf-8"),
    ],
)
def test_a_page_is_read_in_the_encoding_that_it_declares(page, codec):
    extraction = Recording()
    read(".html", page.encode(codec), extraction)
    assert extraction.asked == [("html", page.encode(), 1000)]


@pytest.mark.parametrize(
    "data",
    [
        b"<meta charset=shift_jis>\xff\xff\xff",
        b"<meta charset=koi8-r>\xd0\x00 nul",
        # Codecs that Python has and pages don't use are not tried: some would take minutes.
        b"<meta charset=unicode_escape>\xff\x81\\u0041",
        b"<meta charset=utf-7>\xff\x81+AGE-",
        b"<p>\x00\x01\x02",
    ],
)
def test_a_page_in_no_known_encoding_is_unfit(data):
    with pytest.raises(Unfit, match=r"^(encoding|binary)"):
        read(".htm", data, Recording())


def test_what_was_extracted_becomes_a_draft():
    extraction = Recording(
        text="\n \nFirst line\nMore",
        title="",
        fields={"outlet": "Tern", "published": "2025-03-12T23:30:00-05:00", "url": "u"},
        notes=["a page is lost"],
    )
    draft = read(".pdf", b"bytes", extraction)
    assert extraction.asked == [("pdf", b"bytes", 1000)]
    assert draft.title == "First line"
    assert draft.fields == {"outlet": "Tern", "published": "2025-03-12", "url": "u"}
    assert draft.notes == ("a page is lost",)


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("2025-03-12", "2025-03-12"),
        ("2025-03-12T10:00:00Z", "2025-03-12"),
        ("2025-03-12 10:00:00.123+02:00", "2025-03-12"),
        ("2024-12-31T23:59:60Z", "2024-12-31T23:59:60Z"),
        ("0000-01-01", "0000-01-01"),
        ("12 March 2025", "12 March 2025"),
        ("", ""),
    ],
)
def test_days(stated, day):
    assert made_draft("Text", {"published": stated}, ()).fields["published"] == day


def test_a_title_is_one_line_without_what_steers_a_screen():
    assert made_draft("Text", {"title": " a\n\x1b[31mb\u202ec\ud800d "}, ()).title == "a bc d"
    for data in (
        "T\u200ber\u00adn \u202esails\n\nText.",
        "---\ntitle: T\u2066ern sails\n---\nText.",
    ):
        assert READERS[".txt"](data.encode(), 100, Recording()).title == "Tern sails"


def test_binary_text_is_no_draft():
    with pytest.raises(Unfit, match="binary"):
        made_draft("a\x00b", {}, ())
