"""Which checker says how far evidence supports a claim: the one that ships, or any by setting.

WIRECHECK_CHECKER, or an argument, is "bundled", "signals" (the same without the language model in
the box, and quicker), `llm:MODEL` (a language model as LiteLLM names it), or the name or folder of
a cross-encoder that sentence-transformers can load: one with a single output, or one of natural
language inference with a label "entailment".
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np

from index.errors import ModelReplyError, SettingError
from index.rerank import PairModel, load_pair_model
from index.settings import value_of
from index.words import words
from rag.alignment import MAX_CLAIM
from rag.asking import Model
from rag.models import NONE, check_model, complete
from rag.nearest import focus, nearest_text
from rag.prompts import load_prompt
from rag.signal_checker import signal_checker
from rag.verify import QUICK, SETTING, Checker, ModelChecker, default_checker

THRESHOLD_SETTING = "WIRECHECK_CHECKER_THRESHOLD"
SHIPPED, LLM = ModelChecker.name, "llm:"
#: Threshold of a checker that nobody calibrated.
USUAL_THRESHOLD = 0.5
#: Characters of evidence that a checker by setting reads, those nearest to the claim.
MOST_EVIDENCE = 40_000

_ENTAILED = {"entailment", "entailed", "entails"}
_PROMPT = "check"
#: Tokens that a model puts around and between two texts, at most.
_SPECIAL_TOKENS = 4
#: Questions that a language model is asked at once.
_AT_ONCE = 6
_REPLY = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)\s?%?\.?", re.ASCII)
_WORD_REPLIES = {"yes": 1.0, "no": 0.0}


def load_checker(name: str | None = None) -> Checker:
    """Return the checker called `name`, else the one that WIRECHECK_CHECKER names, else ours.

    Its threshold is WIRECHECK_CHECKER_THRESHOLD, else 0.5, or of ours what it was calibrated to.
    Raises SettingError if the threshold is no number from 0 to 1 or the checker can't be loaded,
    and ModelError if it is a language model that can't serve.
    """
    name = (value_of(SETTING) if name is None else name).strip()
    return _named(name or SHIPPED, _threshold())


def beside(checker: Checker, model: Model | None) -> Checker:
    """The checker of an answer that `model` reads for: the one that ships asks the same model."""
    return checker.beside(model) if isinstance(checker, ModelChecker) else checker


def name_of(checker: Checker) -> str:
    """The checker's name, or its class's where it has none."""
    return str(getattr(checker, "name", type(checker).__name__))


def traced(checker: Checker) -> dict[str, Any]:
    """What the trace of an answer says of its checker; JSON-ready."""
    rows: dict[str, Any] = {"checker": name_of(checker), "threshold": checker.threshold}
    if isinstance(checker, ModelChecker):
        if checker.without:
            rows["checker"] = QUICK
        else:
            rows["prompts"] = {"supported": load_prompt("supported").sha256}
    if isinstance(checker, LLMChecker):
        rows["prompts"] = {_PROMPT: load_prompt(_PROMPT).sha256}
    return rows


def unreadable(checker: Checker) -> int:
    """How many replies of a checker could not be read as a verdict so far; 0 for most kinds."""
    return checker.unreadable if isinstance(checker, LLMChecker) else 0


def _threshold() -> float | None:
    text = value_of(THRESHOLD_SETTING)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise SettingError(f"{THRESHOLD_SETTING}={text[:60]!r} is no number from 0 to 1")
    return value


@lru_cache(maxsize=4)
def _named(name: str, threshold: float | None) -> Checker:
    if name == SHIPPED:
        return default_checker(threshold)
    if name == QUICK:
        return signal_checker(threshold)
    limit = USUAL_THRESHOLD if threshold is None else threshold
    if name.startswith(LLM):
        return LLMChecker(name.removeprefix(LLM).strip(), limit)
    return CrossEncoderChecker(load_pair_model(name, "checker"), limit)


class CrossEncoderChecker:
    """Support by a cross-encoder that reads (evidence, claim), premise first.

    One output: its sigmoid. Several: the softmax's share of the one labelled "entailment". Where
    a pair is longer than the model reads, the evidence's sentences nearest to the claim are given.
    """

    def __init__(self, model: PairModel, threshold: float = USUAL_THRESHOLD) -> None:
        """Raises SettingError if the model has several outputs and none is entailment."""
        self.name, self.threshold = model.name, threshold
        self._model = model
        self._entailed = _entailed(model)

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """See Checker; 0.0 where either text holds no word."""
        read = [(evidence, claim[:MAX_CLAIM]) for evidence, claim in pairs]
        full = [n for n, (evidence, claim) in enumerate(read) if words(evidence) and words(claim)]
        logits = self._model.logits([(self._fitting(*read[n]), read[n][1]) for n in full])
        supports = np.zeros(len(pairs))
        supports[full] = _shares(logits, self._entailed)
        return [float(s) for s in supports]

    def _fitting(self, evidence: str, claim: str) -> str:
        """As much of the evidence as the model reads beside the claim, the nearest first."""
        room = self._model.max_tokens - self._model.count_tokens(claim) - _SPECIAL_TOKENS
        text = nearest_text(evidence, claim, MOST_EVIDENCE)
        count, length = self._model.count_tokens(text), len(text.split())
        while count > room > 0 and length > 1:
            length = max(1, int(0.95 * length * room / count))
            shorter = focus(text, claim, length)
            if shorter == text:  # one sentence, longer than the model reads
                break
            text = shorter
            count = self._model.count_tokens(text)
        return text


def _entailed(model: PairModel) -> int:
    """Which output is entailment."""
    labels = [label.strip().lower() for label in model.labels]
    found = [n for n, label in enumerate(labels) if label in _ENTAILED]
    if len(labels) > 1 and len(found) != 1:
        raise SettingError(
            f"checker {model.name} gives {len(labels)} numbers for a pair, and none of them is "
            f"labelled 'entailment', only {', '.join(model.labels)[:200]}"
        )
    return found[0] if len(labels) > 1 else 0


def _shares(logits: np.ndarray, column: int) -> np.ndarray:
    """Softmax of one column, or the sigmoid of a single one; `(n,)`, 0..1."""
    if logits.shape[1] == 1:
        logits = np.concatenate([logits, np.zeros_like(logits)], axis=1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = powers[:, column] / powers.sum(axis=1)
    return shares


class LLMChecker:
    """Support as a language model judges it, asked once a pair; equal pairs are asked once.

    `unreadable` counts replies that were no verdict: they say nothing, so they support nothing.
    """

    #: Of a passage's sentences, so many are worth asking about one by one.
    most_candidates = 3

    def __init__(self, model: str, threshold: float = USUAL_THRESHOLD) -> None:
        """`model` as LiteLLM names it. Raises SettingError or ModelError if it can't serve."""
        if not model or model == NONE:
            raise SettingError(
                f"checker {LLM}{model[:60]} can't judge: name another model as LiteLLM does, "
                f"such as {LLM}openai/gpt-4o, or use {SHIPPED!r}"
            )
        check_model(model)
        self.name, self.threshold, self.model = f"{LLM}{model}", threshold, model
        self.unreadable = 0
        self._judged = lru_cache(maxsize=4096)(self._judge)

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """See Checker; 0.0 where either text holds no word, or the reply is no verdict.

        Raises ModelError if the model can't be reached, or if it gave no usable reply to any pair.
        """
        full = [p for p in dict.fromkeys(pairs) if words(p[0]) and words(p[1])]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            judged = dict(zip(full, pool.map(self._reply, full), strict=True))
        failed = [r for r in judged.values() if isinstance(r, ModelReplyError)]
        if failed and len(failed) == len(judged):
            raise failed[0]
        read = {p: r for p, r in judged.items() if isinstance(r, float)}
        self.unreadable += len(judged) - len(read)
        return [read.get(pair, 0.0) for pair in pairs]

    def _reply(self, pair: tuple[str, str]) -> float | ModelReplyError | None:
        try:
            return self._judged(*pair)
        except ModelReplyError as error:
            return error

    def _judge(self, evidence: str, claim: str) -> float | None:
        pair = {
            "evidence": nearest_text(evidence, claim, MOST_EVIDENCE),
            "claim": claim[:MAX_CLAIM],
        }
        told = json.dumps(pair, ensure_ascii=False)
        return read_verdict(complete(self.model, load_prompt(_PROMPT).messages(pair=told)))


def read_verdict(reply: str) -> float | None:
    """0..1 from a reply that is one number from 0 to 100, or yes, or no; None if it is neither.

    "87" -> 0.87, "Yes." -> 1.0, "I would say 87" -> None
    """
    text = reply.strip()
    word = text.lower().rstrip(".")
    if word in _WORD_REPLIES:
        return _WORD_REPLIES[word]
    match = _REPLY.fullmatch(text)
    value = float(match[1]) if match else -1.0
    return value / 100 if 0 <= value <= 100 else None
