"""Where sentences begin and end."""

import pytest

from index import Article, Passage
from rag.sentences import same_sentence, units_of

SAID = "Nine boats sank off Larkmoor on Monday."


@pytest.mark.parametrize(
    "head",
    [
        "LARKMOOR - ",
        "LARKMOOR (Meridian Wire) – ",
        "PORT SENNET, Feb. 11 (MW) -- ",
        "LARKMOOR, Marrenia (MW) — ",
    ],
)
def test_a_dateline_is_no_part_of_the_first_sentence(head):
    wire = Article("w", "Boats sink", f"{head}{SAID} All crews are safe.")
    ((start, end), _) = units_of(wire)
    assert wire.text[start:end] == SAID
    copy = Article("c", "Boats", SAID)
    assert same_sentence(Passage(wire, start, end), copy) == Passage(copy, 0, len(SAID))


@pytest.mark.parametrize("text", ["MPs met in Corrin - the first time in May.", "It sank - again."])
def test_other_dashes_are(text):
    assert units_of(Article("a", "A", text)) == ((0, len(text)),)
