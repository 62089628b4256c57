"""Tell what is wrong with gold questions: `wirecheck eval --check-gold FILE [--articles DIR]`.

Every line that can't be used is named with its field and the mend, not the first alone. With the
articles, or an index of them, IDs are looked up, and a nugget none of whose wordings stands in an
article that may be cited is noted: it may be right, but no quotation can hold it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from eval.gold import GoldQuestion, gold_lines
from eval.wording import any_holds
from index.errors import SettingError
from index.records import Article


def unknown_articles(
    questions: Sequence[GoldQuestion], articles: Mapping[str, Article]
) -> Iterator[str]:
    """A line for each question that names articles which aren't there."""
    for question in questions:
        missing = sorted(question.article_ids - set(articles))
        if missing:
            yield f"question {question.id!r}: no article {', '.join(missing)}; mend the ID"


def unheld_nuggets(
    questions: Sequence[GoldQuestion], articles: Mapping[str, Article]
) -> Iterator[str]:
    """A line for each nugget whose wordings stand in no article that the question may cite."""
    for question in questions:
        texts = [articles[name].text for name in question.may_cite if name in articles]
        for wordings in question.nuggets:
            if not any_holds(texts, wordings):
                yield (
                    f"question {question.id!r}, field 'nuggets': {wordings[0]!r} stands in no "
                    "article of 'may_cite'; add a wording that does, if there is one"
                )


def _articles(options: argparse.Namespace) -> Mapping[str, Article] | None:
    if options.index:
        from index import open_index

        return open_index(options.index).articles
    if options.articles:
        from index.articles import read_articles

        return {a.id: a for a in read_articles([options.articles]).articles}
    return None


def main(words: Sequence[str]) -> int:
    """Print what is wrong; 0 nothing, 2 something."""
    parser = argparse.ArgumentParser(
        prog="wirecheck eval --check-gold", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="JSON lines, or .csv")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--articles", type=Path, metavar="DIR", help="that the questions are on")
    where.add_argument("--index", type=Path, metavar="DIR", help="or an index of them")
    options = parser.parse_args(words)
    items = list(gold_lines(options.file))
    questions = [item for item in items if isinstance(item, GoldQuestion)]
    problems = [str(item) for item in items if isinstance(item, SettingError)]
    articles = _articles(options)
    if articles is not None:
        problems += unknown_articles(questions, articles)
        for note in unheld_nuggets(questions, articles):
            print(f"note: {note}")
    if not items:
        problems.append(f"{options.file} holds no questions; write one JSON object a line")
    for problem in problems:
        print(problem)
    kinds = ", ".join(f"{kind} {n}" for kind, n in Counter(q.kind for q in questions).items())
    verdict = f"{len(problems)} wrong" if problems else "nothing is wrong"
    print(f"{options.file}: {len(questions)} questions ({kinds or 'none'}); {verdict}")
    return 2 if problems else 0
