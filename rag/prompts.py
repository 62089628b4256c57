"""Reads prompts: the only way to what stands in `prompts/`.

A prompt is a conversation in one file. Its first line declares its variables; each turn begins with
a line of its own that names the speaker; variables stand in the text as `$question`:

    # variables: question
    === system
    You answer briefly.
    === user
    $question
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

from index.errors import SettingError

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
        if values.keys() != set(self.variables):
            given, needed = (", ".join(sorted(names)) for names in (values, self.variables))
            raise SettingError(f"prompt {self.name} is given {given}, and needs {needed}")
        return [
            {"role": speaker, "content": Template(text).substitute(values)}
            for speaker, text in self.turns
        ]


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt of that name: "write" is `prompts/write.txt`."""
    raw = files("prompts").joinpath(f"{name}.txt").read_bytes()
    header, _, text = raw.decode("utf-8").partition("\n")
    declared = header.removeprefix("# variables:").split(",")
    _, *turns = _TURN.split(text)
    spoken = zip(turns[::2], map(str.strip, turns[1::2]), strict=True)
    names = tuple(filter(None, map(str.strip, declared)))
    return Prompt(name, tuple(spoken), hashlib.sha256(raw).hexdigest(), names)
