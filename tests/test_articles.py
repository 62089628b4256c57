import codecs
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

import index.articles
from index.articles import read_articles
from index.errors import ArticleError

STORY = "Ferry runs again\n\nThe Sound ferry sailed on Monday after nine days in dock.\n"


def write(folder, name, content=STORY):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read_one(folder, name, content):
    """The one article that comes of a file, and the notes."""
    write(folder, name, content)
    reading = read_articles([folder])
    assert [s.reason for s in reading.skipped] == []
    (article,) = reading.articles
    return article, reading.notes


def skip_reason(folder):
    reading = read_articles([folder])
    assert reading.articles == ()
    (skipped,) = reading.skipped
    return skipped.reason


def test_a_plain_file(tmp_path):
    article, notes = read_one(tmp_path, "sound_ferry.txt", STORY)
    assert (article.id, article.title, article.text) == ("sound_ferry", "Ferry runs again", STORY)
    assert (article.outlet, article.published, article.url) == (None, None, None)
    assert notes == ()


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("a.txt", "\n  \n\t Late snow closes pass \nMore.", "Late snow closes pass"),
        ("a.txt", "\u200b\u2060\nReal title\nMore.", "Real title"),
        ("a.txt", "## Not markdown\nMore.", "## Not markdown"),
        ("a.md", "## Late snow\nMore.", "Late snow"),
        ("a.md", "#\n\n# \nSnow #3\nMore.", "Snow #3"),
        ("a.md", "###", "a"),
        ("a.txt", "---\ntitle: 'From the block'\n---\nFrom the text\n", "From the block"),
        ("a.txt", "word " * 80, "word " * 59 + "…"),
    ],
)
def test_titles(tmp_path, name, content, title):
    assert read_one(tmp_path, name, content)[0].title == title


@pytest.mark.parametrize(
    ("content", "text", "note"),
    [
        (STORY.encode(), STORY, ""),
        (codecs.BOM_UTF8 + STORY.encode(), STORY, ""),
        (STORY.encode("utf-16"), STORY, ""),
        (codecs.BOM_UTF16_BE + STORY.encode("utf-16-be"), STORY, ""),
        (STORY.encode("utf-32"), STORY, ""),
        (b"One\r\ntwo\r\n\r\nthree\rfour", "One\ntwo\n\nthree\rfour", ""),
        (
            "The old café “Zoë” now asks 5 € for tea".encode("cp1252"),
            None,
            "not UTF-8, read as cp1252",
        ),
        (b"  Spaced\tout \n\n", "  Spaced\tout \n\n", ""),
        ("A stray mark\x02 " + "in a long report. " * 80, None, ""),
    ],
)
def test_texts_are_kept_as_they_are(tmp_path, content, text, note):
    article, notes = read_one(tmp_path, "a.txt", content)
    if text is None:
        text = content if isinstance(content, str) else content.decode("cp1252")
    assert article.text == text
    assert [n.split(": ", 1)[1] for n in notes] == ([note] if note else [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (" \n\t\u3000\u00a0", "empty"),
        (codecs.BOM_UTF8, "empty"),
        ("\u200b\u200d\u2060\ufe0f\u00ad\U000e0041", "empty"),
        ("---\noutlet: Tern Daily\n---\n \n", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary"),
        ("Nul\x00 in text", "binary"),
        ("Escape \x1b[31m in a long text " + "word " * 1000, "binary"),
        ("\x01\x02\x03 text", "binary"),
        (STORY.encode("utf-16-le"), "binary"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8a", "its mark says utf-16"),
        ("Паром снова ходит".encode("cp1251"), "encoding"),
        (b"Caf\xe9 \x81", "encoding: neither"),
        ("‘Right’ — ‘left’ ".encode() + b"\xff", "encoding: UTF-8 with damaged bytes"),
        (b"\xed\xa0\x80 lone surrogate " + "é".encode(), "encoding"),
    ],
)
def test_unfit_contents(tmp_path, content, reason):
    write(tmp_path, "a.txt", content)
    assert skip_reason(tmp_path).startswith(reason)


def test_unknown_endings_are_skipped_and_named(tmp_path):
    write(tmp_path, "a.docx")
    write(tmp_path, "README")
    reading = read_articles([tmp_path])
    assert [s.reason for s in reading.skipped] == [
        "ending missing: only .txt, .md are read",
        "ending .docx: only .txt, .md are read",
    ]


def test_over_sized_files_are_not_read(tmp_path, monkeypatch):
    with write(tmp_path, "huge.txt").open("ab") as file:
        file.truncate(1 << 40)  # a hole: takes no room on the disk
    monkeypatch.setattr(os, "read", lambda *args: pytest.fail("it was read"))
    assert skip_reason(tmp_path) == "too large: over 5,000,000 bytes"


@pytest.mark.parametrize(("size", "taken"), [(100, True), (101, False)])
def test_the_limit_is_inclusive(tmp_path, size, taken):
    write(tmp_path, "a.txt", "x" * size)
    assert bool(read_articles([tmp_path], max_bytes=100).articles) is taken


def test_a_file_that_grows_while_it_is_read_is_skipped(tmp_path, monkeypatch):
    write(tmp_path, "a.txt", "x" * 101)
    monkeypatch.setattr(index.articles, "_refuse_oversized", _blind_once())
    assert read_articles([tmp_path], max_bytes=100).articles == ()


def _blind_once():
    real, calls = index.articles._refuse_oversized, []

    def check(size, max_bytes):
        calls.append(size)
        if len(calls) > 1:
            real(size, max_bytes)

    return check


def _link(target):
    return lambda path: path.symlink_to(target)


def _socket(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_link("/etc/passwd"), "a symbolic link"),
        (_link("nowhere"), "a symbolic link"),
        (_link("."), "a symbolic link"),
        (os.mkfifo, "not a regular file"),
        (_socket, "not a regular file"),
    ],
)
def test_what_is_no_plain_file_is_skipped_without_waiting(tmp_path, make, reason):
    make(tmp_path / "a.txt")
    assert skip_reason(tmp_path).startswith(reason)


def test_a_link_put_in_place_at_the_last_moment_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "a.txt").symlink_to("/etc/passwd")
    monkeypatch.setattr(index.articles.Path, "is_symlink", lambda self: False)
    plain = write(tmp_path, ".plain").lstat()
    monkeypatch.setattr(os, "lstat", lambda path: plain)
    assert skip_reason(tmp_path).startswith("unreadable")


def test_an_unreadable_file_is_skipped(tmp_path, monkeypatch):
    write(tmp_path, "a.txt")
    opened = os.open

    def refusing(path, *args, **kwargs):
        if str(path).endswith("a.txt"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refusing)
    assert skip_reason(tmp_path) == "unreadable: Permission denied"


def test_a_linked_folder_is_counted_and_its_target_still_read(tmp_path):
    write(tmp_path, "z/a.txt")
    (tmp_path / "link").symlink_to("z")
    reading = read_articles([tmp_path])
    assert [a.id for a in reading.articles] == ["a"]
    assert [s.reason for s in reading.skipped] == ["a symbolic link; links are not followed"]


def test_a_folder_that_one_names_may_be_a_link(tmp_path):
    write(tmp_path, "real/a.txt")
    (tmp_path / "link").symlink_to("real")
    assert len(read_articles([tmp_path / "link"]).articles) == 1


def test_folders_are_walked_in_order_and_hidden_ones_are_not(tmp_path):
    for name in ("b/2.txt", "b/1.txt", "a/3.md", "c.txt", ".git/x.txt", "b/.y.txt"):
        write(tmp_path, name)
    reading = read_articles([tmp_path])
    assert [a.id for a in reading.articles] == ["c", "3", "1", "2"]
    assert reading.skipped == ()


def test_a_very_deep_tree(tmp_path):
    folder = tmp_path
    for _ in range(150):
        folder = folder / "d"
    write(folder, "a.txt")
    assert len(read_articles([tmp_path]).articles) == 1


def test_the_same_file_is_seen_once(tmp_path):
    path = write(tmp_path, "a.txt")
    reading = read_articles([path, tmp_path, tmp_path / "." / "a.txt"])
    assert (len(reading.articles), len(reading.skipped)) == (1, 0)


def test_a_second_file_with_an_id_is_skipped_naming_both(tmp_path):
    first, second = write(tmp_path, "a/x.txt"), write(tmp_path, "b/x.md")
    write(tmp_path, "b/X.md")
    reading = read_articles([tmp_path])
    assert [a.id for a in reading.articles] == ["x", "X"]
    (skipped,) = reading.skipped
    assert skipped.reason == f"ID x is taken: {second} comes after {first}"


@pytest.mark.parametrize("name", ["two\nlines.txt", "bell\a.txt", os.fsdecode(b"bad\xff.txt")])
def test_names_that_would_spoil_an_output_are_skipped(tmp_path, name):
    write(tmp_path, name)
    (skipped,) = read_articles([tmp_path]).skipped
    assert skipped.reason == "its name holds control characters or is not UTF-8"
    assert skipped.path.isprintable()
    skipped.path.encode()


@pytest.mark.parametrize("name", ["a..%2f.txt", "CON.txt", "<img onerror=x>.txt", "é 😀.txt"])
def test_odd_names_are_just_ids(tmp_path, name):
    assert read_one(tmp_path, name, STORY)[0].id == name.removesuffix(".txt")


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(ArticleError, match=r"gone: no such file or folder"):
        read_articles([tmp_path / "gone"])


def test_a_folder_outside_is_not_looked_into(tmp_path):
    write(tmp_path, "a.txt")
    write(tmp_path, "index/b.txt")
    reading = read_articles([tmp_path], outside=tmp_path / "index")
    assert [a.id for a in reading.articles] == ["a"]


def test_progress_counts_the_files(tmp_path):
    for name in ("a.txt", "b.bin", "c.md"):
        write(tmp_path, name)
    seen = []
    read_articles([tmp_path], progress=seen.append)
    assert seen == [1, 2, 3]


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
def test_front_matter(tmp_path, content, known, text):
    article, notes = read_one(tmp_path, "a.txt", content)
    assert (article.outlet, article.published, article.url)[: len(known)] == known
    assert article.text == (content if text is None else text)
    assert notes == ()


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        ("published", "2024-02-29", True),
        ("published", "2025-02-29", False),
        ("published", "20250228", False),
        ("published", "2025-W09-5", False),
        ("published", "28 February 2025", False),
        ("published", "2025-02-28T10:00:00", False),
        ("published", "٢٠٢٥-٠٢-٢٨", False),
        ("published", "0000-01-01", False),
        ("published", "9999-12-31", True),
        ("url", "http://tern.example/", True),
        ("url", "HTTPS://tern.example/", True),
        ("url", "javascript:alert(1)", False),
        ("url", "https://", False),
        ("url", "//tern.example", False),
        ("url", "https://tern.example/a b", False),
        ("url", "https://[oops/", False),
        ("url", "https://tern.example/" + "a" * 2000, False),
        ("outlet", "Tern\u202eDaily", False),
        ("outlet", "T" * 301, False),
    ],
)
def test_values_are_right_or_unknown_with_a_note(tmp_path, field, value, taken):
    article, notes = read_one(tmp_path, "a.txt", f"---\n{field}: {value}\n---\nBody\n")
    assert getattr(article, field) == (value if taken else None)
    assert len(notes) == (not taken)
    if not taken:
        assert notes[0].startswith(f"{tmp_path / 'a.txt'}: {field} ")
        assert notes[0].endswith("left unknown")


def test_metadata_beside_the_files(tmp_path):
    for name in ("a.txt", "b.txt", "c.txt"):
        write(tmp_path, name)
    write(tmp_path, "d.txt", "---\noutlet: Own\n---\nBody")
    write(
        tmp_path,
        "metadata.csv",
        "id,outlet,published,url\r\n"
        'a,"Tern, Daily",2025-01-02,https://tern.example/a\r\n'
        "b,,soon,\n"
        "d,Table,2025-01-03,\n",
    )
    reading = read_articles([tmp_path])
    rows = {a.id: (a.outlet, a.published, a.url) for a in reading.articles}
    assert rows == {
        "a": ("Tern, Daily", "2025-01-02", "https://tern.example/a"),
        "b": (None, None, None),
        "c": (None, None, None),
        "d": ("Own", "2025-01-03", None),
    }
    assert reading.skipped == ()
    table = tmp_path / "metadata.csv"
    assert reading.notes == (
        f"{table} line 3: published 'soon' is not a date like 2025-03-31; left unknown",
    )


def test_bad_rows_are_told_and_the_rest_is_used(tmp_path):
    write(tmp_path, "a.txt")
    table = write(
        tmp_path,
        "metadata.csv",
        "id,outlet,published,url\n"
        'x,"never closed,2025-01-01,\n'
        "y,too,few\n"
        "\n"
        ",Nameless,2025-01-01,\n"
        "a,First,2025-01-01,\n"
        "a,Second,2025-01-02,\n",
    )
    reading = read_articles([tmp_path])
    assert reading.articles[0].outlet == "First"
    assert [n.removeprefix(f"{table} ").removesuffix("; row not used") for n in reading.notes] == [
        "line 2: unreadable (a quotation mark that is not closed?)",
        "line 3: 3 cells for 4 columns",
        "line 5: no ID",
        "line 7: ID a stands in line 6 already",
    ]


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("name;outlet\na;Tern", "line 1: no column id; not used"),
        (b"id,outlet\na,\x00", "not used: binary"),
        (b"", "line 1: no column id"),
    ],
)
def test_a_metadata_file_of_another_kind(tmp_path, content, note):
    write(tmp_path, "a.txt")
    write(tmp_path, "metadata.csv", content)
    reading = read_articles([tmp_path])
    assert len(reading.articles) == 1
    assert len(reading.notes) == 1 and note in reading.notes[0]


def test_a_metadata_file_that_is_a_link_is_not_used(tmp_path):
    write(tmp_path, "a.txt")
    write(tmp_path, "other.tsv", "id,outlet\na,Tern\n")
    (tmp_path / "metadata.csv").symlink_to("other.tsv")
    reading = read_articles([tmp_path])
    assert reading.articles[0].outlet is None
    assert reading.notes[0].endswith("not used: a symbolic link; links are not followed")


def test_metadata_holds_below_its_folder_and_the_nearest_wins(tmp_path):
    write(tmp_path, "metadata.csv", "id,outlet\na,Top\nb,Top\n")
    write(tmp_path, "sub/metadata.csv", "ID , outlet\na,Sub\n")
    write(tmp_path, "sub/a.txt")
    write(tmp_path, "sub/b.txt")
    reading = read_articles([tmp_path])
    assert {a.id: a.outlet for a in reading.articles} == {"a": "Sub", "b": "Top"}
    single = read_articles([tmp_path / "sub" / "a.txt"])
    assert single.articles[0].outlet == "Sub"


FIELD_LINES = st.sampled_from(
    ["---", "--- ", "outlet: x", "published: 2025-01-01", "url: y", "title:", "a: b", " - c", ""]
)
CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")),
    st.lists(FIELD_LINES, max_size=8).map(lambda lines: "\n".join(lines).encode()),
)


@given(st.dictionaries(st.sampled_from("abcdefg"), CONTENTS, max_size=5), CONTENTS)
def test_every_file_is_an_article_or_skipped(tmp_path_factory, files, metadata):
    folder = tmp_path_factory.mktemp("any")
    for stem, content in files.items():
        write(folder, f"{stem}.{'txt' if stem < 'e' else 'md'}", content)
    write(folder, "metadata.csv", metadata)
    reading = read_articles([folder])
    assert len(reading.articles) + len(reading.skipped) == len(files)
    for article in reading.articles:
        assert article.title.strip() and article.text.strip()
        article.text.encode()
        data = files[article.id].decode("utf-8-sig", "replace").replace("\r\n", "\n")
        assert data.endswith(article.text) or "cp1252" in str(reading.notes) or data[:1] in "\ufffd"
