"""The commands that ask and check. Everything heavy is imported inside the one that needs it."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from index.commandline import Commands, add_filters, add_index, filters_of, plain
from index.engines import place_of
from index.errors import SettingError


def add(commands: Commands) -> None:
    """Add this package's commands."""
    _ask_command(commands)
    _compare_command(commands)
    _check_command(commands)
    _verify_command(commands)
    _models_command(commands)


def _ask_command(commands: Commands) -> None:
    ask = commands.add_parser("ask", help="a cited, checked answer")
    _add_question(ask)
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
    _add_question(compare)
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
    verify.add_argument("--index", type=place_of, metavar="DIR", help="an index of them")
    verify.add_argument("--json", action="store_true", help="the findings as JSON")
    verify.set_defaults(run=run_verify)


def _models_command(commands: Commands) -> None:
    models = commands.add_parser("models", help="the files of the language model in the box")
    models.add_argument("get", nargs="?", choices=["get"], help="fetch it, if it isn't there")
    models.add_argument("--json", action="store_true", help="as JSON")
    models.set_defaults(run=run_models)


def _add_question(parser: argparse.ArgumentParser) -> None:
    """What is asked, of which index, within what, and which model reads."""
    parser.add_argument("question")
    add_index(parser)
    add_filters(parser)
    add_model(parser)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Let a command name the language model."""
    parser.add_argument(
        "--model",
        metavar="M",
        help="embedded (the one in the box), none, or a "
        "LiteLLM name such as openai/gpt-4o (default: WIRECHECK_MODEL, else "
        "embedded)",
    )


def run_ask(options: argparse.Namespace) -> int:
    """`wirecheck ask QUESTION --index DIR [--model M] ...`, as its help says."""
    from rag import answer
    from rag.bundle import check_ending, markdown_of, write_bundle
    from rag.plan import read_history
    from rag.terminal import show

    if options.bundle:
        check_ending(options.bundle)
    filters = filters_of(options)
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
            files = ", ".join(judged.article_ids)
            aside = f" ({judged.remark})" if judged.remark else ""
            print(plain(f"… {judged.text} [{files}]{aside}"), file=sys.stderr)

    return {"on_judged": on_judged}


def run_compare(options: argparse.Namespace) -> int:
    """`wirecheck compare QUESTION --index DIR [--json]`."""
    from rag import answer
    from rag.terminal import show_ledger

    result = answer(
        options.question, options.index, options.model, tell=model_bar, **filters_of(options)
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
    from rag.bundle.file import read_bundle
    from rag.bundle.held import finder
    from rag.bundle.reverify import reverify

    file = read_bundle(options.bundle)
    result = reverify(file, finder(options.articles, options.index))
    if options.json:
        print(json.dumps(result.to_dict(), ensure_ascii=False, indent=2))
    else:
        for finding in result.findings:
            print(f"{finding.status:8} {plain(finding.about)}: {plain(finding.detail)}")
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
