"""From a question to a cited, checked answer.

from rag import answer
answer("How long did the talks last?", index="path/to/index")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.ask import answer
    from rag.schema import Answer, Citation, Claim, Position, Rejection

__all__ = ["Answer", "Citation", "Claim", "Position", "Rejection", "answer"]


def __getattr__(name: str) -> Any:
    # Late, since the answering side imports much: seconds that `wirecheck --help` needn't wait.
    if name == "answer":
        from rag.ask import answer

        return answer
    if name in __all__:
        import rag.schema

        return getattr(rag.schema, name)
    raise AttributeError(f"module 'rag' has no attribute {name!r}")
