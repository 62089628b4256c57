"""Who reports it, who differs, who is silent: one row for each value of the point that was asked.

Copies of one report are one voice. A majority is not called the truth, and nothing is averaged. A
later report by the same outlet supersedes its earlier one; it is said from what to what.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from index import Encoder, Hit
from rag.evidence import Found, Scored, with_neighbours
from rag.positions import Saying, Side, agree, sides_of
from rag.premise import denials_of
from rag.question import Question
from rag.schema import Citation, Claim, DraftClaim, Evidence, Position, Voice
from rag.timing import published_on
from rag.voice import shown_voice, voice_of

ClusterOf = Callable[[str], int]

#: Sides of a difference that are named in an answer's first sentence, and outlets of each.
MAX_SIDES, MAX_OUTLETS = 6, 3
#: A report that gives no value is silent on the point if it covers this share of the question's
#: words that the best sentence does; at most so many are listed.
ON_MATTER, MAX_SILENT = 0.75, 12
#: How sure a value must be beside a denial.
SURE = 0.5
#: Characters at an article's top in which it may say that it corrects something.
TOP = 300
#: Days within which an outlet's next report is taken for news of the same story.
SAME_STORY = datetime.timedelta(days=60)
_CORRECTING = re.compile(
    r"\b(?:correction|corrects?|corrected|clarification|clarifies|an earlier "
    r"(?:version|report|article)|wrongly|in error|withdraws?|withdrew|withdrawn|retracts?|"
    r"retracted|misstated|we reported)\b",
    re.I,
)
#: What an outlet's next report may change: what is counted or measured, not who or where.
_CHANGING = {"count", "money", "percent", "duration", "measure"}
_LATEST = re.compile(r"\b(?:latest|newest|most recent|currently|so far|by now|final)\b", re.I)
_ORDINALS = "no one two three four five six seven eight nine ten eleven twelve".split()


@dataclass(frozen=True)
class Survey:
    """What the reports found say on the point, before anything of it is shown.

    `replaced` gives, for an article whose own outlet later gave another value, the saying that did
    so. `silent` are the nearest sentences of files on the matter that give no value. `by_date` if
    the newest report comes first, as the question asks for what is latest. `of_speakers` if it asks
    who says something: then several who do are no difference.
    """

    sides: tuple[Side, ...] = ()
    denials: tuple[Scored, ...] = ()
    silent: tuple[Scored, ...] = ()
    by_date: bool = False
    of_speakers: bool = False
    replaced: Mapping[str, Saying] = field(default_factory=dict)

    @property
    def standing(self) -> tuple[Side, ...]:
        """The sides that some report still holds."""
        return tuple(s for s in self.sides if not self.is_replaced(s))

    def is_replaced(self, side: Side) -> bool:
        """Whether every report of a side was superseded by its own outlet."""
        return all(name in self.replaced for name in side.article_ids)


def survey(question: Question, found: Found, cluster_of: ClusterOf, encoder: Encoder) -> Survey:
    """Each report's position on the point: its value, its denial, or its silence."""
    sides = tuple(sides_of(question, found.sentences, cluster_of, encoder))
    denials = tuple(denials_of(question.text, found.sentences))
    if denials:
        # A value of what a report says did not happen must be sure to be set against that.
        sides = tuple(side for side in sides if side.sure >= SURE)
    heard = {name for s in sides for name in s.article_ids}
    heard |= {d.passage.article.id for d in denials}
    silent = _silent(found.sentences, heard) if sides or denials else ()
    by_date = _LATEST.search(question.text) is not None and any(map(_newest, sides))
    if by_date:
        sides = tuple(sorted(sides, key=_newest, reverse=True))
    counts = question.answer_type in _CHANGING
    replaced = _replaced(question, sides, cluster_of) if counts else {}
    return Survey(sides, denials, silent, by_date, question.asks_speaker, replaced)


def _newest(side: Side) -> str:
    """The day of a side's newest report, as an ISO date; "" if none is known."""
    return max((s.sentence.passage.article.published or "" for s in side.sayings), default="")


def _silent(sentences: Sequence[Scored], heard: set[str]) -> tuple[Scored, ...]:
    """Of files on the matter that are not heard yet, the nearest sentence; nearest first."""
    near: dict[str, Scored] = {}
    for s in sentences:
        known = near.get(s.passage.article.id)
        if known is None or _coverage(s) > _coverage(known):
            near[s.passage.article.id] = s
    least = ON_MATTER * max((_coverage(near[name]) for name in heard), default=1.0)
    silent = [s for name, s in near.items() if name not in heard and _coverage(s) >= least]
    return tuple(sorted(silent, key=lambda s: (-_coverage(s), s.passage.article.id))[:MAX_SILENT])


def _coverage(sentence: Scored) -> float:
    return sentence.signal("context_coverage")


# --- updates and corrections -------------------------------------------------------------------


def _replaced(
    question: Question, sides: Sequence[Side], cluster_of: ClusterOf
) -> dict[str, Saying]:
    """For each superseded article the saying of its outlet that superseded it, copies included."""
    said = [s for side in sides for s in side.sayings]
    found: dict[str, Saying] = {}
    for old in said:
        later = [new for new in said if _supersedes(question, new, old)]
        if later:
            found[old.article_id] = max(later, key=lambda s: (_day(s) or _LONG_AGO, s.sure))
    clusters = {cluster_of(name): new for name, new in found.items()}
    for saying in said:
        # A reprint falls with its original, if it isn't the newer report itself.
        new = clusters.get(cluster_of(saying.article_id))
        if new is not None and not agree(question, new, saying):
            found.setdefault(saying.article_id, new)
    return found


def _supersedes(question: Question, new: Saying, old: Saying) -> bool:
    """Whether one saying is its outlet's later word in place of another of a different value."""
    ours, theirs = new.sentence.passage.article, old.sentence.passage.article
    if ours.outlet is None or ours.outlet != theirs.outlet or ours.id == theirs.id:
        return False
    if agree(question, new, old):
        return False
    day, before = _day(new), _day(old)
    if day is None or before is None:
        return False
    if day == before:
        return corrects(new) and not corrects(old)
    return before < day <= before + SAME_STORY


def corrects(saying: Saying) -> bool:
    """Whether an article says, at its top or around the value, that it corrects something."""
    passage = saying.sentence.passage
    top = f"{passage.article.title}\n{passage.article.text[:TOP]}"
    around = with_neighbours(passage).text
    return any(_CORRECTING.search(text) for text in (top, around))


_LONG_AGO = datetime.date.min


def _day(saying: Saying) -> datetime.date | None:
    return published_on(saying.sentence.passage.article)


# --- rows --------------------------------------------------------------------------------------


def ledger_of(found: Survey, cluster_of: ClusterOf) -> tuple[Position, ...]:
    """The rows: values that stand, values that were superseded, denials, and who is silent."""
    several = len(found.standing) > 1 and not found.of_speakers
    differ = several or bool(found.denials and found.standing)
    rows = [_side_row(s, "differs" if differ else "agrees", cluster_of) for s in found.standing]
    gone = [s for s in found.sides if found.is_replaced(s)]
    rows += [_gone_row(side, found, cluster_of) for side in gone]
    rows += [_denial_row(d) for d in found.denials]
    if found.silent:
        rows.append(_silent_row(found.silent, cluster_of))
    return tuple(rows)


def _side_row(side: Side, stance: str, cluster_of: ClusterOf) -> Position:
    said = {s.article_id: s for s in reversed(side.sayings)}
    surest = [said[name] for name in side.article_ids]
    return Position(
        side.article_ids,
        stance,  # type: ignore[arg-type]
        side.text,
        tuple(Citation(s.sentence.passage, s.sure) for s in surest),
        independent(side.article_ids, cluster_of),
        tuple(voice_of(s.sentence.passage, s.span) for s in surest),
    )


def _gone_row(side: Side, found: Survey, cluster_of: ClusterOf) -> Position:
    row = _side_row(side, "superseded", cluster_of)
    new = found.replaced[side.article_ids[0]]
    outlet, day = new.sentence.passage.article.outlet, new.sentence.passage.article.published
    return replace(row, note=f"{outlet} gave “{_plain(new.text)}” on {day} ({new.article_id})")


def _denial_row(denial: Scored) -> Position:
    article = denial.passage.article
    span = (denial.passage.start, denial.passage.end)
    return Position(
        (article.id,),
        "denies",
        "",
        (Citation(denial.passage, denial.score),),
        1,
        (voice_of(denial.passage, span),),
    )


def _silent_row(silent: Sequence[Scored], cluster_of: ClusterOf) -> Position:
    """Who is on the matter and gives no value, each with its nearest sentence, of support 0."""
    names = tuple(s.passage.article.id for s in silent)
    nearest = tuple(Citation(s.passage, 0.0) for s in silent)
    return Position(names, "silent", "", nearest, independent(names, cluster_of))


def quoted_rows(claims: Sequence[Claim], cluster_of: ClusterOf) -> tuple[Position, ...]:
    """Where no value is asked for: a row for each sentence quoted, in the reports' own words."""
    return tuple(
        Position(
            files := tuple(dict.fromkeys(c.article_id for c in claim.citations)),
            "says",
            claim.text,
            claim.citations,
            independent(files, cluster_of),
            tuple(voice_of(c.passage, (c.start, c.end)) for c in claim.citations),
        )
        for claim in claims
        if claim.kind == "quote"
    )


# --- sentences ---------------------------------------------------------------------------------


def labelled(
    sayings: Iterable[Saying], evidence: tuple[Evidence, ...]
) -> tuple[tuple[Evidence, ...], dict[Saying, str]]:
    """The evidence with each saying's sentence in it, and the sayings' labels."""
    labels = {e.hit.passage: e.label for e in evidence}
    names: dict[Saying, str] = {}
    for saying in sayings:
        passage = saying.sentence.passage
        if passage not in labels:
            labels[passage] = f"E{len(evidence) + 1}"
            hit = Hit(passage, saying.sentence.score, len(evidence) + 1)
            evidence = (*evidence, Evidence(labels[passage], hit))
        names[saying] = labels[passage]
    return evidence, names


def difference_drafts(
    found: Survey, labels: Mapping[Saying, str], cluster_of: ClusterOf
) -> list[DraftClaim]:
    """What an answer begins with where the reports differ, or where an outlet corrected itself."""
    drafts = []
    if len(found.standing) > 1 and not found.of_speakers:
        shown = found.standing[:MAX_SIDES]
        told = ", ".join(_told(s, cluster_of, found.by_date) for s in shown)
        text = f"Reports differ{', newest first' * found.by_date}: {told}."
        first = [side.sayings[0] for side in shown]
        rest = [s for side in shown for s in side.sayings if s not in first]
        drafts.append(_draft(text, [*first, *rest], labels))
    for side in found.sides:
        if found.is_replaced(side):
            drafts.append(_update_draft(side, found, labels))
    return drafts


def _draft(text: str, sayings: Sequence[Saying], labels: Mapping[Saying, str]) -> DraftClaim:
    return DraftClaim(text, tuple(dict.fromkeys(labels[s] for s in sayings)), "difference")


def _told(side: Side, cluster_of: ClusterOf, dated: bool) -> str:
    """One side: its value, how many reports, which outlets, when, and whom they cite."""
    count = independent(side.article_ids, cluster_of)
    articles = {s.article_id: s.sentence.passage.article for s in side.sayings}
    outlets = list(dict.fromkeys(a.outlet for a in articles.values() if a.outlet))
    known = all(a.outlet for a in articles.values()) and len(outlets) <= MAX_OUTLETS
    voices = [voice_of(s.sentence.passage, s.span) for s in side.sayings]
    inside = [", ".join(outlets)] if outlets and known else []
    inside += [_newest(side)] if dated and _newest(side) else []
    inside += [shown_voice(voices)] if shown_voice(voices) else []
    where = f"in {_number(count)} report{'s' * (count > 1)}"
    return f"{marked(side.text)} {where}" + (f" ({'; '.join(inside)})" if inside else "")


def _update_draft(side: Side, found: Survey, labels: Mapping[Saying, str]) -> DraftClaim:
    """From what to what an outlet changed, and when."""
    old, new = side.sayings[0], found.replaced[side.sayings[0].article_id]
    before, after = old.sentence.passage.article, new.sentence.passage.article
    verb = "corrected this to" if corrects(new) else "later gave"
    text = (
        f"{after.outlet} first gave {marked(old.text)} ({before.published}) and {verb} "
        f"{marked(new.text)} ({after.published})."
    )
    return _draft(text, [old, new], labels)


def marked(value: str) -> str:
    """A value in quotation marks; without them if it has some of its own."""
    plain = _plain(value)
    return plain if re.search('["“”„«»]', plain) else f"“{plain}”"


def _plain(value: str) -> str:
    return " ".join(value.split())


def _number(count: int) -> str:
    return _ORDINALS[count] if count < len(_ORDINALS) else str(count)


def remark_of(voices: Sequence[Voice]) -> str:
    """What a reader must know of a claim that rests on these voices alone; "" if nothing."""
    kinds = {v.kind for v in voices}
    if kinds == {"unnamed"}:
        names = ", ".join(dict.fromkeys(v.speaker for v in voices))
        return f"rests on a source without a name: {names}"
    if kinds == {"opinion"}:
        return "said in an opinion piece"
    return ""


# --- counts ------------------------------------------------------------------------------------


def independent(article_ids: Iterable[str], cluster_of: ClusterOf) -> int:
    """How many independent reports these articles are: near-identical copies are one."""
    return len({cluster_of(article_id) for article_id in article_ids})


def counted(files: int, reports: int) -> str:
    """(5, 2) -> "5 files, 2 independent reports"; empty where there are as many of both."""
    if files == reports:
        return ""
    return f"{files} files, {reports} independent report{'s' * (reports > 1)}"
