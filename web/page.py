"""Answers as HTML: pure functions from what `rag` returns to markup of our own.

Every string from outside (question, article, claim, error) passes through `el`, which escapes
whatever is not markup that `el` itself made. Nothing is ever read as Markdown or as HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from urllib.parse import urlencode

from index.records import Article, Passage
from rag.ledger import counted
from rag.schema import NEAREST, Answer, Citation, Claim, Position, Rejection, Voice
from rag.timing import days_named
from web.library import Entry, Found

#: Quotes shown beneath a short answer, and nearest passages beneath a declined one, before a fold.
QUOTES_SHOWN, NEAREST_SHOWN = 3, 4
_QUESTION_SHOWN = 400
#: Characters of an article that are shown before and after each mark.
UNMARKED_SHOWN = 50_000


class Html(str):
    """Markup that `el` made. A plain `str` is text, also where the two were joined with `+`."""

    __slots__ = ()


def el(tag: str, *children: str, **attributes: str | None) -> Html:
    """One element. Text and attribute values are escaped; an attribute of None is left out.

    el("p", "a < b", class_="note", data_turn="t1") -> <p class="note" data-turn="t1">a &lt; b</p>
    """
    names = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    inside = "".join(f' {name}="{_escape(value)}"' for name, value in names if value is not None)
    if tag == "input":
        return Html(f"<input{inside}>")
    return Html(f"<{tag}{inside}>{join(*children)}</{tag}>")


def join(*children: str) -> Html:
    """Markup as it is and text escaped, one after the other."""
    return Html("".join(c if isinstance(c, Html) else _escape(c) for c in children))


def _escape(text: str) -> str:
    # Half a surrogate pair can't be sent, and a browser would turn a bare \r into \n.
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
    return html.escape(clean).replace("\r", "&#13;")


# --- one turn of the conversation ---------------------------------------------------------------


def pending_card(turn: str, question: str, doing: str, claims: Sequence[Claim] = ()) -> str:
    """A question that is being worked on: what is being done, and what was judged so far."""
    stop = el(
        "button",
        "Stop",
        type="button",
        class_="stop",
        data_stop=turn,
        title="Stop this question (Esc in the question box)",
        aria_label="Stop this question",
    )
    state = el(
        "p",
        el("span", class_="dot", aria_hidden="true"),
        doing,
        " ",
        el("span", class_="elapsed", aria_hidden="true"),
        stop,
        class_="doing",
    )
    return _card(turn, question, [*_so_far(turn, claims), state], "pending")


def stopped_card(turn: str, question: str, claims: Sequence[Claim] = ()) -> str:
    """A question that was stopped, with the claims that had passed by then."""
    passed = any(c.remark != NEAREST for c in claims)
    kept = " What stands above had been checked." if passed else ""
    note = el("p", el("strong", "Stopped."), kept, class_="note", role="status")
    return _card(turn, question, [*_so_far(turn, claims), note], "stopped")


def _so_far(turn: str, claims: Sequence[Claim]) -> list[Html]:
    """What was judged by now: each value once, and apart from it the nearest sentence.

    That sentence is left out as soon as a value is taken from it.
    """
    marks = Marks(turn, {c.article_id: c.passage.article for o in claims for c in o.citations})
    passed = _once([c for c in claims if c.remark != NEAREST])
    cited = [c for claim in passed for c in claim.citations]
    nearest = [c for o in claims if o.remark == NEAREST for c in o.citations][-1:]
    apart = [c.passage for c in nearest if not any(_overlap(c, other) for other in cited)]
    shown = [_nearest("The nearest sentence so far ", apart, marks)] if apart else []
    if passed:
        shown.append(el("div", *(_CLAIMS[c.kind](c, marks) for c in passed), class_="claims"))
    return [*shown, *marks.articles_html()]


def _once(claims: Sequence[Claim]) -> list[Claim]:
    """The claims in their order, a value that several reports give once with all their quotes."""
    found: dict[tuple[str, str], Claim] = {}
    for claim in claims:
        name = claim.kind, _one_line(claim.text).casefold()
        known = found.get(name, claim)
        more = tuple(dict.fromkeys((*known.citations, *claim.citations)))
        found[name] = replace(known, citations=more)
    return list(found.values())


def _overlap(one: Citation, other: Citation) -> bool:
    same = one.article_id == other.article_id
    return same and one.start < other.end and other.start < one.end


def error_card(turn: str, question: str, line: str) -> str:
    """A question that could not be worked on, and the one line that says why."""
    return _card(
        turn,
        question,
        [el("p", el("strong", "Not answered. "), line, class_="error", role="alert", dir="auto")],
        "failed",
    )


#: The files that are one report with this one, itself among them, the original first.
CopiesOf = Callable[[str], Sequence[str]]


def _alone(article_id: str) -> Sequence[str]:
    return (article_id,)


def answer_card(turn: str, answer: Answer, within: str = "", copies_of: CopiesOf = _alone) -> str:
    """A question with its checked answer, or with what was found instead of one.

    `turn` names the card; ids of elements are made of it and of numbers, never of outside text.
    `within` tells in words which reports were asked, if not all.
    """
    marks = Marks(turn, answer.articles, copies_of=copies_of)
    body = _declined(answer, marks) if answer.outcome == "declined" else _answered(answer, marks)
    body = [_asked_as(answer), *body, _refused(answer.rejected), _footer(turn, answer, within)]
    return _card(turn, answer.question, [*body, *marks.articles_html()], answer.outcome)


def _asked_as(answer: Answer) -> Html:
    """What a follow-up was asked as, so that a wrong guess is seen and can be mended."""
    if answer.asked == answer.question:
        return Html()
    change = _button(
        "Change it",
        class_="again",
        data_rephrase=answer.asked,
        title="Put it into the question box, to be changed and asked",
    )
    alone = _button(
        "Ask as I typed it",
        class_="again",
        data_alone=answer.question,
        title="Ask it by itself, apart from this conversation",
    )
    asked = el("q", answer.asked, dir="auto")
    return el("p", "Asked as: ", asked, " ", change, " ", alone, class_="asked-as")


def _card(turn: str, question: str, body: Iterable[str], state: str) -> Html:
    shown = question if len(question) <= _QUESTION_SHOWN else question[:_QUESTION_SHOWN] + " …"
    return el(
        "article",
        el("h2", shown, class_="question", dir="auto", id=f"{turn}-q"),
        *body,
        id=turn,
        class_=f"turn {state}",
        aria_labelledby=f"{turn}-q",
    )


def _answered(answer: Answer, marks: Marks) -> list[Html]:
    claims = [join(_CLAIMS[c.kind](c, marks), _remark(c)) for c in answer.claims]
    written = [c for claim in answer.claims if claim.kind == "written" for c in claim.citations]
    return [
        el("div", *claims, class_="claims"),
        _fold(
            f"The words {'it rests' if len(claims) == 1 else 'they rest'} on",
            [_quote_list(written, marks)] if written else [],
        ),
        ledger_table(answer, marks),
        timeline(answer),
        el("p", answer.note, class_="note") if answer.note else Html(),
    ]


def _declined(answer: Answer, marks: Marks) -> list[Html]:
    passages = [e.hit.passage for e in answer.evidence][:NEAREST_SHOWN]
    return [
        el("p", "No answer in these reports.", class_="verdict"),
        el("p", answer.note, class_="note") if answer.note else Html(),
        _nearest("The nearest passages ", passages, marks) if passages else Html(),
    ]


def _nearest(title: str, passages: Sequence[Passage], marks: Marks) -> Html:
    """Passages that are no answer, said to be none."""
    items = [el("li", _blockquote(p, marks), _source(p, marks)) for p in passages]
    return el(
        "section",
        el("h3", title, el("span", "not an answer", class_="tag")),
        el("ul", *items, class_="quotes"),
        class_="nearest",
    )


# --- claims -------------------------------------------------------------------------------------


def _span(claim: Claim, marks: Marks) -> Html:
    """A short answer, large, with the sentences that say it beneath."""
    return el(
        "section",
        el("p", claim.text, class_="short", dir="auto"),
        _quote_list(claim.citations, marks, claim.text),
        class_="claim span",
    )


def _quote(claim: Claim, marks: Marks) -> Html:
    """A sentence of a report, verbatim, with everyone who printed it."""
    passages = [c.passage for c in claim.citations]
    words = (
        _blockquote(passages[0], marks, words=claim.text)
        if passages
        else el("blockquote", claim.text, dir="auto")
    )
    return el("section", words, *(_source(p, marks) for p in passages), class_="claim quote")


def _written(claim: Claim, marks: Marks) -> Html:
    """A sentence that a model wrote, with its marks."""
    cites = [join(" ", marks.button(c.passage)) for c in claim.citations]
    return el("p", el("span", claim.text, dir="auto"), *cites, class_="claim written")


def _difference(claim: Claim, marks: Marks) -> Html:
    """What the reports differ in, or what an outlet changed, with a mark for each report."""
    first = {c.article_id: c.passage for c in reversed(claim.citations)}
    names = dict.fromkeys(c.article_id for c in claim.citations)
    cites = [join(" ", marks.button(first[name])) for name in names]
    return el("p", el("span", claim.text, dir="auto"), *cites, class_="claim difference")


_CLAIMS = {"span": _span, "quote": _quote, "written": _written, "difference": _difference}


def _remark(claim: Claim) -> Html:
    """What a reader must know of a claim, such as that it rests on an unnamed source."""
    if not claim.remark:
        return Html()
    return el("p", claim.remark[:1].upper() + claim.remark[1:], class_="remark", dir="auto")


def _quote_list(citations: Sequence[Citation], marks: Marks, strong: str = "") -> Html:
    passages = list(dict.fromkeys(c.passage for c in citations))
    items = [el("li", _blockquote(p, marks, strong=strong), _source(p, marks)) for p in passages]
    rest = items[QUOTES_SHOWN:]
    more = _fold(
        f"{len(rest)} more that say so", [el("ul", *rest, class_="quotes")] if rest else []
    )
    return join(el("ul", *items[:QUOTES_SHOWN], class_="quotes"), more)


def _blockquote(passage: Passage, marks: Marks, *, words: str = "", strong: str = "") -> Html:
    """The quote; a click on it opens the article, as its file ID does for the keyboard."""
    text = words or passage.text
    # The number 19 is not in 1975.
    found = re.search(rf"(?<!\w){re.escape(strong)}(?!\w)", text) if strong else None
    at = found.start() if found else -1
    parts = [text[:at], el("strong", strong), text[at + len(strong) :]] if at >= 0 else [text]
    return el("blockquote", *parts, dir="auto", **marks.target(passage))


def _source(passage: Passage, marks: Marks) -> Html:
    article = passage.article
    return el(
        "p",
        el("bdi", *_outlet(article), class_="outlet"),
        _SEPARATOR,
        _published(article),
        _SEPARATOR,
        marks.button(passage),
        class_="source",
    )


_SEPARATOR = el("span", " · ", aria_hidden="true")


def _outlet(article: Article | Entry) -> list[str]:
    return [article.outlet] if article.outlet else [el("i", "outlet unknown")]


def _published(article: Article | Entry) -> Html:
    if not article.published:
        return el("i", "date unknown")
    return el("time", day_of(article.published), datetime=article.published)


def day_of(published: str) -> str:
    """2025-03-14 -> 14 March 2025; what is no ISO date stays as it is."""
    try:
        day = date.fromisoformat(published)
    except ValueError:
        return published
    return f"{day.day} {day:%B} {day.year}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


# --- below the claims -----------------------------------------------------------------------------


#: What a row's position is, where its value doesn't tell.
_STANCES = {
    "superseded": "superseded",
    "denies": "says that it is not so",
    "silent": "on the matter, but gives no value",
}


def ledger_table(answer: Answer, marks: Marks) -> Html:
    """Who says what, where the reports differ, one denies it, or one was superseded."""
    rows = [row for row in answer.ledger if row.stance != "says"]
    values = {_one_line(row.value).casefold() for row in rows if row.value}
    if len(values) < 2 and not any(row.stance in {"superseded", "denies"} for row in rows):
        return Html()
    columns = ("Value", "Report", "In its words")
    # With roles, since a narrow screen shows the table as blocks, which would lose what they are.
    titles = [el("th", name, scope="col", role="columnheader") for name in columns]
    head = el("tr", *titles, role="row")
    return el(
        "div",
        el(
            "table",
            el("caption", "Who says what"),
            el("thead", head, role="rowgroup"),
            *(_position(row, marks) for row in rows),
            role="table",
        ),
        class_="ledger",
    )


def _position(row: Position, marks: Marks) -> Html:
    """One value, with a line for each report that says it, copies folded under their original."""
    reports = _reports(row.article_ids, marks.copies_of)
    count = counted(len(row.article_ids), row.reports)
    told = "; ".join(filter(None, (_STANCES.get(row.stance), row.note)))
    value = el(
        "th",
        el("bdi", row.value) if row.value else Html(),
        el("p", told) if told else "",
        el("p", count) if count else "",
        scope="rowgroup",
        role="rowheader",
        rowspan=str(max(1, len(reports))),
    )
    lines = [_reported(row, report, marks) for report in reports]
    return el(
        "tbody",
        *(
            el("tr", value if n == 0 else "", line, role="row")
            for n, line in enumerate(lines or [el("td", colspan="2", role="cell")])
        ),
        class_=row.stance,
        role="rowgroup",
    )


def _reports(article_ids: Sequence[str], copies_of: CopiesOf) -> list[list[str]]:
    """The files of each independent report, in the order in which reports are first named."""
    reports: dict[str, list[str]] = {}
    for name in article_ids:
        reports.setdefault(copies_of(name)[0], []).append(name)
    for original, names in reports.items():
        names.sort(key=lambda name, original=original: name != original)  # type: ignore[misc]
    return list(reports.values())


def _reported(row: Position, files: Sequence[str], marks: Marks) -> Html:
    """The cells of one report: who and when, and its words on the point."""
    spans = {c.article_id: c.passage for c in row.citations}
    voices = {c.article_id: v for c, v in zip(row.citations, row.voices, strict=False)}
    original = files[0]
    copies = [el("li", *_filed(name, spans, marks)) for name in files[1:]]
    folded = _fold(_count(len(copies), "copy", "copies"), [el("ul", *copies)] if copies else [])
    said = spans.get(original)
    return join(
        el(
            "td", *_filed(original, spans, marks), _voice(voices.get(original)), folded, role="cell"
        ),
        el("td", _words(said) if said else "", class_="said", role="cell"),
    )


def _words(passage: Passage) -> Html:
    return el("q", _one_line(passage.text), dir="auto")


def _filed(name: str, spans: Mapping[str, Passage], marks: Marks) -> list[Html]:
    """Outlet, date and file ID of one file, the ID a link if words of it are cited."""
    mark = marks.button(spans[name]) if name in spans else el("bdi", name, class_="file-id")
    article = marks.articles.get(name)
    if article is None:
        return [mark]
    outlet = el("bdi", *_outlet(article), class_="outlet")
    return [outlet, _SEPARATOR, _published(article), _SEPARATOR, mark]


def _voice(voice: Voice | None) -> Html:
    """Whose words they are, where they aren't the outlet's own."""
    if voice is None or voice.kind == "outlet":
        return Html()
    who = voice.speaker or "an opinion piece"
    unnamed = " (a source without a name)" if voice.kind == "unnamed" else ""
    return el("p", "from ", el("bdi", who), unnamed, class_="voice")


# --- the timeline ---------------------------------------------------------------------------------

#: Rows of a timeline, characters of a value in it, and its measures in units of its picture.
TIMELINE_ROWS, VALUE_SHOWN = 6, 18
_LEFT, _RIGHT, _ROW = 190, 620, 26
#: Days that a report names are shown if they are at most so many from its own.
NEAR = 60


@dataclass(frozen=True)
class _Times:
    """When a row's reports were published, and the days near those that their quotes name."""

    row: Position
    reported: tuple[date, ...]
    spoken: tuple[date, ...]

    @property
    def told(self) -> str:
        """The same in words."""
        named = f", speaks of {_listed_days(self.spoken)}" if self.spoken else ""
        return f"{_one_line(self.row.value)}: {_listed_days(self.reported)}{named}"


def timeline(answer: Answer) -> Html:
    """A picture of who gave which value when, if reports of several days give several values."""
    rows = [_times(row) for row in answer.ledger if row.value and row.stance != "says"]
    rows = [times for times in rows if times.reported][:TIMELINE_ROWS]
    if len(rows) < 2 or len({day for times in rows for day in times.reported}) < 2:
        return Html()
    every = sorted({day for t in rows for day in (*t.reported, *t.spoken)})
    spoken = any(times.spoken for times in rows)
    height = _ROW * (len(rows) + 1 + spoken) + 14
    below = _ROW * (len(rows) + 1) + 8
    ends = [
        el("text", day_of(day.isoformat()), x=str(x), y=str(below), text_anchor=anchor)
        for day, x, anchor in ((every[0], _LEFT, "start"), (every[-1], _RIGHT, "end"))
    ]
    return el(
        "svg",
        *(_timeline_row(n, times, every) for n, times in enumerate(rows)),
        *ends,
        *(_legend(below + _ROW) if spoken else ()),
        viewBox=f"0 0 {_RIGHT + 20} {height}",
        role="img",
        aria_label=f"When each value was reported. {'; '.join(t.told for t in rows)}",
        class_="timeline",
    )


def _listed_days(days: Sequence[date]) -> str:
    return ", ".join(day_of(day.isoformat()) for day in days)


def _times(row: Position) -> _Times:
    reported = tuple(_days(row))
    named = {day for c in row.citations for day in days_named(c.passage)}
    near = {day for day in named if any(abs((day - r).days) <= NEAR for r in reported)}
    return _Times(row, reported, tuple(sorted(near - set(reported))))


def _days(row: Position) -> list[date]:
    """The days on which a row's reports were published, as far as they are known."""
    articles = {c.article_id: c.passage.article for c in row.citations}
    known = {a.published for a in articles.values() if a.published}
    found = []
    for day in sorted(known):
        try:
            found.append(date.fromisoformat(day))
        except ValueError:
            continue
    return found


def _timeline_row(n: int, times: _Times, every: Sequence[date]) -> Html:
    y = _ROW * n + 18
    span = (every[-1] - every[0]).days

    def place(day: date) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (day - every[0]).days / span

    value = _one_line(times.row.value)
    label = value if len(value) <= VALUE_SHOWN else value[: VALUE_SHOWN - 1] + "…"
    return el(
        "g",
        el("text", label, x="0", y=str(y + 4)),
        el("line", x1=str(_LEFT), x2=str(_RIGHT), y1=str(y), y2=str(y)),
        *(_diamond(place(day), y) for day in times.spoken),
        *(_dot(place(day), y) for day in times.reported),
        class_=times.row.stance,
    )


def _dot(x: float, y: int) -> Html:
    return el("circle", cx=f"{x:.1f}", cy=str(y), r="5")


def _diamond(x: float, y: int) -> Html:
    points = ((x - 6, y), (x, y - 6), (x + 6, y), (x, y + 6))
    return el("polygon", points=" ".join(f"{a:.1f},{b}" for a, b in points))


def _legend(y: int) -> list[Html]:
    """What a dot and a diamond are."""
    return [
        _dot(_LEFT + 5, y - 5),
        el("text", "reported", x=str(_LEFT + 18), y=str(y)),
        _diamond(_LEFT + 128, y - 5),
        el("text", "a day that the report names", x=str(_LEFT + 142), y=str(y)),
    ]


# --- the rest -------------------------------------------------------------------------------------


def _refused(rejected: Sequence[Rejection]) -> Html:
    items = [
        el(
            "li",
            el("p", r.text, class_="dropped", dir="auto"),
            el("p", el("strong", "Why: "), *_why(r), class_="why", dir="auto"),
        )
        for r in rejected
    ]
    return _fold(f"Not shown: {len(items)}", [el("ul", *items)] if items else [], "refused")


#: The checks by their short names, in plain words.
REASONS = {
    "no label": "it names no report",
    "unknown label": "it names a report that was not among those found",
    "not verbatim": "it is given as a report's own words, and is not",
    "quotation": "its quotation is not in the report",
    "number": "a number is not the report's",
    "date": "a date is not the report's",
    "name": "a name is not the report's",
    "negation": "the report says the opposite",
    "speaker": "somebody else says it in the report",
    "modality": "it is more certain than the report",
    "roles": "who did what to whom is not as in the report",
    "support": "the report does not say this clearly enough",
}


def _why(refused: Rejection) -> list[str]:
    """The reason in plain words, and what the check saw."""
    plain = REASONS.get(refused.reason, refused.reason)
    if not refused.detail:
        return [plain]
    return [plain, ": ", el("span", refused.detail, class_="seen")]


def _footer(turn: str, answer: Answer, within: str) -> Html:
    """How long it took, who answered, from how many reports, within which; and to take away."""
    seconds, model = answer.trace.get("seconds"), answer.trace.get("model")
    cited = {c.article_id for claim in answer.claims for c in claim.citations}
    parts = [
        f"{seconds:.1f} s" if isinstance(seconds, int | float) else "",
        f"model {model}" if isinstance(model, str) else "",
        f"{_count(len(cited), 'report')} cited" if cited else "",
        f"asked within {within}" if within else "",
    ]
    told = " · ".join(p for p in (*parts, "take away as ") if p)
    copy = _button(
        "copy",
        class_="copy",
        data_copy=turn,
        title="Copy the answer as Markdown with footnotes",
        aria_label="Copy the answer as Markdown with footnotes",
    )
    return el("p", told, *(_taken(turn, *kind) for kind in _KINDS), " · ", copy, class_="meta")


#: As what an answer can be taken away.
_KINDS = (("html", "page"), ("json", "JSON"), ("md", "Markdown"))


def _taken(turn: str, kind: str, name: str) -> Html:
    address = f"desk/proof?{urlencode({'turn': turn, 'as': kind})}"
    link = el("a", name, href=address, download="", aria_label=f"Take the proof away as {name}")
    return join("" if kind == "html" else ", ", link)


def _fold(summary: str, body: list[Html], name: str = "more") -> Html:
    return el("details", el("summary", summary), *body, class_=name) if body else Html()


def _count(n: int, noun: str, many: str = "") -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {many or noun + 's'}"


# --- the article beside the answer --------------------------------------------------------------


@dataclass
class Marks:
    """The spans that one answer refers to, numbered as they are first mentioned, by article.

    Each article goes into the card once, as an inert <template> with all its spans marked; a click
    copies it into the panel and tells the marks of one span from the others.
    """

    turn: str
    articles: dict[str, Article]
    spans: dict[str, dict[tuple[int, int], int]] = field(default_factory=dict)
    copies_of: CopiesOf = _alone

    def target(self, passage: Passage) -> dict[str, str]:
        """The attributes that make an element open the article at this passage."""
        spans = self.spans.setdefault(passage.article.id, {})
        number = spans.setdefault(
            (passage.start, passage.end), sum(map(len, self.spans.values())) + 1
        )
        place = list(self.spans).index(passage.article.id)
        return {"data_article": f"{self.turn}-a{place}", "data_span": str(number)}

    def button(self, passage: Passage) -> Html:
        """The file ID, as a link that opens the article at this passage.

        On hover and focus the script tells outlet, date and quote, which it finds in the article.
        """
        name = passage.article.id
        return el(
            "button",
            el("bdi", name),
            type="button",
            class_="cite",
            aria_label=f"Show {name} with the cited words",
            aria_controls="article-panel",
            **self.target(passage),
        )

    def articles_html(self) -> list[Html]:
        """All articles that were referred to. Call it last."""
        return [
            el("template", article_page(self.articles[name], spans), id=f"{self.turn}-a{place}")
            for place, (name, spans) in enumerate(self.spans.items())
        ]


def article_page(article: Article, spans: dict[tuple[int, int], int]) -> Html:
    """The whole article with its spans marked.

    A mark carries the numbers of all spans that it belongs to: spans may overlap, so that the words
    of span n are the marks with n among their numbers, joined.
    """
    text, headline = article.text, _headline(article)
    title, body = headline or (0, 0), 0
    if headline:
        body = headline[1] + len(text[headline[1] :]) - len(text[headline[1] :].lstrip())
    return el(
        "div",
        el("header", *_head(article, with_title=not headline)),
        el(
            "div",
            text[: title[0]],
            el("h2", *_marked(text, *title, spans), class_="headline") if headline else "",
            el("span", *_marked(text, title[1], body, spans), class_="gap") if headline else "",
            *_marked(text, body, len(text), spans),
            class_="text",
            dir="auto",
        ),
        class_="page",
    )


def _head(article: Article, with_title: bool) -> list[Html]:
    lines = [
        el(
            "p",
            el("bdi", *_outlet(article), class_="outlet"),
            _SEPARATOR,
            _published(article),
            class_="source",
        ),
        el("p", el("bdi", article.id, class_="file-id"), class_="source"),
    ]
    if article.url and article.url.startswith(("https://", "http://")):
        link = el(
            "a",
            article.url,
            href=article.url,
            class_="url",
            target="_blank",
            rel="noopener noreferrer nofollow",
        )
        lines.append(el("p", link, class_="source"))
    if with_title:
        lines.append(el("h2", article.title, class_="headline", dir="auto"))
    return lines


def _headline(article: Article) -> tuple[int, int] | None:
    """Where the text begins with its own title, so that the title isn't printed twice."""
    start = len(article.text) - len(article.text.lstrip())
    if article.title and article.text.startswith(article.title, start):
        return start, start + len(article.title)
    return None


def _marked(text: str, start: int, end: int, spans: dict[tuple[int, int], int]) -> list[str]:
    """`text[start:end]`, cut wherever a span begins or ends."""
    edges = {edge for span in spans for edge in span if start < edge < end}
    parts: list[str] = []
    for a, b in pairwise(sorted({start, end, *edges})):
        numbers = [str(n) for (first, last), n in spans.items() if first <= a and b <= last]
        parts += (
            [el("mark", text[a:b], id=f"mark-{a}", data_spans=" ".join(numbers))]
            if numbers
            else _shortened(text[a:b])
        )
    return parts


def _shortened(text: str) -> list[str]:
    """What stands between two marks; of a whole book, only its beginning and its end."""
    if len(text) <= 2 * UNMARKED_SHOWN:
        return [text]
    left_out = len(text) - 2 * UNMARKED_SHOWN
    return [
        text[:UNMARKED_SHOWN],
        el("i", f" [{left_out:,} characters are left out here] "),
        text[-UNMARKED_SHOWN:],
    ]


# --- the frame ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """What the status bar says of the index."""

    name: str
    articles: int
    passages: int
    generation: str


def _button(text: str, **attributes: str | None) -> Html:
    return el("button", text, type="button", **attributes)


MASTHEAD = el(
    "div",
    el("h1", "Wirecheck", class_="wordmark"),
    el(
        "nav",
        _button("Questions", data_view="ask", aria_pressed="true"),
        _button("Library", data_view="library", aria_pressed="false"),
        class_="views",
        aria_label="Views",
    ),
    el(
        "p",
        "Answers from the reports at hand. Every sentence is checked against the words it cites.",
        class_="tagline",
    ),
    el(
        "label",
        "Reports ",
        el("select", id="corpus", aria_label="Reports to ask"),
        class_="corpus",
        hidden="",
    ),
    class_="masthead",
)

#: What a question is asked within; the script fills in the outlets and reads all of it.
WITHIN = el(
    "details",
    el("summary", "Ask within ", el("b", "all reports", class_="told")),
    el(
        "fieldset",
        el("legend", "Outlets"),
        el("input", type="search", class_="narrow", aria_label="Find an outlet", hidden=""),
        el("div", class_="outlets"),
    ),
    el(
        "div",
        el("label", "Since ", el("input", type="date", id="since")),
        el("label", "Until ", el("input", type="date", id="until")),
        _button("All reports", class_="reset"),
        class_="days",
    ),
    id="within",
)

#: Beside the choice of a model: whether it answers.
TEST = join(
    _button("Test", id="test-model", title="Ask the chosen model for a word"),
    el("span", id="tested", role="status"),
)

SUGGESTIONS = el(
    "section",
    el("p", "For instance"),
    el("ul"),
    id="suggestions",
    aria_label="Suggested questions",
    hidden="",
)


def _step(name: str, step: str, key: str) -> Html:
    return _button(
        name,
        class_="step",
        data_step=step,
        title=f"{name} cited words ({key})",
        aria_label=f"{name} cited words",
        aria_keyshortcuts=key,
    )


PANEL = el(
    "section",
    el(
        "div",
        el("p", "Report", class_="kicker"),
        _step("Previous", "-1", "p"),
        _step("Next", "1", "n"),
        _button(
            "Close",
            class_="close",
            title="Close the report (Esc)",
            aria_label="Close the report",
            aria_keyshortcuts="Escape",
        ),
        class_="bar",
    ),
    el("div", class_="sheet", tabindex="0", aria_label="Text of the report", role="document"),
    id="article-panel",
    aria_label="The cited report",
    tabindex="-1",
    hidden="",
)

LIBRARY = el(
    "section",
    el(
        "div",
        el(
            "p",
            el("strong", "Your own articles: "),
            "drop files or a folder here, or ",
            el(
                "label",
                "choose files",
                el("input", type="file", multiple="", class_="visually-hidden"),
                class_="pick",
            ),
            ".",
        ),
        el("p", class_="limits"),
        el("div", class_="outcome", role="status"),
        class_="giving",
        hidden="",
    ),
    el("label", "Find a report ", el("input", type="search", id="library-query")),
    el("div", class_="found", role="status"),
    id="library",
    aria_label="Library",
    hidden="",
)

#: What the script appends cards to, the list of reports, the panel that it opens, and the hint.
FRAME = join(
    el("div", class_="log", role="log", aria_live="polite", aria_label="Conversation"),
    LIBRARY,
    PANEL,
    el("div", id="hint", role="tooltip", hidden=""),
)


def library_list(found: Found, complete: bool) -> Html:
    """Reports with their copies folded under them. `complete`: the index has no more articles."""
    shown = "" if len(found.reports) == found.total else f"; the first {len(found.reports)} shown"
    less = "" if complete else " (of a large index not all articles are listed)"
    count = el("p", f"{_count(found.total, 'report')}{shown}{less}", class_="count")
    return join(count, el("ul", *(el("li", *_listed(r)) for r in found.reports), class_="reports"))


def _listed(report: Sequence[Entry]) -> list[Html]:
    copies = [el("li", _entry(entry)) for entry in report[1:]]
    folded = _fold(_count(len(copies), "copy", "copies"), [el("ul", *copies)] if copies else [])
    return [_entry(report[0]), folded]


def _entry(entry: Entry) -> Html:
    return join(
        _button(entry.title, class_="title", data_open=entry.id, dir="auto"),
        el(
            "p",
            el("bdi", *_outlet(entry), class_="outlet"),
            _SEPARATOR,
            _published(entry),
            _SEPARATOR,
            el("bdi", entry.id, class_="file-id"),
            class_="source",
        ),
    )


def status_bar(facts: Facts, warm: str) -> str:
    """The index, its size and generation, and whether the models are loaded."""
    parts = [
        join("Index ", el("b", facts.name, dir="auto")),
        _count(facts.articles, "article"),
        _count(facts.passages, "passage"),
        f"generation {facts.generation}",
        warm,
    ]
    facts_told = el("ul", *(el("li", part) for part in parts), class_="status")
    return el("div", facts_told, role="status", aria_label="Status")
