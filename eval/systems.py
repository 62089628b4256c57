"""A system under test: others' answers, scored by the same harness.

    module:function   called with each question
    https://...#MODEL an address with OpenAI's interface: our search and our prompt, its model
    anything else     a command: the question on its standard input, or where {question} stands

What a function returns or a command prints is an answer as `Answer.to_dict()` writes it, or a
simple one, as an object or as JSON:

    {"text": "Nine people died.", "citations": [{"article_id": "w012", "quote": "Nine people"}]}
    {"claims": [{"text": "Nine people died.", "citations": [...]}, ...]}
    {"declined": true}

and a number under "confidence" is how sure the system is, higher is surer. A text whose sentences
end in marks ("... died. [w012]") is split at them, and each sentence keeps the citations of the
articles that its marks name; a text without marks is one claim. A citation without a quote cites
the whole article. A quote that doesn't stand in the article, and an article that isn't there, are
kept as they are: the harness counts them as what they are, not valid.
"""

from __future__ import annotations

import json
import os
import pkgutil
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urldefrag

from index.errors import ModelReplyError, ModelUnreachable, SettingError, WirecheckError
from index.records import Article, Passage
from index.settings import value_of
from rag.prompts import load_prompt
from rag.schema import Answer, Citation, Claim, Evidence, Outcome

#: Environment's variable with the key for an address, and seconds that a command may take.
KEY, SECONDS = "WIRECHECK_SYSTEM_KEY", 300.0
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
#: A sentence and the marks that it ends in.
_MARKED = re.compile(r"(.+?)((?:\s*\[[^\[\]\n]+\])+)[.!?]?\s*", re.S)
_MARK = re.compile(r"\[([^\[\]\n]+)\]")

#: Sentences that a model behind an address sees, each with its neighbours, and tokens of a reply.
WRITING_EVIDENCE, MOST_TOKENS = 6, 400
NO_ANSWER = "NO ANSWER"
_LABELS = re.compile(r"\s*((?:\[\s*E\d+(?:\s*[,;]\s*E\d+)*\s*\]\s*)+)[.!?]?\s*$")
_LABEL = re.compile(r"E\d+")

System = Callable[[str], Answer]


def load_system(name: str, index: Any, seconds: float = SECONDS) -> System:
    """Return what asks the system called `name`; `index` holds the articles that it may cite.

    Raises SettingError if there is no such function or command. What it returns raises one of
    ModelError where the system fails, times out or answers with what is no answer.
    """
    name = name.strip()
    if is_address(name):
        return _served(name, index)
    if _FUNCTION.fullmatch(name):
        return _called(name, _function(name), index)
    return _commanded(name, _command(name), index, seconds)


def is_address(name: str) -> bool:
    """Whether a system is an address, which is given our evidence."""
    return re.match(r"https?://", name.strip()) is not None


# --- the three kinds ---------------------------------------------------------------------------


def _function(name: str) -> Callable[[str], Any]:
    if "" not in sys.path:
        sys.path.insert(0, "")  # As `python -m` does: modules of the folder that we stand in.
    try:
        found: Any = pkgutil.resolve_name(name)
    except Exception as error:
        raise SettingError(f"--system {name}: can't be loaded: {told_of(error)}") from error
    if not callable(found):
        raise SettingError(f"--system {name}: is no function, but a {type(found).__name__}")
    function: Callable[[str], Any] = found
    return function


def _called(name: str, function: Callable[[str], Any], index: Any) -> System:
    def ask(question: str) -> Answer:
        try:
            given = function(question)
        except WirecheckError:
            raise
        except (Exception, SystemExit) as error:
            raise ModelReplyError(f"{name} failed: {told_of(error)}") from error
        return answer_of(question, given, index.articles, name)

    return ask


def _command(name: str) -> list[str]:
    try:
        words = shlex.split(name)
    except ValueError as error:
        raise SettingError(f"--system {name}: can't be read as a command: {error}") from error
    if not words:
        raise SettingError("--system: name module:function, an address with #MODEL, or a command")
    return words


def _commanded(name: str, words: Sequence[str], index: Any, seconds: float) -> System:
    def ask(question: str) -> Answer:
        printed = _output(
            name, [w.replace("{question}", question) for w in words], question, seconds
        )
        try:
            given = json.loads(printed)
        except ValueError as error:
            raise ModelReplyError(f"{name} printed no JSON: {_short(printed)}") from error
        return answer_of(question, given, index.articles, name)

    return ask


def _output(name: str, words: Sequence[str], question: str, seconds: float) -> str:
    """What the command prints; it and whatever it started is stopped after `seconds`."""
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as error:
        raise SettingError(f"--system {name}: can't be started: {error.strerror}") from error
    try:
        printed, told = process.communicate(f"{question}\n".encode(), timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise ModelUnreachable(f"{name} gave no answer within {seconds:g} seconds") from error
    finally:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode:
        lines = told.decode("utf-8", "replace").strip().splitlines() or ["nothing said"]
        raise ModelReplyError(f"{name} ended with {process.returncode}: {_short(lines[-1])}")
    return printed.decode("utf-8", "replace")


def _served(name: str, index: Any) -> System:
    """Our search and prompt, another's model, and none of our checks: what it writes is scored."""
    url, model = urldefrag(name)
    if not model:
        raise SettingError(f"--system {name}: say which model, as {url}#MODEL")
    from rag.evidence import find_evidence
    from rag.llm import Server
    from rag.models import RemoteModel
    from rag.question import analyse
    from rag.reader import load_reader

    reader, server = load_reader(), Server(url, value_of(KEY))
    remote = RemoteModel(f"openai/{model}", server)

    def ask(question: str) -> Answer:
        found = find_evidence(analyse(question), index, reader)
        evidence = found.evidence(WRITING_EVIDENCE)
        told = "\n".join(json.dumps(_shown(e), ensure_ascii=False) for e in evidence)
        prompt = load_prompt("labelled").messages(question=question, evidence=told)
        reply = remote.ask([prompt], max_tokens=MOST_TOKENS)[0]
        claims = tuple(labelled(reply.text, evidence))
        return _answer(question, claims, name, evidence=evidence)

    return ask


def _shown(evidence: Evidence) -> dict[str, str]:
    """What a model may see of a piece of evidence: never its file ID."""
    from rag.sentences import with_neighbours

    article = evidence.hit.passage.article
    return {
        "label": evidence.label,
        "outlet": article.outlet or "unknown",
        "date": article.published or "unknown",
        "text": with_neighbours(evidence.hit.passage).text,
    }


def labelled(reply: str, evidence: Sequence[Evidence]) -> Iterator[Claim]:
    """A claim for each line, citing the passages whose labels it ends with; none of NO ANSWER.

    Other labels name nothing.
    """
    passages = {e.label: e.hit.passage for e in evidence}
    for line in () if reply.strip().strip(".").upper() == NO_ANSWER else reply.splitlines():
        match = _LABELS.search(line)
        text = line[: match.start()] if match else line
        labels = _LABEL.findall(match[1]) if match else []
        cited = [passages.get(label) or _absent(label) for label in labels]
        if any(c.isalnum() for c in text):
            citations = tuple(Citation(passage, 0.0) for passage in cited)
            yield Claim(text.strip(" -*•"), citations, 0.0)


# --- what they answer --------------------------------------------------------------------------


def answer_of(
    question: str, given: Any, articles: Mapping[str, Article], name: str = "system"
) -> Answer:
    """`given` as an Answer; `articles` are what it may cite. See the top of this file.

    Support is 0.0 throughout: nobody measured it. Raises ModelReplyError for what is no answer.
    """
    if isinstance(given, Answer):
        return given
    if isinstance(given, str):
        given = {"text": given}
    if not isinstance(given, Mapping):
        raise ModelReplyError(f"{name} answered with a {type(given).__name__}, not an object")
    try:
        if "ledger" in given:
            return Answer.from_dict(dict(given))
        claims = tuple(_claims(given, articles))
        return _answer(question, claims, name, given.get("confidence"))
    except (SettingError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelReplyError(
            f"{name} gave no answer that can be read: {told_of(error)}"
        ) from error


def _answer(
    question: str,
    claims: tuple[Claim, ...],
    name: str,
    confidence: Any = None,
    evidence: tuple[Evidence, ...] = (),
) -> Answer:
    trace: dict[str, Any] = {"system": name}
    if confidence is not None:
        trace["confidence"] = float(confidence)
    outcome: Outcome = "answered" if claims else "declined"
    note = "Another system's answer, not checked." if claims else "Another system declined."
    return Answer(question, outcome, claims, evidence=evidence, note=note, trace=trace)


def _claims(given: Mapping[str, Any], articles: Mapping[str, Article]) -> Iterator[Claim]:
    if given.get("declined") or given.get("outcome") == "declined":
        return
    if "claims" in given:
        rows = [(row["text"], row.get("citations", ())) for row in given["claims"]]
    else:
        rows = _by_marks(given["text"], given.get("citations", ()))
    for text, cited in rows:
        citations = tuple(Citation(_passage(one, articles), 0.0) for one in cited)
        if words := " ".join(text.split()):
            yield Claim(words, citations, 0.0)


def _by_marks(text: str, citations: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    """Sentences that end in marks, each with its citations, and what follows the last mark."""
    rows: list[tuple[str, list[Any]]] = []
    end = 0
    for match in _MARKED.finditer(text):
        rows.append((match[1], _marked(_MARK.findall(match[2]), citations)))
        end = match.end()
    rest = text[end:]
    # Without a single mark nothing says which sentence a citation belongs to.
    return [*rows, (rest, list(citations) if not rows else [])]


def _marked(marks: Sequence[str], citations: Sequence[Any]) -> list[Any]:
    names = [name.strip() for mark in marks for name in re.split("[,;]", mark)]
    quoted = [c for c in citations if _name(c) in names]
    known = {_name(c) for c in quoted}
    return [*quoted, *(name for name in names if name not in known)]


def _name(citation: Any) -> str:
    return str(citation if isinstance(citation, str) else citation["article_id"])


def _passage(citation: Any, articles: Mapping[str, Article]) -> Passage:
    name = _name(citation)
    article = articles.get(name)
    if article is None:
        return _absent(name)
    quote = None if isinstance(citation, str) else citation.get("quote")
    if quote is None:
        return Passage(article, 0, len(article.text))
    span = find_words(article.text, str(quote))
    return Passage(article, *span) if span else _absent(name, str(quote))


def _absent(name: str, words: str = "") -> Passage:
    """A place that isn't there: an article of that ID with other words than the real one."""
    return Passage(Article(name, "", words), 0, len(words))


#: Marks that are written in several ways.
_ALIKE = {"'": "['‘’‚‛]", '"': '["“”„‟«»]', "-": "[-–—]"}
_STRAIGHT = {ord(c): mark for mark, alike in _ALIKE.items() for c in alike[1:-1]}


def find_words(text: str, quote: str) -> tuple[int, int] | None:
    """Where `quote` stands in `text`, `[start, end)`, the first time; None where it doesn't.

    White space may differ in kind and length, quotation marks and dashes in shape.
    """
    words = [
        "".join(_ALIKE.get(c, re.escape(c)) for c in word.translate(_STRAIGHT))
        for word in quote.split()
    ]
    match = re.search(r"\s+".join(words), text) if words else None
    return match.span() if match else None


def told_of(error: BaseException) -> str:
    """An error in one line; one that isn't ours with its name, and at most 200 characters of it."""
    if isinstance(error, WirecheckError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {_short(str(error))}"


def _short(text: str) -> str:
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= 200 else f"{flat[:197]}..."
