"""Many readers ask for minutes, while the index is updated and processes are killed.

    python -m tests.faults.load [--seconds 180] [--askers 50] [--workers 2] [--model none]

The real page with real workers over a small index; half of the askers are pages, half are programs,
each with an address of its own. `--model embedded` asks a script in place of the language model,
with `--real` the model itself. In turn the index is updated, a worker is killed and, where there is one, the model's process.

Every answer must be made of one generation alone: all reports of a generation tell numbers of one
thousand, and those of the next another. Fails if an asker hears nothing, if an answer is of a wrong
generation or of two, or if a fault never landed.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import httpx

from tests.faults.tally import Tally, run_alone

ROOT = Path(__file__).parents[2]
PLACES = [
    a + b for a in ("Bren", "Tarn", "Hal", "Lark", "Os") for b in ("wick", "mere", "vern", "by")
]
OUTLETS = ("Gazette", "Courier", "Wire")
#: Seconds between two faults, more for a model that takes long to load; and that an asker waits
#: before it asks again, at most.
BETWEEN, BETWEEN_REAL, PAUSE = 12.0, 60.0, 4.0
#: Seconds after which somebody who heard nothing is taken for lost; a question may take 300.
LOST = 330.0
REFUSED = re.compile(r"questions are waiting|questions from your address")
#: What is in the command lines of the model's process, or of what stands in for it.
_MODELS = ("stand_in.py", "rag.model_process")
#: Seconds that the stand-in takes for a call.
THINKS = 0.15


# --- articles ------------------------------------------------------------------------------------


def thousand(generation: int) -> int:
    """The thousand in which all numbers of a generation are."""
    return 1 + (generation - 1) % 8


def write_articles(folder: Path, generation: int) -> None:
    """Three outlets' reports of each place, which tell one number."""
    folder.mkdir(exist_ok=True)
    for n, place in enumerate(PLACES):
        number = 1000 * thousand(generation) + n
        for m, outlet in enumerate(OUTLETS):
            text = (
                f"Lanterns of {place}\n\nIn {place} people hung up {number} lanterns along the quay, "
                f"the {place} {outlet} writes. The mayor of {place} called that a fine evening, and "
                f"the {('ferry', 'band', 'bakery')[m]} stayed until late.\n"
            )
            (folder / f"r{n}-{m}.txt").write_text(text, encoding="utf-8")


def update(folder: Path, generation: int) -> None:
    """Publish this generation of the index, as an owner does."""
    write_articles(folder / "articles", generation)
    words = ["-m", "wirecheck", "index", str(folder / "articles"), "--index", str(folder / "index")]
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)


def of_wrong_generation(text: str, served: Sequence[int], told: int | None) -> str:
    """What is wrong with the numbers of an answer; "" if nothing is.

    `served` are the generations that may have answered, `told` is the one that the answer names.
    """
    found = {int(n) // 1000 for n in re.findall(r"(\d{4}) lanterns", text)}
    if len(found) > 1:
        return f"of {len(found)} generations at once: {sorted(found)}"
    allowed = {thousand(g) for g in ([told] if told else served)}
    if found and not found <= allowed:
        return f"tells thousands {sorted(found)}, not {sorted(allowed)}"
    if told and told not in served:
        return f"names generation {told}, not one of {served}"
    return ""


# --- what the page is made of ----------------------------------------------------------------------


STAND_IN = """
import json, re, sys, time
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    call = json.loads(line)
    if "cancel" in call:
        continue
    time.sleep(THINKS)
    rows = []
    for conversation in call["conversations"]:
        asked = conversation[-1]["content"]
        number = re.search(r"[0-9]{4} lanterns", asked)
        text = number[0] + '"' if number and asked.startswith("Report") else "Yes"
        rows.append({"text": text, "tokens": [text], "logprobs": [-0.05], "finish": "stop"})
    print(json.dumps({"id": call["id"], "done": rows}), flush=True)
"""


def serve(words: Sequence[str], place: str) -> int:
    """`wirecheck app` with these words; a script here stands in for the model's process, if any."""
    from rag import local_model, model_room
    from web.commands import main as app

    if not place:
        return app(words)
    script = Path(place)
    script.write_text(STAND_IN.replace("THINKS", str(THINKS)), encoding="utf-8")
    command = [sys.executable, str(script)]
    local_model.LocalModel = partial(local_model.LocalModel, command=command)
    local_model.find_model = local_model.get_model = lambda *_: script.parent
    model_room.available_memory = lambda: None
    return app(words)


@dataclass
class Serving:
    """The page's process and those that it started."""

    process: subprocess.Popen[bytes]
    address: str

    @property
    def tree(self) -> dict[int, str]:
        """The numbers and command lines of all of them."""
        found = {self.process.pid: "page"}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                words = (path / "cmdline").read_text().replace("\0", " ")
            except (OSError, ValueError):
                continue
            if parent == self.process.pid:
                found[int(path.name)] = words
        return found

    def kill(self, kind: str, rng: random.Random) -> bool:
        """Kill a process whose command line has this in it; whether there was one."""
        pids = [pid for pid, words in self.tree.items() if kind in words]
        if pids:
            os.kill(rng.choice(pids), signal.SIGKILL)
        return bool(pids)


@dataclass
class Used:
    """What all processes together had at each look, and processor seconds of the page's process."""

    rows: list[tuple[float, int, int, int]] = field(default_factory=list)
    processor: float = 0.0

    def look(self, serving: Serving) -> None:
        """Add up megabytes (shared ones once), threads, handles and processes."""
        memory, threads, handles = 0.0, 0, 0
        pids = serving.tree
        for pid, words in pids.items():
            place = Path("/proc", str(pid))
            try:
                shared = re.search(r"^Pss:\s+(\d+)", (place / "smaps_rollup").read_text(), re.M)
                memory += int(shared[1]) / 1000
                threads += len(os.listdir(place / "task"))
                handles += len(os.listdir(place / "fd"))
                if words == "page":
                    times = (place / "stat").read_text().rpartition(")")[2].split()[11:13]
                    self.processor = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
            except (OSError, TypeError):
                continue  # it has just ended
        self.rows.append((memory, threads, handles, len(pids)))

    def told(self) -> Iterator[str]:
        """A line for each: the most, and the medians of the second and the last quarter."""
        size = max(1, len(self.rows) // 4)
        columns = zip(*self.rows, strict=True)
        for what, column in zip(("MB", "threads", "handles", "processes"), columns, strict=False):
            second, last = median(column[size : 2 * size] or column), median(column[-size:])
            yield f"{what}: {max(column):.0f} at most, {second:.0f} then {last:.0f} (medians)"


# --- who asks --------------------------------------------------------------------------------------


class Load:
    """The askers, the faults, and what came of it."""

    def __init__(
        self, serving: Serving, folder: Path, tally: Tally, model: str, between: float
    ) -> None:
        self.serving, self.folder, self.tally, self.model = serving, folder, tally, model
        self.between = between
        self.generation = 1
        #: When each generation was published: from before on it may be answered from.
        self.published: dict[int, float] = {1: 0.0}
        self.seconds: list[float] = []
        self.used = Used()
        self.until = 0.0

    async def run(self, askers: int, seconds: float) -> None:
        """Ask and break for so long; then wait for what is still asked."""
        self.until = time.monotonic() + seconds
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=self.serving.address, timeout=LOST, limits=limits
        ) as client:
            config = (await client.get("/config")).json()
            events = {d["api_name"]: d["id"] for d in config["dependencies"]}
            watching = asyncio.create_task(self._watch())
            breaking = asyncio.create_task(self._break())
            await asyncio.gather(*(self._asker(client, n, events) for n in range(askers)))
            await breaking
            watching.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.to_thread(self.used.look, self.serving)
            await asyncio.sleep(1)

    async def _break(self) -> None:
        faults = ["index updated", "worker killed"] + ["model killed"] * (self.model != "none")
        for n in range(10_000):
            await asyncio.sleep(self.between)
            if time.monotonic() > self.until:
                return
            fault, landed = faults[n % len(faults)], True
            if fault == "index updated":
                self.generation += 1
                self.published[self.generation] = time.monotonic()
                await asyncio.to_thread(update, self.folder, self.generation)
            else:
                kinds = ["web.worker"] if fault == "worker killed" else _MODELS
                landed = any(self.serving.kill(kind, self.tally.rng) for kind in kinds)
            if landed:
                self.tally.count(fault)

    async def _asker(self, client: httpx.AsyncClient, number: int, events: dict[str, int]) -> None:
        rng, n = random.Random(f"{self.tally.seed} {number}"), 0
        kind = "ask" if number % 2 else "page"
        headers = {"x-forwarded-for": f"10.9.0.{number + 1}"}
        while time.monotonic() < self.until:
            await asyncio.sleep(rng.uniform(0, PAUSE))
            place, began, n = rng.choice(PLACES), time.monotonic(), n + 1
            question = f"How many lanterns did people hang up in {place}?"
            data = [question, self.model, "{}"] if kind == "page" else [question, self.model]
            data += [None, "", "", ""] * (kind == "ask")
            body = {"data": data, "fn_index": events[kind], "session_hash": f"s{number}n{n}"}
            self.tally.count("asked", f"asked by a {'page' if kind == 'page' else 'program'}")
            try:
                done = await asyncio.wait_for(_outcome(client, body, headers), LOST)
            except (httpx.HTTPError, OSError) as error:
                self.tally.count("told by the connection")
                self.tally.notes.append(f"the connection: {type(error).__name__}: {error}"[:160])
            except TimeoutError:
                self._lost(question, "nothing came")
            else:
                self._judge(question, done, began)

    def _lost(self, question: str, why: str) -> None:
        self.tally.count("lost without a word")
        self.tally.fail(f"{question}: {why}")

    def _judge(self, question: str, done: dict, began: float) -> None:
        """Count what came of a question that was asked at `began`."""
        output = done.get("output") or {}
        if not done.get("success"):
            return self._told(question, str(output.get("error") or ""))
        first = (output.get("data") or [None])[0]
        if isinstance(first, dict):
            shown = html.unescape(re.sub(r"<[^>]*>", "", first["html"]))
            outcome = re.search(r'class="turn (\w+)', first["html"])[1]
            generation, failed = None, "language model failed" in shown
        elif first:
            told = json.loads(first)
            shown, outcome, failed = first, told["outcome"], "language model failed" in told["note"]
            generation = told["trace"]["generation"]
            if self.model != "none" and told["trace"]["model"] != "none":
                self.tally.count("a program's that the model read")
        else:
            return self._lost(question, "an answer of nothing")
        if outcome == "failed":
            return self._told(question, shown)
        self.seconds.append(time.monotonic() - began)
        self.tally.count(outcome, *["the note says that the model failed"] * failed)
        served = [g for g in self.published if self.published.get(g + 1, 1e18) + 30 > began]
        if wrong := of_wrong_generation(shown, served, generation):
            self.tally.count("of a wrong corpus")
            self.tally.fail(f"{question}: {wrong}")
        return None

    def _told(self, question: str, line: str) -> None:
        if not line.strip():
            self._lost(question, "an error without a line")
        elif REFUSED.search(line):
            self.tally.count("refused with a line")
        else:
            self.tally.count("told of an error")
            self.tally.notes.append(" ".join(line.split())[-160:])


async def _outcome(client: httpx.AsyncClient, body: dict, headers: dict[str, str]) -> dict:
    """What Gradio says at last; {} if the stream ends without it, which nobody is told."""
    joined = await client.post("/gradio_api/queue/join", json=body, headers=headers)
    if joined.status_code != 200:
        return {"output": {"error": joined.text}}
    params = {"session_hash": body["session_hash"]}
    path = "/gradio_api/queue/data"
    async with client.stream("GET", path, params=params, headers=headers) as stream:
        async for line in stream.aiter_lines():
            told = json.loads(line[6:]) if line.startswith("data: ") else {}
            if told.get("msg") == "process_completed":
                return told
    return {}


# --- the run ---------------------------------------------------------------------------------------


def started(folder: Path, workers: int, model: str, real: bool) -> Serving:
    """The page, serving an index in `folder`, with all workers ready."""
    update(folder, 1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["--index", str(folder / "index"), "--model", model, "--port", str(port)]
    env = {"WIRECHECK_API": "1", "WIRECHECK_PROXY": "127.0.0.1", "WIRECHECK_MODELS": ""}
    ours = ["-m", "tests.faults.load", "--serve", "" if real else str(folder / "stand_in.py")]
    process = subprocess.Popen(
        [sys.executable, *ours, *words, "--workers", str(workers)],
        cwd=ROOT,
        env=os.environ | env,
        stderr=(folder / "log").open("wb"),
    )
    serving = Serving(process, f"http://127.0.0.1:{port}")
    end = time.monotonic() + 120
    while time.monotonic() < end:
        time.sleep(0.2)
        with suppress(httpx.HTTPError):
            if httpx.get(f"{serving.address}/config", timeout=30).status_code == 200:
                return serving
    raise RuntimeError((folder / "log").read_text())


def load(
    tally: Tally, askers: int, seconds: float, workers: int, model: str, real: bool = False
) -> None:
    """Run it, and tell what came of it in `tally`."""
    never = ("lost without a word", "of a wrong corpus", "told of an error")
    tally.counts.update(dict.fromkeys(never, 0))
    serving = started(tally.folder, workers, model, real)
    try:
        run = Load(serving, tally.folder, tally, model, BETWEEN_REAL if real else BETWEEN)
        asyncio.run(run.run(askers, seconds))
        if serving.process.poll() is not None:
            tally.fail(f"the page's process ended: {serving.process.returncode}")
    finally:
        serving.process.send_signal(signal.SIGINT)
        try:
            serving.process.wait(30)
        except subprocess.TimeoutExpired:
            serving.process.kill()
            tally.fail("the page did not end when it was told to")
    tally.notes = list(dict.fromkeys(tally.notes))[:10]
    took, asked = sorted(run.seconds) or [0.0], max(1, tally.counts["asked"])
    ended = (tally.folder / "log").read_text("utf-8", "replace").count("started anew")
    tally.notes += [
        f"{len(run.seconds) / seconds:.2f} answers a second, each after {median(took):.1f} s "
        f"(median), {took[-1]:.1f} s at most",
        *run.used.told(),
        f"{1000 * run.used.processor / asked:.0f} ms of a processor a question in the page's process",
        f"{ended} times a worker was started anew",
    ]
    for what in (
        "answered",
        "index updated",
        "worker killed",
        *["model killed"] * (model != "none"),
    ):
        tally.need(what)


def main() -> int:
    """Run the load and print what came of it; 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--askers", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--model", choices=("none", "embedded"), default="none")
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    words = (options.askers, options.seconds, options.workers, options.model, options.real)
    with tempfile.TemporaryDirectory(prefix="faults-load-") as folder:
        tally = Tally("load", options.seed, True, Path(folder))
        return run_alone(tally, lambda tally: load(tally, *words))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        sys.exit(serve(sys.argv[3:], sys.argv[2]))
    sys.exit(main())
