// How the page reacts. Runs once, when Gradio has mounted the conversation; `element`, `props` and
// `watch` are Gradio's: the element of the component, its value, and news of it from the server.
// It inserts as HTML only what `page.py` made, which is escaped; all else it inserts as text.

const log = element.querySelector('.log');
const panel = element.querySelector('#article-panel');
const sheet = panel.querySelector('.sheet');
const library = element.querySelector('#library');
const hint = element.querySelector('#hint');
const cleared = new Set();
const $ = selector => document.querySelector(selector);
const box = () => $('#question textarea');
const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
let opener = null, back = null;

// --- asking ---

// The server sends one card at a time: {turn, html}. A card replaces the one of the same turn.
function show({turn, html}) {
  if (cleared.has(turn)) return;
  const card = made(html).firstElementChild;
  const old = document.getElementById(turn);
  card.dataset.since = old ? old.dataset.since : Date.now();
  const held = old && old.contains(document.activeElement) ? document.activeElement : null;
  if (old) old.replaceWith(card); else log.append(card);
  if (opener && !opener.isConnected) opener = twin(card, opener);
  if (back && !back.isConnected) back = twin(card, back);
  if (opener && opener.matches('.cite')) opener.setAttribute('aria-expanded', 'true');
  if (held) (twin(card, held) || box()).focus({preventScroll: true});
  if (!old || !card.classList.contains('pending') && panel.hidden)
    card.scrollIntoView({block: 'start', behavior: calm() ? 'auto' : 'smooth'});
}
watch('value', () => props.value && show(props.value));

function made(html) {
  const fresh = document.createElement('template');
  fresh.innerHTML = html;
  return fresh.content;
}
// What in a new card is what `old` was in the card before.
function twin(card, old) {
  const {article, span, stop} = old.dataset;
  const same = [...card.querySelectorAll(old.tagName)].filter(e =>
    e.dataset.article === article && e.dataset.span === span && e.dataset.stop === stop);
  return same.find(e => article || stop) || null;
}
async function stop(turn) {
  await fetch('desk/stop', {
    method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({turn})});
}
document.addEventListener('wirecheck:clear', () => {
  for (const card of log.querySelectorAll('.pending')) {
    cleared.add(card.id);
    stop(card.id);
  }
  log.replaceChildren();
  close();
  box().focus();
});
function write(question) {
  box().value = question;
  box().dispatchEvent(new Event('input', {bubbles: true}));
}
function ask(question) {
  write(question);
  setTimeout(() => $('#ask').click(), 50);
}
// What a follow-up was asked as, to be changed; or what was typed, apart from the conversation.
function rephrase(question) {
  write(question);
  box().focus();
  box().setSelectionRange(question.length, question.length);
}
function askAlone(question) {
  document.documentElement.dataset.alone = 'yes';
  ask(question);
}
async function copy(button) {
  let told = 'copied';
  try {
    const text = await (await desk('proof', {turn: button.dataset.copy, as: 'md'})).text();
    await (navigator.clipboard ? navigator.clipboard.writeText(text) : copyPlainly(text));
  } catch (error) {
    told = 'could not be copied';
  }
  button.textContent = told;
  setTimeout(() => button.textContent = 'copy', 2500);
}
// Browsers give pages a clipboard only on loopback or over TLS.
async function copyPlainly(text) {
  const held = document.createElement('textarea');
  held.value = text;
  document.body.append(held);
  held.select();
  const done = document.execCommand('copy');
  held.remove();
  if (!done) throw Error('refused');
}
// Gradio fixes the direction of its text box; a question may be in any script.
document.addEventListener('input', event => {
  if (event.target === box()) box().dir = 'auto';
});
setInterval(() => {
  for (const card of log.querySelectorAll('.pending')) {
    const seconds = Math.round((Date.now() - card.dataset.since) / 1000);
    card.querySelector('.elapsed').textContent = seconds ? seconds + ' s' : '';
  }
}, 500);

// --- the article beside the answer ---

function spans() {
  const marks = [...panel.querySelectorAll('mark')];
  return [...new Set(marks.flatMap(m => m.dataset.spans.split(' ')))];
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
function step(by) {
  const all = spans(), at = all.indexOf(panel.dataset.span) + by;
  if (all.length) light(all[(at + all.length) % all.length]);
}
function open(content, target) {
  // Opened from inside an open panel's answer, focus still goes back to where it first was not.
  const from = target.matches('button') ? target : document.activeElement;
  close();
  sheet.replaceChildren(content);
  sheet.scrollTop = 0;
  panel.hidden = false;
  hint.hidden = true;
  for (const button of panel.querySelectorAll('.step')) button.hidden = spans().length < 2;
  opener = target;
  back = panel.contains(from) || from === document.body ? citeBeside(target) : from;
  if (target.matches('.cite')) target.setAttribute('aria-expanded', 'true');
  sheet.focus({preventScroll: true});
}
// A quote can't be focused; the file ID beneath it, which opens the same, can.
function citeBeside(target) {
  const {article, span} = target.dataset;
  return [...log.querySelectorAll('.cite')].find(e =>
    e.dataset.article === article && e.dataset.span === span) || target;
}
function openCited(target) {
  const page = document.getElementById(target.dataset.article);
  if (!page) return;
  open(page.content.cloneNode(true), target);
  light(target.dataset.span);
}
async function openListed(target) {
  const content = await fetched('article', {id: target.dataset.open});
  if (content) open(content, target);
}
function close() {
  panel.hidden = true;
  if (opener) opener.removeAttribute('aria-expanded');
  opener = null;
}
function leave() {
  const to = back;
  close();
  if (to) to.focus({preventScroll: true});
}

// --- hints: outlet, date and quote of a mark ---

let hiding = 0;
function tell(mark) {
  const page = document.getElementById(mark.dataset.article);
  if (!page) return;
  const quote = [...page.content.querySelectorAll('mark')]
    .filter(m => m.dataset.spans.split(' ').includes(mark.dataset.span))
    .map(m => m.textContent).join('').replace(/\s+/g, ' ').trim();
  const cut = [...quote], head = page.content.querySelector('header .source');
  hint.replaceChildren(
    piece('span', cut.length > 280 ? cut.slice(0, 280).join('') + '…' : quote, 'quote'),
    piece('span', head ? head.textContent : '', 'source'));
  hint.hidden = false;
  clearTimeout(hiding);
  mark.setAttribute('aria-describedby', 'hint');
  const place = mark.getBoundingClientRect(), size = hint.getBoundingClientRect();
  const left = Math.min(place.left, innerWidth - size.width - 12);
  const above = place.top - size.height - 8;
  hint.style.left = Math.max(12, left) + 'px';
  hint.style.top = (above > 8 ? above : place.bottom + 8) + 'px';
}
function untell() {
  clearTimeout(hiding);
  hiding = setTimeout(() => hint.hidden = true, 150);
}
const cite = event => event.target.closest && event.target.closest('.log .cite');
element.addEventListener('mouseover', event => {
  if (cite(event)) tell(cite(event)); else if (event.target.closest('#hint')) clearTimeout(hiding);
});
element.addEventListener('mouseout', event => {
  if (cite(event) || event.target.closest('#hint')) untell();
});
element.addEventListener('focusin', event => {
  if (cite(event) && event.target.matches(':focus-visible')) tell(cite(event));
});
element.addEventListener('focusout', event => cite(event) && untell());
addEventListener('scroll', () => hint.hidden = true, {passive: true});

// --- clicks and keys ---

document.addEventListener('click', event => {
  const at = selector => event.target.closest(selector);
  if (at('.cite')) openCited(at('.cite'));
  else if (at('[data-article]') && getSelection().isCollapsed) openCited(at('[data-article]'));
  else if (at('[data-open]')) openListed(at('[data-open]'));
  else if (at('[data-stop]')) stop(at('[data-stop]').dataset.stop);
  else if (at('[data-rephrase]')) rephrase(at('[data-rephrase]').dataset.rephrase);
  else if (at('[data-alone]')) askAlone(at('[data-alone]').dataset.alone);
  else if (at('[data-copy]')) copy(at('[data-copy]'));
  else if (at('#test-model')) testModel();
  else if (at('[data-view]')) view(at('[data-view]').dataset.view);
  else if (at('#suggestions button')) ask(at('#suggestions button').textContent);
  else if (at('#within .reset')) reset();
  else if (at('#article-panel .close')) leave();
  else if (at('.step')) step(Number(at('.step').dataset.step));
});
document.addEventListener('keydown', event => {
  const plain = !(event.ctrlKey || event.altKey || event.metaKey);
  if (event.key === 'Escape') leaveOrStop();
  else if (plain && panel.contains(event.target) && /^[np]$/.test(event.key))
    step(event.key === 'n' ? 1 : -1);
});
function leaveOrStop() {
  const pending = log.querySelectorAll('.pending');
  if (!hint.hidden) hint.hidden = true;
  if (document.activeElement === box() && pending.length) stop(pending[pending.length - 1].id);
  else if (!panel.hidden) leave();
}

// --- the model ---

const chosenModel = () => $('#model input') ? $('#model input').value : '';
async function testModel() {
  const told = $('#tested'), model = chosenModel();
  told.className = '';
  told.textContent = 'Asking ' + model + ' …';
  $('#test-model').disabled = true;
  try {
    const reply = await desk('model', {}, {method: 'POST', body: JSON.stringify({model})});
    const {answers, line} = await reply.json();
    told.textContent = line;
    told.className = answers ? '' : 'not';
  } catch (error) {
    told.textContent = error.message;
    told.className = 'not';
  }
  $('#test-model').disabled = false;
}

// --- what is asked within ---

let corpora = [];
const corpus = () => $('#corpus') ? $('#corpus').value : '';
async function desk(path, words = {}, options = {}) {
  const reply = await fetch('desk/' + path + '?' + new URLSearchParams(words), options);
  if (reply.ok) return reply;
  const told = (reply.headers.get('content-type') || '').startsWith('application/json');
  throw Error(told ? (await reply.json()).problem : 'refused (' + reply.status + ')');
}
async function fetched(path, words) {
  try {
    return made(await (await desk(path, {corpus: corpus(), ...words})).text());
  } catch (error) {
    return null;
  }
}
function piece(tag, text, name) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  made.dir = 'auto';
  return made;
}
async function loadCorpora(chosen) {
  const told = await (await desk('corpora')).json();
  corpora = told.corpora;
  library.querySelector('.giving').hidden = !told.files;
  const select = $('#corpus');
  select.replaceChildren(...corpora.map(c => new Option(c.name, c.key)));
  if (corpora.some(c => c.key === chosen)) select.value = chosen;
  select.closest('label').hidden = corpora.length < 2;
  chooseCorpus();
}
async function chooseCorpus() {
  const {key, outlets, first, last} = corpora.find(c => c.key === corpus());
  $('#within .outlets').replaceChildren(...outlets.map(name => {
    const label = document.createElement('label'), tick = document.createElement('input');
    tick.type = 'checkbox';
    tick.value = name;
    label.append(tick, piece('span', name));
    return label;
  }));
  $('#within fieldset').hidden = !outlets.length;
  $('#within .narrow').hidden = outlets.length < 13;
  for (const day of [$('#since'), $('#until')]) {
    day.min = first || '';
    day.max = last || '';
  }
  reset();
  if (!library.hidden) list();
  const {questions} = await (await desk('questions', {corpus: key})).json();
  if (corpus() !== key) return;
  $('#suggestions').hidden = !questions.length;
  $('#suggestions ul').replaceChildren(...questions.map(question => {
    const row = document.createElement('li'), button = piece('button', question);
    button.type = 'button';
    row.append(button);
    return row;
  }));
}
const day = text => new Date(text + 'T00:00').toLocaleDateString(
  'en-GB', {day: 'numeric', month: 'long', year: 'numeric'});
function within() {
  const ticks = [...$('#within .outlets').querySelectorAll('input')];
  const outlets = ticks.filter(t => t.checked).map(t => t.value);
  const [since, until, asOf] = ['#since', '#until', '#as-of'].map(name => $(name).value);
  document.documentElement.dataset.within =
    JSON.stringify({corpus: corpus(), outlets, since, until, as_of: asOf});
  $('#within .told').textContent = [
    outlets.length > 3 ? outlets.length + ' outlets' : outlets.join(', '),
    since && 'since ' + day(since), until && 'until ' + day(until),
    asOf && 'as of ' + day(asOf),
  ].filter(Boolean).join(', ') || 'all reports';
}
function reset() {
  for (const tick of $('#within .outlets').querySelectorAll('input')) tick.checked = false;
  $('#since').value = $('#until').value = $('#as-of').value = '';
  within();
}
document.addEventListener('change', event => {
  if (event.target.id === 'corpus') chooseCorpus();
  else if (event.target.closest('#within')) within();
});
document.addEventListener('input', event => {
  if (!event.target.matches('#within .narrow')) return;
  const wanted = event.target.value.toLowerCase();
  for (const label of $('#within .outlets').children)
    label.hidden = !label.textContent.toLowerCase().includes(wanted);
});

// --- the library ---

function view(name) {
  const listing = name === 'library';
  document.documentElement.dataset.showing = name;
  for (const button of document.querySelectorAll('[data-view]'))
    button.setAttribute('aria-pressed', String(button.dataset.view === name));
  library.hidden = !listing;
  log.hidden = listing;
  close();
  if (listing) { list(); library.querySelector('#library-query').focus(); } else box().focus();
}
let asked = 0;
async function list() {
  const turn = ++asked, q = library.querySelector('#library-query').value;
  const content = await fetched('library', {q});
  if (content && turn === asked) library.querySelector('.found').replaceChildren(content);
}
let typing = 0;
library.querySelector('#library-query').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(list, 120);
});

// --- articles of one's own ---

const giving = library.querySelector('.giving');
const outcome = giving.querySelector('.outcome');
const MOST = 16e6;
giving.querySelector('.limits').textContent =
  '.txt, .md, .html, .pdf, and .jsonl or .csv with an article a row; up to 16 MB each. They stay ' +
  'with this server.';
giving.querySelector('input').addEventListener('change', event => {
  give([...event.target.files]);
  event.target.value = '';
});
for (const name of ['dragenter', 'dragover'])
  giving.addEventListener(name, event => { event.preventDefault(); giving.classList.add('over'); });
for (const name of ['dragleave', 'drop'])
  giving.addEventListener(name, () => giving.classList.remove('over'));
giving.addEventListener('drop', async event => {
  event.preventDefault();
  const entries = [...event.dataTransfer.items].map(i => i.webkitGetAsEntry()).filter(Boolean);
  const plain = [...event.dataTransfer.files];
  const files = (await Promise.all(entries.map(filesIn))).flat();
  give(files.length ? files : plain);
});
async function filesIn(entry) {
  if (entry.name.startsWith('.')) return [];
  if (entry.isFile) return [await new Promise((done, fail) => entry.file(done, fail))];
  const reader = entry.createReader(), found = [];
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(filesIn))).flat();
}
async function give(files) {
  const fates = [];
  for (const file of files) {
    const far = `${fates.length + 1} of ${files.length}`;
    outcome.replaceChildren(piece('p', `Sending ${file.name} (${far})`));
    fates.push([file.name, await send(file)]);
  }
  if (!files.length) return;
  try {
    if (fates.some(([, problem]) => !problem)) await desk('indexing', {}, {method: 'POST'});
    tellOutcome(fates, await indexed());
    await loadCorpora('own');
  } catch (error) {
    outcome.replaceChildren(piece('p', error.message, 'error'));
  }
}
async function send(file) {
  if (file.size > MOST) return 'larger than 16 MB';
  try {
    const reply = await desk('files', {name: file.name}, {method: 'POST', body: file});
    return (await reply.json()).problem;
  } catch (error) {
    return error.message;
  }
}
async function indexed() {
  for (;;) {
    const told = await (await desk('indexing')).json();
    if (told.state !== 'working') return told;
    const far = told.total ? `: ${told.done} of ${told.total}` : told.done ? `: ${told.done}` : '';
    outcome.replaceChildren(piece('p', `Indexing${told.what ? ', ' + told.what : ''}${far}`));
    await new Promise(done => setTimeout(done, 300));
  }
}
// One line in all, then one for each file: taken, or why not; of a file of rows, which rows not.
function tellOutcome(fates, told) {
  const list = document.createElement('ul');
  list.append(...fates.map(([name, problem]) => {
    const whole = told.skipped.find(([place]) => place === name);
    const rows = told.skipped.filter(([place]) => place.startsWith(name + ' line '))
      .map(([place, reason]) => place.slice(name.length + 1) + ': ' + reason);
    const line = document.createElement('li'), why = problem || (whole && whole[1]);
    const fate = why ? 'not taken: ' + why : ['taken', ...rows].join('; not ');
    line.append(piece('b', name), ' ', piece('span', fate, why ? 'not' : ''));
    return line;
  }));
  const sum = told.state === 'ready'
    ? `${told.articles} articles, ${told.reports} independent reports. They can be asked now.`
    : told.problem || 'Nothing was taken.';
  outcome.replaceChildren(piece('p', sum), list);
}
loadCorpora('');
