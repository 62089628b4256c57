"""Whether a model answers, in one line: before somebody relies on it."""

from __future__ import annotations

from rag.llm import EMBEDDED, NONE, complete
from rag.prompts import load_prompt

#: Seconds that a model may take to say a word; loading the embedded one comes before.
PATIENCE = 20.0
_WORD = "ready"


def probe(model: str, deadline: float = PATIENCE) -> str:
    """Ask `model` for a word, and tell in a line how long that took.

    What it replies doesn't matter, that it replies does. Raises what `rag.llm.complete` raises: one
    line that says what to mend, and repeats no key and nothing that the provider sent.
    """
    if model == NONE:
        return "No model is asked: answers are the reports' own words."
    messages = [{"role": "user", "content": load_prompt("probe.user").render()}]
    bound = (_WORD,) if model.split("/")[0] == EMBEDDED else None
    # Some models think before they speak, and their thoughts count.
    reply = complete(model, messages, max_tokens=400, deadline=deadline, choices=bound)
    return f"{model} answers, in {reply.seconds:.1f} s."
