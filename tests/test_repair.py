import re

from index.errors import ModelUnreachable
from index.records import Article, Hit, Passage
from rag.cite import verify
from rag.repair import WAYS, Repair
from rag.schema import Claim, DraftClaim, Evidence

TEXTS = {
    "E1": ("d1", "The dam at Ferrow leaked on Sunday. Engineers found 14 cracks in its wall."),
    "E2": ("d2", "The valley of Ferrow was cleared by noon. Some 300 people slept in a school."),
}
EVIDENCE = [
    Evidence(label, Hit(Passage(Article(id, "", text), 0, len(text)), 0.8, n))
    for n, (label, (id, text)) in enumerate(TEXTS.items(), start=1)
]


class WordChecker:
    """Support is the share of the claim's words that the evidence has."""

    threshold = 0.7

    def support(self, pairs):
        return [
            sum(w in re.findall(r"\w+", e.lower()) for w in re.findall(r"\w+", c.lower()))
            / max(1, len(re.findall(r"\w+", c)))
            for e, c in pairs
        ]


def mended(*drafts: tuple[str, tuple[str, ...]], rewrite=None):
    repair = Repair(EVIDENCE, WordChecker(), rewrite)
    verified = verify([DraftClaim(t, labels) for t, labels in drafts], EVIDENCE, WordChecker())
    return repair(verified), repair.counts


def counts(**taken: int) -> dict[str, int]:
    return {way: taken.get(way.replace(" ", "_"), 0) for way in WAYS}


def test_a_wrong_citation_is_corrected_and_said():
    after, ways = mended(("Some 300 people slept in a school.", ("E1",)))
    (claim,) = after.claims
    assert [c.article_id for c in claim.citations] == ["d2"]
    assert claim.checks[-1].name == "citation" and "d2" in claim.checks[-1].detail
    assert not after.rejected and ways == counts(recited=1)


def test_what_can_be_written_anew_is_checked_again():
    asked = []

    def rewrite(refused, evidence):
        asked.append((refused.reason, evidence.label))
        return "Engineers found 14 cracks in the wall."

    after, ways = mended(("Engineers found 41 cracks in the wall.", ("E1",)), rewrite=rewrite)
    assert [c.text for c in after.claims] == ["Engineers found 14 cracks in the wall."]
    assert asked == [("number", "E1")] and ways == counts(rewritten=1)
    assert "anew" in after.rejected[0].detail


def test_a_rewrite_that_is_as_wrong_gives_way_to_the_sources_words():
    for rewrite in (lambda *_: "Engineers found 41 cracks.", lambda *_: "", _unreachable, None):
        after, ways = mended(("Engineers found 41 cracks in its wall.", ("E1",)), rewrite=rewrite)
        (claim,) = after.claims
        assert claim.kind == "quote" and claim.text == "Engineers found 14 cracks in its wall."
        assert claim.citations[0].quote == claim.text
        assert ways == counts(quoted=1)
        assert "instead" in after.rejected[0].detail


def test_what_no_evidence_is_about_is_left_out():
    after, ways = mended(("An orchestra played until midnight.", ("E1",)))
    assert not after.claims and ways == counts(left_out=1)
    assert [r.text for r in after.rejected] == ["An orchestra played until midnight."]


def test_no_sentence_is_quoted_that_is_shown_already():
    after, ways = mended(
        ("Engineers found 14 cracks in its wall.", ("E1",)),
        ("Engineers found 41 cracks in its wall.", ("E1",)),
    )
    assert len(after.claims) == 1 and ways == counts(left_out=1)


def test_mended_sentences_keep_their_place():
    after, _ = mended(
        ("Some 300 people slept in a school.", ("E1",)),
        ("The dam at Ferrow leaked on Sunday.", ("E1",)),
    )
    assert [c.text.split()[0] for c in after.claims] == ["Some", "The"]
    assert all(isinstance(j, Claim) for j in after.judged)


def _unreachable(*_):
    raise ModelUnreachable("it can't be reached")
