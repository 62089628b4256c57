"""An answer about an invented bridge, and bundles made of it, for the tests of bundles."""

from datetime import UTC, datetime

from index.records import Article, Hit, Passage
from rag.bundle import bundle_of, sealed
from rag.schema import Answer, Check, Citation, Claim, Evidence, Position, Rejection
from tests.fakes import at

MADE = datetime(2031, 4, 7, 12, 30, tzinfo=UTC)
ECHO = Article(
    "b1",
    "Arden bridge shut",
    "Arden bridge shut\n\nThe Arden bridge closed on Friday after 12 cables snapped. Mayor Ansel "
    "Brock blamed the frost. Repairs will take nine days, he said.",
    "Arden Echo",
    "2031-04-04",
    "https://echo.example/bridge",
)
WIRE = Article(
    "b2", "", "Buses were full on Monday. The bridge at Arden has been closed since Friday."
)


CLOSED = at(ECHO, "The Arden bridge closed on Friday after 12 cables snapped.")
SINCE = at(WIRE, "The bridge at Arden has been closed since Friday.")
AROUND = at(ECHO, "Mayor Ansel Brock blamed the frost. Repairs will take nine days, he said.")
REPAIRS = at(ECHO, "Repairs will take nine days, he said.")
SPAN = Claim(
    "Friday",
    (Citation(CLOSED, 0.9), Citation(SINCE, 0.8)),
    0.9,
    (Check("verbatim", True, "b1"),),
    "span",
)
WRITTEN = Claim(
    "Mayor Ansel Brock said that repairs will take nine days.",
    (Citation(REPAIRS, 0.85),),
    0.85,
    (Check("number", True), Check("support", True, "0.85")),
)


def evidence(*passages: Passage) -> tuple[Evidence, ...]:
    return tuple(Evidence(f"E{n}", Hit(p, 0.9, n)) for n, p in enumerate(passages, start=1))


def answer(**changes) -> Answer:
    fields = {
        "question": "When did the Arden bridge close?",
        "outcome": "answered",
        "claims": (SPAN, WRITTEN),
        "rejected": (Rejection("It closed on Monday.", "date", "the source says “Friday” there"),),
        "ledger": (Position(("b1", "b2"), "says", "Friday", SPAN.citations),),
        "evidence": evidence(CLOSED, SINCE, AROUND),
        "note": "Compare.",
        "trace": {
            "model": "openai/scripted",
            "checker": "bundled",
            "prompts": {"write.system": "0" * 64},
            "generation": 3,
        },
    }
    return Answer(**{**fields, **changes})


def bundle(**changes) -> dict:
    return bundle_of(answer(**changes), {"since": "2031-04-01"}, MADE)


def edited(edit) -> dict:
    """The bundle after `edit(data)`, with a fresh hash: what a careful forger would make."""
    data = bundle()
    edit(data)
    return sealed(data)
