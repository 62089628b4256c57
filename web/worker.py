"""A process that answers questions for the page: `python -m web.worker`, started by `web.workers`.

Its first line of input is an `Errand`, as JSON. It writes "ready" once it can be asked, and ends
with its input: when the page's process dies, however it does.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from rag.calls import Served, Tell

#: What is written once it can be asked.
READY = "ready"


@dataclass(frozen=True)
class Errand:
    """What a worker is told: its socket, the model's, the key of both in hex.

    Before it is ready it answers `question` from the index in `folder`, which loads what it needs.
    """

    socket: str
    model_socket: str
    key: str
    folder: str
    question: str

    def line(self) -> bytes:
        """As it is sent."""
        return json.dumps(asdict(self)).encode() + b"\n"


def answer_for(indexes: Any, request: dict[str, Any], tell: Tell) -> Any:
    """The answer to a request of `web.workers`; `tell` is given (kind, what) on the way."""
    from rag import answer

    question, folder, model = (request.pop(name) for name in ("question", "folder", "model"))
    return answer(
        question,
        indexes.of(folder),
        model,
        progress=lambda step: tell(("progress", step)),
        on_judged=lambda judged: tell(("judged", judged)),
        **request,
    )


def main() -> None:
    """Answer until the input ends."""
    # What libraries print goes where it can't be taken for our word.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    errand = Errand(**json.loads(sys.stdin.readline()))
    Thread(target=_end_with_input, daemon=True).start()
    serve(errand)
    print(READY, file=out, flush=True)
    Event().wait()


def serve(errand: Errand) -> Served:
    """Load what is needed, and begin to answer."""
    from index import open_index
    from rag.lent_model import LentModel
    from rag.local_model import borrow
    from rag.models import NONE
    from web.current import Indexes

    key, indexes = bytes.fromhex(errand.key), Indexes(open_index)
    borrow(LentModel(Path(errand.model_socket), key).ready)
    first = {"question": errand.question, "folder": errand.folder, "model": NONE}
    try:
        answer_for(indexes, first, lambda told: None)
    except Exception as error:  # Whoever asks is told; the next generation may be better.
        sys.stderr.write(f"wirecheck: a worker could not answer at its start: {error}\n")
    return Served(
        Path(errand.socket), key, lambda request, tell: answer_for(indexes, request, tell)
    )


def _end_with_input() -> None:
    while sys.stdin.read(1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
