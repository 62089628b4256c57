"""A worker whose answers are known: `python -m tests.answering_worker LOG`, in place of `web.worker`.

What it does follows from the question; what it did stands in LOG, a line each.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import index
import rag
from index.errors import ModelKeyMissing
from index.records import Article
from rag.schema import Answer, Citation, Claim
from tests.fakes import at
from web import worker

CRANE = Article("a1", "Crane", "Crane\n\nA crane fell in Ostmere. Two dockers were hurt.\n")


class Opened:
    """An index of one article, as far as a worker reads one."""

    articles, passages, generation = {CRANE.id: CRANE}, (), 1

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def generation_now(self) -> int:
        """It stays as it is."""
        return self.generation


def note(line: str) -> None:
    """Write to the log."""
    with Path(sys.argv[1]).open("a", encoding="utf-8") as log:
        log.write(f"{line}\n")


def claim(words: str) -> Claim:
    """A sentence of the article that passed."""
    return Claim(words, (Citation(at(CRANE, words), 0.9),), 0.9)


def answer(
    question, opened, model, *, progress, on_judged, outlets=None, history=(), **rest
) -> Answer:
    """Do what the question says; the note names this process and what it was asked of."""
    note(f"{question} {os.getpid()}")
    progress("searching")
    on_judged(claim("A crane fell in Ostmere."))
    if question == "no key":
        raise ModelKeyMissing("model 'far/one' wants a key: set FAR_API_KEY")
    if question == "crash":
        raise ValueError("secret path /srv/hidden/key.txt")
    if question == "die" or (question == "die once" and not died_before(question)):
        os._exit(7)
    if question == "slow":
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < 30 and not Path(sys.argv[1] + ".go").exists():
                progress("reading")
                time.sleep(0.02)
        except BaseException:
            note(f"stopped {os.getpid()}")
            raise
    on_judged(claim("Two dockers were hurt."))
    told = f"{os.getpid()} {opened.folder} {model} {outlets} {len(history)}"
    return Answer(question, "answered", (claim("Two dockers were hurt."),), note=told)


def died_before(question: str) -> bool:
    """Whether the log tells of it twice: this time, and once before."""
    return Path(sys.argv[1]).read_text("utf-8").count(f"{question} ") > 1


if __name__ == "__main__":
    index.open_index, rag.answer = Opened, answer
    worker.main()
