"""Tables: rows of values, each told with the header that it stands under."""

from __future__ import annotations

from collections.abc import Sequence


def headed(header: Sequence[str], cells: Sequence[str]) -> str:
    """A row in one line, each value after its header; empty cells are left out.

    ["Town", "2030"], ["Ferrin", "218"] -> "Town: Ferrin; 2030: 218"
    """
    names = [*header, *[""] * (len(cells) - len(header))]
    told = (
        f"{name}: {cell}" if name else cell
        for name, cell in zip(names, cells, strict=False)
        if cell
    )
    return "; ".join(told)
