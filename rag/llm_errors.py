"""A provider's errors as they may be logged: without keys; and ours where ours lie beneath."""

from __future__ import annotations

import os

from index.errors import ModelError


def ours(error: BaseException | None) -> ModelError | None:
    """The error of ours that LiteLLM wrapped up in its own, if there is one."""
    while error is not None:
        if isinstance(error, ModelError):
            return error
        error = error.__cause__ or error.__context__
    return None


def without_keys(error: Exception) -> Exception:
    """What `error` says, as a cause, less any key: tracebacks end up in logs."""
    text = f"{type(error).__name__}: {error}"
    for name, value in os.environ.items():
        if name.endswith(("KEY", "TOKEN", "SECRET")) and len(value) >= 6:
            text = text.replace(value, f"[{name}]")
    return RuntimeError(text)


def short(model: str) -> str:
    """A model's name in quotation marks, cut to 80 characters."""
    return repr(model if len(model) <= 80 else f"{model[:77]}...")
