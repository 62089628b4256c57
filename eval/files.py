"""Files that evaluations read and write: JSON lines of public sets, figures, small indexes."""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Container, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.atomic_write import replace_file
from index.errors import SettingError
from index.records import Article

if TYPE_CHECKING:
    from index import Encoder, Index


def data_parser(doc: str | None) -> argparse.ArgumentParser:
    """The options of a script that needs the public sets; its description is `doc`'s first line."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the public sets")
    return parser


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file, packed or not; raises SettingError if there is none."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.strip()]
    except OSError as error:
        raise SettingError(
            f"{path} can't be read ({error.strerror or error}): --data names the folder of the "
            "public sets"
        ) from error
    except ValueError as error:
        raise SettingError(f"{path} is no JSON lines file: {error}") from error


def read_sets(path: Path, sets: Container[str], split: str | None = None) -> list[dict[str, Any]]:
    """The rows of the named sets, of one split or of all."""
    rows = read_lines(path)
    return [r for r in rows if r["set"] in sets and (split is None or r["split"] == split)]


def write_json(path: Path, figures: Any) -> None:
    """Write `figures` to `path`, whole or not at all."""
    text = json.dumps(figures, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    replace_file(path, [text.encode()])


def index_of(articles: Iterable[Article], folder: Path, encoder: Encoder | None = None) -> Index:
    """An index of the articles, in an empty folder; a title that is not given is the first line."""
    from index import build_index, open_index

    names = ("id", "title", "text", "outlet", "published", "url")
    rows = ({n: value for n in names if (value := getattr(a, n))} for a in articles)
    file = folder / "articles.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    build_index([file], folder / "index", encoder=encoder)
    return open_index(folder / "index", encoder)
