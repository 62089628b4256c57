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

from index import Article, Hit
from index.words import stems
from rag.evidence import Found, Scored
from rag.ledger import Survey, labelled
from rag.llm import Server, complete
from rag.prompts import load_prompt
from rag.question import Question
from rag.schema import DraftClaim, Evidence, Rejection
from rag.spans import is_quoted

#: Quoted sentences in an answer, and the words that they may have together.
MAX_QUOTES, MAX_WORDS = 4, 125
#: Values in an answer; the ledger has them all.
MAX_VALUES = 6
#: A short answer less sure than this is followed by the sentences that answer best.
SURE = 0.75
#: So many of them: whoever asked for a value is best served by few words.
BESIDE = 2
#: A further sentence is shown if its score is at least this share of the best one's, so that other
#: reports get their say: a greater one where somebody's exact words are asked for, and a small one
#: if its article is cited already.
OTHER_ARTICLE_SHARE, WORDS_SHARE, SAME_ARTICLE_SHARE = 0.6, 0.85, 0.2
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


def write(
    question: Question, evidence: Sequence[Evidence], model: str, server: Server | None = None
) -> list[DraftClaim]:
    """What the model wrote, a claim for each line; empty if it says that there is no answer.

    `server` is asked instead of the model's provider.
    """
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
        server=server,
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


def quote(
    question: Question, found: Found, surveyed: Survey
) -> tuple[tuple[Evidence, ...], list[DraftClaim]]:
    """Evidence, and claims in its words: short answers where a type is asked for, else quotes."""
    evidence = found.evidence()
    if question.asks_words:
        spoken = tuple(e for e in evidence if is_quoted(e.hit.passage.text))
        return quote_sentences(found, spoken or None, WORDS_SHARE)
    sides = surveyed.standing[:MAX_VALUES]
    if not sides:
        return quote_sentences(found)
    evidence, labels = labelled((s for side in sides for s in side.sayings), evidence)
    drafts = [
        DraftClaim(side.text, tuple(dict.fromkeys(labels[s] for s in side.sayings)), "span")
        for side in sides
    ]
    if sides[0].sure < SURE:
        shown = {label for draft in drafts for label in draft.labels}
        others = [d for d in quote_sentences(found, evidence)[1] if d.labels[0] not in shown]
        drafts += others[:BESIDE]
    return evidence, drafts


def quote_sentences(
    found: Found, evidence: Sequence[Evidence] | None = None, others: float = OTHER_ARTICLE_SHARE
) -> tuple[tuple[Evidence, ...], list[DraftClaim]]:
    """The sentences that answer, best first, each once, within `MAX_QUOTES` and `MAX_WORDS`.

    Of an article not yet cited, those with at least the share `others` of the best one's score.
    """
    evidence = tuple(evidence or found.continued())
    chosen: dict[str, list[Evidence]] = {}
    articles: set[str] = set()
    for item in evidence:
        text = " ".join(item.hit.passage.text.split())
        article = item.hit.passage.article.id
        share = SAME_ARTICLE_SHARE if article in articles else others
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
