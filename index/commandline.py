"""What the commands of all packages share: options, how lines are told, how a command ends."""

from __future__ import annotations

import argparse
import codecs
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, TextIO, TypeAlias, cast

from index.engines import place_of
from index.errors import WirecheckError
from index.settings import unknown_told, value_of

DEFAULT_INDEX = Path(".wirecheck/index")

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


#: What steers a terminal or turns the direction of writing, but for the end of a line and for what
#: a line that counts begins and ends with.
_STEERING = re.compile(
    "(?!\\A\r|\r\\Z|\r\n|\x1b\\[K\\Z)[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
)


def _escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def _lacking(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return _escaped(error.object[error.start : error.end]), error.end


codecs.register_error("wirecheck", _lacking)


class Shown:
    """A stream of text that can't steer the terminal, and that its encoding has letters for.

    Whatever else is written to it, it writes as JSON escapes it, so that JSON stays the same JSON.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text; returns its length."""
        encoding = self.stream.encoding or "utf-8"
        plainly = _STEERING.sub(lambda found: _escaped(found[0]), text)
        self.stream.write(plainly.encode(encoding, "wirecheck").decode(encoding))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Whatever else a stream does."""
        return getattr(self.stream, name)


def ended(run: Callable[[], int]) -> int:
    """The exit code of a command: its own, or 2 for an error, which is told in one line."""
    out, err = cast("TextIO", Shown(sys.stdout)), cast("TextIO", Shown(sys.stderr))
    with redirect_stdout(out), redirect_stderr(err):
        for line in unknown_told():
            _tell(line)
        return _code_of(run)


def _tell(line: str) -> None:
    print("wirecheck: " + line.replace("\n", "\\n"), file=sys.stderr)


def _code_of(run: Callable[[], int]) -> int:
    try:
        code = run()
        sys.stdout.flush()
        return code
    except SystemExit:
        raise
    except WirecheckError as error:
        _tell(str(error))
        return 2
    except KeyboardInterrupt:
        _tell("stopped")
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`); that is no fault of the command.
        _let_go_of_output()
        return 0
    except OSError as error:
        _let_go_of_output()
        place = f"{error.filename}: " if error.filename else ""
        _tell(f"{place}can't go on: {error.strerror or error}")
        return 2
    except BaseException:  # Python's own code for it, 1, is an answer of `check` and `verify`.
        traceback.print_exc()
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
        type=place_of,
        metavar="DIR",
        help=f"the index's folder, or its address in Milvus ({note})",
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
        "--as-of", metavar="DATE", help="as if asked on this day: nothing published later"
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


class ToldProgress:
    """One line that counts articles, with how many a second and the time left.

    Where nobody watches, only the last is told.
    """

    def __init__(self) -> None:
        self._what, self._began = "", 0.0

    def __call__(self, done: int, total: int, what: str) -> None:
        """See `build_index`."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._began = what, now
        if not sys.stderr.isatty() and done != total:
            return
        line = f"{what} {done}{f'/{total}' if total else ''} articles"
        if (spent := now - self._began) >= 1:
            line += f", {done / spent:.1f} a second"
            if 0 < done < total:
                line += f", {_duration((total - done) * spent / done)} left"
        line = f"\r{line}\x1b[K" if sys.stderr.isatty() else line
        print(line, end="\n" if done == total else "", file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    """72.4 -> "1 min 12 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def plain(text: str) -> str:
    """`text` on one line without control characters: an article can't steer the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
