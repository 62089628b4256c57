import pytest

from rag.dates import find_dates
from rag.values import find_quantities, same_quantity

HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("two and a half hours", [("two and a half hours", 2.5 * HOUR, "time", "=")]),
        ("half an hour", [("half an hour", 0.5 * HOUR, "time", "=")]),
        ("a 48-hour walkout", [("48-hour", 48 * HOUR, "time", "=")]),
        ("almost three hours", [("almost three hours", 3 * HOUR, "time", "-")]),
        ("more than 10,000 people", [("more than 10,000", 10_000.0, "", ">")]),
        ("$20bn for 40 F-16 jets", [("$20bn", 2e10, "$", "="), ("40", 40.0, "", "=")]),
        ("20 billion dollars", [("20 billion dollars", 2e10, "$", "=")]),
        ("₹5m, 9 kroner", [("₹5m", 5e6, "rupee", "="), ("9 kroner", 9.0, "krona", "=")]),
        (
            "40 centimetres of snow on 12 hectares",
            [("40 centimetres", 0.4, "length", "="), ("12 hectares", 12.0, "area", "=")],
        ),
        ("3.4%", [("3.4%", 3.4, "percent", "=")]),
        (
            "twenty-one dead, a hundred and four hurt",
            [("twenty-one", 21.0, "", "="), ("a hundred and four", 104.0, "", "=")],
        ),
        ("the toll on Nov. 6 was nine", [("nine", 9.0, "", "=")]),
        ("in 2024 a crowd came", []),
        ("25 basis points", [("25 basis points", 0.25, "points", "=")]),
        ("minus 18 degrees", [("minus 18 degrees", -18.0, "degree", "=")]),
        ("7°C below zero", [("7°C below zero", -7.0, "celsius", "=")]),
        (
            "61,9 percent of 3.400 people",
            [("61,9 percent", 61.9, "percent", "="), ("3.400", 3400.0, "", "=")],
        ),
        ("1.250 litres", [("1.250 litres", 1.25, "volume", "=")]),
        ("half a million", [("half a million", 5e5, "", "=")]),
        ("one and a half million", [("one and a half million", 1.5e6, "", "=")]),
        ("CHF 75,000", [("CHF 75,000", 75e3, "franc", "=")]),
        ("5 Canadian dollars", [("5 Canadian dollars", 5.0, "canadian $", "=")]),
        (
            "at 4.30 p.m. or noon",
            [("4.30 p.m.", 990.0, "clock", "="), ("noon", 720.0, "clock", "=")],
        ),
        ("one boat in five sank", [("one", 1.0, "", "="), ("five", 5.0, "", "=")]),
        ("a 22-year-old", [("22-year-old", 22.0, "age", "=")]),
        ("the third party", []),
        ("a man and a dog", []),
    ],
)
def test_quantities_are_found_with_amount_family_and_hedge(text, found):
    assert [
        (text[q.start : q.end], q.amount, q.family, q.relation) for q in find_quantities(text)
    ] == found


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("on Nov. 6", (None, 11, 6, None)),
        ("6 November 2023", (2023, 11, 6, None)),
        ("on the 3rd of March", (None, 3, 3, None)),
        ("March 2025", (2025, 3, None, None)),
        ("2025-03-12", (2025, 3, 12, None)),
        ("late on monday", (None, None, None, 0)),
        ("last May", (None, 5, None, None)),
    ],
)
def test_a_date_is_what_its_words_say(text, parts):
    (date,) = find_dates(text)
    assert (date.year, date.month, date.day, date.weekday) == parts


@pytest.mark.parametrize(
    "text", ["it may march on", "7,500 people", "2025 workers struck", "2025-13-45"]
)
def test_what_is_no_date(text):
    assert [d for d in find_dates(text) if d.month or d.day or "2025 w" in text] == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("some 12 acres", "about five hectares", True),
        ("some 12 acres", "about six hectares", False),
        ("12 acres", "five hectares", False),
        ("some 12 acres", "about 12.5 acres", False),
    ],
)
def test_what_is_about_so_much_is_rounded_in_each_unit(one, other, same):
    (a,), (b,) = find_quantities(one), find_quantities(other)
    assert same_quantity(a, b) is same
