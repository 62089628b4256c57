"""The `wirecheck` command. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from index.errors import SettingError, WirecheckError

DEFAULT_INDEX = Path(".wirecheck/index")

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 2 is a usage or input error.

    0 is done, or of `check` supported, or of `verify` that all holds; 1 a bar of the evaluation
    missed, a claim not supported, or a bundle that doesn't hold.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] == ["eval"]:
            return run_eval(words[1:])
        options = build_parser().parse_args(words)
        run: Callable[[argparse.Namespace], int] = options.run
        code = run(options)
        sys.stdout.flush()
        return code
    except WirecheckError as error:
        print(f"wirecheck: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("wirecheck: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`); that is no fault of the command.
        _let_go_of_output()
        return 0
    except OSError as error:
        _let_go_of_output()
        place = f"{error.filename}: " if error.filename else ""
        print(f"wirecheck: {place}can't go on: {error.strerror or error}", file=sys.stderr)
        return 2


def _let_go_of_output() -> None:
    """Nothing more can be printed; what waits to be printed must not fail again at the end."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = argparse.ArgumentParser(
        prog="wirecheck",
        description="Ask many outlets' reports; every sentence of the answer was "
        "checked against the passage that it cites.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    _index_command(commands)
    _search_command(commands)
    _ask_command(commands)
    _compare_command(commands)
    _check_command(commands)
    _verify_command(commands)
    commands.add_parser(
        "eval",
        help="run gold questions and report the figures; with --checker, those of the checker",
    )
    _app_command(commands)
    _models_command(commands)
    return parser


def _index_command(commands: Commands) -> None:
    index = commands.add_parser("index", help="build or update an index of articles, or look at it")
    index.add_argument(
        "articles",
        nargs="*",
        type=Path,
        help="folders, or files: .txt, .md, .html, .htm, .pdf; .jsonl and .csv with an article "
        "a row (id, title, text, outlet, published, url)",
    )
    _add_index(index)
    look = index.add_mutually_exclusive_group()
    look.add_argument("--check", action="store_true", help="verify the index; 2 if it is damaged")
    look.add_argument("--stats", action="store_true", help="tell what is in the index")
    index.add_argument("--json", action="store_true", help="--stats as JSON")
    index.set_defaults(run=run_index)


def _search_command(commands: Commands) -> None:
    search = commands.add_parser("search", help="the passages nearest to a query")
    search.add_argument("query")
    _add_index(search)
    _add_filters(search)
    search.add_argument("-k", type=_positive, default=10, help="how many (default 10)")
    search.add_argument("--json", action="store_true", help="a JSON list, best first")
    search.set_defaults(run=run_search)


def _ask_command(commands: Commands) -> None:
    ask = commands.add_parser("ask", help="a cited, checked answer")
    ask.add_argument("question")
    _add_index(ask)
    _add_filters(ask)
    _add_model(ask)
    shape = ask.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="the whole answer as JSON")
    shape.add_argument("--markdown", action="store_true", help="Markdown with footnotes")
    ask.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE",
        help="also write all of it to a file, .json or .html, that `verify` verifies later",
    )
    ask.add_argument(
        "--follow",
        type=Path,
        metavar="FILE",
        help="the conversation so far: what `ask --json` printed, once or several times",
    )
    ask.set_defaults(run=run_ask)


def _compare_command(commands: Commands) -> None:
    compare = commands.add_parser("compare", help="who reports what, who differs, who is silent")
    compare.add_argument("question")
    _add_index(compare)
    _add_filters(compare)
    _add_model(compare)
    compare.add_argument("--json", action="store_true", help="the rows as JSON")
    compare.set_defaults(run=run_compare)


def _check_command(commands: Commands) -> None:
    check = commands.add_parser(
        "check", help="whether a text supports a claim; 0 if it does, 1 if not"
    )
    check.add_argument("--claim", required=True, metavar="TEXT", help="one sentence")
    check.add_argument(
        "--evidence",
        required=True,
        metavar="FILE|TEXT",
        help="an article's file, as `index` reads it, or - for standard input, or the text itself",
    )
    check.add_argument("--json", action="store_true", help="the verdict as JSON")
    check.set_defaults(run=run_check)


def _verify_command(commands: Commands) -> None:
    verify = commands.add_parser(
        "verify", help="what of a bundle still holds; 0 if all of it does, 1 if not"
    )
    verify.add_argument("bundle", type=Path, metavar="BUNDLE", help="what `ask --bundle` wrote")
    verify.add_argument(
        "--articles",
        nargs="+",
        type=Path,
        default=[],
        metavar="DIR|FILE",
        help="the articles as they are now",
    )
    verify.add_argument("--index", type=Path, metavar="DIR", help="an index of them")
    verify.add_argument("--json", action="store_true", help="the findings as JSON")
    verify.set_defaults(run=run_verify)


def _app_command(commands: Commands) -> None:
    app = commands.add_parser("app", help="the page")
    _add_index(app, default=None, note="the sample articles' index if not given")
    _add_model(app)
    app.add_argument("--host", default="127.0.0.1", help="address to serve on (default 127.0.0.1)")
    app.add_argument("--port", type=_positive, help="port (default 7860, or the next free one)")
    app.set_defaults(run=run_app)


def _models_command(commands: Commands) -> None:
    models = commands.add_parser("models", help="the files of the language model in the box")
    models.add_argument("get", nargs="?", choices=["get"], help="fetch it, if it isn't there")
    models.add_argument("--json", action="store_true", help="as JSON")
    models.set_defaults(run=run_models)


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

    report = build_index(options.articles, options.index, progress=_progress)
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


def _check(directory: Path) -> int:
    from index.check import check_index

    checked = check_index(Path(directory))
    for problem in checked.problems:
        print(_plain(problem))
    verdict = f"{len(checked.problems)} wrong" if checked.problems else "nothing is wrong"
    print(f"{directory}: {verdict}; looked at {checked.looked_at}")
    return 2 if checked.problems else 0


def _stats(directory: Path, as_json: bool) -> int:
    from index.store import read, stats_of

    generation = read(Path(directory))
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
    print(f"on disk     {stats['bytes']:,} bytes")
    for name, size in stats["files"].items():
        print(f"  {size:>15,}  {name}")
    return 0


def run_search(options: argparse.Namespace) -> int:
    """`wirecheck search QUERY --index DIR -k 10 [--json]`."""
    from index import open_index
    from index.search import earlier

    filters = _filters(options)
    filters["until"] = earlier(filters["until"], filters.pop("as_of"))
    hits = open_index(options.index).search(options.query, options.k, **filters)
    rows = [
        {
            "article_id": h.passage.article.id,
            "start": h.passage.start,
            "end": h.passage.end,
            "score": h.score,
            "text": h.passage.text,
        }
        for h in hits
    ]
    if options.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for n, row in enumerate(rows, start=1):
        print(f"{n:2}. {row['article_id']} {row['start']}-{row['end']}  {row['score']:.4f}")
        print("    " + _plain(str(row["text"]))[:300])
    return 0


def run_ask(options: argparse.Namespace) -> int:
    """`wirecheck ask QUESTION --index DIR [--model M] ...`, as its help says."""
    from rag import answer
    from rag.bundle import check_ending, markdown_of, write_bundle
    from rag.plan import read_history
    from rag.terminal import show

    if options.bundle:
        check_ending(options.bundle)
    filters = _filters(options)
    history = read_history(options.follow) if options.follow else []
    result = answer(
        options.question,
        options.index,
        options.model,
        history=history,
        tell=model_bar,
        **filters,
        **watching(options),
    )
    if options.bundle:
        write_bundle(result, options.bundle, datetime.now(UTC), filters)
    if options.json:
        print(json.dumps(result.to_dict(), ensure_ascii=False, indent=2))
    elif options.markdown:
        print(markdown_of(result), end="")
    else:
        print(show(result))
    return 0


def watching(options: argparse.Namespace) -> dict[str, Any]:
    """On a terminal: what is proven so far is told while the model reads."""
    if options.json or options.markdown or not sys.stderr.isatty():
        return {}
    from rag.schema import Claim, Rejection

    def on_judged(judged: Claim | Rejection) -> None:
        if isinstance(judged, Claim):
            files = ", ".join(dict.fromkeys(c.article_id for c in judged.citations))
            aside = f" ({judged.remark})" if judged.remark else ""
            print(_plain(f"… {judged.text} [{files}]{aside}"), file=sys.stderr)

    return {"on_judged": on_judged}


def run_compare(options: argparse.Namespace) -> int:
    """`wirecheck compare QUESTION --index DIR [--json]`."""
    from rag import answer
    from rag.terminal import show_ledger

    result = answer(
        options.question, options.index, options.model, tell=model_bar, **_filters(options)
    )
    if options.json:
        print(json.dumps(result.to_dict()["ledger"], ensure_ascii=False, indent=2))
    else:
        print(show_ledger(result.ledger))
    return 0


def run_check(options: argparse.Namespace) -> int:
    """`wirecheck check --claim TEXT --evidence FILE|TEXT [--json]`."""
    from rag.verdict import check_claim, read_evidence

    verdict = check_claim(options.claim, read_evidence(options.evidence))
    if options.json:
        print(json.dumps(verdict.to_dict(), ensure_ascii=False, indent=2))
    else:
        from rag.terminal import show_verdict

        print(show_verdict(verdict))
    return 0 if verdict.supported else 1


def run_verify(options: argparse.Namespace) -> int:
    """`wirecheck verify BUNDLE [--articles DIR|FILE ...] [--index DIR] [--json]`."""
    from rag.bundle_file import read_bundle
    from rag.reverify import finder, reverify

    file = read_bundle(options.bundle)
    result = reverify(file, finder(options.articles, options.index))
    if options.json:
        print(json.dumps(result.to_dict(), ensure_ascii=False, indent=2))
    else:
        for finding in result.findings:
            print(f"{finding.status:8} {_plain(finding.about)}: {_plain(finding.detail)}")
        print(result.words)
    return 0 if result.holds else 1


def run_models(options: argparse.Namespace) -> int:
    """`wirecheck models [get] [--json]`: 2 if it isn't there or its files are damaged."""
    from rag.model_files import damaged_files, find_model, get_model, manifest_of, models_folder

    folder = get_model(model_bar) if options.get else find_model()
    if folder is None:
        raise SettingError(
            f"no language model in {models_folder()}: run `wirecheck models get`; until then "
            "answers are quotations"
        )
    manifest = manifest_of(folder) or {"files": {}}
    damaged = damaged_files(folder)
    if options.json:
        row = {"folder": str(folder), **manifest, "damaged": damaged}
        print(json.dumps(row, ensure_ascii=False, indent=2))
    else:
        print(f"{folder}")
        for name, told in manifest["files"].items():
            print(f"  {told['size']:>15,}  {told['sha256']}  {name}")
    for name in damaged:
        print(
            f"wirecheck: {folder / name} is damaged: remove the folder and run "
            "`wirecheck models get`",
            file=sys.stderr,
        )
    return 2 if damaged else 0


def model_bar(what: str, done: int, of: int) -> None:
    """One line that counts while the language model is fetched."""
    if of:
        end = "\n" if done >= of else "\r"
        megabytes = f"{done / 1e6:,.0f} of {of / 1e6:,.0f} MB"
        if sys.stderr.isatty() or done >= of:
            sys.stderr.write(f"{what}: {100 * done // of} % ({megabytes})   {end}")
            sys.stderr.flush()
    elif what != _last_told[0]:
        sys.stderr.write(f"{what}\n")
    _last_told[0] = what


_last_told = [""]


#: Evaluations of their own: an option -> the module whose `main` gets the other words.
EVALUATIONS = {
    "--checker": "eval.checker",
    "--judge-agreement": "eval.agreement",
    "--check-gold": "eval.check_gold",
    "--make-gold": "eval.make_gold",
    "--robustness": "eval.robustness",
}


def run_eval(words: Sequence[str]) -> int:
    """`wirecheck eval`: gold questions, or one of the evaluations of their own."""
    # Its words as they are: argparse.REMAINDER refuses a remainder that begins with an option.
    chosen = next((word for word in words if word in EVALUATIONS), None)
    module = import_module(EVALUATIONS.get(chosen or "", "eval.run"))
    code: int = module.main([word for word in words if word != chosen])
    return code


def run_app(options: argparse.Namespace) -> int:
    """`wirecheck app`: the same page as `python app.py`."""
    from app import main as serve

    return serve(index=options.index, model=options.model, host=options.host, port=options.port)


def _add_index(
    parser: argparse.ArgumentParser,
    default: Path | None = DEFAULT_INDEX,
    note: str = f"default {DEFAULT_INDEX}",
) -> None:
    parser.add_argument(
        "--index",
        type=Path,
        metavar="DIR",
        help=f"the index's folder ({note})",
        default=os.environ.get("WIRECHECK_INDEX") or default,
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        metavar="M",
        help="embedded (the one in the box), none, or a "
        "LiteLLM name such as openai/gpt-4o (default: WIRECHECK_MODEL, else "
        "embedded)",
    )


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--outlet",
        action="append",
        metavar="NAME",
        help="only this outlet's reports; give it again for more outlets",
    )
    parser.add_argument("--since", metavar="DATE", help="only reports of this day or later")
    parser.add_argument("--until", metavar="DATE", help="only reports of this day or earlier")
    parser.add_argument(
        "--as-of", metavar="DATE", help="as if it were this day: nothing published later"
    )


def _filters(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "outlets": options.outlet,
        "since": options.since,
        "until": options.until,
        "as_of": options.as_of,
    }


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _progress(done: int, total: int, what: str) -> None:
    if sys.stderr.isatty() or done == total:
        print(
            f"\r{what} {done}/{total}",
            end="\n" if done == total else "",
            file=sys.stderr,
            flush=True,
        )


def _plain(text: str) -> str:
    """`text` on one line without control characters: an article can't steer the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


if __name__ == "__main__":
    sys.exit(main())
