"""How the page looks: one style sheet, trusted and constant (`script` is how it reacts).

Everything is served by ourselves: system fonts, no images, no other origin.
"""

from __future__ import annotations

CSS = """
:root {
  --paper: #fcfbf8; --card: #ffffff; --ink: #1d1c1a; --soft: #5f5b54; --line: #dedad1;
  --accent: #1d5468; --mark: #fbe9a9; --mark-here: #ffd54a; --mark-line: #8a6200;
  --warn: #8c2f1b; --field: #ffffff;
  --serif: Charter, "Iowan Old Style", "Source Serif 4", "Noto Serif", Georgia,
           "Liberation Serif", serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans",
          Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
.dark {
  --paper: #16171a; --card: #1c1e22; --ink: #e9e6df; --soft: #a5a096; --line: #35373c;
  --accent: #8cc4d8; --mark: #46401f; --mark-here: #7a6413; --mark-line: #f2cf63;
  --warn: #f0a48f; --field: #1f2126;
}
body, gradio-app, .gradio-container { background: var(--paper) !important; }
.gradio-container { font-family: var(--sans) !important; color: var(--ink) !important;
  overflow: visible !important; }
.gradio-container .main { max-width: 46rem !important; width: 100%; margin-inline: auto;
  padding: 0 1.25rem !important; }
.gradio-container main { padding: 0 !important; max-width: none !important; }
.gradio-container .main > .wrap, main > .column, .gradio-container .gap { gap: 0 !important; }
footer { display: none !important; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }

#masthead, #conversation, #within-row, #suggestions-row, #status-bar, .html-container {
  padding: 0 !important; border-radius: 0 !important; overflow: visible !important; }

/* the head of the page */
#masthead { padding: 1.6rem 0 1rem !important; border-bottom: 3px double var(--line); }
#masthead .wordmark { font: 700 1.7rem/1.1 var(--serif); letter-spacing: -.015em; margin: 0;
  color: var(--ink); }
#masthead .tagline { margin: .35rem 0 0; color: var(--soft); font-size: .9rem; }

.masthead { display: grid; grid-template-columns: 1fr auto; gap: .35rem 1.5rem;
  align-items: baseline; }
#masthead .views { display: flex; gap: 1.2rem; justify-self: end; }
#masthead .views button { all: unset; cursor: pointer; font: 400 .95rem/1.4 var(--sans);
  color: var(--soft); padding-bottom: .15rem; border-bottom: 2px solid transparent; }
#masthead .views button:hover { color: var(--accent); }
#masthead .views button[aria-pressed="true"] { color: var(--ink); font-weight: 600;
  border-bottom-color: var(--accent); }
.masthead:has(.corpus[hidden]) .tagline { grid-column: 1 / -1; }
#masthead .corpus { font-size: .84rem; color: var(--soft); justify-self: end; }
#masthead .corpus[hidden] { display: none; }
#masthead select { font: 600 .84rem/1.4 var(--sans); color: var(--ink); background: var(--field);
  border: 1px solid var(--soft); border-radius: 4px; padding: .15rem .3rem; max-width: 14rem;
  appearance: auto; }
:root[data-showing="library"] :is(#ask-row, #within-row, #suggestions-row) { display: none; }

/* the conversation */
.turn { padding: 1.7rem 0 1.2rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.turn > * { max-width: 42rem; }
.turn .question { font: 600 1.12rem/1.4 var(--sans); color: var(--ink); margin: 0 0 .9rem; }
.turn p { margin: 0; }
.turn .short { font: 600 1.75rem/1.25 var(--serif); letter-spacing: -.01em; color: var(--ink);
  margin-bottom: .55rem; }
.turn .claim + .claim { margin-top: 1.5rem; }
.turn .claim.written { font: 400 1.16rem/1.65 var(--serif); }
.turn .claim.written + .claim.written { margin-top: .6rem; }
.turn blockquote { font: 400 1.04rem/1.6 var(--serif); color: var(--ink); margin: 0; padding: 0;
  border: 0; cursor: pointer; white-space: pre-line; unicode-bidi: plaintext; }
.turn blockquote:hover { text-decoration: underline; text-decoration-color: var(--line);
  text-underline-offset: .2em; }
.turn blockquote strong { font-weight: 700; color: inherit; }
.turn .claim.quote { border-inline-start: 3px solid var(--accent); padding-inline-start: 1.1rem; }
.turn .claim.quote blockquote { font-size: 1.2rem; line-height: 1.55; }
.turn ul { list-style: none; margin: 0; padding: 0; }
.turn .quotes > li { padding: .55rem 0 .6rem 1.1rem; border-inline-start: 2px solid var(--line);
  padding-inline: 1.1rem 0; margin: 0 0 .7rem; }
.source { font-size: .84rem; line-height: 1.5; color: var(--soft); }
.turn .source { margin-top: .25rem; }
.source .outlet { color: var(--ink); font-weight: 600; }
.source i { font-style: italic; font-weight: 400; }
.turn .cite { all: unset; cursor: pointer; font: 500 .8rem/1.3 var(--mono); color: var(--accent);
  text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: .2em;
  overflow-wrap: anywhere; border-radius: 2px; }
.turn .cite:hover { text-decoration-thickness: 2px; }
.turn .written .cite { font-size: .76rem; margin-inline-start: .2em; }
.turn .cite[aria-expanded="true"] { background: var(--mark); color: var(--ink); }
:is(.cite, .again, .copy, .meta a, summary, .bar button, .sheet, #article-panel, .stop,
.views button, .title, .reset, #corpus, #within input, #library input,
.pick:focus-within):focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px; }
#article-panel .sheet:focus-visible { outline-offset: -2px; }
.turn .note, .turn .meta { font-size: .86rem; line-height: 1.5; color: var(--soft); }
.turn .note { margin-top: 1.1rem; }
.turn .meta { margin-top: .5rem; font-variant-numeric: tabular-nums; }
.turn .verdict { font: 600 1.35rem/1.3 var(--serif); color: var(--ink); }
.turn .verdict + .note { margin-top: .4rem; font-size: .95rem; }
.turn .nearest { margin-top: 1.4rem; }
.turn h3 { font: 600 .86rem/1.4 var(--sans); color: var(--ink); margin: 0 0 .7rem; }
.turn .tag { font-weight: 400; color: var(--warn); border: 1px solid currentColor;
  border-radius: 3px; padding: .05rem .4rem; margin-inline-start: .3rem; font-size: .78rem; }
.turn .nearest blockquote { color: var(--soft); font-size: .98rem; white-space: normal;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; line-clamp: 3;
  overflow: hidden; }
.turn .error { color: var(--warn); font-size: .98rem; line-height: 1.55; }
.turn details { margin-top: .9rem; font-size: .9rem; }
.turn summary { cursor: pointer; color: var(--accent); width: fit-content; }
.turn details[open] > summary { margin-bottom: .7rem; }
.turn .refused li { padding-block: .5rem; border-top: 1px solid var(--line); }
.turn .refused .dropped { font-family: var(--serif); color: var(--soft);
  text-decoration: line-through; text-decoration-thickness: 1px; }
.turn .why { color: var(--ink); margin-top: .15rem; }
.turn .ledger { margin-top: 1.5rem; overflow-x: auto; }
.ledger table { border-collapse: collapse; width: 100%; font-size: .88rem; line-height: 1.5; }
.ledger caption { text-align: start; font-weight: 600; padding-bottom: .4rem; color: var(--ink); }
.ledger th, .ledger td { text-align: start; vertical-align: top;
  padding: .2rem 1rem .2rem 0; }
.ledger tbody, .ledger thead { border-top: 1px solid var(--line); }
.ledger tbody tr:first-child > * { padding-top: .5rem; }
.ledger tbody tr:last-child > *, .ledger tbody th { padding-bottom: .5rem; }
.ledger thead th { color: var(--soft); font-weight: 400; font-size: .8rem; padding-block: .4rem; }
.ledger th:first-child { min-width: 7rem; }
.ledger td { padding-block: .35rem; }
.ledger time, .source time { white-space: nowrap; }
.ledger td:nth-last-child(2) { min-width: 12rem; color: var(--soft); font-size: .84rem; }
.ledger .outlet { color: var(--ink); font-weight: 600; }
.ledger .said q { font: 400 .95rem/1.45 var(--serif); color: var(--ink); display: -webkit-box;
  -webkit-box-orient: vertical; -webkit-line-clamp: 3; line-clamp: 3; overflow: hidden;
  unicode-bidi: plaintext; }
.ledger details { margin-top: .2rem; font-size: .84rem; }
.ledger details[open] > summary { margin-bottom: .2rem; }
.ledger tbody th { font: 600 1rem/1.35 var(--serif); color: var(--ink); }
.ledger tbody th p, .ledger .voice { font: 400 .8rem/1.4 var(--sans); color: var(--soft);
  margin: .15rem 0 0; }
.ledger tbody.superseded th bdi { text-decoration: line-through; text-decoration-thickness: 1px; }
.turn .difference { font: 600 1.15rem/1.5 var(--serif); padding-inline-start: .9rem;
  border-inline-start: 3px solid var(--accent); }
.turn .asked-as { font-size: .9rem; color: var(--soft); margin: 0 0 .8rem; }
.turn .asked-as q { color: var(--ink); }
.turn :is(.again, .copy) { all: unset; cursor: pointer; color: var(--accent);
  text-decoration: underline; text-underline-offset: .2em; }
.turn .again { margin-inline-start: .7em; font-size: .84rem; white-space: nowrap; }
.turn .meta a { color: var(--accent); text-decoration: underline; text-underline-offset: .2em; }
.turn .remark { font-size: .84rem; color: var(--warn); margin: .2rem 0 .6rem; }
.turn .timeline { width: 100%; max-width: 40rem; margin-top: 1.2rem; display: block; }
.timeline text { font: 400 13px var(--sans); fill: var(--ink); }
.timeline line { stroke: var(--line); stroke-width: 1; }
.timeline circle { fill: var(--accent); }
.timeline polygon { fill: var(--paper); stroke: var(--accent); stroke-width: 1.5; }
.timeline .superseded circle { fill: none; stroke: var(--accent); stroke-width: 2; }
.turn .stop { all: unset; cursor: pointer; margin-inline-start: 1rem; padding: .1rem .6rem;
  border: 1px solid var(--soft); border-radius: 4px; font-size: .84rem; color: var(--ink); }
.turn .stop:hover { border-color: var(--warn); color: var(--warn); }
.turn .stop:disabled { opacity: .5; cursor: default; }
.turn :is(.claims, .nearest) ~ .doing { margin-top: 1.2rem; }
.turn .nearest + .claims { margin-top: 1.6rem; }
.turn .seen { color: var(--soft); }
.doing { color: var(--soft); font-size: .95rem; }
.elapsed { font-variant-numeric: tabular-nums; }
.dot { display: inline-block; width: .55em; height: .55em; border-radius: 50%;
  background: var(--accent); margin-inline-end: .6em; animation: breathe 1.6s infinite; }
@keyframes breathe { 50% { opacity: .25; } }

/* asking */
.gradio-container:not(:has(.turn)) #ask-row { padding-top: 1.3rem; }
#ask-row { position: sticky; bottom: 0; background: var(--paper); padding: .7rem 0 .5rem;
  gap: .5rem !important; align-items: stretch; z-index: 5; flex-wrap: nowrap !important; }
#question, #question .block, #question label { padding: 0 !important; border: 0 !important;
  overflow: visible !important;
  background: none !important; box-shadow: none !important; }
#question textarea { font: 400 1.02rem/1.45 var(--sans) !important;
  color: var(--ink) !important; background: var(--field) !important;
  border: 1px solid var(--soft) !important; border-radius: 6px !important;
  padding: .68rem .85rem !important; box-shadow: none !important; }
#question textarea:focus { border-color: var(--accent) !important;
  outline: 2px solid var(--accent); outline-offset: 1px; }
#question textarea::placeholder { color: var(--soft) !important; opacity: 1; }
#ask, #clear { font: 600 .95rem/1 var(--sans) !important; border-radius: 6px !important;
  min-width: 4.6rem !important; flex: 0 0 auto !important; box-shadow: none !important; }
#ask { background: var(--accent) !important; color: var(--paper) !important;
  border: 1px solid var(--accent) !important; }
.gradio-container:has(.pending) #ask { opacity: .55; cursor: progress; }
#clear { background: none !important; color: var(--soft) !important;
  border: 1px solid var(--line) !important; font-weight: 400 !important; }
#ask:focus-visible, #clear:focus-visible, #suggestions button:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px; }
#suggestions { padding: 1.4rem 0 2rem; }
#suggestions[hidden], #library[hidden], .log[hidden] { display: none; }
#suggestions ul { list-style: none; margin: 0; padding: 0; }
#suggestions button { all: unset; box-sizing: border-box; cursor: pointer; display: block;
  width: 100%; padding: .8rem 0; border-top: 1px solid var(--line);
  font: 400 1.12rem/1.45 var(--serif); color: var(--ink); white-space: normal;
  text-align: start; }
#suggestions button:hover { color: var(--accent); }
#suggestions p { font-size: .84rem; color: var(--soft); margin: 0 0 .6rem; }
.gradio-container:has(.turn) #ask-row { box-shadow: 0 -.5rem .6rem var(--paper); }
.gradio-container:has(.turn) #suggestions-row, .gradio-container:not(:has(.turn)) #clear {
  display: none; }

/* what is asked within */
#within { font-size: .84rem; color: var(--soft); padding: .1rem 0 .5rem; }
#within summary { cursor: pointer; width: fit-content; }
#within .told { color: var(--ink); font-weight: 600; }
#within[open] { border-bottom: 1px solid var(--line); }
#within fieldset { border: 0; padding: .6rem 0 0; margin: 0; min-width: 0; }
#within fieldset[hidden], #within .narrow[hidden], #within label[hidden] { display: none; }
#within legend { padding: 0; color: var(--soft); }
#within .outlets { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; max-height: 9rem;
  overflow-y: auto; padding: .3rem 0; }
#within .outlets label { display: inline-flex; gap: .4em; align-items: center; color: var(--ink);
  cursor: pointer; }
#within .days { display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; padding: .5rem 0;
  align-items: center; }
#within input:not([type="checkbox"]), #library input[type="search"] { font: inherit;
  color: var(--ink); background: var(--field); border: 1px solid var(--soft); border-radius: 4px;
  padding: .25rem .45rem; color-scheme: light; }
.dark #within input, .dark #library input { color-scheme: dark !important; }
#within input[type="checkbox"] { appearance: auto !important; accent-color: var(--accent);
  background: none !important; inline-size: 1rem; block-size: 1rem; margin: 0; }
#within .days input { margin-inline-start: .4rem; }
#within :is(fieldset, .days) { padding-inline-start: 1rem; }
#within .reset { all: unset; cursor: pointer; color: var(--accent); text-decoration: underline;
  text-underline-offset: .2em; }

/* the library */
#library { padding: 1.3rem 0 2rem; color: var(--ink); }
#library .giving { border: 1px dashed var(--soft); border-radius: 6px; padding: .9rem 1.1rem;
  margin-bottom: 1.4rem; font-size: .92rem; line-height: 1.5; }
#library .giving[hidden] { display: none; }
#library .giving.over { border-style: solid; border-color: var(--accent);
  background: var(--card); }
#library p { margin: 0; }
#library .limits, #library .count { font-size: .82rem; color: var(--soft); }
#library .pick { color: var(--accent); text-decoration: underline; cursor: pointer;
  text-underline-offset: .2em; }
#library .pick:focus-within { outline: 2px solid var(--accent); outline-offset: 2px; }
#library .outcome:not(:empty) { margin-top: .7rem; border-top: 1px solid var(--line);
  padding-top: .6rem; }
#library .outcome ul { list-style: none; padding: 0; margin: .4rem 0 0; font-size: .86rem;
  max-height: 14rem; overflow-y: auto; overflow-wrap: anywhere; }
#library .outcome .not, #library .outcome .error { color: var(--warn); }
#library > label { font-size: .84rem; color: var(--soft); }
#library input[type="search"] { display: block; box-sizing: border-box; margin-top: .3rem;
  width: min(28rem, 100%); font-size: .98rem; }
#library .count { margin: .8rem 0 .3rem; }
#library ul.reports { list-style: none; padding: 0; margin: 0; }
#library ul.reports > li { border-top: 1px solid var(--line); padding: .65rem 0;
  overflow-wrap: anywhere; }
#library .title { all: unset; cursor: pointer; display: block; width: 100%; color: var(--ink);
  font: 600 1.04rem/1.4 var(--serif); unicode-bidi: plaintext; }
#library .title:hover { color: var(--accent); }
#library details { font-size: .84rem; margin-top: .2rem; }
#library summary { cursor: pointer; color: var(--accent); width: fit-content; }
#library details ul { list-style: none; padding: .4rem 0 0 1.1rem; margin: 0;
  border-inline-start: 2px solid var(--line); padding-inline-start: 1rem; }
#library details .title { font-size: .94rem; }

/* what a mark cites, at a glance */
#hint { position: fixed; z-index: 30; max-width: min(26rem, calc(100vw - 24px));
  background: var(--card); color: var(--ink); border: 1px solid var(--soft); border-radius: 4px;
  padding: .55rem .75rem; box-shadow: 0 6px 24px rgb(0 0 0 / .18); font-size: .9rem; }
#hint[hidden] { display: none; }
#hint .quote { display: block; font: 400 .95rem/1.5 var(--serif); unicode-bidi: plaintext; }
#hint .source { display: block; margin-top: .3rem; }

/* the foot */
#foot { align-items: baseline; justify-content: space-between; padding: .2rem 0 1rem;
  flex-wrap: nowrap !important; gap: .3rem 1.5rem !important; }
#foot > * { flex: 0 1 auto !important; width: auto !important; min-width: 0 !important; }
.status { display: flex; flex-wrap: wrap; margin: 0; padding: 0;
  list-style: none; font-size: .78rem; line-height: 1.5; color: var(--soft); }
.status li:not(:last-child)::after { content: "·"; margin-inline: .45em; }
.status b { font-weight: 600; color: var(--ink); }
#model { flex: 0 0 auto !important; width: auto !important; margin: 0 !important; padding: 0;
  border: 0 !important; overflow: visible !important; font-size: .78rem; color: var(--soft); }
#model > div:last-of-type { display: flex; align-items: baseline; gap: .5em; }
#model > div:last-of-type::before { content: "Model"; }
#model, #model * { background: none !important; box-shadow: none !important; }
#model .wrap { border: 0 !important; border-bottom: 1px solid var(--soft) !important;
  border-radius: 0 !important; min-height: 0 !important; width: 9rem; }
#model input { font: 600 .78rem/1.5 var(--sans) !important; color: var(--ink) !important;
  padding: 0 !important; margin: 0 !important; height: auto !important; cursor: pointer; }
#model .wrap-inner, #model .secondary-wrap { padding: 0 !important; min-height: 0 !important; }
#model .wrap:focus-within { border-color: var(--accent) !important;
  outline: 2px solid var(--accent); outline-offset: 2px; }
#model .options { border: 1px solid var(--line) !important; width: 12rem !important; }
#model .options, #model .options * { background: var(--card) !important; }
#test-row { display: contents; }
#test-row #test-model { all: unset; cursor: pointer; color: var(--accent); font-size: .78rem;
  text-decoration: underline; text-underline-offset: .2em; }
#test-row #test-model:disabled { opacity: .5; cursor: progress; }
#test-model:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
#tested { font-size: .78rem; color: var(--soft); overflow-wrap: anywhere; }
#tested.not { color: var(--warn); }
#tested.not::before { content: "No: "; font-weight: 600; }

/* the report beside the answer */
#article-panel { position: fixed; inset-block: 0; inset-inline-end: 0; width: min(48vw, 44rem);
  background: var(--card); border-inline-start: 1px solid var(--line); display: flex;
  flex-direction: column; z-index: 20; color: var(--ink); }
#article-panel[hidden] { display: none; }
#article-panel .bar { display: flex; align-items: center; gap: .9rem; padding: .7rem 1.4rem;
  border-bottom: 1px solid var(--line); font-size: .86rem; }
#article-panel .kicker { margin: 0; flex: 1; color: var(--soft); }
#article-panel .bar button { all: unset; cursor: pointer; color: var(--accent); padding: .2rem 0; }
#article-panel .bar button:hover { text-decoration: underline; text-underline-offset: .2em; }
#article-panel .bar button[hidden] { display: none; }
#article-panel .sheet { flex: 1; overflow-y: auto; padding: 1.4rem 1.4rem 4rem; position: relative;
  overscroll-behavior: contain; }
#article-panel .page { max-width: 38rem; margin-inline: auto; overflow-wrap: anywhere; }
#article-panel .page p { margin: 0; }
#article-panel .url { text-decoration: underline; text-underline-offset: .2em; }
.file-id, .url { font: 400 .8rem/1.5 var(--mono); color: var(--soft); }
#article-panel .text { font: 400 1.06rem/1.7 var(--serif); white-space: pre-wrap;
  unicode-bidi: plaintext; margin-top: 1.2rem; }
#article-panel .gap { white-space: normal; }
#article-panel .headline { font: 700 1.5rem/1.25 var(--serif); letter-spacing: -.01em;
  color: var(--ink); margin: 0 0 1.2rem; unicode-bidi: plaintext; }
#article-panel mark { background: none; color: inherit; padding: .08em 0;
  text-decoration: underline dotted 2px var(--mark-line); text-underline-offset: .25em; }
#article-panel mark.here { background: var(--mark-here); text-decoration: underline solid 2px
  var(--mark-line); box-decoration-break: clone; -webkit-box-decoration-break: clone; }
@media (min-width: 60rem) {
  .gradio-container:has(#article-panel:not([hidden])) {
    padding-inline-end: min(48vw, 44rem) !important; }
}
@media (max-width: 59.99rem) {
  #article-panel { inset-block: auto 0; inset-inline: 0; width: auto; height: 68dvh;
    border-inline-start: 0; border-top: 3px double var(--line);
    box-shadow: 0 -12px 40px rgb(0 0 0 / .18); }
  .gradio-container:has(#article-panel:not([hidden])) .log { padding-bottom: 68dvh; }
}
@media (max-width: 36rem) {
  .gradio-container .main { padding: 0 1rem !important; }
  #masthead .corpus { grid-column: 1 / -1; justify-self: start; }
  #masthead .tagline { grid-column: 1 / -1; }
  .turn .short { font-size: 1.5rem; }
  #foot { flex-wrap: wrap !important; }
  #ask, #clear { min-width: 0 !important; padding-inline: .9rem !important; }
  .ledger, .ledger :is(table, caption, tbody, tr, th, td) { display: block; width: auto; }
  .ledger thead { display: none; }
  .ledger tbody tr > :is(th, td) { padding: 0 0 .15rem !important; }
  .ledger tbody tr { padding-bottom: .6rem; }
  .ledger tbody { padding-top: .6rem; }
  .ledger tbody th:not(:empty) { padding-bottom: .4rem !important; }
  .timeline text { font-size: 19px; }
}
@media (prefers-reduced-motion: reduce) { .dot { animation: none; } }
@media print { #ask-row, #foot, #article-panel { display: none; } }
"""

ICON = (
    '<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns=\'http://www.w3.org/2000/svg\' '
    "viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='6' fill='%231d5468'/%3E%3Cpath "
    "d='M8 17l6 6 11-14' fill='none' stroke='%23fff' stroke-width='4'/%3E%3C/svg%3E\">"
)
#: As `css=`, Gradio would prefix every selector, which breaks those that begin above its container.
HEAD = f"<style>{CSS}</style>{ICON}"
