"""The commands `app`, which is also what `app.py` runs, and `doctor`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress

from index.commandline import Commands, add_index, ended, positive
from rag.commands import add_model


def add(commands: Commands) -> None:
    """Add this package's commands."""
    _options(commands.add_parser("app", help="the page"))
    doctor = commands.add_parser("doctor", help="whether this machine can do the work; 1 if not")
    add_index(doctor)
    doctor.set_defaults(run=run_doctor)


def main(words: Sequence[str] | None = None) -> int:
    """Serve the page with these options, those of the command line if none are given."""
    parser = argparse.ArgumentParser(prog="wirecheck app")
    _options(parser)
    return ended(lambda: run_app(parser.parse_args(words)))


def _options(parser: argparse.ArgumentParser) -> None:
    add_index(parser, default=None, note="the sample articles' index if not given")
    add_model(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to serve on (default 127.0.0.1)"
    )
    parser.add_argument("--port", type=positive, help="port (default 7860, or the next free one)")
    parser.add_argument(
        "--workers",
        type=positive,
        help="processes that answer, apart from the page's own (default: that one answers)",
    )
    parser.add_argument(
        "--root-path",
        default="",
        metavar="PATH",
        help="path below which a proxy has the page, and which it takes off, such as /wirecheck",
    )
    parser.set_defaults(run=run_app)


def run_app(options: argparse.Namespace) -> int:
    """`wirecheck app`: the same page as `python app.py`."""
    from web.server import serve

    with suppress(KeyboardInterrupt):
        serve(
            options.index,
            options.model,
            options.host,
            options.port,
            options.workers or 0,
            options.root_path,
        )
    return 0


def run_doctor(options: argparse.Namespace) -> int:
    """`wirecheck doctor [--index DIR]`: 1 if anything needs a mend."""
    from web.doctor import examine, told

    mends = 0
    for row in examine(options.index):
        print(told(row), flush=True)
        mends += bool(row.mend)
    return 1 if mends else 0
