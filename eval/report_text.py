"""A run's tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eval.answers import CELLS, RiskCoverage
from eval.figures import Figure, JudgeNote, Measure, Table
from eval.metrics import BY_NAME, MEASURES, Summary
from eval.retrieval import CUTS
from eval.scores import QuestionScore, faults

WIDTH = 100

#: Columns of the table by kind: heading, and the measure below it.
_KIND_COLUMNS = {
    "found@10": "article_recall@10",
    "cit. recall": "citation_recall",
    "cited right": "may_cite",
    "nuggets": "nuggets",
    "complete": "complete",
    "right": "right_outcome",
    "declined": "declined",
    "words": "words",
}
#: Rows of the retrieval table, each with a figure for every cut.
_RETRIEVAL_ROWS = {
    "article_recall": "articles recall",
    "article_ndcg": "articles nDCG",
    "article_all": "articles, all",
    "span_found": "nuggets found",
    "span_all": "nuggets, all",
    "span_recall": "passages recall",
    "span_ndcg": "passages nDCG",
}
_COVERAGES = (0.2, 0.4, 0.6, 0.8)


def table(summary: Summary, scores: Sequence[QuestionScore], judge: JudgeNote) -> str:
    """The whole report as plain text, at most `WIDTH` columns wide."""
    columns = ("answered", "declined", "failed")
    cells = [
        (words, *(str(summary.cells[name][c]) for c in columns)) for name, words in CELLS.items()
    ]
    kinds = [
        (
            kind,
            str(part.n),
            *(_shown(BY_NAME[m], part.figures[m].value) for m in _KIND_COLUMNS.values()),
        )
        for kind, part in summary.kinds.items()
    ]
    reasons = ", ".join(f"{reason} {count}" for reason, count in summary.refused.items())
    of = f"{_counted(summary.stories, 'story', 'stories')} of {_questions(summary.n)}"
    parts = [
        _retrieval(summary),
        _figures("grounding", f"GROUNDING, {judge}", summary),
        _figures("answers", "ANSWERS", summary),
        f"{_aligned([('questions', *columns), *cells], 1)}\n{_risk(summary.risk_coverage)}",
        _aligned([("kind", "n", *_KIND_COLUMNS), *kinds], 1) if kinds else "",
        _figures("run", "THE RUN", summary),
        _cut(f"refused: {reasons}") if reasons else "",
        f"intervals: 95 %, bootstrap over {of}" if summary.n else "",
        "\n".join(_wrong(scores)),
    ]
    return "\n\n".join(filter(None, parts))


def _retrieval(summary: Summary) -> str:
    """Articles and spans, a row each, the first k in the columns."""
    rows = [("RETRIEVAL", *(f"@{k} [95 %]" for k in CUTS), "n", "unscored")]
    titles = {**_RETRIEVAL_ROWS, "article_mrr": "articles MRR", "span_mrr": "passages MRR"}
    for stem, title in titles.items():
        cuts = CUTS[-1:] if stem.endswith("mrr") else CUTS
        found = [summary.figures[f"{stem}@{k}"] for k in cuts]
        blank = [""] * (len(CUTS) - len(cuts))
        rows.append((title, *blank, *map(_share, found), str(found[-1].n), str(found[-1].unscored)))
    return _aligned(rows, 1)


def _share(found: Figure) -> str:
    """A share with its interval in as few characters as two decimals take: ".43", "0", "1"."""
    if found.value is None:
        return "-"
    ends = (f"{end:.2f}" for end in (found.low, found.high) if end is not None)
    short = " ".join(e.removeprefix("0").removesuffix(".00") or "0" for e in ends)
    return f"{found.value:.3f}" + (f" [{short}]" if short else "")


def _figures(name: Table, heading: str, summary: Summary) -> str:
    rows = [("figure", "", "value", "95 % interval", "n", "unscored")]
    for m in (m for m in MEASURES if m.table == name):
        f = summary.figures[m.name]
        between = "-" if f.low is None else f"{_shown(m, f.low)} to {_shown(m, f.high)}"
        rows.append((m.name, m.title, _shown(m, f.value), between, str(f.n), str(f.unscored)))
    return f"{_cut(heading)}\n{_aligned(rows, 2)}"


def _risk(curve: RiskCoverage) -> str:
    area = curve.area
    if area.value is None:
        return f"risk and coverage: not measured, no confidence given ({area.unscored} unscored)"
    risks = [(share, risk_at(curve, share)) for share in _COVERAGES]
    said = [f"{share:.0%}: {risk:.2f}" for share, risk in risks if risk is not None]
    coverage, risk = curve.points[-1]
    said.append(f"all answers, {coverage:.0%}: {risk:.2f}")
    return (
        f"wrong of the surest answers, by coverage: {', '.join(said)}\n"
        f"area under risk and coverage: {area:.3f}, n={area.n}, {area.unscored} unscored"
    )


def risk_at(curve: RiskCoverage, coverage: float) -> float | None:
    """The risk where at most this share of the questions is answered; None beyond the curve."""
    if not curve.points or curve.points[-1][0] < coverage:
        return None
    return next((risk for share, risk in reversed(curve.points) if share <= coverage + 1e-9), None)


def _wrong(scores: Sequence[QuestionScore]) -> Iterator[str]:
    wrong = [(row, found) for row in scores if (found := faults(row))]
    if not wrong:
        yield f"nothing wrong in {_questions(len(scores))}"
        return
    yield f"something wrong in {len(wrong)} of {_questions(len(scores))}"
    id_width = min(24, max(len(row.id) for row, _ in wrong))
    kind_width = max(len(row.kind) for row, _ in wrong)
    for row, found in wrong:
        yield _cut(f"{row.id:{id_width}}  {row.kind:{kind_width}}  {'; '.join(found)}")


def _questions(count: int) -> str:
    return _counted(count, "question", "questions")


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _shown(measure: Measure, value: float | None) -> str:
    if value is None:
        return "-"
    decimals = {"share": 3, "seconds": 2, "ratio": 2}.get(measure.unit, 0)
    if measure.combine == "mean" and measure.unit == "count":
        decimals = 1
    return f"{value:.{decimals}f}"


def _aligned(rows: Sequence[Sequence[str]], left: int) -> str:
    """`rows` in columns: the first `left` of them flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    forms = [f"{'<' if n < left else '>'}{width}" for n, width in enumerate(widths)]
    lines = ("  ".join(map(format, row, forms)).rstrip() for row in rows)
    return "\n".join(lines)


def _cut(line: str) -> str:
    """`line` on one line of at most `WIDTH` characters that can be printed."""
    flat = "".join(c if c.isprintable() else " " for c in line)
    return flat if len(flat) <= WIDTH else flat[: WIDTH - 3] + "..."
