"""The follow-ups of follow_cases.jsonl, over the sample articles, and how one is judged."""

import json
import re
from functools import cache
from pathlib import Path

from index import read_articles
from index.records import Passage
from rag.referents import Turn
from rag.schema import Answer, Citation, Claim

ROOT = Path(__file__).parent.parent


@cache
def sample_articles():
    return {a.id: a for a in read_articles([ROOT / "eval" / "sample" / "articles"]).articles}


def read_cases() -> list[dict]:
    path = ROOT / "tests" / "follow_cases.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def turn_of(case: dict) -> Turn:
    article = sample_articles()[case["article"]]
    start = article.text.index(case["cited"])
    passage = Passage(article, start, start + len(case["cited"]))
    value = case["answer"]
    claim = Claim(
        value or case["cited"], (Citation(passage, 0.9),), 0.9, kind="span" if value else "quote"
    )
    return Turn(case["question"], Answer(case["question"], "answered", (claim,)))


def wrong_with(case: dict, followed) -> str:
    """What a rewrite lacks or holds too much, or ""."""
    text = f" {followed.text} "
    plain = re.sub(r"[’']", "'", text.lower())
    if case["kind"] != "rewritten":
        if followed.text != case["follow"]:
            return f"rewritten: {followed.text}"
        if case["kind"] == "new topic" and followed.topic != "new topic":
            return "topic change not noticed"
        return ""
    lacking = [m for m in case["must"] if m.lower() not in plain]
    held = [m for m in case["must_not"] if holds(m.lower(), plain)]
    return f"{followed.text} | lacks {lacking} | holds {held}" if lacking or held else ""


def holds(word: str, text: str) -> bool:
    bare = word.strip()
    if bare != word or len(bare) < 6:
        return re.search(rf"(?<!\w){re.escape(bare)}(?!\w)", text) is not None
    return bare in text
