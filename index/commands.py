"""The commands `index`, `search` and `settings`. What is heavy is imported where it is needed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from index.commandline import (
    Commands,
    ToldProgress,
    add_filters,
    add_index,
    filters_of,
    plain,
    positive,
)
from index.engines import Place
from index.errors import SettingError
from index.settings import value_of


def add(commands: Commands) -> None:
    """Add this package's commands."""
    _index_command(commands)
    _search_command(commands)
    settings = commands.add_parser("settings", help="every setting, and what it is set to")
    settings.add_argument("--json", action="store_true", help="as JSON")
    settings.set_defaults(run=run_settings)


def _index_command(commands: Commands) -> None:
    index = commands.add_parser("index", help="build or update an index of articles, or look at it")
    index.add_argument(
        "articles",
        nargs="*",
        type=Path,
        help="folders, or files: .txt, .md, .html, .htm, .pdf; .jsonl and .csv with an article "
        "a row (id, title, text, outlet, published, url)",
    )
    add_index(index)
    index.add_argument(
        "--encode-on",
        metavar="WHERE",
        default=value_of("WIRECHECK_ENCODE_ON"),
        help="where to embed: processes:N, dask:ADDRESS, ray or ray:ADDRESS (default: here)",
    )
    look = index.add_mutually_exclusive_group()
    look.add_argument("--check", action="store_true", help="verify the index; 2 if it is damaged")
    look.add_argument("--stats", action="store_true", help="tell what is in the index")
    index.add_argument("--json", action="store_true", help="--stats as JSON")
    index.set_defaults(run=run_index)


def _search_command(commands: Commands) -> None:
    search = commands.add_parser("search", help="the passages nearest to a query")
    search.add_argument("query")
    add_index(search)
    add_filters(search)
    search.add_argument("-k", type=positive, default=10, help="how many (default 10)")
    search.add_argument("--json", action="store_true", help="a JSON list, best first")
    search.set_defaults(run=run_search)


def run_index(options: argparse.Namespace) -> int:
    """`wirecheck index ARTICLES --index DIR`, or --check or --stats without articles."""
    if options.check or options.stats:
        if options.articles:
            raise SettingError("--check and --stats take no articles: they only look at the index")
        return _check(options.index) if options.check else _stats(options.index, options.json)
    if options.json:
        raise SettingError("--json goes with --stats")
    if not options.articles:
        raise SettingError("no articles named; give a folder or files, or --check or --stats")
    from index import build_index

    report = build_index(
        options.articles, options.index, progress=ToldProgress(), encode_on=options.encode_on
    )
    for row in report.skipped:
        print(f"skipped {row.path}: {row.reason}", file=sys.stderr)
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    total = report.added + report.changed + report.unchanged
    print(
        f"{total} articles in {options.index}: {report.added} new, {report.changed} changed, "
        f"{report.removed} removed, {report.unchanged} as before; {len(report.skipped)} files "
        f"or rows skipped; independent reports {report.reports}; {report.passages} passages, "
        f"{report.embedded} embedded, {report.cached} from the cache; search is {report.vectors}"
    )
    return 0


def _check(place: Place) -> int:
    from index.check import check_index

    checked = check_index(place)
    for problem in checked.problems:
        print(plain(problem))
    verdict = f"{len(checked.problems)} wrong" if checked.problems else "nothing is wrong"
    print(f"{place}: {verdict}; looked at {checked.looked_at}")
    return 2 if checked.problems else 0


def _stats(place: Place, as_json: bool) -> int:
    from index.engines import read_index
    from index.store import stats_of

    generation = read_index(place)
    stats = stats_of(generation)
    if as_json:
        print(json.dumps(stats, ensure_ascii=False, indent=2))
        return 0
    dates = f"{stats['first_published'] or 'unknown'} to {stats['last_published'] or 'unknown'}"
    print(f"generation  {stats['generation']}, made {stats['created']}")
    print(
        f"articles    {stats['articles']:,}, independent reports {stats['reports']:,}, published "
        f"{dates}, {stats['outlets']:,} outlets"
    )
    print(f"passages    {stats['passages']:,}")
    print(f"encoder     {stats['encoder']}, {stats['dim']} numbers a vector")
    print(f"vectors     {generation.contents.vectors}")
    if stats["files"]:
        print(f"on disk     {stats['bytes']:,} bytes")
    for name, size in stats["files"].items():
        print(f"  {size:>15,}  {name}")
    return 0


def run_search(options: argparse.Namespace) -> int:
    """`wirecheck search QUERY --index DIR -k 10 [--json]`."""
    from index import open_index
    from index.arguments import earlier

    filters = filters_of(options)
    filters["until"] = earlier(filters["until"], filters.pop("as_of"))
    hits = open_index(options.index).search(options.query, options.k, **filters)
    rows = [hit.to_dict() for hit in hits]
    if options.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for n, row in enumerate(rows, start=1):
        print(f"{n:2}. {row['article_id']} {row['start']}-{row['end']}  {row['score']:.4f}")
        print("    " + plain(row["text"])[:300])
    return 0


def run_settings(options: argparse.Namespace) -> int:
    """`wirecheck settings [--json]`; a secret is never shown."""
    from dataclasses import asdict

    from index.settings import SETTINGS

    if options.json:
        rows = [{**asdict(s), "value": s.value} for s in SETTINGS]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for setting in SETTINGS:
        value = plain(setting.value)
        print(f"{setting.name}{f' = {value}' if value else ''}")
        print(f"    {setting.purpose}; takes {setting.takes} (default: {setting.default})")
    return 0
