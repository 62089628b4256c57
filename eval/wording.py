"""Whether a text holds a wording, what stands in its quotation marks, whether a citation is real.

Nothing here asks a model or shares code with the checks that an answer passed on its way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from index.records import Article
from rag.schema import Citation, Claim

#: Typographic quotation marks -> the straight ones.
_STRAIGHT = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
    }
)
#: From a double mark to the next one, or to the sentence's end where there is none.
_DOUBLE = re.compile(r'"([^"]*)(?:"|$)')
#: Single marks that stand outside words, so that "the minister's" and "in the '90s" don't count.
_SINGLE = re.compile(r"(?<!\w)'(?!\d\ds\b)(?=\S)(.+?)(?<=\S)'(?!\w)")


def fold(text: str) -> str:
    """`text` with runs of white space as one space and typographic quotation marks as straight."""
    return " ".join(text.translate(_STRAIGHT).split())


def holds(text: str, wording: str) -> bool:
    """Whether `wording` occurs in `text`, regardless of case, white space and kind of marks.

    It must begin where a word begins, but may end within one ("crete" is in "Crete's", not in
    "concrete"), and a number must be the whole number: "5 hours" is not in "2.5 hours", nor
    "10" in "10,022".
    """
    words = fold(wording).casefold()
    pattern = re.escape(words)
    if words[:1].isalnum():
        pattern = r"(?<!\w)" + pattern
    if words[:1].isdigit():
        pattern = r"(?<!\d[.,])" + pattern
    if words[-1:].isdigit():
        pattern += r"(?!\d|[.,]\d)"
    return re.search(pattern, fold(text).casefold()) is not None


def bare_words(text: str) -> list[str]:
    """Words without case, punctuation and articles, as SQuAD compares answers."""
    return re.sub(r"\b(?:a|an|the)\b", " ", re.sub(r"[^\w\s]", "", text.lower())).split()


def f1(said: str, wanted: str) -> float:
    """Harmonic mean of the precision and recall of bare words, 0..1."""
    ours, theirs = bare_words(said), bare_words(wanted)
    shared = (Counter(ours) & Counter(theirs)).total()
    return 2 * shared / (len(ours) + len(theirs)) if shared else float(ours == theirs)


def quoted_words(text: str) -> list[str]:
    """The words within quotation marks, folded; an unclosed double mark runs to the end."""
    straight = fold(text)
    found = [match[1].strip() for match in _DOUBLE.finditer(straight)]
    found += [match[1] for match in _SINGLE.finditer(_DOUBLE.sub(" ", straight))]
    return [words for words in found if any(c.isalnum() for c in words)]


def citation_fault(citation: Citation, articles: Mapping[str, Article]) -> str | None:
    """Why a citation isn't valid, in a few words; None if it is."""
    start, end = citation.start, citation.end
    article = articles.get(citation.article_id)
    if article is None:
        return f"{citation.article_id}: no such article"
    # A negative start would count from the end of the text and quote something.
    if not 0 <= start < end <= len(article.text):
        return f"{citation.article_id}: no span {start}-{end}"
    if not citation.quote.strip():
        return f"{citation.article_id}: no words at {start}-{end}"
    if citation.quote != article.text[start:end]:
        return f"{citation.article_id}: other words at {start}-{end}"
    return None


def valid_quotes(claims: Iterable[Claim], articles: Mapping[str, Article]) -> list[str]:
    """The quotes of the claims' valid citations."""
    citations = [c for claim in claims for c in claim.citations]
    return [c.quote for c in citations if citation_fault(c, articles) is None]


def any_holds(texts: Iterable[str], wordings: Sequence[str]) -> bool:
    """Whether one of the texts holds one of the wordings."""
    # Text by text: a wording must not be put together from the end of one and the start of another.
    return any(holds(text, wording) for text in texts for wording in wordings)


def is_verbatim(claim: Claim, articles: Mapping[str, Article]) -> bool:
    """Whether the words in the claim's quotation marks, if any, stand in articles that it cites."""
    quotes = quoted_words(claim.text)
    if not quotes:
        return True
    cited = {c.article_id for c in claim.citations}
    texts = [fold(articles[name].text) for name in cited if name in articles]
    return all(any(quote in text for text in texts) for quote in quotes)
