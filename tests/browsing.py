"""Somebody at the page in a real browser: Debian's Chromium, headless, driven by Playwright.

Needs `apt-get install chromium`. Leaves pictures in test-output/, or where WIRECHECK_SHOTS says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    sync_playwright,
)

from rag.schema import Citation

ROOT = Path(__file__).parents[1]
CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(os.environ.get("AXE_CORE") or ROOT / "node_modules/axe-core/axe.min.js")
PICTURES = Path(os.environ.get("WIRECHECK_SHOTS") or ROOT / "test-output")

needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium here")
needs_axe = pytest.mark.skipif(
    not AXE.is_file(), reason="no axe-core: npm install axe-core, or set AXE_CORE"
)

#: Whatever the page's policy forbids becomes an error that `Reader.heard` keeps.
_WATCH = """document.addEventListener('securitypolicyviolation', event =>
  console.error('against the policy: ' + event.violatedDirective + ' ' + event.blockedURI));"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[BrowserContext]:
    """What is loaded for one test needn't be for the next; pages they have each their own."""
    context = browser.new_context()
    yield context
    context.close()


@contextmanager
def reading(
    browser: Browser | BrowserContext, address: str, width: int = 1280, height: int = 850, **context
) -> Iterator[Reader]:
    """Somebody at the page, for whom nothing may go wrong: no error, no request elsewhere."""
    size = {"width": width, "height": height}
    own = browser.new_context(viewport=size, **context) if isinstance(browser, Browser) else None
    reader = Reader((own or browser).new_page(), address)
    reader.page.set_viewport_size(size)
    try:
        reader.arrive()
        yield reader
    finally:
        (own or reader.page).close()
    assert not reader.faults


class Reader:
    """Somebody at the page; whatever goes wrong in the browser is kept in `faults`."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.faults: list[str] = []
        page.set_default_timeout(15_000)
        page.add_init_script(_WATCH)
        page.on("console", self.heard)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        page.on("request", self.asked)
        self.box = page.locator("#question textarea")

    def arrive(self) -> None:
        self.page.goto(self.address)
        self.box.wait_for()

    def heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", f"blob:{self.address}")):
            self.faults.append(f"asked {request.url}")

    def ask(self, question: str, seconds: float = 15) -> None:
        """Ask with the keyboard, and wait for what comes of it."""
        with self.answered(seconds):
            self.box.fill(question)
            self.box.press("Enter")

    @contextmanager
    def answered(self, seconds: float = 15) -> Iterator[None]:
        """Wait for the answer to what is asked meanwhile."""
        done = self.page.locator(".turn:not(.pending)").count()
        yield
        self.page.wait_for_function(
            "n => document.querySelectorAll('.turn:not(.pending)').length > n",
            arg=done,
            timeout=seconds * 1000,
        )

    @property
    def turn(self) -> Locator:
        """The newest question and its answer."""
        return self.page.locator(".turn").last

    def marked(self) -> str:
        """The highlighted words of the article beside the answer."""
        return "".join(self.page.locator("#article-panel mark.here").all_text_contents())

    def picture(self, name: str, settle: int = 150) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(settle)
        self.page.screenshot(path=PICTURES / f"{name}.png")

    def serious(self) -> list[str]:
        """What axe-core finds serious or critical here, with the element."""
        self.page.wait_for_timeout(150)
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        result = self.page.evaluate("axe.run()")
        return [
            f"{v['id']}: {v['nodes'][0]['html'][:200]} {v['nodes'][0]['failureSummary'][:200]}"
            for v in result["violations"]
            if v["impact"] in ("serious", "critical")
        ]


def quoted(citations: Sequence[Citation]) -> list[str]:
    """What the articles say where they are cited."""
    return [c.passage.article.text[c.start : c.end] for c in citations]


def files(*rows: tuple[str, str]) -> list[dict[str, object]]:
    """Files as a person would choose them."""
    return [{"name": n, "mimeType": "text/plain", "buffer": t.encode()} for n, t in rows]
