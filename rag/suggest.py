"""Questions that the reports at hand are likely to answer, by rules over their first sentences."""

from __future__ import annotations

from typing import Any


def suggest(index: Any) -> list[str]:
    """None yet."""
    return []
