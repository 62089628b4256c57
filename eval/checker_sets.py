"""Public pairs of evidence and claim that a checker is measured on, none of which trained ours."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.swaps import make_pairs
from index.articles import read_articles
from index.errors import SettingError
from index.words import stems

SEED = 20251125
SAMPLE_ARTICLES = Path(__file__).parent / "sample" / "articles"
#: True and false claims that are made from each text.
SWAPS_PER_TEXT = 4


@dataclass(frozen=True)
class Case:
    """`label` is 1 where the evidence supports the claim, else 0; `group` names the document.

    `kind` says how a claim was made false, where that is known.
    """

    evidence: str
    claim: str
    label: int
    group: str
    kind: str = ""


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file, packed or not; raises SettingError if there is none."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    except OSError as error:
        raise SettingError(
            f"{path} can't be read ({error.strerror or error}): --data names the folder of the "
            "public sets"
        ) from error
    except ValueError as error:
        raise SettingError(f"{path} is no JSON lines file: {error}") from error


def wice(data: Path) -> dict[str, list[Case]]:
    """Claims of Wikipedia and the web page that they cite; partly supported is not supported."""
    rows = read_lines(data / "wice_claim_dev.jsonl")
    cases = [
        Case(
            "\n".join(r["evidence"]),
            r["claim"],
            int(r["label"] == "supported"),
            r["meta"]["claim_title"],
        )
        for r in rows
    ]
    return {"wice": cases}


def summedits(data: Path) -> dict[str, list[Case]]:
    """Summaries and their documents, by domain; a false one has one small edit."""
    texts = {r["doc_id"]: r["doc"] for r in read_lines(data / "summedits_docs.jsonl")}
    by_domain: dict[str, list[Case]] = defaultdict(list)
    for row in read_lines(data / "summedits_other_domains.jsonl"):
        case = Case(texts[row["doc_id"]], row["summary"], int(row["label"]), row["doc_id"])
        by_domain[f"summedits {row['domain']}"].append(case)
    return dict(sorted(by_domain.items()))


def swaps(data: Path) -> dict[str, list[Case]]:
    """Claims of news with one thing exchanged, by kind; the true ones stand beside every kind."""
    rows = read_lines(data / "multihoprag_facts.jsonl")
    texts = [a.text for a in read_articles([SAMPLE_ARTICLES]).articles]
    texts += ["\n".join(fact["text"] for fact in row["facts"]) for row in rows]
    made = make_pairs(texts, random.Random(SEED), SWAPS_PER_TEXT)
    cases = [Case(p.evidence, p.claim, p.label, p.evidence, p.kind) for p in made]
    true = [c for c in cases if c.label]
    kinds = sorted({c.kind for c in cases if not c.label})
    return {
        f"swap {kind}": [*true, *(c for c in cases if not c.label and c.kind == kind)]
        for kind in kinds
    }


def clapnq(data: Path) -> dict[str, list[Case]]:
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


def entailment(name: str) -> Callable[[Path], dict[str, list[Case]]]:
    """A set of `entailment_open.jsonl.gz`, whole."""

    def load(data: Path) -> dict[str, list[Case]]:
        rows = read_lines(data / "entailment_open.jsonl.gz")
        return {
            name: [
                Case(r["evidence"], r["claim"], int(r["label"]), r["evidence"])
                for r in rows
                if r["set"] == name
            ]
        }

    return load


SETS: dict[str, Callable[[Path], dict[str, list[Case]]]] = {
    "wice": wice,
    "summedits": summedits,
    "swaps": swaps,
    "clapnq": clapnq,
    "rank19": entailment("rank19"),
    "fever_symmetric": entailment("fever_symmetric"),
}


def load_sets(data: Path, names: Sequence[str] = ()) -> Iterator[tuple[str, list[Case]]]:
    """The named sets, or all, and their parts; raises SettingError for an unknown name or no data.

    `(name, cases)`; a set without a single pair is left out.
    """
    unknown = [n for n in names if n not in SETS]
    if unknown:
        raise SettingError(f"--set: no set {unknown[0]!r}; there are {', '.join(SETS)}")
    for name in names or SETS:
        for part, cases in SETS[name](data).items():
            if cases:
                yield part, cases
