from rag.nearest import focus

FILLER = "The council met again and spoke of other things for a long while."
DAYS = "one two three four five six seven eight".split()
OTHERS = [f"On day {day} the council met again and spoke of other things." for day in DAYS]
LONG = " ".join([*OTHERS[:4], "The Ferrow dam leaked in May.", *OTHERS[4:]])


def test_short_evidence_comes_as_it_is():
    assert focus("It leaked.  Twice.", "The dam leaked.", 10) == "It leaked.  Twice."


def test_of_long_evidence_the_sentences_nearest_to_the_claim_come_in_their_order():
    near = focus(LONG, "The Ferrow dam leaked.", 40)
    assert "The Ferrow dam leaked in May." in near
    assert len(near.split()) <= 40
    places = [LONG.find(sentence) for sentence in near.rstrip(".").split(". ")]
    assert len(places) > 1 and places == sorted(places)


def test_the_nearest_sentence_comes_whole_however_long():
    giant = "The dam " + "and the wall " * 70 + "leaked."
    assert focus(f"{FILLER} {giant} {FILLER}", "The dam leaked.", 20) == giant
