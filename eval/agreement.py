"""How often a judge is right: `wirecheck eval --judge-agreement [--judge NAME ...]`.

Each judge judges the labelled pairs over the sample's articles (`eval/judge_pairs.jsonl`) and over
others (`eval/judge_pairs_new.jsonl`); `eval/JUDGES.md` says how they were made. Its balanced
accuracy there belongs beside every score that it gives: `agreement_of`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from eval.bootstrap import balanced
from eval.figures import Figure, figure
from eval.files import read_lines, write_json
from eval.judges import DETERMINISTIC, NAMES, OWN, load_judge
from eval.judging import Judge
from index.cache import cache_folder

#: The labelled pairs, by what their articles are.
PAIRS = {
    "sample": Path(__file__).parent / "judge_pairs.jsonl",
    "others": Path(__file__).parent / "judge_pairs_new.jsonl",
}
SEED = 20251128


@dataclass(frozen=True)
class Pair:
    """A claim and the evidence that it is held against.

    `label` is 1 where the evidence supports all of the claim, else 0. `kind` says what the claim
    does with the evidence, `hard` whether words mislead: a true claim in other words, a false one
    in the same. `source` is the article that the evidence is of, and `articles` says whose that is:
    a key of `PAIRS`.
    """

    id: str
    evidence: str
    claim: str
    label: int
    kind: str
    hard: bool
    source: str
    articles: str = "sample"


@dataclass(frozen=True)
class Agreement:
    """A judge's verdicts against the labels of `n` pairs, `unscored` of which it left open.

    `balanced`, and `hard` and `ordinary` for those pairs alone: balanced accuracy, 0..1, chance is
    0.5, higher is better, with its 95 % interval drawn by article. `true_right` and `false_right`:
    shares of the true and of the false claims that it told right. `articles`: balanced accuracy on
    the pairs of each file. `kinds`: the share told right of each kind, true and false together.
    """

    judge: str
    n: int
    unscored: int
    balanced: Figure
    hard: Figure
    ordinary: Figure
    true_right: Figure
    false_right: Figure
    articles: Mapping[str, Figure]
    kinds: Mapping[str, Figure]


def read_pairs() -> list[Pair]:
    """The labelled pairs that ship."""
    return [Pair(**row, articles=name) for name, path in PAIRS.items() for row in read_lines(path)]


def measure(judge: Judge, pairs: Sequence[Pair]) -> Agreement:
    """Judge the pairs and compare with their labels; what is left open is counted, not scored."""
    verdicts = judge.judge([(p.evidence, p.claim) for p in pairs])
    scored = [(p, v) for p, v in zip(pairs, verdicts, strict=True) if v is not None]
    return Agreement(
        judge.name,
        len(pairs),
        len(pairs) - len(scored),
        _balanced(scored),
        _balanced([(p, v) for p, v in scored if p.hard]),
        _balanced([(p, v) for p, v in scored if not p.hard]),
        _right([(p, v) for p, v in scored if p.label]),
        _right([(p, v) for p, v in scored if not p.label]),
        {
            name: _balanced([(p, v) for p, v in scored if p.articles == name])
            for name in dict.fromkeys(p.articles for p in pairs)
        },
        {
            kind: _right([(p, v) for p, v in scored if p.kind == kind])
            for kind in dict.fromkeys(p.kind for p in pairs)
        },
    )


def _balanced(scored: Sequence[tuple[Pair, bool]]) -> Figure:
    rows = [(p.label, int(verdict), p.source) for p, verdict in scored]
    labels, verdicts, sources = map(np.array, zip(*rows, strict=True) if rows else ([], [], []))
    return balanced(labels, verdicts, sources, SEED)


def _right(scored: Sequence[tuple[Pair, bool]]) -> Figure:
    return figure("mean", [float(v == bool(p.label)) for p, v in scored])


def agreement_of(judge: Judge) -> Figure:
    """The judge's balanced accuracy over all pairs: what stands beside each score that it gives.

    A judge with a `fingerprint` (what its verdicts depend on) is measured once for this user: the
    figure is kept in the cache folder under a hash of the fingerprint and the pairs.
    """
    fingerprint, folder = getattr(judge, "fingerprint", None), cache_folder()
    if fingerprint is None or folder is None:
        return measure(judge, read_pairs()).balanced
    content = b"\0".join(path.read_bytes() for path in PAIRS.values())
    content += f"\0{fingerprint}\0agreement-2".encode()
    path = folder / f"agreement-2-{sha256(content).hexdigest()[:32]}.json"
    # What is damaged or can't be kept is measured again: nothing depends on it.
    with suppress(OSError, ValueError, TypeError):
        return Figure(**json.loads(path.read_text(encoding="utf-8")))
    found = measure(judge, read_pairs())
    # A verdict that was lost in transit must not stay lost.
    if not found.unscored:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            write_json(path, asdict(found.balanced))
    return found.balanced


def table(agreements: Sequence[Agreement]) -> str:
    """The figures as plain text, a column a judge."""
    columns = list(map(_column, agreements))
    rows = [
        f"{title:<24}" + "".join(f" {column[title]:<27}" for column in columns).rstrip()
        for title in columns[0]
    ]
    poor = [a.judge for a in agreements if not (a.balanced.low or 0.0) > 0.5]
    head = (
        f"{agreements[0].n} labelled pairs; 95 % intervals, of balanced accuracy drawn by article; "
        "chance is 0.5"
    )
    told = [f"{name} is not shown to be better than chance" for name in poor]
    return "\n".join([head, "", *rows, "", *told]).rstrip()


def _column(a: Agreement) -> dict[str, str]:
    return {
        "": a.judge,
        "balanced accuracy": f"{a.balanced:.3f}",
        "  hard pairs": f"{a.hard:.3f}",
        "  ordinary pairs": f"{a.ordinary:.3f}",
        **{f"  articles: {name}": f"{found:.3f}" for name, found in a.articles.items()},
        "true claims told right": f"{a.true_right:.3f}",
        "false claims told right": f"{a.false_right:.3f}",
        "left open": str(a.unscored),
        **{f"  {kind}": f"{found:.3f}  n={found.n}" for kind, found in a.kinds.items()},
    }


def main(words: Sequence[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="wirecheck eval --judge-agreement", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--judge",
        action="append",
        metavar="NAME",
        help=f"{NAMES}; may be given again (default: {OWN}, {DETERMINISTIC})",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(words)
    names = list(dict.fromkeys(options.judge or (OWN, DETERMINISTIC)))
    found = [measure(load_judge(name), read_pairs()) for name in names]
    print(table(found))
    if options.json:
        write_json(options.json, [asdict(a) for a in found])
    return 0
