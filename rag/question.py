"""What a question asks for, read without a language model."""

from __future__ import annotations

import re
from dataclasses import dataclass

from index.errors import QuestionError
from index.language import parse
from rag.values import When, find_dates, find_quantities

MAX_CHARACTERS = 2000

#: Where "when", "where" and "who" ask: at the beginning, or after a comma or a preposition there.
_FIRST = (
    r"(?:^|,\s+(?:and\s+)?)(?:(?:until|till|since|by|from|to|with|for|at|in|on|and|but|so)"
    r"\s+)?(?:exactly\s+)?"
)
#: Words for a person by what they do.
_PEOPLE = (
    r"person|man|woman|minister|official|leader|spokes\w+|officer|expert|judge|mayor|politician|"
    r"candidate|senator|lawmaker|president|governor|analyst|economist|columnist|journalist|"
    r"reporter|author|writer|witness|survivor|captain|skipper|pilot|driver|player|coach|actor|"
    r"actress|singer|artist|scientist|researcher|doctor|lawyer|banker|director|manager|owner|"
    r"member|councillor|ambassador|general|commander|king|queen|prince|princess|wife|husband|"
    r"widow|widower|son|daughter|brother|sister|mother|father|cousin|uncle|aunt|partner"
)
#: First match wins. The type says which words of a sentence can be a short answer.
_TYPES = (
    (
        "duration",
        r"\bhow long\b(?! is the| are the)|\bhow many (?:more |extra |full )?"
        r"(?:seconds|minutes|hours|days|nights|weeks|months|years)\b"
        r"|\bfor what (?:time|period)\b|\b(?:winning|finishing|record|race|lap) times?\b",
    ),
    (
        "percent",
        r"\b(?:what|which) (?:percentage|percent|per cent|share|proportion)\b"
        r"|\bwhat \w+ rate\b|\bwhat (?:is|was|are|were) the (?:\w+ ){0,3}rates?\b"
        r"|\bhow (?:high|low) (?:is|was|were) the .*rate\b"
        r"|\bby how many (?:percentage )?points\b|\bby how much (?:\w+ )+?(?:interest )?rates?\b",
    ),
    (
        "money",
        r"\bhow much (?:money|will|would|did|does|do|is|was|are|were|has|have)?\b.*"
        r"\b(?:cost|costs|pay|paid|spend|spent|worth|price|priced|value|valued|fine|fined|"
        r"budget|raise|raised|invest|offer|offered|earn|lose|lost|owe|donate|fund|funding|"
        r"compensation|money)\b|\bhow much money\b"
        r"|\b(?:what|which) (?:\w+ ){0,3}(?:price|cost|fee|fine|sum|budget|salary|amount)\b"
        r"|\bwhat (?:is|was|were) .*\b(?:worth|price|cost)\b"
        r"|\bwhat (?:does|did|do|will|would) .*\b(?:earn|cost)\b",
    ),
    (
        "count",
        r"\bhow many\b|\b(?:what|which) (?:is|was|were)? ?(?:\w+ ){0,3}"
        r"(?:number|total|toll|count|tally|margin|turnout|population|enrolment|attendance|"
        r"membership|circulation)\b|\bhow old\b|\bhow large\b"
        r"|\bhow big\b",
    ),
    (
        "measure",
        r"\bhow (?:much|far|high|tall|deep|wide|heavy|fast|large|strong)\b"
        r"|\b(?:what|which) (?:(?:is|was|were) the )?(?:\w+ ){0,2}(?:depth|height|length|width|"
        r"weight|speed|altitude|distance|temperature|magnitude)\b",
    ),
    (
        "time",
        rf"{_FIRST}when\b|\b(?:what|which|on what|on which|in which) "
        r"(?:day|date|year|month|weekday|time|hour)\b|\bhow soon\b|\bby what date\b"
        r"|\bwhat (?:is|was) (?:the )?(?:\w+ ){0,3}(?:date|birthday)\b",
    ),
    (
        "place",
        rf"{_FIRST}where\b|\b(?:what|which) (?:cit(?:y|ies)|countr(?:y|ies)|(?:town|place|port|"
        r"region|village|capital|street|location|airport|harbou?r|island|province|district)s?)\b",
    ),
    (
        "person",
        rf"{_FIRST}who(?:m|se)?\b|\b(?:what |which (?:\w+ ){{0,2}}?)(?:{_PEOPLE})s?\b"
        rf"|\bwhat (?:is|was) the name of (?:the|a|an) (?:\w+ ){{0,2}}(?:{_PEOPLE}|"
        r"victim|suspect|head|chief|boss)\b",
    ),
    (
        "name",
        r"\b(?:which|what)\b(?= (?:\w+[ -]){0,3}(?:company|firm|bank|agency|outlet|newspaper|"
        r"party|team|club|group|union|base|ministry|university|institute|ship|vessel|ferry|"
        r"bridge|hospital|museum|organi[sz]ation|court|committee|authority|paper|river|law|"
        r"manufacturer|maker|supplier|producer|brand|airline|contractor|insurer|broadcaster|"
        r"magazine|website|school|shop|store|hotel|airline|operator|regulator)s?\b)"
        r"|\bwhat (?:is|was) the (?:full )?name of\b",
    ),
)
#: Types that a few words to look up may ask for.
_AMOUNTS = {"duration", "percent", "money", "count", "measure"}
#: What is a word or two, of no kind that rules know: "which sport", "what was her rank".
_NO_THING = (
    r"(?!(?:reason|effect|result|outcome|point|plan|matter|problem|case|view|reaction|meaning|"
    r"difference|purpose|function|role|significance|importance|status|word|task|thing|step|"
    r"condition|real|full meaning|historical significance|primary function)s?\b)"
)
_THING = re.compile(
    rf"^\s*(?:(?:and|but|so),?\s+)?(?:for|in|on|at|by|to|from|of|under|with)?\s*(?:which|what)(?:"
    rf"\s+(?!(?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|should|happens?|"
    rf"happened|else|exactly|about|if|made|makes|caused|determines|led|prompted)\b){_NO_THING}\w+"
    rf"|(?:['’]s|\s+(?:is|was))\s+(?:the|an?|his|her|its|their)\s+{_NO_THING}(?:[\w-]+\s+){{1,4}}?"
    rf"(?:of|in|for|at|on|associated)\b"
    rf"|(?:['’]s|\s+(?:is|was))\s+(?:[\w.-]+\s+){{0,3}}[\w.-]+['’]s?\s+{_NO_THING}\w+\W*$)"
    rf"|\b(?:which|what)\s+(?:(?:type|kind|sort)\s+of\s+)?\w+\?\s*$",
    re.I,
)
#: "Who is X?" asks what somebody is, and the sentence that introduces the name answers it.
_IDENTITY = re.compile(r"^\s*(?:who|what)\s+(?:is|was|are|were)\s+(?!the\b|said|it\b)", re.I)
#: But "Who is Corrin's mayor?" and "Who was skipper of the Dorrit?" ask for a name.
_POST = re.compile(
    rf"^\s*who\s+(?:is|was|are|were)\s+(?:.*['’]s?\s+(?:[a-z-]+\s+){{0,3}}(?i:{_PEOPLE})s?\b"
    r"|[a-z][a-z-]*\s+(?:of|for|at|in)\b)",
    re.M,
)
_OPEN = re.compile(r"\bwho (?:says?|said|told|claimed|reported) (?:what|something)", re.I)
#: "How did the number of dead change?" asks for the values that it had.
_CHANGE = re.compile(
    r"^\s*how (?:did|has|have|does|do) .*\b(?:number|toll|count|total|tally|figure|estimate)s?\b"
    r".*\b(?:change|rise|risen|grow|grown|fall|fallen|develop|evolve)d?\b",
    re.I,
)
#: Without one of these at its beginning or any of the others, a question is a few words to look up.
_VERB_FIRST = re.compile(
    r"^\s*(?:did|do|does|is|was|were|are|has|have|had|will|would|can|could|should)\b"
    r"|\b(?:who|whom|whose|what|which|when|where|why|how)\b",
    re.I,
)
_SPEAKER = re.compile(
    r"\b(?:who|which\s+(?:\w+\s+){1,3}?|what\s+(?:official|expert|politician|minister)\s+)\s*"
    r"(?:\w+ly\s+)?(?:has\s+|have\s+|had\s+)?(?:"
    r"says?|said|tells?|told|claim(?:s|ed)?|report(?:s|ed)?|allege[sd]?|blame[sd]?|accuse[sd]?|"
    r"announce[sd]?|confirm(?:s|ed)?|den(?:y|ies|ied)|warn(?:s|ed)?|thinks?|thought|believe[sd]?|"
    r"argue[sd]?|spoke|speaks|reckon(?:s|ed)?|predict(?:s|ed)?|mock(?:s|ed)?|call(?:s|ed)\s+it|"
    r"complain(?:s|ed)?|criticise[sd]?|praise[sd]?|point(?:s|ed)\s+(?:a|the)\s+finger|estimate[sd]?|"
    r"put(?:s)?\s+the|describe[sd]?|dismiss(?:es|ed)?|insist(?:s|ed)?|promise[sd]?|demand(?:s|ed)?)\b"
    r"|\bwhose\s+(?:claim|estimate|figure|word|view|opinion|idea|account|prediction)\b"
    r"|\bwhere\s+(?:does|did|do)\s+(?:the\s+)?(?:fear|talk|claim|rumou?r|figure|estimate|story|idea|"
    r"allegation|suggestion|accusation|number)s?\b.*\bcome\s+from\b"
    r"|\b(?:according\s+to\s+whom|who\s+is\s+the\s+source)\b",
    re.I,
)
_EXACT = re.compile(
    r"\b(?:word for word|verbatim|own words|exact(?:ly)? (?:words|what)|very words"
    r"|(?:what|which) (?:was|were) (?:the (?:\w+ )?)?[\w ]*['’]s? (?:exact )?words"
    r"|what exactly did\b.*\b(?:say|answer|reply|tell)|quote (?:me )?(?:what|from))\b",
    re.I,
)
_QUOTED = re.compile(r"[\"“]([^\"“”]{2,})[\"”]")
_FUNCTION_POS = {
    "DET",
    "ADP",
    "AUX",
    "PRON",
    "PUNCT",
    "SPACE",
    "PART",
    "CCONJ",
    "SCONJ",
    "SYM",
    "X",
    "INTJ",
}
_ASKING_WORDS = {
    "what",
    "which",
    "who",
    "whom",
    "whose",
    "where",
    "when",
    "why",
    "how",
    "many",
    "much",
    "long",
    "say",
    "tell",
    "give",
    "do",
    "be",
    "have",
    "happen",
    "accord",
    "report",
    "mention",
    "other",
}


@dataclass(frozen=True)
class Question:
    """A question as typed, and what can be read off it.

    `answer_type` is one of duration, percent, money, count, measure, time, place, person, name,
    thing (a few words of no kind that rules know), or None where no short answer is asked for.
    `terms` are its content words' lemmas, lower case; `names` its proper names; `quoted` the words
    that it puts in quotation marks.
    """

    text: str
    answer_type: str | None
    terms: tuple[str, ...]
    names: tuple[str, ...]
    dates: tuple[When, ...]
    quoted: tuple[str, ...]

    @property
    def is_lookup(self) -> bool:
        """Whether it is words to look up rather than a question: "death toll ferry Larkmoor"."""
        return not _VERB_FIRST.search(self.text)

    @property
    def whole(self) -> str:
        """The question as a reader of sentences expects it: words to look up become a question.

        "death toll ferry Larkmoor" -> "What is the death toll ferry Larkmoor?"
        """
        if self.answer_type in _AMOUNTS and self.is_lookup:
            return f"What is the {self.text.rstrip(' .?!')}?"
        return self.text

    @property
    def asks_speaker(self) -> bool:
        """Whether it asks who said something: "Who told reporters that ...?"."""
        return self.answer_type == "person" and _SPEAKER.search(self.text) is not None

    @property
    def asks_words(self) -> bool:
        """Whether it asks for somebody's exact words."""
        return _EXACT.search(self.text) is not None

    @property
    def numbers(self) -> tuple[str, ...]:
        """The quantities in the question, as typed; a plain "one" seldom counts and is left out."""
        return tuple(
            self.text[q.start : q.end] for q in find_quantities(self.text) if q.amount != 1.0
        )


def analyse(text: str) -> Question:
    """Read a question. Raises QuestionError when it is empty, too long or not text."""
    if not isinstance(text, str):
        raise QuestionError(f"a question must be text, not {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:
        raise QuestionError(
            f"the question has {len(text):,} characters; ask in at most {MAX_CHARACTERS:,}"
        )
    clean = " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())
    if not any(c.isalnum() for c in clean):
        raise QuestionError("the question is empty; type what you want to know")
    return Question(
        text=clean,
        answer_type=answer_type(clean),
        terms=_terms(clean),
        names=_names(clean),
        dates=tuple(find_dates(clean)),
        quoted=tuple(_QUOTED.findall(clean)),
    )


def answer_type(text: str) -> str | None:
    """The kind of short answer that a question asks for; None for open questions.

    "How long did the strike last?" -> "duration"; "Why did it end?" -> None. Words to look up are
    read as "what is the": "death toll ferry Larkmoor" -> "count".
    """
    if _SPEAKER.search(text) and not _OPEN.search(text):
        return "person"
    if _CHANGE.search(text):
        return "count"
    if not _VERB_FIRST.search(text):
        kind = _listed_type(f"what is the {text}")
        return kind if kind in _AMOUNTS else None
    if _OPEN.search(text) or re.match(
        r"\s*(?:why|how did|how do|how does|did|do|does|is|was|were|"
        r"are|has|have|will|would|can|could)\b",
        text,
        re.I,
    ):
        return None
    if _IDENTITY.search(text) and re.match(r"\s*who", text, re.I) and len(text.split()) <= 6:
        return "person" if _POST.search(text[:1].lower() + text[1:]) else None
    head = re.split(r"\b(?:after|before|when|while|that|because)\b", text, maxsplit=1)[0]
    for part in (head, text) if len(head.split()) > 2 else (text,):
        if kind := _listed_type(part):
            return kind
    return "thing" if _THING.search(text) else None


def _listed_type(text: str) -> str | None:
    found = (kind for kind, pattern in _TYPES if re.search(pattern, text, re.IGNORECASE))
    return next(found, None)


def _terms(text: str) -> tuple[str, ...]:
    words = [
        t.lemma_.lower()
        for t in parse(text)
        if t.pos_ not in _FUNCTION_POS and t.lemma_.lower() not in _ASKING_WORDS
    ]
    return tuple(dict.fromkeys(w for w in words if any(c.isalnum() for c in w)))


def _names(text: str) -> tuple[str, ...]:
    """Maximal runs of proper nouns and named entities that aren't dates or amounts."""
    doc = parse(text)
    kept = [
        s.text
        for s in doc.ents
        if s.label_
        in {"PERSON", "ORG", "GPE", "LOC", "FAC", "NORP", "EVENT", "PRODUCT", "WORK_OF_ART", "LAW"}
    ]
    run: list[str] = []
    for token in [*doc, None]:
        if (
            token is not None
            and token.pos_ == "PROPN"
            and token.ent_type_ not in ("DATE", "TIME", "CARDINAL", "MONEY", "PERCENT", "ORDINAL")
        ):
            run.append(token.text)
        elif run:
            kept.append(" ".join(run))
            run = []
    cleaned = [re.sub(r"^(?:the|The)\s+|['’]s$", "", k).strip() for k in kept]
    return tuple(dict.fromkeys(k for k in cleaned if k and not _is_asking(k)))


def _is_asking(name: str) -> bool:
    return name.lower() in _ASKING_WORDS
