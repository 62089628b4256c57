"""Drafting in two voices.

*write*: a language model writes sentences and labels each with its evidence, all of it untrusted.
*quote*: nothing is written. The draft is made of the sources' own words: a short answer of the kind
that the question asks for, each value once with every sentence that says it, or else the sentences
that answer, whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from index import Article, Hit
from index.words import stems
from rag.evidence import Found, Scored
from rag.llm import complete
from rag.prompts import load_prompt
from rag.question import Question
from rag.schema import DraftClaim, Evidence, Rejection
from rag.spans import (
    LINK,
    is_list_of_names,
    is_quoted,
    same_value,
    speaks,
    typed_spans,
)

#: Quoted sentences in an answer, and the words that they may have together.
MAX_QUOTES, MAX_WORDS = 4, 125
#: A further value is shown if its score is this share of the best one's, and its margin at most so
#: much less (logits).
VALUE_SHARE, MARGIN_GAP = 0.5, 4.0
#: The share of the score for amounts with a unit, and the least share of matter.
UNIT_SHARE, MATTER_SHARE = 0.12, 0.6
#: Values in an answer.
MAX_VALUES = 3
#: A sentence that says a value again is cited for it if its score is at least this share.
AGREE_SHARE = 0.5
#: A short answer less sure than this is followed by the sentences that answer best.
SURE = 0.9
#: A further sentence is shown if its score is at least this share of the best one's, and more
#: easily if its article is cited already.
OTHER_ARTICLE_SHARE, SAME_ARTICLE_SHARE = 0.85, 0.2
#: Searches that a model may propose, and characters of each.
MAX_SEARCHES, MAX_SEARCH = 3, 200
#: A report mentions something if a sentence covers this share of the words asked for (weighted:
#: rare ones count more), and the sentence with its neighbours and the title this share.
MENTION = 0.5, 0.75
#: The same where the article was checked, too: other outlets say a thing in other words.
MENTION_CHECKED = 0.4, 0.5
NO_ANSWER = "NO ANSWER"
_LABELS = re.compile(r"\s*((?:\[\s*E\d+(?:\s*[,;]\s*E\d+)*\s*\]\s*)+)[.!?]?\s*$")
_LABEL = re.compile(r"E\d+")


# --- write -------------------------------------------------------------------------------------


def write(question: Question, evidence: Sequence[Evidence], model: str) -> list[DraftClaim]:
    """What the model wrote, a claim for each line; empty if it says that there is no answer."""
    rows = [json.dumps(_shown(e), ensure_ascii=False) for e in evidence]
    reply = complete(
        model,
        [
            {"role": "system", "content": load_prompt("write.system").render()},
            {
                "role": "user",
                "content": load_prompt("write.user").render(
                    question=question.text, evidence="\n".join(rows)
                ),
            },
        ],
    )
    return parse_draft(reply.text)


def rewrite(question: Question, refused: Rejection, evidence: Evidence, *, model: str) -> str:
    """A refused sentence written anew from one piece of evidence, in one line; "" if it can't be.

    Raises ModelError if the model can't be asked.
    """
    reply = complete(
        model,
        [
            {"role": "system", "content": load_prompt("rewrite.system").render()},
            {
                "role": "user",
                "content": load_prompt("rewrite.user").render(
                    question=question.text,
                    evidence=json.dumps(_shown(evidence), ensure_ascii=False),
                    sentence=json.dumps(refused.text, ensure_ascii=False),
                    reason=refused.detail,
                ),
            },
        ],
        max_tokens=160,
    )
    drafts = parse_draft(reply.text)
    return drafts[0].text if drafts else ""


def propose_searches(question: Question, model: str) -> tuple[str, ...]:
    """Other words to search in, at most `MAX_SEARCHES`, from a model that can write."""
    reply = complete(
        model,
        [
            {"role": "system", "content": load_prompt("searches.system").render()},
            {
                "role": "user",
                "content": load_prompt("searches.user").render(question=question.text),
            },
        ],
        max_tokens=120,
    )
    lines = (re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line) for line in reply.text.splitlines())
    usable = (" ".join(line.split())[:MAX_SEARCH] for line in lines)
    return tuple(dict.fromkeys(u for u in usable if any(c.isalnum() for c in u)))[:MAX_SEARCHES]


def parse_draft(text: str) -> list[DraftClaim]:
    """Claims with their labels, one for each line of a model's reply.

    "The strike lasted four days. [E2]" -> DraftClaim("The strike lasted four days.", ("E2",))
    """
    if text.strip().strip(".").upper() == NO_ANSWER:
        return []
    drafts = []
    for line in text.splitlines():
        line = re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line).strip()
        match = _LABELS.search(line)
        words = line[: match.start()].strip() if match else line
        labels = tuple(dict.fromkeys(_LABEL.findall(match[1]))) if match else ()
        if any(c.isalnum() for c in words):
            drafts.append(DraftClaim(words, labels))
    return drafts


def _shown(evidence: Evidence) -> dict[str, str]:
    """What a model may see of a piece of evidence: never its file ID."""
    article = evidence.hit.passage.article
    return {
        "label": evidence.label,
        "outlet": article.outlet or "unknown",
        "date": article.published or "unknown",
        "text": evidence.hit.passage.text,
    }


# --- quote -------------------------------------------------------------------------------------


@dataclass
class Value:
    """A short answer as first found, and every sentence that says the same.

    Of the best one: its score (0..1), its margin (logits; see `rag.reader`), and its matter (0..1):
    how far it and its neighbours cover the question's words.
    """

    text: str
    score: float
    margin: float
    matter: float
    labels: list[str]
    articles: set[str]


def quote(question: Question, found: Found) -> tuple[tuple[Evidence, ...], list[DraftClaim]]:
    """Evidence, and claims in its words: short answers where a type is asked for, else quotes."""
    evidence = found.evidence()
    if question.asks_words:
        spoken = tuple(e for e in found.evidence() if is_quoted(e.hit.passage.text))
        return quote_sentences(found, spoken or None)
    values = short_answers(question, found, evidence)
    if not values:
        return quote_sentences(found)
    drafts = [DraftClaim(v.text, tuple(v.labels), "span") for v in values]
    if values[0].score < SURE:
        drafts += [
            d for d in quote_sentences(found, evidence)[1] if d.labels[0] not in values[0].labels
        ]
    return evidence, drafts


def short_answers(question: Question, found: Found, evidence: Sequence[Evidence]) -> list[Value]:
    """The values that the evidence gives for a typed question, likeliest first.

    A second value is another report's: from an article that doesn't say the first one.
    """
    if question.answer_type is None:
        return []
    values: list[Value] = []
    for item, sentence in zip(evidence, found.sentences, strict=False):
        span = best_span(question, sentence)
        if span is None:
            continue
        article = sentence.passage.article
        text = article.text[span[0] : span[1]]
        same = next((v for v in values if same_value(question.answer_type, v.text, text)), None)
        if same is not None and sentence.score >= AGREE_SHARE * same.score:
            same.labels.append(item.label)
            same.articles.add(article.id)
        elif same is None and (not values or _rivals(values, sentence, question.answer_type)):
            values.append(
                Value(
                    text,
                    sentence.score,
                    sentence.margin,
                    sentence.signal("context_coverage"),
                    [item.label],
                    {article.id},
                )
            )
    # Sentences that say the first one again may have come after another value of their article.
    return [v for v in values if v is values[0] or not v.articles <= values[0].articles]


def _rivals(values: Sequence[Value], sentence: Scored, kind: str | None) -> bool:
    """Whether a sentence's other value is sure enough to be shown, and from another article.

    Where amounts have a unit, a value of the same unit in a sentence on the same matter is a
    difference that readers must see, even if the reader found the sentence less to the point.
    """
    first = values[0]
    if len(values) == MAX_VALUES or any(sentence.passage.article.id in v.articles for v in values):
        return False
    if sentence.margin < first.margin - MARGIN_GAP:
        return False
    if kind in {"duration", "percent", "money"}:
        return (
            sentence.score >= UNIT_SHARE * first.score
            and sentence.signal("context_coverage") >= MATTER_SHARE * first.matter
        )
    return sentence.score >= VALUE_SHARE * first.score


def best_span(question: Question, sentence: Scored) -> tuple[int, int] | None:
    """The span of the question's type nearest to where the reader sees the answer, or None.

    Several that only a comma, "and" or "to" parts are one answer. The reader's own words will do,
    if it is sure, for a place, name, time or measure that no rule knows, and for who said
    something, which may be "an official"; else a person is somebody with a name.
    """
    base, text = sentence.passage.start, sentence.passage.text
    typed = [(s + base, e + base) for s, e in typed_spans(question, text)]
    if question.asks_speaker:
        typed = [t for t in typed if speaks(text, (t[0] - base, t[1] - base))]
    start, end = sentence.span
    sure = sentence.margin > 0
    if sure and question.answer_type in {"person", "place", "name"}:
        if is_list_of_names(text_of(sentence)) and not question.asks_speaker:
            return sentence.span
    touching = [t for t in typed if t[0] < end and t[1] > start]
    if touching:
        return _joined(touching, sentence)
    loose = question.answer_type in {"place", "measure", "time"} or (
        question.answer_type == "name" and any(w[0].isupper() for w in text_of(sentence).split())
    )
    if sure and (loose or (question.asks_speaker and speaks(text, (start - base, end - base)))):
        return sentence.span
    return min(typed, key=lambda t: abs(t[0] - start), default=None)


def text_of(sentence: Scored) -> str:
    """The words that the reader marks as the answer."""
    return sentence.passage.article.text[sentence.span[0] : sentence.span[1]]


def _joined(touching: Sequence[tuple[int, int]], sentence: Scored) -> tuple[int, int]:
    """The span that shares most with the reader's, with those that follow it as in a list."""
    text, (start, end) = sentence.passage.article.text, sentence.span
    best = max(touching, key=lambda t: min(t[1], end) - max(t[0], start))
    first = last = touching.index(best)
    while first and LINK.fullmatch(text[touching[first - 1][1] : touching[first][0]]):
        first -= 1
    while last + 1 < len(touching) and LINK.fullmatch(
        text[touching[last][1] : touching[last + 1][0]]
    ):
        last += 1
    return touching[first][0], touching[last][1]


def quote_sentences(
    found: Found, evidence: Sequence[Evidence] | None = None
) -> tuple[tuple[Evidence, ...], list[DraftClaim]]:
    """The sentences that answer, best first, each once, within `MAX_QUOTES` and `MAX_WORDS`."""
    evidence = tuple(evidence or found.continued())
    chosen: dict[str, list[Evidence]] = {}
    articles: set[str] = set()
    for item in evidence:
        text = " ".join(item.hit.passage.text.split())
        article = item.hit.passage.article.id
        share = SAME_ARTICLE_SHARE if article in articles else OTHER_ARTICLE_SHARE
        if chosen and item.hit.score < share * evidence[0].hit.score:
            continue
        twin = next((said for said in chosen if _alike(text, said)), None)
        if twin is not None:
            chosen[twin].append(item)
        elif not chosen or (len(chosen) < MAX_QUOTES and _words([*chosen, text]) <= MAX_WORDS):
            chosen[text] = [item]
        else:
            continue
        articles.add(article)
    drafts = [
        DraftClaim(text, tuple(e.label for e in items), "quote") for text, items in chosen.items()
    ]
    return evidence, drafts


def quote_denial(denial: Scored, found: Found) -> tuple[tuple[Evidence, ...], list[DraftClaim]]:
    """The sentence that denies what the question takes for granted, then those that answer best.

    No short answer: a value of something that a report says did not happen would mislead.
    """
    evidence, drafts = quote_sentences(found)
    label = f"E{len(evidence) + 1}"
    item = Evidence(label, Hit(denial.passage, denial.score, len(evidence) + 1))
    text = " ".join(denial.passage.text.split())
    others = [d for d in drafts if text not in d.text]
    return (*evidence, item), [DraftClaim(text, (label,), "quote"), *others]


def quote_mentions(
    found: Found, keep: Callable[[Article], bool] | None = None
) -> tuple[tuple[Evidence, ...], list[DraftClaim]]:
    """One sentence of each report that mentions what is asked for; copies are one quotation.

    `keep` says of an article whether it may be quoted; what it was asked about needs fewer of the
    words.
    """
    least_near, least_around = MENTION if keep is None else MENTION_CHECKED
    best: dict[str, Scored] = {}
    for s in found.sentences:
        near, around = s.signal("coverage"), s.signal("context_coverage")
        if near < least_near or around < least_around:
            continue
        known = best.get(s.passage.article.id)
        if known is None or near > known.signal("coverage"):
            best[s.passage.article.id] = s
    kept = [s for s in best.values() if keep is None or keep(s.passage.article)]
    ranked = sorted(kept, key=lambda s: -s.signal("coverage"))
    evidence = tuple(
        Evidence(f"E{n}", Hit(s.passage, s.signal("coverage"), n)) for n, s in enumerate(ranked, 1)
    )
    quotes: dict[str, list[str]] = {}
    for item in evidence:
        text = " ".join(item.hit.passage.text.split())
        twin = next((said for said in quotes if _alike(text, said)), text)
        quotes.setdefault(twin, []).append(item.label)
    return evidence, [DraftClaim(text, tuple(labels), "quote") for text, labels in quotes.items()]


def _words(texts: Iterable[str]) -> int:
    return sum(len(t.split()) for t in texts)


def _alike(a: str, b: str) -> bool:
    """Whether two sentences share four fifths of their stems: one report's copies."""
    left, right = set(stems(a)), set(stems(b))
    return len(left & right) >= 0.8 * max(1, len(left | right))
