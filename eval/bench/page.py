"""How soon the page answers, and whether its memory grows.

    python -m eval.bench.page [usable] [first] [memory]
        [--models none embedded] [--questions 20] [--asked 500]

Run by hand, on a machine that has nothing else to do; without names, all three. Each starts
`wirecheck app` on the sample articles as a user would. The first two need Chromium and Playwright.

usable   seconds from the server's start line until a browser can type a question (three starts)
first    seconds from Enter until the first sentence is on the screen, for answerable gold questions
memory   resident memory over many questions: MB that it grows by in 100, by least squares over all
         but the first fifth
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from eval.gold import read_gold
from eval.run import SAMPLE_QUESTIONS
from index.commandline import ended

CHROMIUM = "/usr/bin/chromium"
#: Seconds that anybody waits for an answer.
PATIENCE = 900.0


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line of JSON for each measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measures", nargs="*", choices=[*MEASURES, []], help="all if left out")
    parser.add_argument("--models", nargs="+", default=["none", "embedded"])
    parser.add_argument("--questions", type=int, default=20, help="of `first`")
    parser.add_argument("--asked", type=int, default=500, help="of `memory`")
    options = parser.parse_args(argv)
    for name in options.measures or MEASURES:
        print(json.dumps({name: MEASURES[name](options)}), flush=True)
    return 0


def _questions() -> list[str]:
    """The answerable questions over the sample articles."""
    return [q.question for q in read_gold(SAMPLE_QUESTIONS) if q.answerable]


# --- the server -----------------------------------------------------------------------------------


@dataclass
class Served:
    """A running `wirecheck app`: its address, its process, and when it said that it was there."""

    address: str
    process: subprocess.Popen[str]
    since: float

    def memory(self) -> float:
        """Its resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def wait_until_warm(self) -> None:
        """Until its models are loaded: ask, and wait for the answer."""
        ask(self.address, "What happened?", "none")


@contextmanager
def serving(model: str, **env: str) -> Iterator[Served]:
    """`wirecheck app` with this model, stopped at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wirecheck", "app", "--model", model],
        env={**os.environ, **env},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if match := re.search(r"Wirecheck is at (\S+)", line):
                threading.Thread(target=process.stderr.read, daemon=True).start()
                yield Served(match[1], process, time.monotonic())
                break
        else:
            raise SystemExit("the server did not start")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def ask(address: str, question: str, model: str, within: dict[str, Any] | None = None) -> list[str]:
    """Ask as the page's script does; every card that comes, the last one last."""
    name, cards = os.urandom(6).hex(), list[str]()
    with httpx.Client(base_url=address, timeout=PATIENCE) as client:
        events = client.get("/config").json()["dependencies"]
        row = {
            "data": [question, model, json.dumps(within) if within else ""],
            "fn_index": next(e["id"] for e in events if e["api_name"] == "page"),
            "session_hash": name,
        }
        client.post("/gradio_api/queue/join", json=row).raise_for_status()
        watching = {"session_hash": name}
        with client.stream("GET", "/gradio_api/queue/data", params=watching) as lines:
            for line in lines.iter_lines():
                # A card comes whole at first, then as changes of it.
                told = json.loads(line[6:]) if line.startswith("data: ") else {}
                data = (told.get("output") or {}).get("data")
                if data and data[0]:
                    cards.append(json.dumps(data, ensure_ascii=False))
                if '"process_completed"' in line:
                    break
    return cards


# --- the measures ---------------------------------------------------------------------------------


@contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


def usable(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds from the start line until the question box is there."""
    seconds = []
    with _browser() as browser:
        for _ in range(3):
            with serving("none") as served:
                page = browser.new_page()
                page.goto(served.address)
                page.locator("#question textarea").fill("Who")
                seconds.append(time.monotonic() - served.since)
                page.close()
    return _spread(seconds)


#: Asks in the page, and gives the seconds until a sentence stands in the newest card; null if the
#: last card came without one.
_FIRST = """question => new Promise(done => {
  const box = document.querySelector('#question textarea'), log = document.querySelector('.log');
  const begun = performance.now();
  const look = () => {
    const turn = log.querySelector('.turn:last-child');
    if (!turn) return;
    if (turn.querySelector('.claim')) finish((performance.now() - begun) / 1000);
    else if (!turn.classList.contains('pending')) finish(null);
  };
  const watch = new MutationObserver(look);
  const finish = seconds => { watch.disconnect(); done(seconds); };
  watch.observe(log, {childList: true, subtree: true});
  box.value = question;
  box.dispatchEvent(new Event('input', {bubbles: true}));
  setTimeout(() => document.querySelector('#ask').click(), 0);
})"""


def first(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds until the first sentence is on the screen, for each model."""
    figures = {}
    with _browser() as browser:
        for model in options.models:
            with serving(model) as served:
                served.wait_until_warm()
                page = browser.new_page()
                page.set_default_timeout(PATIENCE * 1000)
                page.goto(served.address)
                page.locator("#question textarea").wait_for()
                seconds = [_asked(page, q) for q in _questions()[: options.questions]]
                page.close()
            shown = [s for s in seconds if s is not None]
            figures[model] = {**_spread(shown), "without_a_sentence": len(seconds) - len(shown)}
    return figures


def _asked(page: Any, question: str) -> float | None:
    seconds: float | None = page.evaluate(_FIRST, question)
    page.locator(".turn:not(.pending)").last.wait_for()
    page.get_by_role("button", name="Clear").click()
    page.locator(".turn").first.wait_for(state="detached")
    return seconds


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Resident memory of the server after each question, one after the other."""
    questions, sizes = _questions(), []
    with serving("none") as served:
        served.wait_until_warm()
        for n in range(options.asked):
            ask(served.address, questions[n % len(questions)], "none")
            sizes.append(served.memory())
    settled = sizes[len(sizes) // 5 :]
    slope = statistics.linear_regression(range(len(settled)), settled).slope
    return {
        "n": len(sizes),
        "first_mb": round(sizes[0]),
        "last_mb": round(sizes[-1]),
        "most_mb": round(max(sizes)),
        "mb_per_100_questions": round(100 * slope, 2),
    }


def _spread(seconds: Sequence[float]) -> dict[str, Any]:
    """n, median, least and most, in seconds."""
    if not seconds:
        return {"n": 0}
    told = {"median": statistics.median(seconds), "least": min(seconds), "most": max(seconds)}
    return {"n": len(seconds), **{name: round(value, 2) for name, value in told.items()}}


MEASURES: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "usable": usable,
    "first": first,
    "memory": memory,
}

if __name__ == "__main__":
    sys.exit(ended(main))
