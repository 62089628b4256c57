"""HTML and PDF files to text, in a process of their own: the side that asks.

The other side is `extract.py`, which is started when the first such file is met and serves the
rest of the run. A file that ends it, by a crash or by taking too long, is unfit; the next file
gets a new process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from ..files import Unfit
from .draft import Draft, made_draft

# Processor time that a file may take: this many seconds, and one more for each million bytes.
BASE_SECONDS = 3

_PROGRAM = ("-m", f"{__package__}.extract")
_ROOT = str(Path(__file__).parents[2])
# How many times as long it may take by the clock, on a machine that is busy with other things.
_PATIENCE = 20
_LEAVE_SECONDS = 5


class Extraction:
    """A process that reads HTML and PDF. For one thread; close it at the end."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def extracted(self, kind: str, data: bytes, max_chars: int) -> dict[str, Any]:
        """`text`, `title`, `fields` and `notes` of a file; `kind` is "html" (in UTF-8) or "pdf".

        Raises Unfit with the reason if there is no text to be had, or more than `max_chars`.
        """
        seconds = BASE_SECONDS + len(data) // 1_000_000
        request = {"kind": kind, "bytes": len(data), "max_chars": max_chars, "seconds": seconds}
        process = self._process = self._process or _started()
        answer = _asked(process, json.dumps(request).encode() + b"\n" + data, seconds * _PATIENCE)
        if answer is None:
            self.close()
            raise Unfit(_reason(process.returncode, seconds))
        if "unfit" in answer:
            raise Unfit(answer["unfit"])
        return answer

    def close(self) -> None:
        """End the process, if there is one; a later file starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        try:
            process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def extracted_draft(
    kind: str, data: bytes, max_chars: int, extraction: Extraction, notes: tuple[str, ...]
) -> Draft:
    """The draft of what `extraction` finds in a file of that kind. Raises Unfit as it does."""
    found = extraction.extracted(kind, data, max_chars)
    fields = {**found["fields"], "title": found["title"]}
    return made_draft(found["text"], fields, (*notes, *found["notes"]))


def read_pdf(data: bytes, max_chars: int, extraction: Extraction) -> Draft:
    """Draft of a PDF. Raises Unfit if it can't be read or holds no text, or over `max_chars`."""
    return extracted_draft("pdf", data, max_chars, extraction, ())


def _started() -> subprocess.Popen[bytes]:
    # -P: the folder that one works in must not lend its files' names to the libraries.
    command = [sys.executable, "-P", *_PROGRAM]
    places = {"PYTHONPATH": os.pathsep.join(filter(None, [_ROOT, os.environ.get("PYTHONPATH")]))}
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    try:
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=nothing, env={**os.environ, **places}
        )
    except OSError as error:
        raise Unfit(f"no process could be started to read it: {error.strerror}") from error


def _asked(
    process: subprocess.Popen[bytes], message: bytes, patience: float
) -> dict[str, Any] | None:
    """The answer, or None if the process ended or had to be ended before it gave one."""
    # They were asked for at the start, so they are there.
    requests, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    end = threading.Timer(patience, process.kill)
    end.start()
    try:
        requests.write(message)
        requests.flush()
        answer = answers.readline()
    except OSError:
        return None
    finally:
        end.cancel()
    found: dict[str, Any] | None = json.loads(answer) if answer.endswith(b"\n") else None
    return found


def _reason(code: int, seconds: int) -> str:
    if code == -signal.SIGXCPU:
        return f"it takes over {seconds} seconds of work to read"
    if code == -signal.SIGKILL:
        return "it takes too long, or too much memory, to read"
    return f"reading it failed: the process that read it ended (code {code})"
