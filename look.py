"""How the page looks and how it reacts: one style sheet, one script, both trusted and constant.

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

#masthead, #conversation, #for-instance, #status-bar, .html-container {
  padding: 0 !important; border-radius: 0 !important; overflow: visible !important; }

/* the head of the page */
#masthead { padding: 1.6rem 0 1rem !important; border-bottom: 3px double var(--line); }
#masthead .wordmark { font: 700 1.7rem/1.1 var(--serif); letter-spacing: -.015em; margin: 0;
  color: var(--ink); }
#masthead .tagline { margin: .35rem 0 0; color: var(--soft); font-size: .9rem; }

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
:is(.cite, summary, .bar button, .sheet, #article-panel):focus-visible {
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
.ledger td .cite { line-height: 1.6; }
.ledger tbody th { font: 600 1rem/1.35 var(--serif); color: var(--ink); }
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
#suggestions { gap: 0 !important; padding: 1.6rem 0 2rem; }
#suggestions button { all: unset; box-sizing: border-box; cursor: pointer; display: block;
  width: 100%; padding: .8rem 0; border-top: 1px solid var(--line);
  font: 400 1.12rem/1.45 var(--serif); color: var(--ink); white-space: normal;
  text-align: start; }
#suggestions button:hover { color: var(--accent); }
#for-instance p { font-size: .84rem; color: var(--soft); margin: 0 0 .6rem; }
.gradio-container:has(.turn) #ask-row { box-shadow: 0 -.5rem .6rem var(--paper); }
.gradio-container:has(.turn) #suggestions, .gradio-container:not(:has(.turn)) #clear {
  display: none; }

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
  .turn .short { font-size: 1.5rem; }
  #foot { flex-wrap: wrap !important; }
  #ask, #clear { min-width: 0 !important; padding-inline: .9rem !important; }
  .ledger th, .ledger td { padding-inline-end: .7rem; }
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

#: Runs once in the browser, when Gradio has mounted the conversation. `element`, `props` and
#: `watch` are Gradio's: the element of the component, its value, and news of it from the server.
SCRIPT = """
const log = element.querySelector('.log');
const panel = element.querySelector('#article-panel');
const sheet = panel.querySelector('.sheet');
const cleared = new Set();
let opener = null;

// The server sends one card at a time: {turn, html}. A card replaces the one of the same turn.
function show({turn, html}) {
  if (cleared.has(turn)) return;
  const fresh = document.createElement('template');
  fresh.innerHTML = html;
  const card = fresh.content.firstElementChild;
  const old = document.getElementById(turn);
  card.dataset.since = old ? old.dataset.since : Date.now();
  if (old) old.replaceWith(card); else log.append(card);
  if (!old || !card.classList.contains('pending'))
    card.scrollIntoView({block: 'start', behavior: calm() ? 'auto' : 'smooth'});
}
const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
watch('value', () => props.value && show(props.value));

function spans() {
  const marks = [...panel.querySelectorAll('mark')];
  const numbers = new Set(marks.flatMap(m => m.dataset.spans.split(' ')));
  return [...numbers];
}
function light(number) {
  panel.dataset.span = number;
  let first = null;
  for (const mark of panel.querySelectorAll('mark')) {
    const here = mark.dataset.spans.split(' ').includes(number);
    mark.classList.toggle('here', here);
    if (here) first ||= mark;
  }
  const top = first ? first.getBoundingClientRect().top - sheet.getBoundingClientRect().top : 0;
  sheet.scrollTop += top - sheet.clientHeight / 3;
}
function open(target, byKeyboard) {
  const page = document.getElementById(target.dataset.article);
  if (!page) return;
  close();
  sheet.replaceChildren(page.content.cloneNode(true));
  sheet.scrollTop = 0;
  panel.hidden = false;
  for (const step of panel.querySelectorAll('.step')) step.hidden = spans().length < 2;
  light(target.dataset.span);
  opener = target;
  if (target.matches('.cite')) target.setAttribute('aria-expanded', 'true');
  sheet.focus({preventScroll: true});
}
function close() {
  panel.hidden = true;
  if (opener) opener.removeAttribute('aria-expanded');
  opener = null;
}
element.addEventListener('click', event => {
  const target = event.target.closest('[data-article]');
  if (target && (target.matches('.cite') || getSelection().isCollapsed)) open(target);
  if (event.target.closest('.close')) leave();
  const step = event.target.closest('.step');
  if (step) {
    const all = spans(), at = all.indexOf(panel.dataset.span) + Number(step.dataset.step);
    light(all[(at + all.length) % all.length]);
  }
});
function leave() {
  const back = opener;
  close();
  if (back && back.matches('.cite')) back.focus({preventScroll: true});
}
document.addEventListener('keydown', event => {
  if (event.key === 'Escape' && !panel.hidden) leave();
});
document.addEventListener('wirecheck:clear', () => {
  for (const card of log.querySelectorAll('.pending')) cleared.add(card.id);
  log.replaceChildren();
  close();
  box().focus();
});
// A suggested question goes the way of a typed one.
document.addEventListener('wirecheck:ask', event => {
  box().value = event.detail;
  box().dispatchEvent(new Event('input', {bubbles: true}));
  setTimeout(() => document.querySelector('#ask').click(), 50);
});
// Gradio fixes the direction of its text box; a question may be in any script.
document.addEventListener('input', event => {
  if (event.target === box()) box().dir = 'auto';
});
const box = () => document.querySelector('#question textarea');
setInterval(() => {
  for (const card of log.querySelectorAll('.pending')) {
    const seconds = Math.round((Date.now() - card.dataset.since) / 1000);
    card.querySelector('.elapsed').textContent = seconds ? seconds + ' s' : '';
  }
}, 500);
"""

#: What Gradio's buttons run in the browser.
ASK = "question => document.dispatchEvent(new CustomEvent('wirecheck:ask', {detail: question}))"
CLEAR = "() => document.dispatchEvent(new Event('wirecheck:clear'))"
