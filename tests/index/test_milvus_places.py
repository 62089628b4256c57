from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from index.milvus.places import GAP, longest_rising, placed

SOME = st.lists(
    st.one_of(st.none(), st.integers(1, 30)), max_size=9, unique_by=lambda v: v or object()
)


def test_by_hand():
    assert placed([None, None]) == [GAP, 2 * GAP]
    assert placed([10, None, 20]) == [10, 15, 20]
    assert placed([10, 20, None]) == [10, 20, 20 + GAP]
    assert placed([None, 10]) == [5, 10]
    assert placed([30, 10, 20]) == [5, 10, 20]
    assert placed([10, None, 11]) == [GAP, 2 * GAP, 3 * GAP]
    assert placed([]) == []


@given(SOME)
def test_places_rise_and_as_many_as_can_stay(old):
    places = placed(old)
    assert all(one < other for one, other in zip([0, *places], places, strict=False))
    kept = sum(o == p for o, p in zip(old, places, strict=True))
    assert kept == len(longest_rising(old)) or places == [GAP * (n + 1) for n in range(len(old))]


@given(SOME)
def test_no_rising_row_is_longer(old):
    found = longest_rising(old)
    values = [old[n] for n in found]
    assert values == sorted(values) and None not in values and found == sorted(found)
    known = [v for v in old if v is not None]
    longer = combinations(known, len(found) + 1)
    assert not any(list(row) == sorted(row) for row in longer)
