import pytest

from index.language import sentence_spans
from index.rows import rows_of

NAMES = ("Port", "2040", "2041")
ROWS = (("Orm", "12", "34"), ("Kell Sound", "56", "78"), ("Imber", "9", "1"))
TABLES = {
    "Markdown": ("| Port | 2040 | 2041 |\n| --- | ---: | :-: |\n", "| {} | {} | {} |"),
    "Markdown, bare": ("Port | 2040 | 2041\n--- | --- | ---\n", "{} | {} | {}"),
    "tabs": ("Port\t2040\t2041\n", "{}\t{}\t{}"),
    "columns": ("Port        2040   2041\n", "{:<12}{:<7}{}"),
    "columns, a rule": ("Port        2040   2041\n----------  -----  ----\n", "{:<12}{:<7}{}"),
    "wide columns": ("Port" + " " * 40 + "2040   2041\n", "{:<44}{:<7}{}"),
    "semicolons": ("Port;2040;2041\n", "{};{};{}"),
    "commas": ("Port,2040,2041\n", "{},{},{}"),
    "quoted": ('"Port","2040","2041"\n', '"{}","{}","{}"'),
}


@pytest.mark.parametrize(("head", "form"), TABLES.values(), ids=TABLES)
def test_each_row_of_a_table_is_known_with_its_header(head, form):
    lines = [form.format(*row) for row in ROWS]
    text = (
        f"Boats of the coast\n\nHow many each port has.\n\n{head}" + "\n".join(lines) + "\n\nEnd."
    )
    found = rows_of(text)
    assert [row.told for row in found.values()] == [
        f"Port: {port}; 2040: {one}; 2041: {two}" for port, one, two in ROWS
    ]
    for line, (start, row) in zip(lines, found.items(), strict=True):
        assert text[start : start + len(line)] == line
        assert text[slice(*row.header)] == head.split("\n")[0]
    said = [text[a:b] for a, b in sentence_spans(text)]
    assert all(line in said for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        "The port, the dock and the pier, all shut.\nThe ferry, the tug and 9 boats, all lost.\n"
        * 3,
        "Orm, Kell and Imber\nOrm, Kell and Imber\nOrm, Kell and Imber",
        "First  line\n\nSecond  line\n\nThird  line 3",
        "- one; two\n- three; four\nThe end of it.",
        "Anna Reed; Bo Lind\nCora Holt; Dan Lom\nEva Moss; Finn Orr",
        "a|b",
        "",
    ],
)
def test_prose_and_lists_are_no_table(text):
    assert not rows_of(text)


def test_a_missing_cell_and_a_nameless_column():
    text = "| | 2040 | 2041 |\n|---|---|---|\n| Orm | | 34 |\n"
    assert [row.told for row in rows_of(text).values()] == ["Orm; 2041: 34"]
