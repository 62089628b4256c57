"""The Gradio page: its parts, and what a question sets going."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from functools import wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from index.errors import SettingError
from rag.question import MAX_CHARACTERS
from web import page
from web.access import LOOPBACK
from web.api import CLIENT, Api, check_kinds
from web.assets import asset, head
from web.contained import line_of
from web.guard import Guard
from web.queue import MAX_WAITING, QuestionQueue, cards
from web.render import render

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI

    from web.routes import Routes

#: What the button that clears the conversation runs in the browser.
_CLEAR = "() => document.dispatchEvent(new Event('wirecheck:clear'))"
#: No news to its makers, and no table of all questions ever asked, which nobody here reads.
_GRADIO = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
}


def build_page(
    queue: QuestionQueue,
    facts: Callable[[], page.Facts],
    *,
    models: Sequence[str] = ("embedded", "none"),
    api: Api | None = None,
) -> gr.Blocks:
    """The page over a queue, of whose index `facts` tells. The first of `models` is chosen.

    `api` is what programs may call.
    """
    os.environ.update(_GRADIO)
    import gradio as gr
    from gradio.events import api as offer

    blocks: gr.Blocks = gr.Blocks(title="Wirecheck", analytics_enabled=False)
    with blocks:
        _html("masthead", render("masthead.html"))
        # The frame stays as it is; the script appends cards to it. With "${value}" in it, Gradio
        # would send and draw the whole conversation again for every answer.
        conversation = gr.HTML(
            html_template=render("frame.html"),
            js_on_load=asset("page.js"),
            apply_default_css=False,
            elem_id="conversation",
        )
        box, button, clear = _question_row()
        _html("within-row", render("within.html"))
        _html("suggestions-row", render("suggestions.html"))
        chosen = _foot(blocks, queue, facts, models)
        # Its value is set by the script at the moment of asking.
        within = gr.Textbox(visible=False)
        # Our own queue tells whoever waits that they wait: in Gradio's, all may begin at once.
        gr.on(
            [box.submit, button.click],
            _asking(queue),
            [box, chosen, within],
            [conversation, box],
            js=asset("asked.js"),
            concurrency_limit=None,
            show_progress="hidden",
            api_name="page",  # or it would take the name of what programs call
            api_visibility="private",
        )
        clear.click(None, js=_CLEAR, api_visibility="private")
        for function in api.functions if api else ():
            # Not queued, as in `_foot`; and MCP then calls it here, not over HTTP with no password.
            # Gradio's client is queued all the same; how many may ask is for our queue to say.
            offer(_told(function), api_name=function.__name__, queue=False, concurrency_limit=None)
    _count_arguments(blocks)
    blocks.queue(default_concurrency_limit=4, max_size=4 * MAX_WAITING, api_open=False)
    blocks.state_session_capacity = 500
    return blocks


def _foot(
    blocks: gr.Blocks,
    queue: QuestionQueue,
    facts: Callable[[], page.Facts],
    models: Sequence[str],
) -> gr.Dropdown:
    """The status bar, which follows what the server does, and the choice of a model."""
    import gradio as gr

    from rag.models import loading

    def status() -> tuple[str, gr.Timer]:
        queue.seen()
        doing = loading()
        told = f"language model: {doing}" if doing else queue.warmth
        bar = render("status.html", facts=facts(), warm=told)
        return bar, gr.Timer(active=queue.warming or bool(doing))

    with gr.Row(elem_id="foot"):
        bar = _html("status-bar", render("status.html", facts=facts(), warm=queue.warmth))
        chosen = gr.Dropdown(
            list(models),
            value=models[0],
            label="Model",
            elem_id="model",
            filterable=False,
            container=False,
            min_width=0,
        )
        _html("test-row", render("test.html"))
        timer = gr.Timer(1, active=False)
    # Not queued: when a queued event ends, Gradio's client may close the stream that a question
    # asked at that moment is waiting on.
    gr.on(
        [timer.tick, blocks.load],
        status,
        None,
        [bar, timer],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    return chosen


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as Gradio calls it: with the request first, and with Gradio's kind of error."""
    import gradio as gr

    names = list(signature(function).parameters)

    @wraps(function)
    async def told(request: gr.Request, *args: Any) -> Any:
        CLIENT.set(request.client.host)
        try:
            check_kinds(function, dict(zip(names, args, strict=False)))
            return await function(*args)
        except Exception as error:  # Ours says what to do; of any other, only the log tells more.
            raise gr.Error(line_of(error), print_exception=False) from None

    told.__annotations__ = {**function.__annotations__, "request": gr.Request}
    asked = Parameter("request", Parameter.POSITIONAL_OR_KEYWORD)
    told.__signature__ = signature(function).replace(  # type: ignore[attr-defined]
        parameters=[asked, *signature(function).parameters.values()]
    )
    return told


def _count_arguments(blocks: gr.Blocks) -> None:
    """Have a call with too few values told how many it needs.

    Gradio tells that to its log alone, with all that was sent.
    """
    import gradio as gr

    validate = blocks.validate_inputs

    def checked(function: Any, inputs: list[Any]) -> None:
        try:
            validate(function, inputs)
        except ValueError:
            needed = len(function.inputs)
            line = f'"data" has {len(inputs)} values: give {needed}, null for what is left out'
            raise gr.Error(line, print_exception=False) from None

    blocks.validate_inputs = checked  # type: ignore[method-assign,assignment]


def _name_arguments(blocks: gr.Blocks, api: Api) -> None:
    """Have the MCP server name an argument of the wrong kind; its own refusal only shows it."""
    from mcp import types

    functions = {function.__name__: function for function in api.functions}
    assert blocks.mcp_server_obj is not None
    handlers = blocks.mcp_server_obj.mcp_server.request_handlers
    call = handlers[types.CallToolRequest]

    async def checked(request: types.CallToolRequest) -> types.ServerResult:
        asked = request.params
        try:
            check_kinds(functions[asked.name], asked.arguments or {})
        except SettingError as error:
            line = types.TextContent(type="text", text=str(error))
            return types.ServerResult(types.CallToolResult(content=[line], isError=True))
        except KeyError:
            pass  # No function of ours, which the server tells itself.
        return await call(request)

    handlers[types.CallToolRequest] = checked


def _asking(queue: QuestionQueue) -> Callable[..., AsyncIterator[tuple[Any, Any]]]:
    """What a question sets going: its cards, and an empty box for the next one."""
    import gradio as gr

    async def ask(
        question: str, model: str, within: str, request: gr.Request
    ) -> AsyncIterator[tuple[Any, Any]]:
        if not question.strip():
            return
        client, page_name = request.client.host, request.session_hash or ""
        cleared: Any = ""
        async for card in cards(queue, question.strip(), model, within or "", client, page_name):
            yield card, cleared
            cleared = gr.skip()

    ask.__annotations__["request"] = gr.Request  # Gradio looks for it where it isn't imported.
    return ask


def _html(name: str, markup: str) -> gr.HTML:
    import gradio as gr

    return gr.HTML(markup, apply_default_css=False, elem_id=name)


def _question_row() -> tuple[gr.Textbox, gr.Button, gr.Button]:
    """The question's box, and the buttons beside it."""
    import gradio as gr

    with gr.Row(elem_id="ask-row"):
        box = gr.Textbox(
            label="Question",
            show_label=False,
            container=False,
            lines=1,
            max_lines=6,
            max_length=MAX_CHARACTERS,
            scale=1,
            autofocus=True,
            elem_id="question",
            placeholder="Ask about the reports",
        )
        return (
            box,
            gr.Button("Ask", elem_id="ask", min_width=0),
            gr.Button("Clear", elem_id="clear", min_width=0),
        )


def theme() -> gr.themes.Base:
    """System fonts only; the colours are those of `static/page.css`."""
    import gradio as gr
    from gradio.themes.utils.fonts import Font

    return gr.themes.Base(
        font=[Font("system-ui"), Font("sans-serif")],
        font_mono=[Font("ui-monospace"), Font("monospace")],
    )


def build_app(
    blocks: gr.Blocks,
    routes: Routes,
    *,
    hosts: Sequence[str] = LOOPBACK,
    password: str | None = None,
    api: Api | None = None,
    root_path: str = "",
) -> FastAPI:
    """The page behind its guard. `hosts` are the names under which it may be asked for.

    `root_path` is what a proxy takes off the addresses that it passes on, such as "/wirecheck".
    With `api`, programs may ask, too, through Gradio's API and over MCP.
    """
    import gradio as gr
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.routes.extend(routes.listed())
    # Without one of ours, Gradio's own CORS answers every foreign origin with credentials allowed.
    app.add_middleware(CORSMiddleware, allow_origins=[])
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(
        Guard,
        password=password,
        uploads=routes.uploads is not None,
        programs=api is not None,
        streams=routes.queue.streams,
    )
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        theme=theme(),
        head=head(),
        show_error=False,
        allowed_paths=[],
        max_file_size="1kb",
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        ssr_mode=False,
        mcp_server=api is not None,
        pwa=False,
        root_path=root_path or None,
    )
    if api:
        _name_arguments(blocks, api)
    return app
