"""Which language model reads and writes: the one in the box, any by LiteLLM, or none.

    model = load_model("embedded")
    model.ask([[{"role": "user", "content": "..."}]], max_tokens=40) -> [Reply]

Both kinds are a `rag.asking.Model`. The one in the box also says how likely each of its words was;
of another one a plain "Yes" counts as `SURE`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar, Unpack

from index.errors import ModelError, ModelReplyError, ModelUnknown, SettingError
from index.settings import value_of
from rag import llm
from rag.asking import DEADLINE, How, Message, Model, Reply, Tick, no_tick
from rag.local_model import LocalModel, load_local, load_own
from rag.model_room import Tell
from rag.prompts import load_prompt

EMBEDDED, NONE = LocalModel.name, "none"
#: Conversations that a remote model is sent at once.
_AT_ONCE = 6
#: Seconds between two looks at whether they are wanted.
_POLL = 0.1

Result = TypeVar("Result")


class RemoteModel:
    """A model that LiteLLM reaches, as a `Model`."""

    def __init__(self, name: str, server: llm.Server | None = None) -> None:
        """`server` is asked instead of the provider's own. Raises what `llm.check_remote` does."""
        if server is None:
            llm.check_remote(name)
        self.name = name
        self._server = server

    def ask(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        tick: Tick = no_tick,
        **how: Unpack[How],
    ) -> list[Reply]:
        """See Model; `stop` and `begun` are left to the prompt's own words."""

        def one(messages: Sequence[Message]) -> Reply | ModelError:
            try:
                text = llm.complete(
                    self.name,
                    list(messages),
                    max_tokens=max(how["max_tokens"], llm.LEAST_TOKENS),
                    deadline=how.get("seconds", DEADLINE),
                    server=self._server,
                )
            except ModelError as error:
                return error
            return Reply(_said(text))

        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            # By one thread: several at once would each begin to import it.
            _watched([pool.submit(llm.load_litellm)], tick)
            replies = _watched([pool.submit(one, messages) for messages in conversations], tick)
        finally:
            # Nobody waits for calls that are not wanted any more.
            pool.shutdown(wait=False, cancel_futures=True)
        failed = [r for r in replies if isinstance(r, ModelError)]
        if failed and (len(failed) == len(replies) or not isinstance(failed[0], ModelReplyError)):
            raise failed[0]
        return [r if isinstance(r, Reply) else Reply("") for r in replies]


def _watched(futures: Sequence[Future[Result]], tick: Tick) -> list[Result]:
    """What they give, in their order; `tick` is called until they have it."""
    while wait(futures, timeout=_POLL).not_done:
        tick([""] * len(futures))
    return [f.result() for f in futures]


def _said(text: str) -> str:
    """A reply without what a model thought before it; "" if it never came to an end of that."""
    _, mark, after = text.rpartition("</think>")
    if mark:
        return after.strip()
    return "" if after.lstrip().startswith("<think>") else text


def default_model() -> str:
    """The configured model: what the environment's WIRECHECK_MODEL says, else "embedded"."""
    return value_of("WIRECHECK_MODEL") or EMBEDDED


def is_embedded(name: str) -> bool:
    """Whether a name means the model in the box."""
    return name.split("/")[0] == EMBEDDED


def check_model(name: str) -> None:
    """Says before any work whether a model can't serve; nothing is loaded or sent.

    Raises SettingError for what is no name, ModelUnknown for a provider that isn't there,
    ModelKeyMissing for a key that isn't set.
    """
    llm.check_name(name)
    if name == NONE or name == EMBEDDED:
        return
    if is_embedded(name):
        raise ModelUnknown(f"{name!r}: the model in the box is called {EMBEDDED!r} alone")
    llm.check_remote(name)


def load_model(name: str, tell: Tell | None = None) -> Model:
    """The model called `name`, ready to be asked; with `tell` the one in the box may be fetched.

    Raises what `check_model` raises, and ModelError where the model in the box can't be had.
    """
    check_model(name)
    if name == NONE:
        raise SettingError("the model 'none' reads and writes nothing: choose another one")
    if not is_embedded(name):
        return RemoteModel(name)
    _need_fetched()
    return load_local(tell)


def model_to_lend() -> LocalModel:
    """The model in the box, for `rag.lent_model.lend`. Raises ModelError, also until it is here."""
    _need_fetched()
    return load_own(lambda what, done, of: None)


def _need_fetched() -> None:
    if (doing := _fetching.doing) and threading.current_thread() is not _fetching.thread:
        raise ModelError(f"the language model isn't ready yet ({doing}): ask again in a minute")


def model_for(model: str | Model | None, tell: Tell | None) -> tuple[str, Model | None, str]:
    """A model by name, or as given: its name, the model or None, and why there is none.

    None as name takes the configured one. Where the one in the box can't be had, it is None, with
    the reason. Raises what `load_model` raises of another one.
    """
    if model is not None and not isinstance(model, str):
        return model.name, model, ""
    name = model or default_model()
    if name == NONE:
        return name, None, ""
    try:
        return name, load_model(name, tell or (lambda what, done, of: None)), ""
    except ModelError as error:
        if not is_embedded(name):
            raise
        return NONE, None, str(error)


class _Fetching:
    """The model in the box being fetched and loaded in the background, if it is."""

    thread: threading.Thread | None = None
    doing = ""

    def tell(self, what: str, done: int, of: int) -> None:
        """Note how far it is."""
        self.doing = f"{what}, {100 * done // of} %" if of else what


_fetching = _Fetching()


def loading() -> str:
    """What is being done in the background to have the model in the box; "" if nothing is."""
    return _fetching.doing


def load_in_background(on_done: Callable[[str], None] = lambda problem: None) -> None:
    """Fetch the model in the box, load it and have it read its instructions, in a thread.

    Until then `load_model` says that it isn't ready. `on_done` is told why it failed, or "".
    """

    def work() -> None:
        problem = ""
        try:
            warm(load_model(EMBEDDED, _fetching.tell))
        except ModelError as error:
            problem = str(error)
        finally:
            _fetching.doing = ""
        on_done(problem)

    _fetching.doing = "loading"
    _fetching.thread = threading.Thread(target=work, name="wirecheck-model", daemon=True)
    _fetching.thread.start()


def warm(model: Model) -> None:
    """Have a model read what every question about a report begins with."""
    model.ask([load_prompt("read").messages(report="-", question="-")], max_tokens=1)


def complete(
    name: str, messages: Sequence[Message], *, max_tokens: int = 400, seconds: float = DEADLINE
) -> str:
    """One reply of the model called `name`. Raises ModelError; ModelReplyError for an empty one."""
    reply = load_model(name).ask([messages], max_tokens=max_tokens, seconds=seconds)[0].text.strip()
    if not reply:
        raise ModelReplyError(f"model {name!r} sent an empty reply: ask again")
    return reply
