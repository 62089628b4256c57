"""The border to models elsewhere: the only file that calls LiteLLM.

Every model is named as LiteLLM names it. What goes wrong becomes one of `index.errors`' ModelError,
whose text never repeats what the provider sent: a provider may echo the key.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from index.errors import (
    ModelError,
    ModelKeyMissing,
    ModelReplyError,
    ModelUnknown,
    ModelUnreachable,
    SettingError,
)
from rag.llm_errors import ours, short, without_keys

if TYPE_CHECKING:
    from types import ModuleType

T = TypeVar("T")

#: Tokens that a reply may have at least: some models think before they speak, and thoughts count.
LEAST_TOKENS = 400
#: characters that a reply may have
LONGEST_REPLY = 20_000
#: tries after the first one
RETRIES = 2
#: seconds that the first retry waits at most; the next one waits twice that
BACK_OFF = 0.5


@dataclass(frozen=True)
class Server:
    """An address that speaks a provider's language, and the key for it, "" for none."""

    url: str
    key: str = ""


def check_name(model: str) -> None:
    """Raises SettingError for what can't be a model's name; looks no further."""
    if not model.strip() or not model.isprintable():
        raise SettingError(
            f"{short(model)} is no model's name: give one as LiteLLM names it, "
            "or 'embedded', or 'none'"
        )


def check_remote(model: str) -> None:
    """Says before any work whether `model` can't serve. Nothing is sent to anyone.

    Raises SettingError for what is no name, ModelUnknown for a provider that isn't there,
    ModelKeyMissing for a key that isn't set.
    """
    check_name(model)
    provider = _provider(model)
    if missing := _missing_keys(model, provider):
        raise ModelKeyMissing(
            f"model {short(model)} needs a key: set {' or '.join(missing)} "
            "in the environment, or use 'embedded', or 'none'"
        )


def complete(
    model: str,
    messages: list[dict[str, str]],
    *,
    max_tokens: int = LEAST_TOKENS,
    deadline: float = 60.0,
    server: Server | None = None,
) -> str:
    """The model's reply to `messages`, at temperature 0, stripped of white space.

    `deadline` is in seconds and covers all tries and the waits between them. `server` is asked
    instead of the provider's own; a key for the provider is neither needed nor sent there.

    Raises what `check_remote` raises; ModelUnreachable where no reply came in time or the provider
    failed; ModelReplyError where a reply came that is empty, cut off or refused.
    """
    if server is None:
        check_remote(model)
    call = _Call(model, messages, max_tokens, deadline, server)
    return _run(_try(load_litellm(), call), call)


@dataclass(frozen=True)
class _Call:
    model: str
    messages: list[dict[str, str]]
    max_tokens: int
    deadline: float
    server: Server | None = None

    def options(self) -> dict[str, Any]:
        """What LiteLLM is called with: its own retries are off, ours know the deadline."""
        options: dict[str, Any] = {
            "model": self.model,
            "messages": self.messages,
            "max_tokens": self.max_tokens,
            "temperature": 0,
            "timeout": self.deadline,
            "max_retries": 0,
            "num_retries": 0,
        }
        if self.server is not None:
            options |= {"api_base": self.server.url, "api_key": self.server.key or "none"}
        return options


# --- trying -------------------------------------------------------------------------------------


async def _try(litellm: ModuleType, call: _Call) -> str:
    until = time.monotonic() + call.deadline
    for attempt in range(1, RETRIES + 2):
        outcome = await _ask(litellm, call, until)
        if not isinstance(outcome, Exception):
            break
        wait = _wait(outcome, attempt)
        if wait is None or time.monotonic() + wait >= until:
            raise _translated(outcome, call, attempt, litellm) from without_keys(outcome)
        await asyncio.sleep(wait)
    return _read(outcome, call)


async def _ask(litellm: ModuleType, call: _Call, until: float) -> Any:
    """LiteLLM's response, or the exception that came instead.

    Returned, not raised: raised on, it would hang on ours as context, with all that it says.
    """
    try:
        async with asyncio.timeout(until - time.monotonic()):
            return await litellm.acompletion(**call.options())
    except Exception as error:
        return error


def _wait(error: Exception, attempt: int) -> float | None:
    """Seconds to wait before the next try; None if there should be none."""
    status = getattr(error, "status_code", None)
    if attempt > RETRIES or not isinstance(status, int) or ours(error):
        return None
    if status not in (408, 429) and status < 500:
        return None
    headers = getattr(error, "litellm_response_headers", None) or {}
    back_off = random.uniform(0, BACK_OFF * 2 ** (attempt - 1))
    return max(back_off, _retry_after(headers.get("retry-after", "")))


def _retry_after(value: str) -> float:
    """Seconds that the header asks to wait, below 0 for a date gone by; 0 if it can't be read."""
    with suppress(ValueError):
        return float(value)
    try:
        when = parsedate_to_datetime(value)
        return (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return 0.0


def _read(response: Any, call: _Call) -> str:
    """The reply's text, if it can be used."""
    name = short(call.model)
    if not response.choices:
        raise ModelReplyError(f"model {name} sent a reply with nothing in it: ask again")
    finish = response.choices[0].finish_reason
    text = response.choices[0].message.content or ""
    if finish == "content_filter":
        raise ModelReplyError(
            f"the provider of model {name} withheld the reply: ask otherwise, or use another model"
        )
    if finish == "length" or len(text) > LONGEST_REPLY:
        raise ModelReplyError(
            f"model {name} wrote more than it was allowed and was cut off: "
            "ask again, or use another model"
        )
    if not text.strip():
        raise ModelReplyError(f"model {name} sent an empty reply: ask again")
    return text.strip()


# --- what went wrong, in our words --------------------------------------------------------------


def _translated(error: Exception, call: _Call, attempts: int, litellm: ModuleType) -> ModelError:
    if own := ours(error):
        return own
    name, status = short(call.model), getattr(error, "status_code", None)
    if isinstance(error, TimeoutError) or status == 408:
        return _too_slow(call)
    if isinstance(error, litellm.ContextWindowExceededError) or status == 413:
        return ModelReplyError(f"the prompt is too long for model {name}: give it less evidence")
    if isinstance(error, litellm.ContentPolicyViolationError):
        return ModelReplyError(
            f"the provider of model {name} refused the prompt: ask otherwise, or use another model"
        )
    if status in (401, 403):
        return ModelKeyMissing(
            f"the provider of model {name} refuses the key: check "
            f"{_key_name(call.model)} in the environment"
        )
    if status == 404:
        return ModelUnknown(
            f"the provider knows no model {name}, or there is none at its address: check both"
        )
    tries = "" if attempts == 1 else f" ({attempts} tries)"
    if status == 429:
        return ModelUnreachable(
            f"model {name} is asked too much at present{tries}: ask again "
            "later, or check the account's limits"
        )
    if status in (400, 422):
        return ModelReplyError(
            f"the provider of model {name} refused the request as malformed: "
            "check the name, or use another model"
        )
    return ModelUnreachable(
        f"model {name} can't be reached or is failing{tries}: check the "
        "network and the provider's address, or use another model"
    )


def _too_slow(call: _Call) -> ModelUnreachable:
    return ModelUnreachable(
        f"model {short(call.model)} gave no reply within {call.deadline:g} "
        "seconds: ask again, or use another model"
    )


# --- LiteLLM ------------------------------------------------------------------------------------


def _provider(model: str) -> str:
    """The provider's name as LiteLLM has it; raises ModelUnknown where there is none."""
    unknown = ModelUnknown(
        f"no model {short(model)} is known: name it as LiteLLM does, provider "
        "first (openai/..., anthropic/..., ollama/...), or use 'embedded', or "
        "'none'"
    )
    try:
        name, provider, _, _ = load_litellm().get_llm_provider(model=model)
    except Exception as error:
        raise unknown from error
    if not name:
        raise unknown
    return str(provider)


def _missing_keys(model: str, provider: str) -> list[str]:
    """The environment's variables that should hold the provider's key, if none does."""
    usual = f"{provider.upper()}_API_KEY"
    if usual in os.environ and not os.environ[usual].strip():
        return [usual]
    # Other variables that LiteLLM looks for have defaults or other sources: an address, a region,
    # the files of a cloud's own tools.
    return [
        name
        for name in load_litellm().validate_environment(model=model)["missing_keys"]
        if name.endswith(("_API_KEY", "_API_TOKEN")) and name not in os.environ
    ]


def _key_name(model: str) -> str:
    name = f"{_provider(model).upper()}_API_KEY"
    return name if name in os.environ else "the provider's key"


@cache
def load_litellm() -> Any:
    """LiteLLM, quiet and offline until it is asked; importing it takes seconds."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it fetches a price list
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # else it reads .env files
    import litellm

    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.redact_messages_in_exceptions = True
    litellm.drop_params = True
    litellm.telemetry = False
    # Their logs repeat what is sent, and providers' words, which may repeat the key.
    for name in ("LiteLLM", "openai", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return litellm


# --- the thread that all calls run in -----------------------------------------------------------


def _run(work: Coroutine[Any, Any, T], call: _Call) -> T:
    """What `work` returns; it runs in a loop of its own, so the caller may have a running one."""
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result(call.deadline + 1)  # `work` minds the deadline; this, a stuck loop
    except FutureTimeoutError as error:
        raise _too_slow(call) from error
    finally:
        future.cancel()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="wirecheck-llm", daemon=True).start()
    asyncio.run_coroutine_threadsafe(_guard_replies(), loop).result()
    return loop


async def _guard_replies() -> None:
    """Replies are read with a limit; from OpenAI's interface no redirect carries the key away."""
    from litellm.llms.custom_httpx import http_handler

    from rag.llm_transport import bound

    bound(http_handler)
    handler: Any = http_handler.AsyncHTTPHandler(follow_redirects=False)
    load_litellm().aclient_session = handler.create_client(timeout=None, event_hooks=None)
