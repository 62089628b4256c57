from index.lru import Lru


def test_what_is_kept_is_not_made_again():
    made = []

    def upper(texts):
        made.append(texts)
        return (text.upper() for text in texts)

    recent = Lru(2)
    assert recent.of(["a", "b", "a"], upper) == ["A", "B", "A"]
    assert recent.of(["b"], upper) == ["B"]
    assert recent.of([], upper) == []
    assert made == [["a", "b"]]


def test_the_newest_asked_for_are_kept():
    made = []

    def upper(texts):
        made.extend(texts)
        return [text.upper() for text in texts]

    recent = Lru(2)
    recent.of(["a"], upper)
    recent.of(["b"], upper)
    recent.of(["a"], upper)
    recent.of(["c"], upper)
    assert recent.of(["a", "b"], upper) == ["A", "B"]
    assert made == ["a", "b", "c", "b"]


def test_more_than_are_kept_can_be_asked_for_at_once():
    assert Lru(1).of(["a", "b", "c"], lambda texts: texts) == ["a", "b", "c"]


def test_what_fails_keeps_nothing():
    recent = Lru(2)
    for _ in range(2):
        try:
            recent.of(["a"], lambda texts: [1 / 0 for _ in texts])
        except ZeroDivisionError:
            continue
        raise AssertionError("kept")
