"""Questions that the reports at hand are likely to answer, by rules over their first sentences.

    "Port police said two dockers were hurt."    -> "How many dockers were hurt?"
    "We had cleared it," Ines Tallow said.       -> "What did Ines Tallow say?"
    a place that most reports name               -> "Which outlets mention Ostmere?"
    where no rule fits                           -> "What do the reports say about “<headline>”?"

What several reports tell comes first, above all where they tell different numbers; and of each kind
one, before a second of any.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import Any

from index import Article, Index
from index.language import parse_many, sentence_spans
from rag.names import TITLES

#: Articles that are looked at, sentences of each, and characters in which they are looked for.
MAX_ARTICLES, SENTENCES, CHARACTERS = 300, 8, 3_000
#: A question must be found again: its report is among so many hits of a search for it.
HITS = 5
_PLACES, _NAMED = ("GPE", "LOC", "FAC"), ("GPE", "LOC", "EVENT")
_SAID = frozenset(("say", "tell", "warn", "announce", "promise", "deny"))
_LONGEST = 110
#: "How many people were moved?" could be about any report: these need a place or an object.
_ANYBODY = frozenset(("people", "person", "man", "woman", "child", "other", "thing"))
#: Nouns that count something else than what was reported ("two years passed").
_MEASURES = frozenset(
    """second minute hour day night week month year decade time kilometre mile metre percent
    percentage point dollar euro pound crown cent degree ton tonne member""".split()
)


@dataclass(frozen=True)
class Idea:
    """A question, its kind, what makes two of them the same, the value it asks for, its report."""

    question: str
    kind: str
    key: tuple[str, ...]
    value: str
    article_id: str


def suggest(index: Index, count: int = 4) -> list[str]:
    """Up to `count` questions about the articles of `index`, best first."""
    reports = _reports(index)
    typical = (_typical(same) for same in ideas_of(index))
    found = (q for q, report in typical if _leads_back(q, report, index))
    chosen = list(islice(found, count))
    headlines = (f"What do the reports say about “{a.title}”?" for a in reports.values())
    short = (h for h in headlines if len(h) <= _LONGEST)
    return [*chosen, *islice(short, count - len(chosen))]


def ideas_of(index: Index) -> Iterator[list[Idea]]:
    """What `suggest` chooses from, best first: each item the ideas that ask for the same.

    They are as many as there are reports and values; the wordings may differ.
    """
    return _ranked(list(chain.from_iterable(_ideas(a) for a in _reports(index).values())))


def _reports(index: Index) -> dict[int, Article]:
    """The first article of each report, by the report's number, among the first articles."""
    articles = [index.articles[name] for name in islice(index.articles, MAX_ARTICLES)]
    return {index.cluster_of(a.id): a for a in reversed(articles)}


def _leads_back(question: str, report: str, index: Index) -> bool:
    """Whether a search for the question finds the report that it was made of."""
    return any(h.passage.article.id == report for h in index.search(question, HITS))


def _ranked(ideas: Sequence[Idea]) -> Iterator[list[Idea]]:
    """Ideas that ask for the same: one of each kind, then a second; but one mention at most.

    Within a kind those come first that most values are told for, then those of most reports.
    """
    by_key: dict[tuple[str, ...], list[Idea]] = defaultdict(list)
    for idea in ideas:
        by_key[idea.key].append(idea)
    kinds: dict[str, list[list[Idea]]] = {"how many": [], "said": [], "mention": []}
    for same in by_key.values():
        kinds[same[0].kind].append(same)
    for rows in kinds.values():
        rows.sort(key=lambda same: (-len({i.value for i in same}), -len(same)))
    del kinds["mention"][1:]
    seen: set[str] = set()
    for same in chain.from_iterable(zip_longest(*kinds.values())):
        reports = {i.article_id for i in same or ()}
        if same and same[0].kind == "mention":
            yield same
        elif same and not seen & reports:  # A second question about one report tells less.
            seen |= reports
            yield same


def _typical(same: Sequence[Idea]) -> tuple[str, str]:
    """The wording that most reports lead to, the shorter one of two, and its report."""
    counts = Counter(i.question for i in same)
    best = min(same, key=lambda i: (-counts[i.question], len(i.question)))
    return best.question, best.article_id


def _ideas(article: Article) -> Iterator[Idea]:
    text = article.text[:CHARACTERS]
    spans = [s for s in sentence_spans(text) if text[s[1] - 1 : s[1]] in ".!?”\"'"][:SENTENCES]
    names: set[str] = set()
    for doc in parse_many(" ".join(text[a:b].split()) for a, b in spans):
        for question, key, value in chain(_how_many(doc), _said(doc)):
            if len(question) <= _LONGEST:
                yield Idea(question, key[0], key, value, article.id)
        names |= {e.text for e in doc.ents if e.label_ in _NAMED and _is_name(e.text)}
    for name in sorted(names):
        yield Idea(
            f"Which outlets mention {name}?", "mention", ("mention", name), article.id, article.id
        )


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){0,2}", text) is not None


# --- how many ----------------------------------------------------------------------------------


def _how_many(doc: Any) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Numbers of a subject: its noun, what it did or what was done to it, and where."""
    for number in doc:
        noun = number.head
        if number.dep_ != "nummod" or not number.like_num or noun.tag_ != "NNS":
            continue
        verb = noun.head
        told, place = _told(noun, verb), _place(verb)
        lemma, has_object = noun.lemma_.lower(), " " in told.removeprefix("were ")
        clear = lemma not in _ANYBODY or place or has_object
        if told and clear and lemma not in _MEASURES:
            things = " ".join(t.text for t in _kind_of(noun))
            key = ("how many", lemma, verb.lemma_.lower())
            yield f"How many {things} {told}{place}?", key, number.text.lower()


def _told(noun: Any, verb: Any) -> str:
    """What is said of the noun, in words that fit behind "How many dockers"; "" if unsure."""
    if verb.pos_ != "VERB" or any(t.dep_ == "neg" for t in verb.children):
        return ""
    helpers = [t for t in verb.lefts if t.dep_ in ("aux", "auxpass")]
    if noun.dep_ == "nsubjpass" and [t.lower_ for t in helpers] == ["were"]:
        return f"were {verb.text}"
    if noun.dep_ != "nsubj" or helpers or verb.tag_ != "VBD" or verb.lemma_ in _SAID:
        return ""
    objects = [t for t in verb.children if t.dep_ in ("dobj", "xcomp", "ccomp", "prt", "attr")]
    if not objects:
        return str(verb.text)
    words = list(objects[0].subtree)
    plain = len(objects) == 1 and objects[0].dep_ == "dobj" and len(words) <= 5
    if not plain or any(t.pos_ in ("PRON", "PUNCT") or t.like_num for t in words):
        return ""
    return " ".join([verb.text, *(t.text for t in words)])


def _kind_of(noun: Any) -> list[Any]:
    """The noun with the adjectives and nouns right before it, without number and article."""
    before = [t for t in noun.lefts if t.dep_ in ("amod", "compound") and t.text.isalpha()]
    before = [t for t in before if t.lower_ not in ("other", "more", "least", "further", "such")]
    return [*before, noun]


def _place(verb: Any) -> str:
    """The place where it happened, with its preposition and a space before; "" if none is told."""
    for preposition in verb.children:
        if preposition.dep_ == "prep" and preposition.lower_ in ("in", "at", "near"):
            for thing in preposition.children:
                words = list(thing.subtree)
                if thing.ent_type_ in _PLACES and all(t.ent_type_ in _PLACES for t in words):
                    return f" {preposition.lower_} {' '.join(t.text for t in words)}"
    return ""


# --- who said ----------------------------------------------------------------------------------


def _said(doc: Any) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """A person with first and last name who is the subject of saying."""
    for person in doc.ents:
        root = person.root
        if person.label_ != "PERSON" or root.dep_ != "nsubj" or root.head.lemma_ not in _SAID:
            continue
        words = [w for w in person.text.split() if w.lower().strip(".") not in TITLES]
        if len(words) in (2, 3) and all(_is_name(w) for w in words):
            name = " ".join(words)
            yield f"What did {name} say?", ("said", name), doc.text
