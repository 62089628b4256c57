"""Public pairs of evidence and claim that a checker is measured on, none of which trained ours."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from eval.files import read_lines, read_sets
from eval.run import SAMPLE_ARTICLES
from eval.swaps import Case, make_pairs
from index.articles import read_articles
from index.words import stems

SEED = 20251125
#: True and false claims that are made from each text.
SWAPS_PER_TEXT = 4


Sets = dict[str, list[Case]]


def wice(data: Path) -> Sets:
    """Claims of Wikipedia and the web page that they cite; partly supported is not supported."""
    rows = read_lines(data / "wice_claim_dev.jsonl")
    return {
        "wice": [
            Case(
                "\n".join(r["evidence"]),
                r["claim"],
                int(r["label"] == "supported"),
                r["meta"]["claim_title"],
            )
            for r in rows
        ]
    }


def summedits(data: Path) -> Sets:
    """Summaries and their documents, by domain; a false one has one small edit."""
    texts = {r["doc_id"]: r["doc"] for r in read_lines(data / "summedits_docs.jsonl")}
    by_domain: Sets = defaultdict(list)
    for row in read_lines(data / "summedits_other_domains.jsonl"):
        case = Case(texts[row["doc_id"]], row["summary"], int(row["label"]), row["doc_id"])
        by_domain[f"summedits {row['domain']}"].append(case)
    return dict(sorted(by_domain.items()))


def swaps(data: Path) -> Sets:
    """Claims of news with one thing exchanged, by kind; the true ones stand beside every kind."""
    rows = read_lines(data / "multihoprag_facts.jsonl")
    texts = [a.text for a in read_articles([SAMPLE_ARTICLES]).articles]
    texts += ["\n".join(fact["text"] for fact in row["facts"]) for row in rows]
    cases = make_pairs(texts, random.Random(SEED), SWAPS_PER_TEXT)
    kinds = sorted({c.kind for c in cases if not c.label})
    return {
        f"swap {kind}": [c for c in cases if c.label] + [c for c in cases if c.kind == kind]
        for kind in kinds
    }


def clapnq(data: Path) -> Sets:
    """Written answers: the sentences they rest on, and the passage most like of another question.

    That passage shares most words with the answer, and is about another matter.
    """
    rows = read_lines(data / "clapnq_answerable_dev.jsonl")
    others = rows + read_lines(data / "clapnq_unanswerable_dev.jsonl")
    passages = [(r["input"], r["passages"][0]["text"]) for r in others]
    bags = [frozenset(stems(text)) for _, text in passages]
    cases = []
    for row in rows:
        for output in row["output"]:
            answer, chosen = output["answer"].strip(), output.get("selected_sentences") or []
            if not answer or not chosen:
                continue
            wanted = frozenset(stems(answer))
            own = row["passages"][0]["text"]
            nearest = max(
                (n for n, (asked, text) in enumerate(passages) if asked != row["input"] != text),
                key=lambda n: len(wanted & bags[n]) if passages[n][1] != own else -1,
            )
            cases.append(Case(" ".join(chosen), answer, 1, row["input"]))
            cases.append(Case(passages[nearest][1], answer, 0, row["input"]))
    return {"clapnq": cases}


def entailment(name: str, data: Path) -> Sets:
    """A set of `entailment_open.jsonl.gz`, whole."""
    rows = read_sets(data / "entailment_open.jsonl.gz", (name,))
    return {name: [Case(r["evidence"], r["claim"], int(r["label"]), r["evidence"]) for r in rows]}


SETS: dict[str, Callable[[Path], Sets]] = {
    "wice": wice,
    "summedits": summedits,
    "swaps": swaps,
    "clapnq": clapnq,
    "rank19": partial(entailment, "rank19"),
    "fever_symmetric": partial(entailment, "fever_symmetric"),
}


def load_sets(data: Path, names: Sequence[str] = ()) -> Iterator[tuple[str, list[Case]]]:
    """The named sets, or all, and their parts; raises SettingError where there is no data.

    `(name, cases)`; a set without a single pair is left out.
    """
    for name in names or SETS:
        yield from ((part, cases) for part, cases in SETS[name](data).items() if cases)
