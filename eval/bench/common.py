"""What several benches share: an encoder that remembers, a process of its own, options, lines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from eval.figures import figure
from eval.files import data_parser
from eval.run import peak_memory_mb
from index.cache import open_cache
from index.encoder import Encoder, Vectors, load_encoder

Result = TypeVar("Result")


class CachedEncoder:
    """An encoder that encodes a text once: in the product's cache, and questions in memory."""

    def __init__(self, encoder: Encoder) -> None:
        """`encoder` encodes what isn't known yet."""
        self._encoder = encoder
        self._asked: dict[str, Vectors] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See Encoder."""
        with closing(open_cache(self._encoder.fingerprint, self._encoder.dim)) as cache:
            known = cache.get(texts)
            # Those of one length together: less of a batch is padding.
            missing = sorted(
                {text for text in texts if text not in known}, key=lambda t: (len(t), t)
            )
            for start in range(0, len(missing), 64):
                batch = missing[start : start + 64]
                found = self._encoder.encode(batch)
                cache.put(batch, found)
                known.update(zip(batch, found, strict=True))
        return np.array([known[text] for text in texts], np.float32)

    def encode_query(self, text: str) -> Vectors:
        """See Encoder."""
        if text not in self._asked:
            self._asked[text] = self._encoder.encode_query(text)
        return self._asked[text]


def apart(work: Callable[..., Result], *given: object) -> Result:
    """What `work` returns, in a process of its own that begins anew."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def limited(seconds: float, work: Callable[..., Any], *given: object) -> dict[str, Any]:
    """What `work(told, *given)` found, in a process of its own, with `seconds`, `cpu`, `megabytes`.

    If it takes longer or dies: `passages` that it told by then, and `why` it ended.
    """
    here, there = get_context("spawn").Pipe(duplex=False)
    process = get_context("spawn").Process(target=_work, args=(there, work, *given))
    process.start()
    there.close()
    came = 0
    try:
        here.recv()  # it has begun
        end = time.monotonic() + seconds
        while here.poll(max(0.0, end - time.monotonic())):
            found: dict[str, Any] | int = here.recv()
            if isinstance(found, dict):
                return found
            came += found
        return {"passages": came, "why": f"stopped after {seconds:,.0f} s"}
    except EOFError:
        process.join()
        return {"passages": came, "why": f"ended with exit code {process.exitcode}"}
    finally:
        process.kill()
        process.join()


def _work(pipe: Connection, work: Callable[..., Any], *given: object) -> None:
    pipe.send(0)
    began, used = time.perf_counter(), time.process_time()
    found = work(pipe.send, *given) or {}
    found.setdefault("seconds", time.perf_counter() - began)
    found.setdefault("cpu", time.process_time() - used)
    pipe.send({**found, "megabytes": peak_memory_mb() or 0.0})


def data_and_encoder(doc: str | None) -> tuple[Path, Any]:
    """The folder of the public sets that the command line names, and an encoder that remembers."""
    parser = data_parser(doc)
    parser.add_argument("--work", type=Path, default=Path(".wirecheck/bench"), help="cache")
    options = parser.parse_args()
    os.environ["WIRECHECK_CACHE"] = str(options.work)
    return options.data, CachedEncoder(load_encoder())


def line(name: str, values: Iterable[float]) -> str:
    """A row of a table: the mean over questions with its interval."""
    found = figure("mean", values)
    return f"  {name:<52} {found:.3f} n={found.n}"
