"""Whether a model answers, in one line: before somebody relies on it."""

from __future__ import annotations

import time

from rag.models import NONE, load_model
from rag.prompts import load_prompt

#: Seconds that a model may take to say a word; loading the embedded one comes before.
PATIENCE = 20.0


def probe(name: str, deadline: float = PATIENCE) -> str:
    """Ask the model called `name` for a word, and tell in a line how long that took.

    What it replies doesn't matter, that it replies does. Raises ModelError: one line that says what
    to mend, and repeats no key and nothing that a provider sent.
    """
    if name == NONE:
        return "No model is asked: answers are the reports' own words."
    model = load_model(name)
    began = time.monotonic()
    model.ask([load_prompt("probe").messages()], max_tokens=8, seconds=deadline)
    return f"{name} answers, in {time.monotonic() - began:.1f} s."
