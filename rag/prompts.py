"""Reads prompts: the only way to what stands in `prompts/`.

Each file there begins with a line that declares its variables, `# variables: question, evidence`,
and goes on with the text, in which they stand as `$question`. What is declared and what stands in
the text must be the same, and so must what is given.
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


@dataclass(frozen=True)
class Prompt:
    """One file of `prompts/`.

    `text` is what comes after its first line; `sha256` is that of the whole file, in hex.
    """

    name: str
    text: str
    sha256: str
    variables: tuple[str, ...]

    def render(self, **values: str) -> str:
        """The text with `values` in place of its variables; what they contain stays as it is.

        Raises SettingError where one is missing or unknown.
        """
        for name in self.variables:
            if name not in values:
                raise SettingError(f"prompt {self.name}: no value for its variable ${name}")
        for name in values:
            if name not in self.variables:
                raise SettingError(f"prompt {self.name}: it has no variable ${name}")
        return Template(self.text).substitute(values)


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt of that name: "write.user" is `prompts/write.user.txt`.

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
    return Prompt(name, text.strip(), hashlib.sha256(raw).hexdigest(), declared)
