"""The page under use for long: does what it holds stay level?

    python -m tests.faults.soak [--minutes 20] [--seed 1]

Starts `wirecheck app --model none` and does what people do: gives files and lets them be indexed,
asks about them and about the sample articles, leaves while a question waits, sends what is cut off
or no file. Notes the server's memory, handles and threads. Fails if something that should be
answered isn't, or if the mean of the last fifth is much over that of the first: 3 handles or
threads, or 20 percent of memory (answers are kept for follow-ups, up to a number).
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from eval.bench.page import Served, ask, serving
from eval.gold import read_gold
from tests.faults.tally import Tally, run_alone

SAMPLE = Path(__file__).parents[2] / "eval" / "sample" / "questions.jsonl"
#: Seconds between two looks at the server, and for which an answer is waited.
PAUSE, PATIENCE = 5.0, 120.0
#: How much more the last fifth may have than the first: memory as a share, others as numbers.
MORE_MEMORY, MORE = 0.20, 3.0


def look(served: Served) -> tuple[float, int, int]:
    """Megabytes, handles and threads of the server."""
    process = Path(f"/proc/{served.process.pid}")
    handles, threads = (len(os.listdir(process / name)) for name in ("fd", "task"))
    return served.memory(), handles, threads


def judge(tally: Tally, looks: Sequence[tuple[float, int, int]]) -> None:
    """Tell the means of the first fifth of all looks and of the last, and whether all is level."""
    size = max(1, len(looks) // 5)
    for name, column in zip(("MB", "handles", "threads"), zip(*looks, strict=True), strict=True):
        first, last = statistics.fmean(column[:size]), statistics.fmean(column[-size:])
        told = f"{name}: {first:.1f} in the first fifth, {last:.1f} in the last"
        tally.notes.append(f"{told}, {max(column):.0f} at most")
        if last > (first * (1 + MORE_MEMORY) if name == "MB" else first + MORE):
            tally.fail(f"not level: {told}")


def upload(served: Served, tally: Tally, number: int) -> None:
    """Give a file, in the place of an earlier one, and let what is there be indexed."""
    name, count = f"f{number % 12}.txt", tally.rng.randrange(10, 900)
    text = f"Kell counts boats\n\nThe port of Kell{number % 12} counted {count} boats on Sunday.\n"
    with httpx.Client(base_url=served.address, timeout=PATIENCE) as client:
        client.post("/desk/files", params={"name": name}, content=text).raise_for_status()
        if client.post("/desk/indexing").status_code != 200:
            return tally.count("turned away from indexing")
        until = time.monotonic() + PATIENCE
        while (told := client.get("/desk/indexing").json())["state"] == "working":
            if time.monotonic() > until:
                return tally.fail("the indexing does not end")
            time.sleep(0.1)
    tally.count("indexed")
    if told["state"] != "ready":
        return tally.fail(f"indexing: {told}")
    question = f"How many boats did the port of Kell{number % 12} count?"
    cards = ask(served.address, question, "none", {"corpus": "own"})
    tally.count("asked of files")
    if not cards or str(count) not in cards[-1]:
        tally.fail(f"{question} {count}: {cards[-1:]}")
    return None


def question(served: Served, tally: Tally, asked: str) -> None:
    """Ask about the sample."""
    cards = ask(served.address, asked, "none")
    tally.count("asked")
    if not cards or "turn failed" in cards[-1]:
        tally.fail(f"{asked}: {cards[-1:]}")


def leave(served: Served, tally: Tally, asked: str) -> None:
    """Ask, and be gone before the answer."""
    with httpx.Client(base_url=served.address, timeout=PATIENCE) as client:
        events = client.get("/config").json()["dependencies"]
        row = {
            "data": [asked, "none", ""],
            "fn_index": next(e["id"] for e in events if e["api_name"] == "page"),
            "session_hash": os.urandom(6).hex(),
        }
        client.post("/gradio_api/queue/join", json=row)
    tally.count("left")


def cut(served: Served, tally: Tally) -> None:
    """Begin to send a file, and hang up."""
    place = urlsplit(served.address)
    with socket.create_connection((place.hostname, place.port), 10) as line:
        line.sendall(
            f"POST /desk/files?name=cut.txt HTTP/1.1\r\nHost: {place.netloc}\r\n"
            "Content-Length: 90000\r\n\r\nBoats".encode()
        )
    tally.count("cut off")


def refused(served: Served, tally: Tally) -> None:
    """Send what is no file of ours."""
    name = tally.rng.choice(["../up.txt", "a.exe", "", ".hidden.txt", "a" * 300 + ".txt"])
    reply = httpx.post(
        f"{served.address}desk/files", params={"name": name}, content=b"x", timeout=PATIENCE
    )
    tally.count("refused")
    if reply.status_code >= 500 or "problem" not in reply.text:
        tally.fail(f"{name[:20]!r}: {reply.status_code} {reply.text[:80]}")


def used(tally: Tally) -> None:
    """Use the page until its time is up, and look at it now and then."""
    questions, looks, number = [q.question for q in read_gold(SAMPLE)], [], 0
    try:
        with serving("none") as served:
            served.wait_until_warm()
            upload(served, tally, 0)
            next_look = 0.0
            while not tally.is_over:
                number += 1
                what = tally.rng.random()
                if what < 0.30:
                    upload(served, tally, number)
                elif what < 0.75:
                    question(served, tally, tally.rng.choice(questions))
                elif what < 0.85:
                    leave(served, tally, tally.rng.choice(questions))
                elif what < 0.93:
                    cut(served, tally)
                else:
                    refused(served, tally)
                if time.monotonic() > next_look:
                    looks.append(look(served))
                    next_look = time.monotonic() + PAUSE
    finally:
        if looks:
            judge(tally, looks)


def main() -> int:
    """Use the page for so many minutes, and print what it held."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tally = Tally("soak", options.seed, True, Path())
    tally.until = time.monotonic() + 60 * options.minutes
    return run_alone(tally, used)


if __name__ == "__main__":
    sys.exit(main())
