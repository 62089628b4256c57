import pytest

from rag.parts import MAX_PARTS, outlet_named, split

OUTLETS = ("The Larkmoor Gazette", "Coastline Radio News", "Harbour Wire")


def texts(question):
    return [p.text for p in split(question, OUTLETS)]


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "Compare what Ada Holm and Lene Doorn said about the bridge.",
            [
                "What did Ada Holm say about the bridge?",
                "What did Lene Doorn say about the bridge?",
            ],
        ),
        (
            "What did Holm, Doorn and the port union each say about the strike?",
            [
                "What did Holm say about the strike?",
                "What did Doorn say about the strike?",
                "What did the port union say about the strike?",
            ],
        ),
        (
            "How do the Larkmoor Gazette and Harbour Wire differ on the number of dead?",
            ["What about the number of dead?", "What about the number of dead?"],
        ),
        (
            "Who won the election in Corrin, and how long did the count take?",
            ["Who won the election in Corrin?", "how long did the count take?"],
        ),
        (
            "When did the ferry sink? How many people were on the ferry?",
            ["When did the ferry sink?", "How many people were on the ferry?"],
        ),
    ],
)
def test_several_questions_are_told_apart(question, parts):
    assert texts(question) == parts


@pytest.mark.parametrize(
    "question",
    [
        "Which company said the radar was broken, and who spoke for it?",
        "From what and to what did the rate rise?",
        "When did he leave and why?",
        "What did the ministers of trade and transport sign?",
        "Why did Holm and Doorn meet?",
        "Who and what was on board?",
        "What did Holm say about the bridge?",
        "What do we know about sand and gravel barges?",
        "Did the mayor say what happened and when the vote is?",
    ],
)
def test_one_question_stays_one(question):
    (part,) = split(question, OUTLETS)
    assert part.text == question and part.reason == "" and not part.outlets


def test_an_outlet_that_is_named_is_asked_within_its_own_reports():
    gazette, wire = split(
        "Compare what the Larkmoor Gazette and Harbour Wire reported on the dead", OUTLETS
    )
    assert (gazette.outlets, wire.outlets) == (("The Larkmoor Gazette",), ("Harbour Wire",))
    (part,) = split("According to the Larkmoor Gazette, how many died?", OUTLETS)
    assert (part.text, part.outlets) == ("How many died?", ("The Larkmoor Gazette",))
    (part,) = split("How many died according to Coastline Radio News?", OUTLETS)
    assert (part.text, part.outlets) == ("How many died?", ("Coastline Radio News",))


def test_a_speaker_is_no_outlet():
    question = "According to Ada Holm, how many died?"
    (part,) = split(question, OUTLETS)
    assert part.text == question and part.outlets == ()


@pytest.mark.parametrize(
    ("question", "what"),
    [
        ("Which outlets mention the siren in Upper Tarn?", "the siren in Upper Tarn"),
        ("What papers reported on the vigil?", "the vigil"),
        ("Who else reports that the alarm was off?", "the alarm was off"),
    ],
)
def test_who_mentions_something_is_a_list_of_reports(question, what):
    (part,) = split(question, OUTLETS)
    assert (part.kind, part.text) == ("mentions", what) and what in part.reason


def test_what_an_event_is_measured_from_is_searched_for_too():
    (part,) = split("What happened in the port before the dock strike?", OUTLETS)
    assert part.also == ("the dock strike",) and part.reason == "before: the dock strike"


def test_no_more_parts_than_can_be_answered():
    names = ", ".join(f"Speaker {n}" for n in range(12))
    assert len(split(f"What did {names} and Holm say about rain?", OUTLETS)) == MAX_PARTS
    many = " and ".join(f"who ate the {w}" for w in "bread cheese ham pie soup".split())
    parts = split(f"{many}?", OUTLETS)
    assert len(parts) == MAX_PARTS and "pie" in parts[-1].text and "soup" in parts[-1].text


def test_an_outlet_is_known_without_its_article_and_case():
    assert outlet_named("LARKMOOR gazette", OUTLETS) == "The Larkmoor Gazette"
    assert outlet_named("Gazette", OUTLETS) is None
