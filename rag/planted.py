"""Text in a report that is addressed to a machine that reads it: commands, and planted answers.

Such text is never an answer and is never obeyed: no model sees it. What a report itself quotes of
it is the report's and may be quoted, marked as what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from index import Article, Passage
from rag.sentences import units_of

#: A command of the file's own; one that the report quotes from somebody.
Kind = Literal["planted", "quoted"]
#: What is said of a sentence that is shown all the same.
REMARK = "addressed to a reader's machine: quoted as what this file says, and not followed"

_MACHINE = (
    r"(?:(?:large )?language models?|LLMs?|AIs?|A\.I\.|(?:chat ?)?bots?|chatgpt|gpt|summari[sz]ers?"
    r"|(?:AI|virtual) (?:assistant|agent|system|model|reader)s?|sprachmodelle?n?|ki|ia"
    r"|modèles? de langage|modelos? de (?:lenguaje|linguagem)|modelli linguistici)"
)
_RULES = (
    r"(?:instructions?|prompts?|rules?|guidelines|commands?|above|previous|anweisung\w*|vorgaben"
    r"|instrucciones|istruzioni|instruções|consignes)"
)
# Where a sentence, or a clause of it, begins with a command.
_BEGINS = r"(?:^|[:;,–—“„«\"-]|\b(?:please|and|now|always|instead|must|should|bitte))\W*"
_ROLE = re.compile(
    r"\W*(?:(?:SYSTEM|ASSISTANT|USER|DEVELOPER|ADMIN)(?: (?:PROMPT|MESSAGE|NOTE))?\W*:"
    r"|(?:System|Assistant)(?: (?:prompt|message|note))?\s*:|system (?:prompt|message)\W*:"
    r"|#+ *(?:[Ss]ystem|[Ii]nstructions?|[Rr]esponse)\b|<\|?\w*(?:im_start|system|endoftext)"
    r"|\[/?INST\]|<<SYS>>)"
)
_COMMANDS = (
    # To leave aside what it was told.
    rf"{_BEGINS}(?:ignor(?:e|ez|a|iere|ieren sie)|disregard|forget|override|vergiss|oublie[zr]?"
    rf"|olvida|dimentica)\b[^.!?\n]{{0,50}}\b(?:{_RULES}\b|(?:this|the) (?:article|report|text)\b)",
    r"忽略.{0,12}(?:指令|指示|说明|以上|之前)|(?:指示|命令|指令).{0,8}無視",
    r"تجاهل.{0,30}(?:التعليمات|الأوامر)",
    # Spoken to, or told what it is.
    r"^\W*(?:(?:an?|the|this is|important|special|short)\W+)*"
    r"(?:note|notice|message|attention|instructions?|warning|dear|hello|hinweis|nota|remarque)"
    rf"\W+(?:(?:to|for|an|für|a|à|para|per|les|aux|los|all|any|the|alle)\W+){{0,3}}{_MACHINE}\b",
    rf"\b(?:to|if you(?: are|'re)|as an)(?: all| any| every| an?)?(?: \w+)? {_MACHINE}\b"
    r"[^.!?\n]{0,40}[:,]",
    rf"\b{_MACHINE}\W+\w+ing this\b[^.!?\n]{{0,60}}(?::|\b(?:must|should|shall)\b)",
    rf"\byou are now in \w+ mode\b|\byou are (?:now )?[^.!?\n]{{0,20}}\b{_MACHINE}\b",
    # Told what to answer.
    r"\byour (?:\w+ )?(?:reply|response|answer|output) (?:must|should|shall|has to)\b",
    rf"{_BEGINS}(?:reply|respond)\b(?: only| exactly| always)* (?:to|with|that|in|by)\b",
    r"^\W*(?:(?:please|always|you must)\W+)*answer (?:every|any|all|each|only|with|that)\b",
    r"\b(?:reply|respond|answer)(?: to)? (?:every|any|all|each)(?: \w+)? "
    r"(?:question|query|request|prompt)s?\b",
    r"^\W*(?:antworte|réponds|répondez|responde|responda|rispondi)\b[^.!?\n]{0,40}"
    r"\b(?:frage|mit|nur|question|par|toujours|pregunta|con|siempre|pergunta|sempre|domanda)",
    r"\bthe (?:only |official )?(?:correct|expected) answer (?:to|is)\b",
    r"\banswer to (?:the|this|any|every) (?:\w+ )?question\W+(?:\w+\W+){0,8}(?:is|must be)\b",
    r"\b(?:when|if) (?:a user|users?|somebody|someone|anyone|you are) asks?(?:ed)?\b",
    r"\b(?:do not|don't|never) (?:mention|reveal|cite|quote|disclose)\b[^.!?\n]{0,40}"
    r"\b(?:users?|this (?:text|note|message)|prompt|instructions?)\b",
    r"\bcite \[?E\d",
)
_COMMAND = re.compile("|".join(_COMMANDS), re.IGNORECASE)
_ABOUT_COMMANDS = re.compile(
    r"\b(?:instruct\w*|prompts?|commands?|chat ?bots?|machines?|language models?|planted)\b",
    re.IGNORECASE,
)
#: Sentences after a command, in its paragraph, that belong to it.
_AFTER = 3


def planted(passage: Passage) -> Kind | None:
    """Whether a passage has text addressed to a machine: of the file's own, quoted, or none."""
    kinds = {
        kind
        for start, end, kind in _spans(passage.article)
        if start < passage.end and passage.start < end
    }
    return "planted" if "planted" in kinds else "quoted" if kinds else None


def is_command(text: str) -> bool:
    """Whether a title, or an outlet's name, is addressed to a machine."""
    return bool(_ROLE.match(text) or _COMMAND.search(text))


def asks_about_commands(question: str) -> bool:
    """Whether a question is itself about such text."""
    return _ABOUT_COMMANDS.search(question) is not None


@lru_cache(maxsize=2048)
def _spans(article: Article) -> tuple[tuple[int, int, Kind], ...]:
    return tuple(_found(article))


def _found(article: Article) -> Iterator[tuple[int, int, Kind]]:
    text, left, last = article.text, 0, 0
    for start, end in units_of(article):
        same_paragraph = "\n" not in text[last:start]
        sentence = text[start:end]
        match = _ROLE.match(sentence) or _COMMAND.search(sentence)
        if match and not _is_quoted(sentence, match.end() - 1):
            left = _AFTER
            yield start, end, "planted"
        elif match:
            yield start, end, "quoted"
        elif left and same_paragraph:
            left -= 1
            yield start, end, "planted"
        else:
            left = 0
        last = end


def _is_quoted(sentence: str, place: int) -> bool:
    """Whether a place in a sentence stands within a quotation, with words of others around."""
    inside = re.compile('“[^”]*(?:”|$)|„[^“”]*(?:[“”]|$)|«[^»]*(?:»|$)|"[^"]*(?:"|$)')
    quotes = [m.span() for m in inside.finditer(sentence)]
    outside = inside.sub("", sentence)
    return any(a <= place < b for a, b in quotes) and any(c.isalpha() for c in outside)
