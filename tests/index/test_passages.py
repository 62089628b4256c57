import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.articles import read_articles
from index.encoder import load_encoder
from index.errors import SettingError
from index.passages import embedded_text, keyword_text, split_passages, titled_text
from index.records import CUT, Article, Passage
from tests.fakes import TopicEncoder


def article(text, title="T"):
    return Article(id="a", title=title, text=text)


def texts(text, encoder, title="T"):
    return [p.text for p in split_passages(article(text, title), encoder)]


def test_worked_example():
    """Room for 12 - 2 = 10 tokens, 9 under the title "T". A sentence has 4 with its full stop.

    The first passage takes two (8), the later ones two more, beginning with the last sentence of
    the one before only if it has 9 // 4 = 2 tokens or fewer: here "Stop." (2).
    """
    text = "Aa bb cc. Dd ee ff. Stop. Gg hh ii. Jj kk ll."
    assert texts(text, TopicEncoder(max_tokens=12)) == [
        "Aa bb cc. Dd ee ff. Stop. ",
        "Stop. Gg hh ii. ",
        "Jj kk ll.",
    ]


@pytest.mark.parametrize(
    ("text", "max_tokens", "expected"),
    [
        ("", 12, []),
        ("  \n One.  \n", 12, ["  \n One.  \n"]),
        ("\n\n Aa bb cc. \n\n Ee ff gg hh. \n", 8, ["\n\n Aa bb cc. \n\n ", "Ee ff gg hh. \n"]),
        # A sentence over the limit is cut at white space.
        ("aa bb cc dd ee ff gg hh", 6, ["aa bb cc dd ", "ee ff gg hh"]),
        ("aa-bb-cc-dd-ee", 6, None),
    ],
)
def test_edges(text, max_tokens, expected):
    found = texts(text, TopicEncoder(max_tokens=max_tokens), title="A title that has no room here")
    assert "".join(found) == text
    if expected is not None:
        assert [f.split() for f in found] == [e.split() for e in expected]


def test_a_run_that_a_tokenizer_takes_for_one_word_is_still_cut():
    found = texts("x" * 10_000, TopicEncoder(max_tokens=12))
    assert max(map(len, found)) <= 10 * 100
    assert "".join(found) == "x" * 10_000


class SplittingEncoder(TopicEncoder):
    """Gives one token to each pair of letters from a word's start: a cut inside adds tokens."""

    def token_offsets(self, text):
        return [
            (at, min(at + 2, end))
            for start, end in super().token_offsets(text)
            for at in range(start, end, 2)
        ]


def test_a_long_sentence_is_cut_between_words():
    """Room for 5 tokens: "ab cd ef" and "gh ij" of "ghijkl", so the cut moves back before it."""
    found = texts("abcdef ghijkl mnopqr", SplittingEncoder(max_tokens=7), title="Quite a title")
    assert found == ["abcdef ", "ghijkl ", "mnopqr"]


class ByteEncoder(TopicEncoder):
    """Gives one token to each byte, white space included: several stand at one character."""

    def token_offsets(self, text):
        return [(n, n + 1) for n, c in enumerate(text) for _ in c.encode("utf-8", "replace")]


class JoiningEncoder(TopicEncoder):
    """Gives white space between words a token: sentences together have more than apart."""

    def token_offsets(self, text):
        return [m.span() for m in re.finditer(r"\w+|[^\w\s]|(?<=\S)\s+(?=\S)", text)]


def test_an_overlap_that_leaves_no_room_is_dropped():
    """Room for 10 tokens. "Cc." (2) and "Dd ee ff gg." (8) have 11 together: 1 for the space."""
    found = texts("Aa bb.\nCc.\nDd ee ff gg.", JoiningEncoder(max_tokens=12), title="Quite a title")
    assert found == ["Aa bb.\nCc.\n", "Dd ee ff gg."]


def test_an_encoder_without_room_is_refused():
    with pytest.raises(SettingError, match="no room"):
        texts("One.", TopicEncoder(max_tokens=2))
    with pytest.raises(SettingError, match="can't hold a character"):
        texts("é é", ByteEncoder(max_tokens=3))


WORDS = st.sampled_from(
    ["ferry", "Mr.", "sailed.", "“No!”", "\n", "\n\n", "2.5", "a" * 130, "é€😀", "x-y", "   ", "\t"]
)
ENCODERS = st.builds(
    lambda kind, n: kind(max_tokens=n),
    st.sampled_from([TopicEncoder, SplittingEncoder, ByteEncoder, JoiningEncoder]),
    st.integers(6, 40),
)


@given(st.lists(WORDS, max_size=60).map(" ".join) | st.text(max_size=80), ENCODERS)
@settings(deadline=None, max_examples=300)
def test_every_character_is_covered_within_the_limit(text, encoder):
    check_passages(article(text, title="A ferry sailed"), encoder)


def check_passages(story, encoder):
    found = split_passages(story, encoder)
    assert {i for p in found for i in range(p.start, p.end)} == set(range(len(story.text)))
    for passage in found:
        assert passage.start < passage.end
        for said in (passage.text, embedded_text(passage, encoder)):
            assert len(encoder.token_offsets(said)) + encoder.special_tokens <= encoder.max_tokens
    for a, b in itertools.pairwise(found):
        assert a.start < b.start <= a.end < b.end


REAL_TEXTS = [
    "Dredging is halted\n\n" + "Silt had closed the northern channel since May, they said. " * 90,
    "Préfecture d’Élancourt — ‘naïve’ coöperation; Łódź, Αθήνα, Москва, 東京タワー。 " * 40,
    "antidisestablishmentarianism" * 200 + " " + "a" * 90 + " " + "b1" * 49 + " ",
    "no-full-stops-only-hyphens " * 300,
    "x" * 60_000,
    "\u200b\u200d\ufeff" * 500 + "word " * 20 + "😀" * 700,
    "\n\n\nA.\n\n\n" + " \t " * 2_000 + "B. C. D.\n" * 300,
    "1,234,567.89 " * 400,
    "A\u0301\u0302\u0303" * 1_000,
]  # fmt: skip


@pytest.mark.parametrize("text", REAL_TEXTS, ids=lambda text: repr(text[:8]))
def test_limit_and_coverage_with_the_bundled_tokenizer(text):
    check_passages(article(text, title=text.split("\n")[0][:60] or "T"), load_encoder())


class TestEmbeddedText:
    encoder = TopicEncoder(max_tokens=10)

    def test_the_title_goes_first_where_it_is_not_said(self):
        story = article("Ferry runs. It sailed today.", "Ferry runs")
        assert embedded_text(Passage(story, 12, 28), self.encoder) == "Ferry runs\nIt sailed today."
        assert embedded_text(Passage(story, 0, 11), self.encoder) == "Ferry runs."

    def test_not_where_it_has_no_room(self):
        story = article("It sailed at noon on Monday.", "Ferry runs")
        assert embedded_text(Passage(story, 0, 28), self.encoder) == story.text

    def test_a_passage_that_would_be_cut_is_refused(self):
        story = article("One two three four five six seven eight nine")
        with pytest.raises(SettingError, match=r"a\[0:44\] is over the encoder's 10 tokens"):
            embedded_text(Passage(story, 0, 44), self.encoder)

    def test_a_title_that_is_the_first_words_of_the_text_is_not_said_twice(self, tmp_path):
        (tmp_path / "a.txt").write_text("word " * 200)
        (story,) = read_articles([tmp_path]).articles
        assert story.title.endswith(CUT)
        passage = Passage(story, 0, len(story.text))
        assert titled_text(passage) == story.text
        assert keyword_text(passage) == story.text


@pytest.mark.parametrize(
    ("outlet", "start", "found"),
    [
        ("Tern Daily", 12, "Tern Daily\nFerry runs\nFerry runs\nIt sailed."),
        ("Tern Daily", 0, "Tern Daily\nFerry runs\nFerry runs. It sailed."),
        (None, 12, "Ferry runs\nFerry runs\nIt sailed."),
    ],
)
def test_keywords_are_of_the_outlet_the_title_twice_and_the_text(outlet, start, found):
    story = Article("a", "Ferry runs", "Ferry runs. It sailed.", outlet=outlet)
    assert keyword_text(Passage(story, start, 22)) == found
