"""Judges of the evaluation, by name; none of them is the checker that answers passed at run time.

    deterministic    words, numbers, names and quotations compared by rule; no model
    own              a small network that ships beside this file, trained on public pairs
    model:NAME       any cross-encoder that sentence-transformers loads, by name or folder
    trained:FILE     weights that `python -m eval.train.checker --export` wrote
    llm:MODEL        a language model as LiteLLM names it; it also grades answers (`LLMJudge.grade`)

`wirecheck eval --judge-agreement` says how often each is right (`eval/agreement.py`).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, get_args

from eval.judging import Case, DeterministicJudge, Grade, Judge, Pair
from index.errors import ModelReplyError, SettingError
from index.rerank import load_pair_model
from index.settings import value_of
from index.words import words
from rag.checkers import LLM, SHIPPED, CrossEncoderChecker
from rag.models import NONE, check_model, complete
from rag.nearest import focus
from rag.prompts import load_prompt
from rag.tuned import Tuned, read_tuned, shipped_weights
from rag.verify import SETTING, Checker

DETERMINISTIC, OWN, MODEL, TRAINED = "deterministic", "own", "model:", "trained:"
NAMES = f"{DETERMINISTIC}, {OWN}, {MODEL}NAME, {TRAINED}FILE or {LLM}MODEL"
#: Tokens of a claim with its evidence, and characters of the claim, of a trained network.
MAX_TOKENS, LONGEST_CLAIM = 160, 500
#: Words of evidence that a language model is sent, those nearest to the sentence.
MOST_WORDS = 4000
#: Questions that a language model is asked at once.
_AT_ONCE = 6

#: What ends a sentence, and may close a quotation behind it.
_STOP = r"[.!?][\"”’')]*"
_OPENING = " \t\n\"'“‘("

Asked = TypeVar("Asked")


def load_judge(name: str) -> Judge:
    """Return the judge called `name`.

    Raises SettingError for an unknown name, for a model that can't be loaded, and for the checker
    that is in use at run time; ModelError for a language model that can't serve.
    """
    name = name.strip()
    _refuse_the_checker(name)
    if name == DETERMINISTIC:
        return DeterministicJudge()
    if name == OWN:
        return _own()
    for mark, load in _LOADERS.items():
        if name.startswith(mark) and (name != mark or mark == LLM):
            return load(name.removeprefix(mark).strip())
    raise SettingError(f"no judge is called {name[:80]!r}; use {NAMES}")


def _refuse_the_checker(name: str) -> None:
    """A sentence is shown only if the checker supports it: as a judge it would find no fault."""
    in_use = value_of(SETTING) or SHIPPED
    if name.removeprefix(MODEL).strip() in (SHIPPED, in_use):
        raise SettingError(
            f"judge {name[:80]!r} is the checker that every shown sentence has passed, so it would "
            f"find them all supported; use another: {NAMES}"
        )


def says(evidence: str, claim: str) -> bool:
    """Whether whole sentences of the evidence are the claim, but for white space.

    "He denied that. Nine died." says "Nine died."; "It is false that nine died." doesn't.
    """
    letters = r"\s+".join(map(re.escape, claim.split()))
    whole = re.search(rf"(?:^|\n\s*|{_STOP}\s+){letters}(?=\s|$)", evidence)
    begins = claim.lstrip(_OPENING)[:1]
    is_sentence = re.search(rf"{_STOP}\s*$", claim) and not begins.islower()
    return whole is not None and bool(is_sentence)


class SupportJudge:
    """Judges by a checker's support: true where it reaches the checker's threshold."""

    def __init__(self, name: str, checker: Checker, fingerprint: str | None = None) -> None:
        """`fingerprint` changes whenever the verdicts may; None where that can't be told."""
        self.name, self.fingerprint = name, fingerprint
        self._checker = checker

    def judge(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """Whether the evidence supports the claim, of each (evidence, claim).

        None where the claim holds no word; evidence without a word supports nothing, and one that
        has the claim in it, whole sentences letter for letter, supports it whatever a network says.
        """
        full = [pair for pair in dict.fromkeys(pairs) if words(pair[0]) and words(pair[1])]
        open_ = [pair for pair in full if not says(*pair)]
        limit = self._checker.threshold
        support = dict.fromkeys(full, 1.0)
        if open_:
            support.update(zip(open_, self._checker.support(open_), strict=True))
        return [support.get(p, 0.0) >= limit if words(p[1]) else None for p in pairs]


class Entailment:
    """Support by a network that `eval/train/checker.py` trained; safe to share between threads."""

    #: Where its logit is 0: nobody calibrated it.
    threshold = 0.5

    def __init__(self, tuned: Tuned) -> None:
        """Its head: support, one logit for a pair."""
        self._tuned = tuned
        tuned.tokenizer.no_padding()
        tuned.tokenizer.enable_truncation(MAX_TOKENS, strategy="longest_first")

    def support(self, pairs: Sequence[Pair]) -> list[float]:
        """See Checker."""
        rows = self._tuned.tokenizer.encode_batch(
            [(claim[:LONGEST_CLAIM], focus(evidence, claim)) for evidence, claim in pairs]
        )
        logits = (self._tuned.head(h[0], "support")[0] for h in self._tuned.hidden(rows))
        return [1 / (1 + math.exp(-float(logit))) for logit in logits]


def _cross_encoder(name: str) -> SupportJudge:
    return SupportJudge(f"{MODEL}{name}", CrossEncoderChecker(load_pair_model(name, "judge")))


@lru_cache(maxsize=1)
def _own() -> SupportJudge:
    return _judge_of(OWN, shipped_weights("judge", "eval"))


def _judge_of(name: str, weights: Path) -> SupportJudge:
    """A judge by what `eval.train.checker` trained over the reader's layers."""
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    network = Entailment(read_tuned(shipped_weights("reader"), weights))
    return SupportJudge(name, network, digest)


def _trained(file: str) -> SupportJudge:
    try:
        judge = _judge_of(f"{TRAINED}{file}", Path(file))
        judge.judge([("One word.", "One word.")])
    except OSError as error:
        raise SettingError(f"judge {TRAINED}{file}: can't be read: {error.strerror}") from error
    except Exception as error:
        raise SettingError(
            f"judge {TRAINED}{file}: no weights that eval.train.checker --export wrote"
        ) from error
    return judge


class LLMJudge:
    """A language model that says whether evidence supports a sentence, and grades answers.

    Equal questions are asked once. `unreadable` counts replies that were no verdict or no grade:
    they are unscored, and never counted as either.
    """

    def __init__(self, model: str) -> None:
        """`model` as LiteLLM names it. Raises SettingError or ModelError if it can't serve."""
        if not model or model == NONE:
            raise SettingError(
                f"judge {LLM}{model[:60]} can't judge: name another model as LiteLLM does, "
                f"such as {LLM}openai/gpt-4o, or use {DETERMINISTIC}"
            )
        check_model(model)
        self.name, self.model, self.unreadable = f"{LLM}{model}", model, 0

    @property
    def fingerprint(self) -> str:
        """Of the name and the prompts; a provider may change a model under the same name."""
        prompts = [load_prompt(name).sha256 for name in ("judge", "grade")]
        return hashlib.sha256("\0".join([self.name, *prompts]).encode()).hexdigest()

    def judge(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """Whether the evidence supports the claim; None where the reply is no verdict.

        None, too, where the claim holds no word; evidence without a word supports nothing, and is
        not asked about. Raises ModelError if the model can't be reached, or if it gave no usable
        reply to any pair.
        """
        full = [p for p in dict.fromkeys(pairs) if words(p[0]) and words(p[1])]
        found = self._ask_all(full, self._verdict)
        return [found[p] if p in found else (False if words(p[1]) else None) for p in pairs]

    def grade(self, cases: Sequence[Case]) -> list[Grade | None]:
        """Each answer's grade against its reference; None where the reply is no grade.

        An answer without a word is NOT_ATTEMPTED, and is not asked about. Raises as `judge` does.
        """
        said = [case for case in dict.fromkeys(cases) if words(case.answer)]
        grades: dict[Case, Grade | None] = self._ask_all(said, self._grade)
        return [grades.get(case) if words(case.answer) else "NOT_ATTEMPTED" for case in cases]

    def _ask_all(self, asked: Sequence[Asked], ask: Callable[[Asked], Any]) -> dict[Asked, Any]:
        failed: list[ModelReplyError] = []

        def reply(item: Asked) -> Any:
            try:
                return ask(item)
            except ModelReplyError as error:
                failed.append(error)
                return None

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            said = list(pool.map(reply, asked))
        if failed and len(failed) == len(asked):
            raise failed[0]
        self.unreadable += said.count(None)
        return dict(zip(asked, said, strict=True))

    def _verdict(self, pair: Pair) -> bool | None:
        evidence, claim = pair
        told = {"evidence": focus(evidence, claim, MOST_WORDS), "sentence": claim}
        return read_verdict(self._reply("judge", "pair", told))

    def _grade(self, case: Case) -> Grade | None:
        return read_grade(self._reply("grade", "case", case._asdict()))

    def _reply(self, prompt: str, name: str, told: dict[str, str]) -> str:
        text = json.dumps(told, ensure_ascii=False)
        return complete(self.model, load_prompt(prompt).messages(**{name: text}))


_LOADERS: dict[str, Callable[[str], Judge]] = {
    LLM: LLMJudge,
    MODEL: _cross_encoder,
    TRAINED: _trained,
}

_VERDICT = ("VERDICT", r"(NOT[ _-]?SUPPORTED|UNSUPPORTED|SUPPORTED)")
_GRADE = ("GRADE", r"(CORRECT|PARTIAL|INCORRECT|NOT[ _-]?ATTEMPTED)")
_GRADES: dict[str, Grade] = {grade.replace("_", ""): grade for grade in get_args(Grade)}


def read_verdict(reply: str) -> bool | None:
    """What the reply's last "VERDICT: ..." says, or the reply if it is a verdict and no more.

    "All is there. VERDICT: SUPPORTED" -> True, "not_supported" -> False, "It is" -> None
    """
    found = _last(_VERDICT, reply)
    return found == "SUPPORTED" if found else None


def read_grade(reply: str) -> Grade | None:
    """What the reply's last "GRADE: ..." says, or the reply if it is a grade and no more.

    "GRADE: INCORRECT" -> "INCORRECT", "partial" -> "PARTIAL", "It is correct." -> None
    """
    return _GRADES.get(_last(_GRADE, reply))


def _last(form: tuple[str, str], reply: str) -> str:
    mark, word = form
    # The last one counts: an earlier one may be repeated from the text that is judged.
    found = re.findall(rf"\b{mark}\W{{1,4}}{word}\b", reply, re.I)
    found = found or re.findall(rf"^\W*{word}\W*$", reply, re.I)
    return re.sub("[ _-]", "", found[-1]).upper() if found else ""
