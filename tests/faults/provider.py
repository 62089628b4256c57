"""What a language model elsewhere may do instead of replying, and what an answer makes of it.

    python -m tests.faults.provider [--runs 1000] [--seed 1]

Each run asks a question of a model on loopback, through LiteLLM. The model's first replies are drawn
faults, the others are sound. A run fails if it takes longer than the deadline, if it gives no
quotation, if anything that is shown is not proven, or if a log holds the key or an article's text.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import rag
import tests.openai_server as does
from index import Index
from index.errors import ModelError
from rag.checks import fold
from rag.cite import written_checks
from rag.llm import Server, complete
from rag.prompts import load_prompt
from rag.schema import Answer, Claim
from tests.fake_reader import PatternReader
from tests.fakes import OverlapChecker, indexed
from tests.faults.tally import Tally, run_alone
from tests.openai_server import OpenAIServer, Step, says

KEY = "sk-canary-0123456789abcdef"
ARTICLES = {
    "h1": "Harbour shut\n\nThe harbour of Lune Mills was shut for four days, harbour master Ada Holm "
    "said on Friday. Nobody was hurt in the storm.",
    "h2": "Storm closes harbour\n\nA storm closed the harbour of Lune Mills for four days. Divers "
    "looked for two cranes.",
    "h3": "Harbour open again\n\nThe harbour of Lune Mills was shut for almost six days, the port "
    "union said.",
}
QUESTIONS = {
    "How long was the harbour of Lune Mills shut?": r"four days|almost six days",
    "Why was the harbour of Lune Mills shut?": r"A storm",
}
#: Seconds that a model has for all of an answer; and that the rest of the answer may take besides.
DEADLINE, BESIDES = 1.0, 4.0
MISSED = "the fault did not land"
#: What no article says. None of it may be shown.
LIE = "999 zebras were killed in the harbour of Lune Mills."
_THOUGHT = f"<think>Maybe {LIE}</think>"
_TOO_LONG = "This model's maximum context length is 10 tokens"
_PLAIN = json.loads(does.reply(LIE))
FAULTS: dict[str, Step] = {
    "401": does.echoes_key(401),
    "403": does.echoes_key(403),
    "404": does.echoes_key(404),
    "429": does.fails(429),
    "429, retry at once": does.fails(429, headers={"Retry-After": "0"}),
    "429, retry later": does.fails(429, headers={"Retry-After": "3600"}),
    "429, retry never said": does.fails(429, headers={"Retry-After": "soon"}),
    "500": does.echoes_key(500),
    "503": does.fails(503, LIE),
    "redirect": does.redirects("http://127.0.0.1:9/v1"),
    "hangs": does.hangs(),
    "hangs within": does.drips(),
    "cut": does.cuts(LIE),
    "cut, says stop": does.sends(does.reply(LIE)[:-40]),
    "stream": does.sends(f"data: {json.dumps(_PLAIN)}\n\ndata: [DONE]\n\n".encode()),
    "no body": does.sends(b""),
    "empty": says(""),
    "null": says(None),
    "null for all": does.sends(b"null"),
    "no choices": does.no_choices(),
    "HTML": does.not_json(),
    "10 MB": says("zebra " * 1_700_000),
    "compressed bomb": does.bomb(20_000_000),
    "packed otherwise": does.sends(does.reply(LIE), {"Content-Encoding": "br"}),
    "broken JSON": does.sends(b'{"id": '),
    "other JSON": does.sends(b'{"answer": "999 zebras"}'),
    "JSON in a fence": says(f"```json\n{json.dumps({'answer': LIE, 'citations': ['E1']})}\n```"),
    "fence": says(f"```\n{LIE} [E1]\n```"),
    "thoughts": says(f"{_THOUGHT}\n{LIE}"),
    "thoughts without end": says(f"<think>Maybe {LIE}"),
    "two thoughts": says(f"{_THOUGHT}{_THOUGHT}{LIE}"),
    "thoughts beside": does.sends(
        does.reply(LIE).replace(b'"role"', b'"reasoning_content": "999 zebras", "role"')
    ),
    "refusal": says("I can't help with that."),
    "wrong labels": says(f"{LIE} [E7] [E0]"),
    "another language": says("Der Hafen war 999 Tage lang geschlossen."),
    "cut off": says(LIE, "length"),
    "context length": does.fails(400, _TOO_LONG),
    "content filter": says(LIE, "content_filter"),
    "content policy": does.fails(400, "Your request was rejected by our content_policy_violation"),
    "malformed": does.fails(400),
}
#: Addresses at which nobody replies.
ADDRESSES = {
    "refused": "http://127.0.0.1:9/v1",
    "no such name": "http://nobody.invalid/v1",
    "TLS": "https://{}/v1",
}
KINDS = (*FAULTS, *ADDRESSES)


def sound(body: dict) -> str:
    """What a model that does as it is told replies."""
    system, last = body["messages"][0]["content"], body["messages"][-1]["content"]
    if system == load_prompt("write").turns[0][1]:
        return "A storm closed the harbour of Lune Mills."
    if last == load_prompt("confirm").turns[-1][1]:
        return "Yes"
    if "Why" in last:
        return "A storm closed the harbour"
    return "almost six days" if "almost six days" in last else "four days"


@contextmanager
def corpus() -> Iterator[Index]:
    """The articles, indexed, and quick parts in place of the ones that ship."""
    with tempfile.TemporaryDirectory() as name:
        quick = PatternReader(QUESTIONS)
        with (
            patch("rag.ask.load_reader", lambda: quick),
            patch("rag.ask.load_checker", OverlapChecker),
            patch.dict(os.environ, {"OPENAI_API_KEY": KEY, "NO_PROXY": "*"}),
        ):
            with OpenAIServer(says("Yes")) as server:  # LiteLLM takes seconds to load
                complete(
                    "openai/scripted", [{"role": "user", "content": "-"}], server=Server(server.url)
                )
            index = indexed(Path(name), ARTICLES)
            rag.answer(next(iter(QUESTIONS)), index, "none")  # what else takes long at first
            yield index


def run(
    index: Index, question: str, kinds: list[str], deadline: float = DEADLINE
) -> tuple[list[str], Answer | None]:
    """What was wrong with an answer by a model that did these; what the answer was."""
    script = [FAULTS[kind] for kind in kinds if kind in FAULTS]
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    began = time.monotonic()
    try:
        with OpenAIServer(*script, says(sound)) as server:
            place = server.url.split("/")[2]
            at = next((ADDRESSES[k].format(place) for k in kinds if k in ADDRESSES), server.url)
            with (
                redirect_stdout(log),
                redirect_stderr(log),
                patch.dict(os.environ, {"OPENAI_API_BASE": at, "OPENAI_BASE_URL": at}),
                patch.dict(os.environ, {"WIRECHECK_MODEL_SECONDS": str(deadline)}),
            ):
                answer = rag.answer(question, index, "openai/scripted")
            took, asked = time.monotonic() - began, len(server.requests)
    except Exception as error:
        known = isinstance(error, ModelError)
        return [f"{'an error' if known else 'a crash'} and no answer: {error!r}"], None
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(level)
    wrong = list(faults_of(answer, log.getvalue()))
    if took > deadline + BESIDES:
        wrong.append(f"it took {took:.1f} seconds")
    if script and not asked and at == server.url:
        wrong.append(MISSED)
    return wrong, answer


def faults_of(answer: Answer, log: str) -> Iterator[str]:
    """What is wrong with an answer, whatever the model did."""
    told = json.dumps(answer.to_dict(), ensure_ascii=False)
    if not answer.claims:
        yield "no quotation, though reports were at hand"
    if "\n" in answer.note:
        yield "the note has several lines"
    for claim in answer.claims:
        if not proven(claim):
            yield f"not proven: {claim.text!r}"
    if KEY in told or KEY in log:
        yield "the key is shown"
    if any(
        line in log for text in ARTICLES.values() for line in re.split(r"(?<=\.) |\n+", text)[1:]
    ):
        yield "an article is in the log"


def proven(claim: Claim) -> bool:
    """Whether what is cited says what is told; nothing that was made up is in it."""
    if "999" in claim.text or "zebra" in claim.text or not claim.citations:
        return False
    if any(c.quote not in ARTICLES[c.article_id] for c in claim.citations):
        return False
    quotes = "\n".join(c.quote for c in claim.citations)
    if claim.kind in {"span", "quote"}:
        return fold(claim.text) in fold(quotes)
    if claim.kind == "difference":
        return all(fold(w) in fold(quotes) for w in re.findall("“(.*?)”", claim.text))
    return all(check.passed for check in written_checks(claim.text, quotes, None))


def drawn(index: Index, tally: Tally, number: int) -> float:
    """One run, and its seconds: every kind comes first as often as every other.

    Up to two more may follow. A busy machine may use up so short a deadline before the model is asked.
    """
    kinds = [
        KINDS[number % len(KINDS)],
        *tally.rng.choices(tuple(FAULTS), k=tally.rng.randrange(3)),
    ]
    began = time.monotonic()
    wrong, answer = run(index, tally.rng.choice(tuple(QUESTIONS)), kinds)
    tally.count("note tells of it" if answer and "failed" in answer.note else "answered")
    for what in wrong:
        if what == MISSED:
            tally.count("did not land")
        else:
            tally.fail(f"{', '.join(kinds)}: {what}")
    return time.monotonic() - began


def main() -> int:
    """Draw runs, and print what came of them; 0 if nothing was wrong and almost all faults landed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.provider", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    def campaign(tally: Tally) -> None:
        with corpus() as index:
            longest = max(drawn(index, tally, number) for number in range(options.runs))
        tally.notes.append(f"{len(KINDS)} kinds; the longest took {longest:.1f} s")
        tally.need("note tells of it")
        if tally.counts["did not land"] > options.runs / 50:
            tally.fail("too many faults did not land")

    return run_alone(Tally("provider", options.seed, True, Path()), campaign)


if __name__ == "__main__":
    sys.exit(main())
