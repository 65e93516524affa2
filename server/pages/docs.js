'use strict';
// The API's page: a form per operation of openapi.json, and what the server answers to it.
const key = document.getElementById('key');
const { events, markdown } = lectern;
let fields = 0;

function element(name, values, ...children) {
  const made = Object.assign(document.createElement(name), values);
  made.append(...children);
  return made;
}

function resolve(schema, all) {  // what a schema says, references followed and `or null` taken off
  if (!schema) return {};
  if (schema.$ref) return resolve(all[schema.$ref.split('/').pop()], all);
  const either = schema.anyOf ?? schema.oneOf;
  return either ? { ...resolve(either.find(option => option.type !== 'null'), all), ...schema } : schema;
}

function outline(schema, all, depth = 0) {  // an example-like outline of a schema
  const found = resolve(schema, all);
  if (depth > 6) return '…';
  if (found.type === 'array') return [outline(found.items, all, depth + 1)];
  if (found.properties) return Object.fromEntries(Object.entries(found.properties).map(([name, part]) => [name, outline(part, all, depth + 1)]));
  return found.enum ? found.enum.join(' | ') : found.type ?? 'any';
}

function control(schema) {  // what a value is typed into
  if (schema.type === 'boolean') return element('input', { type: 'checkbox', checked: schema.default === true });
  if (schema.type === 'integer') return element('input', { type: 'number', min: schema.minimum ?? '', max: schema.maximum ?? '', placeholder: schema.default ?? '' });
  const text = schema.type === 'string' ? '' : 'JSON';
  return element('textarea', { rows: 1, placeholder: text, ...(schema.maxLength ? { maxLength: schema.maxLength } : {}) });
}

function read(input, schema) {  // the value typed in; undefined: none
  if (schema.type === 'boolean') return input.checked === (schema.default === true) ? undefined : input.checked;
  if (!input.value.trim()) return undefined;
  if (schema.type === 'integer') return Number(input.value);
  return schema.type === 'string' ? input.value : JSON.parse(input.value);
}

function field(name, place, description, isRequired, schema, all) {
  const found = resolve(schema, all), input = control(found), id = `field-${++fields}`;
  Object.assign(input, { id, name, required: isRequired && found.type !== 'boolean' });
  const note = element('small', { id: `${id}-note` }, ...(markdown(description ?? found.description ?? '')[0]?.childNodes ?? []));
  input.setAttribute('aria-describedby', note.id);
  const label = element('label', { htmlFor: id, textContent: isRequired ? `${name} (needed)` : name });
  const box = found.type === 'boolean' ? element('div', { className: 'field check' }, input, label, note) : element('div', { className: 'field' }, label, input, note);
  return { name, place, box, read: () => read(input, found) };
}

function fieldsOf(operation, all) {
  const parameters = operation.parameters.map(one => field(one.name, one.in, one.description, one.required || one.name === 'q', one.schema, all));
  const body = resolve(operation.requestBody?.content['application/json']?.schema, all);
  const parts = Object.entries(body.properties ?? {}).map(([name, schema]) => field(name, 'body', schema.description, body.required?.includes(name), schema, all));
  return [...parameters, ...parts];
}

function requestOf(path, method, inputs) {
  const values = place => inputs.filter(one => one.place === place).map(one => [one.name, one.read()]).filter(([, value]) => value !== undefined);
  const address = values('path').reduce((made, [name, value]) => made.replace(`{${name}}`, encodeURIComponent(value)), path).slice(1);
  const query = new URLSearchParams(values('query')).toString(), body = inputs.some(one => one.place === 'body');
  const headers = { ...(body ? { 'Content-Type': 'application/json' } : {}), ...(key.value ? { 'X-API-Key': key.value } : {}) };
  return [query ? `${address}?${query}` : address, { method: method.toUpperCase(), headers, body: body ? JSON.stringify(Object.fromEntries(values('body'))) : undefined }];
}

async function show(response, state, result) {
  const kind = response.headers.get('Content-Type') ?? '';
  state.textContent = `${response.status} ${kind}`;
  const raw = element('pre', { tabIndex: 0, ariaLabel: 'Answer' });
  if (!kind.startsWith('text/event-stream')) {
    const text = await response.text();
    raw.textContent = kind.includes('json') ? JSON.stringify(JSON.parse(text), null, 2) : text;
    return result.replaceChildren(raw);
  }
  const text = element('div', { className: 'text' });
  let said = '';
  result.replaceChildren(text, raw);
  for await (const { data } of events(response)) {
    const event = JSON.parse(data);
    raw.append(`${data}\n`);
    if (event.type === 'chunk') text.replaceChildren(...markdown(said += event.content));
  }
}

function form(path, method, operation, all) {
  const inputs = fieldsOf(operation, all), send = element('button', { textContent: 'Send' });
  const state = element('p', { className: 'note', role: 'status' }), result = element('div', { className: 'result' });
  const made = element('form', { ariaLabel: `${method.toUpperCase()} ${path}` }, ...inputs.map(one => one.box), send);
  made.addEventListener('submit', async event => {
    event.preventDefault();
    send.disabled = true;
    state.className = 'note';
    result.replaceChildren();
    try {
      await show(await fetch(...requestOf(path, method, inputs)), state, result);
    } catch (error) {
      state.className = 'note failed';
      state.textContent = error instanceof SyntaxError ? `This is no JSON: ${error.message}` : `No answer: ${error.message}`;
    } finally {
      send.disabled = false;
    }
  });
  return [made, state, result];
}

function describe(path, method, operation, all) {
  const answers = Object.entries(operation.responses).flatMap(([status, one]) => Object.entries(one.content ?? {}).map(([kind, { schema }]) =>
    element('details', {}, element('summary', { textContent: `Answer ${status}, ${kind}` }), ...(schema.type === 'string'
      ? markdown(schema.description ?? '') : [element('pre', { tabIndex: 0, textContent: JSON.stringify(outline(schema, all), null, 2) })]))));
  return element('details', { className: 'operation' },
    element('summary', {}, element('b', { textContent: method.toUpperCase() }), element('code', { textContent: path }), ' ', ...(markdown(operation.summary ?? '')[0]?.childNodes ?? [])),
    element('div', { className: 'text' }, ...markdown(operation.description ?? '')),
    ...(operation.security ? [element('p', { className: 'note', textContent: 'Needs a key.' })] : []),
    ...form(path, method, operation, all), ...answers);
}

fetch('openapi.json').then(response => response.json()).then(api => {
  const all = api.components.schemas, groups = new Map();
  for (const [path, methods] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(methods)) {
      const name = operation.tags?.[0] ?? 'other';
      groups.set(name, [...(groups.get(name) ?? []), describe(path, method, operation, all)]);
    }
  for (const [name, described] of groups)
    document.getElementById('operations').append(element('h2', { textContent: name }), ...described);
});
