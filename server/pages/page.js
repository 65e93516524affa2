'use strict';
const talk = document.getElementById('talk'), form = document.getElementById('ask'), field = document.getElementById('question');
const send = document.getElementById('send'), state = document.getElementById('state'), spoken = document.getElementById('spoken');
const begin = document.getElementById('begin'), anew = document.getElementById('anew');
const hasKeyboard = matchMedia('(hover: hover)').matches;  // on a phone a focused field covers the answer with its keyboard
const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
const UNREACHABLE = 'The service cannot be reached right now. Please check your connection and ask again.';
const BROKEN = 'The connection broke before the answer was complete. Please ask again.';
let history = [], session = newSession(), running = null;

function newSession() {  // randomUUID is there on https and localhost only
  return crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint32Array(4)), n => n.toString(16)).join('');
}

function placeOf(source) {
  return [...new Set([source.chapter, source.section].filter(Boolean))].join(' › ') || source.url;
}

function citing(sources) {  // what stands for [1]
  return number => {
    const source = sources.get(number);
    if (!source) return null;
    const mark = link(source.url, String(number));
    Object.assign(mark, { title: placeOf(source), ariaLabel: `Source ${number}: ${placeOf(source)}` });
    return element('sup', {}, mark);
  };
}

function listSources(box, cited) {
  if (!cited.length) return;
  const items = cited.map(source => element('li', { value: source.n }, link(source.url, placeOf(source))));
  box.append(element('ol', { className: 'sources', ariaLabel: 'Sources' }, ...items));
}

function offer(box, questions) {
  const buttons = questions.map(question => element('button', { type: 'button', className: 'plain', textContent: question, onclick: () => ask(question) }));
  if (buttons.length) box.append(element('div', { className: 'offers' }, ...buttons));
}

async function request(question, signal) {
  const response = await fetch('chat', {
    method: 'POST', signal, headers: { 'Content-Type': 'application/json', 'X-Anonymous-Session-ID': session },
    body: JSON.stringify({ question, history: history.slice(-6) }),
  }).catch(error => { throw error.name === 'AbortError' ? error : new Error(UNREACHABLE); });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));  // a proxy's error page is no JSON
  throw new Error(problem.detail || UNREACHABLE);
}

async function answer(question, box, note, signal) {
  const text = element('div', { className: 'text' }), sources = new Map(), cite = citing(sources);
  let said = '', drawing = 0, done = null;
  const draw = () => { drawing = 0; text.replaceChildren(...markdown(said, cite)); };
  note.before(text);
  const response = await request(question, signal);
  try {
    for await (const event of events(response)) {
      if (event.type === 'sources') for (const source of event.sources) sources.set(source.n, source);
      if (event.type === 'chunk') { said += event.content; note.textContent = ''; drawing ||= requestAnimationFrame(draw); }
      if (event.type === 'error') complain(box, note, event.message, question);
      if (event.type === 'done') done = event;
    }
  } catch (error) {
    throw error.name === 'AbortError' ? error : new Error(BROKEN);
  } finally {
    cancelAnimationFrame(drawing);
    for (const source of done?.sources ?? []) sources.set(source.n, { ...sources.get(source.n), ...source });
    draw();
  }
  if (!done) throw new Error(BROKEN);
  if (done.degraded) note.textContent = 'The model that writes answers is not available right now, so these are quotations from the book.';
  listSources(box, done.sources);
  offer(box, done.suggestions);
  if (done.finish_reason === 'error') return;
  history.push({ role: 'user', content: question }, { role: 'assistant', content: said });
  spoken.textContent = said;
}

function complain(box, note, message, question) {
  note.className = 'note failed';
  note.textContent = message;
  box.append(element('div', { className: 'offers' }, element('button', { type: 'button', className: 'plain', textContent: 'Ask again', onclick: () => ask(question) })));
  spoken.textContent = message;
}

async function ask(question) {
  running?.abort();
  begin.hidden = true;
  anew.hidden = false;
  const control = running = new AbortController(), box = element('article', { className: 'answer', ariaBusy: 'true' });
  const asked = element('article', { className: 'asked', textContent: question }), note = element('p', { className: 'note', textContent: 'Looking in the book…' });
  box.append(note);
  talk.append(asked, box);
  send.textContent = 'Stop';
  asked.scrollIntoView({ block: 'start', behavior: calm ? 'auto' : 'smooth' });
  try {
    await answer(question, box, note, control.signal);
  } catch (error) {
    if (error.name === 'AbortError') note.textContent = 'Stopped.';
    else complain(box, note, error.message, question);
  } finally {
    box.ariaBusy = 'false';
    if (running === control) { running = null; send.textContent = 'Ask'; if (hasKeyboard) field.focus({ preventScroll: true }); }
  }
}

form.addEventListener('submit', event => {
  event.preventDefault();
  const question = field.value.trim();
  if (running && !question) return running.abort();
  if (question) { field.value = ''; ask(question); }
});
field.addEventListener('keydown', event => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
});
addEventListener('keydown', event => { if (event.key === 'Escape') running?.abort(); });
anew.addEventListener('click', () => {
  running?.abort();
  [history, session] = [[], newSession()];
  talk.replaceChildren();
  [begin.hidden, anew.hidden] = [false, true];
  field.focus();
});

async function suggestBeginnings() {  // the book's own pages: what a reader can ask about before they know it
  const found = await fetch('search?k=20&q=introduction%20overview').then(response => response.ok ? response.json() : null).catch(() => null);
  const titles = [...new Set((found?.results ?? []).map(result => result.title))].slice(0, 4);
  if (titles.length) document.getElementById('hint').textContent = 'Ask in your own words, or begin here:';
  offer(begin, titles);
}

async function watch() {  // until the book can be asked
  const health = await fetch('health').then(response => response.json()).catch(() => null);
  if (health?.build) {
    const pages = `${health.documents_count} ${health.documents_count === 1 ? 'page' : 'pages'}`;
    state.textContent = `${pages}. ${health.chat_model === 'extractive' ? 'Answers are quotations from the book' : 'Answers come from the book'}, with links to where it says so.`;
    suggestBeginnings();
  } else {
    state.textContent = !health ? 'The service cannot be reached; trying again…'
      : health.status === 'no_book' ? `The book has not been read, and nothing is reading it. ${health.advice ?? ''}` : 'The book is being read…';
    setTimeout(watch, 2000);
  }
}
watch();
