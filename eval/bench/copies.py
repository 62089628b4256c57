"""How well near-identical copies are found, and how long it takes.

    python -m eval.bench.copies [--articles 10000 100000] [--seed 1]

On the sample articles: pairs put together, against those that `sample/copies.jsonl` names, a
cluster a line; a pair is right if both articles are of one cluster. Then for each number, so many
invented articles of about 400 words: reports in words and set phrases as frequent as a language's,
two in ten of them on one event with the same quotations, each under its outlet's headline and over
its outlet's small print; and copies of them that are whole, cut to the beginning, edited all
through, or updated in a paragraph. The time is the processor's, the memory what the process takes
more.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.files import read_lines
from eval.run import SAMPLE, SAMPLE_ARTICLES, peak_memory_mb
from index import Article, read_articles
from index.copies import Copies, clusters_of

OUTLETS = 40
PARAGRAPHS = (6, 12)
UNITS = (15, 30)
WAYS = ("whole", "cut", "edited", "updated")
#: Of the articles, those that are copies, and those that are on the event of the one before them.
COPIED, SAME_EVENT = 0.25, 0.2


def main(argv: Sequence[str] | None = None) -> int:
    """Print a row for the sample, and one for each number of invented articles."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench.copies", description=__doc__)
    parser.add_argument("--articles", type=int, nargs="*", default=[10_000])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    articles = read_articles([SAMPLE_ARTICLES]).articles
    truth = sample_truth(SAMPLE / "copies.jsonl", articles)
    print(f"sample, {len(articles)} articles: {agreement(clusters_of(articles), truth)}")
    for count in options.articles:
        print(synthetic(count, options.seed), flush=True)
    return 0


@dataclass(frozen=True)
class Agreement:
    """Pairs put together that belong together, that don't, and that were missed."""

    right: int
    wrong: int
    missed: int

    @property
    def f1(self) -> float:
        """0..1; 1 where there is no pair to find and none was found."""
        every = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / every if every else 1.0

    def __str__(self) -> str:
        """F1 and the pairs it is made of."""
        return (
            f"F1 {self.f1:.3f}; {self.right} pairs right, {self.wrong} unrelated joined, "
            f"{self.missed} missed"
        )


def agreement(found: Sequence[int], truth: Sequence[int]) -> Agreement:
    """Compare two clusterings of the same articles, each a cluster number for each article."""
    right = _pairs(zip(found, truth, strict=True))
    return Agreement(right, _pairs(found) - right, _pairs(truth) - right)


def _pairs(clusters: Iterable[object]) -> int:
    return sum(n * (n - 1) // 2 for n in Counter(clusters).values())


def sample_truth(path: Path, articles: Sequence[Article]) -> list[int]:
    """Cluster numbers from a file of clusters; what it doesn't name stands alone."""
    numbers = {article.id: n for n, article in enumerate(articles)}
    truth = list(range(len(articles)))
    for row in read_lines(path):
        named = [numbers[article_id] for article_id in row["articles"]]
        for number in named:
            truth[number] = named[0]
    return truth


def synthetic(count: int, seed: int) -> str:
    """Find the copies among `count` invented articles; a line on how well and how fast."""
    articles, truth, ways = invented(count, seed)
    before, began = peak_memory_mb() or 0, time.process_time()
    copies = Copies.of(articles)
    took, grown = time.process_time() - began, (peak_memory_mb() or 0) - before
    kept = np.arange(count)
    kept[::100] = -1
    began = time.process_time()
    again = Copies.of(articles, copies, kept)
    update = time.process_time() - began
    if not np.array_equal(copies.originals, again.originals):
        raise SystemExit("an update finds other copies than a build")
    found = copies.originals.tolist()
    size = sum(len(part) for parts in copies.to_files().values() for part in parts)
    told = ", ".join(f"{way} {share:.3f}" for way, share in recalls(found, truth, ways).items())
    return (
        f"{count:,} articles: {agreement(found, truth)}; found of {told}; {took:.1f} s "
        f"({took / count * 1e3:.2f} ms an article), {update:.1f} s with one in a hundred changed, "
        f"{grown:,.0f} MB more at the highest, {size / count:.0f} bytes each on disk"
    )


def recalls(
    found: Sequence[int], truth: Sequence[int], ways: Mapping[int, str]
) -> dict[str, float]:
    """For each way of copying, the share of copies that are put with what they were copied from."""
    hits = {way: [found[n] == found[truth[n]] for n in ways if ways[n] == way] for way in WAYS}
    return {way: float(np.mean(hit)) for way, hit in hits.items() if hit}


def invented(count: int, seed: int) -> tuple[list[Article], list[int], dict[int, str]]:
    """Articles, the place of what each was copied from (else its own), and how it was copied."""
    writer = Writer(seed)
    bodies: list[list[str]] = []
    truth: list[int] = []
    ways: dict[int, str] = {}
    for number in range(count):
        chance = writer.rng.random()
        if number and chance < COPIED:
            source = truth[int(writer.rng.integers(number))]
            ways[number] = WAYS[int(writer.rng.integers(len(WAYS)))]
            bodies.append(writer.copy(bodies[source], ways[number]))
            truth.append(source)
        else:
            same_event = number and chance < COPIED + SAME_EVENT
            bodies.append(writer.report(bodies[truth[-1]] if same_event else None))
            truth.append(number)
    return [writer.article(n, body) for n, body in enumerate(bodies)], truth, ways


class Writer:
    """Writes reports without sense, in words and phrases as frequent as a language's (Zipf)."""

    def __init__(self, seed: int) -> None:
        """The same seed writes the same."""
        self.rng = np.random.default_rng(seed)
        words = self._coined(30_000)
        self.units = words[:]
        for _ in range(6_000):
            size = int(self.rng.integers(3, 8))
            self.units.append(" ".join(words[n] for n in self.rng.integers(len(words), size=size)))
        self.units = [self.units[n] for n in self.rng.permutation(len(self.units)).tolist()]
        weights = 1 / np.arange(3, len(self.units) + 3)
        self.shares = np.cumsum(weights / weights.sum())
        self.small_print = [self.paragraph(2) for _ in range(OUTLETS)]

    def _coined(self, count: int) -> list[str]:
        parts = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
        sizes = self.rng.integers(1, 5, count).tolist()
        drawn = iter(self.rng.integers(len(parts), size=sum(sizes)).tolist())
        return sorted({"".join(parts[next(drawn)] for _ in range(size)) for size in sizes})

    def paragraph(self, times: int = 1) -> str:
        """Some words, phrases and numbers."""
        size = times * int(self.rng.integers(*UNITS))
        drawn = np.searchsorted(self.shares, self.rng.random(size))
        units = [self.units[n] for n in np.minimum(drawn, len(self.units) - 1).tolist()]
        units[size // 2] = str(self.rng.integers(10_000))
        return " ".join(units).capitalize() + "."

    def report(self, other: Sequence[str] | None) -> list[str]:
        """Paragraphs; with two of the other report's as quotations, if there is one."""
        body = [self.paragraph() for _ in range(int(self.rng.integers(*PARAGRAPHS)))]
        if other is not None:
            body[1:3] = [f"“{text}”" for text in other[-2:]]
        return body

    def copy(self, body: Sequence[str], way: str) -> list[str]:
        """What another outlet makes of it."""
        if way == "cut":
            return list(body[: max(2, len(body) // 3)])
        if way == "edited":
            return [" ".join(self._edited(text.split())) for text in body]
        if way == "updated":
            place = int(self.rng.integers(len(body)))
            return [*body[:place], self.paragraph(), *body[place + 1 :]]
        return list(body)

    def _edited(self, words: Sequence[str]) -> Iterator[str]:
        """Of a hundred words three are replaced and two left out."""
        for word, chance in zip(words, self.rng.random(len(words)), strict=True):
            if chance > 0.05:
                yield word
            elif chance > 0.02:
                yield self.units[int(self.rng.integers(len(self.units)))]

    def article(self, number: int, body: Sequence[str]) -> Article:
        """Under an outlet's own headline, and over its small print."""
        outlet = int(self.rng.integers(OUTLETS))
        title = self.paragraph()[:60]
        text = "\n\n".join([title, *body, self.small_print[outlet]])
        return Article(f"a{number}", title, text, f"Outlet {outlet}", "2025-03-01")


if __name__ == "__main__":
    sys.exit(main())
