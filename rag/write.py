"""What an answer says, drafted from readings: all of it untrusted until it was checked.

A value is told in the reports' own words, after what they differ in. An open question is answered
by the model from the sentences that were read, or else by those sentences, whole. Without a model,
the sentences that answer best are quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from index import Hit, Passage
from index.language import sentence_spans
from index.words import stems
from rag.asking import Model, Tick, no_tick
from rag.checks import fold
from rag.cite import Verified
from rag.compare import ClusterOf, Compared, Side
from rag.entries import when_said
from rag.evidence import Found, Scored
from rag.ledger import independent, voice_in
from rag.prompts import load_prompt
from rag.question import Question
from rag.read import Reading
from rag.schema import Claim, DraftClaim, Evidence, Kind, Rejection, Voice
from rag.verify import Checker, quick
from rag.voice import shown_voice
from rag.withdrawn import takes_back

#: Values in an answer; the ledger has them all. Sides of a difference, and outlets of each.
MAX_VALUES, MAX_SIDES, MAX_OUTLETS = 6, 6, 3
#: Quoted sentences in an answer, and the words that they may have together.
MAX_QUOTES, MAX_WORDS = 4, 125
#: A further sentence is quoted if its score is at least this share of the best one's; a smaller one
#: if its article is cited already.
OTHER_ARTICLE, SAME_ARTICLE = 0.6, 0.2
#: What is quoted besides where the question is open, or the surest value is likelier wrong than
#: right: the search's first sentences, each with at least this share of the best one's score.
NEAR, NEAR_SHARE, LIKELY = 3, 0.5, 0.5
#: Sentences that a model writes from, and tokens that it may write.
WRITING_SENTENCES, WRITING_TOKENS = 5, 96
#: A written sentence cites at most so many sentences of the reports.
MOST_CITED = 3
_NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()
#: Share of the words of a reading that a written sentence must have, to be an answer.
CARRIED = 0.5
_STOP_INSIDE = re.compile(r"([\"“][^\"“”]+?)([.,])([\"”])")
_HEAD = re.compile(r"^Report(?: \([^)]*\))?: ")
_MARKS = re.compile(r"\s*\[\s*[^\[\]]{1,40}\]")


@dataclass(frozen=True)
class Draft:
    """Sentences, and the labelled evidence that they name."""

    claims: tuple[DraftClaim, ...]
    evidence: tuple[Evidence, ...]


class Labels:
    """Evidence in the order in which it is first named: E1, E2, ..."""

    def __init__(self) -> None:
        self._evidence: dict[Passage, Evidence] = {}

    def of(self, passages: Iterable[tuple[Passage, float]]) -> tuple[str, ...]:
        """The labels of sentences with their scores, each sentence once."""
        return tuple(dict.fromkeys(self._label(p, score) for p, score in passages))

    def of_readings(self, text: str, kind: Kind, readings: Iterable[Reading]) -> DraftClaim:
        """A claim that cites their sentences, each once, as sure as the surest of its readings."""
        sure: dict[str, float] = {}
        for reading in readings:
            label = self._label(reading.sentence.passage, reading.sentence.score)
            sure[label] = max(reading.sure, sure.get(label, 0.0))
        return DraftClaim(text, tuple(sure), kind, tuple(sure.values()))

    def _label(self, passage: Passage, score: float) -> str:
        number = len(self._evidence) + 1
        fresh = Evidence(f"E{number}", Hit(passage, score, number))
        return self._evidence.setdefault(passage, fresh).label

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """All that was named, and what is named beside it."""
        return tuple(self._evidence.values())


# --- values ------------------------------------------------------------------------------------


def values(found: Compared, cluster_of: ClusterOf) -> Draft:
    """What the reports differ in or corrected, then each value that stands, in their words."""
    labels = Labels()
    claims = [*differences(found, labels, cluster_of)]
    claims += [
        labels.of_readings(_plain(side.text), "span", side.said)
        for side in found.standing[:MAX_VALUES]
    ]
    return Draft(tuple(claims), labels.evidence)


def differences(found: Compared, labels: Labels, cluster_of: ClusterOf) -> Iterator[DraftClaim]:
    """What an answer begins with where the reports differ, or where an outlet corrected itself."""
    if found.differ:
        shown = found.standing[:MAX_SIDES]
        told = [_told(side, cluster_of, found.by_date) for side in shown]
        first = [side.readings[0] for side in shown]
        said = [*first, *(r for side in shown for r in side.said)]
        text = difference_told(told, found.by_date)
        yield labels.of_readings(text, "difference", said)
    for side in found.sides:
        if found.is_replaced(side):
            yield _update(side, found, labels)


def _told(side: Side, cluster_of: ClusterOf, dated: bool) -> str:
    count = independent(side.article_ids, cluster_of)
    outlets = [r.article.outlet for r in side.said]
    voices = [voice_in(r) for r in side.said]
    return side_told(side.text, count, outlets, side.newest if dated else "", voices)


def difference_told(sides: Iterable[str], dated: bool) -> str:
    """What reports differ in: each side in its words (`side_told`)."""
    return f"Reports differ{', newest first' * dated}: {', '.join(sides)}."


def side_told(
    value: str, reports: int, outlets: Iterable[str | None], day: str, voices: Sequence[Voice]
) -> str:
    """One side: its value, how many reports, which outlets, when ("" for no day), citing whom."""
    once = list(dict.fromkeys(outlets))
    known = all(once) and len(once) <= MAX_OUTLETS
    inside = [", ".join(filter(None, once)) if known else "", day, shown_voice(voices)]
    aside = "; ".join(filter(None, inside))
    number = _NUMBERS[reports] if reports < len(_NUMBERS) else str(reports)
    said = f"{marked(value)} in {number} report{'s' * (reports > 1)}"
    return f"{said} ({aside})" if aside else said


def _update(side: Side, found: Compared, labels: Labels) -> DraftClaim:
    old, new = side.readings[0], found.replaced[side.readings[0]]
    text = update_told(side.text, old.sentence.passage, new.words.text, new.sentence.passage)
    return labels.of_readings(text, "difference", (old, new))


def update_told(old: str, before: Passage, new: str, after: Passage) -> str:
    """From what to what an outlet changed, and when; the passages are those that say it."""
    verb = "corrected this to" if takes_back(after.article, old) else "later gave"
    return (
        f"{after.article.outlet or 'The report'} first gave {marked(old)} ({when_said(before)}) "
        f"and {verb} {marked(new)} ({when_said(after)})."
    )


def marked(value: str) -> str:
    """A value in quotation marks; without them if it has some of its own."""
    plain = _plain(value)
    return plain if re.search('["“”„«»]', plain) else f"“{plain}”"


def _plain(text: str) -> str:
    return " ".join(text.split())


# --- sentences ---------------------------------------------------------------------------------


def written(
    question: Question, found: Compared, model: Model, checker: Checker, tick: Tick = no_tick
) -> Draft:
    """What the model writes from the sentences that were read, each cited by what supports it.

    Raises ModelError if the model can't be asked.
    """
    sources = read_sentences(found)[:WRITING_SENTENCES]
    told = "\n".join(map(_shown, (s.passage for s in sources)))
    asked = load_prompt("write").messages(question=question.text, evidence=told)
    reply = model.ask([asked], max_tokens=WRITING_TOKENS, tick=tick)[0]
    labels = Labels()
    labels.of((s.passage, s.score) for s in sources)
    said = " ".join(s.passage.text for s in sources)
    texts = [_marks_mended(text, said) for text in sentences_of(reply.text)]
    shown = fold("\n".join([question.text, *(m["content"] for m in asked[:-1])]))
    cited = _supporting(texts, labels.evidence, checker)
    # What repeats the prompt names no evidence.
    named = (() if fold(t) in shown else c for t, c in zip(texts, cited, strict=True))
    claims = tuple(DraftClaim(t, c) for t, c in zip(texts, named, strict=True))
    return Draft(claims, labels.evidence)


def _shown(passage: Passage) -> str:
    """A sentence as the model that writes sees it."""
    outlet = passage.article.outlet
    return f"Report{f' ({outlet})' if outlet else ''}: {_plain(passage.text)}"


def read_sentences(found: Compared) -> list[Scored]:
    """The sentences whose words stand, of the surest side first."""
    return list(dict.fromkeys(r.sentence for side in found.sides for r in side.readings))


def nearest(found: Found, sure: float = 0.0) -> list[Scored]:
    """The sentences that the search puts first, copies once; none beside a value that is likely."""
    if sure >= LIKELY:
        return []
    first = [s for s in found.sentences if not s.is_copy][:NEAR]
    return [s for s in first if s.score >= NEAR_SHARE * first[0].score]


def sentences_of(text: str) -> Iterator[str]:
    """The sentences of a reply, without marks and heads of its own that stand for sources."""
    for line in text.splitlines():
        bare = _HEAD.sub("", _MARKS.sub("", line).strip(" -*•"))
        for start, end in sentence_spans(bare):
            if any(c.isalnum() for c in bare[start:end]):
                yield bare[start:end]


def on_point(question: Question, verified: Verified, found: Compared) -> Verified:
    """The same without written sentences that tell neither what was read nor what is asked.

    "Krol ruled out sabotage." answers "Did Krol rule out sabotage?" whatever else was read.
    """
    asked = frozenset(stems(" ".join(question.terms)))
    read = [frozenset(stems(r.words.text)) for side in found.sides for r in side.readings]
    judged = tuple(_on_point(one, asked, read) for one in verified.judged)
    return Verified(judged)


def _on_point(
    judged: Claim | Rejection, asked: frozenset[str], read: Sequence[frozenset[str]]
) -> Claim | Rejection:
    if isinstance(judged, Rejection) or judged.kind != "written":
        return judged
    told = set(stems(judged.text))
    if any(len(told & words) >= CARRIED * len(words) for words in read if words):
        return judged
    if asked and asked <= told:
        return judged
    return Rejection(judged.text, "off the point", "it tells nothing that was read as an answer")


def _marks_mended(text: str, said: str) -> str:
    """Full stops and commas that a writer put inside quotation marks and nobody said, outside."""

    def mended(match: re.Match[str]) -> str:
        words, stop, close = match.groups()
        return f"{words}{close}{stop}" if fold(words + stop) not in fold(said) else match[0]

    return _STOP_INSIDE.sub(mended, text)


def _supporting(
    texts: Sequence[str], evidence: Sequence[Evidence], checker: Checker
) -> list[tuple[str, ...]]:
    """For each text the labels of the evidence that supports it, most first; at least one."""
    pairs = [(e.hit.passage.text, text) for text in texts for e in evidence]
    checker = quick(checker)
    supports = iter(checker.support(pairs))
    cited = []
    for _ in texts:
        ranked = sorted(((next(supports), e) for e in evidence), key=lambda pair: -pair[0])
        good = [e.label for support, e in ranked if support >= checker.threshold]
        cited.append(tuple(good[:MOST_CITED]) or (ranked[0][1].label,))
    return cited


def quotations(sentences: Iterable[Scored]) -> Draft:
    """These sentences, whole."""
    labels = Labels()
    claims = [
        DraftClaim(_plain(s.passage.text), labels.of([(s.passage, s.score)]), "quote")
        for s in sentences
    ]
    return Draft(tuple({c.text: c for c in claims}.values()), labels.evidence)


def best_sentences(found: Found) -> Draft:
    """The sentences that answer best, each once, within `MAX_QUOTES` and `MAX_WORDS`."""
    evidence = found.evidence()
    chosen: dict[str, list[Evidence]] = {}
    articles: set[str] = set()
    for item in evidence:
        text = _plain(item.hit.passage.text)
        article = item.hit.passage.article.id
        share = SAME_ARTICLE if article in articles else OTHER_ARTICLE
        if chosen and item.hit.score < share * evidence[0].hit.score:
            continue
        twin = next((said for said in chosen if _alike(text, said)), None)
        words = sum(len(said.split()) for said in chosen)
        if twin is not None:
            chosen[twin].append(item)
        elif not chosen or (len(chosen) < MAX_QUOTES and words + len(text.split()) <= MAX_WORDS):
            chosen[text] = [item]
        else:
            continue
        articles.add(article)
    claims = (
        DraftClaim(text, tuple(e.label for e in items), "quote") for text, items in chosen.items()
    )
    return Draft(tuple(claims), evidence)


def mentions(found: Found, least: Mapping[str, float]) -> Draft:
    """One sentence of each report that mentions what is asked for; copies are one quotation.

    `least` says how far a sentence must cover the words asked for, by the signal's name.
    """
    best: dict[str, Scored] = {}
    for sentence in found.sentences:
        if any(sentence.signal(name) < share for name, share in least.items()):
            continue
        known = best.get(sentence.passage.article.id)
        if known is None or sentence.signal("coverage") > known.signal("coverage"):
            best[sentence.passage.article.id] = sentence
    ranked = sorted(best.values(), key=lambda s: -s.signal("coverage"))
    labels = Labels()
    quotes: dict[str, list[str]] = {}
    for sentence in ranked:
        text = _plain(sentence.passage.text)
        twin = next((said for said in quotes if _alike(text, said)), text)
        quotes.setdefault(twin, []).extend(labels.of([(sentence.passage, sentence.score)]))
    claims = (DraftClaim(text, tuple(names), "quote") for text, names in quotes.items())
    return Draft(tuple(claims), labels.evidence)


def _alike(a: str, b: str) -> bool:
    """Whether two sentences share four fifths of their stems: one report's copies."""
    left, right = set(stems(a)), set(stems(b))
    return len(left & right) >= 0.8 * max(1, len(left | right))
