"""The page's HTML, parsed, and an answer in whose ledger all kinds of rows stand."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from index.records import Article, Passage
from rag.schema import Answer, Citation, Claim, Position, Voice
from web import page

TAGS = set(
    """
    a article b bdi blockquote button caption details div h2 h3 header i li mark p q section
    span strong summary table tbody td template th thead time tr ul
""".split()
)
ATTRIBUTES = set(
    """
    aria-controls aria-hidden aria-label aria-labelledby class colspan data-alone
    data-article data-copy data-span data-open data-rephrase data-spans data-stop datetime
    download dir href id rel role rowspan scope target title type
""".split()
)


@dataclass
class Element:
    """A parsed element with the text inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Parsed(HTMLParser):
    """All elements of a piece of HTML, in order; fails where tags don't nest."""

    html: str
    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append(Element(tag, {k: v or "" for k, v in attrs}))
        self.open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        """Check that it ends what was begun last."""
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        """Give text to everything that is open."""
        for element in self.open:
            element.text += data

    def handle_comment(self, data: str) -> None:
        """Allow none: the page makes none."""
        raise AssertionError(data)

    def of(self, name: str) -> list[Element]:
        """The elements of one class, or of one tag."""
        return [
            e
            for e in self.elements
            if e.tag == name or name in e.attributes.get("class", "").split()
        ]

    def texts(self, name: str) -> list[str]:
        """The text of each of them."""
        return [e.text for e in self.of(name)]


def card(answer: Answer) -> Parsed:
    """An answer's card, parsed."""
    return Parsed(page.answer_card("t1", answer))


def marked(parsed: Parsed, number: str) -> str:
    """The words of one span: its marks, joined."""
    return "".join(
        e.text for e in parsed.of("mark") if number in e.attributes["data-spans"].split()
    )


def ledger_answer() -> Answer:
    """An outlet that corrected itself, another that keeps its value, one that denies, one silent."""
    texts = {
        "a": ("Forty dockers were hurt.", "Lune Wire", "2031-03-01"),
        "b": ("Nine dockers were hurt.", "Lune Wire", "2031-03-04"),
        "c": ("A union official said ten dockers were hurt.", "Arden Echo", "2031-03-02"),
        "d": ("Nobody was hurt, the port said.", "Gazette <b>", "2031-03-02"),
        "e": ("The port is open.", None, None),
    }
    cited = {}
    for name, (text, outlet, day) in texts.items():
        article = Article(name, name, text, outlet, day)
        cited[name] = Citation(Passage(article, 0, len(text)), 0.9)
    rows = (
        Position(("b",), "differs", "Nine", (cited["b"],), voices=(Voice("outlet"),)),
        Position(
            ("c",), "differs", "ten", (cited["c"],), voices=(Voice("unnamed", "A union official"),)
        ),
        Position(("a",), "superseded", "Forty", (cited["a"],), note="Lune Wire gave “Nine” later"),
        Position(("d",), "denies", "", (cited["d"],), voices=(Voice("named", "the port"),)),
        Position(("e",), "silent", "", (cited["e"],)),
    )
    claims = (
        Claim(
            "Reports differ: “Nine” in one report, “ten” in one report.",
            (cited["b"], cited["c"]),
            0.9,
            kind="difference",
        ),
        Claim("ten", (cited["c"],), 0.9, kind="span", remark="rests on a source without a name"),
    )
    return Answer("How many dockers were hurt?", "answered", claims, (), rows)
