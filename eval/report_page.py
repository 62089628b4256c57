"""A run as one page that needs nothing else: no script, style, font or picture from outside.

Every question folds open to its answer with the quotes that it cites, the judge's verdict on each
sentence, what was refused and what is missing. All that comes from outside is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from eval.metrics import BY_NAME, MEASURES
from eval.plots import Bar, Line, Point, bars, histogram, lines
from eval.retrieval import CUTS
from eval.scores import QuestionScore, faults

#: What is shown at the top: name, and words.
_HEADLINES = {
    "complete": "answers complete, nothing wrong",
    "nuggets": "wanted facts found",
    "citation_recall": "sentences supported by what they cite",
    "valid_citations": "citations that are real",
    "declined_right": "unanswerable questions declined",
    "declined_wrong": "answerable questions left unanswered",
}
_LINES = {
    "article_recall": "right articles",
    "article_all": "every group of articles",
    "span_found": "nuggets, in passages",
}
_BARS = {
    "complete": "Complete answers, by kind",
    "nuggets": "Nuggets found, by kind",
    "citation_recall": "Citation recall, by kind",
    "right_outcome": "Answered or declined as it should be, by kind",
}
_MARKS = {
    "supported": "✓ supported",
    "misattributed": "✗ misattributed",
    "unsupported": "✗ unsupported",
    "fabricated": "✗ fabricated quotation",
    "unscored": "? no verdict",
}
_QUESTIONS = """<h2>Questions</h2>
<p class="quiet">Those with something wrong are marked ✗. Each opens to its answer, with what it
cites, what was refused and what is missing.</p>
"""
_OUTCOMES = ("answered", "declined", "failed")
_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROL = (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0))
_UNSEEN = dict.fromkeys((*_CONTROL, *_TURNING, *range(0xD800, 0xE000)), "\ufffd")
_STYLE = """
:root { color-scheme: light dark; --ink: #1c1d1f; --paper: #fcfcfa; --quiet: #595d63;
  --line: #d5d5cf; --panel: #f3f3ee; --s0: #0b5a9d; --s1: #a8480a; --s2: #4b7a1e;
  --good: #1f6b2f; --bad: #a32020; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9eaec; --paper: #15171a; --quiet: #a4a9b0;
  --line: #3a3e44; --panel: #1e2125; --s0: #7db9f0; --s1: #f0a36b; --s2: #a7d077;
  --good: #85d195; --bad: #f39a9a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 5rem; max-width: 66rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 3rem 0 .75rem; padding-top: 1.25rem;
  border-top: 1px solid var(--line); }
h3 { font-size: .95rem; margin: 1.25rem 0 .35rem; }
.quiet { color: var(--quiet); font-size: .875rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem;
  margin: 1.5rem 0; padding: 0; list-style: none; }
.cards li { background: var(--panel); border-radius: .5rem; padding: .75rem .9rem; }
.cards b { display: block; font-size: 1.6rem; line-height: 1.2;
  font-variant-numeric: tabular-nums; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  gap: 1.5rem; align-items: start; }
figure { margin: 0; max-width: 36rem; }
figcaption { font-weight: 600; font-size: .9rem; margin-bottom: .35rem; }
svg { max-width: 100%; } figure > svg { width: 100%; height: auto; }
svg text { font-size: 11px; fill: var(--quiet); }
.grid { stroke: var(--line); stroke-width: 1; fill: none; }
.line { fill: none; stroke-width: 2; } .band { opacity: .13; }
.line.s0 { stroke: var(--s0); } .line.s1 { stroke: var(--s1); stroke-dasharray: 6 3; }
.line.s2 { stroke: var(--s2); stroke-dasharray: 2 3; }
.dot.s0, .band.s0 { fill: var(--s0); } .dot.s1, .band.s1 { fill: var(--s1); }
.dot.s2, .band.s2 { fill: var(--s2); }
.track { fill: var(--panel); } .bar { fill: var(--s0); opacity: .75; }
.whisker { stroke: var(--ink); stroke-width: 1.5; fill: none; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0;
  margin: .25rem 0 0; font-size: .8125rem; color: var(--quiet); }
.scroll { overflow-x: auto; overflow-wrap: normal; }
.scroll th[scope="row"] { min-width: 13rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; margin: 1rem 0; }
th { font-weight: 400; }
thead th { font-weight: 600; color: var(--quiet); border-bottom: 1px solid var(--ink); }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0;
  border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .4rem 0; }
summary { cursor: pointer; padding: .5rem .75rem; }
summary:focus-visible { outline: 2px solid var(--s0); outline-offset: 2px; }
summary code, .quiet code { font-size: .8125rem; }
details > div { padding: 0 1rem 1rem; border-top: 1px solid var(--line); }
.chip { font-size: .75rem; padding: .05rem .45rem; border-radius: 1rem; white-space: nowrap;
  border: 1px solid currentColor; margin-right: .35rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .none { color: var(--quiet); }
blockquote { margin: .35rem 0 .35rem .5rem; padding-left: .75rem; font-size: .9375rem;
  border-left: 3px solid var(--line); }
.sentence { margin: 1rem 0 .25rem; }
@media print { details > div { display: block; } body { max-width: none; } }
"""


def page_parts(head: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The page's text, a piece at a time; see `eval.report.write_reports` for what is given."""
    yield _top(head)
    yield from _tables(head)
    yield _QUESTIONS
    seconds = []
    for record in records:
        if record["score"]["seconds"] is not None:
            seconds.append(float(record["score"]["seconds"]))
        yield _question(record)
    yield "<h2>The run</h2>\n" + _table_of("run", head["summary"]["figures"])
    yield f'<div class="plots">{histogram("Seconds per question", seconds, "seconds")}</div>'
    yield _how(head) + "\n</body>\n</html>\n"


def _text(text: object) -> str:
    """Escaped; control characters and those that turn the direction of writing are shown as �."""
    return html.escape(str(text).translate(_UNSEEN), quote=True)


def _top(head: Mapping[str, Any]) -> str:
    summary = head["summary"]
    figures = summary["figures"]
    cards = "".join(
        f"<li><b>{_share(figures[name]['value'])}</b>{words}<br>"
        f'<span class="quiet">{_about(figures[name])}</span></li>'
        for name, words in _HEADLINES.items()
    )
    model = head["model"] or "as configured"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Evaluation: {_text(model)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>Evaluation of {summary['n']} questions</h1>\n"
        f'<p class="quiet">model {_text(model)} · {_text(head["made"])} · {summary["stories"]} '
        f'stories · 95 % intervals, bootstrap over stories</p>\n<ul class="cards">{cards}</ul>\n'
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _about(figure: Mapping[str, Any]) -> str:
    between = "" if figure["low"] is None else f"[{figure['low']:.2f}, {figure['high']:.2f}], "
    unscored = f", {figure['unscored']} unscored" if figure["unscored"] else ""
    return f"{between}n={figure['n']}{unscored}"


# --- the three tables ---------------------------------------------------------------------------


def _tables(head: Mapping[str, Any]) -> Iterator[str]:
    summary = head["summary"]
    figures = summary["figures"]
    yield "<h2>Retrieval: is what is right found?</h2>\n"
    found = [Line(words, _cuts(figures, stem)) for stem, words in _LINES.items()]
    ticks = [(_place(k), f"{k}") for k in CUTS]
    if any(line.points for line in found):
        yield '<div class="plots">' + lines(
            "Found among the first k, with intervals", found, ticks, "k"
        )
        yield bars("Right articles among ten, by kind", _by_kind(summary, "article_recall@10"))
        yield "</div>\n"
    yield _folded("All retrieval figures", _table_of("retrieval", figures))
    yield f'<h2>Grounding: does what is cited say so?</h2>\n<p class="quiet">{_judge(head)}</p>\n'
    yield _table_of("grounding", figures)
    yield "<h2>Answers: are they right?</h2>\n" + _table_of("answers", figures)
    yield _cells(summary["cells"])
    yield '<div class="plots">' + _risk(summary["risk_coverage"])
    for name, title in _BARS.items():
        yield bars(title, _by_kind(summary, name))
    yield "</div>\n"


def _place(k: int) -> float:
    return (k - CUTS[0]) / (CUTS[-1] - CUTS[0])


def _cuts(figures: Mapping[str, Any], stem: str) -> list[Point]:
    found = [(k, figures[f"{stem}@{k}"]) for k in CUTS]
    return [
        Point(_place(k), f["value"], f["low"], f["high"])
        for k, f in found
        if f["value"] is not None
    ]


def _by_kind(summary: Mapping[str, Any], name: str) -> list[Bar]:
    found = [(kind, part["figures"][name]) for kind, part in summary["kinds"].items()]
    return [
        Bar(kind.replace("_", " "), f["value"], f["low"], f["high"], f["n"])
        for kind, f in found
        if f["n"] or f["unscored"]
    ]


def _judge(head: Mapping[str, Any]) -> str:
    judge, found = head["judge"], head["judge"]["agreement"]
    if found is None or found["value"] is None:
        return _text(f"Judged by {judge['name']}, whose agreement with people was not measured.")
    return _text(
        f"Judged by {judge['name']}: balanced accuracy {found['value']:.3f} "
        f"({_about(found)}) on labelled pairs."
    )


def _table_of(name: str, figures: Mapping[str, Any]) -> str:
    rows = [
        "<tr>"
        f'<th scope="row">{_text(m.title)}<br><code class="quiet">{m.name}</code></th>'
        f'<td class="number">{_value(m.name, figures[m.name]["value"])}</td>'
        f'<td class="number">{_between(m.name, figures[m.name])}</td>'
        f'<td class="number">{figures[m.name]["n"]}</td>'
        f'<td class="number">{figures[m.name]["unscored"] or ""}</td>'
        f"<td>{m.better or ''}</td></tr>"
        for m in MEASURES
        if m.table == name
    ]
    head = (
        '<th scope="col">figure</th><th scope="col" class="number">value</th>'
        '<th scope="col" class="number">95 % interval</th><th scope="col" class="number">n</th>'
        '<th scope="col" class="number">unscored</th><th scope="col">better is</th>'
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>\n"
    )


def _value(name: str, value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:.3f}" if BY_NAME[name].unit == "share" else f"{value:.4g}"


def _between(name: str, figure: Mapping[str, Any]) -> str:
    if figure["low"] is None:
        return "–"
    return f"{_value(name, figure['low'])} to {_value(name, figure['high'])}"


def _cells(cells: Mapping[str, Mapping[str, int]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(f'<td class="number">{row[k]}</td>' for k in _OUTCOMES)
        + "</tr>"
        for name, row in cells.items()
    )
    columns = "".join(f'<th scope="col" class="number">{words}</th>' for words in _OUTCOMES)
    return (
        f'<table><thead><tr><th scope="col">questions</th>{columns}</tr></thead>'
        f"<tbody>{rows}</tbody></table>\n"
    )


def _risk(curve: Mapping[str, Any]) -> str:
    if not curve["points"]:
        return '<p class="quiet">No risk-coverage curve: no answer came with a confidence.</p>'
    area = curve["area"]
    title = f"Wrong answers by coverage, surest first (area {area['value']:.2f} {_about(area)})"
    found = [Line("wrong, of those answered", [Point(x, y) for x, y in curve["points"]])]
    ticks = [(n / 4, f"{n * 25} %") for n in range(5)]
    return lines(title, found, ticks, "questions answered")


def _folded(words: str, body: str) -> str:
    return f"<details><summary>{words}</summary><div>{body}</div></details>\n"


# --- the questions ------------------------------------------------------------------------------


def _question(record: Mapping[str, Any]) -> str:
    gold, answer = record["gold"], record["answer"]
    score = QuestionScore.from_dict(record["score"])
    wrong = faults(score)
    chip = f'<span class="chip {"bad" if wrong else "good"}">{"✗" if wrong else "✓"} '
    body = [
        _listed("What is wrong", wrong),
        f'<h3>A right answer</h3><p dir="auto">{_text(gold["reference"])}</p>',
        _answer(answer, score) if answer else "",
        _values(record["values"]),
    ]
    return (
        f"<details><summary>{chip}{_text(score.outcome)}</span> <code>{_text(gold['id'])}</code> "
        f'<span class="quiet">{_text(gold["kind"].replace("_", " "))}</span> '
        f'<span dir="auto">{_text(gold["question"])}</span></summary>\n'
        f"<div>{''.join(body)}</div></details>\n"
    )


def _answer(answer: Mapping[str, Any], score: QuestionScore) -> str:
    verdicts = score.verdicts or ()
    sentences = "".join(
        _sentence(claim, verdicts[n].finding if n < len(verdicts) else None, answer["articles"])
        for n, claim in enumerate(answer["claims"])
    )
    refused = [f"{r['text']} ({r['reason']}: {r['detail']})" for r in answer["rejected"]]
    rows = [
        f"{r['stance']}: {r['value']} [{', '.join(r['article_ids'])}]" for r in answer["ledger"]
    ]
    return (
        f'<h3>The answer</h3>{sentences}<p class="quiet" dir="auto">{_text(answer["note"])}</p>'
        + _listed(f"Refused: {len(refused)}", refused)
        + _listed("Who says what", rows)
    )


def _sentence(
    claim: Mapping[str, Any], finding: str | None, articles: Mapping[str, Mapping[str, Any]]
) -> str:
    quotes = "".join(
        f'<blockquote dir="auto">“{_text(c["quote"])}”<br><span class="quiet">'
        f"{_source(articles.get(c['article_id']))}<code>{_text(c['article_id'])}</code>, "
        f"{_text(c['start'])}–{_text(c['end'])}</span></blockquote>"
        for c in claim["citations"]
    )
    mark = ""
    if finding is not None:
        style = {"supported": "good", "unscored": "none"}.get(finding, "bad")
        mark = f'<span class="chip {style}">{_MARKS[finding]}</span>'
    return f'<p class="sentence" dir="auto">{mark}{_text(claim["text"])}</p>{quotes}'


def _source(article: Mapping[str, Any] | None) -> str:
    if article is None:
        return ""
    parts = [article["outlet"] or "outlet unknown", article["published"] or "date unknown"]
    return "".join(f"{_text(part)}, " for part in parts)


def _listed(words: str, rows: Sequence[str]) -> str:
    if not rows:
        return ""
    items = "".join(f'<li dir="auto">{_text(row)}</li>' for row in rows)
    return f"<h3>{_text(words)}</h3><ul>{items}</ul>"


def _values(values: Mapping[str, float | None]) -> str:
    shown = [
        f"{name} {'unscored' if value is None else f'{value:.3g}'}"
        for name, value in values.items()
        if "@" not in name or name.endswith("@10")
    ]
    return f'<h3>Figures</h3><p class="quiet">{_text(", ".join(shown))}</p>'


def _how(head: Mapping[str, Any]) -> str:
    rows = [*head["settings"].items(), *head["versions"].items()]
    body = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>'
        for name, value in rows
        if value not in (None, "")
    )
    return _folded("Settings and versions", f"<table><tbody>{body}</tbody></table>")
