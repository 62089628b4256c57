"""What makes the weights that ship, and fits when an answer stands: `uv sync --group train`."""
