"""A whole article with its cited spans marked, and the numbers of those spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from index.records import Article, Passage
from web.render import TEMPLATES, render

#: Characters of an article that are shown before and after each mark.
UNMARKED_SHOWN = 50_000

#: Spans of an article, start and end, with their numbers.
Spans = Mapping[tuple[int, int], int]


@dataclass
class Marks:
    """The spans that one answer refers to, numbered as they are first mentioned, by article.

    Each article goes into the card once, as an inert <template> with all its spans marked; a click
    copies it into the panel and tells the marks of one span from the others.
    """

    turn: str
    articles: Mapping[str, Article]
    spans: dict[str, dict[tuple[int, int], int]] = field(default_factory=dict)

    def target(self, passage: Passage) -> tuple[str, int]:
        """The element that holds the article, and the number of this span of it.

        A passage not yet mentioned gets the next number.
        """
        spans = self.spans.setdefault(passage.article.id, {})
        number = sum(map(len, self.spans.values())) + 1
        number = spans.setdefault((passage.start, passage.end), number)
        return self._id(list(self.spans).index(passage.article.id)), number

    def cited(self) -> Iterator[tuple[str, Article, Spans]]:
        """All articles that were referred to, each with its element's id. Call it last."""
        for place, (name, spans) in enumerate(self.spans.items()):
            yield self._id(place), self.articles[name], spans

    def _id(self, place: int) -> str:
        # Made of the card's name and a number, never of outside text.
        return f"{self.turn}-a{place}"


@dataclass(frozen=True)
class Piece:
    """Words of an article, with the numbers of the spans that they belong to.

    Spans may overlap: the words of span n are the pieces with n among their numbers, joined.
    `left_out`: in place of words, how many characters are not shown.
    """

    text: str
    start: int = 0
    numbers: str = ""
    left_out: bool = False


@dataclass(frozen=True)
class LaidOut:
    """An article in the parts in which it is shown.

    If its text begins with its title, `title` and the `gap` after it are no part of the `body`, so
    that the title isn't printed twice.
    """

    article: Article
    before: str
    title: Sequence[Piece]
    gap: Sequence[Piece]
    body: Sequence[Piece]


def article_page(article: Article, spans: Spans) -> str:
    """The whole article with its spans marked, as HTML."""
    return render("article.html", laid=laid_out(article, spans))


def laid_out(article: Article, spans: Spans) -> LaidOut:
    """The parts of an article, cut wherever a span begins or ends."""
    text = article.text
    start = len(text) - len(text.lstrip())
    if not (article.title and text.startswith(article.title, start)):
        return LaidOut(article, "", (), (), _pieces(text, 0, len(text), spans))
    end = start + len(article.title)
    body = end + len(text[end:]) - len(text[end:].lstrip())
    return LaidOut(
        article,
        text[:start],
        _pieces(text, start, end, spans),
        _pieces(text, end, body, spans),
        _pieces(text, body, len(text), spans),
    )


def _pieces(text: str, start: int, end: int, spans: Spans) -> list[Piece]:
    edges = {edge for span in spans for edge in span if start < edge < end}
    pieces: list[Piece] = []
    for a, b in pairwise(sorted({start, end, *edges})):
        numbers = [str(n) for (first, last), n in spans.items() if first <= a and b <= last]
        if numbers:
            pieces.append(Piece(text[a:b], a, " ".join(numbers)))
        else:
            pieces += _shortened(text[a:b])
    return pieces


def _shortened(text: str) -> list[Piece]:
    """What stands between two marks; of a whole book, only its beginning and its end."""
    left_out = len(text) - 2 * UNMARKED_SHOWN
    if left_out <= 0:
        return [Piece(text)]
    told = Piece(f"{left_out:,}", left_out=True)
    return [Piece(text[:UNMARKED_SHOWN]), told, Piece(text[-UNMARKED_SHOWN:])]


TEMPLATES.filters["laid_out"] = laid_out
