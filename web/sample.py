"""The sample articles that the page shows where no index is named."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "eval" / "sample"
#: A question of each of these kinds is suggested over the sample articles.
SUGGESTED_KINDS = ("conflict", "multi", "quote", "temporal")


def sample_index() -> Path:
    """The index of the sample articles, in this user's cache; built if it isn't there."""
    from platformdirs import user_cache_path

    from index import build_index

    articles = SAMPLE / "articles"
    # The folder's own name in it: two installations must not rewrite one another's index.
    name = hashlib.sha256(str(articles.resolve()).encode()).hexdigest()[:8]
    folder = user_cache_path("wirecheck") / f"sample-{name}"
    build_index([articles], folder, progress=_progress)
    return folder


def _progress(done: int, total: int, what: str) -> None:
    """One line that counts, and only for what takes its time."""
    if what == "embedding" and total:
        end = "\n" if done == total else "\r"
        sys.stderr.write(f"Indexing the sample articles, once: article {done} of {total}{end}")


def suggested(path: Path) -> list[str]:
    """The shortest question of each of a few kinds from a gold file; none without the file.

    Some gold questions are search words, as people type them: those are no example to follow.
    """
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    rows = [r for r in rows if r["question"][:1].isupper() and r["question"].endswith("?")]
    rows.sort(key=lambda row: -len(row["question"]))
    shortest = {row["kind"]: row["question"] for row in rows}
    return [shortest[kind] for kind in SUGGESTED_KINDS if kind in shortest]
