"""Other systems on the same work, run by hand: `uv sync --group peers`."""
