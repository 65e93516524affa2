'use strict';
const talk = document.getElementById('talk'), form = document.getElementById('ask'), field = document.getElementById('question');
const send = document.getElementById('send'), state = document.getElementById('state'), spoken = document.getElementById('spoken');
const history = [];
const session = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);
let running = null;

function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function address(url) {  // only what a browser may safely open, and only where we know the book's site
  return /^https?:\/\//i.test(url) ? url : null;
}

function inline(text, sources) {  // [1] becomes a link, `code` and **strong** what they say; everything else stays text
  return text.split(/(\[\d+\]|`[^`\n]+`|\*\*[^*\n]+\*\*)/).map(part => {
    const number = /^\[(\d+)\]$/.exec(part);
    if (number && sources.has(Number(number[1]))) {
      const { url, section, chapter } = sources.get(Number(number[1]));
      const target = address(url);
      const mark = target ? element('a', { href: target, target: '_blank', rel: 'noopener', textContent: number[1] })
                          : element('span', { textContent: number[1] });
      mark.title = [chapter, section].filter(Boolean).join(' › ');
      return element('sup', {}, mark);
    }
    if (/^`.+`$/.test(part)) return element('code', { textContent: part.slice(1, -1) });
    if (/^\*\*.+\*\*$/.test(part)) return element('strong', { textContent: part.slice(2, -2) });
    return part;
  });
}

function render(box, text, sources) {
  box.replaceChildren(...text.split(/^(```[^]*?(?:^```[^\n]*$|$(?![^])))/m).flatMap(block => {
    if (block.startsWith('```')) return [element('pre', {}, element('code', { textContent: block.replace(/^```.*\n?|\n?```\s*$/g, '') }))];
    return block.split(/\n{2,}/).filter(part => part.trim()).map(part => element('p', {}, ...inline(part.trim(), sources)));
  }));
}

function listSources(box, cited) {
  const items = cited.map(source => {
    const label = [source.chapter, source.section].filter(Boolean).join(' › ') || source.url, target = address(source.url);
    return element('li', { value: source.n }, target ? element('a', { href: target, target: '_blank', rel: 'noopener', textContent: label }) : label);
  });
  if (items.length) box.append(element('ol', { ariaLabel: 'Sources' }, ...items));
}

function suggest(box, questions) {
  for (const question of questions) {
    box.append(element('button', { type: 'button', className: 'plain', textContent: question, onclick: () => ask(question) }));
  }
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ;) {
    const { done, value } = await reader.read();
    if (done) return;
    const frames = (rest + value).split('\n\n');
    rest = frames.pop();
    for (const frame of frames) {
      const data = frame.split('\n').filter(line => line.startsWith('data: ')).map(line => line.slice(6)).join('\n');
      if (data) yield JSON.parse(data);
    }
  }
}

async function answer(question, box, signal) {
  const text = element('div', { className: 'text' }), note = element('p', { className: 'note', textContent: 'Looking in the book…' });
  const sources = new Map();
  let said = '';
  box.append(text, note);
  const response = await fetch('chat', {
    method: 'POST', signal, headers: { 'Content-Type': 'application/json', 'X-Anonymous-Session-ID': session },
    body: JSON.stringify({ question, history: history.slice(-6) }),
  });
  if (!response.ok) throw new Error((await response.json()).detail);
  for await (const event of events(response)) {
    if (event.type === 'sources') for (const source of event.sources) sources.set(source.n, source);
    if (event.type === 'chunk') { said += event.content; note.textContent = ''; render(text, said, sources); }
    if (event.type === 'error') note.textContent = event.message;
    if (event.type === 'done') {
      for (const source of event.sources) sources.set(source.n, { ...sources.get(source.n), ...source });
      render(text, said, sources);
      listSources(box, event.sources);
      suggest(box, event.suggestions);
      if (event.finish_reason !== 'error') history.push({ role: 'user', content: question }, { role: 'assistant', content: said });
    }
  }
  spoken.textContent = said;
}

async function ask(question) {
  running?.abort();
  const control = running = new AbortController(), box = element('article', { ariaBusy: 'true' });
  talk.append(element('article', { className: 'asked', textContent: question }), box);
  send.textContent = 'Stop';
  box.scrollIntoView({ block: 'end' });
  try {
    await answer(question, box, control.signal);
  } catch (error) {
    const stopped = error.name === 'AbortError';
    box.querySelector('.note').textContent = stopped ? 'Stopped.' : error.message || 'The connection broke. Please ask again.';
  } finally {
    box.ariaBusy = 'false';
    if (running === control) { running = null; send.textContent = 'Ask'; field.focus(); }
  }
}

form.addEventListener('submit', event => {
  event.preventDefault();
  if (running) return running.abort();
  const question = field.value.trim();
  if (question) { field.value = ''; ask(question); }
});
field.addEventListener('keydown', event => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
});

async function watch() {  // until the book can be asked
  const health = await fetch('health').then(response => response.json()).catch(() => null);
  if (health?.build) {
    state.textContent = `${health.documents_count} pages. ${health.chat_model === 'extractive' ? 'Answers are quotations from the book' : 'Answers come from the book'}, with links to where it says so.`;
  } else {
    state.textContent = 'The book is being read…';
    setTimeout(watch, 2000);
  }
}
watch();
