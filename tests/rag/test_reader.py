import time

import numpy as np
import pytest

from rag.reader import LONGEST, Reading, load_reader


def reading(starts, ends, width=3):
    offsets = np.array([(i * width, i * width + width - 1) for i in range(len(starts))])
    return Reading(0.5, np.array(starts, float), np.array(ends, float), offsets)


def test_the_best_span_is_the_largest_sum_with_its_end_not_before_its_start():
    assert reading([0, 5, 0, 7], [8, 0, 4, 1]).best_span() == (9.0, 3, 8)


def test_the_best_span_can_be_held_within_a_sentence():
    r = reading([0, 5, 0, 9], [8, 0, 4, 1])
    assert r.best_span(0, 6) == (8.0, 0, 2)
    assert r.best_span(100, 200) is None


def test_no_span_is_longer_than_it_may_be():
    n = LONGEST + 10
    r = reading([9.0] + [0.0] * (n - 1), [0.0] * (n - 1) + [9.0])
    _, start, end = r.best_span()
    assert (end - start) <= LONGEST * 3


@pytest.fixture(scope="module")
def reader():
    return load_reader()


def test_the_trained_reader_finds_a_plain_answer_and_misses_what_is_not_there(reader):
    passage = (
        "The Arden bridge closed on Friday after twelve cables snapped. Mayor Ansel Brock "
        "blamed the winter. Repairs will take nine weeks."
    )
    (yes,) = reader.read("Who blamed the winter?", [passage])
    (no,) = reader.read("Who composed the opera?", [passage])
    _, start, end = yes.best_span()
    assert "Brock" in passage[start:end]
    assert yes.best_span()[0] > no.best_span()[0]


def test_readings_come_in_order_and_cover_long_passages(reader):
    long = "Filler words go on and on. " * 120 + "The key lay under a blue stone."
    short, wide = reader.read("Where did the key lie?", ["Nothing here.", long])
    assert wide.offsets[-1, 1] == len(long)
    _, start, end = wide.best_span()
    assert "stone" in long[start:end]
    assert short.offsets[-1, 1] <= len("Nothing here.")


def test_nothing_to_read(reader):
    assert reader.read("Who?", []) == []
    assert reader.read("Who?", [""])[0].best_span() is None


@pytest.mark.parametrize(
    "letters", ["A-B-", "?!", "水", "привет ", "مرحبا ", "ก", "🦦", "wort", "ﷺ"]
)
def test_a_question_of_any_script_is_read_as_far_as_a_window_has_room(reader, letters):
    passage = "The otter swam in the harbour. " * 30
    for length in (100, 199, 200, 201, 2000):
        (found,) = reader.read((letters * 2000)[:length], [passage])
        assert found.offsets[-1, 1] == len(passage.rstrip())


def test_a_long_question_costs_little_more_than_a_short_one(reader):
    passages = ["The otter swam in the harbour. " * 60]

    def cost(question: str) -> float:
        began = time.process_time()
        reader.read(question, passages)
        return time.process_time() - began

    assert min(cost("A-B-" * 500) for _ in range(3)) < 6 * min(cost("Why?") for _ in range(3))
