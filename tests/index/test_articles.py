import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from index.articles import read_articles
from index.errors import ArticleError
from tests.sample_files import LOCK, MORE, page, pdf_file
from tests.sample_files import STORY as SENTENCE

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


def test_unknown_endings_are_skipped_and_named(tmp_path):
    write(tmp_path, "a.docx")
    write(tmp_path, "README")
    reading = read_articles([tmp_path])
    read = "only .txt, .md, .html, .htm, .pdf, .jsonl, .csv are read"
    assert [s.reason for s in reading.skipped] == [
        f"ending missing: {read}",
        f"ending .docx: {read}",
    ]


def test_all_formats_side_by_side(tmp_path):
    write(tmp_path, "a.html", page(head="<meta property=og:site_name content='Tern Daily'>"))
    write(tmp_path, "b.HTM", page())
    write(tmp_path, "c.pdf", pdf_file([SENTENCE, MORE]))
    write(tmp_path, "d.jsonl", '{"text": "One.", "id": "x", "outlet": "Gull"}\n{"text": "Two."}\n')
    write(tmp_path, "e.csv", "title,text\nHead,Three.\n")
    write(tmp_path, "f.md", "# Four\n")
    write(
        tmp_path, "metadata.csv", "id,outlet,published\nc,Shore,2025-01-02\nd-2,Reef,2025-01-03\n"
    )
    reading = read_articles([tmp_path])
    assert [(a.id, a.title, a.outlet, a.published) for a in reading.articles] == [
        ("a", "Ferry runs again", "Tern Daily", None),
        ("b", "Ferry runs again", None, None),
        ("c", SENTENCE, "Shore", "2025-01-02"),
        ("x", "One.", "Gull", None),
        ("d-2", "Two.", "Reef", "2025-01-03"),
        ("e-1", "Head", None, None),
        ("f", "Four", None, None),
    ]
    assert reading.skipped == reading.notes == ()


def test_bad_files_and_rows_are_named_and_the_rest_is_read(tmp_path):
    write(tmp_path, "a.pdf", pdf_file([SENTENCE], trailer=LOCK))
    write(tmp_path, "b.html", "<html><body></body></html>")
    rows = write(tmp_path, "c.jsonl", '{"text": 1}\n{"text": "\u200b"}\n{"text": "Kept."}\n')
    write(tmp_path, "d.csv", "a report without a header\n")
    reading = read_articles([tmp_path])
    assert [a.id for a in reading.articles] == ["c-3"]
    assert [(s.path, s.reason) for s in reading.skipped] == [
        (str(tmp_path / "a.pdf"), "encrypted: a password opens it"),
        (str(tmp_path / "b.html"), "no report found on the page"),
        (f"{rows} line 1", "text is a number, not text"),
        (f"{rows} line 2", "empty: no visible character"),
        (
            str(tmp_path / "d.csv"),
            "line 1: no column text in a header such as id,title,text,outlet,published,url",
        ),
    ]


@pytest.mark.parametrize("name", ["a.txt", "a.html", "a.jsonl", "a.csv", "a.pdf"])
def test_files_over_the_limit_are_not_read(tmp_path, name):
    with write(tmp_path, name).open("ab") as file:
        file.truncate(100_000_000)
    limit = "64,000,000" if name in ("a.jsonl", "a.csv", "a.pdf") else "5,000,000"
    assert skip_reason(tmp_path) == f"too large: over {limit} bytes"


def test_heavy_libraries_wait_for_their_files(tmp_path):
    write(tmp_path, "a.txt")
    write(tmp_path, "b.jsonl", '{"text": "x"}')
    code = (
        "import sys; from pathlib import Path; from index.articles import read_articles\n"
        "desk = read_articles([Path(sys.argv[1])])\n"
        "assert len(desk.articles) == 2\n"
        "print(sorted({'lxml', 'trafilatura', 'pypdfium2', 'torch', 'numpy'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_the_process_that_extracts_ends_with_the_reading(tmp_path):
    write(tmp_path, "a.pdf", pdf_file([SENTENCE]))
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text() if children.exists() else ""
    assert len(read_articles([tmp_path]).articles) == 1
    with pytest.raises(ArticleError):
        read_articles([tmp_path, tmp_path / "gone"])
    assert (children.read_text() if children.exists() else "") == before


@pytest.mark.parametrize("name", ["a.txt", "a.html", "a.pdf", "a.jsonl", "a.csv", "metadata.csv"])
def test_what_is_no_plain_file_is_not_read(tmp_path, name):
    (tmp_path / name).symlink_to("/etc/passwd")
    reading = read_articles([tmp_path])
    assert reading.articles == ()
    told = reading.notes if name == "metadata.csv" else [s.reason for s in reading.skipped]
    assert len(told) == 1 and "a symbolic link" in told[0]


def test_a_linked_folder_is_counted_and_read_only_if_it_is_named(tmp_path):
    write(tmp_path, "z/a.txt")
    (tmp_path / "link").symlink_to("z")
    reading = read_articles([tmp_path])
    assert [a.id for a in reading.articles] == ["a"]
    assert [s.reason for s in reading.skipped] == ["a symbolic link; links are not followed"]
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
    first, second = write(tmp_path, "b/x.md"), write(tmp_path, "b/x.txt")
    write(tmp_path, "b/X.md")
    reading = read_articles([tmp_path])
    assert [a.id for a in reading.articles] == ["X", "x"]
    (skipped,) = reading.skipped
    assert skipped.reason == f"ID x is taken: {second} comes after {first}"


def ids(*paths):
    reading = read_articles(paths)
    assert not reading.skipped
    return {a.id: a.text for a in reading.articles}


def test_files_of_one_name_in_several_folders_are_told_apart_by_their_folders(tmp_path):
    write(tmp_path, "news/2030/roads.txt", "thirty")
    write(tmp_path, "news/2031/roads.md", "one")
    write(tmp_path, "news/2031/bridges.txt", "other")
    first = ids(tmp_path / "news")
    assert first == {"2030/roads": "thirty", "2031/roads": "one", "bridges": "other"}
    write(tmp_path, "news/2032/north/roads.txt", "two")
    write(tmp_path, "news/roads.txt", "none")
    assert ids(tmp_path / "news") == {**first, "2032/north/roads": "two", "roads": "none"}


def test_files_of_one_name_in_folders_that_were_each_given(tmp_path):
    names = (
        "gazette/roads.txt",
        "herald/roads.txt",
        "herald/may/ferry.txt",
        "gazette/may/ferry.txt",
    )
    paths = {name: write(tmp_path, name, name) for name in names}
    told = {name.removesuffix(".txt"): name for name in names}
    assert ids(tmp_path / "gazette", tmp_path / "herald") == told
    two = [paths[n] for n in names[:2]]
    assert list(ids(*two)) == ["gazette/roads", "herald/roads"]


def test_rows_without_an_id_and_metadata_follow_the_folder(tmp_path):
    for year in ("2030", "2031"):
        write(tmp_path, f"{year}/roads.jsonl", json.dumps({"text": year}))
        write(tmp_path, f"{year}/metadata.csv", f"id,outlet\nroads-1,Outlet {year}\n")
    reading = read_articles([tmp_path])
    told = [(a.id, a.outlet) for a in reading.articles]
    assert told == [("2030/roads-1", "Outlet 2030"), ("2031/roads-1", "Outlet 2031")]


@pytest.mark.parametrize("name", ["two\nlines.txt", "bell\a.txt", os.fsdecode(b"bad\xff.txt")])
def test_names_that_would_spoil_an_output_are_skipped(tmp_path, name):
    write(tmp_path, name)
    (skipped,) = read_articles([tmp_path]).skipped
    assert skipped.reason == "its name holds control characters or is not UTF-8"
    assert skipped.path.isprintable()
    skipped.path.encode()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("two\nlines", "its ID holds control characters or is not UTF-8"),
        ("right\u202eleft", "its ID holds control characters or is not UTF-8"),
        ("half\ud800", "its ID holds control characters or is not UTF-8"),
        ("x" * 10_240, "its ID is over 255 characters long"),
    ],
)
def test_ids_of_rows_that_would_spoil_an_output(tmp_path, given, reason):
    write(tmp_path, "a.jsonl", json.dumps({"id": given, "text": "x"}) + '\n{"text": "y"}')
    reading = read_articles([tmp_path])
    assert [a.id for a in reading.articles] == ["a-2"]
    assert [s.reason for s in reading.skipped] == [reason]


@pytest.mark.parametrize(
    "given",
    ["../../etc/passwd", "/abs", ".", "..", "CON", "%2e%2e", "<img onerror=x>", "é 🙂", "[1]"],
)
def test_odd_ids_of_rows_are_just_ids(tmp_path, given):
    assert read_one(tmp_path, "a.jsonl", json.dumps({"id": given, "text": "x"}))[0].id == given


def test_ids_that_look_the_same_are_the_same(tmp_path):
    rows = [("caf\u00e9", "one"), ("cafe\u0301", "two"), ("CAF\u00c9", "three")]
    text = "\n".join(json.dumps({"id": i, "text": t}) for i, t in rows)
    path = write(tmp_path, "a.jsonl", text)
    reading = read_articles([tmp_path])
    assert [(a.id, a.text) for a in reading.articles] == [rows[0], rows[2]]
    (skipped,) = reading.skipped
    assert skipped.reason == f"ID cafe\u0301 is taken: {path} line 2 comes after {path} line 1"


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


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        ("published", "2024-02-29", True),
        ("published", "2025-02-29", False),
        ("published", "28 February 2025", False),
        ("published", "٢٠٢٥-٠٢-٢٨", False),
        ("published", "9999-12-31", True),
        ("url", "http://tern.example/", True),
        ("url", "HTTPS://tern.example/", True),
        ("url", "javascript:alert(1)", False),
        ("url", "https://", False),
        ("url", "https://tern.example/a b", False),
        ("url", "https://[oops/", False),
        ("outlet", "Tern\u202eDaily", False),
        ("outlet", "T" * 301, False),
        ("outlet", "T\u0435rn Daily", False),
        ("outlet", "Терн", True),
        ("url", "https://tern.example@evil.example/", False),
    ],
)
def test_values_are_right_or_unknown_with_a_note(tmp_path, field, value, taken):
    article, notes = read_one(tmp_path, "a.txt", f"---\n{field}: {value}\n---\nBody\n")
    assert getattr(article, field) == (value if taken else None)
    assert len(notes) == (not taken)
    if not taken:
        assert notes[0].startswith(f"{tmp_path / 'a.txt'}: {field} ")
        assert notes[0].endswith("left unknown")


def test_an_address_in_another_alphabet_is_shown_as_what_it_is(tmp_path):
    text = "---\nurl: https://t\u0435rn.example/é\n---\nT\u0435rn sails\n"
    article, notes = read_one(tmp_path, "a.txt", text)
    assert article.url == "https://xn--trn-rdd.example/é"
    assert notes == (
        f"{tmp_path / 'a.txt'}: a word of its title mixes letters of several alphabets",
    )


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


def test_metadata_holds_below_its_folder_and_the_nearest_wins(tmp_path):
    write(tmp_path, "metadata.csv", "id,outlet\na,Top\nb,Top\n")
    write(tmp_path, "sub/metadata.csv", "ID , outlet\na,Sub\n")
    write(tmp_path, "sub/a.txt")
    write(tmp_path, "sub/b.txt")
    reading = read_articles([tmp_path])
    assert {a.id: a.outlet for a in reading.articles} == {"a": "Sub", "b": "Top"}
    single = read_articles([tmp_path / "sub" / "a.txt"])
    assert single.articles[0].outlet == "Sub"
