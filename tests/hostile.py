"""Strings that would do something if a page read them as anything but text, and answers of them."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

from index.records import Article, Hit
from rag.schema import Answer, Citation, Evidence, Position, Rejection
from tests.scripted_answers import cite, claim

BENCH = Path(__file__).parents[2] / "shared" / "bench" / "bastion_dev.jsonl"

#: Strings that would do something, were they read as HTML, Markdown, a template or a script.
HOSTILE = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<img src=https://evil.example/x.png>",
    "<svg onload=window.pwned=1>",
    "<svg><script>window.pwned=1</script></svg>",
    "<iframe src=https://evil.example></iframe>",
    "<form action=https://evil.example><input name=q></form>",
    "<object data=https://evil.example></object>",
    "<embed src=https://evil.example>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>body{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<a href='javascript:window.pwned=1'>click</a>",
    "<details open ontoggle=window.pwned=1>",
    "<video><source onerror=window.pwned=1></video>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=window.pwned=1></style></math>",
    "<noscript><p title='</noscript><img src=x onerror=window.pwned=1>'></noscript>",
    "</template><img src=x onerror=window.pwned=1>",
    "</article></div><h1>Wirecheck says</h1>",
    "</mark><b>bold</b>",
    "</title><script>window.pwned=1</script>",
    "--><img src=x onerror=window.pwned=1>",
    "<!-- --!><img src=x onerror=window.pwned=1> -->",
    "<![CDATA[><img src=x onerror=window.pwned=1>]]>",
    '" onmouseover="window.pwned=1" x="',
    "' onfocus='window.pwned=1' autofocus='",
    '"><img src=x onerror=window.pwned=1>',
    "javascript:window.pwned=1",
    "data:text/html,<script>window.pwned=1</script>",
    "![x](https://evil.example/x.png)",
    "[click](javascript:window.pwned=1)",
    "# Not a headline\n\n**not bold** `not code`",
    "${window.pwned=1}",
    "`;window.pwned=1;`",
    "{{constructor.constructor('window.pwned=1')()}}",
    "{{#each this}}<b>{{this}}</b>{{/each}}",
    "&lt;img src=x onerror=window.pwned=1&gt;",
    "&#60;img src=x onerror=window.pwned=1&#62;",
    "\u202eevil\u202c <b\u200b>x</b>",
    "<b \ud800>half a pair</b>",
    "nul\0<\0img src=x onerror=window.pwned=1>",
    "a\r<br>b\x0b<hr>\x0c<p>c",
    "<" * 300 + "b>",
)

#: What ends the place that a string might stand in, and what might then be done there.
_WAYS_OUT = (
    "</textarea>",
    "</style>",
    "</script>",
    "</template>",
    "</p></article>",
    "--!>",
    "'>",
    '"/>',
    "]]>",
    "\x00>",
)
_DEEDS = (
    "<img src=x: onerror=window.pwned=1>",
    "<svg/onload=window.pwned=1>",
    "<ScRiPt>window.pwned=1</sCrIpT>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'>",
    "<input autofocus onfocus=window.pwned=1>",
    "<a href=java&#9;script:window.pwned=1>go</a>",
    "<link rel=preload as=image href=https://evil.example/p>",
    "<x onclick=window.pwned=1 style=position:fixed;inset:0>",
)
#: Each way with each deed.
COMPOSED = tuple(map("".join, product(_WAYS_OUT, _DEEDS)))


def benchmark() -> list[str]:
    """The texts of a public benchmark of attacks, where the shared bench folder is."""
    if not BENCH.is_file():
        return []
    return [json.loads(row)["text"] for row in BENCH.read_text(encoding="utf-8").splitlines()]


def hostile_answers(*texts: str) -> tuple[Answer, Answer]:
    """An answered and a declined answer in which every string from outside is hostile."""
    rows = [_hostile(text) for text in texts]
    claims = [
        c
        for text, citation, other in rows
        for c in (
            claim(text, citation, other, kind="span"),
            claim(text, citation, kind="quote"),
            claim(text, citation, other),
        )
    ]
    ledger = [
        p
        for text, citation, other in rows
        for p in (
            Position((citation.article_id, "elsewhere"), text, text, (citation,)),
            Position((other.article_id,), text, f"{text}3", (other,)),
        )
    ]
    rejected = tuple(Rejection(text, text, text) for text in texts)
    evidence = tuple(Evidence(text, Hit(citation.passage, 0.5, 1)) for text, citation, _ in rows)
    first = texts[0]
    trace = {"model": first, "seconds": 1.0}
    return (
        Answer(first, "answered", tuple(claims), rejected, tuple(ledger), (), first, trace),
        Answer(first, "declined", (), rejected, (), evidence, first, trace),
    )


def _hostile(text: str) -> tuple[str, Citation, Citation]:
    article = Article(
        text,
        text,
        f"{text}\n\n\N{BULLET} {text} After.\n",
        text,
        text,
        f"https://outlet.example/{text}",
    )
    other = replace(article, id=f"{text}2", url=text, title=f"not {text}")
    return text, cite(article, f"{text} After."), cite(other, "\N{BULLET}")
