"""What the commands of all packages share: options, how lines are told, how a command ends."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from index.errors import WirecheckError
from index.settings import unknown_told, value_of

DEFAULT_INDEX = Path(".wirecheck/index")

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def ended(run: Callable[[], int]) -> int:
    """The exit code of a command: its own, or 2 for an error, which is told in one line."""
    for line in unknown_told():
        print(f"wirecheck: {line}", file=sys.stderr)
    try:
        code = run()
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


def add_index(
    parser: argparse.ArgumentParser,
    default: Path | None = DEFAULT_INDEX,
    note: str = f"default {DEFAULT_INDEX}",
) -> None:
    """Let a command name its index."""
    parser.add_argument(
        "--index",
        type=Path,
        metavar="DIR",
        help=f"the index's folder ({note})",
        default=value_of("WIRECHECK_INDEX") or default,
    )


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Let a command narrow down which reports it asks."""
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


def filters_of(options: argparse.Namespace) -> dict[str, Any]:
    """The filters that were given, by the names that `search` and `answer` take."""
    return {
        "outlets": options.outlet,
        "since": options.since,
        "until": options.until,
        "as_of": options.as_of,
    }


def positive(text: str) -> int:
    """A whole number above 0; argparse tells what is none."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def tell_progress(done: int, total: int, what: str) -> None:
    """One line that counts; where nobody watches, only the last is told."""
    if sys.stderr.isatty() or done == total:
        print(
            f"\r{what} {done}/{total}",
            end="\n" if done == total else "",
            file=sys.stderr,
            flush=True,
        )


def plain(text: str) -> str:
    """`text` on one line without control characters: an article can't steer the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
