import csv
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import index.formats.tables
from index.files import Unfit
from index.formats.tables import MAX_ROWS, read_csv, read_json_lines


def outcome(rows):
    """(line, ID, text or reason) of each row."""
    return [(r.line, r.id, r.made if isinstance(r.made, str) else r.made.text) for r in rows]


def json_rows(*lines, max_bytes=1000):
    data = b"\n".join(x if isinstance(x, bytes) else x.encode("utf-8") for x in lines)
    return outcome(read_json_lines(data, "news", max_bytes))


def csv_rows(text, max_bytes=1000):
    data = text if isinstance(text, bytes) else text.encode()
    return outcome(read_csv(data, "news", max_bytes))


def test_json_lines():
    line = {
        "id": "a1",
        "title": "Late\n snow",
        "text": "Snow fell.\r\nMuch of it. ",
        "outlet": " Tern Daily ",
        "published": "2025-01-02T10:00:00Z",
        "url": "https://tern.example/a",
        "tags": ["x", {"y": 1.5}],
    }
    (row,) = read_json_lines(json.dumps(line).replace("1.5", "1e999").encode(), "n", 999)
    assert (row.line, row.id, row.made.title) == (1, "a1", "Late snow")
    assert row.made.text == "Snow fell.\nMuch of it. "
    assert row.made.fields == {
        "outlet": "Tern Daily",
        "published": "2025-01-02",
        "url": "https://tern.example/a",
    }


def test_rows_are_numbered_with_bad_ones_and_without_empty_lines():
    assert json_rows("", '{"text": "one"}', " \r", "bad", '{"text": "two", "id": ""}') == [
        (2, "news-1", "one"),
        (4, "news-2", "not JSON: Expecting value (character 1)"),
        (5, "news-3", "two"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"title": "T"}', "no text"),
        ('{"text": null}', "no text"),
        ('{"text": 5}', "text is a number, not text"),
        ('{"text": {"en": "x"}}', "text is an object, not text"),
        ('{"text": "x", "title": 1}', "title is a number, not text"),
        ('{"text": "x", "published": ["2025-01-01"]}', "published is a list, not text"),
        ('{"text": "x", "id": true}', "id is true or false, not text"),
        ('{"text": "x", "id": [1]}', "id is a list, not text"),
        ('{"text": "x", "score": NaN}', "not JSON: NaN"),
        ('{"text": "x", "text": "y"}', "key 'text' stands twice"),
        ('{"text": "x"} {"text": "y"}', "not JSON: Extra data (character 15)"),
        ('{"text": "x"', "not JSON: Expecting ',' delimiter (character 13)"),
        ('["text"]', "a list, not an object"),
        ("null", "null, not an object"),
        ('{"text": "a\\u0000b"}', "binary: holds control characters"),
        ('{"text": "a\x00b"}', "not JSON: Invalid control character at (character 12)"),
        ('{"text": "half \\ud83d"}', "its text holds half a character"),
        (b'{"text": "caf\xe9"}', "not UTF-8"),
        ('{"text": ' + "9" * 1_000_000 + "}", "too large: over 6,000 bytes"),
        ('{"text": "' + "x" * 1001 + '"}', "too large: over 1,000 bytes"),
    ],
)
def test_a_bad_line_is_told_and_the_others_are_read(line, reason):
    found = json_rows('{"text": "before"}', line, '{"text": "after"}')
    assert [text for _, _, text in (found[0], found[2])] == ["before", "after"]
    assert found[1][:2] == (2, "news-2")
    assert found[1][2].startswith(reason)


@pytest.mark.parametrize("line", ["[" * 200_000, '{"text": "x", "more": ' + '{"a":' * 200_000])
def test_nesting_without_end(line):
    assert json_rows(line, '{"text": "y"}', max_bytes=2_000_000) == [
        (1, "news-1", "nested too deep"),
        (2, "news-2", "y"),
    ]


def test_numbers_are_never_computed():
    digits = "9" * 1_000_000
    lines = f'{{"text": "x", "n": {digits}}}', f'{{"text": "x", "id": {digits}}}'
    start = time.process_time()
    assert [row[2] for row in json_rows(*lines, max_bytes=2_000_000)] == ["x", "x"]
    assert time.process_time() - start < 1


def test_null_is_not_given_and_an_id_may_be_a_number():
    line = '{"id": 17, "title": null, "text": "T", "outlet": null, "published": null, "url": null}'
    (row,) = read_json_lines(line.encode(), "news", 1000)
    assert (row.id, row.made.title) == ("17", "T")
    assert set(row.made.fields.values()) == {""}


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_marks_at_the_start(codec):
    data = '{"text": "é"}\n{"text": "漢"}\n'.encode(codec)
    assert [text for _, _, text in outcome(read_json_lines(data, "n", 99))] == ["é", "漢"]
    assert csv_rows("text\né\n漢\n".encode(codec)) == [(2, "news-1", "é"), (3, "news-2", "漢")]


@pytest.mark.parametrize("data", [b"", b"\n\n \n", b"\xef\xbb\xbf"])
def test_a_file_without_rows_is_unfit(data):
    with pytest.raises(Unfit, match=r"^empty: no rows$"):
        read_json_lines(data, "news", 1000)


@pytest.mark.parametrize("read", [read_json_lines, read_csv])
def test_a_file_whose_mark_lies_is_unfit(read):
    with pytest.raises(Unfit, match="its mark says utf-16"):
        read(b"\xff\xfe\x00\xd8a", "news", 1000)


def test_csv():
    found = read_csv(
        b"\xef\xbb\xbfTitle, ID ,text,outlet,published,url,note\r\n"
        b'Snow,a1,"Snow fell, they say.\r\n\r\n""Much"" of it.",Tern,2025-01-02 10:00,u,\r\n'
        b"\r\n"
        b",,Second,,,,x",
        "news",
        1000,
    )
    assert outcome(found) == [
        (2, "a1", 'Snow fell, they say.\n\n"Much" of it.'),
        (6, "news-2", "Second"),
    ]
    assert [row.made.title for row in found] == ["Snow", "Second"]
    assert found[0].made.fields == {"outlet": "Tern", "published": "2025-01-02", "url": "u"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,b", "2 cells for 3 columns"),
        ("a,b,c,d", "4 cells for 3 columns"),
        (",,", "no text"),
        ("a,b,nul \x00", "binary: holds control characters"),
        ('a,"b" c,d', "a quotation mark within a cell is not doubled"),
        ("a,b,c\rd", "a carriage return stands alone"),
        ("a,b," + "x" * 1001, "too large: a cell without an end"),
        ("a,b" + ",c" * 1500, "too large: a row of over 2,000 characters"),
        ("a,b," + "é" * 501, "too large: over 1,000 bytes"),
        (b"a,b,bad \xff byte", "its text holds half a character"),
    ],
)
def test_a_bad_row_is_told_and_the_others_are_read(row, reason):
    row = row if isinstance(row, bytes) else row.encode()
    # Much UTF-8 around, so that one bad byte does not make another encoding of the file.
    found = csv_rows(b"id,title,text\nx,,bef\xc3\xb6re \xc3\xa9\xc3\xa9\n" + row + b"\ny,,after\n")
    assert [(line, name) for line, name, _ in found] == [(2, "x"), (3, found[1][1]), (4, "y")]
    assert found[1][2].startswith(reason)
    assert found[2][2] == "after"


def test_a_stray_quotation_mark_does_not_swallow_the_rest():
    found = csv_rows('id,title,text\na,A,one\nb,"B,two\nc,C,three\nd,D,"fo\nur"\ne,E,five\n')
    assert found == [
        (2, "a", "one"),
        (3, "news-2", "a quotation mark within a cell is not doubled"),
        (4, "c", "three"),
        (5, "d", "fo\nur"),
        (7, "e", "five"),
    ]
    assert (
        csv_rows('id,title,text\nb,"B,two\nc,C,three\n')[0][2] == "a quotation mark is not closed"
    )


@pytest.mark.parametrize("line", ['a",b"c,"', '"a""'])
def test_quotation_marks_cannot_make_reading_slow(line):
    def seconds(quarters):
        text = "text,id\n" + (line + "\n") * (quarters * 250_000 // len(line))
        start = time.process_time()
        try:
            rows = csv_rows(text, max_bytes=50_000_000)
        except Unfit as unfit:
            assert "over 200,000 rows" in str(unfit)
            rows = ()
        return time.process_time() - start, len(rows)

    (short, _), (long, _) = seconds(1), seconds(4)
    assert long < 4 * 2.5 * max(short, 0.1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty: no rows"),
        ("id,text\n", "empty: no rows"),
        ("A report,2025-01-01,Tern\nAnother,2025-01-02,Tern", "line 1: no column text"),
        ("\n\nid;text\na;b", "line 3: no column text"),
        ("text,id,Text\na,b,c", "line 1: column text stands twice"),
        ('"text,id\na,b', "line 1: a quotation mark is not closed"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "line 1: no column text"),
        (b"t\x00e\x00x\x00t\x00\n\x00a\x00", "line 1: no column text"),
    ],
)
def test_a_file_that_is_no_table_of_articles_is_unfit(text, reason):
    with pytest.raises(Unfit) as caught:
        csv_rows(text)
    assert str(caught.value).startswith(reason)


def test_cp1252_is_read_and_told_once():
    rows = read_csv("id,text\na,Café\nb,Zoë and a long way to go\n".encode("cp1252"), "n", 99)
    assert [row.made.text for row in rows] == ["Café", "Zoë and a long way to go"]
    assert [row.made.notes for row in rows] == [("not UTF-8, read as cp1252",), ()]


def test_cells_over_the_librarys_limit_are_read_and_the_limit_is_as_before():
    before = csv.field_size_limit()
    long = "word " * 100_000
    assert csv_rows(f"id,text\na,{long}\n", max_bytes=1_000_000) == [(2, "a", long)]
    assert csv.field_size_limit() == before == 131_072


def test_too_many_rows_are_refused_before_they_pile_up(monkeypatch):
    monkeypatch.setattr(index.formats.tables, "MAX_ROWS", 3)
    assert len(json_rows("1", "2", "3")) == 3
    with pytest.raises(Unfit, match=r"^over 3 rows: split it$"):
        json_rows("1", "2", "3", "4")
    assert MAX_ROWS == 200_000


@pytest.mark.parametrize("read", [read_json_lines, read_csv])
@pytest.mark.parametrize("line", [b"\n", b" \r\n"])
def test_a_million_empty_lines(read, line):
    start = time.process_time()
    with pytest.raises(Unfit, match="empty: no rows"):
        read(b"text\n" * (read is read_csv) + line * 1_000_000, "news", 1000)
    assert time.process_time() - start < 1


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('ab,"\n\r'), max_size=60))
def test_whatever_follows_the_header_is_told_row_by_row(rest):
    try:
        rows = csv_rows("text,id\n" + rest)
    except Unfit as unfit:
        assert str(unfit) == "empty: no rows" and not rest.strip('\n\r "')
        return
    lines = [line for line, _, _ in rows]
    assert lines == sorted(set(lines))
    assert all(2 <= line <= 2 + rest.count("\n") for line in lines)
