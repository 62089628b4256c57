"""Where passages are embedded: in this process, in several, or on other machines.

processes:4              as many processes of this machine
dask:tcp://host:8786     the workers of a Dask scheduler
ray:host:6379            a Ray cluster; `ray` alone is the one of this machine, or a new one

Each process there loads the encoder that WIRECHECK_ENCODER names here, once, and computes in the
format of this machine. What has another encoder is refused.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from multiprocessing import get_context, parent_process

from .encoder import SETTING as ENCODER_SETTING
from .encoder import BundledEncoder, Encoder, Vectors, load_encoder
from .errors import IndexProblem, SettingError, WirecheckError, one_line
from .settings import value_of

SETTING = "WIRECHECK_ENCODE_ON"
_PLACE = re.compile(r"(processes:[1-9]\d{0,2}|dask:\S+|ray(:\S+)?)?")
_CONNECT_SECONDS = 5
# A core has its next batch when it ends one.
_BATCHES_A_CORE = 3

Submit = Callable[..., Future[Vectors]]


def checked_place(where: str) -> str:
    """`where` if it is "" or a place as above. Raises SettingError for anything else."""
    if _PLACE.fullmatch(where):
        return where
    raise SettingError(
        f"{where[:100]!r} is nowhere to embed ({SETTING}, --encode-on): it must be processes:N, "
        "dask:ADDRESS, ray or ray:ADDRESS"
    )


class Workers(ExitStack):
    """Embeds batches of texts in a thread of this process, or where `where` says.

    Workers are begun with the first batch and ended with the block. `encoder` is that of this
    process, `at_once` how many batches are worth having under way.
    """

    def __init__(self, encoder: Encoder, where: str = "") -> None:
        """Raises SettingError if `where` is no place."""
        super().__init__()
        self.encoder, self.at_once = encoder, sys.maxsize
        self._kind, _, self._address = checked_place(where).partition(":")
        self._submit: Submit | None = None

    def submit(self, texts: list[str]) -> Future[Vectors]:
        """Begin to embed texts as passages. Raises SettingError if no worker can be reached."""
        if self._submit is None:
            with self._told(SettingError, "can't begin", "start its workers, or embed here"):
                started = {"": _thread, "processes": _processes, "dask": _dask, "ray": _ray}
                self._submit, cores = self.enter_context(started[self._kind](self._address))
                self.at_once = _BATCHES_A_CORE * cores if self._kind else sys.maxsize
        if not self._kind:
            return self._submit(self.encoder.encode, texts)
        with self._told():
            name = value_of(ENCODER_SETTING)
            return self._submit(encoded, name, self.encoder.fingerprint, texts)

    def result(self, future: Future[Vectors]) -> Vectors:
        """Wait for vectors. Raises IndexProblem if a worker died or can't embed."""
        with self._told():
            return future.result()

    @contextmanager
    def _told(
        self,
        kind: type[WirecheckError] = IndexProblem,
        what: str = "has stopped",
        mend: str = "see that its workers run and have this version of Wirecheck; what was "
        "embedded is in the cache, so run it again",
    ) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever the packages, and what they ran, raise
            if not self._kind:
                raise
            cause = getattr(error, "cause", None) or error  # Ray's own is a whole traceback
            if isinstance(cause, ImportError) and kind is SettingError:
                mend = f'it needs another package: pip install "wirecheck[{self._kind}]"'
            where = f"embedding on {self._kind}{self._address and ':'}{self._address}"
            raise kind(f"{where} {what}: {one_line(cause)}; {mend}") from error


def encoded(name: str, fingerprint: str, texts: list[str]) -> Vectors:
    """What a worker runs. Raises SettingError if its encoder hasn't this fingerprint."""
    return _loaded(name, fingerprint).encode(texts)


@lru_cache(maxsize=1)
def _loaded(name: str, fingerprint: str) -> Encoder:
    encoder = load_encoder(name)
    if isinstance(encoder, BundledEncoder):
        encoder = encoder.in_format(fingerprint.partition("/")[2])
    if encoder.fingerprint != fingerprint:
        raise SettingError(
            f"the encoder on {socket.gethostname()} is {encoder.fingerprint}, not {fingerprint}"
        )
    return encoder


@contextmanager
def _thread(address: str) -> Iterator[tuple[Submit, int]]:
    with ThreadPoolExecutor(1, "embedding") as pool:
        yield pool.submit, 1


@contextmanager
def _processes(address: str) -> Iterator[tuple[Submit, int]]:
    count = int(address)
    cores = max(1, (os.cpu_count() or 1) // count)
    with ProcessPoolExecutor(count, get_context("spawn"), _begin, (cores,)) as pool:
        yield pool.submit, count


def _begin(cores: int) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))
    # Ctrl-C reaches all processes; the first ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _dask(address: str) -> Iterator[tuple[Submit, int]]:
    from distributed import Client

    for name in ("distributed", "distributed.client"):  # it prints whole traces besides
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with Client(address, timeout=_CONNECT_SECONDS, set_as_default=False) as client:
        cores = sum(client.nthreads().values())
        if not cores:
            raise ConnectionError("the scheduler has no workers")
        yield client.get_executor(pure=False).submit, cores


@contextmanager
def _ray(address: str) -> Iterator[tuple[Submit, int]]:
    import ray

    ours = not ray.is_initialized()
    if ours:
        if host := re.fullmatch(r"(?:ray://)?(.+):(\d+)", address):
            # Ray itself would try for many minutes.
            socket.create_connection((host[1], int(host[2])), _CONNECT_SECONDS).close()
        ray.init(address or None, log_to_driver=False, logging_level=logging.CRITICAL)
    try:
        run = ray.remote(encoded)
        cores = int(ray.cluster_resources().get("CPU", 1))
        yield lambda _, *given: run.remote(*given).future(), cores
    finally:
        if ours:
            ray.shutdown()
