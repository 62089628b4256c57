"""The `wirecheck` command: finds the commands of each package. Nothing heavy is imported here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from index.commandline import ended

PACKAGES = ("index", "rag", "eval", "web")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 2 is a usage or input error.

    0 is done, or of `check` supported, or of `verify` that all holds; 1 a bar of the evaluation
    missed, a claim not supported, or a bundle that doesn't hold.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    return ended(lambda: _run(words))


def _run(words: Sequence[str]) -> int:
    if words[:1] == ["eval"]:
        from eval.commands import run_eval

        return run_eval(words[1:])
    options = build_parser().parse_args(words)
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = argparse.ArgumentParser(
        prog="wirecheck",
        description="Ask many outlets' reports; every sentence of the answer was "
        "checked against the passage that it cites.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="tell the version and end")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for package in PACKAGES:
        import_module(f"{package}.commands").add(commands)
    return parser


class _Version(argparse.Action):
    """Looked up only when it is asked for: that takes longer than all of the help."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        from importlib.metadata import version

        sys.stdout.write(f"wirecheck {version('wirecheck')}\n")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
