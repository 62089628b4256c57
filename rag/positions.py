"""What each report says on the point that a question asks about: its own words, by value.

A saying is the span of one sentence that is of the kind asked for, with how surely it answers.
Sayings of one value, from whichever reports, are a side; several sides are a difference.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from index import Encoder
from index.language import parse
from index.words import stems, words
from rag.answer_span import best_span
from rag.evidence import Scored, logistic, model_weights, with_neighbours
from rag.fates import fates_in, fates_of
from rag.question import Question
from rag.reading import content_words
from rag.spans import Span, has_name, is_part_of_name, read_names, same_value
from rag.timing import Moment, moments, published_on, same_moment
from rag.values import find_quantities

#: What says how surely a span answers: the reader's margin for it (logits / 10), the cosine, how
#: far its sentence covers the question's words, whether the reader's own answer is of the type
#: asked for, the sentence's score, how many other independent reports give the value, as
#: log(1 + n), and how alike its surroundings are to those of the best sentence's answer.
SURE_SIGNALS = ("margin", "cosine", "coverage", "touched", "score", "agreeing", "likeness")
#: Taken from the logit of a count of other things than those asked for, or of people whose fate
#: is not told; set by hand.
OTHER_NOUN = 1.5
#: A side counts if it is this sure, and has this share of the surest one's odds.
LEAST_SURE, ODDS_SHARE = 0.35, 0.1
#: That share for a time: reports of one story name many days, and each is of something.
DAYS_SHARE = 0.5
#: The same for who says something: a sentence says so by itself, however its reader doubts.
SPEAKERS = (0.12, 0.25)
#: An article that says the surest value stands for it if it says it with this share of its own
#: surest value's sureness.
TOP_SHARE = 0.5
#: Of amounts with a unit: the least share of the best sentence's score and of its matter.
UNIT_SHARE, MATTER_SHARE = 0.12, 0.6
#: Reports of one thing differ by at most so many times; an unlikely value that is further off is
#: of something else.
SIZE = 4
#: A rival's amount is at most so many times the other; cosines that the words around it, its
#: sentence and its report's top must have with those of the surest saying. Set on the sample's
#: questions.
AMOUNTS = frozenset({"count", "money", "percent", "duration", "measure"})
RIVAL_SIZE, LIKE_AROUND, LIKE_SENTENCE, LIKE_TOP = 2, 0.4, 0.4, 0.25
#: Cosine of two sentences that are alike whatever stands around their values.
LIKE_WHOLE = 0.7
WORDS_BEFORE, WORDS_AFTER, TOP = 8, 10, 300
#: A report is cited for a value if it says it at least this surely; for words such as "several",
#: that may mean many numbers, as surely as a side of its own.
CITED_SURE = 0.15
_ANYBODY = frozenset("people person inhabitant resident vote percent per cent".split())
_WHO_IS = re.compile(r"\W*(?:(?:and|so|but)\W+)?who\W", re.I)
#: Letters of a word that must agree: a "spokesman" may be a "spokeswoman".
STEM_LETTERS = 5
#: Of an age, a sex or a side: there are fewer of these than of all people.
_OF_PEOPLE = re.compile(
    r"\bhow many (?:\w+ ){0,2}?(child(?:ren)?|wom[ae]n|m[ae]n|girls?|boys?|bab(?:y|ies)|infants?|"
    r"minors|teenagers?|civilians?|soldiers?|troops|journalists?|foreigners?|tourists?)\b",
    re.I,
)


@dataclass(frozen=True)
class Saying:
    """The span `[start, end)` of a sentence's article that answers; `sure` is 0..1.

    `signals` are `SURE_SIGNALS`.
    """

    sentence: Scored
    span: Span
    signals: tuple[float, ...]
    sure: float = 0.0

    @property
    def text(self) -> str:
        """The article's words."""
        return self.sentence.passage.article.text[slice(*self.span)]

    @property
    def article_id(self) -> str:
        """The file that says it."""
        return self.sentence.passage.article.id


@dataclass(frozen=True)
class Side:
    """One value, with every saying of it, the surest first; there is at least one."""

    sayings: tuple[Saying, ...]

    @property
    def text(self) -> str:
        """The words of the surest saying."""
        return self.sayings[0].text

    @property
    def sure(self) -> float:
        """0..1: how surely this is an answer."""
        return self.sayings[0].sure

    @property
    def article_ids(self) -> tuple[str, ...]:
        """The files that say it, once each."""
        return tuple(dict.fromkeys(s.article_id for s in self.sayings))


def sides_of(
    question: Question,
    sentences: Sequence[Scored],
    cluster_of: Callable[[str], int],
    encoder: Encoder,
) -> list[Side]:
    """The values that the sentences give for a typed question, surest first; [] if it has no type.

    `cluster_of` gives the number of the independent report that an article is a copy of.
    """
    if question.answer_type is None or question.asks_words:
        return []
    post = _post(question) if _wants_name(question) else None
    told = [
        s
        for s in sayings(question, sentences)
        if not _counts_everybody(question, s) and (post is None or _tells_post(post, s))
    ]
    said = weighed(question, _measured(question, told), cluster_of)
    if said and _off_topic(said[0], sentences):
        return []
    if said and _wants_name(question) and not _is_named(said[0]):
        # Two burglars did it: the name that stands nearest is somebody else's.
        return []
    rivals = rivals_of(question, said, cluster_of, encoder)
    sides = grouped(question, _told_once(question, said, rivals))
    return [
        _cited(s, rivals)
        for s in sides
        if said[0] in s.sayings
        or not rivals.isdisjoint(s.sayings)
        or (
            (_counts(question, s, said[0]) or _same_unit(question, s, said[0]))
            and (question.asks_speaker or _told_alike(s, said[0], cluster_of, encoder))
        )
    ]


def _off_topic(saying: Saying, sentences: Sequence[Scored]) -> bool:
    """Whether nothing that is asked is spoken of around a value, though elsewhere it is.

    The reader sees a salary in whatever costs crowns. Only the surest value is held to this:
    another report may say the same in other words.
    """
    covered = any(s.signal("context_coverage") for s in sentences)
    return covered and not saying.sentence.signal("context_coverage")


def _measured(question: Question, said: Sequence[Saying]) -> list[Saying]:
    """Where some of the amounts have a unit, only these: 640 metres is how deep, not 460 or a week.

    So "how deep", "how much"; what a number without a unit counts has been asked for by name.
    """
    if question.answer_type != "measure":
        return list(said)
    with_unit = [s for s in said if _family(s) not in {"", "time"}]
    return with_unit or list(said)


def _family(saying: Saying) -> str:
    return next((q.family for q in find_quantities(saying.text)), "")


def sayings(question: Question, sentences: Sequence[Scored]) -> list[Saying]:
    """A saying for each sentence that holds a span of the question's type, not yet weighed."""
    read_names(question, [s.passage.text for s in sentences])
    spans = [(s, span) for s in sentences if (span := best_span(question, s)) is not None]
    if not spans:
        return []
    best = max(spans, key=lambda pair: pair[0].score)
    return [Saying(s, span, _signals(s, span, best)) for s, span in spans]


def _signals(sentence: Scored, span: Span, best: tuple[Scored, Span]) -> tuple[float, ...]:
    """`SURE_SIGNALS` of a span, before it is known who else gives its value."""
    touched = span[0] < sentence.span[1] and span[1] > sentence.span[0]
    return (
        sentence.margin / 10,
        sentence.signal("cosine"),
        sentence.signal("coverage"),
        float(touched),
        sentence.score,
        0.0,
        1.0 if (sentence, span) == best else _likeness((sentence, span), best),
    )


def _likeness(one: tuple[Scored, Span], other: tuple[Scored, Span]) -> float:
    (ours, here), (theirs, there) = ((_flat(s), _within(s, span)) for s, span in (one, other))
    return content_words(ours).likeness(here, content_words(theirs), there)


def _flat(sentence: Scored) -> str:
    return re.sub(r"\s", " ", sentence.passage.text)


def _within(sentence: Scored, span: Span) -> Span:
    return span[0] - sentence.passage.start, span[1] - sentence.passage.start


def weighed(
    question: Question, said: Sequence[Saying], cluster_of: Callable[[str], int]
) -> list[Saying]:
    """Sayings with how sure they are, which depends on who else gives the value; surest first."""
    result = []
    for side in grouped(question, said):
        reports = {cluster_of(name) for name in side.article_ids}
        for saying in side.sayings:
            others = len(reports - {cluster_of(saying.article_id)})
            signals = (*saying.signals[:-2], math.log1p(others), saying.signals[-1])
            weights = dict(model_weights()["position"])
            strange = counts_others(question, saying) or _tells_no_fate(question, saying)
            weights["bias"] -= OTHER_NOUN * strange
            sure = logistic(weights, SURE_SIGNALS, signals)
            result.append(replace(saying, signals=signals, sure=sure))
    return sorted(result, key=lambda s: -s.sure)


def counts_others(question: Question, saying: Saying) -> bool:
    """Whether a number counts other things than the question asks for: miners, not coins.

    People may be anybody. Words that only stand after a number ("in", "were") are no things.
    """
    thing = _counted(question, saying)
    if thing is None or thing.lemma_.lower() in _ANYBODY:
        return False
    return not set(stems(thing.text)) & set(stems(question.text))


def _tells_no_fate(question: Question, saying: Saying) -> bool:
    """Whether people are counted of whom the sentence doesn't say what is asked: "were killed"."""
    asked = fates_in(question.text) if question.answer_type == "count" else frozenset()
    passage = saying.sentence.passage
    start, end = (at - passage.start for at in saying.span)
    return bool(asked) and not fates_of(passage.text, (start, end)) & asked


def _counts_everybody(question: Question, saying: Saying) -> bool:
    """Whether a number counts people where some of them are asked for: "How many children"."""
    asked = _OF_PEOPLE.search(question.text)
    if asked is None:
        return False
    thing = _counted(question, saying)
    if thing is None:  # "Nine were hurt" may be anybody, "of the children, nine" may not.
        return not _speaks_of(asked[1], _sentence(saying))
    return thing.lemma_.lower() in _ANYBODY


def _counted(question: Question, saying: Saying) -> Any:
    """The noun that a saying's number counts; None if it counts nothing or none is asked for."""
    if question.answer_type != "count":
        return None
    article = saying.sentence.passage.article
    number = max(find_quantities(saying.text), key=lambda q: q.end, default=None)
    at = saying.span[0] + (number.end if number else len(saying.text))
    after = article.text[at : saying.sentence.passage.end]
    thing = next((t for t in parse(after[:60]) if not _describes(t)), None)
    return thing if thing is not None and thing.pos_ == "NOUN" else None


def _describes(token: Any) -> bool:
    """Whether a word only leads to what is counted: "gold" in "six gold coins"."""
    leads = token.pos_ in {"ADJ", "DET", "SPACE"} or token.lower_ in {"of", "more", "other"}
    return leads or token.dep_ in {"compound", "amod"}


def grouped(question: Question, said: Sequence[Saying]) -> list[Side]:
    """Sayings of one value together; in the order in which the first of each comes."""
    groups: list[list[Saying]] = []
    for saying in said:
        same = (g for g in groups if agree(question, g[0], saying))
        group = next(same, None)
        if group is None:
            groups.append([saying])
        else:
            group.append(saying)
    return [Side(tuple(group)) for group in groups]


def agree(question: Question, one: Saying, other: Saying) -> bool:
    """Whether two sayings give one value; days, as the days that they are by their reports' own."""
    if question.answer_type == "time":
        ours, theirs = (_moment(s) for s in (one, other))
        if ours and theirs and ours.periods and theirs.periods:
            return same_moment(ours, theirs) or same_moment(theirs, ours)
    return same_value(question.answer_type, one.text, other.text)


def _moment(saying: Saying) -> Moment | None:
    published = published_on(saying.sentence.passage.article)
    return next(iter(moments(saying.text, published)), None)


def _told_once(
    question: Question, said: Sequence[Saying], rivals: AbstractSet[Saying]
) -> list[Saying]:
    """One value for each article, surest first: the surest of all if it gives that, else its own.

    An article that gives the surest value and another besides does not contradict it.
    """
    if not said:
        return []
    own = {s.article_id: s for s in reversed(said)} | {s.article_id: s for s in rivals}
    for saying in said:
        if (
            agree(question, said[0], saying)
            and saying.sure >= TOP_SHARE * own[saying.article_id].sure
        ):
            own[saying.article_id] = saying
    return [s for s in said if agree(question, own[s.article_id], s)]


def _cited(side: Side, rivals: AbstractSet[Saying]) -> Side:
    """The side with those of its sayings that are sure enough to be cited, at least the surest."""
    first, *others = side.sayings
    return Side((first, *(s for s in others if s.sure >= _needed(s) or s in rivals)))


def _needed(saying: Saying) -> float:
    vague = any(q.vague for q in find_quantities(saying.text))
    return LEAST_SURE if vague else CITED_SURE


def _same_unit(question: Question, side: Side, best: Saying) -> bool:
    """Whether amounts of one unit are on the same matter, even if the reader is less sure of one.

    Where amounts have a unit, another of it is a difference that readers must see.
    """
    if question.answer_type not in {"duration", "percent", "money"}:
        return False
    if not _same_size(side.text, best.text, SIZE):
        return False
    enough = side.sayings[0].sentence.score >= UNIT_SHARE * best.sentence.score
    return enough and _on_matter(side, best)


def _told_alike(
    side: Side, best: Saying, cluster_of: Callable[[str], int], encoder: Encoder
) -> bool:
    """Whether two reports tell so alike of so like a story that their values are of one thing.

    Else a strike's six days and the fourteen hours of its talks would be a difference. A copy of
    the same day differs in the same sentence; its others are the original's.
    """
    first = side.sayings[0]
    if _like(first, best, _top, encoder) < LIKE_TOP:
        return False
    if not _is_copy(first, best, cluster_of) and (
        _like(first, best, _around, encoder) >= LIKE_AROUND
    ):
        return True
    return _like(first, best, _sentence, encoder) >= LIKE_WHOLE


def _is_copy(one: Saying, other: Saying, cluster_of: Callable[[str], int]) -> bool:
    """Whether two sayings are of one report, published on one day: no update of it."""
    ours, theirs = one.sentence.passage.article, other.sentence.passage.article
    return ours.published == theirs.published and cluster_of(ours.id) == cluster_of(theirs.id)


def _like(one: Saying, other: Saying, said: Callable[[Saying], str], encoder: Encoder) -> float:
    ours, theirs = encoder.encode([said(one), said(other)])
    return float(ours @ theirs)


def _on_matter(side: Side, best: Saying) -> bool:
    """Whether a side's sentence with its neighbours covers enough of what the surest one does."""
    ours, theirs = (s.sentence.signal("context_coverage") for s in (side.sayings[0], best))
    return ours >= MATTER_SHARE * theirs


def _counts(question: Question, side: Side, best: Saying) -> bool:
    """Whether a side is sure enough to be set against the surest one.

    Names stand in every sentence: another one must be on the matter, too. Somebody without a name
    may be the same person. And every event has its day: another one must be as good an answer.
    """
    odds, most = side.sure / (1 - side.sure + 1e-9), best.sure / (1 - best.sure + 1e-9)
    least, share = SPEAKERS if question.asks_speaker else (LEAST_SURE, ODDS_SHARE)
    share = DAYS_SHARE if question.answer_type == "time" else share
    if side.sure < least or odds < share * most:
        return False
    if question.answer_type in AMOUNTS or question.asks_speaker:
        return True
    if question.answer_type == "time":
        # Two Saturdays are two days, but nobody could tell them apart by their names.
        said_alike = same_value("time", side.text, best.text)
        return not said_alike and _alike_in_grain(side.sayings[0], best)
    return _may_be_name(question, side.sayings[0]) and _on_matter(side, best)


def _may_be_name(question: Question, saying: Saying) -> bool:
    if question.answer_type == "name":
        passage = saying.sentence.passage
        return not is_part_of_name(passage.text, _within(saying.sentence, saying.span))
    return not _wants_name(question) or _is_named(saying)


def _alike_in_grain(one: Saying, other: Saying) -> bool:
    """Whether two times are both days, both months, or both years: 2001 and Tuesday are no two."""
    lengths = [{end - start for start, end in m.periods} for m in map(_moment, (one, other)) if m]
    return len(lengths) == 2 and not lengths[0].isdisjoint(lengths[1])


def _wants_name(question: Question) -> bool:
    """Whether it asks who did something: somebody with a name, where who said it may have none."""
    return question.answer_type == "person" and not question.asks_speaker


def _is_named(saying: Saying) -> bool:
    passage, (start, end) = saying.sentence.passage, saying.span
    return has_name(passage.text, (start - passage.start, end - passage.start))


def _post(question: Question) -> str | None:
    """What "Who was the captain of the ferry?" asks the name of: "captain"; None for a deed."""
    for token in parse(question.text) if _WHO_IS.match(question.text) else ():
        if token.dep_ in {"attr", "nsubj"} and token.pos_ == "NOUN" and token.head.lemma_ == "be":
            return str(token.text).lower()
    return None


def _tells_post(post: str, saying: Saying) -> bool:
    """Whether a sentence or one beside it speaks of the post, perhaps in another form."""
    return _speaks_of(post, with_neighbours(saying.sentence.passage).text)


def _speaks_of(word: str, text: str) -> bool:
    return any(other.startswith(word.lower()[:STEM_LETTERS]) for other in words(text))


def _same_size(one: str, other: str, most: float) -> bool:
    """Whether two texts begin with amounts of one family, at most `most` times each other."""
    ours, theirs = find_quantities(one)[:1], find_quantities(other)[:1]
    if not ours or not theirs or ours[0].family != theirs[0].family:
        return False
    low, high = sorted((ours[0].amount, theirs[0].amount))
    return low > 0 and high <= most * low


# --- rivals ------------------------------------------------------------------------------------


def rivals_of(
    question: Question,
    said: Sequence[Saying],
    cluster_of: Callable[[str], int],
    encoder: Encoder,
) -> frozenset[Saying]:
    """Sayings of another amount than the surest one that say the same thing in other words.

    A reader who looks for the question's words does not see that "the electricity was off for
    almost three hours" is what another report's "cut off households for 150 minutes" says. So each
    amount of about that size, in another report, is compared with the surest one: by the words
    around it, by its sentence, and by what the two reports are about. `said` is surest first.
    """
    best = said[0] if said else None
    if best is None or best.sure < LEAST_SURE or question.answer_type not in AMOUNTS:
        return frozenset()
    kept = [s for s in said[1:] if _may_rival(question, s, best, cluster_of)]
    for text_of_saying, least in (
        (_around, LIKE_AROUND),
        (_sentence, LIKE_SENTENCE),
        (_top, LIKE_TOP),
    ):
        if not kept:
            break
        vectors = encoder.encode([text_of_saying(s) for s in (best, *kept)])
        near = vectors[1:] @ vectors[0]
        kept = [s for s, cosine in zip(kept, near, strict=True) if cosine >= least]
    return frozenset(kept)


def _may_rival(
    question: Question, saying: Saying, best: Saying, cluster_of: Callable[[str], int]
) -> bool:
    if cluster_of(saying.article_id) == cluster_of(best.article_id):
        return False
    if same_value(question.answer_type, saying.text, best.text):
        return False
    return _same_size(saying.text, best.text, RIVAL_SIZE) and not counts_others(question, saying)


def _around(saying: Saying) -> str:
    """The words around a value in its sentence, with "some" for the value itself."""
    passage, (start, end) = saying.sentence.passage, saying.span
    text = passage.article.text
    before, after = text[passage.start : start].split(), text[end : passage.end].split()
    return " ".join([*before[-WORDS_BEFORE:], "some", *after[:WORDS_AFTER]])


def _sentence(saying: Saying) -> str:
    return saying.sentence.passage.text


def _top(saying: Saying) -> str:
    article = saying.sentence.passage.article
    return f"{article.title}. {article.text[:TOP]}"
