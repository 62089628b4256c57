"""A bundle as read from a file: nothing in it is believed before it has the right shape.

What is no bundle (another file, a truncated one, a newer version, a number where a text should be)
is a SettingError of one line. Whether what has the right shape is also true is for
`rag.bundle.reverify`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from index.errors import SettingError
from index.files import Unfit, file_bytes, shown
from rag.bundle import FORMAT, MAX_BYTES, canonical
from rag.schema import VoiceKind

_VERSION = re.compile(r"wirecheck-bundle/(\d{1,9})")
_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_OPENED = re.compile(r"<script\b", re.IGNORECASE)
#: How the block of data in a page is marked.
DATA_MARK = ' type="application/json" id="wirecheck-bundle"'

Place = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Row(BaseModel):
    # Strict: true is no offset, and "12" is none either. What a later version adds is passed over.
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Cited(_Row):
    """A span `[start, end)` of an article, in code points, and the words said to be there."""

    article_id: str
    start: Place
    end: Place
    quote: str


class Supported(Cited):
    """A citation: `support` is 0..1, how far the span entails the sentence."""

    support: Finite


class Checked(_Row):
    """One check that a sentence passed, and what it saw."""

    name: str
    passed: bool
    detail: str


class Sentence(_Row):
    """One sentence of the answer; `kind` is span, quote, written or difference."""

    text: str
    kind: str = Field(pattern="^(?:span|quote|written|difference)$")
    support: Finite
    citations: list[Supported] = Field(max_length=500)
    checks: list[Checked]
    remark: str = ""


class Refused(_Row):
    """A sentence that was drafted and not shown."""

    text: str
    reason: str
    detail: str


class Spoken(_Row):
    """Whose words a citation is: the outlet's, or a speaker's."""

    kind: VoiceKind
    speaker: str


class LedgerRow(_Row):
    """Which articles give one value, deny what is asked about, or are silent."""

    article_ids: list[str]
    stance: str
    value: str
    citations: list[Supported] = Field(max_length=500)
    reports: int
    voices: list[Spoken] = Field(default_factory=list, max_length=500)
    note: str = ""


class Stored(_Row):
    """An article as it was when the answer was made."""

    title: str
    outlet: str | None
    published: str | None
    url: str | None
    sha256: str
    text: str


class Generation(_Row):
    """Which state of an index was asked."""

    generation: int | None


class Bundle(_Row):
    """What `rag.bundle.bundle_of` wrote."""

    format: str
    made: str
    question: str
    asked: str
    outcome: str = Field(pattern="^(?:answered|declined)$")
    note: str
    sentences: list[Sentence] = Field(max_length=500)
    refused: list[Refused]
    ledger: list[LedgerRow] = Field(max_length=500)
    evidence: list[Cited] = Field(max_length=5_000)
    articles: dict[str, Stored]
    model: str
    checker: str
    prompts: dict[str, str]
    index: Generation
    versions: dict[str, str]
    settings: dict[str, Any]
    trace: dict[str, Any]
    sha256: str


@dataclass(frozen=True)
class BundleFile:
    """A bundle with the data that it was read from; `page` is the whole page if it came as one."""

    bundle: Bundle
    data: dict[str, Any]
    page: str | None = None


def read_bundle(path: Path) -> BundleFile:
    """The bundle in a file, JSON or a page. Raises SettingError, in one line."""
    name = shown(path)
    try:
        text = file_bytes(path, MAX_BYTES).decode("utf-8-sig")
    except Unfit as unfit:
        raise SettingError(f"{name}: {unfit}") from unfit
    except UnicodeDecodeError as error:
        raise SettingError(f"{name}: no bundle: it is not UTF-8") from error
    try:
        if text.lstrip().startswith("<"):
            data = parsed(_block(text))
            return BundleFile(bundle_in(data), data, text)
        data = parsed(text)
        return BundleFile(bundle_in(data), data)
    except SettingError as error:
        raise SettingError(f"{name}: no bundle that can be read: {error}") from error


def _block(page: str) -> str:
    """The data in a page; it must be the page's only script."""
    opened = len(_OPENED.findall(page))
    if opened != 1:
        raise SettingError(f"the page holds {opened} blocks of script or data, not one")
    match = _SCRIPT.search(page)
    if not match:
        raise SettingError("the page's data do not end: the file is cut off")
    if match[1] != DATA_MARK:
        raise SettingError("the page's script is no bundle's data")
    return match[2]


def parsed(text: str) -> dict[str, Any]:
    """A JSON object, read strictly: no key twice, no NaN, no half of a character.

    Raises SettingError, in one line.
    """
    try:
        data = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite
        )
        if not isinstance(data, dict):
            raise SettingError(f"it holds a {type(data).__name__}, not an object")
        canonical(data)
    except RecursionError as error:
        raise SettingError("it is nested too deep") from error
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        said = "it is cut off" if cut else f"{error.msg} in line {error.lineno}"
        raise SettingError(f"not JSON: {said}") from error
    except UnicodeEncodeError as error:
        raise SettingError("it holds half of a character (a lone surrogate)") from error
    except ValueError as error:
        raise SettingError("not JSON: a number that is too long") from error
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise SettingError(f"the key {_brief(twice)} stands twice in one object")
    return made


def _no_number(word: str) -> NoReturn:
    raise SettingError(f"{word} is no number in JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise SettingError(f"the number {_brief(digits)} is too large")
    return number


def _brief(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:39] + "…")


def bundle_in(data: dict[str, Any]) -> Bundle:
    """The bundle that JSON data hold. Raises SettingError naming the first field that is wrong."""
    name = data.get("format")
    match = _VERSION.fullmatch(name) if isinstance(name, str) else None
    if not match:
        raise SettingError(f'it has no "format": "{FORMAT}"')
    if name != FORMAT:
        raise SettingError(f"its format is {name}, and this version reads {FORMAT} alone")
    try:
        return Bundle.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(_brief(str(part))[1:-1] for part in first["loc"])
        raise SettingError(f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error
