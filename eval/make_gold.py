"""Draft gold questions for a person to edit: `wirecheck eval --make-gold ARTICLES --out FILE`.

A language model that can write is asked about one report at a time; what it drafts is kept only if
the quote that it gives stands in the report and holds the answer. With no such model, rules draft
the questions (`rag/suggest.py`): numbers that reports tell, who spoke, what several mention.

Every row has `"draft": true`, and a gold file with such a row is refused: check the question, its
wordings and its articles against the reports, correct them, then take the mark out. A draft asks
for what was easy to find, so a set of drafts alone says little about hard questions.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from eval.gold import DRAFT, GoldQuestion
from eval.systems import find_words
from eval.wording import holds
from index import Article, Index, build_index, open_index
from index.commandline import positive
from index.errors import ModelReplyError, SettingError
from index.words import words
from rag.models import NONE, check_model, complete
from rag.prompts import load_prompt
from rag.suggest import Idea, ideas_of

SEED = 20251128
#: Characters of a report that a model is shown, and tokens that it may write.
MOST_TEXT, MOST_TOKENS = 12_000, 700
_NOTE = "draft: check question, wordings, articles and kind, then take 'draft' out"
_QUOTED = re.compile(r"[“\"]([^”\"]+)[”\"]")


def by_rule(index: Index) -> Iterator[GoldQuestion]:
    """Drafts from what the reports say in their first sentences, best first."""
    for same in ideas_of(index):
        made = {"how many": _of_numbers, "said": _of_words, "mention": _of_mentions}
        yield _draft(same[0].question, *made[same[0].kind](same, index))


#: A draft's kind, reference, nuggets and groups of articles.
Parts = tuple[str, str, Sequence[Sequence[str]], Iterable[Sequence[str]]]


def _of_numbers(same: Sequence[Idea], index: Index) -> Parts:
    by_value: dict[str, list[str]] = {}
    for idea in same:
        by_value.setdefault(idea.value, []).extend(_copies(idea.article_id, index))
    several = len({idea.article_id for idea in same}) > 1
    kind = "conflict" if len(by_value) > 1 else "multi" if several else "single"
    reference = "; ".join(f"{value} ({', '.join(ids)})" for value, ids in by_value.items())
    return kind, reference, [[v] for v in by_value], by_value.values()


def _of_words(same: Sequence[Idea], index: Index) -> Parts:
    idea = same[0]
    quoted = [quote.strip(" ,.") for quote in _QUOTED.findall(idea.value)]
    nuggets = [[quote] for quote in quoted if words(quote)] or [[idea.value]]
    return "single", idea.value, nuggets, [_copies(idea.article_id, index)]


def _of_mentions(same: Sequence[Idea], index: Index) -> Parts:
    articles = [index.articles[idea.article_id] for idea in same]
    names = list(dict.fromkeys(a.outlet or a.id for a in articles))
    groups = [_copies(idea.article_id, index) for idea in same]
    return "multi", ", ".join(names), [[name] for name in names], groups


def _copies(name: str, index: Index) -> list[str]:
    return list(dict.fromkeys([name, *index.copies_of(name)]))


def by_model(index: Index, model: str, skipped: Counter[str]) -> Iterator[GoldQuestion]:
    """Drafts of a language model, report by report in drawn order; copies are one report.

    `skipped` counts, in words, what was not kept. Raises ModelError where the model can't serve; a
    single reply that can't be used is counted.
    """
    drawn = list({index.cluster_of(a.id): a for a in index.articles.values()}.values())
    random.Random(SEED).shuffle(drawn)
    for article in drawn:
        told = {"title": article.title, "text": article.text[:MOST_TEXT]}
        messages = load_prompt("gold").messages(report=json.dumps(told, ensure_ascii=False))
        try:
            reply = complete(model, messages, max_tokens=MOST_TOKENS)
        except ModelReplyError:
            skipped["replies that could not be used"] += 1
            continue
        for line in filter(str.strip, reply.splitlines()):
            draft = _read(line, article, index)
            if isinstance(draft, str):
                skipped[draft] += 1
            else:
                yield draft


def _read(line: str, article: Article, index: Index) -> GoldQuestion | str:
    """The draft that a line of a reply holds, or in words why it isn't kept."""
    try:
        row = json.loads(line)
        question, answerable = row["question"].strip(), row["answerable"]
        answer, quote = row["answer"].strip(), row["quote"].strip()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "lines that are no question"
    if not words(question) or not isinstance(answerable, bool):
        return "lines that are no question"
    if not answerable:
        return _draft(question, "unanswerable", "The reports don't say.", [], [])
    if not find_words(article.text, quote):
        return "questions whose quote stands in no report"
    if not words(answer) or not holds(quote, answer):
        return "questions whose answer is not in their quote"
    return _draft(question, "single", quote, [[answer]], [_copies(article.id, index)])


def _draft(
    question: str,
    kind: Any,
    reference: str,
    nuggets: Sequence[Sequence[str]],
    groups: Iterable[Sequence[str]],
) -> GoldQuestion:
    must = tuple(map(tuple, groups))
    may = tuple(dict.fromkeys(name for group in must for name in group))
    wordings = tuple(map(tuple, nuggets))
    flat = " ".join(question.split())
    return GoldQuestion("", kind, flat, bool(nuggets), reference, wordings, must, may, (), _NOTE)


def _different(drafts: Iterable[GoldQuestion]) -> Iterator[GoldQuestion]:
    seen: set[str] = set()
    for draft in drafts:
        if draft.question.casefold() not in seen:
            seen.add(draft.question.casefold())
            yield draft


def main(arguments: Sequence[str]) -> int:
    """Write the drafts."""
    parser = argparse.ArgumentParser(
        prog="wirecheck eval --make-gold", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("articles", nargs="+", type=Path, metavar="ARTICLES")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON lines, new")
    parser.add_argument("--count", type=positive, default=30, metavar="N", help="at most (30)")
    parser.add_argument("--model", metavar="M", help="as LiteLLM names it (default: as configured)")
    options = parser.parse_args(arguments)
    if options.out.exists():
        raise SettingError(
            f"{options.out} is there already, with somebody's work perhaps; name another"
        )
    model = options.model or NONE
    check_model(model)
    skipped: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="wirecheck-gold-", ignore_cleanup_errors=True) as made:
        report = build_index(options.articles, Path(made) / "index")
        for row in report.skipped:
            print(f"skipped {row.path}: {row.reason}", file=sys.stderr)
        index = open_index(Path(made) / "index")
        drafts = by_model(index, model, skipped) if model != NONE else by_rule(index)
        kept = list(islice(_different(drafts), options.count))
    for what, count in skipped.items():
        print(f"not kept: {count} {what}", file=sys.stderr)
    if not kept:
        raise SettingError("no question could be drafted from these articles; write some by hand")
    # "x": a file that came there in the meantime is not overwritten.
    with options.out.open("x", encoding="utf-8") as file:
        for number, draft in enumerate(kept, start=1):
            fields = {**asdict(draft), "id": f"d{number:03}", DRAFT: True}
            file.write(json.dumps(fields, ensure_ascii=False) + "\n")
    maker = model if model != NONE else "rules, since no model is named"
    print(
        f"{options.out}: {len(kept)} drafts by {maker}. Check each against the reports, correct "
        f"it and take its {DRAFT!r} out; until then the file is refused as gold"
    )
    return 0
