"""Reports and questions made harder, each in one way; `eval/robustness.py` asks them."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.files import read_lines
from eval.gold import GoldQuestion
from index import Article, Index
from index.errors import SettingError
from index.language import sentence_spans
from rag.evidence import PASSAGES

SEED = 20251129
ATTACKS = "bipia_text_attack_train.json"
#: Copies planted of each report, and the outlets that print them.
OUTLETS = ("The Harbour Mirror", "Northgate Times")
#: Of so many words of a question one is mistyped, at least one; shorter words are left alone.
WORDS_A_SLIP, LONG_WORD = 10, 4


def planted_copies(articles: Iterable[Article]) -> list[Article]:
    """The articles, and of each one copy an outlet of `OUTLETS`, made to look like its own."""
    found = list(articles)
    return [*found, *(_copied(a, n) for a in found for n in range(len(OUTLETS)))]


def copy_ids(name: str) -> tuple[str, ...]:
    """The IDs of the copies planted of an article."""
    return tuple(f"{name}-copy{n + 1}" for n in range(len(OUTLETS)))


def _copied(article: Article, number: int) -> Article:
    blocks = article.text.rstrip().split("\n")
    kept = blocks[:-1] if len([b for b in blocks if b.strip()]) > 4 else blocks
    headline = (f"In brief: {article.title}", f"{article.title}, agencies report")[number]
    text = "\n".join([headline, *kept[1:]]).rstrip()
    name, outlet = copy_ids(article.id)[number], OUTLETS[number]
    return Article(name, headline, text, outlet, article.published)


def with_copies(gold: GoldQuestion) -> GoldQuestion:
    """The question, with a copy as right to cite as its original."""

    def grown(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for first in names for name in (first, *copy_ids(first)))

    return replace(gold, must_cite=tuple(map(grown, gold.must_cite)), may_cite=grown(gold.may_cite))


def read_attacks(data: Path) -> list[str]:
    """The instructions of BIPIA's text attacks; raises SettingError where there are none."""
    path = data / ATTACKS
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{path} can't be read as BIPIA's attacks: --data names the folder of the public sets"
        ) from error
    return [text for texts in rows.values() for text in texts]


def planted_instructions(
    articles: Iterable[Article], attacks: Sequence[str]
) -> tuple[list[Article], dict[str, str]]:
    """The articles with one instruction each, on a line of its own, and which is in which."""
    rng = random.Random(SEED)
    made, planted = [], {}
    for article in articles:
        attack = rng.choice(attacks)
        # Not before the first sentence, which is the title.
        ends = [end for _, end in sentence_spans(article.text)][1:] or [len(article.text)]
        place = rng.choice(ends)
        text = f"{article.text[:place]}\n{attack}\n{article.text[place:].lstrip(' ')}"
        made.append(replace(article, text=text))
        planted[article.id] = attack
    return made, planted


def shuffled(index: Index) -> Index:
    """The index, whose searches find the same passages, the best `PASSAGES` in drawn order.

    These are the ones that an answer is made of. Ranks and scores follow the new order: what comes
    first looks best.
    """
    search = index.search
    other = copy.copy(index)

    def drawn(query: str, *args: Any, **options: Any) -> Any:
        hits = search(query, *args, **options)
        best = hits[:PASSAGES]
        mixed = random.Random(f"{SEED} {query}").sample(best, len(best))
        moved = [replace(m, score=h.score, rank=h.rank) for m, h in zip(mixed, best, strict=True)]
        return [*moved, *hits[PASSAGES:]]

    other.search = drawn  # type: ignore[method-assign]
    return other


def mistyped(text: str, rng: random.Random) -> str:
    """`text` with a slip in one of every `WORDS_A_SLIP` words; first letters and digits stay."""
    words = list(re.finditer(rf"[^\W\d_]{{{LONG_WORD},}}", text))
    count = max(1, len(text.split()) // WORDS_A_SLIP)
    for match in sorted(rng.sample(words, min(count, len(words))), key=lambda m: -m.start()):
        text = text[: match.start()] + _slip(match[0], rng) + text[match.end() :]
    return text


def _slip(word: str, rng: random.Random) -> str:
    place = rng.randrange(1, len(word) - 1)
    left, a, b, right = word[:place], word[place], word[place + 1], word[place + 2 :]
    # Exchanging two equal letters would change nothing.
    ways = [f"{a}{a}{b}", b if a != b else f"{a}{b}{b}", f"{b}{a}" if a != b else a]
    return left + rng.choice(ways) + right


def read_paraphrases(path: Path) -> dict[str, str]:
    """Question by ID, of a JSON lines file with `id` and `question`; raises SettingError."""
    try:
        return {row["id"]: row["question"] for row in read_lines(path)}
    except (TypeError, KeyError) as error:
        raise SettingError(
            f'{path}: write {{"id": "...", "question": "..."}} in each line'
        ) from error
