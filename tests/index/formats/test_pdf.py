"""PDFs as they are laid out: columns, cut words, running heads, pictures, rows of a table."""

import itertools

import pytest

from index.files import Unfit
from index.formats.pdf import pdf
from tests.sample_files import MORE, PICTURE, STORY, drawn_pdf, pdf_file

LEFT = (
    "The wind that came over Kell Sound",
    "on Friday tore up nine boats in the",
    "old dock. At Orm the roof of a net",
    "loft fell on 14 crab pots, the port",
    "captain said. Nobody was near it at",
    "that hour. By dawn the sea had put",
)
RIGHT = (
    "62 metres of planks on the beach of",
    "Imber, and the mayor asked all who",
    "own a cart to help. The school will",
    "be shut on Monday. In the north two",
    "roads are under water, the bus firm",
    "said, and one is open to lorries.",
)
STORM = f"{' '.join(LEFT)} {' '.join(RIGHT)}"


def column(lines, x, top=700, size=10):
    return [(x, top - 13 * n, size, line) for n, line in enumerate(lines)]


def read(*pages):
    return pdf(drawn_pdf(*pages), 1_000_000)


TWO = (column(LEFT, 50), column(RIGHT, 300))


@pytest.mark.parametrize(
    "drawn",
    [
        TWO[0] + TWO[1],
        TWO[1] + TWO[0],
        [line for row in zip(*TWO, strict=True) for line in row],
        [line for row in zip(*TWO, strict=True) for line in reversed(row)],
        sorted(TWO[0] + TWO[1], key=lambda line: line[1]),
        column(LEFT, 50) + column(RIGHT, 240),
        column(LEFT, 50) + column(RIGHT, 300, top=695),
    ],
    ids=["whole", "right first", "by rows", "by rows, right first", "upwards", "near", "uneven"],
)
def test_columns_are_read_one_after_the_other_however_they_are_drawn(drawn):
    assert read(drawn)["text"] == STORM


def test_what_goes_across_the_columns_stands_between_them():
    head = [(50, 740, 18, "A storm at Kell, and what it left on the beaches of the coast")]
    foot = column(
        ["All ports of the coast are open again since Sunday, the coastguard wrote."], 50, 560
    )
    assert read(head + TWO[0] + TWO[1] + foot)["text"].split("\n") == [
        head[0][3],
        STORM,
        foot[0][3],
    ]


def test_three_columns():
    narrow = [[" ".join(line.split()[:4]) for line in lines] for lines in (LEFT, RIGHT, LEFT)]
    drawn = [column(lines, x, size=8) for lines, x in zip(narrow, (40, 220, 400), strict=True)]
    rows = [line for row in zip(*drawn, strict=True) for line in row]
    assert " ".join(read(rows)["text"].split()) == " ".join(itertools.chain(*narrow))


def test_a_row_of_a_table_stays_a_row():
    rows = [
        ("Port", "2040", "2041"),
        ("Orm", "12", "34"),
        ("Kell", "56", "78"),
        ("Imber", "9", "1"),
    ]
    drawn = [
        (x, 700 - 14 * n, 11, v)
        for n, row in enumerate(rows)
        for x, v in zip((50, 200, 300), row, strict=True)
    ]
    assert [line.split() for line in read(drawn)["text"].split("\n")] == [list(row) for row in rows]


def test_a_sentence_goes_on_on_the_next_page():
    assert read(column(LEFT, 50, 150), column(RIGHT, 50))["text"] == STORM


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            ("The port will be shut for repairs to its long-", "term moorings, the office said."),
            "long-term moorings",
        ),
        (
            ("The harbour office has asked the whole govern-", "ment for help."),
            "government for help",
        ),
        (("About two-", "thirds of the boats are new, and two thirds are small."), "two-thirds of"),
        (("They came from Anglo-", "Norse houses."), "Anglo-Norse houses"),
        (("Im Hafen liegt seit Montag ein Schiff der Feuer-", "wehr aus Kell."), "Feuerwehr aus"),
        (("The net lo-", "fts burned."), "lofts burned"),
        (("He sold a net-", "loft, and the net-loft burned."), "a net-loft, and"),
    ],
)
def test_words_cut_at_the_end_of_a_line(lines, text):
    assert text in pdf(pdf_file(lines), 10_000)["text"].replace("\n", " ")


def test_ligatures_are_letters():
    assert (
        "The office found fire and floods"
        in pdf(pdf_file(["The office found \\256re and \\257oods."]), 10_000)["text"]
    )


@pytest.mark.parametrize("number", ["%d", "- %d -", "Page %d of 3", "Seite %d"])
def test_running_heads_and_page_numbers_are_no_part_of_the_report(number):
    pages = [
        [(50, 770, 9, "Kell Gazette, 4 May 2041"), *column(lines, 50), (280, 30, 9, number % n)]
        for n, lines in enumerate((LEFT, RIGHT, [MORE]), start=1)
    ]
    assert read(*pages)["text"] == f"{STORM}\n{MORE}"


def test_a_title_and_a_number_in_the_text_stay():
    text = read([(50, 760, 18, "A storm at Kell"), *column([STORY, "1877", MORE], 50)])["text"]
    assert text.split("\n") == ["A storm at Kell", STORY, "1877", MORE]


def test_pages_that_are_only_a_picture_are_named():
    picture, words = [(0, 0, 1, PICTURE)], column([STORY], 50)
    assert read(words, picture)["notes"] == ["page 2 is only a picture: not read"]
    assert read(picture, words, picture)["notes"] == ["pages 1, 3 are only a picture: not read"]
    assert read(words, [])["notes"] == []
    with pytest.raises(Unfit, match="only pictures"):
        read(picture)


def test_a_page_of_very_many_pieces_is_read_in_time():
    drawn = [(50 + 90 * (n % 5), 780 - n // 5, 1, f"w{n}") for n in range(3_800)]
    assert "w3799" in read(drawn)["text"]
