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
import random
import signal
import socket
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from eval.bench.page import Served, ask, serving
from eval.gold import read_gold

SAMPLE = Path(__file__).parents[2] / "eval" / "sample" / "questions.jsonl"
#: Seconds between two looks at the server, and for which an answer is waited.
PAUSE, PATIENCE = 5.0, 120.0
#: How much more the last fifth may have than the first: memory as a share, others as numbers.
MORE_MEMORY, MORE = 0.20, 3.0


@dataclass
class Seen:
    """What the server held at each look, and what was done with it."""

    rows: list[tuple[float, float, float]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def look(self, served: Served) -> None:
        """Note megabytes, handles and threads."""
        process = Path(f"/proc/{served.process.pid}")
        handles, threads = (len(os.listdir(process / name)) for name in ("fd", "task"))
        self.rows.append((served.memory(), float(handles), float(threads)))

    def told(self) -> str:
        """Both fifths and what was done, in lines."""
        first, last = self.fifths()
        names = ("MB", "handles", "threads")
        lines = [
            f"{n}: {a:.1f} in the first fifth, {b:.1f} in the last, {max(r[i] for r in self.rows):.0f} at most"
            for i, (n, a, b) in enumerate(zip(names, first, last, strict=True))
        ]
        did = ", ".join(f"{n} {what}" for what, n in sorted(self.done.items()))
        return "\n".join((*lines, did, f"{len(self.wrong)} wrong", *self.wrong[:20]))

    def fifths(self) -> tuple[list[float], list[float]]:
        """The means of the first fifth of all looks and of the last."""
        size = max(1, len(self.rows) // 5)
        parts = (self.rows[:size], self.rows[-size:])
        first, last = ([statistics.fmean(column) for column in zip(*p, strict=True)] for p in parts)
        return first, last

    def code(self) -> int:
        """0 if all is level and nothing went wrong."""
        first, last = self.fifths()
        grew = last[0] > first[0] * (1 + MORE_MEMORY)
        more = any(b > a + MORE for a, b in zip(first[1:], last[1:], strict=True))
        return int(grew or more or bool(self.wrong))


def upload(served: Served, seen: Seen, rng: random.Random, number: int) -> None:
    """Give a file, in the place of an earlier one, and let what is there be indexed."""
    name, count = f"f{number % 12}.txt", rng.randrange(10, 900)
    text = f"Kell counts boats\n\nThe port of Kell{number % 12} counted {count} boats on Sunday.\n"
    with httpx.Client(base_url=served.address, timeout=PATIENCE) as client:
        client.post("/desk/files", params={"name": name}, content=text).raise_for_status()
        if client.post("/desk/indexing").status_code != 200:
            seen.done["turned away from indexing"] += 1
            return
        until = time.monotonic() + PATIENCE
        while (told := client.get("/desk/indexing").json())["state"] == "working":
            if time.monotonic() > until:
                seen.wrong.append("the indexing does not end")
                return
            time.sleep(0.1)
    seen.done["indexed"] += 1
    if told["state"] != "ready":
        seen.wrong.append(f"indexing: {told}")
        return
    question = f"How many boats did the port of Kell{number % 12} count?"
    cards = ask(served.address, question, "none", {"corpus": "own"})
    seen.done["asked of files"] += 1
    if not cards or str(count) not in cards[-1]:
        seen.wrong.append(f"{question} {count}: {cards[-1:]}")


def question(served: Served, seen: Seen, asked: str) -> None:
    """Ask about the sample."""
    cards = ask(served.address, asked, "none")
    seen.done["asked"] += 1
    if not cards or "turn failed" in cards[-1]:
        seen.wrong.append(f"{asked}: {cards[-1:]}")


def leave(served: Served, seen: Seen, asked: str) -> None:
    """Ask, and be gone before the answer."""
    with httpx.Client(base_url=served.address, timeout=PATIENCE) as client:
        events = client.get("/config").json()["dependencies"]
        row = {
            "data": [asked, "none", ""],
            "fn_index": next(e["id"] for e in events if e["api_name"] == "page"),
            "session_hash": os.urandom(6).hex(),
        }
        client.post("/gradio_api/queue/join", json=row)
    seen.done["left"] += 1


def cut(served: Served, seen: Seen) -> None:
    """Begin to send a file, and hang up."""
    place = urlsplit(served.address)
    with socket.create_connection((place.hostname, place.port), 10) as line:
        line.sendall(
            f"POST /desk/files?name=cut.txt HTTP/1.1\r\nHost: {place.netloc}\r\n"
            "Content-Length: 90000\r\n\r\nBoats".encode()
        )
    seen.done["cut off"] += 1


def refused(served: Served, seen: Seen, rng: random.Random) -> None:
    """Send what is no file of ours."""
    name = rng.choice(["../up.txt", "a.exe", "", ".hidden.txt", "a" * 300 + ".txt"])
    reply = httpx.post(
        f"{served.address}desk/files", params={"name": name}, content=b"x", timeout=PATIENCE
    )
    seen.done["refused"] += 1
    if reply.status_code >= 500 or "problem" not in reply.text:
        seen.wrong.append(f"{name[:20]!r}: {reply.status_code} {reply.text[:80]}")


def main() -> int:
    """Use the page for so many minutes, and print what it held."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, seen, number = random.Random(options.seed), Seen(), 0
    questions = [q.question for q in read_gold(SAMPLE)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with serving("none") as served:
            served.wait_until_warm()
            upload(served, seen, rng, 0)
            end, next_look = time.monotonic() + 60 * options.minutes, 0.0
            while time.monotonic() < end:
                number += 1
                what = rng.random()
                if what < 0.30:
                    upload(served, seen, rng, number)
                elif what < 0.75:
                    question(served, seen, rng.choice(questions))
                elif what < 0.85:
                    leave(served, seen, rng.choice(questions))
                elif what < 0.93:
                    cut(served, seen)
                else:
                    refused(served, seen, rng)
                if time.monotonic() > next_look:
                    seen.look(served)
                    next_look = time.monotonic() + PAUSE
    except KeyboardInterrupt:
        print("stopped")
    print(seen.told())
    return seen.code()


if __name__ == "__main__":
    sys.exit(main())
