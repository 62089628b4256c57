r"""The process that a language model lives in: the only file that calls OpenVINO GenAI.

    python -m rag.model_process FOLDER      serve the model in FOLDER: lines of JSON in, lines out
    python -m rag.model_process --convert F write what OpenVINO makes of the GGUF file F beside it

A process of its own can be stopped and started anew whatever state its runtime is in, and gives its
gigabytes back by ending. It ends with its input. In, one call at a time:

    {"id": 7, "conversations": [[{"role": ..., "content": ...}]], "begun": "", "max_tokens": 40,
     "stop": ["\\n"]}         and, at any time, {"cancel": 7}

Out: {"ready": true} once, and for each call any number of {"id": 7, "texts": [...]}, then
{"id": 7, "done": [{"text", "tokens", "logprobs"}]} or {"id": 7, "error": "too long"}.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Tokens that a conversation and the reply to it may have together.
CONTEXT = 6_000
#: Tokens that are read at once: under a second's work, after which a call can be cancelled.
READ_AT_ONCE = 128
#: Gigabytes of what has been read that are kept: conversations that begin alike share it.
CACHE = 1
#: Characters of a beginning that several prompts share and that is worth reading once.
LONG = 1_500
_CONTROL = ("<|", "|>", "[INST", "[/INST", "<s>", "</s>", "<start_of_", "<end_of_")

Call = dict[str, Any]
Message = dict[str, str]


def defused(text: str) -> str:
    """`text` with what could be a model's control token broken up, so that it opens no turn."""
    for mark in _CONTROL:
        text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text


class Calls:
    """What comes in on a stream: calls in their order, and which of them are cancelled."""

    def __init__(self, stream: Any) -> None:
        self.cancelled: set[int] = set()
        self._waiting: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(stream,), daemon=True).start()

    def next(self) -> Call | None:
        """The next call; None when there will be no more."""
        return self._waiting.get()

    def _listen(self, stream: Any) -> None:
        for line in stream:
            call = json.loads(line)
            if "cancel" in call:
                self.cancelled.add(call["cancel"])
            else:
                self._waiting.put(call)
        self._waiting.put(None)
        # Whoever asked is gone: nobody reads what is being written.
        os._exit(0)


class Server:
    """A model in memory, and the calls that it answers, one after the other."""

    def __init__(self, folder: str) -> None:
        import openvino_genai as genai

        scheduler = genai.SchedulerConfig()
        scheduler.enable_prefix_caching = True
        scheduler.cache_size = CACHE
        scheduler.max_num_batched_tokens = READ_AT_ONCE
        self._genai = genai
        self._pipeline = genai.ContinuousBatchingPipeline(folder, scheduler, "CPU", {})
        self._tokenizer: Any = self._pipeline.get_tokenizer()
        self._numbers = itertools.count()
        self._shared = "\0"

    def serve(self, calls: Calls, out: Any) -> None:
        """Answer calls until there are no more."""

        def say(**row: Any) -> None:
            out.write(json.dumps(row) + "\n")
            out.flush()

        say(ready=True)
        while (call := calls.next()) is not None:
            number = call["id"]
            prompts = [self._prompt(c, call["begun"]) for c in call["conversations"]]
            longest = max(map(self._count, prompts))
            if longest + call["max_tokens"] > CONTEXT:
                say(id=number, error="too long", tokens=longest, most=CONTEXT)
                continue
            try:
                say(id=number, done=self._generate(call, prompts, calls, say))
            except RuntimeError as error:
                say(id=number, error="failed", detail=str(error)[:500])

    def _prompt(self, conversation: list[Message], begun: str) -> str:
        safe = [{"role": m["role"], "content": defused(m["content"])} for m in conversation]
        return f"{self._tokenizer.apply_chat_template(safe, True)}{defused(begun)}"

    def _count(self, prompt: str) -> int:
        return int(self._tokenizer.encode(prompt).input_ids.shape[1])

    def _generate(self, call: Call, prompts: list[str], calls: Calls, say: Any) -> list[Any]:
        config = self._genai.GenerationConfig(
            max_new_tokens=call["max_tokens"],
            stop_strings=set(call["stop"]),
            apply_chat_template=False,
            logprobs=1,
        )
        config.eos_token_id = self._pipeline.get_config().eos_token_id

        def heard() -> bool:
            say(id=call["id"], texts=[""] * len(prompts))
            return call["id"] in calls.cancelled

        self._read_once(prompts, heard)
        handles = [self._pipeline.add_request(next(self._numbers), p, config) for p in prompts]
        written: list[list[tuple[int, float]]] = [[] for _ in handles]
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
            if call["id"] in calls.cancelled:
                self._let_go(handles)
                break
            for place, handle in enumerate(handles):
                _collect(handle, written[place])
            # At each step, new words or not: whoever waits sees that the process lives.
            say(id=call["id"], texts=[self._text(pieces, call["stop"]) for pieces in written])
        return [self._result(pieces, call["stop"]) for pieces in written]

    def _read_once(self, prompts: list[str], cancelled: Callable[[], bool]) -> None:
        """Read what several prompts begin with alike: together, each would read it anew."""
        shared = _shared(prompts)
        if len(prompts) == 1 or len(shared) < LONG or shared.startswith(self._shared):
            return
        self._shared = shared[:LONG]
        config = self._genai.GenerationConfig(max_new_tokens=1, apply_chat_template=False)
        # A request whose handle is let go is dropped.
        handle = self._pipeline.add_request(next(self._numbers), shared, config)
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
            if cancelled():
                self._shared = "\0"
                self._let_go([handle])
        del handle

    def _let_go(self, handles: list[Any]) -> None:
        for handle in handles:
            handle.cancel()
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()

    def _text(self, pieces: list[tuple[int, float]], stop: list[str]) -> str:
        text = str(self._tokenizer.decode([token for token, _ in pieces]))
        ends = [at for word in stop if (at := text.find(word)) >= 0]
        return text[: min(ends)] if ends else text

    def _result(self, pieces: list[tuple[int, float]], stop: list[str]) -> dict[str, Any]:
        return {
            "text": self._text(pieces, stop),
            "tokens": [str(self._tokenizer.decode([token], False)) for token, _ in pieces],
            "logprobs": [float(p) for _, p in pieces],
        }


def _shared(texts: list[str]) -> str:
    """What all of them begin with."""
    pairs = zip(min(texts), max(texts), strict=False)
    size = next((n for n, (a, b) in enumerate(pairs) if a != b), len(min(texts)))
    return texts[0][:size]


def _collect(handle: Any, pieces: list[tuple[int, float]]) -> None:
    while handle.can_read():
        for output in handle.read().values():
            pieces += zip(output.generated_ids, output.generated_log_probs, strict=True)


def _convert(source: str) -> None:
    import openvino_genai as genai

    from rag.lighten import lighten

    genai.LLMPipeline(source, "CPU", enable_save_ov_model=True)
    lighten(Path(source).parent)


def _serve(folder: str) -> None:
    # What libraries print goes where it can't be taken for an answer.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    calls = Calls(os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8"))
    Server(folder).serve(calls, out)


if __name__ == "__main__":
    if sys.argv[1] == "--convert":
        _convert(sys.argv[2])
    else:
        _serve(sys.argv[1])
