"""The text of an HTML or PDF file: a program of its own.

`extraction.py` starts it and hands it one file after another: a line of JSON (`kind`, `bytes`,
`max_chars`, `seconds`), then the bytes. It answers each with a line of JSON: `text`, `title`,
`fields` (outlet, published, url, where the page states them) and `notes`, or `unfit` with the
reason. `page.py` and `pdf.py` do the reading; they alone call the libraries. A crash of these, an
endless loop or a bomb of memory ends this process and not the run.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from ..files import Unfit

_MEMORY = 2 << 30


def main() -> None:
    """Answer one request after another until the other side closes."""
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not mix with the answers.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _limit(resource.RLIMIT_AS, _MEMORY)
    _limit(resource.RLIMIT_CORE, 0)
    requests: BinaryIO = sys.stdin.buffer
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["bytes"])
        answers.write(json.dumps(_answer(request, data)).encode() + b"\n")
        answers.flush()


def _answer(request: dict[str, Any], data: bytes) -> dict[str, Any]:
    read = _reader(request["kind"])
    _limit_work(request["seconds"])
    try:
        return read(data, request["max_chars"])
    except Unfit as unfit:
        return {"unfit": str(unfit)}
    except MemoryError:
        return {"unfit": "it takes too much memory to read"}
    except Exception as error:
        return {"unfit": f"it can't be read: {type(error).__name__}"}


def _reader(kind: str) -> Callable[[bytes, int], dict[str, Any]]:
    # Late: each brings libraries that take a while to load, and most runs need only one.
    if kind == "html":
        from .page import html as read
    else:
        from .pdf import pdf as read
    return read


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (soft, hard))


def _limit_work(seconds: int) -> None:
    """From here on, `seconds` of processor time; the kernel ends the process after them."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + seconds)


if __name__ == "__main__":
    main()
