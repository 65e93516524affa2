'use strict';

function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function resolve(schema, all, depth = 0) {  // an example-like outline of a schema, references followed
  if (!schema || depth > 6) return '…';
  if (schema.$ref) return resolve(all[schema.$ref.split('/').pop()], all, depth + 1);
  const either = schema.anyOf || schema.oneOf;
  if (either) return resolve(either.find(option => option.type !== 'null') || {}, all, depth + 1);
  if (schema.type === 'array') return [resolve(schema.items || {}, all, depth + 1)];
  if (schema.properties) return Object.fromEntries(Object.entries(schema.properties).map(([name, part]) => [name, resolve(part, all, depth + 1)]));
  return schema.enum ? schema.enum.join(' | ') : 'default' in schema ? schema.default : schema.type || 'any';
}

function outline(title, schema, all) {
  return schema ? [element('h4', { textContent: title }), element('pre', { textContent: JSON.stringify(resolve(schema, all), null, 2) })] : [];
}

function describe(path, method, operation, all) {
  const parameters = operation.parameters.map(one => `${one.name} (${one.in})`).join(', ');
  const body = operation.requestBody?.content['application/json']?.schema;
  const answers = Object.entries(operation.responses).flatMap(([status, one]) =>
    outline(`Answer ${status}`, one.content?.['application/json']?.schema, all));
  return element('details', {},
    element('summary', {}, element('b', { textContent: method.toUpperCase() }), element('code', { textContent: path }), ` ${operation.summary || ''}`),
    element('p', { textContent: operation.description || '' }),
    ...(parameters ? [element('p', { textContent: `Parameters: ${parameters}` })] : []),
    ...outline('Body', body, all), ...answers);
}

fetch('openapi.json').then(response => response.json()).then(api => {
  const all = api.components.schemas;
  document.getElementById('operations').append(...Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => describe(path, method, operation, all))));
});
