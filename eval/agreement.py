"""How often a judge is right: `wirecheck eval --judge-agreement [--judge NAME ...]`.

Each judge judges the labelled pairs of `eval/judge_pairs.jsonl` (`eval/JUDGES.md` says how they
were made). Its balanced accuracy there belongs beside every score that it gives: `agreement_of`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from eval.bootstrap import balanced_accuracy, balanced_draws
from eval.figures import Figure, figure, interval
from eval.files import write_json
from eval.judges import DETERMINISTIC, NAMES, OWN, load_judge
from eval.judging import Judge
from index.atomic_write import replace_file
from index.cache import cache_folder
from index.errors import SettingError, WirecheckError

PAIRS = Path(__file__).parent / "judge_pairs.jsonl"
SEED = 20251128
#: Part of a kept file's name, so that versions which keep it otherwise don't meet.
_KEPT = "agreement-1"


@dataclass(frozen=True)
class Pair:
    """A claim and the evidence that it is held against.

    `label` is 1 where the evidence supports all of the claim, else 0. `kind` says what the claim
    does with the evidence, `hard` whether words mislead: a true claim in other words, a false one
    in the same. `source` is the article that the evidence is of.
    """

    id: str
    evidence: str
    claim: str
    label: int
    kind: str
    hard: bool
    source: str


@dataclass(frozen=True)
class Agreement:
    """A judge's verdicts against the labels of `n` pairs, `unscored` of which it left open.

    `balanced`, and `hard` and `ordinary` for those pairs alone: balanced accuracy, 0..1, chance is
    0.5, higher is better, with its 95 % interval drawn by article. `true_right` and `false_right`:
    shares of the true and of the false claims that it told right. `kinds`: that share of each kind,
    true and false together.
    """

    judge: str
    n: int
    unscored: int
    balanced: Figure
    hard: Figure
    ordinary: Figure
    true_right: Figure
    false_right: Figure
    kinds: Mapping[str, Figure]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @property
    def told(self) -> str:
        """What belongs beside a score of this judge, in a few words."""
        return (
            f"judge {self.judge}, balanced accuracy on labelled pairs {_cell(self.balanced)}, "
            f"on the ordinary ones among them {_cell(self.ordinary)}"
        )


def read_pairs(path: Path = PAIRS) -> list[Pair]:
    """The labelled pairs of a JSON lines file with the fields of `Pair`.

    Raises SettingError, one line that names the file and the line, for what can't be used.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} can't be read as UTF-8: name a JSON lines file") from error
    numbered = [(n, line) for n, line in enumerate(lines, start=1) if line.strip()]
    pairs = [_pair(line, f"{path}, line {n}") for n, line in numbered]
    if {p.label for p in pairs} != {0, 1}:
        raise SettingError(f"{path} needs pairs of both labels, 1 and 0")
    return pairs


def _pair(line: str, where: str) -> Pair:
    try:
        row = json.loads(line)
        values = {name: row[name] for name in Pair.__annotations__}
    except (ValueError, TypeError, KeyError) as error:
        raise SettingError(
            f"{where}: no pair ({error!r}); write an object with {', '.join(Pair.__annotations__)}"
        ) from error
    for name, value in values.items():
        fits, wanted = _FIELDS.get(name, _TEXT)
        if not fits(value):
            raise SettingError(f"{where}, field {name!r}: is {value!r}; write {wanted}")
    return Pair(**values)


_TEXT: tuple[Callable[[Any], bool], str] = (
    lambda value: isinstance(value, str) and bool(value.strip()),
    "some words",
)
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "label": (lambda value: type(value) is int and value in (0, 1), "1 or 0"),
    "hard": (lambda value: isinstance(value, bool), "true or false"),
}


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
        {k: _right([(p, v) for p, v in scored if p.kind == k]) for k in _kinds(pairs)},
    )


def _kinds(pairs: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(p.kind for p in pairs))


def _balanced(scored: Sequence[tuple[Pair, bool]]) -> Figure:
    labels = np.array([p.label for p, _ in scored])
    verdicts = np.array([int(v) for _, v in scored])
    if len(set(labels.tolist())) < 2:
        return Figure(None, None, None, len(scored))
    groups = np.array([p.source for p, _ in scored])
    low, high = interval(balanced_draws(labels, verdicts, groups, SEED))
    return Figure(balanced_accuracy(labels, verdicts), low, high, len(scored))


def _right(scored: Sequence[tuple[Pair, bool]]) -> Figure:
    return figure("mean", [float(v == bool(p.label)) for p, v in scored])


# --- beside a score ----------------------------------------------------------------------------


def agreement_of(judge: Judge) -> Figure:
    """The judge's balanced accuracy over all pairs: what stands beside each score that it gives."""
    return measured(judge).balanced


def measured(judge: Judge) -> Agreement:
    """The judge's agreement with the pairs that ship, measured once.

    A judge with a `fingerprint` (what its verdicts depend on) is measured once for this user: the
    result is kept in the cache folder under a hash of the fingerprint and the pairs.
    """
    same: Any = judge  # A judge is told from others by what it is, as any object.
    fingerprint = getattr(judge, "fingerprint", None)
    if fingerprint is None:
        return _once(same)
    content = PAIRS.read_bytes() + f"\0{fingerprint}\0{_KEPT}".encode()
    folder = cache_folder()
    path = folder / f"{_KEPT}-{hashlib.sha256(content).hexdigest()[:32]}.json" if folder else None
    kept = _read(path) if path else None
    if kept is None:
        kept = _once(same)
        # A verdict that was lost in transit must not stay lost.
        if path and not kept.unscored:
            _keep(path, kept)
    return kept


@lru_cache(maxsize=8)
def _once(judge: Any) -> Agreement:
    return measure(judge, read_pairs())


def _read(path: Path) -> Agreement | None:
    """What was kept; None where nothing is, or it is damaged."""
    figures = ("balanced", "hard", "ordinary", "true_right", "false_right")
    try:
        row: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        row |= {name: Figure(**row[name]) for name in figures}
        row["kinds"] = {name: Figure(**value) for name, value in row["kinds"].items()}
        return Agreement(**row)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _keep(path: Path, agreement: Agreement) -> None:
    # Nothing depends on it: where it can't be kept, it is measured again.
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, [json.dumps(agreement.to_dict()).encode()])


# --- the command -------------------------------------------------------------------------------


def table(agreements: Sequence[Agreement]) -> str:
    """The figures as plain text, a column a judge."""
    first = agreements[0]
    rows: list[tuple[str, Callable[[Agreement], str]]] = [
        ("balanced accuracy", lambda a: _cell(a.balanced)),
        ("  hard pairs", lambda a: _cell(a.hard)),
        ("  ordinary pairs", lambda a: _cell(a.ordinary)),
        ("true claims told right", lambda a: _cell(a.true_right)),
        ("false claims told right", lambda a: _cell(a.false_right)),
        ("left open", lambda a: str(a.unscored)),
        *((f"  {kind}", _of_kind(kind)) for kind in first.kinds),
    ]
    lines = [_line("", [a.judge for a in agreements])]
    lines += [_line(title, [cell(a) for a in agreements]) for title, cell in rows]
    return "\n".join(
        [
            f"{first.n} labelled pairs ({PAIRS.name}); 95 % intervals, of balanced accuracy drawn "
            "by article; chance is 0.5",
            "",
            *lines,
            "",
            *(f"{a.judge} is not shown to be better than chance" for a in agreements if _poor(a)),
        ]
    ).rstrip()


def _poor(agreement: Agreement) -> bool:
    return not (agreement.balanced.low or 0.0) > 0.5


def _of_kind(kind: str) -> Callable[[Agreement], str]:
    return lambda a: f"{_cell(a.kinds[kind])}  n={a.kinds[kind].n}"


def _line(title: str, cells: Sequence[str]) -> str:
    return f"{title:<24}" + "".join(f" {cell:<27}" for cell in cells).rstrip()


def _cell(figure: Figure) -> str:
    if figure.value is None:
        return "not measured"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def main(words: Sequence[str] | None = None) -> int:
    """Print the table; 0 done, 2 for what the caller must mend, told in one line."""
    parser = argparse.ArgumentParser(
        prog="wirecheck eval --judge-agreement", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--judge",
        action="append",
        default=[],
        metavar="NAME",
        help=f"{NAMES}; may be given again (default: {OWN}, {DETERMINISTIC})",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(words)
    try:
        pairs = read_pairs()
        names = list(dict.fromkeys(options.judge)) or [OWN, DETERMINISTIC]
        found = [measure(load_judge(name), pairs) for name in names]
        print(table(found))
        if options.json:
            write_json(options.json, [a.to_dict() for a in found])
    except WirecheckError as error:
        print(f"wirecheck eval --judge-agreement: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
