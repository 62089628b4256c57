"""Reads prompts: the only way to what stands in `prompts/`.

A prompt is a conversation in one file. Its first line declares its variables; each turn begins with
a line of its own that names the speaker; variables stand in the text as `$question`:

    # variables: question
    === system
    You answer briefly.
    === user
    $question

What is declared and what stands in the text must be the same, and so must what is given.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template

from index.errors import SettingError

_HEADER = re.compile(r"# variables:([a-z_, ]*)")
_TURN = re.compile(r"^=== (system|user|assistant)$", re.M)


@dataclass(frozen=True)
class Prompt:
    """One file of `prompts/`.

    `turns` are (speaker, text), in order; `sha256` is that of the whole file, in hex.
    """

    name: str
    turns: tuple[tuple[str, str], ...]
    sha256: str
    variables: tuple[str, ...]

    def messages(self, **values: str) -> list[dict[str, str]]:
        """The turns with `values` in place of the variables; what those contain stays as it is.

        Raises SettingError where one is missing or unknown.
        """
        for name in self.variables:
            if name not in values:
                raise SettingError(f"prompt {self.name}: no value for its variable ${name}")
        for name in values:
            if name not in self.variables:
                raise SettingError(f"prompt {self.name}: it has no variable ${name}")
        return [
            {"role": speaker, "content": Template(text).substitute(values)}
            for speaker, text in self.turns
        ]


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt of that name: "write" is `prompts/write.txt`.

    Raises SettingError where there is none, or its text and its first line do not agree.
    """
    folder = files("prompts")
    known = sorted(
        file.name.removesuffix(".txt") for file in folder.iterdir() if file.name.endswith(".txt")
    )
    if name not in known:
        raise SettingError(f"there is no prompt {name!r}, only {', '.join(known)}")
    return read_prompt(name, folder / f"{name}.txt")


def read_prompt(name: str, file: Traversable) -> Prompt:
    """The prompt that `file` holds; raises SettingError as `load_prompt` does."""
    raw = file.read_bytes()
    header, _, text = raw.decode("utf-8").partition("\n")
    match = _HEADER.fullmatch(header.strip())
    if not match:
        raise SettingError(
            f"prompt {name}: its first line must declare its variables, like "
            "'# variables: question, evidence'"
        )
    declared = tuple(part.strip() for part in match[1].split(",") if part.strip())
    template = Template(text)
    if not template.is_valid():
        raise SettingError(f"prompt {name}: a $ in it begins no variable; write $$ for the sign")
    for variable in sorted(set(declared) ^ set(template.get_identifiers())):
        where = "declared, but not in the text" if variable in declared else "not declared"
        raise SettingError(f"prompt {name}: its variable ${variable} is {where}")
    before, *turns = _TURN.split(text)
    if before.strip() or not turns:
        raise SettingError(f"prompt {name}: its text must begin with a turn, like '=== user'")
    pairs = zip(turns[::2], turns[1::2], strict=True)
    spoken = tuple((speaker, said.strip()) for speaker, said in pairs)
    return Prompt(name, spoken, hashlib.sha256(raw).hexdigest(), declared)
