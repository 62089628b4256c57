import random

import numpy as np
import pytest

from eval.bench import copies as bench_copies
from index import copies as module
from index.copies import COPIES, SKETCHES, Copies, clusters_of, likeness
from index.errors import IndexCorrupt
from index.records import Article
from index.shingles import words_of
from tests.index.corpora import array_bytes, files_of

STORY = """A crane toppled onto the fish market of Ostvik on Monday morning, trapping four traders
under its arm for almost three hours, the fire service said.

The arm broke near its foot at about half past seven, while it was lifting a boat engine onto the
quay. Nobody had been standing beneath it a minute before, said Runa Hallgrim, who sells mussels.

“It groaned like a ship and then the light went out,” Hallgrim told reporters at the gate. She was
carried to an ambulance with a broken collarbone and asked for her scales.

The market was built in 1931 and is used by some sixty boats. Its cranes were last inspected in
March, and the town's engineer found no fault with any of them, according to the harbour office.

Work on the quay has been stopped until the labour inspectors have seen the other two cranes. The
town council will meet on Wednesday to talk about the cost of a new roof."""
OTHER = """Traders at the fish market of Ostvik had asked for the old crane to be taken away long
before it fell, letters seen by this newspaper show.

Three of the letters were sent to the harbour office last winter. None was answered.

“It groaned like a ship and then the light went out,” Hallgrim told reporters at the gate.

Aslak Brun, who repairs nets across the street, kept copies of each of them in a biscuit tin. He
reads them aloud to customers now, standing on a crate, and they clap.

The harbour master would not say who had opened the letters or where they had been filed. He
promised to look into the matter as soon as the wreck has been cleared away."""
FOOTER = (
    "Sign up for our morning letter, with the best stories of the day and a puzzle, and unsubscribe "
    "whenever you like. All rights reserved; no part of this page may be printed, stored or sent on "
    "without the publisher's leave in writing. Write to the complaints desk at the address below."
)


STORY, OTHER = (
    "\n\n".join(" ".join(part.split()) for part in text.split("\n\n")) for text in (STORY, OTHER)
)


def article(name, text, published=None, title="", **more):
    return Article(name, title, text, published=published, **more)


def together(*texts):
    """Whether all are one report, whichever comes first."""
    articles = [article(f"a{n}", text) for n, text in enumerate(texts)]
    found = clusters_of(articles)
    assert len(set(found)) == len(set(clusters_of(articles[::-1])))
    return len(set(found)) == 1


def paragraphs(text=STORY):
    return text.split("\n\n")


def other_words(seed, count=60):
    draw = random.Random(seed)
    return " ".join(
        "".join(draw.choice("bdfgklmnprst") + draw.choice("aeiou") for _ in range(3))
        for _ in range(count)
    )


@pytest.mark.parametrize(
    "copy",
    [
        STORY,
        "Four hurt as crane falls\n\nOSTVIK, June 2 (Tern Agency) - " + STORY,
        "\n\n".join(paragraphs()[:2]),
        "\n\n".join([*paragraphs()[:3], other_words(1, 30), *paragraphs()[4:]]),
        STORY.replace("labour", "labor").replace("three", "3").replace("harbour", "harbor"),
        STORY.replace("“", '"').replace("”", '"').upper(),
        STORY.replace(" the ", " ").replace("four traders", "4 traders"),
    ],
    ids=["whole", "own headline", "cut", "changed paragraph", "spelling", "marks", "articles"],
)
def test_a_copy_is_found(copy):
    assert together(STORY, copy)


def test_a_headline_of_ones_own_does_not_count():
    short = paragraphs()[0]
    title = "Seven words that only this outlet has written above it, and many more of them still"
    headed = Article("a", title, f"{title}\n\n{short}")
    assert len(set(clusters_of([headed, article("b", short)]))) == 1
    assert likeness(words_of(article("b", short)), words_of(headed)) == 1.0


def test_per_cent_is_percent():
    def whole(share):
        text = f"Prices of bread rose by {share} in May, the statistics office of Ostvik said."
        return words_of(article("a", text)).whole

    assert whole("7 per cent") == whole("7%") == whole("seven percent") != whole("8 per cent")


def test_reports_that_share_a_quotation_stay_apart():
    assert not together(STORY, OTHER)


def test_reports_from_one_template_stay_apart():
    text = (
        "A quake of magnitude {} was felt near Ostvik at {} on day {} of the month, {} kilometres "
        "deep, the survey said. No damage was reported and nobody was hurt by it."
    )
    assert not together(
        text.format("4.1", "6.12", "3", "18"), text.format("5.7", "9.45", "20", "31")
    )
    assert together(text.format("4.1", "6.12", "3", "18"), text.format("4.1", "6.12", "3", "19"))


def test_small_print_joins_nothing():
    texts = [f"{other_words(n, 45)}\n\n{FOOTER}\n\n{FOOTER[:120]}" for n in range(3)]
    texts += [f"{other_words(n, 300)}\n\n{FOOTER}\n\n{FOOTER[:120]}" for n in range(3, 12)]
    found = clusters_of([article(f"a{n}", text) for n, text in enumerate(texts)])
    assert found == list(range(12))


def test_copies_over_small_print_are_found():
    articles = [article(f"f{n}", f"{other_words(n, 300)}\n\n{FOOTER}") for n in range(9)]
    articles += [article("x", paragraphs()[0]), article("y", f"{paragraphs()[0]}\n\n{FOOTER}")]
    assert clusters_of(articles)[-2:] in ([9, 9], [10, 10])


def test_a_round_up_joins_no_two_reports():
    short, long = "\n\n".join(paragraphs()[:3]), OTHER
    round_up = "\n\n".join([short, long, other_words(5, 400)])
    found = clusters_of([article("a", short), article("b", long), article("c", round_up)])
    assert found[0] != found[1]


def test_a_chain_of_small_changes_is_cut():
    """Each version is like the one before it; the last has nothing of the first."""
    parts = [other_words(n, 50) for n in range(14)]
    versions = [
        article(f"v{n:02}", "\n\n".join(parts[n : n + 5]), f"2031-01-{n + 1:02}") for n in range(10)
    ]
    found = clusters_of(versions)
    assert found[0] == found[1]
    assert found[0] != found[-1]
    lists = [version.text.split() for version in versions]
    for number, original in enumerate(found):
        assert set(lists[number]) & set(lists[original]), "a cluster holds what shares no word"


def test_the_original_is_the_earliest_then_the_longest_then_by_name():
    cut = "\n\n".join(paragraphs()[:3])
    dated = [
        article("a", STORY),
        article("b", cut, "2031-01-02"),
        article("c", STORY, "2031-01-03"),
    ]
    assert clusters_of(dated) == [1, 1, 1]
    assert clusters_of([article("a", cut), article("b", STORY)]) == [1, 1]
    assert clusters_of([article("z", STORY), article("y", STORY)]) == [1, 1]


def test_the_order_of_articles_does_not_matter():
    articles, _, _ = bench_copies.invented(120, 7)

    def groups(given):
        named = [given[n].id for n in clusters_of(given)]
        return {a.id: original for a, original in zip(given, named, strict=True)}

    expected = groups(articles)
    assert len(set(expected.values())) < len(articles)
    for seed in range(3):
        random.Random(seed).shuffle(articles)
        assert groups(articles) == expected


def test_planted_copies_are_found_and_nothing_else():
    articles, truth, ways = bench_copies.invented(400, 3)
    found = bench_copies.agreement(clusters_of(articles), truth)
    assert found.wrong == 0 and found.f1 >= 0.95
    assert {way for way in ways.values()} == set(bench_copies.WAYS)


def test_the_copies_in_the_sample():
    articles = bench_copies.read_articles([bench_copies.SAMPLE / "articles"]).articles
    truth = bench_copies.sample_truth(bench_copies.SAMPLE / "copies.jsonl", articles)
    found = bench_copies.agreement(clusters_of(articles), truth)
    assert found == bench_copies.Agreement(7, 0, 0)


def test_texts_of_hardly_any_words():
    assert clusters_of([]) == []
    assert clusters_of([article("a", "")]) == [0]
    assert not together("", "!!!", "—")
    assert together("Ostvik wins.", "ostvik WINS!")
    assert not together("Ostvik wins.", "Ostvik loses.")
    assert not together("The market is open again.", "The market is open again on Friday.")


def test_other_scripts():
    chinese = (
        "港口于星期一早上重新开放，港务长说，修理花了十一天，比预计的时间更长。渔民们对此表示欢迎。"
        * 2
    )
    assert together(chinese, "本报讯：" + chinese)
    assert not together(
        chinese, "博物馆的钟在车站的柜子里被发现，警方逮捕了两名男子，但没有公布他们的姓名。" * 2
    )
    greek = (
        "Το λιμάνι άνοιξε ξανά τη Δευτέρα το πρωί, είπε ο λιμενάρχης, μετά από έντεκα ημέρες. Οι "
        "ψαράδες περίμεναν στην προβλήτα από τα χαράματα με τα δίχτυα τους, και πολλοί "
        "χειροκρότησαν όταν έφυγε η πρώτη βάρκα με σημαία στο κατάρτι για τα βόρεια νησιά."
    )
    assert together(greek, "Νέα από την πόλη\n\n" + greek.upper())


def test_more_copies_than_are_compared_with_each_other():
    count = 3 * module.LARGE
    texts = [f"{other_words(n, 20)}\n\n{STORY}" for n in range(count)]
    articles = [article(f"a{n:03}", text) for n, text in enumerate(texts)]
    articles += [article(f"o{n}", other_words(1000 + n, 100)) for n in range(5)]
    found = clusters_of(articles)
    assert len(set(found[:count])) == 1 and len(set(found)) == 6


class TestKept:
    ARTICLES = (article("a", STORY), article("b", OTHER), article("c", paragraphs()[0]))

    def test_it_is_read_as_it_was_written(self):
        made = Copies.of(self.ARTICLES)
        read = Copies.from_files(files_of(made), 3)
        assert read.originals.tolist() == made.originals.tolist() == [0, 1, 0]
        assert (read.reports, read.members(2), read.members(1)) == (2, [0, 2], [1])
        assert list(read.problems(self.ARTICLES)) == []

    def test_an_update_makes_sketches_of_new_texts_alone(self, monkeypatch):
        made = Copies.of(self.ARTICLES)
        now = [article("d", STORY), *self.ARTICLES[1:]]
        seen = []
        monkeypatch.setattr(module, "words_of", lambda a: seen.append(a.id) or words_of(a))
        again = Copies.of(now, made, np.array([-1, 1, 2]))
        assert seen[0] == "d" and "b" not in seen
        assert again.originals.tolist() == Copies.of(now).originals.tolist() == [0, 1, 0]

    @pytest.mark.parametrize(
        ("field", "value", "reason"),
        [
            ("original", 3, "names an article that is not there"),
            ("original", -1, "names an article that is not there"),
            ("original", 2, "names a copy as an original"),
            ("end", 10**6, "does not fit sketches.npy"),
        ],
    )
    def test_numbers_that_lead_outside(self, field, value, reason):
        made = Copies.of(self.ARTICLES)
        rows = made._rows.copy()
        rows[field][1] = value
        files = files_of(made) | {COPIES: array_bytes(rows)}
        with pytest.raises(IndexCorrupt, match=f"copies.npy: {reason}"):
            Copies.from_files(files, 3)

    def test_what_is_not_so_is_told(self):
        rows = Copies.of(self.ARTICLES)._rows.copy()
        rows["original"] = [0, 1, 2]
        wrong = Copies(rows, Copies.of(self.ARTICLES)._sketches)
        assert list(wrong.problems(self.ARTICLES)) == [
            "copies.npy: article 3 is put with other copies than its own"
        ]
        elsewhere = [*self.ARTICLES[:2], article("c", OTHER)]
        assert f"{SKETCHES}: sketch 2 is not that of article 3" in list(
            Copies.of(self.ARTICLES).problems(elsewhere)
        )


def test_the_bench_prints_its_rows(capsys):
    assert bench_copies.main(["--articles", "60"]) == 0
    sample, invented = capsys.readouterr().out.splitlines()
    assert sample == "sample, 68 articles: F1 1.000; 7 pairs right, 0 unrelated joined, 0 missed"
    assert invented.startswith("60 articles: F1 ")
